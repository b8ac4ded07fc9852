"""Proving objects of several chunks whose chunks need not be here: they are read from a remote, hashed, and not kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from weft.errors import WeftError
from weft.model.oid import Kind, Oid
from weft.objects import content
from weft.objects.pack_check import BAD_COPY
from weft.objects.proofs import Pair
from weft.objects.ranges import plan_ranges, read_range
from weft.objects.remote import RemoteStore
from weft.objects.selection import usable
from weft.objects.store import LocalStore, Named
from weft.objects.store_read import missing
from weft.util.parallel import unordered_map

_TOGETHER = 32


def prove_remote_objects(
    remote: RemoteStore, store: LocalStore, pairs: Iterable[Pair], named: Named
) -> Iterator[tuple[Oid, WeftError]]:
    """Yield those objects of ``pairs`` whose recipe lies or cannot be read, with what is wrong. ``named`` tells the recipes
    of recipes. What is proved is remembered. Raises what a remote raises that cannot be asked."""
    for target, recipe_oid in pairs:
        source = _Source(remote, store, named)
        try:
            content.prove(source, recipe_oid, content.read_recipe(source, target, recipe_oid))
        except BAD_COPY as error:
            yield target, error


class _Source:
    """Frames of the local store, and of the remote where they are not here."""

    def __init__(self, remote: RemoteStore, store: LocalStore, named: Named) -> None:
        self._remote = remote
        self._store = store
        self._named = named

    def frame(self, oid: Oid, kind: Kind, verify: bool) -> bytes:
        return next(self.frames([oid], kind, verify))

    def frames(self, oids: Sequence[Oid], kind: Kind, verify: bool) -> Iterator[bytes]:
        for start in range(0, len(oids), _TOGETHER):
            some = oids[start : start + _TOGETHER]
            absent = self._store.missing(some)
            found = dict(self._store.read_many(set(some) - absent, kind))
            found.update(self._fetched(absent, kind))
            for oid in some:
                if oid not in found:
                    raise missing(oid)
                yield found[oid]

    def recipe_of(self, target: Oid) -> Oid | None:
        return self._named(target)

    def proved(self, target: Oid, recipe: Oid) -> None:
        self._store.catalog.add_recipes({target: recipe}, proved=True)

    def _fetched(self, absent: set[Oid], kind: Kind) -> Iterator[tuple[Oid, bytes]]:
        located = self._store.catalog.locate(absent, self._remote.place)
        copies = [usable(found, kind, ()) for found in located.values()]
        ranges = list(plan_ranges(found[0] for found in copies if found))
        for result in unordered_map(lambda one: read_range(self._remote, one), ranges, self._remote.jobs):
            if result.fault is not None:
                raise result.fault
            yield from ((proved.frame.oid, proved.raw) for proved in result.good)
