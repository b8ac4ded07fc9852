"""Asking a remote whether packs are really there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from weft.model.oid import Oid
from weft.objects import remote_keys as keys
from weft.objects.remote import RemoteStore
from weft.util.parallel import Ahead, unordered_map

PAGE = 1000
"""Keys in one page of a listing."""


class Gaps(NamedTuple):
    """Packs that are not there, and packs that are there with another size than they must have."""

    absent: set[Oid]
    wrong: set[Oid]

    @property
    def all(self) -> set[Oid]:
        """Both."""
        return self.absent | self.wrong


class Presence:
    """What the remote says of its packs at one moment: one listing at most, however often it is asked."""

    def __init__(self, remote: RemoteStore) -> None:
        self._remote = remote
        self._listed: dict[Oid, int] | None = None
        self._ahead: Ahead[dict[Oid, int]] | None = None

    def begin(self, held: int) -> None:
        """Ask already for the listing, when a check of ``held`` packs would use it."""
        if _listing_pays(held, held):
            self._ahead = Ahead(self._list)

    @property
    def listed(self) -> bool:
        """True when a check needs no more than the listing that was asked for already."""
        return self._listed is not None or self._ahead is not None

    def check(self, packs: Mapping[Oid, int], *, confirm: bool = True) -> Gaps:
        """Compare ``packs`` (name to size in bytes) to the remote: by a listing when there are many, else one by one.

        What a listing does not show, or shows with another size, is asked for again by its key; without ``confirm`` what
        it does not show counts as absent.
        """
        if not packs:
            return Gaps(set(), set())
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            self._listed = ahead.result()
        elif self._listed is None and _listing_pays(len(packs), len(self._remote.catalog.packs(self._remote.place))):
            self._listed = self._list()
        doubtful = packs
        absent: set[Oid] = set()
        wrong: set[Oid] = set()
        if self._listed is not None:
            doubtful = {name: size for name, size in packs.items() if self._listed.get(name) != size}
            if not confirm:
                absent = doubtful.keys() - self._listed.keys()
                doubtful = {name: size for name, size in doubtful.items() if name not in absent}
        for name, size in unordered_map(self._size, doubtful, self._remote.jobs):
            if size is None:
                absent.add(name)
            elif size != packs[name]:
                wrong.add(name)
        return Gaps(absent, wrong)

    def _list(self) -> dict[Oid, int]:
        found: dict[Oid, int] = {}
        for stat in self._remote.storage.list(keys.PACKS):
            name = keys.pack_of(stat.key)
            if name is None:
                self._remote.ignored += 1
            else:
                found[name] = stat.size
        return found

    def _size(self, name: Oid) -> tuple[Oid, int | None]:
        stat = self._remote.storage.stat(keys.pack_key(name))
        return name, None if stat is None else stat.size


def _listing_pays(asked: int, held: int) -> bool:
    # The pages of a listing come one after the other, single questions eight at a time.
    pages = 1 + max(held, asked) // PAGE
    return pages < asked if pages == 1 else pages <= asked // 8
