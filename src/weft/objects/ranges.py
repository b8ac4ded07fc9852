"""Reading single frames out of packs on a remote: neighbours in one request, each proved on its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from weft.errors import HashMismatch, KeyMissing, SizeMismatch, StorageFault, WeftError
from weft.model.entry import Frame
from weft.model.oid import Oid
from weft.objects import remote_keys as keys
from weft.objects.catalog import Location
from weft.objects.pack_check import BAD_COPY, verify_frame
from weft.objects.remote import RemoteStore, refuse_page

GAP = 64 << 10
"""Frames at most this many bytes apart are read together."""
MAX_RANGE = 8 << 20
"""Bytes that one request reads at most, unless a single frame is longer; with eight requests at once this bounds memory."""


class Range(NamedTuple):
    """Neighbouring frames of one pack."""

    pack: Oid
    frames: tuple[Frame, ...]

    @property
    def start(self) -> int:
        """First byte."""
        return self.frames[0].offset

    @property
    def length(self) -> int:
        """Bytes from the first frame to the end of the last."""
        return self.frames[-1].offset + self.frames[-1].stored - self.start


class Proved(NamedTuple):
    """A frame with its stored bytes and, proved by them, its raw bytes."""

    frame: Frame
    stored: bytes
    raw: bytes


class RangeResult(NamedTuple):
    """What came of one request. ``bad`` holds the bytes that were refused, with ``fault`` telling why."""

    pack: Oid
    good: list[Proved]
    received: int
    fault: WeftError | None = None
    bad: bytes = b""


def plan_ranges(copies: Iterable[Location]) -> Iterator[Range]:
    """Join neighbouring frames into ranges."""
    group: list[Frame] = []
    current: Oid | None = None
    end = 0
    for pack, frame in sorted(copies, key=lambda copy: (copy.pack, copy.frame.offset)):
        far = bool(group) and (frame.offset - end > GAP or frame.offset + frame.stored - group[0].offset > MAX_RANGE)
        if group and (pack != current or far):
            yield Range(current or pack, tuple(group))
            group = []
        group.append(frame)
        current, end = pack, frame.offset + frame.stored
    if group and current is not None:
        yield Range(current, tuple(group))


def read_range(remote: RemoteStore, wanted: Range) -> RangeResult:
    """Read a range and prove each of its frames. A bad copy is a result, trouble with the remote is raised."""
    key = keys.pack_key(wanted.pack)
    try:
        data = remote.storage.read(key, wanted.start, wanted.length)
    except KeyMissing as error:
        return RangeResult(wanted.pack, [], 0, error)
    except StorageFault as error:
        return RangeResult(wanted.pack, [], 0, _short(remote, wanted, key, error))
    good: list[Proved] = []
    for frame in wanted.frames:
        begin = frame.offset - wanted.start
        stored = data[begin : begin + frame.stored]
        try:
            good.append(Proved(frame, stored, verify_frame(stored, frame)))
        except BAD_COPY as error:
            return RangeResult(wanted.pack, good, len(data), _page_or(data, key, error), stored)
    return RangeResult(wanted.pack, good, len(data))


def _short(remote: RemoteStore, wanted: Range, key: str, error: StorageFault) -> WeftError:
    """The remote had no such range: say so when the pack is too short, else pass the remote's error on."""
    info = remote.catalog.pack_frames(wanted.pack)
    stat = remote.storage.stat(key)
    if info is not None and stat is not None and stat.size != info.size:
        return SizeMismatch(f"{key} on the remote has {stat.size} bytes, not {info.size}", path=key)
    raise error


def _page_or(data: bytes, key: str, error: WeftError) -> WeftError:
    try:
        refuse_page(data, key)
    except HashMismatch as page:
        return page
    error.path = error.path or key
    return error
