"""Files and directories through descriptors: every component is opened by its parent's, and no link is followed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from weft.errors import FileTypeRefused, SymlinkRefused
from weft.util.atomic import sync_folder, translate_os_error, write_atomic

DIR_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_SUCH = (errno.ENOENT, errno.ENOTDIR)


def refuse_link(path: str) -> SymlinkRefused:
    """The error for a link where a directory is wanted."""
    return SymlinkRefused(
        f"{path!a} is a symbolic link where a directory is wanted; weft follows none",
        hint="put the directory itself there",
        path=path,
    )


def is_link(name: str, dir_fd: int | None) -> bool:
    """True when ``name`` is a symbolic link."""
    try:
        os.readlink(name, dir_fd=dir_fd)
    except OSError:
        return False
    return True


def open_at(name: str, dir_fd: int | None, shown: str) -> int:
    """Open the directory ``name`` below ``dir_fd``; ``shown`` is its path for messages.

    Raises ``SymlinkRefused`` for a link, ``FileNotFoundError`` or ``NotADirectoryError`` as they come (the caller knows
    what they mean), else ``PermissionFault`` or ``EnvironmentFault``.
    """
    try:
        return os.open(name, DIR_FLAGS, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and is_link(name, dir_fd):
            raise refuse_link(shown) from error
        if error.errno in _NO_SUCH:
            raise
        raise translate_os_error(error, "open", shown) from error


def open_below(dir_fd: int, path: str, *, create: bool = False) -> int:
    """Open the directory ``path`` (relative, "" for itself) below ``dir_fd``, component by component.

    ``create`` makes the missing ones. Raises the errors of ``open_at``.
    """
    current = os.dup(dir_fd)
    walked = ""
    for part in path.split("/") if path else ():
        walked = f"{walked}/{part}" if walked else part
        try:
            if create:
                make_directory(part, current, walked)
            following = open_at(part, current, walked)
        finally:
            os.close(current)
        current = following
    return current


def make_directory(name: str, dir_fd: int, shown: str) -> bool:
    """Make a directory; False when something of that name is there. Raises ``PermissionFault``, ``DiskFull``..."""
    try:
        os.mkdir(name, dir_fd=dir_fd)
    except FileExistsError:
        return False
    except OSError as error:
        raise translate_os_error(error, "make the directory", shown) from error
    return True


@contextmanager
def opened(top: str, path: str = "", *, create: bool = False) -> Iterator[int]:
    """Descriptor of the directory ``path`` below the trusted directory ``top``, closed on leaving."""
    try:
        root = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise translate_os_error(error, "open", top) from error
    try:
        fd = open_below(root, path, create=create)
    finally:
        os.close(root)
    try:
        yield fd
    finally:
        os.close(fd)


def open_regular(path: str, flags: int = os.O_RDONLY, *, dir_fd: int | None = None, shown: str = "") -> int:
    """Open the regular file ``path``, ``shown`` in messages. A link there is not followed (``ELOOP``), a FIFO not waited
    for.

    Raises ``FileTypeRefused``, and ``OSError`` as the system says.
    """
    fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666, dir_fd=dir_fd)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        path = shown or path
        raise FileTypeRefused(f"{path!a} is not a regular file", hint="move it away, then run it again", path=path)
    return fd


def write_below(top: str, path: str, data: bytes, *, mode: int = 0o666) -> None:
    """``write_atomic`` of the file ``path`` below the trusted directory ``top``; directories that are missing are made, and
    none of them may be a link. Raises ``SymlinkRefused``, and the errors of ``translate_os_error``."""
    folder, _, name = path.rpartition("/")
    with _shown(top, path, "write"), opened(top, folder, create=True) as fd:
        write_atomic(name, data, mode=mode, dir_fd=fd)


def remove_below(top: str, path: str) -> None:
    """Remove the file ``path`` below the trusted directory ``top``, durably, unless it is gone. Raises as ``write_below``
    does."""
    folder, _, name = path.rpartition("/")
    with _shown(top, path, "remove"), suppress(FileNotFoundError), opened(top, folder) as fd:
        os.unlink(name, dir_fd=fd)
        sync_folder(fd)


@contextmanager
def _shown(top: str, path: str, action: str) -> Iterator[None]:
    """Errors of the body as errors about ``path`` below ``top``."""
    try:
        yield
    except OSError as error:
        raise translate_os_error(error, action, f"{top}/{path}") from error
