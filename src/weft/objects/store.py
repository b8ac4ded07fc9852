"""The local store: packs under one directory, and the catalog that knows what is in them.

Layout of the directory (``docs/spec/format.md``, Local state): ``packs/<2>/<id>.pack``, ``tmp``, ``quarantine``.
What lies at a final name hashes to that name: bytes from outside come in through ``adopt_pack`` only after a check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from weft.model.entry import PackInfo
from weft.model.oid import Kind, Oid
from weft.model.remote import DEFAULT_CHUNKER, ChunkerParams
from weft.objects.catalog import LOCAL, Catalog
from weft.objects.layouts import LayoutView
from weft.objects.store_write import ObjectWriter
from weft.util.progress import Progress, SilentProgress


def open_store(
    root: str, catalog_path: str, chunker: ChunkerParams = DEFAULT_CHUNKER, progress: Progress | None = None
) -> LocalStore:
    """Open or create the store at ``root`` with its catalog, which is rebuilt from the packs when it is gone or damaged."""
    raise NotImplementedError


class LocalStore:
    """Objects on this machine. Safe from any thread; a context manager that closes its catalog and pack files."""

    def __init__(
        self,
        root: str,
        catalog: Catalog,
        chunker: ChunkerParams = DEFAULT_CHUNKER,
        progress: Progress | None = None,
    ) -> None:
        self.root = root
        self.catalog = catalog
        self.chunker = chunker
        self.progress = progress or SilentProgress()

    def close(self) -> None:
        """Close the catalog and all open packs."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def has(self, oid: Oid) -> bool:
        """True when a frame of ``oid`` is in a local pack. An object of several chunks has no frame of its own."""
        return not self.missing((oid,))

    def missing(self, oids: Iterable[Oid]) -> set[Oid]:
        """Those of ``oids`` without a frame in a local pack."""
        return self.catalog.missing(oids, LOCAL)

    def read_frame(self, oid: Oid, kind: Kind | None = None) -> bytes:
        """The bytes of one frame, checked. Other copies are tried when one is damaged.

        Raises ``ObjectMissing``, ``HashMismatch`` (the path of the damaged pack is named), ``ObjectType`` (another kind).
        """
        raise NotImplementedError

    def read_many(self, oids: Iterable[Oid], kind: Kind | None = None) -> Iterator[tuple[Oid, bytes]]:
        """The bytes of many frames, each oid once, in the order in which they lie in the packs; memory is bounded.

        Raises the errors of ``read_frame``; ``ObjectMissing`` before anything is yielded.
        """
        raise NotImplementedError

    def read_object(self, oid: Oid, kind: Kind, layout: LayoutView | None = None) -> bytes:
        """A whole object in memory, in one frame or in several chunks; the hash of the latter is checked as a whole."""
        raise NotImplementedError

    def iter_content(self, oid: Oid, size: int, layout: LayoutView | None = None) -> Iterator[bytes]:
        """The bytes of a file, piece by piece.

        The hash and the ``size`` of the whole are checked at the end: a caller publishes nothing before the iterator
        is used up. Raises ``HashMismatch``, ``SizeMismatch``, ``ObjectMissing``.
        """
        raise NotImplementedError

    def read_range(self, oid: Oid, start: int, length: int, layout: LayoutView | None = None) -> bytes:
        """``length`` bytes of a file from ``start`` (fewer at its end); only the chunks concerned are read."""
        raise NotImplementedError

    def pack_path(self, name: Oid) -> str:
        """Where the local pack called ``name`` is or would be."""
        raise NotImplementedError

    def temp_path(self) -> str:
        """A new name in ``tmp``; it tells the process that made it, so that leftovers are found and removed later."""
        raise NotImplementedError

    def adopt_pack(self, temp: str, pack: PackInfo, segment: Oid | None = None) -> None:
        """Move the file ``temp`` (on the same file system, bytes already verified by the caller) to its name, durably,
        and record it in the catalog."""
        raise NotImplementedError

    def quarantine(self, name: Oid, why: str) -> str:
        """Move a damaged pack to ``quarantine`` and forget it; a warning tells ``why``. Returns the new path."""
        raise NotImplementedError

    def writer(self) -> ObjectWriter:
        """A writer of new objects; nothing is visible before its ``finish``."""
        raise NotImplementedError

    def rebuild_catalog(self) -> None:
        """Empty the catalog and fill it from the packs on disk."""
        raise NotImplementedError
