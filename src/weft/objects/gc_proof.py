"""What is proved to be on a remote, for whoever wants to drop the local copy."""

from __future__ import annotations

from collections.abc import Iterable, Set
from functools import partial
from random import SystemRandom
from typing import NamedTuple

from weft.errors import WeftError
from weft.formats.root import root_name
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects.catalog import Catalog
from weft.objects.gc_marks import MarkReader, Start, mark
from weft.objects.presence import Presence
from weft.objects.ranges import Range, plan_ranges, read_range
from weft.objects.remote import RemoteStore
from weft.objects.segments import SegmentIndex
from weft.objects.selection import slices
from weft.util.parallel import unordered_map

MOST_RANGES = 500
"""Most requests that read bytes back."""


class RemoteFacts(NamedTuple):
    """What was seen on a remote: its number in the catalog, packs that are there and not condemned, and root names."""

    place: int
    packs: frozenset[Oid]
    roots: frozenset[str]

    def rooted(self, starts: Iterable[Start]) -> set[Start]:
        """Those of ``starts`` whose data the remote promises to hold whole."""
        return {start for start in starts if root_name(start) in self.roots}

    def holds(self, catalog: Catalog, pointer: Pointer, frames: Iterable[Oid]) -> bool:
        """Whether the remote promises to hold the data of ``pointer``, and ``frames`` of it are in packs seen there."""
        return root_name(pointer) in self.roots and all(
            any(copy.pack in self.packs for copy in copies.get(oid, ()))
            for group in slices(frames)
            for copies in (catalog.locate(group, self.place),)
            for oid in group
        )


class ReadBack(NamedTuple):
    """Objects that are ``there`` as far as the index says, those whose bytes are ``bad``, and what was wrong first."""

    there: set[Oid]
    bad: set[Oid]
    fault: WeftError | None


def look(remote: RemoteStore) -> RemoteFacts:
    """Ask a remote, now. Only packs that were seen there by name and size count, and none that a tomb names.

    Raises network errors, and ``SchemaError`` for tombs that cannot be read.
    """
    remote.connect()
    SegmentIndex(remote).learn_listed()
    held = remote.catalog.packs(remote.place)
    gone = Presence(remote).check(held).all | remote.tombs()
    return RemoteFacts(remote.place, frozenset(held.keys() - gone), frozenset(remote.root_names()))


def read_back(remote: RemoteStore, facts: RemoteFacts, oids: Set[Oid], room: int) -> ReadBack:
    """Read the frames of ``oids`` from a remote and prove them: all, or about ``room`` bytes that nobody can foresee.

    Nothing is kept. Raises what the remote raises that cannot be asked.
    """
    located = remote.catalog.locate(oids, facts.place)
    copies = [next((copy for copy in found if copy.pack in facts.packs), None) for found in located.values()]
    ranges = list(plan_ranges(copy for copy in copies if copy is not None))
    there = {frame.oid for one in ranges for frame in one.frames}
    SystemRandom().shuffle(ranges)
    chosen: list[Range] = []
    for wanted in ranges:
        if room <= 0 or len(chosen) == MOST_RANGES:
            break
        chosen.append(wanted)
        room -= wanted.length
    asked = {frame.oid for one in chosen for frame in one.frames}
    fault: WeftError | None = None
    for result in unordered_map(partial(read_range, remote), chosen, remote.jobs):
        asked -= {proved.frame.oid for proved in result.good}
        fault = fault or result.fault
    return ReadBack(there, asked, fault)


class Proof:
    """Which objects a remote holds under a root: only those will still be there after its next garbage collection."""

    def __init__(self, facts: RemoteFacts, catalog: Catalog, reader: MarkReader, starts: Iterable[Start]) -> None:
        self._facts = facts
        self._catalog = catalog
        self._live = mark(reader, facts.rooted(starts)).live

    def lacks(self, pack: Oid, oids: Set[Oid]) -> set[Oid]:
        """Those of ``oids``, all of them in the local pack ``pack``, that are not proved to be there."""
        left = {oid for oid in oids if oid not in self._live}
        if pack in self._facts.packs:
            return left
        rest = oids - left
        copies = self._catalog.locate(rest, self._facts.place)
        return left | {oid for oid in rest if not any(copy.pack in self._facts.packs for copy in copies.get(oid, ()))}
