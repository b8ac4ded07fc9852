"""Packs of the local store that are gone: verify finds them, and add and repair have the bytes from the workspace."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kit import Repo, pseudo_random


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    repo.write({"d/a": pseudo_random(50_000, 1), "d/in/b": pseudo_random(300_000, 2), "f": b"f\n"})
    repo.weft("add", "d", "f")
    repo.commit("data")
    time.sleep(2.1)  # older files are known by their status
    repo.weft("status")
    return repo


def _lose(repo: Repo) -> None:
    for pack in (repo.root / ".git/weft/store/packs").glob("*/*.pack"):
        pack.unlink()


def test_verify_finds_packs_that_are_gone_and_repairs_from_the_workspace(repo: Repo) -> None:
    _lose(repo)
    assert "no damage found" not in repo.weft("verify", code=4).out
    assert "repaired" in repo.weft("verify", "--repair").out  # though the catalog has forgotten the packs by now
    _lose(repo)
    assert "all is whole now" in repo.weft("verify", "--repair").out
    repo.weft("verify", "--full")
    repo.weft("push")


def test_add_stores_again_what_was_lost(repo: Repo) -> None:
    _lose(repo)
    assert repo.weft("add", "f").out.startswith("unchanged  f")
    assert repo.weft("add", "d").out.startswith("unchanged  d")
    repo.weft("push")
    repo.weft("verify", "--full")


def test_the_hint_of_a_push_stores_a_part_that_was_lost(repo: Repo) -> None:
    repo.write({"d/c": pseudo_random(70_000, 3)})
    before = set((repo.root / ".git/weft/store/packs").glob("*/*.pack"))
    repo.weft("add", "d")
    repo.commit("more")
    for pack in before:
        pack.unlink()
    assert "weft add --force" in repo.weft("push", code=4).err
    repo.weft("add", "--force", "d", "f")
    repo.weft("push")
