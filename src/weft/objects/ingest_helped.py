"""The parent's side of the helpers of a large add (see ``ingest_helper``)."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self

from weft.model.oid import Oid
from weft.objects.chunker import Chunker
from weft.objects.ingest_helper import FileStatus
from weft.objects.ingest_read import FileToRead
from weft.objects.packer import NewFrame
from weft.util.helpers import AHEAD, Helpers
from weft.util.parallel import cpu_workers

SLOT = 4 << 20
"""Bytes of one batch in the common memory. A batch that needs more is read by the parent."""
HELPERS = 3
"""Most processes that read beside the parent."""


class Helped(NamedTuple):
    """A batch that was read: each file with its oid, status and number of chunks (None: it is still to be read), and the
    chunks as frames, whose bytes are gone when the next batch is taken."""

    files: list[tuple[FileToRead, tuple[Oid, FileStatus, int] | None]]
    frames: list[NewFrame]


class _Task(NamedTuple):
    slot: int
    files: Sequence[FileToRead]


class ReadingHelpers:
    """Processes that read batches of small files beside this one. A context manager: leaving it ends them.

    ``start`` begins them; without it, and on a machine with one processor, ``give`` takes nothing. Files are only hashed
    where ``chunker`` is None; ``max_size`` is the limit of one file in bytes.
    """

    def __init__(self, chunker: Chunker | None, max_size: int) -> None:
        self._params = tuple(chunker.params) if chunker is not None else None
        self._max_size = max_size
        self._helpers: Helpers[_Task] | None = None
        self._memory: mmap.mmap | None = None
        self._room = memoryview(b"")
        self._free: list[int] = []

    def start(self) -> None:
        """Begin the processes, once; they take batches as soon as they are there."""
        count = min(cpu_workers() - 1, HELPERS)
        if self._helpers is not None or not count or not hasattr(os, "memfd_create"):
            return
        size = count * AHEAD * SLOT
        fd = os.memfd_create("weft")
        try:
            os.ftruncate(fd, size)
            self._memory = mmap.mmap(fd, size)
            self._room = memoryview(self._memory)
            setup = (fd, size, self._max_size, self._params)
            self._helpers = Helpers("weft.objects.ingest_helper", count, setup, [fd], wait=False)
        finally:
            os.close(fd)
        self._free = [slot * SLOT for slot in range(count * AHEAD)]

    def give(self, files: Sequence[FileToRead]) -> bool:
        """Hand a batch to a process that has room for it; False when there is none."""
        if self._helpers is None or not self._free or sum([file.size for file in files]) > SLOT:
            return False
        if not self._helpers.has_room():
            return False
        task = _Task(self._free.pop(), files)
        self._helpers.give(task, (task.slot, SLOT, [(file.path, file.size) for file in files]))
        return True

    def done(self) -> Iterator[Helped]:
        """The batches that are read by now. Raises ``EnvironmentFault`` when a process was ended from outside."""
        if self._helpers is not None:
            yield from self._taken(self._helpers.replies(0.0))

    def rest(self) -> Iterator[Helped]:
        """Wait for all batches that were handed out. Raises as ``done`` does."""
        if self._helpers is not None:
            yield from self._taken(self._helpers.rest())

    def _taken(self, replies: Iterator[tuple[_Task, Any]]) -> Iterator[Helped]:
        for task, (found, chunks) in replies:
            files = [
                (file, None if one is None else (Oid(one[0]), FileStatus(*one[1]), one[2]))
                for file, one in zip(task.files, found, strict=True)
            ]
            frames: list[NewFrame] = [
                (Oid(oid), codec, length, self._room[place : place + stored], check)
                for oid, codec, length, check, place, stored in chunks
            ]
            yield Helped(files, frames)
            self._free.append(task.slot)

    def close(self) -> None:
        """End the processes."""
        if self._helpers is not None:
            self._helpers.close()
        self._room.release()
        if self._memory is not None:
            # After an error a frame may still be held by what tells of it; the memory goes with it then.
            with suppress(BufferError):
                self._memory.close()
            self._memory = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
