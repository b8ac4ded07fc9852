"""A plain directory as a place for keys and bytes: a local disk, or a mounted share.

No symbolic link below the root is followed, so a link planted in a shared directory cannot lead a read or a write
astray. Temporary files live in ``.weft-tmp/`` below the root, a name that no key may start with.

The root may be anybody's directory: it is used only when it is empty or weft made a remote of it before, and nothing in
it is removed but what weft itself leaves behind, by its name and its owner.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import cast

from weft.errors import (
    BucketMissing,
    DirectoryRefused,
    FileTypeRefused,
    KeyMissing,
    PathSyntax,
    StorageFault,
    SymlinkRefused,
)
from weft.storage.base import ObjectStat, Proof
from weft.storage.descriptors import (
    copy_bytes,
    copy_once,
    create_file,
    folder_at,
    make_root,
    new_file,
    open_for_reading,
    pread_all,
    upload_source,
)
from weft.storage.keys import MAX_UPLOAD, bounds, check_key, check_prefix, check_range, too_large
from weft.util.atomic import exists_at, os_errors, publish, sync_folder, write_all
from weft.util.forking import own_lock

TEMP = ".weft-tmp"
OLD_TEMP = "tmp"
"""Where weft 0.1 made its files."""
MARK = "weft.json"
"""The file that a remote begins with, and that proves that a directory is one."""
STALE_AFTER = 7 * 24 * 3600.0
_OURS = re.compile(r"[0-9]{1,10}-[0-9a-f]{16}", re.ASCII)


class LocalStorage:
    """Keys are files below ``root``; the root itself is made by the first write."""

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)
        self._ready = False
        self._lock = own_lock(self)

    @property
    def name(self) -> str:
        """The absolute path of the root."""
        return self._root

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See ``Storage.read``."""
        check_range(start, length)
        with self._opened(key) as (fd, size):
            begin, end = bounds(key, size, start, length)
            return pread_all(fd, key, begin, end - begin)

    def read_small(self, key: str, limit: int) -> bytes:
        """See ``Storage.read_small``."""
        with self._opened(key) as (fd, size):
            if size > limit:
                raise too_large(key, size, limit)
            return pread_all(fd, key, 0, size)

    def download(self, key: str, path: str) -> int:
        """See ``Storage.download``."""
        with self._opened(key) as (source, size), new_file(path) as target:
            if size > MAX_UPLOAD:
                raise too_large(key, size, MAX_UPLOAD)
            copied = copy_bytes(source, target)
            if copied != size:
                raise StorageFault(f"{key} changed from {size} to {copied} bytes while it was read")
        return size

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        """See ``Storage.write``; create-only is honoured."""
        return self._put(key, lambda fd: write_all(fd, data), create)

    def upload(self, key: str, path: str, *, create: bool = False, proof: Proof | None = None) -> bool:
        """See ``Storage.upload``; create-only is honoured."""
        with upload_source(path) as (source, size):

            def fill(fd: int) -> None:
                copied = copy_once(source, fd, proof)
                if copied != size:
                    raise StorageFault(f"{path} changed from {size} to {copied} bytes while it was read")

            return self._put(key, fill, create)

    def stat(self, key: str) -> ObjectStat | None:
        """See ``Storage.stat``."""
        try:
            with self._folder(key) as (folder, name):
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except KeyMissing:
            return None
        if stat.S_ISDIR(found.st_mode):
            return None
        _refuse_odd(self._path(key), found.st_mode)
        return ObjectStat(key, found.st_size, found.st_mtime)

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See ``Storage.list``; links and other odd files are left out."""
        check_prefix(prefix)
        if prefix.partition("/")[0] in (TEMP, OLD_TEMP) and "/" in prefix:
            return
        try:
            with self._folder(prefix + "x") as (top, _):
                yield from _walk(top, prefix)
        except KeyMissing:
            return

    def delete(self, key: str) -> None:
        """See ``Storage.delete``."""
        try:
            with self._folder(key) as (folder, name):
                if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                    return
                os.unlink(name, dir_fd=folder)
                sync_folder(folder)
        except KeyMissing:
            return

    def close(self) -> None:
        """Nothing is held open between calls."""

    @contextmanager
    def _folder(self, key: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The directory of ``key`` and the file name in it; what the system refuses becomes an error of weft's."""
        folders, name = _split(key)
        try:
            with os_errors_but_missing(self._path(key)), folder_at(self._root, folders, make=make) as folder:
                yield folder, name
        except (FileNotFoundError, NotADirectoryError):
            if not os.path.isdir(self._root):
                raise BucketMissing(
                    f"the directory of the remote does not exist: {self._root}",
                    hint="check that the disk is mounted and that the url of the remote is right; the first push makes it",
                    path=self._root,
                ) from None
            raise KeyMissing(f"the remote {self._root} holds no {key}", path=key) from None

    @contextmanager
    def _opened(self, key: str) -> Iterator[tuple[int, int]]:
        """The regular file of ``key``, open for reading, and its size."""
        with self._folder(key) as (folder, name):
            fd = open_for_reading(folder, name)
        try:
            found = os.fstat(fd)
            if stat.S_ISDIR(found.st_mode):
                raise KeyMissing(f"the remote {self._root} holds no {key}", path=key)
            _refuse_odd(self._path(key), found.st_mode)
            with os_errors("read", self._path(key)):
                yield fd, found.st_size
        finally:
            os.close(fd)

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}"

    def _put(self, key: str, fill: Callable[[int], object], create: bool) -> bool:
        _split(key)
        self._prepare()
        with self._folder(key, make=True) as (target, name):
            if create and exists_at(target, name):
                return False
            with folder_at(self._root, [TEMP]) as temps:
                return _fill_and_publish(temps, target, name, fill, create)

    def _prepare(self) -> None:
        """Make the root and its folder of temporary files, and sweep what crashed writers left there long ago."""
        if self._ready:
            return
        with self._lock:  # what another thread has just begun to write is not foreign
            if not self._ready:
                refuse_foreign(self._root)
                _make_ready(self._root)
                self._ready = True


