"""The index segments of a remote: which packs it holds and what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import suppress
from typing import NamedTuple

from weft.errors import HashMismatch, IntegrityError, KeyMissing, LimitExceeded, RefusedInput, WeftError
from weft.formats import index_segment
from weft.formats.index_segment import MAX_STORED, Segment
from weft.model.entry import PackInfo
from weft.model.oid import Oid, segment_id
from weft.objects import remote_keys as keys
from weft.objects.remote import RemoteStore, read_bounded
from weft.objects.segment_records import SegmentRecords
from weft.util.parallel import Ahead, unordered_map

SMALL_SEGMENT = 1 << 20
"""Segments below this many bytes are merged when a root would name many."""
MAX_SMALL = 16
"""Most small segments that a root names."""
MAX_FRAMES = 65_536
"""Most frames in a segment of ours: about 3 MiB stored, and some 40 MiB of memory to write or read it."""
_WORKERS = 4
_ROUND = 16


class Listed(NamedTuple):
    """A pack for a segment to list: its name, the number of its frames, and how to read what they are."""

    name: Oid
    frame_count: int
    read: Callable[[], PackInfo]

    @classmethod
    def of(cls, pack: PackInfo) -> Listed:
        """A pack that was read already."""
        return cls(pack.name, len(pack.frames), lambda: pack)


class SegmentIndex:
    """The segments of one remote. ``faults`` keeps what was wrong with those that could not be used.

    ``records`` are the segments that were read. ``damaged`` are those that are there and not what their names say, with the
    packs that they listed, where that was known.
    """

    def __init__(self, remote: RemoteStore) -> None:
        self._remote = remote
        self._catalog = remote.catalog
        self._sizes: dict[Oid, int] = {}
        self._listed: Ahead[dict[Oid, int]] | None = None
        self._fresh: set[Oid] = set()
        self.records = SegmentRecords(remote)
        self.damaged: dict[Oid, tuple[PackInfo, ...]] = {}
        self.faults: list[WeftError] = []

    # --- reading ---

    def learn(self, names: Iterable[Oid]) -> bool:
        """Read those of ``names`` that are not known. False when one is gone or damaged (``faults`` tells how)."""
        place = self._remote.place
        wanted = [name for name in names if not self._catalog.has_segment(place, name)]
        return self._read_all(wanted)

    def begin(self) -> None:
        """Ask already for the listing that the next ``learn_listed`` uses."""
        self._listed = Ahead(self._listing)

    def learn_listed(self, *, superseded: bool = False) -> None:
        """List ``index/``, read what is not known and forget what is gone.

        Segments that a larger one supersedes are passed over unless ``superseded`` asks for every one.
        """
        listed, self._listed = self._listed, None
        self._sizes = self._listing() if listed is None else listed.result()
        damaged = self.records.of_other_size(self._sizes)
        self.damaged |= damaged
        known = self.records.known()
        self.records.forget((known - self._sizes.keys()) | damaged.keys())
        known -= damaged.keys()
        if superseded:
            known = {name for name in known if self.records.packs_of(name)}
        # The largest first: they tell which of the small ones need not be read.
        todo = sorted(self._sizes.keys() - known, key=lambda name: (-self._sizes[name], name))
        while todo:
            self._read_all(todo[:_ROUND])
            done = set() if superseded else self.records.known()
            todo = [name for name in todo[_ROUND:] if name not in done]

    def reread(self) -> None:
        """Read again what was known from before, as somebody would who knows nothing; what is wrong goes to ``faults``."""
        for name in sorted(name for name in self._live() - self._fresh if self.records.packs_of(name)):
            _, data = self._read(name)
            if isinstance(data, WeftError):
                self.faults.append(data)

    def telling_of(self, packs: Set[Oid]) -> dict[Oid, tuple[PackInfo, ...]]:
        """The segments that tell of one of ``packs``, also those that a larger one supersedes, with all that they tell.

        They are all read: what is superseded counts for whoever reads it first.
        """
        found: dict[Oid, tuple[PackInfo, ...]] = {}
        for name in sorted(self._listing()):
            _, data = self._read(name)
            if isinstance(data, WeftError):
                continue
            with suppress(IntegrityError, RefusedInput):
                told = index_segment.decode(data).packs
                if not packs.isdisjoint(info.name for info in told):
                    found[name] = told
        return found

    def _listing(self) -> dict[Oid, int]:
        found: dict[Oid, int] = {}
        for stat in self._remote.storage.list(keys.SEGMENTS):
            name = keys.segment_of(stat.key)
            if name is None:
                self._remote.ignored += 1
            else:
                found[name] = stat.size
        return found

    def _read_all(self, names: Iterable[Oid]) -> bool:
        fine = True
        for name, data in unordered_map(self._read, names, _WORKERS, _WORKERS):
            try:
                if isinstance(data, WeftError):
                    raise data
                self.faults += self.records.add(name, index_segment.decode(data))
                self.records.note_size(name, len(data))
                self._fresh.add(name)
                self.damaged.pop(name, None)
            except (IntegrityError, RefusedInput, KeyMissing) as error:
                self.faults.append(error)
                if not isinstance(error, KeyMissing):
                    self.damaged.setdefault(name, ())
                fine = False
        return fine

    def _read(self, name: Oid) -> tuple[Oid, bytes | WeftError]:
        key = keys.segment_key(name)
        try:
            data = read_bounded(self._remote.storage, key, MAX_STORED)
        except (KeyMissing, LimitExceeded, HashMismatch) as error:
            return name, error
        if segment_id(data) != name:
            return name, HashMismatch(f"{key} on the remote does not hash to its name", path=key)
        return name, data

    def all_held(self) -> bool:
        """Whether every pack that a segment lists counts as held: none of them was lost before."""
        held = self._catalog.packs(self._remote.place).keys()
        return all(self.records.packs_of(name).keys() <= held for name in self._live())

    # --- writing ---

    def publish(self, packs: Iterable[Listed], supersedes: Iterable[Oid] = ()) -> list[Oid]:
        """Write segments that list ``packs``, record them, and return their names. Reads those of one segment at a time."""
        replaced = sorted(set(supersedes))
        names = []
        for group in _groups(packs):
            data = index_segment.encode(group, replaced)
            name = segment_id(data)
            self._write(name, data, Segment(tuple(group), tuple(replaced)))
            names.append(name)
        return names

    def restore(self) -> list[Oid]:
        """Write the damaged segments again of which it is known what they listed, as far as that gives the same bytes."""
        names = []
        for name, packs in sorted(self.damaged.items()):
            data = index_segment.encode(packs) if packs else b""
            if segment_id(data) == name:
                self._write(name, data, Segment(packs, ()))
                names.append(name)
        return names

    def _write(self, name: Oid, data: bytes, segment: Segment) -> None:
        # Bytes that have the name take the place of those that do not; else what is there is the same.
        self._remote.storage.write(keys.segment_key(name), data, create=name not in self.damaged)
        self.damaged.pop(name, None)
        # What is published is what the catalog or a pack of our own says: there is nothing to compare it with.
        self.records.record(name, segment)
        self.records.note_size(name, len(data))
        self._sizes[name] = len(data)

    def covering(self, packs: Set[Oid]) -> list[Oid]:
        """Few segments that together list ``packs``, sorted. What no segment lists is left out."""
        listed = {name: self.records.packs_of(name).keys() & packs for name in self._live()}
        chosen: list[Oid] = []
        left = set(packs)
        for name in sorted(listed, key=lambda name: (-len(listed[name]), name)):
            if listed[name] & left:
                chosen.append(name)
                left -= listed[name]
        return sorted(chosen)

    def merge_small(self, names: Iterable[Oid]) -> bool:
        """When ``names`` hold too many small segments, write one that lists the packs of the smallest. True if so."""
        small = sorted((self._sizes.get(name, 0), name) for name in names)
        small = [entry for entry in small if entry[0] < SMALL_SEGMENT]
        if len(small) <= MAX_SMALL:
            return False
        held = self._catalog.packs(self._remote.place)
        packs: dict[Oid, PackInfo] = {}
        merged: list[Oid] = []
        frames = 0
        for _size, name in small:
            found = [self._catalog.pack_frames(pack) for pack in self.records.packs_of(name) if pack in held]
            more = {pack.name: pack for pack in found if pack is not None and pack.name not in packs}
            frames += sum(len(pack.frames) for pack in more.values())
            if frames > MAX_FRAMES:
                break
            packs.update(more)
            merged.append(name)
        if len(merged) < 2 or not packs:
            return False
        self.publish(map(Listed.of, packs.values()), merged)
        return True

    def _live(self) -> set[Oid]:
        known = self.records.known()
        return known & self._sizes.keys() if self._sizes else known


def _groups(packs: Iterable[Listed]) -> Iterator[list[PackInfo]]:
    group: list[Listed] = []
    frames = 0
    for pack in sorted(packs, key=lambda pack: pack.name):
        if group and frames + pack.frame_count > MAX_FRAMES:
            yield [one.read() for one in group]
            group, frames = [], 0
        group.append(pack)
        frames += pack.frame_count
    if group:
        yield [one.read() for one in group]
