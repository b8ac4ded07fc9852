"""Pack index segments: the footers of many packs in one remote object (``docs/spec/segment.md``)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import zstandard

from weft.errors import BadPackIndex, FormatVersion, LimitExceeded
from weft.formats import pack
from weft.formats.frame import expand
from weft.model.entry import PackInfo
from weft.model.oid import Oid

VERSION = 1
MAGIC = b"WEFTSEGM"
_HEAD = struct.Struct("<8sHHIII")
_PACK = struct.Struct("<32sQII")

MAX_STORED = 64 << 20
"""Most bytes of a segment as it is stored."""
MAX_RAW = 256 << 20
"""Most bytes a segment may expand to."""


class Segment(NamedTuple):
    """Packs sorted by name, and the names of the segments that this one replaces."""

    packs: tuple[PackInfo, ...]
    supersedes: tuple[Oid, ...]


def encode(packs: Iterable[PackInfo], supersedes: Sequence[Oid] = ()) -> bytes:
    """Return the file bytes of a segment (one zstd frame); ``model.oid.segment_id`` of them is its name.

    Raises ``LimitExceeded`` when the segment would be over its limits: the caller has to split it.
    """
    ordered = [info for _name, info in sorted({info.name: info for info in packs}.items())]
    replaced = sorted(set(supersedes))
    parts = [_HEAD.pack(MAGIC, VERSION, 0, len(ordered), len(replaced), 0), *replaced]
    for info in ordered:
        parts += (_PACK.pack(info.name, info.size, len(info.frames), 0), pack.encode_footer(info.frames))
    payload = b"".join(parts)
    data = zstandard.ZstdCompressor(level=3).compress(payload)
    if len(data) > MAX_STORED or len(payload) > MAX_RAW:
        raise LimitExceeded(f"an index segment of {len(data)} stored and {len(payload)} raw bytes is over its limits")
    return data


def decode(data: bytes, limit: int = MAX_STORED, raw_limit: int = MAX_RAW) -> Segment:
    """Read a segment; the caller has already compared its name.

    Raises ``LimitExceeded`` before memory is taken, ``FormatVersion`` for a newer one, ``BadPackIndex`` for anything but
    the one valid payload; damaged compression is ``HashMismatch``.
    """
    if len(data) > limit:
        raise LimitExceeded(f"an index segment of {len(data)} bytes is over the limit of {limit}")
    raw = _declared_size(data)
    if raw > raw_limit:
        raise LimitExceeded(f"an index segment declares {raw} bytes, over the limit of {raw_limit}")
    payload = expand(data, raw)
    count, replaced = _read_head(payload)
    start = _HEAD.size
    supersedes = tuple([Oid(payload[at : at + 32]) for at in range(start, start + 32 * replaced, 32)])
    if any(one >= two for one, two in pairwise(supersedes)):
        raise BadPackIndex("the superseded segments are not sorted, or one is there twice")
    return Segment(_read_packs(payload, start + 32 * replaced, count), supersedes)


def _declared_size(data: bytes) -> int:
    try:
        size: int = zstandard.frame_content_size(data)
    except zstandard.ZstdError:
        raise BadPackIndex("an index segment is not one zstd frame") from None
    if size < 0:
        raise BadPackIndex("an index segment does not declare its size")
    return size


def _read_head(payload: bytes) -> tuple[int, int]:
    if len(payload) < _HEAD.size:
        raise BadPackIndex("an index segment is too short")
    magic, version, flags, count, replaced, reserved = _HEAD.unpack_from(payload)
    if magic != MAGIC:
        raise BadPackIndex("not an index segment: it does not start with WEFTSEGM")
    if version > VERSION or flags:
        raise FormatVersion(
            f"the index segment is of version {version} (flags {flags:#x}); this weft reads version {VERSION}",
            hint="install a newer weft",
        )
    if version < 1 or reserved:
        raise BadPackIndex("the index segment holds a version or reserved bytes that no weft writes")
    if _HEAD.size + 32 * replaced + _PACK.size * count > len(payload):
        raise BadPackIndex(f"an index segment of {len(payload)} bytes cannot hold {count} packs")
    return count, replaced


def _read_packs(payload: bytes, start: int, count: int) -> tuple[PackInfo, ...]:
    packs: list[PackInfo] = []
    for _ in range(count):
        if start + _PACK.size > len(payload):
            raise BadPackIndex("an index segment ends within a pack")
        name, size, frames, reserved = _PACK.unpack_from(payload, start)
        start += _PACK.size
        end = start + pack.FOOTER_ENTRY * frames
        if reserved or end > len(payload) or not pack.HEADER_SIZE < size <= pack.MAX_PACK:
            raise BadPackIndex(f"an index segment lists a pack of {size} bytes with {frames} frames: that cannot be")
        if packs and packs[-1].name >= name:
            raise BadPackIndex("the packs of an index segment are not sorted, or one is there twice")
        info = PackInfo(Oid(name), size, pack.decode_footer(payload[start:end], pack.footer_start(size, frames)))
        packs.append(info)
        start = end
    if start != len(payload):
        raise BadPackIndex(f"an index segment has {len(payload) - start} bytes too many")
    return tuple(packs)
