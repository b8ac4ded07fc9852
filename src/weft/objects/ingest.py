"""Reading the files of a workspace into the store in one pass: read, hash, cut, compress, append (``docs/spec``, add).

Small files are read and hashed by one thread, batch by batch, while the taker's thread compresses and packs: several
threads that open small files mostly wait for one another's interpreter lock. More readers join only while the disk is
slow to answer. Large files are read window by window, each with a thread of its own that hashes behind the reader.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from weft.model.oid import Oid
from weft.objects.chunker import Buffer
from weft.objects.ingest_read import MAX_SIZE, WINDOW, Content, FileToRead, Grown, Streamed, read_large, read_small
from weft.objects.store_write import ObjectWriter
from weft.util.parallel import cpu_workers, unordered_map

__all__ = ["MAX_SIZE", "FileToRead", "Ingested", "ingest"]

BATCH_FILES = 256
BATCH_BYTES = 2 << 20
READERS = 8
"""Most threads that read small files at once."""

# What reading takes when the files are in memory is a third of this, also when two threads disturb one another.
_SLOW_FILE = 80e-6
_SLOW_BYTE = 2e-9

OnProgress = Callable[[int, int], None]


class Ingested(NamedTuple):
    """A file that was read: its oid, size, recipe (None when it is one chunk or was only hashed) and final ``fstat``."""

    key: object
    oid: Oid
    size: int
    recipe: Oid | None
    stat: os.stat_result


class _Read(NamedTuple):
    file: FileToRead
    content: Content
    streamed: Streamed | None


def ingest(
    writer: ObjectWriter | None,
    files: Iterable[FileToRead],
    *,
    workers: int = 0,
    max_size: int | None = None,
    on_progress: OnProgress | None = None,
) -> Iterator[Ingested]:
    """Read ``files`` and store them through ``writer`` (only hash them when it is None), in completion order.

    ``workers`` is the number of large files read at once (0: by processors); ``max_size`` is the limit of one file in
    bytes (None: 4 TiB). ``on_progress(bytes, files)`` tells each step, from any thread. Memory is bounded, whatever the
    files. Raises ``FileChanged``, ``FileTypeRefused``, ``SymlinkRefused``, ``LimitExceeded``, ``PermissionFault``,
    ``NoSuchPath``; the caller then aborts the writer.
    """
    reader = _Reader(writer, MAX_SIZE if max_size is None else max_size, workers, on_progress or _nobody)
    for batch in unordered_map(reader.read, _batches(files), READERS, READERS + 2):
        if writer is not None:
            writer.add_chunks([chunk for read in batch for chunk in read.content.chunks])
        for read in batch:
            yield _result(writer, read)


def _nobody(size: int, files: int) -> None:
    """Progress that nobody watches."""


def _result(writer: ObjectWriter | None, read: _Read) -> Ingested:
    oid, status, chunks = read.content
    recipe = read.streamed.recipe if read.streamed else None
    if writer is not None and len(chunks) > 1:
        recipe = writer.add_recipe(oid, status.st_size, [(chunk, len(piece)) for chunk, piece in chunks])
    return Ingested(read.file.key, oid, status.st_size, recipe, status)


def _batches(files: Iterable[FileToRead]) -> Iterator[list[FileToRead]]:
    """Groups of small files; a file over one window goes alone."""
    batch: list[FileToRead] = []
    size = 0
    for file in files:
        if file.size > WINDOW:
            yield [file]
            continue
        batch.append(file)
        size += file.size
        if size >= BATCH_BYTES or len(batch) >= BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Reader:
    """The function of the worker threads."""

    def __init__(self, writer: ObjectWriter | None, max_size: int, workers: int, tell: OnProgress) -> None:
        self._writer = writer
        self._max_size = max_size
        self._tell = tell
        self._small = _Gate()
        self._large = threading.Semaphore(workers or cpu_workers())

    def read(self, batch: list[FileToRead]) -> list[_Read]:
        if len(batch) == 1 and batch[0].size > WINDOW:
            return [self._stream(batch[0])]
        chunker = self._writer.chunker if self._writer is not None else None
        result = []
        size = 0
        with self._small.entered() as account:
            for file in batch:
                try:
                    content = read_small(file.path, chunker, self._max_size)
                except Grown:
                    result.append(self._stream(file))
                    continue
                result.append(_Read(file, content, None))
                size += content.stat.st_size
            account(len(batch), size)
        self._tell(size, len(batch))
        return result

    def _stream(self, file: FileToRead) -> _Read:
        with self._large:
            streamed, status = read_large(file.path, self._writer, self._max_size, lambda size: self._tell(size, 0))
        self._tell(0, 1)
        nothing: list[tuple[Oid, Buffer]] = []
        return _Read(file, Content(streamed.oid, status, nothing), streamed)


class _Gate:
    """Lets one thread in; one more after each batch that took longer than memory does, one fewer after each other."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._inside = 0
        self._limit = 1

    @contextmanager
    def entered(self) -> Iterator[Callable[[int, int], None]]:
        with self._free:
            while self._inside >= self._limit:
                self._free.wait()
            self._inside += 1
        start = time.perf_counter()

        def account(files: int, size: int) -> None:
            slow = time.perf_counter() - start > files * _SLOW_FILE + size * _SLOW_BYTE
            self._limit = min(READERS, self._limit + 1) if slow else max(1, self._limit - 1)

        try:
            yield account
        finally:
            with self._free:
                self._inside -= 1
                self._free.notify_all()
