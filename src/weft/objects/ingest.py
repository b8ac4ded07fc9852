"""Reading the files of a workspace into the store in one pass: read, hash, cut, compress, append (``docs/spec``, add).

Small files are read, hashed and packed batch by batch by the taker's own thread: threads that open small files mostly wait
for one another's interpreter lock. A disk that makes this thread wait is asked for a whole batch ahead; one that does so
even then (a network file system, where opening is slow too) is read by many threads. When there are many, processes of
weft's own read beside that thread (see ``ingest_helper``). Large files come last, window by window, each with a thread of
its own that hashes behind the reader.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from weft.model.oid import Oid
from weft.objects.chunker import Buffer
from weft.objects.ingest_helped import Helped, ReadingHelpers
from weft.objects.ingest_helper import FileStatus
from weft.objects.ingest_read import MAX_SIZE, RUN, WINDOW, FileToRead, Grown, ask_for, read_large, read_small, waits
from weft.objects.store_write import ObjectWriter
from weft.util.parallel import cpu_workers, unordered_map

__all__ = ["MAX_SIZE", "FileToRead", "Ingested", "ingest"]

BATCH_FILES = 256
BATCH_BYTES = 2 << 20
READERS = 8
"""Most threads that read small files at once."""
HELPED = 16
"""From so many batches on processes help: starting one takes as long as reading some thousand files."""

OnProgress = Callable[[int, int], None]


class Ingested(NamedTuple):
    """A file that was read: its oid, size, recipe (None when it is one chunk or was only hashed) and final ``fstat``."""

    key: object
    oid: Oid
    size: int
    recipe: Oid | None
    stat: os.stat_result | FileStatus


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
    limit = MAX_SIZE if max_size is None else max_size
    reader = _Reader(writer, limit, on_progress or _nobody)
    large: list[FileToRead] = []
    with ReadingHelpers(writer.chunker if writer is not None else None, limit) as helpers:
        for batch in reader.small(_shared(_batches(files, large), helpers)):
            yield from _store(writer, batch)
            for helped in helpers.done():
                yield from reader.take(helped)
        for helped in helpers.rest():
            yield from reader.take(helped)
    streams = workers or cpu_workers()
    yield from unordered_map(reader.stream, large, streams, streams)


def _nobody(size: int, files: int) -> None:
    """Progress that nobody watches."""


def _store(writer: ObjectWriter | None, batch: _Batch) -> list[Ingested]:
    """Store what was read, and return its files, complete."""
    if writer is not None:
        writer.add_chunks(batch.chunks)
        for number, pieces in batch.composed:
            file = batch.files[number]
            recipe = writer.add_recipe(file.oid, file.size, [(chunk, len(piece)) for chunk, piece in pieces])
            batch.files[number] = file._replace(recipe=recipe)
    return batch.files


def _shared(batches: Iterator[list[FileToRead]], helpers: ReadingHelpers) -> Iterator[list[FileToRead]]:
    """Those batches that no helper takes; from some number on there are helpers."""
    for number, batch in enumerate(batches):
        if number == HELPED:
            helpers.start()
        if not helpers.give(batch):
            yield batch


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
            before = waits()
            result = self.read(batch)
            waited = waits() - before > len(batch) // 2
            yield result
            if waited:
                yield from self._ahead(islice(batches, RUN), batches)

    def _ahead(self, run: Iterator[list[FileToRead]], batches: Iterator[list[FileToRead]]) -> Iterator[_Batch]:
        """Ask for each batch while the one before it is read; when that does not help, read in many threads."""
        batch = next(run, [])
        ask_for(batch)
        while batch:
            following = next(run, [])
            before = waits()
            ask_for(following)
            result = self.read(batch)
            waited = waits() - before > len(batch) // 2
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

    def take(self, helped: Helped) -> Iterator[Ingested]:
        """Store what a helper has read; what it could not read is read here, and meets its error."""
        again: list[FileToRead] = []
        size = at = 0
        if self._writer is not None:
            self._writer.add_frames(helped.frames)
        for file, found in helped.files:
            if found is None:
                again.append(file)
                continue
            oid, status, count = found
            chunks = [(frame[0], frame[2]) for frame in helped.frames[at : at + count]] if count > 1 else ()
            at += count
            size += file.size
            recipe = self._writer.add_recipe(oid, file.size, chunks) if chunks and self._writer is not None else None
            yield Ingested(file.key, oid, file.size, recipe, status)
        self._tell(size, len(helped.files) - len(again))
        if again:
            yield from _store(self._writer, self.read(again))

    def stream(self, file: FileToRead) -> Ingested:
        """Read one large file window by window."""
        streamed, status = read_large(file.path, self._writer, self._max_size, lambda size: self._tell(size, 0))
        self._tell(0, 1)
        return Ingested(file.key, streamed.oid, status.st_size, streamed.recipe, status)
