"""A root: the record on a remote that a pointer's data is complete there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from weft.model.oid import Oid


@dataclass(frozen=True, slots=True)
class Root:
    """What a pointer stands for, and the index segments that covered it when the root was written (hints, no more)."""

    type: Literal["file", "dir"]
    oid: Oid
    layout: Oid | None
    size: int
    files: int
    segments: tuple[Oid, ...] = ()
