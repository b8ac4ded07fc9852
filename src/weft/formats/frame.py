"""Frames: the stored bytes of one object or chunk inside a pack (``docs/spec/pack.md``)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from xxhash import xxh3_64_intdigest

from weft.errors import HashMismatch, LimitExceeded, ObjectType, SizeMismatch
from weft.formats.pack import MAX_RAW
from weft.model.entry import RAW, Frame
from weft.model.oid import Kind
from weft.util.later import later

if TYPE_CHECKING:
    import zstandard
else:
    zstandard = later("zstandard")

_local = threading.local()


def _decompressor() -> zstandard.ZstdDecompressor:
    # A context is not safe to share between threads and costs more to make than most frames cost to expand.
    found: zstandard.ZstdDecompressor | None = getattr(_local, "zstd", None)
    if found is None:
        found = _local.zstd = zstandard.ZstdDecompressor(max_window_size=MAX_RAW)
    return found


def expand(stored: bytes, raw: int) -> bytes:
    """Expand one zstd frame that must declare and yield exactly ``raw`` bytes.

    Nothing is allocated before the declared size is known to be ``raw``. Raises ``LimitExceeded`` when the frame declares
    another size or none, needs too much memory, or is followed by other bytes; ``HashMismatch`` when it is damaged.
    """
    try:
        header = zstandard.get_frame_parameters(stored)
    except zstandard.ZstdError as error:
        raise HashMismatch(f"compressed bytes are damaged: {error}") from None
    if header.content_size != raw:
        raise LimitExceeded(f"compressed bytes declare another size than the {raw} bytes recorded for them")
    if header.window_size > max(raw, MAX_RAW) or header.dict_id:
        raise LimitExceeded("compressed bytes ask for more memory than they may, or for a dictionary")
    decompressor = _decompressor() if raw <= MAX_RAW else zstandard.ZstdDecompressor(max_window_size=raw)
    try:
        data = decompressor.decompress(stored, max_output_size=raw, allow_extra_data=False)
    except zstandard.ZstdError as error:
        if "too small" in str(error):
            raise LimitExceeded(f"compressed bytes expand to more than the {raw} bytes they declare") from None
        raise HashMismatch(f"compressed bytes are damaged: {error}") from None
    if len(data) != raw:
        raise HashMismatch(f"compressed bytes expand to {len(data)} bytes, not {raw}")
    return data


def decode_frame(stored: bytes, frame: Frame) -> bytes:
    """Return the raw bytes of ``frame`` from its ``stored`` bytes; never more than the frame declares.

    The caller still has to hash them. Raises ``SizeMismatch``, ``LimitExceeded``, ``HashMismatch``.
    """
    if len(stored) != frame.stored:
        raise SizeMismatch(f"a frame has {len(stored)} stored bytes, not {frame.stored}")
    if frame.codec == RAW:
        if frame.raw != frame.stored:
            raise SizeMismatch(f"an uncompressed frame records {frame.raw} bytes but holds {frame.stored}")
        return stored
    if frame.raw > MAX_RAW:
        raise LimitExceeded(f"a frame of {frame.raw} bytes is over the limit of {MAX_RAW}")
    return expand(stored, frame.raw)


def check_frame(stored: bytes, frame: Frame) -> None:
    """Compare stored bytes to the frame's length and xxh3_64. Raises ``SizeMismatch`` or ``HashMismatch``.

    This finds accidents, not attackers: the oid proves the content.
    """
    if len(stored) != frame.stored:
        raise SizeMismatch(f"a frame has {len(stored)} stored bytes, not {frame.stored}")
    if xxh3_64_intdigest(stored) != frame.check:
        raise HashMismatch(f"the stored bytes of {frame.oid} at {frame.offset} do not match their checksum")


def require_kind(frame: Frame, kind: Kind) -> None:
    """Refuse a frame of another kind than is wanted. Raises ``ObjectType``."""
    if frame.kind != kind:
        raise ObjectType(f"{frame.oid} is stored as a {Kind(frame.kind).name.lower()}, wanted is a {kind.name.lower()}")
