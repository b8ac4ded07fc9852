"""Putting one file or link into a directory that is open: new name, verified bytes, rename. Never through a link.

A file that is replaced gets a new inode, so a hard link of the old one elsewhere keeps its bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from weft.errors import FileChanged, FileTypeRefused
from weft.model.entry import EXEC, Entry
from weft.model.oid import hasher
from weft.util.atomic import temp_name, translate_os_error
from weft.workspace.blockwise import write_blocks
from weft.workspace.stats import BROKEN, EXEC_CODE, FILE_CODE, pack_stat, same_bytes

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE = 1 << 20
_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
LARGE = 256 << 20
"""Files from so many bytes on are written past the page cache, by a thread of their own."""


def expect(dir_fd: int, name: str, packed: bytes | None, shown: str) -> None:
    """Make sure that ``name`` is still what the plan saw: the file with status ``packed``, or nothing when None.

    Raises ``FileChanged``: nobody else's bytes are replaced.
    """
    try:
        info = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        found: bytes | None = pack_stat(info)
        linked = stat.S_ISLNK(info.st_mode)
        if linked and packed is not None and packed[-1] in (FILE_CODE, EXEC_CODE):
            # A link into the store was seen as the file that it leads to, if it leads anywhere.
            info = os.stat(name, dir_fd=dir_fd) if packed != BROKEN else info
            found = pack_stat(info) if packed != BROKEN else packed
        if packed is not None and (linked or info.st_nlink > 1) and not info.st_mode & _WRITE:
            # Whoever links to it elsewhere changes the ctime, and no bytes: those are read-only.
            found = packed if found is not None and same_bytes(found, packed) else found
    except FileNotFoundError:
        found = None
    except FileTypeRefused:
        found = b""
    if found != packed:
        raise FileChanged(
            f"{shown!a} was changed while weft worked on it and was left alone",
            hint="run the command again",
            path=shown,
        )


def put_file(
    dir_fd: int, entry: Entry, pieces: Iterable[bytes], name: str, replaces: bytes | None, shown: str
) -> bytes:
    """Write ``pieces`` as ``name`` with the mode of ``entry`` under the umask; return its packed status.

    ``pieces`` are verified by whoever yields them, at their end at the latest. ``replaces`` is what ``expect`` wants.
    Raises ``FileChanged``, ``DiskFull``, ``PermissionFault``; the temporary file is gone then.
    """
    temp = temp_name()
    try:
        fd = os.open(temp, _NEW, 0o777 if entry.type == EXEC else 0o666, dir_fd=dir_fd)
    except OSError as error:
        raise translate_os_error(error, "write", shown) from error
    try:
        if entry.size >= LARGE:
            write_blocks(fd, pieces)
        else:
            _write(fd, pieces)
        expect(dir_fd, name, replaces, shown)
        os.rename(temp, name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        return pack_stat(os.fstat(fd))
    except BaseException as error:
        _remove(temp, dir_fd)
        if isinstance(error, OSError):
            raise translate_os_error(error, "write", shown) from error
        raise
    finally:
        os.close(fd)


def put_link(dir_fd: int, target: str, name: str, replaces: bytes | None, shown: str) -> bytes:
    """Make the symbolic link ``name`` to ``target`` (checked by the caller); return its packed status."""
    temp = temp_name()
    try:
        os.symlink(target, temp, dir_fd=dir_fd)
    except OSError as error:
        raise translate_os_error(error, "make the link", shown) from error
    try:
        expect(dir_fd, name, replaces, shown)
        os.rename(temp, name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        return pack_stat(os.stat(name, dir_fd=dir_fd, follow_symlinks=False))
    except BaseException as error:
        _remove(temp, dir_fd)
        if isinstance(error, OSError):
            raise translate_os_error(error, "make the link", shown) from error
        raise


def set_mode(dir_fd: int, entry: Entry, name: str, replaces: bytes, shown: str) -> bytes:
    """Give a file that has the right bytes the right mode. One that is linked elsewhere is copied, so that theirs stays.

    Raises ``FileChanged`` when it is no longer the file of the plan, or its bytes are not what they were.
    """
    expect(dir_fd, name, replaces, shown)
    try:
        linked = stat.S_ISLNK(os.stat(name, dir_fd=dir_fd, follow_symlinks=False).st_mode)
        # What a link leads to is read only: below it turns out to be the file of the plan, or nothing is done.
        fd = os.open(name, _OLD if linked else _OLD | os.O_NOFOLLOW, dir_fd=dir_fd)
    except OSError as error:
        raise translate_os_error(error, "open", shown) from error
    try:
        info = os.fstat(fd)
        if pack_stat(info, shown) != replaces:
            raise FileChanged(f"{shown!a} changed while weft worked on it", hint="run the command again", path=shown)
        if linked or info.st_nlink > 1:
            return put_file(dir_fd, entry, _reread(fd, entry, shown), name, replaces, shown)
        mode = stat.S_IMODE(info.st_mode)
        # As `chmod +x` under the usual umasks: who may read may execute.
        mode = mode | (mode & 0o444) >> 2 | 0o100 if entry.type == EXEC else mode & ~0o111
        os.fchmod(fd, mode)
        return pack_stat(os.fstat(fd))
    except OSError as error:
        raise translate_os_error(error, "change the mode of", shown) from error
    finally:
        os.close(fd)


def _write(fd: int, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        written = os.write(fd, piece)
        while written < len(piece):
            written += os.write(fd, memoryview(piece)[written:])


def _reread(fd: int, entry: Entry, shown: str) -> Iterable[bytes]:
    digest = hasher()
    while piece := os.read(fd, _PIECE):
        digest.update(piece)
        yield piece
    if digest.digest() != entry.oid:
        raise FileChanged(f"{shown!a} changed while weft worked on it", hint="run the command again", path=shown)


def _remove(name: str, dir_fd: int) -> None:
    # Used while an error is on its way: failing to clean up must not hide that error.
    with suppress(OSError):
        os.unlink(name, dir_fd=dir_fd)
