"""Nothing of the user's is written away, and nothing half-done is shown as done."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit import Repo, pseudo_random, snapshot
from weft.util.atomic import temp_name


def _repo(tmp_path: Path) -> Repo:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({"data/a.txt": b"one", "data/b.txt": b"bee", "single.bin": pseudo_random(5000, 1)})
    repo.weft("add", "data", "single.bin")
    repo.commit("one")
    repo.git("tag", "v1")
    repo.write({"data/a.txt": b"two", "single.bin": pseudo_random(5000, 2)})
    repo.weft("add", "data", "single.bin")
    repo.commit("two")
    return repo


def test_checkout_refuses_to_overwrite_unsaved_bytes_and_changes_nothing(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"data/a.txt": b"precious"})
    before = snapshot(repo.root / "data")
    refused = repo.weft("checkout", "v1", code=3)
    assert "E_UNSAVED" in refused.err
    assert "data/a.txt" in refused.err
    assert "hint:" in refused.err
    assert snapshot(repo.root / "data") == before
    assert (repo.root / "single.bin").read_bytes() == pseudo_random(5000, 2), (
        "the plan is checked before anything moves"
    )
    assert repo.git("status", "--porcelain").out == "", "the pointers were not touched either"


def test_force_saves_the_bytes_first_and_says_how_to_get_them_back(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"data/a.txt": b"precious"})
    forced = repo.weft("checkout", "--force", "v1", "data")
    assert (repo.root / "data/a.txt").read_bytes() == b"one"
    oid = next(word for word in forced.err.replace(",", " ").split() if word.startswith("blake3:"))
    assert repo.weft("cat", oid).out == "precious"


def test_an_untracked_file_in_the_way_is_kept(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    clone = repo.clone(tmp_path / "clone")
    repo.weft("push")
    clone.write({"data/a.txt": b"mine", "single.bin": b"mine too"})
    assert "E_UNSAVED" in clone.weft("pull", code=3).err
    assert (clone.root / "data/a.txt").read_bytes() == b"mine"
    assert (clone.root / "single.bin").read_bytes() == b"mine too"


def test_same_size_and_mtime_is_still_seen_as_modified(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    path = repo.root / "data/b.txt"
    old = time.time() - 100
    os.utime(path, (old, old))
    time.sleep(2.1)
    assert repo.weft("status", "--exit-code").code == 0
    assert repo.weft("status", "--exit-code").code == 0
    path.write_bytes(b"BEE")
    os.utime(path, (old, old))
    status = repo.weft("status", "--exit-code", "--json", code=1).json["data"]
    kinds = [(c["kind"], c["path"]) for p in status["paths"] for c in p["changes"]]
    assert kinds == [("modified", "data/b.txt")]
    assert "E_UNSAVED" in repo.weft("checkout", "v1", "--", "data/b.txt", code=3).err
    assert path.read_bytes() == b"BEE"


def test_rm_refuses_changed_data_and_leaves_what_was_never_added(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"data/b.txt": b"changed", "data/new.txt": b"never added"})
    assert "E_UNSAVED" in repo.weft("rm", "data", code=3).err
    assert (repo.root / "data/b.txt").read_bytes() == b"changed"
    assert (repo.root / "data.weft").exists()
    repo.weft("rm", "--force", "data")
    assert not (repo.root / "data.weft").exists()
    assert snapshot(repo.root / "data") == {"new.txt": ("file", b"never added", False)}


def test_a_push_without_the_bytes_fails_and_names_the_path(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    clone = repo.clone(tmp_path / "clone")
    refused = clone.weft("push", code=4)
    assert "data" in refused.err
    assert not list((tmp_path / "remote").glob("roots/*/*"))


def test_pull_of_data_never_pushed_fails_and_names_push(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    clone = repo.clone(tmp_path / "clone")
    refused = clone.weft("pull", code=4)
    assert "E_NOT_ON_REMOTE" in refused.err
    assert "weft push" in refused.err


def test_git_tracked_paths_are_refused_with_the_mending_command(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"code.py": b"print(1)"})
    repo.commit("code")
    refused = repo.weft("add", "code.py", code=3)
    assert "E_TRACKED_BY_GIT" in refused.err
    assert "git rm" in refused.err
    assert repo.git("status", "--porcelain").out == ""


def test_outside_of_a_repository(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    nowhere = Repo(tmp_path / "plain")
    assert "E_NO_REPO" in nowhere.weft("status", code=6).err
    assert "git init" in nowhere.weft("add", "x", code=6).err
    nowhere.git("init", "-q")
    assert "weft init" in nowhere.weft("status", code=6).err


def test_no_remote_names_the_command(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"f": b"x"})
    repo.weft("add", "f")
    refused = repo.weft("push", code=3)
    assert "E_NO_REMOTE" in refused.err
    assert "weft remote add" in refused.err


def test_adding_on_a_stale_workspace_never_undoes_what_was_pulled(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.weft("push", "--all")
    other = repo.clone(tmp_path / "other")
    other.weft("pull")
    other.write({"data/b.txt": b"a colleague's work"})
    other.weft("add", "data")
    other.commit("theirs")
    other.weft("push")
    repo.write({"data/mine.txt": b"mine"})
    repo.git("pull", "-q", str(other.root), "main")
    refused = repo.weft("add", "data", code=3)
    assert "E_STALE" in refused.err
    repo.weft("add", "data/mine.txt")
    repo.weft("pull")
    assert (repo.root / "data/b.txt").read_bytes() == b"a colleague's work"
    assert (repo.root / "data/mine.txt").read_bytes() == b"mine"
    assert repo.weft("status", "--exit-code").code == 0


def test_force_records_a_stale_workspace(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.git("checkout", "-q", "v1", "--", "data.weft")
    repo.write({"data/a.txt": b"three"})
    assert "E_STALE" in repo.weft("add", "data", code=3).err
    repo.weft("add", "--force", "data")
    assert repo.weft("status", "--exit-code").code == 0
    assert repo.weft("cat", "data/a.txt").out == "three"


def test_data_follows_git_to_a_commit_that_does_not_have_it(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.git("tag", "with-data")
    repo.git("rm", "-q", "data.weft", "single.bin.weft")
    repo.commit("without data")
    repo.git("checkout", "-q", "with-data")
    repo.weft("checkout")
    repo.write({"data/a.txt": b"not saved anywhere"})
    repo.git("checkout", "-q", "main")
    assert "E_UNSAVED" in repo.weft("checkout", code=3).err
    assert (repo.root / "single.bin").exists(), "one refusal stops all of it before anything moves"
    repo.write({"data/a.txt": b"two"})
    repo.weft("checkout")
    assert not (repo.root / "data").exists()
    assert not (repo.root / "single.bin").exists()
    repo.git("checkout", "-q", "with-data")
    repo.weft("checkout")
    assert (repo.root / "data/a.txt").read_bytes() == b"two"


def test_files_of_the_user_inside_tracked_data_outlive_its_removal(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"data/notes/mine.txt": b"mine"})
    repo.git("rm", "-q", "data.weft")
    repo.commit("no data")
    repo.weft("checkout")
    assert snapshot(repo.root / "data") == {"notes": ("dir",), "notes/mine.txt": ("file", b"mine", False)}


def test_what_a_killed_command_left_is_hidden_from_git_and_removed(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    done = subprocess.Popen(["true"])
    done.wait()
    left = repo.root / temp_name().replace(f"-{os.getpid()}-", f"-{done.pid}-", 1)
    left.write_bytes(b"half a pointer")
    assert repo.git("status", "--porcelain").out == ""
    repo.weft("add", "single.bin")
    assert not left.exists()


def test_a_directory_of_other_files_becomes_neither_remote_nor_store(tmp_path: Path) -> None:
    """By every way to name one: what is there stays as it is, and so does the configuration."""
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/x": b"x"})
    repo.weft("add", "data")
    repo.commit()
    home = tmp_path / "home"
    (home / "tmp").mkdir(parents=True)
    (home / "tmp/thesis.tex").write_bytes(b"mine")
    (home / "outgoing/thesis").mkdir(parents=True)
    os.utime(home / "tmp/thesis.tex", (0, 0))
    before, settings = snapshot(home), repo.weft("config", "list").out
    for words in (
        ("remote", "add", "origin", "../home"),
        ("remote", "add", "origin", "src"),
        ("remote", "add", "origin", "user@host:/data"),
        ("init", "--remote", "../home"),
        ("init", "--store", "../home"),
        ("init", "--store", "../home", "--shared"),
        ("init", "--store", "src"),
        ("config", "set", "--private", "store.dir", "../home"),
        ("config", "set", "--private", "store.dir", ".git/hooks"),
        ("config", "set", "remotes.origin.url", "src"),
        ("config", "set", "--private", "remotes.origin.url", "host:data"),
    ):
        refused = repo.weft(*words, code=3)
        assert "E_DIRECTORY" in refused.err, words
        assert repo.weft("config", "list").out == settings, words
    with (repo.root / ".weft/config.yaml").open("a") as file:
        file.write("remote: origin\nremotes:\n  origin:\n    url: ../home\n")
    assert "E_DIRECTORY" in repo.weft("push", code=3).err
    assert "E_DIRECTORY" in repo.weft("add", "data", "--to-remote", code=3).err
    assert repo.weft("remote", "check", code=None).code != 0
    with (repo.root / ".git/weft/config.yaml").open("a") as file:
        file.write("weft: 1\nstore:\n  dir: ../home\n  shared: group\n")
    assert "E_DIRECTORY" in repo.weft("status", code=3).err
    assert snapshot(home) == before
    assert not (repo.root / "src").exists()
    repo.weft("init", "--store", "../store")
    repo.weft("verify", "--repair")
    assert "all as recorded" in repo.weft("status").out


# Each thread asks for more room than the limit leaves, as where a limit on processes is reached.
_NO_THREADS = """
import resource, sys, threading
from weft.cli.main import main, prepare
prepare()
threading.stack_size(1 << 30)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (700 << 20),) * 2)
sys.exit(main(sys.argv[1:]))
"""


def test_where_no_thread_can_be_started_the_error_says_so(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write({"data/new.txt": b"new", "big.bin": pseudo_random(3_000_000, 3)})
    for words in (
        ("add", "data"),
        ("add", "big.bin"),
        ("push",),
        ("run", "-n", "t", "-o", "out", "--", "touch", "out"),
    ):
        ran = repo.run(sys.executable, "-c", _NO_THREADS, *words, code=6)
        assert "lets weft start no thread [E_ENVIRONMENT]" in ran.err, words
        assert "hint: raise the limit" in ran.err, words
        assert "Traceback" not in ran.err, words
    repo.weft("add", "data", "big.bin")
    repo.weft("push")


@pytest.mark.parametrize("how", ["gone", "cut", "empty"])
@pytest.mark.parametrize("force", [False, True], ids=["plain", "force"])
def test_bytes_whose_pack_went_away_are_the_last_copy(tmp_path: Path, how: str, force: bool) -> None:
    """What the catalog says of a pack that somebody removed or cut is no reason to replace the file."""
    repo = Repo.make(tmp_path / "repo")
    repo.write({"f": b"old\n"})
    repo.weft("add", "f")
    repo.commit("old")
    mine = pseudo_random(90_000, 7)  # one chunk
    repo.write({"f": mine})
    repo.weft("add", "f")
    repo.commit("mine")
    (pack,) = [path for path in (repo.root / ".git/weft/store/packs").rglob("*.pack") if path.stat().st_size > 50_000]
    pack.chmod(0o644)
    if how == "gone":
        pack.unlink()
    else:
        os.truncate(pack, 5000 if how == "cut" else 0)
    repo.git("checkout", "-q", "HEAD~1")
    if not force:
        assert "E_UNSAVED" in repo.weft("checkout", "f", code=3).err
        assert (repo.root / "f").read_bytes() == mine
        return
    repo.weft("checkout", "--force", "f")
    repo.git("checkout", "-q", "main")
    repo.weft("checkout", "f")
    assert (repo.root / "f").read_bytes() == mine
