"""Writing one large file in blocks: the caller reads and proves the next bytes while a thread writes those before."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from weft.objects.background import Background
from weft.util.blocks import BLOCK, BlockSink, new_block

_WAITING = 2
"""Blocks that wait to be written or are being written; one more is filled meanwhile."""


def write_blocks(fd: int, pieces: Iterable[bytes]) -> None:
    """Append ``pieces`` to the empty file ``fd``, past the page cache where the file system knows how.

    Memory: three blocks of 4 MiB. Nothing is written after this returned or raised, so ``fd`` may be closed. Raises
    ``OSError`` of a write, and what ``pieces`` raises.
    """
    sink = BlockSink(fd)
    free: list[memoryview] = []
    writing = Background(_WAITING * BLOCK, "weft-file")

    def write(block: memoryview, filled: int) -> None:
        sink.append(block[:filled])
        free.append(block)

    block, filled = new_block(), 0
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                taken = min(len(rest), BLOCK - filled)
                block[filled : filled + taken] = rest[:taken]
                rest, filled = rest[taken:], filled + taken
                if filled == BLOCK:
                    writing.submit(BLOCK, partial(write, block, BLOCK))
                    block, filled = free.pop() if free else new_block(), 0
        if filled:
            writing.submit(filled, partial(write, block, filled))
        writing.drain()
    finally:
        writing.close()
