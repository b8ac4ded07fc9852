"""Where the frames of the packs that were read last lie.

Files are packed in the order in which a directory is walked, and a checkout asks for them in that order: what is asked for
together lies in one pack. One look into the catalog and the footer of that pack then answer for hundreds of objects, at a
fifth of what the catalog takes for each.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from weft.errors import BadPackIndex
from weft.formats.pack import FOOTER_ENTRY, footer_oids, frame_at
from weft.model.oid import Oid
from weft.objects.catalog import LOCAL, Catalog, Location
from weft.util.forking import own_lock

FEW = 32
"""Fewer oids than this are not worth a footer."""
_KEPT = 2
_LOOKS = 4
_SHARE = 8
_WASTED = 4


class _Footer(NamedTuple):
    data: bytes
    numbers: dict[bytes, int]


class PackPlaces:
    """Finds many oids at once. Safe from any thread; it keeps the footers of two packs.

    What it tells may be gone by now, as what the catalog told a moment ago may be.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = own_lock(self)
        self._footers: OrderedDict[Oid, _Footer] = OrderedDict()
        self._loaded: set[Oid] = set()
        self._wasted = 0

    def locate(self, oids: Sequence[Oid]) -> dict[Oid, Location]:
        """One copy of each of ``oids`` that a local pack holds; an oid without a copy is left out."""
        found: dict[Oid, Location] = {}
        left = oids
        with self._lock:
            for name in reversed(self._footers):
                left = self._take(name, left, found)
            for _ in range(_LOOKS):
                # Where neighbours are scattered over the packs, footers are read for nothing.
                if len(left) < FEW or self._wasted >= _WASTED:
                    break
                copies = self._catalog.locate(left[:1], LOCAL).get(left[0])
                if copies is None or not self._load(copies[0].pack):
                    break
                before, again = len(left), copies[0].pack in self._loaded
                self._loaded.add(copies[0].pack)
                left = self._take(copies[0].pack, left, found)
                few = (before - len(left)) * _SHARE < before
                self._wasted = self._wasted + 1 if few or again else 0
        if left:
            found.update((oid, copies[0]) for oid, copies in self._catalog.locate(left, LOCAL).items())
        return found

    def forget(self, name: Oid) -> None:
        """Let go of what is known of a pack that turned out to be another, or gone."""
        with self._lock:
            self._footers.pop(name, None)

    def _take(self, name: Oid, oids: Sequence[Oid], found: dict[Oid, Location]) -> Sequence[Oid]:
        """Add those of ``oids`` that lie in a pack whose footer is here to ``found``; return the others."""
        data, numbers = self._footers[name]
        left = []
        for oid in oids:
            number = numbers.get(oid)
            try:
                if number is not None:
                    found[oid] = Location(name, frame_at(data, number))
                    continue
            except BadPackIndex:  # the row is damaged: the table of frames may be whole
                pass
            left.append(oid)
        return left

    def _load(self, name: Oid) -> bool:
        """Keep the footer of a pack; False when the catalog does not know it any more, its row is damaged, or it is kept."""
        if name in self._footers:
            return False
        rows = self._catalog.rows("SELECT footer FROM packs WHERE name = ?", (name,))
        if not rows or len(rows[0][0]) % FOOTER_ENTRY:
            return False
        data = rows[0][0]
        self._footers[name] = _Footer(data, {oid: number for number, oid in enumerate(footer_oids(data))})
        while len(self._footers) > _KEPT:
            self._footers.popitem(last=False)
        return True
