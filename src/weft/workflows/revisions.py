"""The names of revisions, for those who complete them."""

from __future__ import annotations

from weft.gitio import trees
from weft.gitio.repo import discover


def revision_names(start: str) -> list[str]:
    """``HEAD``, branches and tags of the repository that ``start`` lies in. Raises ``NotARepository``, ``GitFailed``."""
    return ["HEAD", *trees.ref_names(discover(start))]