def _make_ready(root: str) -> None:
    """Make ``root`` and its folder of temporary files, and sweep what crashed writers left there long ago."""
    with os_errors("create", root):
        make_root(root)
        with folder_at(root, [TEMP], make=True) as temps:
            _sweep(temps)
        with suppress(OSError, SymlinkRefused), folder_at(root) as there:
            if stat.S_ISREG(os.stat(MARK, dir_fd=there, follow_symlinks=False).st_mode):
                with folder_at(root, [OLD_TEMP]) as temps:
                    _sweep(temps)


def refuse_foreign(root: str) -> None:
    """Refuse a directory that is not empty and was no remote before. Raises ``DirectoryRefused``, ``PermissionFault``."""
    try:
        with os_errors_but_missing(root), folder_at(root) as fd:
            names = os.listdir(fd)
            if not names or _is(fd, MARK, stat.S_ISREG) or _never_finished(root, names):
                return
    except (FileNotFoundError, NotADirectoryError):
        return  # to make it is the next step, and says what is wrong
    raise DirectoryRefused(
        f"{root} cannot become a remote: it holds other files, such as {min(names)!a}, and no {MARK}",
        hint="name a directory that is empty or not there yet, such as a new one below it",
        path=root,
    )


def _never_finished(root: str, names: Sequence[str]) -> bool:
    """True where the first write to a remote was killed, or only ``weft remote check`` has written: the directory has
    temporary files of weft's, and folders with nothing in them."""
    for name in names:
        with suppress(OSError, SymlinkRefused), folder_at(root, [name]) as folder:
            if all(name == TEMP and _OURS.fullmatch(inner) for inner in os.listdir(folder)):
                continue
        return False
    return TEMP in names


def _is(fd: int, name: str, kind: Callable[[int], bool]) -> bool:
    with suppress(OSError):
        return kind(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)
    return False


def _sweep(temps: int) -> None:
    """Remove what this user's crashed writers left in the open directory ``temps`` long ago, and nothing else."""
    oldest = time.time() - STALE_AFTER
    for name in filter(_OURS.fullmatch, os.listdir(temps)):
        with suppress(OSError):
            found = os.stat(name, dir_fd=temps, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_mtime < oldest:
                os.unlink(name, dir_fd=temps)


def _split(key: str) -> tuple[Sequence[str], str]:
    parts = check_key(key).split("/")
    if parts[0] in (TEMP, OLD_TEMP):
        raise PathSyntax(f"keys may not start with {parts[0]}/: {key!a}")
    return parts[:-1], parts[-1]


def _refuse_odd(path: str, mode: int) -> None:
    if stat.S_ISLNK(mode):
        raise SymlinkRefused(f"a symbolic link stands in the remote: {path}", path=path)
    if not stat.S_ISREG(mode):
        raise FileTypeRefused(f"no regular file: {path}", path=path)


def _fill_and_publish(temps: int, target: int, name: str, fill: Callable[[int], object], create: bool) -> bool:
    """Write a temporary file in ``temps`` and give it its name in ``target``; nothing stays behind when that fails."""
    temp = f"{os.getpid()}-{secrets.token_hex(8)}"
    fd = create_file(temps, temp)
    try:
        try:
            fill(fd)
            os.fsync(fd)
        finally:
            os.close(fd)
        if create:
            return publish(temps, temp, target, name)
        os.replace(temp, name, src_dir_fd=temps, dst_dir_fd=target)
        sync_folder(target)
        return True
    finally:
        with suppress(OSError):
            os.unlink(temp, dir_fd=temps)


def _walk(top: int, prefix: str) -> Iterator[ObjectStat]:
    """What lies below the open directory ``top``, whose keys begin with ``prefix``."""

    def refuse(error: OSError) -> None:
        if error.errno != errno.ENOENT:
            raise error

    found_here = cast("Generator[tuple[str, list[str], list[str], int]]", os.fwalk(".", onerror=refuse, dir_fd=top))
    with closing(found_here) as walk:
        for folder, folders, names, fd in walk:
            below = prefix + (folder[2:] + "/" if folder != "." else "")
            if not below:
                folders[:] = [name for name in folders if name not in (TEMP, OLD_TEMP)]
            for name in names:
                with suppress(FileNotFoundError):
                    found = os.stat(name, dir_fd=fd, follow_symlinks=False)
                    if stat.S_ISREG(found.st_mode):
                        yield ObjectStat(below + name, found.st_size, found.st_mtime)


@contextmanager
def os_errors_but_missing(path: str) -> Iterator[None]:
    """Translate errors of the system, except that something is not there, which the caller knows how to name."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        with os_errors("use", path):
            raise error
