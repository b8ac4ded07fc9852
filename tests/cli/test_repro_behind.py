"""``weft repro`` after a ``git pull`` that brought new pointers, whose data and listings are not here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit import Repo

NEW = b"1000\n2\n3\n4\n"


@pytest.fixture
def box(tmp_path: Path) -> Repo:
    """A clone with old data, and pointers of new data that nobody fetched."""
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    repo.write({f"d/{at}": b"%d\n" % at for at in (1, 2, 3)})
    repo.weft("add", "d")
    repo.weft("run", "-n", "sum", "-d", "d", "-o", "out.txt", "--", "cat d/* > out.txt")
    repo.commit("one")
    repo.weft("push")
    clone = repo.clone(tmp_path / "box")
    clone.weft("pull")
    repo.write({"d/1": b"1000\n", "d/4": b"4\n"})
    repo.weft("add", "d")
    repo.commit("two")
    repo.weft("push")
    clone.git("pull", "-q")
    return clone


def test_pull_brings_inputs_that_are_merely_behind(box: Repo) -> None:
    assert "1 of 1 stage stale" in box.weft("repro", "-n").err
    ran = box.weft("repro", code=3)
    assert "hint: weft pull d, or run this again with --pull" in ran.err
    box.weft("repro", "--pull")
    assert (box.root / "out.txt").read_bytes() == NEW


@pytest.mark.parametrize(
    ("commands", "out"),
    [(["add d/2", "repro --pull"], NEW.replace(b"2", b"mine")), (["pull --force d", "repro"], NEW)],
    ids=["keep", "undo"],
)
def test_hints_for_an_edit_beside_a_new_pointer_work_as_they_stand(box: Repo, commands: list[str], out: bytes) -> None:
    box.write({"d/2": b"mine\n"})
    ran = box.weft("repro", code=3)
    assert "(d/2) [E_STALE]\nhint: weft add d/2, or weft pull --force d to undo that" in ran.err
    assert "hint: weft add d/2, or weft checkout --force" in box.weft("repro", "--pull", code=3).err
    assert (box.root / "d/2").read_bytes() == b"mine\n"
    for command in commands:
        box.weft(*command.split())
    assert (box.root / "out.txt").read_bytes() == out


def test_a_listing_that_was_lost_is_fetched_before_an_input_is_judged(box: Repo) -> None:
    box.weft("pull")
    shutil.rmtree(box.root / ".git/weft/store")
    (box.root / ".git/weft/catalog.sqlite").unlink()
    box.write({"d/3": b"mine\n"})
    assert "hint: weft add d, or weft pull --force d to undo that" in box.weft("repro", code=3).err
    assert "(d/3) [E_STALE]\nhint: weft add d, or weft pull --force d" in box.weft("repro", "--pull", code=3).err
    box.weft("pull", "--force", "d")
    box.weft("repro")
    assert (box.root / "out.txt").read_bytes() == NEW


def test_an_add_that_is_refused_leaves_an_edit_unsaved(box: Repo) -> None:
    box.write({"d/2": b"mine\n"})
    assert "E_STALE" in box.weft("add", "d", code=3).err
    assert "E_UNSAVED" in box.weft("pull", code=3).err
    assert (box.root / "d/2").read_bytes() == b"mine\n"


def test_an_add_of_a_part_does_not_make_what_is_behind_an_edit(box: Repo) -> None:
    box.weft("fetch")
    box.write({"d/2": b"mine\n"})
    box.weft("add", "d/2")
    assert "< d/1  (to check out)" in box.weft("status").out
    assert "E_STALE" in box.weft("add", "d", code=3).err
    box.weft("checkout")
    assert (box.root / "d/1").read_bytes() == b"1000\n"
    assert (box.root / "d/2").read_bytes() == b"mine\n"


def test_a_file_that_changed_here_and_in_its_pointer(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"f": b"one"})
    repo.weft("add", "f")
    repo.commit("one")
    repo.write({"f": b"two"})
    repo.weft("add", "f")
    repo.commit("two")
    repo.git("checkout", "-q", "HEAD~")
    repo.write({"f": b"mine"})
    assert "hint: weft add --force f, or weft checkout --force" in repo.weft("checkout", code=3).err
    repo.weft("add", "--force", "f")
    assert "all as recorded" in repo.weft("status").out
