"""Making, checking and putting aside the whole files beside the packs (``copies`` has their names and seals).

They can be removed at any time: the packs have the data. Only who chose links has any.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from weft.errors import WeftError
from weft.model.entry import EXEC, Entry
from weft.model.oid import Oid, hasher
from weft.objects import store_folder
from weft.objects.copies import FOLDER, copies_dir, copy_oid, copy_path, is_executable, is_ours, is_sealed, sealed_time
from weft.objects.layouts import LayoutView
from weft.objects.store import LocalStore
from weft.util.atomic import os_errors, publish, translate_os_error, write_all
from weft.util.locks import FileLock

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 4 << 20


class Copy(NamedTuple):
    """A copy on disk: where, of what, and its status."""

    path: str
    oid: Oid
    info: os.stat_result


class Unpacked:
    """The copies of one store. Safe from any thread; two that make the same copy make it twice, and one stays."""

    def __init__(self, store: LocalStore) -> None:
        self.folder = copies_dir(store.root)
        self._store = store

    def find(self, entry: Entry) -> Copy | None:
        """The copy of ``entry`` as it was made: of this user, with its seal and its size. None when there is none such."""
        path = copy_path(self.folder, entry.oid, entry.type == EXEC)
        try:
            info = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        sound = is_ours(info) and is_sealed(info, entry.oid) and info.st_size == entry.size
        return Copy(path, entry.oid, info) if sound else None

    def need(self, entry: Entry, layout: LayoutView) -> Copy | None:
        """The copy of ``entry``, made from the packs when it is not there; None when another user's stands in its place.

        One that was changed is put aside, and a warning tells of it. Raises what reading the store raises, ``DiskFull``,
        ``PermissionFault``.
        """
        found = self.find(entry)
        path = copy_path(self.folder, entry.oid, entry.type == EXEC)
        if found is None and os.path.lexists(path):
            info = os.lstat(path)
            if stat.S_ISREG(info.st_mode) and info.st_uid not in (os.geteuid(), 0):
                self._warn_foreign(path)
                return None
            if self.heal(path, entry.oid):
                return self.find(entry)
            self.set_aside(path)
        if found is None:
            self._make(path, entry, layout)
            found = self.find(entry)
        return found

    def all(self) -> Iterator[Copy]:
        """Every copy on disk, whatever it is like; other files are passed over."""
        with os_errors("list", self.folder), suppress(FileNotFoundError):
            for directory in sorted(os.listdir(self.folder)):
                with suppress(NotADirectoryError, FileNotFoundError):
                    for name in sorted(os.listdir(f"{self.folder}/{directory}")):
                        path = f"{self.folder}/{directory}/{name}"
                        oid = copy_oid(self.folder, path)
                        if oid is not None:
                            yield Copy(path, oid, os.lstat(path))

    def set_aside_before(self) -> Iterator[Copy]:
        """The copies in ``quarantine``: what is hard-linked to one was changed with it."""
        folder = os.path.join(self._store.root, "quarantine")
        with suppress(OSError):
            for name in sorted(os.listdir(folder)):
                digits, _, _ = name.partition(".")
                oid = copy_oid(self.folder, f"{self.folder}/{digits[:2]}/{digits}") if ".file" in name else None
                if oid is not None:
                    yield Copy(os.path.join(folder, name), oid, os.lstat(os.path.join(folder, name)))

    def heal(self, path: str, oid: Oid, *, trust: bool = True) -> bool:
        """Whether the copy at ``path`` has the bytes of ``oid``; one that has, and lost its seal, is sealed again.

        With ``trust`` one that has its seal is not read.
        """
        try:
            fd = os.open(path, _READ)
        except OSError:
            return False
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode):
                return False
            if trust and is_sealed(info, oid):
                return True
            whole = hasher()
            while piece := os.read(fd, _BLOCK):
                whole.update(piece)
            if whole.digest() != oid:
                return False
            if not is_sealed(info, oid):
                with suppress(OSError):  # another user's: it stays without a seal, and is read each time
                    _seal(fd, path, oid)
            return True
        finally:
            os.close(fd)

    def set_aside(self, path: str) -> str:
        """Move a copy that was changed to ``quarantine``, and warn. Returns the new path, empty when it was gone already.

        What is hard-linked to it keeps the changed bytes; what is a symbolic link to it leads nowhere afterwards.
        """
        with FileLock(os.path.join(self._store.root, "quarantine.lock"), purpose="set a changed copy aside"):
            name = os.path.basename(path)
            try:
                with os_errors("move to quarantine", path):
                    target = store_folder.set_aside(self._store.root, self._part(name), name, f"{name}.file")
            except WeftError:
                if os.path.lexists(path):
                    raise
                return ""
            _make_read_only(target)
        self._store.progress.warn(
            f"a file of the store was changed through a link to it, and was moved to {target}",
            hint="weft status, in every work tree that uses this store, names the files that were changed with it",
        )
        return target

    def _make(self, path: str, entry: Entry, layout: LayoutView) -> None:
        """Write the copy, proved by its hash and durable before it gets its name: a name is a promise."""
        root, name, temp = self._store.root, os.path.basename(path), os.path.basename(self._store.temp_path())
        with (
            os_errors("write", path),
            store_folder.part(root, "tmp") as temps,
            store_folder.part(root, self._part(name), self._store.files.sharing, make=True) as target,
        ):
            fd = os.open(temp, _NEW, 0o600, dir_fd=temps)
            try:
                _fill(fd, self._store.iter_content(entry.oid, entry.size, layout))
                _seal(fd, path, entry.oid)
                os.fsync(fd)
                publish(temps, temp, target, name)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temp, dir_fd=temps)
                raise
            finally:
                os.close(fd)

    def remove(self, copy: Copy) -> None:
        """Remove a copy, which may be gone already."""
        name = os.path.basename(copy.path)
        try:
            with store_folder.part(self._store.root, self._part(name)) as fd:
                os.unlink(name, dir_fd=fd)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise translate_os_error(error, "remove", copy.path) from error

    @staticmethod
    def _part(name: str) -> str:
        """Where in the store the copy called ``name`` is."""
        return f"{FOLDER}/{name[:2]}"

    def _warn_foreign(self, path: str) -> None:
        self._store.files.warn_once(
            "foreign",
            f"unpacked files of the store belong to another user (such as {path}); they are not linked to, but copied"
            " from the packs and checked",
        )


def _make_read_only(path: str) -> None:
    with suppress(OSError):  # a link, or another user's file
        fd = os.open(path, _READ)
        try:
            os.fchmod(fd, os.fstat(fd).st_mode & 0o555)
        finally:
            os.close(fd)


def _fill(fd: int, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        write_all(fd, piece)


def _seal(fd: int, path: str, oid: Oid) -> None:
    now = time.time_ns()
    os.fchmod(fd, 0o555 if is_executable(path) else 0o444)
    os.utime(fd, ns=(now, sealed_time(oid, now)))
