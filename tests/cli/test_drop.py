"""``weft drop``: what goes, what stops it, and what the workspace is afterwards."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from kit import Repo, pseudo_random
from supervised import SUPPORTED, Call, Fault, supervise

BIG = pseudo_random(300_000, 1)
DATA = {"data/a": b"a" * 5000, "data/big": BIG, "data/sub/c": pseudo_random(3000, 2), "data/sub/d": b"d"}


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A repository whose data is pushed."""
    made = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    made.write(DATA)
    made.weft("add", "data")
    made.commit("data")
    made.weft("push")
    return made


def packs(repo: Repo) -> int:
    return len(list((repo.root / ".git/weft/store/packs").rglob("*.pack")))


def files(repo: Repo) -> dict[str, bytes]:
    return {
        str(path.relative_to(repo.root)): path.read_bytes() for path in repo.root.glob("data/**/*") if path.is_file()
    }


def test_data_that_is_pushed_goes_and_comes_back(repo: Repo) -> None:
    ran = repo.weft("drop", "data")
    assert ran.out == "dropped  data  (4 files, 300.8 KiB; on origin)\n"
    assert "next: weft pull data, when" in ran.err
    assert not (repo.root / "data").exists()
    assert repo.weft("status", "-q").out == "- data  (not here)\n"
    assert repo.git("status", "--short").out == ""
    assert "nothing to drop" in repo.weft("drop", "data").err
    repo.weft("checkout", "data")
    assert files(repo) == DATA
    repo.weft("drop", "data")
    repo.weft("pull", "data")
    assert files(repo) == DATA
    assert repo.weft("status", "--exit-code", "-q").out == ""


def test_a_part_goes_and_the_rest_stays_as_it_is(repo: Repo) -> None:
    repo.weft("drop", "data/sub", "data/big", "data/sub/c")
    assert files(repo) == {"data/a": DATA["data/a"]}
    assert repo.weft("status", "-q").out == "~ data  (3 files not here)\n"
    repo.weft("pull", "data/sub")
    repo.weft("drop", "data/sub/c")
    assert sorted(files(repo)) == ["data/a", "data/sub/d"]
    assert repo.weft("status", "-q").out == "~ data  (2 files not here)\n"
    (repo.root / "data/sub/d").unlink()
    assert repo.weft("status", "-q").out == "D data/sub/d\n~ data  (2 files not here)\n"


def test_add_keeps_what_was_dropped(repo: Repo) -> None:
    repo.weft("drop", "data/sub")
    repo.write({"data/new": b"new"})
    repo.weft("add", "data")
    listed = repo.weft("ls", "-R", "data").out
    assert all(name in listed for name in ("data/sub/c", "data/sub/d", "data/new"))
    repo.commit("more")
    repo.weft("push")
    repo.weft("drop", "data")
    repo.write({"data/last": b"last"})
    repo.weft("add", "data")
    assert len(repo.weft("ls", "-R", "data", "--json").json["data"]["entries"]) == 7
    repo.weft("pull")
    assert files(repo) == {**DATA, "data/new": b"new", "data/last": b"last"}


def test_a_file_is_tracked_alone(repo: Repo) -> None:
    repo.write({"model.bin": BIG[:200_000]})
    repo.weft("add", "model.bin")
    repo.weft("push")
    repo.weft("drop", "model.bin")
    assert not (repo.root / "model.bin").exists()
    assert "- model.bin  (not here)" in repo.weft("status").out
    repo.weft("checkout", "model.bin")
    assert (repo.root / "model.bin").read_bytes() == BIG[:200_000]


