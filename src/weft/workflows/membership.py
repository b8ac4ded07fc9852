"""Whether a repository, or a commit, is of a project of weft's at all: hooks may be shared with others that are not."""

from __future__ import annotations

import os
from collections.abc import Iterable

from weft.gitio.repo import GitRepo, discover
from weft.model.config import CONFIG_PATH


def is_project(start: str) -> bool:
    """True when the work tree of ``start``, or its index, has a configuration of weft's. Raises ``NotARepository``."""
    git = discover(start).judged()
    staged = ("cat-file", "-e", f":{CONFIG_PATH}")
    return os.path.lexists(os.path.join(git.root, CONFIG_PATH)) or git.run(*staged).returncode == 0


def of_project(git: GitRepo, commits: Iterable[str]) -> set[str]:
    """Those of ``commits`` (full ids) that hold a configuration of weft's, by one process."""
    wanted = list(commits)
    if not wanted:
        return set()
    request = "".join(f"{commit}:{CONFIG_PATH}\n" for commit in wanted).encode("ascii")
    rows = git.git("cat-file", "--batch-check=%(objecttype)", stdin=request).split(b"\n")
    return {commit for commit, row in zip(wanted, rows, strict=False) if row == b"blob"}
