"""What the catalog remembers of the index segments of a remote.

A segment that was read is recorded twice: the remote holds its packs, and (under a place of its own) this segment lists
them. The second makes it known which segments a root has to name.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from weft.errors import BadPackIndex, WeftError
from weft.formats.index_segment import Segment
from weft.model.entry import PackInfo
from weft.model.oid import Oid
from weft.objects.remote import RemoteStore


class SegmentRecords:
    """The segments of one remote that were read, and the packs that they list."""

    def __init__(self, remote: RemoteStore) -> None:
        self._remote = remote
        self._catalog = remote.catalog

    def known(self) -> set[Oid]:
        """Names of the segments that were read or are superseded by one that was."""
        return self._catalog.segments(self._remote.place)

    def packs_of(self, name: Oid) -> dict[Oid, int]:
        """Names and sizes of the packs that a segment lists; empty when it was not read or is superseded."""
        return self._catalog.packs(self._place_of(name))

    def add(self, name: Oid, segment: Segment) -> list[WeftError]:
        """Record a segment; return what speaks against some of its packs, which are then left out."""
        liars = [pack for pack in segment.packs if not self._agrees(pack)]
        if liars:
            segment = Segment(tuple(pack for pack in segment.packs if pack not in liars), segment.supersedes)
        self.record(name, segment)
        return [_contradiction(pack) for pack in liars]

    def record(self, name: Oid, segment: Segment) -> None:
        """Record a segment whose packs are known to be what it says."""
        with self._catalog.transaction():
            self._catalog.add_packs(segment.packs, self._place_of(name))
            self._catalog.add_packs(segment.packs, self._remote.place, name)
        for old in segment.supersedes:
            if old != name:
                self._empty(old)
                self._catalog.add_segment(self._remote.place, old)

    def note_size(self, name: Oid, size: int) -> None:
        """Remember that a segment has ``size`` bytes."""
        self._catalog.rows("INSERT OR REPLACE INTO segment_sizes VALUES (?, ?, ?)", (self._remote.place, name, size))

    def of_other_size(self, listed: Mapping[Oid, int]) -> dict[Oid, tuple[PackInfo, ...]]:
        """Those of ``listed`` that had another size before, with the packs that they listed then. A name is its content, so
        they are damaged."""
        rows = self._catalog.rows("SELECT name, size FROM segment_sizes WHERE place = ?", (self._remote.place,))
        wrong = [name for name, size in rows if listed.get(name, size) != size]
        found = {Oid(name): [self._catalog.pack_frames(pack) for pack in self.packs_of(Oid(name))] for name in wrong}
        return {name: tuple(info for info in infos if info is not None) for name, infos in found.items()}

    def lose(self, pack: Oid) -> None:
        """Forget that the remote holds a pack, and that any root was seen to be complete."""
        self._catalog.forget_pack(pack, self._remote.place)
        self._catalog.rows("DELETE FROM roots_seen WHERE place = ?", (self._remote.place,))

    def unlearn(self, pack: Oid) -> None:
        """Forget a pack that is gone or not what it should be, and that the segments which list it were read.

        They are read again when they are needed: until then somebody may have put the pack back.
        """
        for name in self.known():
            if pack in self.packs_of(name):
                self._empty(name)
                self._drop_row(name)
        self.lose(pack)

    def correct(self, pack: PackInfo) -> None:
        """Put what a proved pack says of itself in the place of what an index said of it."""
        with self._catalog.transaction():
            holders = self._catalog.rows(
                "SELECT h.place FROM held h JOIN packs p ON p.id = h.pack WHERE p.name = ?", (pack.name,)
            )
            for (place,) in holders:
                self._catalog.forget_pack(pack.name, place)
            for (place,) in holders:
                self._catalog.add_packs((pack,), place)

    def forget(self, gone: Set[Oid]) -> None:
        """Forget segments that are not there any more, and the packs that only they listed."""
        listed = {name: set(self.packs_of(name)) for name in gone}
        if any(listed.values()):
            still = set().union(*(self.packs_of(name) for name in self.known() - gone))
            for pack in set().union(*listed.values()) - still:
                self.lose(pack)
        for name in gone:
            self._empty(name)
            self._drop_row(name)

    def _agrees(self, pack: PackInfo) -> bool:
        """Whether what is known of a pack already is the same: the catalog keeps one footer for each name."""
        known = self._catalog.pack_frames(pack.name)
        return known is None or known == pack

    def _place_of(self, name: Oid) -> int:
        return self._catalog.place(f"segment:{self._remote.store_id}:{name.hex()}")

    def _empty(self, name: Oid) -> None:
        place = self._place_of(name)
        for pack in self._catalog.packs(place):
            self._catalog.forget_pack(pack, place)

    def _drop_row(self, name: Oid) -> None:
        for table in ("segments", "segment_sizes"):
            self._catalog.rows(f"DELETE FROM {table} WHERE place = ? AND name = ?", (self._remote.place, name))  # noqa: S608 (names of our own)


def _contradiction(pack: PackInfo) -> BadPackIndex:
    return BadPackIndex(f"two sources tell different contents of the pack {pack.name.hex()}")