def test_what_is_on_no_remote_stays(repo: Repo, tmp_path: Path) -> None:
    repo.write({"other/x": b"x" * 100})
    repo.weft("add", "other")
    ran = repo.weft("drop", "data", "other", code=4)
    assert "no remote is proved to hold all of other" in ran.err
    assert "hint: weft push other" in ran.err
    assert files(repo) == DATA
    repo.weft("push")
    pack = max((tmp_path / "remote/packs").rglob("*.pack"), key=os.path.getsize)
    pack.rename(tmp_path / "away")
    assert "E_NOT_ON_REMOTE" in repo.weft("drop", "data", code=4).err
    assert files(repo) == DATA
    (tmp_path / "away").rename(pack)
    root = next((tmp_path / "remote/roots").rglob("*.*" if "layout" in (repo.root / "data.weft").read_text() else "*"))
    shutil.rmtree(root if root.is_dir() else root.parent)
    assert "E_NOT_ON_REMOTE" in repo.weft("drop", "data", code=4).err
    assert files(repo) == DATA


def test_a_repository_without_a_remote_is_told_how_to_get_one(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/a": b"a"})
    repo.weft("add", "data")
    ran = repo.weft("drop", "data", code=None)
    assert "E_NO_REMOTE" in ran.err
    assert "hint: weft remote add" in ran.err


@pytest.mark.parametrize("change", ["edit", "new", "delete", "mode"])
def test_what_differs_from_the_pointer_stops_it(repo: Repo, change: str) -> None:
    path = repo.root / "data/sub/d"
    if change == "edit":
        path.write_bytes(b"D")
    elif change == "new":
        (repo.root / "data/sub/new").write_bytes(b"never added")
    elif change == "delete":
        path.unlink()
    else:
        path.chmod(0o755)
    before = files(repo)
    for words in (["data"], ["--store", "data"], ["data/sub"]):
        assert "E_UNSAVED" in repo.weft("drop", *words, code=3).err
    assert files(repo) == before
    repo.weft("drop", "data/big")  # what changed is elsewhere
    assert "data/big" not in files(repo)


def test_files_that_are_ignored_stay(repo: Repo) -> None:
    repo.write({".weftignore": b"*.log\n", "data/sub/run.log": b"mine"})
    repo.weft("drop", "data")
    assert files(repo) == {"data/sub/run.log": b"mine"}
    assert repo.weft("status", "-q").out == "- data  (not here)\n"


def test_what_was_deleted_by_hand_counts_as_not_here_when_it_is_dropped(repo: Repo) -> None:
    shutil.rmtree(repo.root / "data/sub")
    assert repo.weft("status").out.count("D data/sub/") == 2
    assert "no file of it is in the workspace" in repo.weft("drop", "data/sub").out
    assert repo.weft("status", "-q").out == "~ data  (2 files not here)\n"


def test_data_of_an_older_pointer_is_checked_out_first(repo: Repo) -> None:
    repo.write({"data/a": b"second"})
    repo.weft("add", "data")
    repo.commit("second")
    repo.weft("push")
    repo.git("checkout", "-q", "HEAD~1")
    ran = repo.weft("drop", "data", code=3)
    assert "hint: weft checkout" in ran.err
    repo.weft("checkout")
    repo.weft("drop", "data")


def test_hints_name_the_paths_and_the_remote_that_are_meant(repo: Repo, tmp_path: Path) -> None:
    repo.weft("remote", "add", "backup", str(tmp_path / "backup"))
    at = ("--remote", "backup")
    repo.write({"other/x": b"x", "my file": b"y"})
    repo.weft("add", "other", "my file")
    repo.commit("other")
    assert "hint: weft push --remote backup 'my file'\n" in repo.weft("drop", *at, "my file", code=4).err + "\n"
    repo.weft("push", *at, "other", "my file")
    assert "next: weft pull --remote backup 'my file'" in repo.weft("drop", "my file").err
    repo.write({"other/x": b"edited", "other/new": b"n"})
    ran = repo.weft("drop", "--store", *at, "other", code=3)
    assert "hint: weft add other/new other/x and weft push --remote backup to keep it" in ran.err
    assert "or weft checkout --force --delete other/new other/x to undo" in ran.err
    repo.weft("checkout", "--force", "--delete", "other/new", "other/x")
    repo.weft("drop", *at, "other")
    repo.weft("pull", *at, "other")
    (repo.root / "other/x").write_bytes(b"second")
    repo.weft("add", "other")
    repo.commit("second")
    repo.git("checkout", "-q", "HEAD~1")
    ran = repo.weft("drop", "--store", *at, "other", code=3)
    assert "hint: weft checkout other, to bring" in ran.err
    assert "then weft drop --store --remote backup other" in ran.err


def test_dry_run_and_json(repo: Repo) -> None:
    ran = repo.weft("drop", "-n", "--store", "-q", "data")
    assert "would drop  data  (4 files" in ran.out
    assert "of the local store" in ran.out
    found = repo.weft("drop", "--dry-run", "--json", "data").json
    assert found["schema"] == "weft/drop/1"
    assert found["data"]["paths"] == [
        {"path": "data", "files": 4, "size": sum(map(len, DATA.values())), "linked": 0, "remote": "origin"}
    ]
    assert files(repo) == DATA


def test_the_local_store_keeps_what_other_data_needs(repo: Repo) -> None:
    repo.write({"copy/big": BIG, "copy/more": pseudo_random(100_000, 5)})
    repo.weft("add", "copy")
    repo.commit("copy")
    repo.weft("push")
    before = packs(repo)
    ran = repo.weft("drop", "--store", "data")
    assert packs(repo) == before
    assert "stay in the local store: other data is in them too" in ran.err
    assert not (repo.root / "data").exists()
    ran = repo.weft("drop", "--store", "data", "copy")
    assert packs(repo) < before
    assert repo.weft("ls", "data").out.count("\n") == 3  # the listing is here
    assert "not here" in repo.weft("status").out
    repo.weft("pull")
    assert files(repo) == DATA
    assert repo.weft("verify", "--full").out.endswith("no damage found\n")


def shows(repo: Repo, path: str, data: bytes) -> None:
    """The local store alone has the bytes of ``path``."""
    file = repo.root / path
    file.unlink()
    repo.weft("checkout", "--force", path)
    assert file.read_bytes() == data


@pytest.mark.parametrize("size", [5_000, 9_000_000])
@pytest.mark.parametrize(("gone", "left"), [("one.bin", "two.bin"), ("d/a", "d/b"), ("d/sub", "d/a"), ("e", "f")])
def test_what_another_path_shows_too_stays_in_the_local_store(repo: Repo, size: int, gone: str, left: str) -> None:
    data = pseudo_random(size, 7)
    repo.write({f"{top}/{part}": data for top in (gone, left) for part in ("a", "b", "sub/c")} if gone == "e" else {})
    top = gone.partition("/")[0]
    repo.write({"d/a": data, "d/b": data, "d/sub/c": data} if top == "d" else {})
    repo.write({gone: data, left: data} if top == "one.bin" else {})
    for path in dict.fromkeys((top, left.partition("/")[0])):
        repo.weft("add", path)
    repo.commit("twice")
    repo.weft("push")
    before = packs(repo)
    ran = repo.weft("drop", "--store", gone)
    assert not (repo.root / gone).exists()
    assert "stay in the local store: other data is in them too" in ran.err
    assert packs(repo) == before
    shows(repo, f"{left}/a" if gone == "e" else left, data)
    repo.weft("drop", "--store", top, left.partition("/")[0])
    assert packs(repo) < before


def test_a_pointer_that_is_in_no_commit_keeps_its_data_in_the_local_store(repo: Repo) -> None:
    repo.write({".gitignore": b"hidden*\n", "new.bin": BIG[:9000], "hidden.bin": BIG[:8000], "data/a": b"edited"})
    repo.weft("add", "data")
    repo.weft("add", "new.bin")
    repo.weft("add", "hidden.bin", code=None)
    repo.weft("push")
    before = packs(repo)
    for path in ("new.bin", "hidden.bin", "data/a"):
        for words in ((), ("-n",)):
            ran = repo.weft("drop", "--store", *words, path, code=3)
            assert "is in no commit" in ran.err
            assert f"hint: git add {path.partition('/')[0]}.weft, then git commit" in ran.err
    assert packs(repo) == before
    repo.weft("drop", "new.bin")  # the local store has it still
    repo.commit("new")
    repo.weft("drop", "--store", "new.bin")
    assert packs(repo) < before


def test_what_another_work_tree_shows_stays_in_the_local_store(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "tree"))
    tree = Repo(tmp_path / "tree")
    tree.weft("checkout")
    before = packs(repo)
    for part in ("data/big", "data"):
        repo.weft("drop", "--store", part)
        assert packs(repo) == before
    shows(tree, "data/big", BIG)


