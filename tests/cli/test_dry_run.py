"""A dry run says what would be done, refuses what would be refused, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kit import Ran, Repo, snapshot


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.make(tmp_path / "repo", "../remote")
    made.write({"data/a": b"a", "data/b": b"b", "model": b"m"})
    made.weft("add", "data", "model")
    made.commit("data")
    made.git("tag", "v1")
    made.write({"data/a": b"second", "data/c": b"c"})
    made.weft("add", "data")
    made.commit("second")
    made.weft("push", "--all")
    return made


def unchanged(repo: Repo, work: Callable[[], Ran]) -> str:
    """What ``work`` printed, after a look at everything that it must not touch."""

    def state() -> object:
        packs = sorted(str(path) for path in (repo.root / ".git/weft/store/packs").rglob("*"))
        tree = {path: kept for path, kept in snapshot(repo.root).items() if not path.startswith(".git/")}
        return tree, repo.git("status", "--porcelain").out, packs

    before = state()
    ran = work()
    assert state() == before
    return ran.out


def test_add(repo: Repo) -> None:
    repo.write({"data/a": b"third", "new/x": b"xx", "new/y": b"y"})
    told = unchanged(repo, lambda: repo.weft("add", "-n", "data", "new"))
    assert told.splitlines() == ["would add  new  (2 files, 3 B)", "M data/a"]
    assert "would add" in unchanged(repo, lambda: repo.weft("add", "-q", "-n", "new"))
    assert unchanged(repo, lambda: repo.weft("add", "-n", "data/a")) == "M data/a\n"
    assert "E_NO_PATH" in repo.weft("add", "-n", "nosuch", code=3).err
    repo.git("add", "-f", "new/x")
    assert "E_TRACKED_BY_GIT" in repo.weft("add", "-n", "new", code=3).err
    assert not (repo.root / "new.weft").exists()


def test_checkout(repo: Repo) -> None:
    (repo.root / "data" / "b").unlink()
    assert unchanged(repo, lambda: repo.weft("checkout", "-n", "data")).startswith("would write 1 file (1 B)")
    told = unchanged(repo, lambda: repo.weft("checkout", "--dry-run", "v1", "data"))
    assert told.startswith("would write 2 files (2 B), would remove 1 file")
    repo.write({"data/a": b"precious"})
    assert "E_UNSAVED" in repo.weft("checkout", "-n", "v1", code=3).err
    assert "would write" in unchanged(repo, lambda: repo.weft("checkout", "-n", "-f", "v1"))


def test_rm_and_mv(repo: Repo) -> None:
    assert (
        unchanged(repo, lambda: repo.weft("rm", "-n", "data", "model")) == "would remove  data\nwould remove  model\n"
    )
    assert unchanged(repo, lambda: repo.weft("rm", "-n", "data/a")) == "would remove  data/a\n"
    assert "E_NO_PATH" in repo.weft("rm", "-n", "data/nosuch", code=3).err
    assert unchanged(repo, lambda: repo.weft("mv", "-n", "data", "moved")) == "would move  data -> moved\n"
    assert unchanged(repo, lambda: repo.weft("mv", "-n", "data/a", "data/z")) == "would move  data/a -> data/z\n"
    assert "E_NO_PATH" in repo.weft("mv", "-n", "data/nosuch", "data/z", code=3).err
    assert "E_UNSAVED" in repo.weft("mv", "-n", "data", "model", code=3).err
    repo.write({"data/a": b"precious"})
    assert "E_UNSAVED" in repo.weft("rm", "-n", "data/a", code=3).err
    assert "E_UNSAVED" in repo.weft("rm", "-n", "data", code=3).err


def test_fetch_and_pull(repo: Repo, tmp_path: Path) -> None:
    repo.git("clone", "-q", str(repo.root), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    told = unchanged(clone, lambda: clone.weft("fetch", "-n"))
    assert told == "would fetch 2 paths from origin: at most 9 B\n"
    told = unchanged(clone, lambda: clone.weft("pull", "-n", "model"))
    assert told.splitlines() == ["would fetch 1 path from origin: at most 1 B", "would write 1 file (1 B)"]
    clone.weft("fetch", "model")
    assert "would write 1 file (1 B)" in unchanged(clone, lambda: clone.weft("pull", "-n"))
    clone.weft("pull")
    assert unchanged(clone, lambda: clone.weft("pull", "-n")).endswith("4 files unchanged\n")
    assert unchanged(clone, lambda: clone.weft("fetch", "-n")) == "2 paths already in the local store\n"


def test_pull_brings_revisions_too(repo: Repo, tmp_path: Path) -> None:
    repo.git("clone", "-q", str(repo.root), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    clone.weft("pull", "--rev", "v1")
    (tmp_path / "remote").rename(tmp_path / "away")
    assert clone.weft("cat", "v1:data/a").out == "a"
    assert clone.weft("cat", "data/a").out == "second"
    assert (clone.root / "data" / "a").read_text() == "second"
