"""What Git shows of pointers once weft's driver is installed: in real clones, with and without their data."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kit import Repo, environment, snapshot
from weft.cli import hook, registry
from weft.cli.hooks import textconv as driver
from weft.model.oid import Oid
from weft.workflows import textconv

CODE = "import json, sys; from weft.cli import hook; code = hook.main(sys.argv[1:]); print(json.dumps(sorted(sys.modules)))"
HEAVY = (
    "click",
    "rich",
    "fsspec",
    "s3fs",
    "gcsfs",
    "asyncio",
    "concurrent",
    "ssl",
    "http",
    "email",
    "yaml",
    "tempfile",
)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    made.weft("install")
    made.write(
        {"data/a.txt": b"one\n", "data/deep/b.txt": b"two\n", "data/deep/c.txt": b"three\n", "clf.pkl": b"1" * 2048}
    )
    made.weft("add", "data", "clf.pkl")
    made.commit("first")
    made.write({"data/deep/b.txt": b"other\n", "data/new.txt": b"new\n", "clf.pkl": b"2" * 4096})
    (made.root / "data/a.txt").unlink()
    made.weft("add", "data", "clf.pkl")
    return made


def changed(text: str) -> list[str]:
    """The lines of a diff that came or went, without the names of files."""
    return [row for row in text.splitlines() if row[:1] in "+-" and row[:3] not in ("+++", "---")]


def listed(text: str) -> list[str]:
    return [row for row in changed(text) if row[1:3] == "  "]


def short(line: str) -> str:
    return Oid.of(line.encode() + b"\n").hex()[:12]


def test_a_diff_shows_the_files_that_changed(repo: Repo) -> None:
    assert listed(repo.git("diff", "--cached").out) == [
        f"-  a.txt  4 B  {short('one')}",
        f"-  deep/b.txt  4 B  {short('two')}",
        f"+  deep/b.txt  6 B  {short('other')}",
        f"+  new.txt  4 B  {short('new')}",
    ]
    one = changed(repo.git("diff", "--cached", "--", "clf.pkl.weft").out)
    assert "-size: 2048 bytes (2.0 KiB)" in one
    assert f"+oid: {Oid.of(b'2' * 4096)}" in one


def test_history_shows_what_each_commit_did(repo: Repo) -> None:
    repo.commit("second")
    for shown in (repo.git("log", "-p", "-1").out, repo.git("show").out):
        assert f"+  deep/b.txt  6 B  {short('other')}" in listed(shown)
    assert len(listed(repo.git("log", "-p", "--", "data.weft").out)) == 4 + 3
    assert repo.git("log", "-p").out == repo.git("log", "-p").out


def test_a_clone_without_data_shows_the_summary_and_is_left_as_it_is(repo: Repo, tmp_path: Path) -> None:
    repo.commit("second")
    clone = repo.clone(tmp_path / "clone")
    clone.weft("install")
    before = snapshot(clone.root / ".git")
    text = clone.git("log", "-p", "--", "data.weft").out
    assert listed(text) == []
    assert "-size: 14 bytes (14 B)" in changed(text)
    assert " content: not in the local store (weft fetch brings it)" in text.splitlines()
    assert snapshot(clone.root / ".git").keys() == before.keys()


def test_a_shallow_clone(repo: Repo, tmp_path: Path) -> None:
    repo.commit("second")
    repo.weft("push")
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.root}", str(tmp_path / "shallow"))
    clone = Repo(tmp_path / "shallow")
    clone.weft("install")
    clone.weft("fetch")
    # Git has one commit here, so all is new in it.
    assert len(listed(clone.git("log", "-p", "--", "data.weft").out)) == 3


def test_below_and_in_a_linked_work_tree(repo: Repo, tmp_path: Path) -> None:
    repo.commit("second")
    wanted = listed(repo.git("show").out)
    assert wanted
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked")
    assert listed(linked.git("show").out) == wanted
    assert listed(repo.git("-C", "data", "show").out) == wanted


def test_the_driver_is_the_module_that_is_registered() -> None:
    assert registry.hook_handler(hook.HANDLERS["textconv-pointer"]) is driver


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\x00 no text",
        b"<<<<<<< ours\nweft: 1\n=======\nweft: 2\n>>>>>>> theirs\n",
        b"weft: 1\ntype: file\npath: other\noid: blake3:" + b"0" * 64 + b"\nsize: 1\n",
    ],
)
def test_what_is_no_pointer_is_shown_as_it_is(repo: Repo, data: bytes) -> None:
    repo.write({"data.weft": data})
    argv = [sys.executable, "-P", "-m", "weft.cli.hook", "textconv-pointer", "data.weft"]
    done = subprocess.run(argv, cwd=repo.root, env=environment(), capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, data, b"")


def test_a_conflict_is_shown_by_git(repo: Repo) -> None:
    repo.write({"data.weft": b"<<<<<<< ours\nweft: 1\n=======\nweft: 2\n>>>>>>> theirs\n"})
    assert "+<<<<<<< ours" in changed(repo.git("diff").out)


def test_what_the_user_wrote_is_shown_harmlessly(repo: Repo) -> None:
    text = (repo.root / "clf.pkl.weft").read_text() + 'meta:\n  note: "\\e[31m red"\n  deep:\n    er: 3\n'
    repo.write({"clf.pkl.weft": text.encode()})
    rows = changed(repo.git("diff", "--", "clf.pkl.weft").out)
    assert rows == ["+meta.note: \\x1b[31m red", "+meta.deep.er: 3"]


def test_a_large_directory_is_listed_in_part(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textconv, "LISTED", 4)
    repo.write({f"big/{d}/{n}": f"{d}{n}".encode() for d in "abc" for n in range(3)})
    repo.write({f"flat/{n}": b"x" for n in range(7)})
    repo.weft("add", "big", "flat")
    big = textconv.shown(str(repo.root), str(repo.root / "big.weft"))
    assert big.listing is not None
    # Closed directories: a change in any of them changes a line.
    assert [(path, entry.files) for path, entry in big.listing] == [("a", 3), ("b", 3), ("c", 3)]
    flat = textconv.shown(str(repo.root), str(repo.root / "flat.weft"))
    assert flat.listing is not None
    assert [path for path, _ in flat.listing] == ["0", "1", "2", "3"]
    assert flat.more == 3


def test_a_damaged_store_leaves_the_summary(repo: Repo) -> None:
    (repo.root / ".git/weft/catalog.sqlite").unlink()
    (repo.root / ".git/weft/catalog.sqlite").write_bytes(b"no database")
    for pack in (repo.root / ".git/weft/store/packs").rglob("*.pack"):
        pack.unlink()
    text = repo.git("diff", "--cached", "--", "data.weft").out
    assert " files: 3" in text.splitlines()
    assert listed(text) == []


@pytest.mark.parametrize(
    ("name", "more"), [("clf.pkl.weft", ("sqlite3", "zstandard", "subprocess")), ("data.weft", ())]
)
def test_little_is_loaded(repo: Repo, name: str, more: tuple[str, ...]) -> None:
    argv = [sys.executable, "-I", "-c", CODE, "textconv-pointer", name]
    plain = {key: value for key, value in environment().items() if not key.startswith("COV")}
    done = subprocess.run(argv, cwd=repo.root, env=plain, capture_output=True, check=True)
    modules = set(json.loads(done.stdout.splitlines()[-1]))
    assert not modules & {*HEAVY, *more}
