"""``weft get --force`` loses nothing: what stands at its destination goes into the store around it, or is moved aside."""

from __future__ import annotations

import re
from pathlib import Path

from kit import Repo, snapshot


def source(root: Path) -> Repo:
    repo = Repo.make(root)
    repo.write({"data/a.txt": b"right\n", "data/b.txt": b"same\n"})
    repo.weft("add", "data")
    repo.commit("one")
    return repo


def test_inside_a_project_the_store_keeps_what_is_replaced(tmp_path: Path) -> None:
    repo = source(tmp_path / "repo")
    other = Repo.make(tmp_path / "other")
    other.write({"got/a.txt": b"precious\n", "got/b.txt": b"same\n", "got/extra.txt": b"more\n"})
    refused = other.weft("get", str(repo.root), "data", "-o", "got", code=3)
    assert "E_UNSAVED" in refused.err
    done = other.weft("get", str(repo.root), "data", "-o", "got", "--force")
    extra = {"extra.txt": ("file", b"more\n", False)}  # in nobody's way
    assert snapshot(other.root / "got") == snapshot(repo.root / "data") | extra
    oids = dict(re.findall(r"saved (\S+); to have it back: weft cat (\S+) > FILE", done.err))
    assert other.weft("cat", oids["got/a.txt"]).out == "precious\n"
    assert set(oids) == {"got/a.txt"}  # the other file had the right bytes
    one = other.weft("get", str(repo.root), "data/a.txt", "-o", "got/b.txt", "--force")
    assert "saved b.txt" in one.err


def test_the_repository_around_the_user_keeps_its_own_settings(tmp_path: Path) -> None:
    """Of another one they count with --trust alone."""
    repo = Repo.make(tmp_path / "repo")
    repo.weft("config", "set", "--private", "store.dir", "../store")
    repo.write({"data/a.txt": b"right\n"})
    repo.weft("add", "data")
    repo.commit("one")
    repo.weft("get", ".", "data", "-o", "copy")
    assert snapshot(repo.root / "copy") == snapshot(repo.root / "data")
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    Repo(tmp_path / "tree", repo.env).weft("get", str(repo.root), "data", "-o", "copy")
    assert not any(path.is_file() for path in (repo.root / ".git/weft/store/packs").rglob("*"))
    other = Repo(tmp_path, repo.env)
    assert "weft get --trust" in other.weft("get", str(repo.root), "data", "-o", "copy", code=3).err
    other.weft("get", "--trust", str(repo.root), "data", "-o", "copy")
    assert snapshot(tmp_path / "copy") == snapshot(repo.root / "data")


def test_a_bare_repository_by_a_relative_path(tmp_path: Path) -> None:
    repo = source(tmp_path / "repo")
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    repo.git("init", "-q", "--bare", str(tmp_path / "empty.git"))
    other = Repo(tmp_path, repo.env)
    # Found and understood: without a remote the data itself is nowhere.
    assert "E_NO_REMOTE" in other.weft("get", "bare.git", "data", "-o", "got", code=3).err
    assert "is no weft project" in other.weft("get", "./empty.git", "data", "-o", "got", code=6).err


def test_elsewhere_it_is_moved_aside(tmp_path: Path) -> None:
    repo = source(tmp_path / "repo")
    place = tmp_path / "got"
    place.mkdir()
    (place / "a.txt").write_bytes(b"precious\n")
    for number in (1, 2):
        told = repo.weft("get", ".", "data", "-o", str(place), "--force", "--json").json["data"]
        assert told["aside"] == f"{place}.saved-{number}"
        assert snapshot(place) == snapshot(repo.root / "data")
    assert snapshot(tmp_path / "got.saved-1") == {"a.txt": ("file", b"precious\n", False)}
    repo.weft("get", ".", "data/a.txt", "-o", str(tmp_path / "new.txt"), "--force")
    assert not (tmp_path / "new.txt.saved-1").exists()


def test_a_file_goes_into_a_folder_that_is_there(tmp_path: Path) -> None:
    repo = source(tmp_path / "repo")
    other = Repo(tmp_path, repo.env)
    other.write({"there/x": b"mine"})
    for force in ((), ("--force",)):
        other.weft("get", str(repo.root), "data/a.txt", "-o", "there", *force)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["repo", "there"]
    assert (tmp_path / "there/a.txt").read_bytes() == b"right\n"
    assert (
        "weft get -o there/, to put it inside" in other.weft("get", str(repo.root), "data", "-o", "there", code=3).err
    )
    other.weft("get", str(repo.root), "data", "-o", "there/")
    assert snapshot(tmp_path / "there/data") == snapshot(repo.root / "data")
    assert (tmp_path / "there/x").read_bytes() == b"mine"
