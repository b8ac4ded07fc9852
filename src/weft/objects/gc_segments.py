"""Tidying the index of a remote: segments that tell of packs which are gone, or that others tell as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass

from weft.model.oid import Oid
from weft.objects.gc_census import Census
from weft.objects.remote import RemoteStore
from weft.objects.segments import Listed, SegmentIndex


@dataclass(frozen=True, slots=True)
class Tidying:
    """``stale`` segments tell of packs that will be gone; ``relist`` are the packs of theirs that stay and that no other
    segment tells of. ``remove`` are those that may go once the packs are told of elsewhere."""

    stale: tuple[Oid, ...]
    relist: tuple[Oid, ...]
    remove: tuple[Oid, ...]

    def publish(self, remote: RemoteStore) -> None:
        """Write segments that take the place of the stale ones, as far as anything of them stays."""
        infos = [remote.catalog.pack_frames(pack) for pack in self.relist]
        SegmentIndex(remote).publish([Listed.of(info) for info in infos if info is not None], self.stale)


def tidying(census: Census, after: Set[Oid], cutoff: float) -> Tidying:
    """What to do so that the index tells of the packs ``after`` only, each in one segment or more.

    Segments written after ``cutoff`` (seconds since the epoch) are left as they are.
    """
    seen = census.seen
    old = [
        name
        for name in sorted(census.segments, key=lambda name: (seen.segments[name].size, name))
        if name in seen.steady and 0 < seen.segments[name].modified <= cutoff
    ]
    told = Counter(pack for packs in census.segments.values() for pack in packs)
    stale = [name for name in old if census.segments[name] - after]
    for name in stale:
        told.subtract(census.segments[name])
    relist = {pack for name in stale for pack in census.segments[name] & after if told[pack] < 1}
    told.update(relist)
    remove = list(stale)
    for name in old:
        if name not in stale and all(told[pack] > 1 for pack in census.segments[name]):
            told.subtract(census.segments[name])
            remove.append(name)
    return Tidying(tuple(stale), tuple(sorted(relist)), tuple(remove))
