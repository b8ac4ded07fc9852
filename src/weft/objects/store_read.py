"""Reading frames of the local store: checked, bounded, in few calls, and from another copy when one is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from weft.errors import HashMismatch, IntegrityError, LimitExceeded, ObjectMissing, SizeMismatch
from weft.formats.frame import check_frame, decode_frame, require_kind
from weft.model.entry import Frame
from weft.model.oid import Kind, Oid
from weft.objects.catalog import LOCAL, Catalog, Location
from weft.objects.packfiles import OpenPack, PackFiles
from weft.util.later import later

if TYPE_CHECKING:
    from weft.objects import pack_places
else:
    pack_places = later("weft.objects.pack_places")

_SLICE = 8192
_AHEAD = 256
_NEIGHBOURS = 32
_GAP = 64 << 10
_RUN = 4 << 20

Damaged = Callable[[Location, IntegrityError | LimitExceeded | FileNotFoundError], bool]
"""Called for a copy that cannot be read; returns True when the catalog was mended and should be asked again."""
Absent = Callable[[], bool]
"""Called before an object is reported missing; returns True when the catalog should be asked again."""


def unpack(pack: OpenPack, frame: Frame, stored: bytes, verify: bool) -> bytes:
    """The raw bytes of ``frame``. Hashed when ``verify`` is asked for or somebody else may have written the pack.

    Raises ``SizeMismatch``, ``HashMismatch``, ``LimitExceeded``; each names the pack's path.
    """
    try:
        check_frame(stored, frame)
        data = decode_frame(stored, frame)
        if (verify or not pack.trusted) and Oid.of(data, frame.kind) != frame.oid:
            raise HashMismatch(f"the bytes stored as {frame.oid} hash to another name")
    except (IntegrityError, LimitExceeded) as error:
        error.path = pack.path
        raise
    return data


class FrameReader:
    """Reads frames through the catalog. Safe from any thread."""

    def __init__(self, files: PackFiles, catalog: Catalog, damaged: Damaged, absent: Absent = lambda: False) -> None:
        self._files = files
        self._catalog = catalog
        self._damaged = damaged
        self._absent = absent
        self._places: pack_places.PackPlaces | None = None

    def read(self, oid: Oid, kind: Kind | None, verify: bool) -> bytes:
        """The bytes of one frame. Raises ``ObjectMissing``, ``HashMismatch``, ``SizeMismatch``, ``ObjectType``."""
        fault: IntegrityError | LimitExceeded | FileNotFoundError | None = None
        for _attempt in range(2):
            again = False
            for location in self._catalog.locate((oid,), LOCAL).get(oid, ()):
                try:
                    return self.read_at(location, kind, verify)
                except (IntegrityError, LimitExceeded, FileNotFoundError) as error:
                    fault = error
                    again = self._damaged(location, error) or again
            if not again and not (fault is None and self._absent()):
                break
        if fault is None or isinstance(fault, FileNotFoundError):
            raise missing(oid)
        raise fault

    def read_many(self, oids: Iterable[Oid], kind: Kind | None, verify: bool) -> Iterator[tuple[Oid, bytes]]:
        """The bytes of many frames, each oid once, by pack and offset; neighbours are read with one call."""
        rest = iter(dict.fromkeys(oids))
        while batch := list(islice(rest, _SLICE)):
            found = self._locate(batch)
            if len(found) < len(batch) and self._absent():
                found = self._locate(batch)
            for oid in batch:
                if oid not in found:
                    raise missing(oid)
            for run in _runs(sorted(found.values(), key=_place)):
                yield from self._read_run(run, kind, verify)

    def read_ordered(self, oids: Sequence[Oid], kind: Kind | None, verify: bool) -> Iterator[bytes]:
        """The bytes of frames in the order of ``oids``, located in batches; the disk is told of the next batch in time."""
        following = self._locate_ahead(oids[:_AHEAD])
        for start in range(0, len(oids), _AHEAD):
            batch, found = oids[start : start + _AHEAD], following
            following = self._locate_ahead(oids[start + _AHEAD : start + 2 * _AHEAD])
            for oid in batch:
                try:
                    yield self.read_at(found[oid], kind, verify)
                except (KeyError, IntegrityError, LimitExceeded, FileNotFoundError):
                    if oid in found:
                        self._forget(found[oid].pack)
                    # The slow way knows what to do about damage, and tries the other copies.
                    yield self.read(oid, kind, verify)

    def _locate_ahead(self, oids: Sequence[Oid]) -> dict[Oid, Location]:
        """Where ``oids`` are, and the disk reads them from now on: a frame at a time it would wait for each."""
        found = self._locate(oids) if oids else {}
        first = sorted(found.values(), key=_place)
        for run in _runs(first) if len(first) > 1 else ():
            start, last = run[0].frame.offset, run[-1].frame
            # Whoever reads it meets the error, and knows what to do.
            with suppress(IntegrityError, FileNotFoundError):
                self._files.open(run[0].pack).expect(start, last.offset + last.stored - start)
        return found

    def _locate(self, oids: Sequence[Oid]) -> dict[Oid, Location]:
        """One copy of each of ``oids`` that the catalog knows."""
        if len(oids) < _NEIGHBOURS:
            return {oid: copies[0] for oid, copies in self._catalog.locate(oids, LOCAL).items()}
        if self._places is None:
            self._places = pack_places.PackPlaces(self._catalog)
        return self._places.locate(oids)

    def _forget(self, pack: Oid) -> None:
        if self._places is not None:
            self._places.forget(pack)

    def read_at(self, location: Location, kind: Kind | None, verify: bool) -> bytes:
        """The bytes of one copy. Raises what ``read`` raises, and ``FileNotFoundError``; nothing is done about damage."""
        frame = location.frame
        if kind is not None:
            require_kind(frame, kind)
        pack = self._files.open(location.pack)
        if frame.offset + frame.stored > pack.size:
            raise SizeMismatch(f"a pack of {pack.size} bytes ends before a frame of it: {pack.path}", path=pack.path)
        return unpack(pack, frame, pack.read(frame.offset, frame.stored), verify)

    def _read_run(self, run: list[Location], kind: Kind | None, verify: bool) -> Iterator[tuple[Oid, bytes]]:
        start = run[0].frame.offset
        end = run[-1].frame.offset + run[-1].frame.stored
        try:
            pack = self._files.open(run[0].pack)
            data = pack.read(start, end - start)
        except (IntegrityError, FileNotFoundError):
            self._forget(run[0].pack)
            for location in run:
                yield location.frame.oid, self.read(location.frame.oid, kind, verify)
            return
        for _, frame in run:
            if kind is not None:
                require_kind(frame, kind)
            offset = frame.offset - start
            try:
                yield frame.oid, unpack(pack, frame, data[offset : offset + frame.stored], verify)
            except (IntegrityError, LimitExceeded):
                self._forget(run[0].pack)
                # The slow way knows what to do about damage, and tries the other copies.
                yield frame.oid, self.read(frame.oid, kind, verify)


def missing(oid: Oid) -> ObjectMissing:
    """The error for an object that the local store lacks."""
    return ObjectMissing(f"the local store does not hold {oid}", hint="run: weft fetch, or weft verify --repair")


def _place(location: Location) -> tuple[Oid, int]:
    return location.pack, location.frame.offset


def _runs(locations: list[Location]) -> Iterator[list[Location]]:
    """Group neighbours of one pack: gaps up to 64 KiB, runs up to 4 MiB."""
    run: list[Location] = []
    for location in locations:
        frame = location.frame
        if run:
            last = run[-1].frame
            near = frame.offset - (last.offset + last.stored) <= _GAP
            if location.pack != run[0].pack or not near or frame.offset + frame.stored - run[0].frame.offset > _RUN:
                yield run
                run = []
        run.append(location)
    if run:
        yield run
