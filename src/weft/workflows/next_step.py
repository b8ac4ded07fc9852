"""What comes next in the middle of a merge: which conflict to settle, or how Git goes on."""

from __future__ import annotations

from collections.abc import Collection

from weft.errors import quoted
from weft.gitio.halfway import Halfway
from weft.model.lineage import merged_by_weft
from weft.model.pointer import SUFFIX


def next_step(unmerged: Collection[str], now: Halfway | None) -> str:
    """The next command where the files ``unmerged`` are in conflict, or none is. ``now``: what Git is halfway through."""
    for name in sorted(unmerged):
        if merged_by_weft(name):
            return f"weft resolve --ours {quoted(name.removesuffix(SUFFIX))}, or --theirs, or --base"
    if unmerged:
        first = min(unmerged)
        return f"edit {first}, then git add {quoted(first)}"
    return now.go_on if now else "git commit"
