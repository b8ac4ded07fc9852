"""Whole packs in memory, for tests that make them or read them without a store."""

from __future__ import annotations

import zstandard

from weft.formats import pack
from weft.model.entry import RAW, ZSTD, Frame


def encode_frame(data: bytes, compressor: zstandard.ZstdCompressor) -> tuple[int, bytes]:
    """Codec and stored bytes of ``data``: zstd where it is worth it, else as it is."""
    packed = compressor.compress(data)
    return (ZSTD, packed) if data and len(packed) < len(data) else (RAW, data)


def decode_pack(data: bytes) -> tuple[Frame, ...]:
    """The frames of a whole pack. Raises ``BadPackIndex`` and ``FormatVersion``."""
    pack.check_header(data[: pack.HEADER_SIZE])
    footer_offset, _count, check = pack.decode_trailer(data[-pack.TRAILER_SIZE :], len(data))
    footer = data[footer_offset : -pack.TRAILER_SIZE]
    pack.check_footer(footer, check)
    return pack.decode_footer(footer, footer_offset)
