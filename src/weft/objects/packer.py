"""Writing packs (``docs/spec/local.md``, Pack): frames in, durable files named by their content out.

Nothing of a pack is kept in memory but its footer and the blocks on their way to the disk. Writing and hashing run in one
background thread and ``fsync`` in another, so that the caller's thread only compresses, counts and copies.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from weft.formats.pack import FOOTER_ENTRY, HEADER, TRAILER_SIZE, encode_entry, encode_trailer
from weft.model.entry import PackInfo
from weft.model.oid import Kind, Oid
from weft.objects.background import Background
from weft.objects.blocks import BlockFile
from weft.objects.packfiles import PackFiles, open_new, read_footer, read_pack_info
from weft.util.atomic import os_errors
from weft.util.blocks import new_block

Buffer = bytes | bytearray | memoryview
NewFrame = tuple[Oid, int, int, Buffer, int]
"""A frame to append: oid, codec, raw length, stored bytes, and their xxh3_64."""

TARGET = 32 << 20
LIMIT = 64 << 20
MOST_FRAMES = 16_384
"""Most frames in a pack that weft writes: whoever proves it or reads its index holds some 600 bytes a frame."""
IN_FLIGHT = 16 << 20
"""Bytes that may wait to be written, for each writer."""


class SealedPack(NamedTuple):
    """A finished pack: its name, its size in bytes, and where it lies. Its frames are not kept in memory."""

    name: Oid
    size: int
    path: str

    def info(self) -> PackInfo:
        """The pack with its frames, read back from the file. Raises ``BadPackIndex`` and the errors of reading."""
        return read_pack_info(open_new(self.path), self.name)

    def footer(self) -> bytes:
        """The encoded footer, read back from the file. Raises ``BadPackIndex`` and the errors of reading."""
        return read_footer(open_new(self.path))


class PackWriter:
    """Writes frames of any number into packs of about ``target`` bytes or ``most`` frames, never over ``limit`` bytes.

    To be used under a lock of the owner. The caller gives each oid once. After any error the writer can only be aborted.
    With ``replace`` a file that stands under the name of a finished pack gives way to it, in one step.
    """

    def __init__(
        self,
        files: PackFiles,
        target: int = TARGET,
        limit: int = LIMIT,
        *,
        most: int = MOST_FRAMES,
        replace: bool = False,
    ) -> None:
        self._files = files
        self._replace = replace
        self._target = target
        self._limit = limit
        self._most = most * FOOTER_ENTRY
        self._writing = Background(IN_FLIGHT, "weft-pack")
        self._syncing = Background(limit * 4, "weft-sync")
        self._sealed: list[SealedPack] = []
        self._live: list[BlockFile] = []
        self._file: BlockFile | None = None
        self._footer = bytearray()
        self._offset = 0
        self._free: list[memoryview] = []
        self._block: memoryview | None = None
        self._filled = 0
        self._closed = False

    @property
    def peak(self) -> int:
        """Most bytes that ever waited to be written."""
        return self._writing.peak

    def add(self, oid: Oid, kind: Kind, codec: int, raw: int, stored: Buffer, check: int) -> None:
        """Append one frame: ``stored`` bytes that expand to ``raw`` bytes, with their xxh3_64 ``check``."""
        self.extend(kind, ((oid, codec, raw, stored, check),))

    def extend(self, kind: Kind, frames: Iterable[NewFrame]) -> None:
        """Append frames of one kind. Their bytes are copied. Raises the errors of earlier writes too."""
        if self._closed:
            raise RuntimeError("the pack writer is closed")
        for oid, codec, raw, stored, check in frames:
            size = len(stored)
            if self._file is None:
                self._begin()
            elif self._offset + size + len(self._footer) + FOOTER_ENTRY + TRAILER_SIZE > self._limit:
                self._seal()
                self._begin()
            self._footer += encode_entry(oid, self._offset, size, raw, kind, codec, 0, check)
            self._offset += size
            self._append(stored)
            footer = len(self._footer)
            if self._offset + footer + TRAILER_SIZE >= self._target or footer >= self._most:
                self._seal()

    def finish(self) -> list[SealedPack]:
        """Seal the open pack and wait until all packs are durable under their names."""
        if self._file is not None:
            self._seal()
        self._writing.drain()
        self._syncing.drain()
        self._close()
        return self._sealed

    def abort(self) -> None:
        """Drop what is not published yet. Published packs stay: they are whole, and nothing refers to them."""
        self._close()
        for file in self._live:
            file.discard()
        self._live.clear()

    def _close(self) -> None:
        self._closed = True
        self._writing.close()
        self._syncing.close()
        self._block = None
        self._free.clear()

    def _begin(self) -> None:
        self._file = BlockFile(self._files.temp_path())
        self._live.append(self._file)
        self._offset = len(HEADER)
        self._append(HEADER)

    def _append(self, data: Buffer) -> None:
        """Copy ``data`` into blocks, which go to the writing thread as they are full."""
        while True:
            block = self._block or self._next_block()
            start = self._filled
            end = start + len(data)
            room = len(block) - start
            if len(data) < room:
                block[start:end] = data
                self._filled = end
                return
            data = memoryview(data)
            block[start:] = data[:room]
            self._filled = len(block)
            self._flush()
            data = data[room:]

    def _next_block(self) -> memoryview:
        # What waits to be written is bounded, so this many blocks are made at most, and one.
        self._block = self._free.pop() if self._free else new_block()
        return self._block

    def _flush(self) -> None:
        file, block, filled = self._file, self._block, self._filled
        assert file is not None  # noqa: S101 (only called while a pack is open)
        self._block, self._filled = None, 0
        if block is not None and filled:
            self._writing.submit(filled, partial(self._write, file, block, filled))

    def _write(self, file: BlockFile, block: memoryview, filled: int) -> None:
        file.append(block[:filled])
        self._free.append(block)

    def _seal(self) -> None:
        file = self._file
        assert file is not None  # noqa: S101 (only called while a pack is open)
        footer = bytes(self._footer)
        trailer = encode_trailer(self._offset, footer, len(footer) // FOOTER_ENTRY)
        size = self._offset + len(footer) + len(trailer)
        self._append(footer)
        self._append(trailer)
        self._flush()
        self._writing.submit(0, partial(self._hand_over, file, size))
        self._footer, self._file = bytearray(), None

    def _hand_over(self, file: BlockFile, size: int) -> None:
        # Runs in the writing thread, which is the only one that gives work to the syncing thread until ``finish``.
        self._syncing.submit(size, partial(self._publish, file, Oid(file.hasher.digest()), size))

    def _publish(self, file: BlockFile, name: Oid, size: int) -> None:
        with os_errors("sync", file.path):
            os.fsync(file.fd)
            written = os.fstat(file.fd).st_size
            if written != size:
                raise OSError(errno.EIO, f"{written} bytes were written, not {size}")
            file.close()
        final = self._files.publish(file.path, name, replace=self._replace)
        self._live.remove(file)
        self._sealed.append(SealedPack(name, size, final))


def infos(sealed: Iterable[SealedPack]) -> Iterator[PackInfo]:
    """The packs with their frames, one at a time."""
    for pack in sealed:
        yield pack.info()
