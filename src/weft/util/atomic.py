"""Writing files so that a reader, and a machine that lost power, sees the old bytes or the new ones and no mixture.

The order is always the same: write a temporary name in the same directory, fsync the file, give it its final name, fsync
the directory (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014). A failed fsync is never repeated on
the same descriptor: the kernel may have dropped the dirty pages, so the temporary file is thrown away.

A process that is killed leaves its temporary file behind. The name tells whose it is, so that ``reap_temp`` can remove it.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import os
import re
import stat
import zlib
from collections.abc import Iterator

from weft.errors import DiskFull, EnvironmentFault, PermissionFault, SymlinkRefused, WeftError

TEMP_PREFIX = ".weft-tmp-"
# What ``temp_name`` makes, and the ending that files of the store get. Nothing else is ever taken for a leftover.
_TEMP = re.compile(r"\.weft-tmp-[0-9]{1,10}-[0-9]{1,20}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9]{1,20}(\.pack)?", re.ASCII)
_DAY = 86_400.0
_numbers = itertools.count()

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
            sync_folder(fd)
        finally:
            os.close(fd)


def sync_folder(fd: int) -> None:
    """Make the entries of the open directory ``fd`` durable, where its file system can be asked to. Raises ``OSError``."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in _NO_DIR_SYNC:
            raise


@functools.lru_cache(maxsize=1)
def _machine() -> str:
    """This machine, and the process ids that are meant: those of a container mean nothing outside of it."""
    try:
        namespace = os.stat("/proc/self/ns/pid").st_ino
    except OSError:  # macOS
        namespace = 0
    return f"{zlib.crc32(os.fsencode(os.uname().nodename) + b'%d' % namespace):08x}"


def _started(pid: int) -> str:
    """When a process started, in ticks since the machine did (``proc(5)``, field 22 of stat); ``0`` where unknown."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode("ascii")
    except (OSError, IndexError):
        return "0"


@functools.lru_cache(maxsize=1)
def _own_names(pid: int) -> str:
    # By process: a fork must neither repeat names of its parent nor use its mark.
    return f"{TEMP_PREFIX}{pid}-{_started(pid)}-{_machine()}-{os.urandom(4).hex()}-"


def temp_name() -> str:
    """A new name for a temporary file; it tells the process, when that started, and the machine."""
    return f"{_own_names(os.getpid())}{next(_numbers)}"


def is_abandoned(name: str, age: float) -> bool:
    """True when the file called ``name`` by ``temp_name`` and last written ``age`` seconds ago has no writer any more: its
    process is dead, or nothing can be told of it and nothing was written for a day."""
    alive = _writer_lives(name.removeprefix(TEMP_PREFIX))
    return age > _DAY if alive is None else not alive


def _writer_lives(marks: str) -> bool | None:
    """Whether the process that ``marks`` of a name tell is still there; None when that cannot be known from here."""
    pid, _, rest = marks.partition("-")
    started, _, rest = rest.partition("-")
    ours = rest.partition("-")[0] == _machine()
    if not ours or not (pid.isascii() and pid.isdecimal() and len(pid) <= 9):
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # Another start: the number was given to another process since. It may be hidden from us, or not be told at all.
    now = _started(int(pid))
    return None if "0" in (now, started) else now == started


def reap_temp(name: str, now: float, *, dir_fd: int) -> bool:
    """Remove the file ``name`` of the open directory ``dir_fd`` if it is one of ``temp_name``, this user's, and abandoned
    at ``now`` (seconds since the epoch). Returns whether it did: a file that cannot be removed harms nobody, so nothing is
    raised.
    """
    if not _TEMP.fullmatch(name):
        return False
    try:
        found = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        if stat.S_IFMT(found.st_mode) not in (stat.S_IFREG, stat.S_IFLNK) or found.st_uid != os.geteuid():
            return False
        if not is_abandoned(name, now - found.st_mtime):
            return False
        os.unlink(name, dir_fd=dir_fd)
    except OSError:
        return False
    return True


def reap_temps(directory: str, now: float) -> int:
    """Remove what killed processes left in ``directory`` (not below it); the number of files. It costs one listing.

    For directories in which ``write_atomic`` writes. Raises nothing, as ``reap_temp``.
    """
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return sum(reap_temp(name, now, dir_fd=fd) for name in os.listdir(fd))
    except OSError:
        return 0
    finally:
        os.close(fd)


def _write_temp(directory: str, data: bytes, mode: int, dir_fd: int | None) -> str:
    """Write ``data`` durably to a new file in ``directory`` and return its path. Leaves nothing behind on failure."""
    temp = os.path.join(directory, temp_name())
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=dir_fd)
    try:
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        _remove(temp, dir_fd)
        raise
    return temp


def _remove(path: str, dir_fd: int | None) -> None:
    # Used while an error is on its way: failing to clean up must not hide that error.
    with contextlib.suppress(OSError):
        os.unlink(path, dir_fd=dir_fd)


def write_atomic(path: str, data: bytes, *, mode: int = 0o666, dir_fd: int | None = None) -> None:
    """Replace ``path`` by a new durable file holding ``data``; ``mode`` is subject to the umask. With ``dir_fd`` the path
    is a name in that open directory (``dirfd.write_below`` has a use for it).

    A symbolic link at ``path`` is replaced itself, its target stays untouched. On failure the old file is still there
    and no temporary file is. Raises the errors of ``translate_os_error``.
    """
    directory = os.path.dirname(path)
    with os_errors("write", path):
        temp = _write_temp(directory, data, mode, dir_fd)
        try:
            os.rename(temp, path, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        except BaseException:
            _remove(temp, dir_fd)
            raise
        if dir_fd is not None:
            sync_folder(dir_fd)
            return
    fsync_dir(directory or ".")


def publish(source: int, temp: str, target: int, name: str) -> bool:
    """Name the finished and synced file ``temp`` of the open directory ``source`` as ``name`` of the open directory
    ``target``, on the same file system, unless that exists.

    False when ``name`` already existed: it is left as it is, whatever it is. ``temp`` is gone and the entry of ``name``
    durable in both cases, for the other writer may not have synced it yet. After an error ``temp`` is still there and
    belongs to the caller. Raises ``OSError``.
    """
    created = _link_or_rename(source, temp, target, name)
    sync_folder(target)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temp, dir_fd=source)
    return created


def exists_at(fd: int, name: str) -> bool:
    """True when anything at all has the name ``name`` in the open directory ``fd``."""
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _link_or_rename(source: int, temp: str, target: int, name: str) -> bool:
    try:
        os.link(temp, name, src_dir_fd=source, dst_dir_fd=target, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if exists_at(target, name):
            return False
        # Not exclusive, which is harmless: files published this way are named by their content.
        os.rename(temp, name, src_dir_fd=source, dst_dir_fd=target)
    return True
