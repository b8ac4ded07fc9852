"""Copying what is needed out of packs on a remote that hold little else, into new packs.

Nothing is taken away here: the next collection finds that the new packs hold all that is needed of the old ones, and
condemns those as it does with any pack.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Set

from weft.model.oid import Kind, Oid
from weft.objects.gc_census import Census, Shelf
from weft.objects.outgoing import Plan, parcels, send
from weft.objects.receive import Receiver
from weft.objects.remote import RemoteStore
from weft.objects.segments import SegmentIndex
from weft.objects.store import LocalStore

WASTE = 0.5
"""A pack is worth copying from when less than this share of its bytes is needed."""


def worth_copying(census: Census, shelf: Shelf, old: Iterable[Oid], condemned: Iterable[Oid]) -> set[Oid]:
    """Objects to copy: those that only a wasteful one of the packs ``old`` holds, and those that only ``condemned`` packs
    hold, which no push counts on any more."""
    found: set[Oid] = set()
    for pack in old:
        if 0 < census.share(pack) < WASTE:
            found |= shelf.alone(pack)
    for pack in condemned:
        found |= shelf.alone(pack)
    return found


def repack(remote: RemoteStore, empty: LocalStore, census: Census, oids: Set[Oid], dead: Set[Oid]) -> int:
    """Bring ``oids`` here, proved, and send them in new packs, with a segment that tells of them; bytes sent.

    No new pack gets a name of ``dead``. Killed on its way it leaves packs that the next one finds again.
    """
    kinds = census.kinds(oids)
    with Receiver(remote, empty) as receiver:
        for kind in Kind:
            receiver.ensure({oid for oid in oids if kinds[oid] is kind}, kind)
    with parcels(empty, Plan([], set(oids), set()), dead) as made:
        send(remote, empty, made, set(), lambda parcel: None)
        SegmentIndex(remote).publish([parcel.pack for parcel in made])
        return sum(os.path.getsize(parcel.path) for parcel in made)
