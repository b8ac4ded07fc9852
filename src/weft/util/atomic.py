"""Writing files so that a reader, and a machine that lost power, sees the old bytes or the new ones and no mixture.

The order is always the same: write a temporary name in the same directory, fsync the file, give it its final name, fsync
the directory (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014). A failed fsync is never repeated on
the same descriptor: the kernel may have dropped the dirty pages, so the temporary file is thrown away.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator

from weft.errors import DiskFull, EnvironmentFault, PermissionFault, SymlinkRefused, WeftError

TEMP_PREFIX = ".weft-tmp-"

_NO_SPACE = frozenset([errno.ENOSPC, errno.EDQUOT])
_FORBIDDEN = frozenset([errno.EACCES, errno.EPERM, errno.EROFS])
# A file system without hard links (exFAT, some network mounts) answers a link call with one of these.
_NO_LINKS = frozenset([errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL])
# A file system whose directories cannot be synced makes their entries durable by itself or not at all.
_NO_DIR_SYNC = frozenset([errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP])


def translate_os_error(error: OSError, action: str, path: str) -> WeftError:
    """The error to raise for ``error``, met while doing ``action`` ("write", "read", "lock", ...) to ``path``."""
    reason = error.strerror or str(error)
    message = f"cannot {action} {path!a}: {reason}"
    if error.errno in _NO_SPACE:
        return DiskFull(message, hint="free some space on that disk, then run the command again", path=path)
    if error.errno in _FORBIDDEN:
        return PermissionFault(message, hint="check the owner and the permissions of that path", path=path)
    if error.errno == errno.ELOOP:
        return SymlinkRefused(f"cannot {action} {path!a}: a symbolic link stands there and is not followed", path=path)
    return EnvironmentFault(message, path=path)


@contextlib.contextmanager
def os_errors(action: str, path: str) -> Iterator[None]:
    """Turn an ``OSError`` of the body into the error of ``translate_os_error``, chained to it."""
    try:
        yield
    except OSError as error:
        raise translate_os_error(error, action, path) from error


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of ``data`` to ``fd``: one write call may take less than it was given. Raises ``OSError``."""
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[os.write(fd, rest) :]


def fsync_dir(path: str) -> None:
    """Make the entries of the directory ``path`` durable. Raises the errors of ``translate_os_error``."""
    with os_errors("sync the directory", path):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno not in _NO_DIR_SYNC:
                raise
        finally:
            os.close(fd)


def _write_temp(directory: str, data: bytes, mode: int) -> str:
    """Write ``data`` durably to a new file in ``directory`` and return its path. Leaves nothing behind on failure."""
    temp = os.path.join(directory, TEMP_PREFIX + secrets.token_hex(8))
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        _remove(temp)
        raise
    return temp


def _remove(path: str) -> None:
    # Used while an error is on its way: failing to clean up must not hide that error.
    with contextlib.suppress(OSError):
        os.unlink(path)


def write_atomic(path: str, data: bytes, *, mode: int = 0o666) -> None:
    """Replace ``path`` by a new durable file holding ``data``; ``mode`` is subject to the umask.

    A symbolic link at ``path`` is replaced itself, its target stays untouched. On failure the old file is still there
    and no temporary file is. Raises the errors of ``translate_os_error``.
    """
    directory = os.path.dirname(path) or "."
    with os_errors("write", path):
        temp = _write_temp(directory, data, mode)
        try:
            os.rename(temp, path)
        except BaseException:
            _remove(temp)
            raise
    fsync_dir(directory)


def _link_or_rename(temp: str, final: str) -> bool:
    try:
        os.link(temp, final, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(final):
            return False
        # Not exclusive, which is harmless: files published this way are named by their content.
        os.rename(temp, final)
    return True


def publish(temp: str, final: str) -> bool:
    """Give the finished and synced file ``temp`` its content-derived name ``final`` on the same file system.

    False when ``final`` already existed: it is left as it is, whatever it is. ``temp`` is gone and the entry of ``final``
    durable in both cases, for the other writer may not have synced it yet. After an error ``temp`` is still there and
    belongs to the caller. Raises the errors of ``translate_os_error``.
    """
    with os_errors("publish", final):
        created = _link_or_rename(temp, final)
    fsync_dir(os.path.dirname(final) or ".")
    with os_errors("remove", temp), contextlib.suppress(FileNotFoundError):
        os.unlink(temp)
    return created
