"""Files reached through directory descriptors, so that no symbolic link below the starting directory is followed."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

from weft.errors import LimitExceeded, StorageFault, SymlinkRefused
from weft.storage.base import Proof
from weft.storage.keys import BLOCK, MAX_UPLOAD
from weft.util.atomic import os_errors, sync_folder, write_all
from weft.util.blocks import BlockSink, new_block
from weft.util.coldread import ColdReader, blocks_of

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO that somebody left there must not hang.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_LARGE = 1 << 20
_FICLONE = 0x40049409  # linux/fs.h
# What two file systems, or a sandbox, answer that do not know how; everything else is trouble with the bytes.
_NO_KERNEL_COPY = frozenset(
    [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY]
)
_KERNEL_STEP = 8 << 20


@contextmanager
def folder_at(root: str, parts: Sequence[str] = (), *, make: bool = False) -> Iterator[int]:
    """Open the directory ``root/parts...`` without following links below ``root``, making the parts when asked to.

    Raises ``SymlinkRefused``, and ``OSError`` (``FileNotFoundError``, ``NotADirectoryError``) as the system says.
    """
    fd = os.open(root, _FOLDER)
    try:
        for part in parts:
            below = _step(fd, part, make)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def _step(fd: int, part: str, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(part, dir_fd=fd)
            sync_folder(fd)
    try:
        return os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=fd)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and is_link(fd, part):
            raise SymlinkRefused(f"{part!a} is a symbolic link where a directory of the remote should be") from None
        raise


def is_link(fd: int, name: str) -> bool:
    """True when ``name`` in the directory ``fd`` is a symbolic link."""
    with suppress(OSError):
        return stat.S_ISLNK(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    return False


def open_for_reading(fd: int, name: str) -> int:
    """Open the file ``name`` of the directory ``fd``; the last component may not be a link either (``ELOOP``)."""
    return os.open(name, _READ, dir_fd=fd)


def create_file(fd: int, name: str) -> int:
    """Open a new file ``name`` of the directory ``fd`` for writing. Raises ``FileExistsError``."""
    return os.open(name, _CREATE, 0o666, dir_fd=fd)


def make_root(path: str) -> None:
    """Make the directory ``path`` and its parents durably. Raises ``OSError``."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    make_root(parent)
    with suppress(FileExistsError):
        os.mkdir(path)
    with folder_at(parent) as fd:
        sync_folder(fd)


def pread_all(fd: int, key: str, start: int, length: int) -> bytes:
    """Read exactly ``length`` bytes at ``start``. Raises ``StorageFault`` when the file ends before."""
    first = os.pread(fd, length, start)
    if len(first) == length:
        return first
    blocks, got = [first], len(first)
    while got < length:
        block = os.pread(fd, length - got, start + got)
        if not block:
            raise StorageFault(f"{key} ended after {start + got} bytes, before the {start + length} asked for")
        blocks.append(block)
        got += len(block)
    return b"".join(blocks)


def copy_once(source: int, target: int, proof: Proof | None = None) -> int:
    """Copy all of ``source`` to the empty file ``target`` while ``proof`` looks on; returns the number of bytes.

    Neither is left in memory by that. Blocks are shared where the file system can do that (``ioctl_ficlone(2)``).
    """
    shared = _share(source, target)
    sink, copied = BlockSink(target), 0

    def parts() -> Iterator[memoryview]:
        nonlocal copied
        for block in blocks_of(source, new_block()):
            yield block
            if not shared:
                sink.append(block)
            copied += len(block)

    (proof or _drain)(parts())
    sink.finish()
    return copied


def prove_file(path: str, proof: Proof | None) -> None:
    """Let ``proof`` look at a file that a library then reads by itself."""
    if proof is not None:
        with os_errors("read", path), open(path, "rb", buffering=0) as file:
            proof(blocks_of(file.fileno(), new_block()))


def _drain(parts: Iterable[memoryview]) -> None:
    for _ in parts:
        pass


def copy_bytes(source: int, target: int) -> int:
    """Copy from where ``source`` stands to its end and return the number of bytes; the copy is in memory afterwards.

    Blocks are shared where the file system can do that (``ioctl_ficlone(2)``); what is not in memory is read past the page
    cache; else the kernel copies (``copy_file_range(2)``).
    """
    if _share(source, target):
        return os.fstat(target).st_size
    copied = _copy_cold(source, target) if os.fstat(source).st_size >= _LARGE else 0
    copied += _copy_in_kernel(source, target)
    # Also after that: some file systems say that there is nothing more where there is (copy_file_range(2), BUGS).
    while block := os.read(source, BLOCK):
        write_all(target, block)
        copied += len(block)
    return copied


def _share(source: int, target: int) -> bool:
    """Let the empty file ``target`` have the blocks of ``source``, both where they begin."""
    if os.lseek(source, 0, os.SEEK_CUR) or not hasattr(fcntl, "ioctl"):
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False  # another way will do, or meet the same error
    return True


def _copy_cold(source: int, target: int) -> int:
    """Copy what is not in memory, block by block up to the first that is; both descriptors move on."""
    start = place = os.lseek(source, 0, os.SEEK_CUR)
    reader, block = ColdReader(source), new_block()
    while not reader.in_memory(place, len(block)):
        count = reader.read_into(block, place, cold=True)
        place += count
        write_all(target, block[:count])
        if count < len(block):
            break
    os.lseek(source, place, os.SEEK_SET)
    return place - start


def _copy_in_kernel(source: int, target: int) -> int:
    """Copy as much as the two file systems can copy without this process, both descriptors move on; return the bytes."""
    copied = 0
    # macOS has no such call.
    call: Callable[[int, int, int], int] | None = getattr(os, "copy_file_range", None)
    while call is not None:
        try:
            moved = call(source, target, _KERNEL_STEP)
        except OSError as error:
            if error.errno not in _NO_KERNEL_COPY:
                raise
            break
        if not moved:
            break
        copied += moved
    return copied


@contextmanager
def new_file(path: str) -> Iterator[int]:
    """Open a new file for a download and remove it again when the body raises. Raises ``EnvironmentFault`` kinds."""
    with os_errors("create", path):
        fd = os.open(path, _CREATE, 0o666)
    try:
        with os_errors("write", path):
            yield fd
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise
    finally:
        os.close(fd)


@contextmanager
def upload_source(path: str) -> Iterator[tuple[int, int]]:
    """Open a file to upload, which must not be a link; yields descriptor and size. Raises ``LimitExceeded`` over 64 MiB."""
    with os_errors("read", path):
        fd = os.open(path, _READ)
    try:
        size = os.fstat(fd).st_size
        if size > MAX_UPLOAD:
            raise LimitExceeded(f"an object may have at most {MAX_UPLOAD} bytes, not {size}", path=path)
        yield fd, size
    finally:
        os.close(fd)
