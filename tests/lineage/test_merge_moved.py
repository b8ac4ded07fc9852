"""Merges by the real Git where one branch moved a tracked path, and another changed the data in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import Repo

NEW = {"images/1": b"one\n", "images/2": b"edited\n", "images/3": b"three\n", "g.txt": b"edited\n"}


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """``moved`` has ``d`` as ``images`` and ``f.txt`` as ``g.txt``; ``main`` has changed both; it stands on main."""
    made = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    made.weft("install")
    made.write({"d/1": b"one\n", "d/2": b"two\n", "d/3": b"three\n", "f.txt": b"file\n"})
    made.weft("add", "d", "f.txt")
    made.commit("data")
    made.git("switch", "-q", "-c", "moved")
    made.weft("mv", "d", "images")
    made.weft("mv", "f.txt", "g.txt")
    made.commit("moved")
    made.git("switch", "-q", "main")
    made.write({"d/2": b"edited\n", "f.txt": b"edited\n"})
    made.weft("add", "d", "f.txt")
    made.commit("edited")
    return made


def data(repo: Repo) -> dict[str, bytes]:
    """All that is in the work tree but pointers and what begins with a dot."""
    files = [path for path in repo.root.rglob("*") if path.is_file() and path.suffix != ".weft"]
    names = {str(path.relative_to(repo.root)): path for path in files}
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith(".")}


def assert_clean(repo: Repo) -> None:
    assert repo.git("status", "--porcelain").out == "", "what was ignored as data is ignored at its new place alone"
    assert repo.weft("status", "--exit-code").code == 0
    repo.weft("validate", "--rev", "HEAD")


@pytest.mark.parametrize(("on", "command"), [
    ("main", ("merge", "--no-edit", "moved")), ("moved", ("merge", "--no-edit", "main")),
    ("main", ("rebase", "moved")), ("moved", ("rebase", "main")),
])  # fmt: skip
def test_the_changed_data_is_at_its_new_place(repo: Repo, on: str, command: tuple[str, ...]):
    repo.git("switch", "-q", on)
    repo.git(*command)
    assert data(repo) == NEW
    assert "path: images\n" in (repo.root / "images.weft").read_text()
    assert "path: g.txt\n" in (repo.root / "g.txt.weft").read_text()
    assert set((repo.root / ".gitignore").read_text().split()) == {"/images", "/g.txt"}
    assert_clean(repo)


def test_a_cherry_pick_merges_it_too(repo: Repo):
    repo.git("cherry-pick", "moved")
    repo.weft("checkout")
    assert data(repo) == NEW
    assert_clean(repo)


def test_unsaved_data_stays_at_the_old_place(repo: Repo):
    repo.write({"d/3": b"not added\n"})
    repo.git("merge", "--no-edit", "moved")
    assert data(repo)["d/3"] == b"not added\n"
    assert data(repo)["images/2"] == b"edited\n"


@pytest.mark.parametrize(("side", "two"), [("--ours", b"edited\n"), ("--theirs", b"on moved\n"), ("--base", b"two\n")])
def test_a_conflict_is_named_and_settled_at_the_new_place(repo: Repo, side: str, two: bytes):
    repo.git("switch", "-q", "moved")
    repo.write({"images/1": b"one on moved\n", "images/2": b"on moved\n"})
    repo.weft("add", "images")
    repo.commit("edited on moved")
    repo.git("switch", "-q", "main")
    met = repo.git("merge", "-X", "find-renames=20%", "moved", code=1)
    assert "weft: images.weft: both sides changed 1 file" in met.out + met.err
    assert "images/2: changed on both sides" in repo.weft("resolve", "images", code=1).out
    repo.weft("resolve", side, "images/2")
    repo.weft("checkout")
    repo.commit("settled")
    assert data(repo) == NEW | {"images/1": b"one on moved\n", "images/2": two}
    assert_clean(repo)


@pytest.mark.parametrize(("on", "other", "edited"), [("main", "moved", "--ours"), ("moved", "main", "--theirs")])
@pytest.mark.parametrize("keep", [True, False])
def test_a_move_that_git_does_not_see_is_settled_by_side(repo: Repo, on: str, other: str, edited: str, keep: bool):
    repo.git("switch", "-q", on)
    repo.git("merge", "-X", "find-renames=100%", other, code=1)
    side = edited if keep else {"--ours": "--theirs", "--theirs": "--ours"}[edited]
    repo.weft("resolve", side, "d", "f.txt")
    repo.weft("checkout")
    repo.commit("settled")
    old = {"d/1": b"one\n", "d/2": b"edited\n", "d/3": b"three\n", "f.txt": b"edited\n"}
    assert data(repo) == NEW | {"images/2": b"two\n", "g.txt": b"file\n"} | (old if keep else {})
    assert_clean(repo)


def test_of_two_new_places_one_is_kept(repo: Repo):
    repo.weft("mv", "d", "pics")
    repo.commit("moved elsewhere")
    repo.git("merge", "-X", "find-renames=20%", "moved", code=1)
    repo.weft("resolve", "--ours", "d", "pics", "images")
    repo.weft("checkout")
    repo.commit("settled")
    assert {name for name in data(repo) if "/" in name} == {"pics/1", "pics/2", "pics/3"}
    assert data(repo)["pics/2"] == b"edited\n"
    repo.weft("validate", "--rev", "HEAD")
