"""The index segments of a remote: which packs it holds and what is in them.

A segment that was read is recorded in the catalog twice: the remote holds its packs, and (under a place of its own) this
segment lists them. The second makes it known which segments a root has to name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from weft.errors import BadPackIndex, HashMismatch, IntegrityError, KeyMissing, LimitExceeded, RefusedInput, WeftError
from weft.formats import index_segment
from weft.formats.index_segment import MAX_STORED, Segment
from weft.model.entry import PackInfo
from weft.model.oid import Oid, segment_id
from weft.objects import remote_keys as keys
from weft.objects.remote import RemoteStore, read_bounded
from weft.util.parallel import unordered_map

SMALL_SEGMENT = 1 << 20
"""Segments below this many bytes are merged when a root would name many."""
MAX_SMALL = 16
"""Most small segments that a root names."""
MAX_FRAMES = 200_000
"""Most frames in a segment of ours: about 10 MiB stored, and a bounded amount of memory to read it."""
_WORKERS = 4
_ROUND = 16


class SegmentIndex:
    """The segments of one remote. ``faults`` keeps what was wrong with those that could not be used."""

    def __init__(self, remote: RemoteStore) -> None:
        self._remote = remote
        self._catalog = remote.catalog
        self._sizes: dict[Oid, int] = {}
        self.faults: list[WeftError] = []

    # --- reading ---

    def learn(self, names: Iterable[Oid]) -> bool:
        """Read those of ``names`` that are not known. False when one is gone or damaged (``faults`` tells how)."""
        place = self._remote.place
        wanted = [name for name in names if not self._catalog.has_segment(place, name)]
        return self._read_all(wanted)

    def learn_listed(self, *, superseded: bool = False) -> None:
        """List ``index/``, read what is not known and forget what is gone.

        Segments that a larger one supersedes are passed over unless ``superseded`` asks for every one.
        """
        place = self._remote.place
        self._sizes = self._listing()
        known = self._catalog.segments(place)
        self._forget(known - self._sizes.keys())
        if superseded:
            known = {name for name in known if self._catalog.packs(self._place_of(name))}
        # The largest first: they tell which of the small ones need not be read.
        todo = sorted(self._sizes.keys() - known, key=lambda name: (-self._sizes[name], name))
        while todo:
            self._read_all(todo[:_ROUND])
            done = set() if superseded else self._catalog.segments(place)
            todo = [name for name in todo[_ROUND:] if name not in done]

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
                self._record(name, index_segment.decode(data))
            except (IntegrityError, RefusedInput, KeyMissing) as error:
                self.faults.append(error)
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

    def _record(self, name: Oid, segment: Segment) -> None:
        place = self._remote.place
        packs = [pack for pack in segment.packs if self._agrees(pack)]
        self._catalog.add_packs(packs, self._place_of(name))
        self._catalog.add_packs(packs, place, name)
        for old in segment.supersedes:
            if old != name:
                self._empty(old)
                self._catalog.add_segment(place, old)

    def _agrees(self, pack: PackInfo) -> bool:
        """Whether what is known of a pack already is the same: the catalog keeps one footer for each name."""
        known = self._catalog.pack_frames(pack.name)
        if known is None or known == pack:
            return True
        self.faults.append(BadPackIndex(f"two sources tell different contents of the pack {pack.name.hex()}"))
        return False

    # --- writing ---

    def publish(self, packs: Iterable[PackInfo], supersedes: Iterable[Oid] = ()) -> list[Oid]:
        """Write segments that list ``packs``, record them, and return their names."""
        replaced = sorted(set(supersedes))
        names = []
        for group in _groups(packs):
            data = index_segment.encode(group, replaced)
            name = segment_id(data)
            self._remote.storage.write(keys.segment_key(name), data, create=True)
            self._record(name, Segment(tuple(group), tuple(replaced)))
            self._sizes[name] = len(data)
            names.append(name)
        return names

    def covering(self, packs: Set[Oid]) -> list[Oid]:
        """Few segments that together list ``packs``, sorted. What no segment lists is left out."""
        listed = {name: self._catalog.packs(self._place_of(name)).keys() & packs for name in self._live()}
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
            found = [
                self._catalog.pack_frames(pack) for pack in self._catalog.packs(self._place_of(name)) if pack in held
            ]
            more = {pack.name: pack for pack in found if pack is not None and pack.name not in packs}
            frames += sum(len(pack.frames) for pack in more.values())
            if frames > MAX_FRAMES:
                break
            packs.update(more)
            merged.append(name)
        if len(merged) < 2 or not packs:
            return False
        self.publish(packs.values(), merged)
        return True

    # --- the catalog's side ---

    def packs_of(self, name: Oid) -> dict[Oid, int]:
        """Names and sizes of the packs that a segment lists; empty when it was not read or is superseded."""
        return self._catalog.packs(self._place_of(name))

    def unlearn(self, pack: Oid) -> None:
        """Forget a pack that is gone or not what it should be, and that the segments which list it were read.

        They are read again when they are needed: until then somebody may have put the pack back.
        """
        for name in self._catalog.segments(self._remote.place):
            if pack in self.packs_of(name):
                self._empty(name)
                self._drop_row(name)
        self.lose(pack)

    def lose(self, pack: Oid) -> None:
        """Forget that the remote holds a pack, and that any root was seen to be complete."""
        self._catalog.forget_pack(pack, self._remote.place)
        self._catalog.rows("DELETE FROM roots_seen WHERE place = ?", (self._remote.place,))

    def all_held(self) -> bool:
        """Whether every pack that a segment lists counts as held: none of them was lost before."""
        held = self._catalog.packs(self._remote.place).keys()
        return all(self.packs_of(name).keys() <= held for name in self._live())

    def _live(self) -> set[Oid]:
        known = self._catalog.segments(self._remote.place)
        return known & self._sizes.keys() if self._sizes else known

    def _place_of(self, name: Oid) -> int:
        return self._catalog.place(f"segment:{self._remote.store_id}:{name.hex()}")

    def _empty(self, name: Oid) -> None:
        place = self._place_of(name)
        for pack in self._catalog.packs(place):
            self._catalog.forget_pack(pack, place)

    def _forget(self, gone: Set[Oid]) -> None:
        """Forget segments that are not listed any more, and the packs that only they listed."""
        listed = {name: set(self._catalog.packs(self._place_of(name))) for name in gone}
        if any(listed.values()):
            kept = self._catalog.segments(self._remote.place) - gone
            still = set().union(*(self._catalog.packs(self._place_of(name)) for name in kept))
            for pack in set().union(*listed.values()) - still:
                self.lose(pack)
        for name in gone:
            self._empty(name)
            self._drop_row(name)

    def _drop_row(self, name: Oid) -> None:
        self._catalog.rows("DELETE FROM segments WHERE place = ? AND name = ?", (self._remote.place, name))


def _groups(packs: Iterable[PackInfo]) -> Iterator[list[PackInfo]]:
    group: list[PackInfo] = []
    frames = 0
    for pack in sorted(packs, key=lambda pack: pack.name):
        if group and frames + len(pack.frames) > MAX_FRAMES:
            yield group
            group, frames = [], 0
        group.append(pack)
        frames += len(pack.frames)
    if group:
        yield group
