"""A project with weft's hooks in it, a bare Git repository to push to, and a directory as the remote of its data."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooks_kit import Hooked, hooked
from kit import Repo


@pytest.fixture
def bare(tmp_path: Path) -> Hooked:
    """Hooks and a Git remote, and no remote for data."""
    Repo(tmp_path).git("init", "-q", "--bare", "-b", "main", "hub.git")
    Repo.make(tmp_path / "repo")
    repo = hooked(tmp_path / "repo", tmp_path / "hub.git", tmp_path / "store")
    repo.weft("install")
    repo.git("remote", "add", "origin", str(repo.hub))
    return repo


@pytest.fixture
def repo(bare: Hooked) -> Hooked:
    bare.weft("remote", "add", "origin", str(bare.store))
    bare.commit("remote")
    bare.git("push", "-q", "origin", "main")
    return bare


@pytest.fixture
def second(repo: Hooked, tmp_path: Path) -> Hooked:
    """A clone with hooks and none of the data, whatever is pushed later."""
    repo.git("clone", "-q", str(repo.hub), str(tmp_path / "second"))
    clone = hooked(tmp_path / "second", repo.hub, repo.store)
    clone.weft("install")
    return clone
