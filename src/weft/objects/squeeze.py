"""Deciding what is worth compressing, and compressing it in batches.

One call of the library for a whole batch keeps the interpreter lock free for milliseconds instead of microseconds at a
time: threads that pass that lock back and forth for each small file are slower than one thread.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import zstandard

from weft.model.entry import RAW, ZSTD

Buffer = bytes | bytearray | memoryview

SAMPLE = 8 << 10
"""Bytes from the middle of a longer piece that are tried first."""
PATIENCE = 64
"""After so many pieces in a row that did not shrink, only one of ``PROBE`` is tried."""
PROBE = 8
RARE = 64
"""After ``PATIENCE * PROBE`` only one of so many."""
_CHUNK_LEVEL = 1
_META_LEVEL = 3

_local = threading.local()


def _compressor(level: int) -> zstandard.ZstdCompressor:
    # A context belongs to one thread and costs more to make than most pieces cost to compress.
    found: dict[int, zstandard.ZstdCompressor] | None = getattr(_local, "zstd", None)
    if found is None:
        found = _local.zstd = {}
    if level not in found:
        found[level] = zstandard.ZstdCompressor(level=level)
    return found[level]


def worth(packed: int, raw: int) -> bool:
    """True when ``packed`` bytes save more than a thirty-second (3 %) of ``raw``."""
    return packed < raw - (raw >> 5)


def squeeze_one(data: bytes) -> tuple[int, Buffer]:
    """Codec and stored bytes of a manifest, recipe or layout: always tried, at level 3."""
    packed = _compressor(_META_LEVEL).compress(data) if data else b""
    return (ZSTD, packed) if worth(len(packed), len(data)) else (RAW, data)


class Squeezer:
    """Compresses batches of chunks and learns when it is in vain. Safe from any thread: what it learns is only a hint."""

    def __init__(self) -> None:
        self._misses = 0
        self.tried = 0

    def squeeze(self, pieces: Sequence[Buffer]) -> list[tuple[int, Buffer]]:
        """Codec and stored bytes of each piece."""
        result: list[tuple[int, Buffer]] = [(RAW, piece) for piece in pieces]
        if self._misses < PATIENCE:
            self._try(pieces, range(len(pieces)), result)
            return result
        step = PROBE if self._misses < PATIENCE * PROBE else RARE
        probes = range(self._misses % min(step, len(pieces) or 1), len(pieces), step)
        if self._try(pieces, probes, result):
            self._try(pieces, [number for number in range(len(pieces)) if number not in probes], result)
        return result

    def _try(self, pieces: Sequence[Buffer], numbers: Sequence[int], result: list[tuple[int, Buffer]]) -> bool:
        """Compress those ``numbers`` of ``pieces`` that promise to shrink; True when one did."""
        hopeful = [number for number in numbers if 0 < len(pieces[number]) <= 2 * SAMPLE]
        large = [number for number in numbers if len(pieces[number]) > 2 * SAMPLE]
        samples = [memoryview(pieces[n])[len(pieces[n]) // 2 :][:SAMPLE] for n in large]
        hopeful += [n for n, packed in zip(large, self._compress(samples), strict=True) if worth(len(packed), SAMPLE)]
        shrunk = 0
        for number, packed in zip(hopeful, self._compress([pieces[n] for n in hopeful]), strict=True):
            if worth(len(packed), len(pieces[number])):
                result[number] = (ZSTD, packed.tobytes())
                shrunk += 1
        self.tried += len(numbers)
        self._misses = 0 if shrunk else self._misses + len(numbers)
        return shrunk > 0

    @staticmethod
    def _compress(pieces: Sequence[Buffer]) -> Sequence[zstandard.BufferSegment]:
        if not pieces:
            return []
        done = _compressor(_CHUNK_LEVEL).multi_compress_to_buffer(list(pieces))
        return [done[number] for number in range(len(done))]
