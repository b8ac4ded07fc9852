"""Reading the files of a workspace into the store in one pass: read, hash, cut, compress, append (``docs/spec``, add).

Small files are read, hashed and packed batch by batch by the taker's own thread: threads that open small files mostly wait
for one another's interpreter lock. A disk that makes this thread wait is asked for a whole batch ahead; one that does so
even then (a network file system, where opening is slow too) is read by many threads. Large files come last, window by
window, each with a thread of its own that hashes behind the reader.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from weft.model.oid import Oid
from weft.objects.chunker import Buffer
from weft.objects.ingest_read import MAX_SIZE, WINDOW, FileToRead, Grown, ask_for, read_large, read_small
from weft.objects.store_write import ObjectWriter
from weft.util.parallel import cpu_workers, unordered_map

__all__ = ["MAX_SIZE", "FileToRead", "Ingested", "ingest"]

BATCH_FILES = 256
BATCH_BYTES = 2 << 20
READERS = 8
"""Most threads that read small files at once."""
RUN = 64
"""Batches for which a way of reading is kept before a faster one is tried again."""

# macOS counts these by process only.
_THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)

OnProgress = Callable[[int, int], None]


class Ingested(NamedTuple):
    """A file that was read: its oid, size, recipe (None when it is one chunk or was only hashed) and final ``fstat``."""

    key: object
    oid: Oid
    size: int
    recipe: Oid | None
    stat: os.stat_result


class _Batch(NamedTuple):
    """What was read: the files, all their chunks, and of files of several chunks the number and the chunks."""

    files: list[Ingested]
    chunks: list[tuple[Oid, Buffer]]
    composed: list[tuple[int, list[tuple[Oid, Buffer]]]]


def ingest(
    writer: ObjectWriter | None,
    files: Iterable[FileToRead],
    *,
    workers: int = 0,
    max_size: int | None = None,
    on_progress: OnProgress | None = None,
) -> Iterator[Ingested]:
    """Read ``files`` and store them through ``writer`` (only hash them when it is None): the small ones, then the large.

    ``workers`` is the number of large files read at once (0: by processors); ``max_size`` is the limit of one file in
    bytes (None: 4 TiB). ``on_progress(bytes, files)`` tells each step, from any thread. Memory is bounded, whatever the
    files, but for the list of the large ones. Raises ``FileChanged``, ``FileTypeRefused``, ``SymlinkRefused``,
    ``LimitExceeded``, ``PermissionFault``, ``NoSuchPath``; the caller then aborts the writer.
    """
    reader = _Reader(writer, MAX_SIZE if max_size is None else max_size, on_progress or _nobody)
    large: list[FileToRead] = []
    for batch in reader.small(_batches(files, large)):
        if writer is not None:
            _store(writer, batch)
        yield from batch.files
    streams = workers or cpu_workers()
    yield from unordered_map(reader.stream, large, streams, streams)


def _nobody(size: int, files: int) -> None:
    """Progress that nobody watches."""


def _store(writer: ObjectWriter, batch: _Batch) -> None:
    writer.add_chunks(batch.chunks)
    for number, pieces in batch.composed:
        file = batch.files[number]
        recipe = writer.add_recipe(file.oid, file.size, [(chunk, len(piece)) for chunk, piece in pieces])
        batch.files[number] = file._replace(recipe=recipe)


def _batches(files: Iterable[FileToRead], large: list[FileToRead]) -> Iterator[list[FileToRead]]:
    """Groups of small files; those over one window are put aside in ``large``."""
    batch: list[FileToRead] = []
    size = 0
    for file in files:
        if file.size > WINDOW:
            large.append(file)
            continue
        batch.append(file)
        size += file.size
        if size >= BATCH_BYTES or len(batch) >= BATCH_FILES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Reader:
    """Reads files, in the taker's thread or in those of a pool."""

    def __init__(self, writer: ObjectWriter | None, max_size: int, tell: OnProgress) -> None:
        self._writer = writer
        self._max_size = max_size
        self._tell = tell

    def small(self, batches: Iterator[list[FileToRead]]) -> Iterator[_Batch]:
        """Read batch by batch, in the simplest of three ways that does not wait for the disk."""
        for batch in batches:
            waits = _waits()
            result = self.read(batch)
            waited = _waits() - waits > len(batch) // 2
            yield result
            if waited:
                yield from self._ahead(islice(batches, RUN), batches)

    def _ahead(self, run: Iterator[list[FileToRead]], batches: Iterator[list[FileToRead]]) -> Iterator[_Batch]:
        """Ask for each batch while the one before it is read; when that does not help, read in many threads."""
        batch = next(run, [])
        ask_for(batch)
        while batch:
            following = next(run, [])
            waits = _waits()
            ask_for(following)
            result = self.read(batch)
            waited = _waits() - waits > len(batch) // 2
            yield result
            if waited:
                yield from unordered_map(self.read, chain([following], islice(batches, RUN)), READERS, READERS + 2)
                return
            batch = following

    def read(self, batch: list[FileToRead]) -> _Batch:
        """Read small files one after the other."""
        chunker = self._writer.chunker if self._writer is not None else None
        result = _Batch([], [], [])
        files, chunks = result.files, result.chunks
        size = 0
        for file in batch:
            try:
                oid, status, pieces = read_small(file.path, chunker, self._max_size)
            except Grown:
                files.append(self.stream(file))
                continue
            if len(pieces) > 1:
                result.composed.append((len(files), pieces))
            files.append(Ingested(file.key, oid, status.st_size, None, status))
            chunks += pieces
            size += status.st_size
        self._tell(size, len(batch))
        return result

    def stream(self, file: FileToRead) -> Ingested:
        """Read one large file window by window."""
        streamed, status = read_large(file.path, self._writer, self._max_size, lambda size: self._tell(size, 0))
        self._tell(0, 1)
        return Ingested(file.key, streamed.oid, status.st_size, streamed.recipe, status)


def _waits() -> int:
    """How often this thread has waited for something, such as the disk, but not for a processor."""
    return resource.getrusage(_THREAD).ru_nvcsw if _THREAD is not None else 0
