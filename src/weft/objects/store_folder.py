"""The folder of a local store: what proves that it is one, and its parts, reached without following a link.

Where a store is shared, others may put a link in the place of anything below its folder. So whatever is written or
removed there is named by the descriptor of its directory, and only a folder that was empty, or is a store, is one.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from weft.errors import DirectoryRefused
from weft.formats.pack import HEADER
from weft.util.atomic import fsync_dir, os_errors, reap_temp, sync_folder, write_all
from weft.util.dirfd import make_directory, open_at
from weft.util.later import later

if TYPE_CHECKING:
    from weft.objects import sharing
    from weft.objects.sharing import Sharing
else:
    sharing = later("weft.objects.sharing")

MARK = "weft-store"
"""The file that proves that a folder is a store."""
_MARK_TEXT = b"This folder is a store of weft.\n"
_REMOTE = ("weft.json", "roots")
"""What every remote has one of, and no store. Packs lie in both alike."""
_PARTS = ("packs", "tmp", "quarantine")
_COMMON = ("lock", "quarantine.lock", "quarantine.log")
_OTHERS = ("files", "links", "outgoing", "collect")
_DIGITS = re.compile("[0-9a-f]{2}", re.ASCII)
_PACK = re.compile(r"[0-9a-f]{64}\.pack", re.ASCII)
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def prepare(root: str, shared: Sharing | None) -> None:
    """Make the folder of a store with its parts, durably: what is synced below a name that is lost would be lost with it.

    Raises ``DirectoryRefused`` for a folder that holds something else, ``SymlinkRefused`` for a link in the place of a
    part, ``PermissionFault``, ``DiskFull``.
    """
    whole = all(_is(root, name, stat.S_ISDIR) for name in _PARTS)
    if whole and _is(root, MARK, stat.S_ISREG):
        return
    refuse_foreign(root)
    if whole:
        with suppress(OSError):  # a store of 0.1 that this user may only read
            _mark(root, shared)
        return
    with os_errors("create", root):
        above = os.path.abspath(root)
        new = [above]
        while not os.path.isdir(above):
            above = os.path.dirname(above)
            new.append(above)
        os.makedirs(root, exist_ok=True)
        _mark(root, shared)
        for name in _PARTS:
            with part(root, name, shared, make=True):
                pass
        if shared is not None:
            for name in _COMMON:
                sharing.make_common(os.path.join(root, name), shared)
    for directory in new:
        fsync_dir(directory)


def refuse_remote(root: str) -> None:
    """Refuse a folder that is a remote, whatever else it is: its packs are those that others rely on, and would be the
    proof that they may go. Raises ``DirectoryRefused``."""
    if any(os.path.lexists(os.path.join(root, name)) for name in _REMOTE):
        raise DirectoryRefused(
            f"{root} cannot be a store: it is a remote, and what goes from there is gone for everybody",
            hint="weft init --store DIR, with a directory of its own; or weft config unset --private store.dir",
            path=root,
        )


def refuse_foreign(root: str) -> None:
    """Refuse a folder that is a remote, or is not empty and is no store. Raises ``DirectoryRefused``,
    ``PermissionFault``."""
    if not os.path.isdir(root):
        return  # to make it is the next step, and says what is wrong
    refuse_remote(root)
    with os_errors("list", root):
        names = os.listdir(root)
    if names and not _is(root, MARK, stat.S_ISREG) and not _is_old(root, names):
        raise DirectoryRefused(
            f"{root} cannot become a store: it holds other files, such as {min(names)!a}, and no {MARK}",
            hint="weft init --store DIR, with a directory that is empty or not there yet",
            path=root,
        )


@contextmanager
def part(root: str, path: str, shared: Sharing | None = None, *, make: bool = False) -> Iterator[int]:
    """Descriptor of the directory ``path`` below the store, for whom it is shared with where it has to be made.

    Raises ``SymlinkRefused`` for a link in any place of ``path``, ``FileNotFoundError`` and ``NotADirectoryError`` as they
    come, ``PermissionFault``.
    """
    with os_errors("open", root):
        fd = os.open(root, _FOLDER)
    shown = root
    try:
        for name in path.split("/"):
            shown = f"{shown}/{name}"
            new = make and make_directory(name, fd, shown)
            below = open_at(name, fd, shown)
            os.close(fd)
            fd = below
            if new and shared is not None:
                os.fchmod(fd, shared.directory)
        yield fd
    finally:
        os.close(fd)


def set_aside(root: str, folder: str, name: str, wanted: str) -> str:
    """Move the file ``name`` of the directory ``folder`` to ``quarantine`` as ``wanted``, or with a number after it, and
    return its path. A link is moved itself. Raises what ``part`` raises, and ``OSError``."""
    with part(root, folder) as source, part(root, "quarantine", make=True) as target:
        free = free_name(target, wanted)
        os.rename(name, free, src_dir_fd=source, dst_dir_fd=target)
        sync_folder(target)
        sync_folder(source)
    return f"{root}/quarantine/{free}"


def free_name(fd: int, wanted: str) -> str:
    """``wanted``, or it with the first number that makes it a new name in the directory ``fd``."""
    taken = set(os.listdir(fd))
    free, number = wanted, 0
    while free in taken:
        number += 1
        free = f"{wanted}.{number}"
    return free


def reap(root: str, now: float) -> int:
    """Remove what dead processes of this user left in ``tmp`` (of another machine: after a day). Returns the number of
    files."""
    with os_errors("list", root), part(root, "tmp") as fd:
        return sum(reap_temp(name, now, dir_fd=fd) for name in os.listdir(fd))


def _mark(root: str, shared: Sharing | None) -> None:
    with suppress(FileExistsError):
        fd = os.open(os.path.join(root, MARK), _NEW, 0o666)
        try:
            if shared is not None:
                os.fchmod(fd, shared.file)
            write_all(fd, _MARK_TEXT)
            os.fsync(fd)
        finally:
            os.close(fd)


def _is(root: str, name: str, kind: Callable[[int], bool]) -> bool:
    with suppress(OSError):
        return kind(os.lstat(os.path.join(root, name)).st_mode)
    return False


def _is_old(root: str, names: list[str]) -> bool:
    """Whether this is a store of weft 0.1, which made no mark: it holds a pack, or has what a store has and nothing else."""
    try:
        with part(root, "packs") as packs:
            folders = os.listdir(packs)
        if any(_holds_pack(root, name) for name in folders if _DIGITS.fullmatch(name)):
            return True
        whole = all(_is(root, name, stat.S_ISDIR) for name in _PARTS)
        return whole and set(names) <= {*_PARTS, *_COMMON, *_OTHERS} and all(map(_DIGITS.fullmatch, folders))
    except OSError:
        return False


def _holds_pack(root: str, digits: str) -> bool:
    try:
        with part(root, f"packs/{digits}") as fd:
            for name in os.listdir(fd):
                if _PACK.fullmatch(name) and name.startswith(digits):
                    pack = os.open(name, _READ, dir_fd=fd)
                    try:
                        return stat.S_ISREG(os.fstat(pack).st_mode) and os.pread(pack, len(HEADER), 0) == HEADER
                    finally:
                        os.close(pack)
    except NotADirectoryError:
        pass
    return False
