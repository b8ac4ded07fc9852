"""A lock of a path: that somebody works on what cannot be merged."""

from __future__ import annotations

from typing import NamedTuple


class PathLock(NamedTuple):
    """Who (``owner``, "Name <email>") locked ``path`` when (``time``, UTC) and why; ``branch`` is where they were.

    ``token`` is random: it tells two locks of one person in one second apart.
    """

    path: str
    owner: str
    time: str
    reason: str = ""
    branch: str = ""
    token: str = ""

    def covers(self, path: str) -> bool:
        """True when ``path`` is locked by this: it is the locked path or lies below it."""
        return path == self.path or path.startswith(self.path + "/")

    def overlaps(self, path: str) -> bool:
        """True when a lock of ``path`` and this one cannot be of two people."""
        return self.covers(path) or self.path.startswith(path + "/")

    def is_of(self, owner: str) -> bool:
        """True when ``owner`` has the same email address: a name is written in many ways, and clones are many."""
        return email_of(owner) != "" and email_of(owner) == email_of(self.owner)


def email_of(owner: str) -> str:
    """The address in "Name <email>", in lower case; empty where there is none."""
    return owner.rpartition("<")[2].removesuffix(">").strip().lower() if owner.endswith(">") else ""
