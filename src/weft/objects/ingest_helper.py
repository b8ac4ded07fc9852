"""A helper of a large add: a process of its own that reads, hashes, cuts and compresses batches of small files.

The bytes go to the parent through memory that both have; standard output takes only what they are (see ``util.messages``).
"""

from __future__ import annotations

import mmap
import os
import select
import stat
from collections.abc import Iterator
from typing import Any, NamedTuple

from xxhash import xxh3_64_intdigest

from weft.errors import WeftError
from weft.model.oid import Oid
from weft.model.remote import ChunkerParams
from weft.objects.chunker import Chunker
from weft.objects.ingest_read import RUN, FileToRead, Grown, ask_for, fill, steady, waits
from weft.objects.squeeze import Squeezer
from weft.util.messages import READY, receive, send


class FileStatus(NamedTuple):
    """What of an ``os.stat_result`` comes from a helper, under the same names."""

    st_mode: int
    st_dev: int
    st_ino: int
    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int


def serve(given: int = 0, answers: int = 1) -> None:
    """Answer the tasks that come in at the descriptor ``given`` until it ends.

    The first message is the descriptor and size of the common memory, the most bytes of a file, and the chunker's
    parameters (None: files are only hashed). A task is where in that memory to write, and how much at most, and the files:
    path and size. The reply has for each file None (the parent reads it itself, and meets the error) or its oid, status
    and number of chunks; and the chunks: oid, codec, length, checksum, and the place and length of the stored bytes.
    """
    setup = receive(given)
    if setup is None:
        return
    fd, size, limit, params = setup
    with mmap.mmap(fd, size) as memory, memoryview(memory) as room:
        reader = _Reader(room, limit, Chunker(ChunkerParams(*params)) if params else None)
        send(answers, READY)
        for task in _tasks(given):
            send(answers, reader.read(*task))


def _tasks(given: int) -> Iterator[Any]:
    """The tasks that come in; where the disk makes this process wait, the next one's files are asked for ahead."""
    slow, following = 0, receive(given)
    while (task := following) is not None:
        following = None
        if slow and select.select([given], [], [], 0)[0] and (following := receive(given)) is not None:
            ask_for(FileToRead(path, size, None) for path, size in following[2])
        before = waits()
        yield task
        slow = RUN if waits() - before > len(task[2]) // 2 else max(slow - 1, 0)
        following = following or receive(given)


class _Reader:
    def __init__(self, room: memoryview, limit: int, chunker: Chunker | None) -> None:
        self._room = room
        self._limit = limit
        self._chunker = chunker
        self._squeezer = Squeezer()

    def read(self, start: int, room: int, files: list[tuple[str, int]]) -> tuple[list[Any], list[Any]]:
        found: list[Any] = []
        chunks: list[tuple[Oid, int, int]] = []
        place, end = start, start + room
        for path, expected in files:
            try:
                view = self._room[place : min(place + expected, end)]
                status = self._file(path, view, expected)
            except (WeftError, OSError, Grown):
                found.append(None)
                continue
            oid = Oid.of(view)
            pieces = self._cut(oid, view, place)
            chunks += pieces
            found.append((bytes(oid), tuple(status), len(pieces)))
            place += expected
        return found, self._stored(chunks)

    def _file(self, path: str, view: memoryview, expected: int) -> FileStatus:
        """Read a file of just the ``expected`` size into ``view``."""

        def into(fd: int, status: os.stat_result) -> None:
            if status.st_size != expected or len(view) != expected:
                raise Grown
            fill(fd, view)

        _, seen = steady(path, into, self._limit)
        if not stat.S_ISREG(seen.st_mode):
            raise Grown
        return FileStatus(seen.st_mode, seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)

    def _cut(self, oid: Oid, view: memoryview, place: int) -> list[tuple[Oid, int, int]]:
        """The chunks of a file: oid, place and length."""
        if self._chunker is None:
            return []
        lengths = self._chunker.cut(view) if len(view) > self._chunker.minimum else ()
        if len(lengths) <= 1:
            return [(oid, place, len(view))]
        pieces = []
        for length in lengths:
            pieces.append((Oid.of(self._room[place : place + length]), place, length))
            place += length
        return pieces

    def _stored(self, chunks: list[tuple[Oid, int, int]]) -> list[tuple[bytes, int, int, int, int, int]]:
        """Compress what is worth it, in its place: nothing grows."""
        views = [self._room[place : place + length] for _, place, length in chunks]
        frames = []
        for (oid, place, length), (codec, stored) in zip(chunks, self._squeezer.squeeze(views), strict=True):
            kept = len(stored)
            if kept < length:
                self._room[place : place + kept] = stored
            frames.append((bytes(oid), codec, length, xxh3_64_intdigest(stored), place, kept))
        return frames
