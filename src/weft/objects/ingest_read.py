"""Reading one file of the workspace: opened once, without following a link, and seen to stay the same meanwhile."""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from typing import NamedTuple, NoReturn, TypeVar

from weft.errors import FileChanged, FileTypeRefused, LimitExceeded, NoSuchPath, SymlinkRefused, quoted
from weft.model.oid import Oid, hasher
from weft.objects.background import Background
from weft.objects.chunker import Buffer, Chunker
from weft.objects.store_write import ObjectWriter, split
from weft.util.atomic import translate_os_error
from weft.util.coldread import ALIGNED, ColdReader, aligned
from weft.util.parallel import submit
from weft.util.writeback import is_young, write_out

MAX_SIZE = 1 << 42
"""Default limit of one file in bytes (4 TiB)."""
WINDOW = 8 << 20
"""Bytes of a file that are read, cut and hashed at a time."""
RETRIES = 3
RUN = 64
"""Batches for which a way of reading is kept before a faster one is tried again."""

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ADVISE: Callable[[int, int, int, int], None] | None = getattr(os, "posix_fadvise", None)
# macOS counts these by process only.
_THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)
_NOT_REGULAR = (errno.ENXIO, errno.ENODEV)

T = TypeVar("T")


class FileToRead(NamedTuple):
    """A file to read: its absolute path, the size in bytes that the scan saw, and the caller's own key."""

    path: str
    size: int
    key: object


class Content(NamedTuple):
    """A file that was read: oid, final ``fstat``, and its chunks. Several chunks make a recipe."""

    oid: Oid
    stat: os.stat_result
    chunks: list[tuple[Oid, Buffer]]


class Changed(Exception):
    """The file changed while it was read: read it again."""


class Grown(Exception):
    """The file has grown since the scan: it must be read window by window."""


def steady(path: str, read: Callable[[int, os.stat_result], T], max_size: int) -> tuple[T, os.stat_result]:
    """Open ``path``, let ``read`` have descriptor and status, and check that nothing changed; up to three more times.

    Of a young file the pages that wait for the disk are written out before: what a memory mapping changes shows afterwards.
    Raises ``FileChanged``, ``FileTypeRefused``, ``SymlinkRefused``, ``LimitExceeded``, ``NoSuchPath`` and
    ``PermissionFault``.
    """
    for _attempt in range(RETRIES + 1):
        try:
            fd = os.open(path, _FLAGS)
            try:
                before = os.fstat(fd)
                if before.st_size > max_size or not stat.S_ISREG(before.st_mode):
                    _refuse(path, before, max_size)
                if is_young(before):
                    write_out(fd)
                    if not _same(os.fstat(fd), before):  # what was written to meanwhile may change unseen again
                        continue
                result = read(fd, before)
                after = os.fstat(fd)
            finally:
                os.close(fd)
        except Changed:
            continue
        except OSError as error:
            _raise(error, path)
        if _same(after, before):
            return result, after
    raise FileChanged(
        f"the file kept changing while it was read: {path}",
        hint="wait until the program that writes it has finished, then run the command again",
        path=path,
    )


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_mtime_ns, one.st_ctime_ns, one.st_size) == (other.st_mtime_ns, other.st_ctime_ns, other.st_size)


def _raise(error: OSError, path: str) -> NoReturn:
    if error.errno in _NOT_REGULAR:
        raise FileTypeRefused(f"neither a file, a directory nor a link: {path}", path=path) from error
    if error.errno == errno.ELOOP:
        raise SymlinkRefused(f"a symbolic link stands where a file was a moment ago: {path}", path=path) from error
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        raise NoSuchPath(f"the file is gone: {path}", path=path) from error
    raise translate_os_error(error, "read", path) from error


def _refuse(path: str, status: os.stat_result, max_size: int) -> NoReturn:
    if not stat.S_ISREG(status.st_mode):
        raise FileTypeRefused(
            f"neither a file, a directory nor a link: {path}", hint="name it in .weftignore", path=path
        )
    raise LimitExceeded(
        f"the file has {status.st_size} bytes, over the limit of {max_size}: {path}",
        hint=f"weft add --max-size {status.st_size} {quoted(path)}",
        path=path,
    )


def read_block(fd: int, length: int) -> bytes:
    """Exactly ``length`` bytes from where ``fd`` stands. Raises ``Changed`` when the file ends before."""
    data = os.read(fd, length)
    if len(data) == length:
        return data
    buffer = bytearray(length)
    buffer[: len(data)] = data
    fill(fd, memoryview(buffer)[len(data) :])
    return bytes(buffer)


def fill(fd: int, view: memoryview) -> None:
    """Fill ``view`` from where ``fd`` stands. Raises ``Changed`` when the file ends before."""
    while view:
        count = os.readv(fd, [view])
        if not count:
            raise Changed
        view = view[count:]


def waits() -> int:
    """How often this thread has waited for something, such as the disk, but not for a processor."""
    return resource.getrusage(_THREAD).ru_nvcsw if _THREAD is not None else 0


