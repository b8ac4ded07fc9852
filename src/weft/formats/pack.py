"""Packs: header, footer and trailer (``docs/spec/pack.md``). The frames' bytes are the business of ``formats.frame``.

Everything is little-endian. Every number is checked against the pack before anything is allocated by it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NoReturn

from xxhash import xxh3_64_intdigest

from weft.errors import BadPackIndex, FormatVersion
from weft.model.entry import RAW, ZSTD, Frame
from weft.model.oid import Kind, Oid

VERSION = 1
MAGIC = b"WEFTPACK"
TAIL_MAGIC = b"WEFTTAIL"
_HEADER = struct.Struct("<8sHHI")
_ENTRY = struct.Struct("<32sQIIBBHQ")
_TRAILER = struct.Struct("<QIIQ8s")

HEADER = _HEADER.pack(MAGIC, VERSION, 0, 0)
HEADER_SIZE = _HEADER.size
FOOTER_ENTRY = _ENTRY.size
TRAILER_SIZE = _TRAILER.size

MAX_PACK = 64 << 20
"""Most bytes of a whole pack: header, frames, footer and trailer."""
MAX_RAW = 16 << 20
"""Most bytes a frame may expand to."""
MAX_STORED = 64 << 20
"""Most stored bytes of one frame."""

encode_entry = _ENTRY.pack
"""One entry of a footer, from: oid, offset, stored length, raw length, kind, codec, 0, xxh3_64 of the stored bytes."""

_NAME = struct.Struct("<32s28x")
_KINDS = {int(kind): kind for kind in Kind}
_CODECS = (RAW, ZSTD)


def encode_footer(frames: Sequence[Frame]) -> bytes:
    """Return the footer of ``frames`` (in position order)."""
    pack = _ENTRY.pack
    return b"".join([pack(f.oid, f.offset, f.stored, f.raw, f.kind, f.codec, 0, f.check) for f in frames])


def footer_names(footer: bytes, frames: Sequence[Frame]) -> bool:
    """True when ``footer`` holds just ``frames``; takes no memory for a second list of them."""
    if len(footer) != FOOTER_ENTRY * len(frames):
        return False
    found = _ENTRY.iter_unpack(footer)
    return all(
        entry == (f.oid, f.offset, f.stored, f.raw, f.kind, f.codec, 0, f.check)
        for entry, f in zip(found, frames, strict=True)
    )


def footer_oids(footer: bytes) -> Iterator[bytes]:
    """The oids of a footer that was checked before, in position order."""
    return (name for (name,) in _NAME.iter_unpack(footer))


def frame_at(footer: bytes, number: int) -> Frame:
    """The frame ``number`` (from 0) of a footer that was checked before. Raises ``BadPackIndex`` for an unknown kind."""
    oid, offset, stored, raw, kind, codec, _, check = _ENTRY.unpack_from(footer, number * FOOTER_ENTRY)
    if kind not in _KINDS:
        _refuse(offset, offset, stored, raw, kind)
    return Frame(Oid(oid), offset, stored, raw, _KINDS[kind], codec, check)


def encode_trailer(footer_offset: int, footer: bytes, count: int) -> bytes:
    """Return the last 32 bytes of a pack whose ``footer`` starts at ``footer_offset`` and holds ``count`` entries."""
    return _TRAILER.pack(footer_offset, count, 0, xxh3_64_intdigest(footer), TAIL_MAGIC)


def check_header(data: bytes) -> None:
    """Check the first 16 bytes of a pack. Raises ``BadPackIndex``; ``FormatVersion`` for a newer pack."""
    if len(data) != HEADER_SIZE:
        raise BadPackIndex(f"a pack header has {HEADER_SIZE} bytes, not {len(data)}")
    magic, version, flags, reserved = _HEADER.unpack(data)
    if magic != MAGIC:
        raise BadPackIndex("not a pack: it does not start with WEFTPACK")
    if version > VERSION or flags:
        raise FormatVersion(
            f"the pack is of version {version} (flags {flags:#x}); this weft reads version {VERSION}",
            hint="install a newer weft",
        )
    if version < 1 or reserved:
        raise BadPackIndex("the pack header holds a version or reserved bytes that no weft writes")


def decode_trailer(data: bytes, pack_size: int) -> tuple[int, int, int]:
    """Read the last 32 bytes of a pack of ``pack_size`` bytes: footer offset, frame count, xxh3_64 of the footer.

    The footer is then known to fill exactly the bytes between its offset and the trailer. Raises ``BadPackIndex``.
    """
    if len(data) != TRAILER_SIZE:
        raise BadPackIndex("the pack is too short to hold a header, a frame and a trailer")
    if pack_size > MAX_PACK:
        raise BadPackIndex(f"a pack of {pack_size} bytes is over the limit of {MAX_PACK}")
    footer_offset, count, reserved, check, magic = _TRAILER.unpack(data)
    if magic != TAIL_MAGIC:
        raise BadPackIndex("the pack does not end with WEFTTAIL: it is truncated or no pack")
    if reserved or not count or footer_offset != footer_start(pack_size, count) or footer_offset < HEADER_SIZE:
        raise BadPackIndex(
            f"the pack trailer ({count} frames, footer at {footer_offset}) does not fit {pack_size} bytes"
        )
    return footer_offset, count, check


def footer_start(pack_size: int, count: int) -> int:
    """Where the footer of ``count`` entries starts in a pack of ``pack_size`` bytes (it may come out negative)."""
    return pack_size - TRAILER_SIZE - FOOTER_ENTRY * count


def check_footer(footer: bytes, check: int) -> None:
    """Compare a footer to the checksum of the trailer. Raises ``BadPackIndex``."""
    if xxh3_64_intdigest(footer) != check:
        raise BadPackIndex("the pack footer does not match its checksum")


def decode_footer(footer: bytes, footer_offset: int) -> tuple[Frame, ...]:
    """Read a footer: at least one frame, frames back to back from byte 16 to ``footer_offset``, each oid once.

    Raises ``BadPackIndex``.
    """
    if not footer or len(footer) % FOOTER_ENTRY:
        raise BadPackIndex(f"a footer of {len(footer)} bytes is not a whole number of entries")
    frames = []
    kinds, position, new, make = _KINDS, HEADER_SIZE, tuple.__new__, Oid
    for oid, offset, stored, raw, kind, codec, reserved, check in _ENTRY.iter_unpack(footer):
        if offset != position or stored > MAX_STORED or raw > MAX_RAW or reserved or kind not in kinds:
            _refuse(offset, position, stored, raw, kind)
        if codec not in _CODECS or (codec == RAW and stored != raw) or (codec == ZSTD and not (stored and raw)):
            raise BadPackIndex(f"the frame at {offset} has codec {codec} with {stored} stored and {raw} raw bytes")
        position += stored
        frames.append(new(Frame, (make(oid), offset, stored, raw, kinds[kind], codec, check)))
    if position != footer_offset:
        raise BadPackIndex(f"the frames of the pack end at {position}, its footer starts at {footer_offset}")
    if len({frame[0] for frame in frames}) != len(frames):
        raise BadPackIndex("the pack footer names an object twice")
    return tuple(frames)


def _refuse(offset: int, position: int, stored: int, raw: int, kind: int) -> NoReturn:
    if offset != position:
        raise BadPackIndex(f"a frame starts at {offset} where {position} is due: frames must lie back to back")
    if stored > MAX_STORED or raw > MAX_RAW:
        raise BadPackIndex(f"the frame at {offset} declares {stored} stored and {raw} raw bytes, over the limits")
    if kind not in _KINDS:
        raise BadPackIndex(f"the frame at {offset} is of the unknown kind {kind}")
    raise BadPackIndex(f"the frame at {offset} has reserved bytes that are not zero")
