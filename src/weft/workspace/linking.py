"""Files of the workspace that share their bytes with the store: hard and symbolic links, and clones that share blocks.

They are made of whole copies beside the packs (``weft.objects.unpacked``). What is linked is read-only, and cannot be
changed without changing what everybody else sees who is linked to it; a clone ("reflink") is a file of its own.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from weft.errors import FileChanged
from weft.model.config import AUTO, COPY, HARD, LINK_FROM, REFLINK, SYMLINK
from weft.model.entry import EXEC, Entry
from weft.objects.copies import copies_dir, copy_oid, copy_path, is_sealed
from weft.objects.layouts import LayoutView
from weft.objects.store import LocalStore
from weft.objects.unpacked import Copy, Unpacked
from weft.util.atomic import os_errors, temp_name, translate_os_error
from weft.workspace.stats import pack_stat
from weft.workspace.writer import expect

FICLONE = 0x40049409
"""The request that makes a file share the blocks of another (``ioctl_ficlone(2)``)."""
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CANNOT_LINK = frozenset([errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS])
# What file systems that share no blocks answer; one that shares them, but not over this border, says EXDEV.
_CANNOT_CLONE = frozenset([errno.EXDEV, errno.ENOTTY, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS])


class LinkChoice(NamedTuple):
    """How files are made (one of ``weft.model.config.LINKS``), and from how many bytes on; smaller ones are copied."""

    kind: str = AUTO
    least: int = LINK_FROM


NO_LINKS = LinkChoice(COPY)


class Linker:
    """Makes files of ``least`` bytes or more by ``kind`` (one of ``weft.model.config.LINKS``). Safe from any thread.

    ``may`` is asked last before each gets its name, and raises where none may any more.
    """

    def __init__(
        self, kind: str, least: int, store: LocalStore, layout: LayoutView, may: Callable[[], None] | None = None
    ) -> None:
        self._may = may
        self.kind = kind
        self.least = max(1, least)
        self.copies = Unpacked(store)
        self.layout = layout

    def takes(self, entry: Entry) -> bool:
        """Whether ``entry`` is to be made by ``put``."""
        return self.kind != COPY and entry.size >= self.least

    def put(self, dir_fd: int, entry: Entry, name: str, replaces: bytes | None, shown: str) -> bytes | None:
        """Make the file ``name`` as ``put_file`` would, out of the store's copy; None where it has to be written after all.

        Raises ``FileChanged``, ``DiskFull``, ``PermissionFault`` and what reading the store raises.
        """
        copy = self.copies.find(entry)
        if copy is None and self.kind != AUTO:
            if replaces is not None and self._is_link_to(dir_fd, name, entry):
                # The store's copy was changed through this very link. Both go: the plan has seen to it that the bytes are
                # saved, and to put the copy aside would make the link look like one that was changed since.
                _drop(dir_fd, name, replaces, shown)
                replaces = None
            copy = self.copies.need(entry, self.layout)
        if copy is None:
            return None
        temp = temp_name()
        try:
            if not self._make(copy, temp, dir_fd, entry):
                return None
            expect(dir_fd, name, replaces, shown)
            if self._may is not None:
                self._may()
            packed = pack_stat(os.stat(copy.path if self.kind == SYMLINK else temp, dir_fd=dir_fd), shown)
            os.rename(temp, name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
            return packed if self.kind != HARD else pack_stat(os.stat(name, dir_fd=dir_fd, follow_symlinks=False))
        except OSError as error:
            raise translate_os_error(error, "link", shown) from error
        finally:
            # Also when all went well: two names of one file are left as they are by rename (POSIX).
            with suppress(OSError):
                os.unlink(temp, dir_fd=dir_fd)

    def differs(self, path: str, entry: Entry) -> bool:
        """Whether the file at ``path``, which has the right bytes, is made otherwise than ``kind`` says."""
        found = kind_of(path, entry, self.copies)
        if self.kind == REFLINK and entry.size >= self.least:
            return True  # which blocks a file shares cannot be seen, and to share them once more costs little
        if self.kind in (HARD, SYMLINK) and entry.size >= self.least:
            return found != self.kind
        return found != COPY

    def _is_link_to(self, dir_fd: int, name: str, entry: Entry) -> bool:
        with suppress(OSError):
            copy = os.lstat(copy_path(self.copies.folder, entry.oid, entry.type == EXEC))
            info = os.stat(name, dir_fd=dir_fd)
            return (copy.st_dev, copy.st_ino) == (info.st_dev, info.st_ino)
        return False

    def _make(self, copy: Copy, temp: str, dir_fd: int, entry: Entry) -> bool:
        """Make the new name ``temp``; False when the file system cannot."""
        try:
            if self.kind == SYMLINK:
                os.symlink(copy.path, temp, dir_fd=dir_fd)
            elif self.kind == HARD:
                os.link(copy.path, temp, dst_dir_fd=dir_fd, follow_symlinks=False)
                info = os.stat(temp, dir_fd=dir_fd, follow_symlinks=False)
                return (info.st_dev, info.st_ino) == (copy.info.st_dev, copy.info.st_ino)
            else:
                return _share(copy, temp, dir_fd, entry)
        except FileNotFoundError:  # it was collected a moment ago
            return False
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            return False
        return True


def _drop(dir_fd: int, name: str, replaces: bytes, shown: str) -> None:
    """Remove a file as it was planned. Raises ``FileChanged``, ``PermissionFault``."""
    expect(dir_fd, name, replaces, shown)
    with os_errors("remove", shown):
        os.unlink(name, dir_fd=dir_fd)


def _share(copy: Copy, temp: str, dir_fd: int, entry: Entry) -> bool:
    """Make the file ``temp`` of the blocks of ``copy``, if that is still as it was made."""
    source = os.open(copy.path, _READ)
    try:
        if not is_sealed(os.fstat(source), copy.oid):
            return False
        fd = os.open(temp, _NEW, 0o777 if entry.type == EXEC else 0o666, dir_fd=dir_fd)
        try:
            return _clone(fd, source)
        finally:
            os.close(fd)
    finally:
        os.close(source)


def settle(choice: LinkChoice, store: LocalStore, root: str) -> tuple[LinkChoice, str]:
    """What of ``choice`` can be done between ``store`` and the work tree ``root``: itself, or copies with the reason.

    Asked before anything is unpacked, which would be in vain. Without a reason nothing was wished for that is not to be had.
    Raises the errors of ``translate_os_error``.
    """
    kind, why = choice.kind, ""
    if kind == HARD:
        with os_errors("look at", store.root):
            apart = os.stat(root).st_dev != os.stat(store.root).st_dev
        why = "hard links cannot lead to another file system" if apart else ""
    elif kind == REFLINK and not _can_clone(store, root):
        why = "the file system shares no blocks between files, or the store is on another one"
    elif kind == AUTO and not (os.path.isdir(copies_dir(store.root)) and _can_clone(store, root)):
        return choice._replace(kind=COPY), ""
    return (choice._replace(kind=COPY), f"files are copied: {why}") if why else (choice, "")


def _can_clone(store: LocalStore, root: str) -> bool:
    """Try it with a file of one byte, from the store to the work tree."""
    source, target = store.temp_path(), os.path.join(root, temp_name())
    try:
        with (
            os_errors("try to share blocks with", store.root),
            open(source, "x+b") as file,
            open(target, "xb") as other,
        ):
            file.write(b"x")
            file.flush()
            return _clone(other.fileno(), file.fileno())
    finally:
        for path in (source, target):
            with suppress(OSError):
                os.unlink(path)


def _clone(fd: int, source: int) -> bool:
    """Let the empty file ``fd`` share all blocks of ``source``; False when the file system cannot. Raises ``OSError``."""
    try:
        fcntl.ioctl(fd, FICLONE, source)
    except OSError as error:
        if error.errno not in _CANNOT_CLONE:
            raise
        return False
    return True


def kind_of(path: str, entry: Entry, copies: Unpacked) -> str:
    """How the file at ``path``, whose bytes are those of ``entry``, was made: hard, symlink or copy. A clone is a copy.

    Raises ``FileChanged`` when it is gone.
    """
    try:
        info = os.lstat(path)
        if os.path.islink(path):
            return SYMLINK if copy_oid(copies.folder, os.readlink(path)) else COPY
    except OSError as error:
        raise FileChanged(f"{path!a} changed while weft looked at it", hint="run it again", path=path) from error
    with suppress(OSError):
        copy = os.lstat(copy_path(copies.folder, entry.oid, entry.type == EXEC))
        if (copy.st_dev, copy.st_ino) == (info.st_dev, info.st_ino):
            return HARD
    return COPY
