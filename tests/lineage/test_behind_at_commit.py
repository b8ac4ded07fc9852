"""A commit in a workspace part of which is behind its pointer: a pull brought the pointer, and nobody the data."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kit import Repo, pseudo_random
from lineagekit import HOOK
from weft.workflows import validate_workspace
from weft.workflows.validate import hook_validate

COLLEAGUE = pseudo_random(3_000_000, 1)


@pytest.fixture
def box(tmp_path: Path) -> Repo:
    """A clone with data of before, and the pointer of a colleague who changed d/x/1 and d/y/1."""
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    repo.write({"d/x/1": b"1\n", "d/y/1": b"1\n", "d/y/2": b"2\n"})
    repo.weft("add", "d")
    repo.weft("run", "-n", "s", "-d", "d/x", "-o", "out.txt", "--", "cat d/x/* > out.txt")
    repo.commit("one")
    repo.weft("push")
    clone = repo.clone(tmp_path / "box")
    clone.weft("pull")
    hook = clone.root / ".git" / "hooks" / "pre-commit"
    hook.write_text(HOOK.format(python=sys.executable))
    hook.chmod(0o755)
    repo.write({"d/x/1": b"20\n", "d/y/1": COLLEAGUE})
    repo.weft("add", "d")
    repo.commit("two")
    repo.weft("push")
    clone.git("pull", "-q")
    return clone


def refused(box: Repo) -> str:
    ran = box.git("commit", "-q", "-m", "mine", code=1)
    (one,) = [one for one in hook_validate(str(box.root)).violations if one.rule == "WEFT024"]
    assert one.message in ran.out + ran.err
    return f"{one.message}; mend: {one.mend}"


def test_what_is_behind_stops_no_commit_of_a_run(box: Repo) -> None:
    box.weft("repro", "--pull")
    box.git("commit", "-q", "-m", "trained")
    assert (box.root / "d/y/1").read_bytes() == b"1\n"
    assert "< d/y/1" in box.weft("status").out
    assert box.weft("pull").code == 0
    assert (box.root / "d/y/1").read_bytes() == COLLEAGUE


def test_what_is_behind_stops_no_commit_of_another_part(box: Repo) -> None:
    box.weft("pull", "d/x")
    box.write({"d/x/new": b"label\n"})
    box.weft("add", "d/x/new")
    box.git("commit", "-q", "-m", "label")
    assert box.weft("cat", "HEAD:d/x/new").out == "label\n"
    box.weft("pull")
    assert (box.root / "d/y/1").read_bytes() == COLLEAGUE, "what the colleague did stays"


def test_files_that_came_or_went_beside_what_is_behind_are_named(box: Repo) -> None:
    box.weft("repro", "--pull")
    box.write({"d/y/3": b"new\n"})
    (box.root / "d/y/2").unlink()
    said = refused(box)
    assert "d/y/2 is deleted and 1 more file" in said
    assert "weft add d/y/2 d/y/3 to take it, weft checkout --force --delete d/y/2 d/y/3 to drop it" in said
    box.weft("add", "d/y/2", "d/y/3")
    box.git("commit", "-q", "-m", "mine")
    box.weft("pull")
    assert sorted(os.listdir(box.root / "d/y")) == ["1", "3"]
    assert (box.root / "d/y/1").read_bytes() == COLLEAGUE


def test_an_edit_where_the_new_listing_is_not_here_is_refused(box: Repo) -> None:
    box.write({"d/y/2": b"edited\n"})
    box.git("reset", "-q", "--soft", "HEAD~1")  # the colleague's pointer is what is staged
    assert "weft add d/y/2 to take it, weft pull --force d/y/2 to drop it" in refused(box)
    box.weft("pull", "--force", "d/y/2")
    assert "WEFT024" not in {one.rule for one in hook_validate(str(box.root)).violations}


@pytest.mark.parametrize("take", [True, False])
def test_an_edit_beside_what_is_behind_is_taken_or_dropped_by_name(box: Repo, take: bool) -> None:
    box.weft("repro", "--pull")
    box.write({"d/y/2": b"edited\n"})
    said = refused(box)
    assert "d/y/2 is modified, against" in said
    assert "weft add d/y/2 to take it, weft pull --force d/y/2 to drop it" in said
    box.weft(*(["add"] if take else ["pull", "--force"]), "d/y/2")
    box.git("commit", "-q", "-m", "mine")
    assert "< d/y/1" in box.weft("status").out
    assert box.weft("cat", "HEAD:d/y/2").out == ("edited\n" if take else "2\n")


@pytest.mark.parametrize(("fetched", "verb"), [(True, "checkout"), (False, "pull")])
@pytest.mark.parametrize("keep", [True, False])
def test_a_file_that_both_changed_asks_for_a_choice(box: Repo, fetched: bool, verb: str, keep: bool) -> None:
    box.weft("repro", "--pull")
    if fetched:
        box.weft("fetch")
    box.write({"d/y/1": b"mine\n"})
    choice = f"weft add --force d/y/1 keeps yours, weft {verb} --force d/y/1 takes theirs"
    assert choice in refused(box)
    status = box.weft("status")
    assert "M d/y/1" in status.out
    told = [line for line in status.err.splitlines() if line.startswith("next: weft")]
    assert told == [f"next: {choice}"]
    box.weft(*(["add"] if keep else [verb]), "--force", "d/y/1")
    box.git("commit", "-q", "-m", "mine")
    assert (box.root / "d/y/1").read_bytes() == (b"mine\n" if keep else COLLEAGUE)
    assert "all as recorded" in box.weft("status").out


def test_a_tracked_file_that_both_changed_asks_for_a_choice(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"one": b"1\n"})
    repo.weft("add", "one")
    repo.commit("one")
    repo.git("switch", "-q", "-c", "other")
    repo.write({"one": b"theirs\n"})
    repo.weft("add", "one")
    repo.commit("two")
    repo.git("switch", "-q", "main")
    repo.weft("checkout")
    repo.git("merge", "-q", "other")
    assert "< one" in repo.weft("status").out
    repo.write({"one": b"mine\n"})
    told = [line for line in repo.weft("status").err.splitlines() if line.startswith("next: weft")]
    assert told == ["next: weft add --force one keeps yours, weft checkout --force one takes theirs"]
    repo.weft("checkout", "--force", "one")
    assert (repo.root / "one").read_bytes() == b"theirs\n"


def test_sizes_tell_of_an_edit_beyond_the_budget_beside_what_is_behind(
    box: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validate_workspace, "HASH_BYTES", 0)
    box.write({"mine": b"1\n"})
    box.weft("add", "mine")
    box.git("add", "-A")
    box.weft("pull", "d/x")
    box.write({"d/x/new": b"label\n"})
    box.weft("add", "d/x/new")
    assert not [one for one in hook_validate(str(box.root)).violations if one.rule == "WEFT024"]
    box.write({"d/y/1": b"an edit of another size\n"})
    (one,) = [one for one in hook_validate(str(box.root)).violations if one.rule == "WEFT024"]
    assert "that of the version which was put here" in one.message
    assert "weft status d, then weft add each changed file by its name" in one.mend
