"""Commits and pushes of a clone that has only a part of the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooks_kit import Hooked
from kit import pseudo_random

PARTS = {f"data/train/{name}/{at}": pseudo_random(1_500_000, at) for name in "ab" for at in range(3)}


@pytest.fixture
def partial(repo: Hooked, second: Hooked) -> Hooked:
    """A clone with ``data/test`` alone, of a project whose ``data/train`` was pushed."""
    repo.write({**PARTS, "data/test/1": b"1\n", "data/test/2": b"2\n"})
    repo.weft("add", "data")
    repo.git("commit", "-q", "-a", "-m", "data")
    repo.git("push", "-q", "origin", "main")
    second.git("pull", "-q")
    second.weft("remote", "trust", "origin")
    second.weft("pull", "data/test")
    assert not (second.root / "data/train").exists()
    return second


def add(repo: Hooked) -> None:
    repo.write({"data/test/new": b"new\n", "data/test/large": pseudo_random(2_000_000, 77)})
    repo.weft("add", "data/test/new", "data/test/large")


def change(repo: Hooked) -> None:
    repo.write({"data/test/1": b"changed\n"})
    repo.weft("add", "data/test/1")


def delete(repo: Hooked) -> None:
    (repo.root / "data/test/1").unlink()
    repo.weft("add", "data/test/1")


def move(repo: Hooked) -> None:
    repo.weft("mv", "data", "moved")


def test_what_is_not_here_and_not_new_stops_no_commit(partial: Hooked, repo: Hooked) -> None:
    for how in (add, change, delete, move):
        how(partial)
        partial.git("commit", "-q", "-a", "-m", how.__name__)
    assert "not proved" not in partial.git("push", "-q", "origin", "main").err
    assert partial.there("main") == partial.head
    repo.git("pull", "-q", "origin", "main")
    repo.weft("pull")
    found = {path.name: path.read_bytes() for path in (repo.root / "moved/test").iterdir()}
    assert found == {"new": b"new\n", "2": b"2\n", "large": pseudo_random(2_000_000, 77)}
    for name, data in PARTS.items():
        assert (repo.root / "moved" / name.removeprefix("data/")).read_bytes() == data


def test_what_the_commit_brings_must_be_here(partial: Hooked, tmp_path: Path) -> None:
    """The pointer is made in one clone and carried to another, which never had the new bytes."""
    add(partial)
    pointer = (partial.root / "data.weft").read_bytes()
    partial.git("clone", "-q", str(partial.hub), str(tmp_path / "third"))
    third = Hooked(tmp_path / "third")
    third.weft("install")
    third.weft("pull", "data/test")
    (third.root / "data.weft").write_bytes(pointer)
    ran = third.git("commit", "-q", "-a", "-m", "carried", code=1)
    assert "WEFT025" in ran.err
    third.git("commit", "-q", "-a", "-m", "carried", "--no-verify")
    assert third.git("push", "origin", "main", code=1).err
    assert "neither here nor on" in third.weft("push", code=4).err


def test_after_a_pull_the_parts_that_are_here_are_named(partial: Hooked, repo: Hooked) -> None:
    partial.weft("pull", "data/train/a/0")
    repo.write({"data/test/1": b"newer\n", "data/train/b/1": b"newer\n"})
    repo.weft("add", "data")
    repo.git("commit", "-q", "-a", "-m", "newer")
    repo.git("push", "-q", "origin", "main")
    said = partial.git("pull", "-q").err
    assert (
        "weft: not in the local store: data; next: weft pull data/test data/train/a/0, or weft pull for all data"
        in said
    )
    partial.weft("pull", "data/test", "data/train/a/0")
    assert (partial.root / "data/test/1").read_bytes() == b"newer\n"
    assert [path.name for path in (partial.root / "data/train").rglob("*")] == ["a", "0"]
