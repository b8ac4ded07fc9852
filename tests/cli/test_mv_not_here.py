"""`weft mv` beside tracked paths with equal data that are not here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit import Repo, pseudo_random
from supervised import SUPPORTED, Call, Fault, supervise

DATA = pseudo_random(3000, 4)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    made.write({"a.bin": DATA, "b.bin": DATA})
    made.weft("add", "a.bin", "b.bin")
    made.commit("twice")
    made.weft("push")
    return made


def pointers(repo: Repo) -> list[str]:
    return sorted(path.name for path in repo.root.glob("?*.weft"))


@pytest.mark.parametrize("words", [("a.bin", "b.bin"), ("b.bin", "a.bin")])
@pytest.mark.parametrize("when", ["dropped", "never here", "uncommitted"])
def test_two_paths_of_equal_data_stay_two(repo: Repo, tmp_path: Path, words: tuple[str, str], when: str) -> None:
    if when == "never here":
        repo = repo.clone(tmp_path / "clone")
        repo.weft("pull", "b.bin")
    else:
        if when == "uncommitted":
            repo.git("update-ref", "-d", "HEAD")
        repo.weft("drop", "a.bin")
    refused = repo.weft("mv", *words, code=3).err
    assert f"{words[1]} is there already" in refused or f"{words[1]}.weft is there already" in refused
    assert pointers(repo) == ["a.bin.weft", "b.bin.weft"]
    assert (repo.root / "b.bin").read_bytes() == DATA


@pytest.mark.skipif(not SUPPORTED, reason="the numbers of the system calls are those of Linux on x86_64")
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6, 8, 10])
def test_a_move_that_is_killed_is_ended_by_the_same_command(repo: Repo, at: int) -> None:
    seen: list[int] = []

    def judge(call: Call) -> Fault | None:
        if call.name.startswith(("rename", "unlink")):
            seen.append(call.number)
        return Fault.KILL if len(seen) == at else None

    supervise(repo.root, "mv", "b.bin", "c.bin", judge=judge)
    (repo.root / ".git/index.lock").unlink(missing_ok=True)  # of a Git that was killed with it
    if "b.bin.weft" in pointers(repo):
        repo.weft("mv", "b.bin", "c.bin")
    assert pointers(repo) == ["a.bin.weft", "c.bin.weft"]
    assert (repo.root / "c.bin").read_bytes() == DATA
    assert not os.path.lexists(repo.root / "b.bin")
