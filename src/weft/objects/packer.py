"""Writing packs (``docs/spec/local.md``, Pack): frames in, durable files named by their content out.

Nothing of a pack is kept in memory but its footer and the blocks on their way to the disk. Writing and hashing run in one
background thread and ``fsync`` in another, so that the caller's thread only compresses and counts.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from blake3 import blake3

from weft.formats.pack import FOOTER_ENTRY, HEADER, TRAILER_SIZE, decode_footer, encode_footer, encode_trailer
from weft.model.entry import Frame, PackInfo
from weft.model.oid import Kind, Oid
from weft.objects.background import Background
from weft.objects.packfiles import PackFiles
from weft.util.atomic import fsync_dir, os_errors, publish, write_all

Buffer = bytes | bytearray | memoryview

TARGET = 32 << 20
LIMIT = 64 << 20
BLOCK = 2 << 20
IN_FLIGHT = 16 << 20
"""Bytes that may wait to be written, for each writer."""

_JOIN_BELOW = 64 << 10
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class SealedPack(NamedTuple):
    """A finished pack: its name, its size in bytes, its encoded footer (60 bytes a frame, far less than tuples)."""

    name: Oid
    size: int
    footer: bytes

    def info(self) -> PackInfo:
        """The pack with its frames."""
        return PackInfo(self.name, self.size, decode_footer(self.footer, self.size - TRAILER_SIZE - len(self.footer)))


class _File:
    """A pack file in the making; its methods run in the background threads."""

    def __init__(self, path: str) -> None:
        self.path = path
        with os_errors("create", path):
            self.fd = os.open(path, _CREATE, 0o444)
        self.hasher = blake3()

    def write(self, pieces: list[Buffer]) -> None:
        """Append ``pieces``. Many small ones are joined first: one long hash and one write beat hundreds of short ones."""
        if sum(map(len, pieces)) < len(pieces) * _JOIN_BELOW:
            pieces = [b"".join(pieces)]
        with os_errors("write", self.path):
            for piece in pieces:
                self.hasher.update(piece)
                write_all(self.fd, piece if isinstance(piece, bytes) else memoryview(piece))

    def discard(self) -> None:
        """Close and remove the file, whatever state it is in."""
        # An error is on its way already, or the user gave up: a failing clean-up must not hide that.
        with suppress(OSError):
            self.close()
        with suppress(OSError):
            os.unlink(self.path)

    def close(self) -> None:
        """Close the descriptor, once."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class PackWriter:
    """Writes frames of any number into packs of about ``target`` bytes, never over ``limit``.

    To be used under a lock of the owner. The caller gives each oid once. After any error the writer can only be aborted.
    With ``replace`` a file that stands under the name of a finished pack gives way to it, in one step.
    """

    def __init__(self, files: PackFiles, target: int = TARGET, limit: int = LIMIT, *, replace: bool = False) -> None:
        self._files = files
        self._replace = replace
        self._target = target
        self._limit = limit
        self._writing = Background(IN_FLIGHT, "weft-pack")
        self._syncing = Background(limit * 4, "weft-sync")
        self._sealed: list[SealedPack] = []
        self._live: list[_File] = []
        self._file: _File | None = None
        self._frames: list[Frame] = []
        self._pieces: list[Buffer] = []
        self._waiting = 0
        self._offset = 0
        self._closed = False

    @property
    def peak(self) -> int:
        """Most bytes that ever waited to be written."""
        return self._writing.peak

    def add(self, oid: Oid, kind: Kind, codec: int, raw: int, stored: Buffer, check: int) -> None:
        """Append one frame: ``stored`` bytes that expand to ``raw`` bytes, with their xxh3_64 ``check``.

        ``stored`` must not change afterwards. Raises the errors of earlier writes too.
        """
        size = len(stored)
        if self._closed:
            raise RuntimeError("the pack writer is closed")
        if self._file is None:
            self._begin()
        elif self._size_with(size) > self._limit:
            self._seal()
            self._begin()
        self._frames.append(Frame(oid, self._offset, size, raw, kind, codec, check))
        self._pieces.append(stored)
        self._offset += size
        self._waiting += size
        if self._waiting >= BLOCK:
            self._flush()
        if self._size_with(0) >= self._target:
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

    def _size_with(self, size: int) -> int:
        return self._offset + size + (len(self._frames) + 1) * FOOTER_ENTRY + TRAILER_SIZE

    def _begin(self) -> None:
        self._file = _File(self._files.temp_path())
        self._live.append(self._file)
        self._pieces, self._waiting, self._offset = [HEADER], len(HEADER), len(HEADER)

    def _flush(self) -> None:
        assert self._file is not None  # noqa: S101 (only called while a pack is open)
        if self._pieces:
            self._writing.submit(self._waiting, partial(self._file.write, self._pieces))
            self._pieces, self._waiting = [], 0

    def _seal(self) -> None:
        file = self._file
        assert file is not None  # noqa: S101 (only called while a pack is open)
        footer = encode_footer(self._frames)
        trailer = encode_trailer(self._offset, footer, len(self._frames))
        size = self._offset + len(footer) + len(trailer)
        self._pieces += (footer, trailer)
        self._waiting += len(footer) + len(trailer)
        self._flush()
        self._writing.submit(0, partial(self._hand_over, file, size, footer))
        self._frames, self._file = [], None

    def _hand_over(self, file: _File, size: int, footer: bytes) -> None:
        # Runs in the writing thread, which is the only one that gives work to the syncing thread until ``finish``.
        sealed = SealedPack(Oid(file.hasher.digest()), size, footer)
        self._syncing.submit(size, partial(self._publish, file, sealed))

    def _publish(self, file: _File, sealed: SealedPack) -> None:
        with os_errors("sync", file.path):
            os.fsync(file.fd)
            written = os.fstat(file.fd).st_size
            if written != sealed.size:
                raise OSError(errno.EIO, f"{written} bytes were written, not {sealed.size}")
            file.close()
        final = self._files.make_directory(sealed.name)
        if self._replace:
            with os_errors("publish", final):
                os.rename(file.path, final)
            fsync_dir(os.path.dirname(final))
        else:
            publish(file.path, final)
        self._live.remove(file)
        self._sealed.append(sealed)


def infos(sealed: Iterable[SealedPack]) -> Iterator[PackInfo]:
    """The packs with their frames, one at a time."""
    for pack in sealed:
        yield pack.info()
