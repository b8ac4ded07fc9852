"""Who needs what on a remote: the closure of all roots of all repositories, and the packs that hold it.

It is made with a catalog and a store of its own, which are thrown away: nothing that this clone remembers of the remote is
believed, and nothing of other repositories stays here.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager

from weft.errors import GcRefused, HashMismatch, IntegrityError, KeyMissing, NotOnRemote, RefusedInput
from weft.formats import index_segment
from weft.formats import root as root_format
from weft.formats.index_segment import MAX_STORED
from weft.model.entry import PackInfo
from weft.model.oid import Kind, Oid, segment_id
from weft.objects import remote_keys as keys
from weft.objects.gc_look import Seen
from weft.objects.gc_marks import Marks, Start, mark
from weft.objects.receive import Receiver
from weft.objects.remote import SMALL, RemoteStore, read_bounded
from weft.objects.segment_records import SegmentRecords
from weft.objects.store import LocalStore, open_store
from weft.util.parallel import unordered_map
from weft.util.progress import Progress
from weft.util.scratch import scratch_folder


@contextmanager
def scratch(remote: RemoteStore, store: LocalStore, pin: str) -> Iterator[tuple[RemoteStore, LocalStore]]:
    """The same remote as a clone sees it that knows nothing yet, and the store of that clone."""
    with (
        scratch_folder(store.state, "collect") as folder,
        open_store(os.path.join(folder, "store"), os.path.join(folder, "catalog.sqlite")) as empty,
    ):
        yield RemoteStore(remote.storage, empty.catalog, remote.repo, pin, jobs=remote.jobs, clock=remote.clock), empty


class Census:
    """What the remote ``fresh``, seen as ``seen``, holds and needs. ``segments`` names the packs in each segment.

    Raises ``GcRefused`` when a root, a segment or an object is not readable, for then nobody knows what is needed.
    """

    def __init__(
        self, fresh: RemoteStore, empty: LocalStore, local: LocalStore, seen: Seen, progress: Progress
    ) -> None:
        self.seen = seen
        self.segments: dict[Oid, frozenset[Oid]] = {}
        self._remote = fresh
        self._catalog = fresh.catalog
        self._read_index()
        with Receiver(fresh, empty, (), progress) as receiver:
            self.marks = self._mark(_Reader(local, receiver, fresh))
        self._check_whole()

    def info(self, pack: Oid) -> PackInfo | None:
        """What is in a pack; None for one that no segment lists."""
        return self._catalog.pack_frames(pack)

    def needed(self, pack: Oid) -> set[Oid]:
        """The objects in a pack that some root needs."""
        info = self.info(pack)
        return {frame.oid for frame in info.frames if frame.oid in self.marks.live} if info else set()

    def share(self, pack: Oid) -> float:
        """How much of a pack is needed, by its bytes: 0.0 to 1.0."""
        info = self.info(pack)
        return sum(frame.stored for frame in info.frames if frame.oid in self.marks.live) / info.size if info else 0.0

    def kinds(self, oids: Set[Oid]) -> dict[Oid, Kind]:
        """The kind of each of ``oids``, as the index tells it."""
        found = self._catalog.locate(oids, self._remote.place)
        return {oid: copies[0].frame.kind for oid, copies in found.items()}

    def stored(self, oids: Set[Oid]) -> int:
        """Bytes that ``oids`` take in packs."""
        found = self._catalog.locate(oids, self._remote.place)
        return sum(copies[0].frame.stored for copies in found.values())

    def sizes(self) -> dict[Oid, int]:
        """The packs that are there, those of a wrong size left out."""
        listed = self._catalog.packs(self._remote.place)
        return {name: stat.size for name, stat in self.seen.packs.items() if listed.get(name, stat.size) == stat.size}

    def unlisted(self) -> set[Oid]:
        """Packs that segments tell of and the listing does not show, and that are there when they are asked for.

        Roots may rely on them that the listing does not show either, or somebody has just written them.
        """
        told: set[Oid] = set().union(*self.segments.values())
        asked = unordered_map(self._ask, sorted(told - self.seen.packs.keys()), self._remote.jobs)
        return {pack for pack, there in asked if there}

    def _ask(self, pack: Oid) -> tuple[Oid, bool]:
        return pack, self._remote.storage.stat(keys.pack_key(pack)) is not None

    def _read_index(self) -> None:
        records = SegmentRecords(self._remote)
        names = sorted(self.seen.segments)
        for name, data in unordered_map(self._read_segment, names, 4, 4):
            segment = index_segment.decode(data)
            faults = records.add(name, segment)
            if faults:
                raise GcRefused(f"the index of the remote contradicts itself: {faults[0].message}", hint="weft verify")
            self.segments[name] = frozenset(pack.name for pack in segment.packs)

    def _read_segment(self, name: Oid) -> tuple[Oid, bytes]:
        key = keys.segment_key(name)
        data = read_bounded(self._remote.storage, key, MAX_STORED)
        if segment_id(data) != name:
            raise HashMismatch(f"{key} on the remote does not hash to its name", path=key)
        return name, data

    def _mark(self, reader: _Reader) -> Marks:
        starts = list(unordered_map(self._read_root, sorted(self.seen.roots), self._remote.jobs))
        marks = mark(reader, starts)
        if marks.unread:
            raise self._incomplete(marks.unread)
        return marks

    def _read_root(self, key: str) -> Start:
        try:
            root = root_format.decode(read_bounded(self._remote.storage, key, SMALL), name=keys.root_of(key))
        except (RefusedInput, IntegrityError, KeyMissing) as error:
            raise GcRefused(
                f"the root {key} cannot be read, so nobody knows what it needs: {error.message}",
                hint="`weft push` in a clone that has its data writes it again",
                path=key,
            ) from error
        return Start(root.oid, root.type == "dir", root.layout)

    def _check_whole(self) -> None:
        """What is needed must be in some pack that is there; else something is damaged, and this is no time to delete."""
        there = self.sizes()
        absent = self.marks.live - self.marks.composed
        for pack in there:
            absent -= self.needed(pack)
        if absent:
            raise self._incomplete(absent)

    def _incomplete(self, absent: Set[Oid]) -> NotOnRemote:
        return NotOnRemote(
            f"{self._remote.storage.name} lacks {len(absent)} objects that its roots need; nothing is deleted",
            hint="`weft verify --remote` names the paths; `weft push` in a clone that has the data mends it",
        )


class Shelf:
    """How many copies of each needed object are in the packs ``kept``; each object must keep one."""

    def __init__(self, census: Census, kept: Iterable[Oid]) -> None:
        self._census = census
        self._copies: Counter[Oid] = Counter()
        self.kept = set(kept)
        for pack in self.kept:
            self._copies.update(census.needed(pack))

    def spares(self, pack: Oid) -> bool:
        """Whether all that is needed of ``pack`` is in another pack that is kept."""
        return not self.alone(pack)

    def alone(self, pack: Oid) -> set[Oid]:
        """What is needed of ``pack`` and in no other pack that is kept."""
        own = 1 if pack in self.kept else 0
        return {oid for oid in self._census.needed(pack) if self._copies[oid] <= own}

    def drop(self, pack: Oid) -> None:
        """Keep ``pack`` no longer."""
        self.kept.remove(pack)
        self._copies.subtract(self._census.needed(pack))


class _Reader:
    """Reads from the local store what is here, from the remote what is not."""

    def __init__(self, local: LocalStore, receiver: Receiver, remote: RemoteStore) -> None:
        self._local = local
        self._receiver = receiver
        self._remote = remote

    def missing(self, oids: Iterable[Oid]) -> set[Oid]:
        return self._remote.catalog.missing(self._local.missing(oids), self._remote.place)

    def read_many(self, oids: Iterable[Oid], kind: Kind | None = None) -> Iterator[tuple[Oid, bytes]]:
        wanted = set(oids)
        absent = self._local.missing(wanted)
        if wanted - absent:
            yield from self._local.read_many(wanted - absent, kind)
        if absent:
            yield from self._receiver.read_many(absent, kind)
