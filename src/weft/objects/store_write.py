"""Writing objects into new packs of the local store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Self

from weft.model.entry import PackInfo
from weft.model.oid import Kind, Oid


class Written(NamedTuple):
    """What a writer published: packs, and how many frames and bytes (raw, stored) were new."""

    packs: tuple[PackInfo, ...]
    frames: int
    raw: int
    stored: int


class ObjectWriter:
    """Two packs in the making: one of chunks, one of manifests, recipes and layouts.

    Nothing is visible before ``finish``; ``abort`` leaves nothing. A context manager: it finishes on success, aborts on
    an error. Safe from any thread.
    """

    def add_object(self, kind: Kind, data: bytes) -> Oid:
        """Store an object of any size and return its oid; what is known already is not stored again.

        Over 1 MiB it goes into chunks and a recipe, which ``recipes`` then names.
        """
        raise NotImplementedError

    def add_chunks(self, chunks: Sequence[tuple[Oid, bytes]]) -> None:
        """Store a batch of chunks whose oids are known; one query of the catalog for each batch."""
        raise NotImplementedError

    def add_recipe(self, target: Oid, length: int, chunks: Sequence[tuple[Oid, int]]) -> Oid:
        """Store the recipe of the object ``target`` and return the recipe's oid."""
        raise NotImplementedError

    @property
    def recipes(self) -> dict[Oid, Oid]:
        """Object -> recipe, for everything of several chunks that passed through this writer (recipes themselves too)."""
        raise NotImplementedError

    def finish(self) -> Written:
        """Make the packs durable under their names, then record them in one catalog transaction."""
        raise NotImplementedError

    def abort(self) -> None:
        """Drop everything that was written."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self
