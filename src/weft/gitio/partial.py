"""Partial clones: which blobs are here, told without making Git fetch those that are not."""

from __future__ import annotations

import os
from collections.abc import Iterable

from weft.gitio.repo import GitRepo


def is_partial(repo: GitRepo) -> bool:
    """True for a clone that was made with a filter: a pack of it has a ``.promisor`` file. No process."""
    try:
        names = os.listdir(os.path.join(repo.common_dir, "objects", "pack"))
    except FileNotFoundError:
        return False
    return any(name.endswith(".promisor") for name in names)


def here(repo: GitRepo) -> frozenset[str] | None:
    """The ids of all blobs that are here, by one process; None for a whole clone, which has them all.

    Asked for one that is not here, Git fetches it by a connection of its own, or ends where it cannot. Raises ``GitFailed``.
    """
    if not is_partial(repo):
        return None
    form = "--batch-check=%(objecttype) %(objectname)"
    with repo.stream("cat-file", "--batch-all-objects", "--unordered", form) as output:
        return frozenset(row[5:].strip().decode("ascii") for row in output if row.startswith(b"blob "))


def missing(blobs: Iterable[str], known: frozenset[str] | None) -> set[str]:
    """Those of ``blobs`` that are not here, ``known`` being what ``here`` told."""
    return set() if known is None else set(blobs) - known
