"""Which repositories and commits weft's hooks are about."""

from __future__ import annotations

import os

from hooks_kit import Hooked
from weft.gitio.repo import discover
from weft.workflows.membership import is_project, of_project


def test_a_project_is_known_by_its_work_tree_or_its_index(repo: Hooked) -> None:
    root = str(repo.root)
    assert is_project(root)
    os.unlink(repo.root / ".weft/config.yaml")
    assert is_project(root), "the commit will hold it"
    repo.git("rm", "-q", "--cached", ".weft/config.yaml")
    assert is_project(root), "the commit will take it away"
    repo.git("commit", "-q", "--no-verify", "-m", "away")
    assert not is_project(root)


def test_commits_of_a_project_are_told_from_others_by_one_process(repo: Hooked) -> None:
    ours = repo.head
    repo.git("switch", "-q", "--orphan", "pages")
    repo.git("commit", "-q", "--allow-empty", "-m", "pages")
    git = discover(str(repo.root))
    assert of_project(git, {repo.head: (), ours: ()}) == {ours}
    assert of_project(git, {}) == set()


def test_the_commit_that_takes_the_configuration_away_is_of_the_project(repo: Hooked) -> None:
    first = repo.head
    repo.git("rm", "-q", ".weft/config.yaml")
    repo.git("commit", "-q", "--no-verify", "-m", "away")
    away = repo.head
    repo.git("commit", "-q", "--no-verify", "--allow-empty", "-m", "no project any more")
    git = discover(str(repo.root))
    assert of_project(git, {first: (), away: (first,), repo.head: (away,)}) == {first, away}
