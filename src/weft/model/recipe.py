"""A recipe: the chunk list of an object that spans several chunks."""

from __future__ import annotations

from dataclasses import dataclass

from weft.model.oid import Oid


@dataclass(frozen=True, slots=True)
class Recipe:
    """``object`` is the concatenation of ``chunks``, pairs of chunk oid and length; ``length`` is their sum in bytes."""

    object: Oid
    length: int
    chunks: tuple[tuple[Oid, int], ...]
