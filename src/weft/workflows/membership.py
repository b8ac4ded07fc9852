"""Whether a repository, or a commit, is of a project of weft's at all: hooks may be shared with others that are not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from weft.gitio.repo import GitRepo, discover
from weft.model.paths import CONFIG_PATH


def is_project(start: str) -> bool:
    """True when the work tree of ``start``, its index or its last commit has a configuration of weft's: a commit that
    takes it away is one of the project. Raises ``NotARepository``."""
    git = discover(start).judged()
    return os.path.lexists(os.path.join(git.root, CONFIG_PATH)) or bool(_with_config(git, ("", "HEAD")))


def of_project(git: GitRepo, commits: Mapping[str, Sequence[str]]) -> set[str]:
    """Those of ``commits`` (full ids, each with its parents) that hold a configuration of weft's, or take it away; by one
    process."""
    having = _with_config(git, {one for commit, parents in commits.items() for one in (commit, *parents)})
    return {commit for commit, parents in commits.items() if not having.isdisjoint((commit, *parents))}


def _with_config(git: GitRepo, commits: Iterable[str]) -> set[str]:
    """Those of ``commits`` (empty: the index) that hold a configuration."""
    wanted = list(commits)
    if not wanted:
        return set()
    request = "".join(f"{commit}:{CONFIG_PATH}\n" for commit in wanted).encode("ascii")
    rows = git.git("cat-file", "--batch-check=%(objecttype)", stdin=request).split(b"\n")
    return {commit for commit, row in zip(wanted, rows, strict=False) if row == b"blob"}
