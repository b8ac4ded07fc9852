"""What was read of a tracked path: 32 bytes a file, for there may be millions."""

from __future__ import annotations

from weft.model.oid import Oid
from weft.objects.ingest import Ingested
from weft.workspace.scan import TreeScan
from weft.workspace.statcache import NO_OID
from weft.workspace.stats import WIDTH, pack_stat, split_fixed

Key = tuple[str, int]
"""A file to read: its directory relative to the tracked path, and its position in that directory's scan."""


class DirReads:
    """One directory: an oid for each entry of its scan, zero bytes for those that were not read, and the packed stats.

    The stats are the scan's own bytes unless a file was found to be otherwise when it was read.
    """

    __slots__ = ("_oids", "_stats")

    def __init__(self, stats: bytes) -> None:
        self._oids = bytearray(len(stats) // WIDTH * len(NO_OID))
        self._stats: bytes | bytearray = stats

    @property
    def stats(self) -> bytes:
        """The packed status of each entry, of those that were read as of then."""
        return bytes(self._stats)

    def oids(self) -> list[Oid | None]:
        """The oid of each entry that was read."""
        return [Oid(oid) if oid != NO_OID else None for oid in split_fixed(bytes(self._oids), len(NO_OID))]

    def put(self, at: int, oid: Oid, packed: bytes) -> None:
        """Note what was read of the entry at position ``at``."""
        self._oids[at * 32 : at * 32 + 32] = oid
        start = at * WIDTH
        if self._stats[start : start + WIDTH] != packed:
            if isinstance(self._stats, bytes):
                self._stats = bytearray(self._stats)
            self._stats[start : start + WIDTH] = packed


class Reads:
    """The files of a scan that were read for a snapshot; ``files`` and ``size`` (bytes) count them."""

    def __init__(self, scan: TreeScan) -> None:
        self._scan = scan
        self._dirs: dict[str, DirReads] = {}
        self.files = 0
        self.size = 0

    def take(self, found: Ingested) -> None:
        """Note a file that was read; its key is a ``Key``."""
        key: Key = found.key  # type: ignore[assignment] # an object to those who read, a Key to those who asked
        directory, at = key
        reads = self._dirs.get(directory)
        if reads is None:
            reads = self._dirs[directory] = DirReads(self._scan.dirs[directory].stats)
        reads.put(at, found.oid, pack_stat(found.stat))
        self.files += 1
        self.size += found.size

    def give(self, directory: str) -> DirReads | None:
        """What was read of one directory, None when nothing was; it is forgotten here."""
        return self._dirs.pop(directory, None)