def test_a_shared_store_is_left_alone(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.weft("config", "set", "--private", "store.dir", str(tmp_path / "store"))
    repo.write(DATA)
    repo.weft("add", "data")
    repo.weft("push")
    assert "may be shared" in repo.weft("drop", "--store", "data", code=None).err
    assert files(repo) == DATA
    repo.weft("drop", "data")
    repo.weft("checkout", "data")
    assert files(repo) == DATA


@pytest.mark.parametrize("kind", ["hard", "symlink"])
def test_links_go_and_the_whole_files_stay_unless_asked(repo: Repo, kind: str) -> None:
    repo.weft("config", "set", "--private", "checkout.link", kind)
    repo.weft("config", "set", "--private", "checkout.link_from", "1000")
    repo.weft("checkout", "--link", kind)
    copies = repo.root / ".git/weft/store/files"
    if not copies.exists():
        repo.write({"data/huge": pseudo_random(2_000_000, 9)})
        repo.weft("add", "data")
        repo.commit("more")
        repo.weft("push")
        repo.weft("checkout", "--link", kind)
    count = len([path for path in copies.rglob("*") if path.is_file()])
    assert count
    found = repo.weft("drop", "-n", "--json", "data").json["data"]
    assert 0 < found["paths"][0]["linked"] <= found["paths"][0]["size"]
    assert found["freed"] == found["paths"][0]["size"] - found["paths"][0]["linked"]
    assert "weft drop --store frees them" in repo.weft("drop", "data").err
    assert len([path for path in copies.rglob("*") if path.is_file()]) == count
    repo.weft("checkout", "data")
    repo.weft("drop", "--store", "data")
    assert not [path for path in copies.rglob("*") if path.is_file()]


def test_the_hooks_do_not_bring_back_what_was_dropped(repo: Repo) -> None:
    repo.weft("install")
    repo.git("checkout", "-q", "-b", "side")
    repo.write({"data/a": b"second"})
    repo.weft("add", "data")
    repo.commit("second")
    repo.weft("push")
    repo.weft("drop", "data")
    repo.git("checkout", "-q", "main")
    assert not (repo.root / "data").exists()
    # Nothing of an older version is here that adding could bring back.
    repo.write({"data/new": b"new"})
    repo.weft("add", "data")
    assert len(repo.weft("ls", "-R", "data", "--json").json["data"]["entries"]) == 6


@pytest.mark.skipif(not SUPPORTED, reason="the numbers of the system calls are those of Linux on x86_64")
def test_a_drop_that_is_killed_halfway_leaves_nothing_that_counts_as_deleted(repo: Repo) -> None:
    removed: list[int] = []

    def judge(call: Call) -> Fault | None:
        if call.name == "unlinkat":
            removed.append(call.number)
        return Fault.KILL if len(removed) == 3 else None

    supervise(repo.root, "drop", "data", judge=judge)
    left = files(repo)
    assert 0 < len(left) < len(DATA)
    pointer = (repo.root / "data.weft").read_bytes()
    # Neither adding nor looking may take for deleted what was dropped.
    repo.weft("add", "data")
    assert (repo.root / "data.weft").read_bytes() == pointer
    assert repo.weft("status", "-q").out == f"~ data  ({len(DATA) - len(left)} files not here)\n".replace(
        "1 files", "1 file"
    )
    repo.weft("drop", "data")
    assert not (repo.root / "data").exists()