def ask_for(files: Iterable[FileToRead]) -> None:
    """Let the disk fetch ``files`` into memory, without waiting for it. Raises nothing: reading them will."""
    for file in files:
        try:
            fd = os.open(file.path, _FLAGS)
        except OSError:
            continue
        if _ADVISE is not None:  # macOS has no such call, and some file systems do not know it
            with suppress(OSError):
                _ADVISE(fd, 0, 0, os.POSIX_FADV_WILLNEED)
        os.close(fd)


def read_small(path: str, chunker: Chunker | None, max_size: int) -> Content:
    """Read a file of about one window whole; without ``chunker`` it is only hashed and has no chunks.

    Raises ``Grown`` when it has more than two windows by now, and the errors of ``steady``.
    """
    data, status = steady(path, _read_whole, max_size)
    oid = Oid.of(data)
    if chunker is None:
        return Content(oid, status, [])
    lengths = chunker.cut(data) if len(data) > chunker.minimum else ()
    if len(lengths) <= 1:
        return Content(oid, status, [(oid, data)])
    return Content(oid, status, split(data, lengths))


def _read_whole(fd: int, status: os.stat_result) -> bytes:
    size = status.st_size
    if size > 2 * WINDOW:
        raise Grown
    return read_block(fd, size) if size else b""


class Streamed(NamedTuple):
    """A large file that was read window by window: oid and recipe (None when it was only hashed)."""

    oid: Oid
    recipe: Oid | None


def read_large(
    path: str, writer: ObjectWriter | None, max_size: int, tell: Callable[[int], None]
) -> tuple[Streamed, os.stat_result]:
    """Read a file of any size with bounded memory and store its chunks as they come; ``tell`` hears of the bytes."""

    def read(fd: int, status: os.stat_result) -> Streamed:
        if writer is None:
            return Streamed(_hash(fd, status.st_size, tell), None)
        return _store(fd, status.st_size, writer, tell)

    return steady(path, read, max_size)


def _hash(fd: int, size: int, tell: Callable[[int], None]) -> Oid:
    whole = hasher()
    free: list[memoryview] = []
    with closing(_windows(fd, size, free, 0)) as windows:
        for room, data in windows:
            whole.update(data)
            free.append(room)
            tell(len(data))
    return Oid(whole.digest())


def _windows(fd: int, size: int, free: list[memoryview], ahead: int) -> Generator[tuple[memoryview, memoryview]]:
    """The windows of a file of ``size`` bytes, each at the end of the room that it is in (``new_window``); rooms are taken
    from ``free`` while it has some. The next one is read meanwhile: the disk need not wait for whoever cuts or hashes.

    Raises ``Changed`` when the file ends before.
    """
    reader = ColdReader(fd)

    def read(place: int) -> tuple[memoryview, memoryview]:
        room = free.pop() if free else new_window(ahead)
        data = room[-WINDOW:][: size - place]
        if reader.read_into(data, place) < len(data):
            raise Changed
        return room, data

    with ThreadPoolExecutor(1, "weft-read") as pool:
        following = submit(pool, partial(read, 0))
        for place in range(WINDOW, size, WINDOW):
            found, following = following, submit(pool, partial(read, place))
            yield found.result()
        yield following.result()


def new_window(ahead: int) -> memoryview:
    """Room for a window, and in front for ``ahead`` bytes of the one before: what the disk writes begins at a page."""
    return aligned(-(-ahead // ALIGNED) * ALIGNED + WINDOW)


def _store(fd: int, size: int, writer: ObjectWriter, tell: Callable[[int], None]) -> Streamed:
    """Read and cut in this thread; hash and hand to the writer in another, a few windows behind."""
    whole = hasher()
    chunks: list[tuple[Oid, int]] = []

    def store(room: memoryview, window: memoryview, fresh: int, lengths: list[int]) -> None:
        whole.update(window[fresh:])
        pieces = split(window, lengths)
        writer.add_chunks(pieces)
        chunks.extend((oid, len(piece)) for oid, piece in pieces)
        free.append(room)

    behind = Background(2 * WINDOW, "weft-hash")
    free: list[memoryview] = []
    try:
        carry = b""
        left = size
        # What waits to be hashed is bounded, so there are four rooms at most.
        with closing(_windows(fd, size, free, writer.chunker.maximum)) as windows:
            for room, data in windows:
                fresh, length = len(carry), len(data)
                window = room[-WINDOW - fresh : len(room) - WINDOW + length]
                window[:fresh] = carry
                left -= length
                lengths = writer.chunker.cut(window, final=not left)
                carry = bytes(window[sum(lengths) :])
                behind.submit(length, partial(store, room, window, fresh, lengths))
                tell(length)
        behind.drain()
    finally:
        behind.close()
    oid = Oid(whole.digest())
    if not chunks:
        writer.add_chunks([(oid, b"")])
    return Streamed(oid, writer.add_recipe(oid, size, chunks) if len(chunks) > 1 else None)
