"""The files of the local store: names, temporary names, opening packs without trusting what stands there."""

from __future__ import annotations

import os
import stat
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from weft.errors import StoreTampered
from weft.formats.pack import (
    FOOTER_ENTRY,
    HEADER_SIZE,
    TRAILER_SIZE,
    check_footer,
    check_header,
    decode_footer,
    decode_trailer,
)
from weft.model.entry import PackInfo
from weft.model.oid import Oid
from weft.objects import store_folder
from weft.util.atomic import fsync_dir, os_errors, publish, sync_folder, temp_name
from weft.util.dirfd import refuse_link
from weft.util.forking import own_lock
from weft.util.later import later
from weft.util.progress import Progress

if TYPE_CHECKING:
    from weft.objects import sharing
else:
    sharing = later("weft.objects.sharing")

_SUFFIX = ".pack"
_OPEN_PACKS = 128
_USED_STEP = 3600 * 10**9
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class OpenPack:
    """A descriptor of a pack that closes when nobody uses it any more, so that evicting one never hurts a reader.

    ``trusted`` is False when somebody else may have written it: every byte read from it must then be hashed.
    """

    __slots__ = ("fd", "path", "size", "trusted")

    def __init__(self, fd: int, path: str, size: int, trusted: bool) -> None:
        self.fd = fd
        self.path = path
        self.size = size
        self.trusted = trusted

    def __del__(self) -> None:
        os.close(self.fd)

    def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``, fewer at the end of the file."""
        with os_errors("read", self.path):
            return os.pread(self.fd, length, start)

    def expect(self, start: int, length: int) -> None:
        """Let the disk begin to read what will be asked for soon, where the system knows how. Nothing depends on it."""
        if hasattr(os, "posix_fadvise"):  # macOS has none
            with suppress(OSError):
                os.posix_fadvise(self.fd, start, length, os.POSIX_FADV_WILLNEED)


class PackFiles:
    """Paths and descriptors of the packs below ``root``. Safe from any thread."""

    def __init__(self, root: str, progress: Progress) -> None:
        self.root = root
        self._temp = os.path.join(root, "tmp")
        self._progress = progress
        self._lock = own_lock(self)
        self._open: OrderedDict[Oid, OpenPack] = OrderedDict()
        self._told: set[str] = set()
        self.sharing: sharing.Sharing | None = None
        self._durable: set[str] = set()

    def prepare(self) -> None:
        """Create the directories of the store, durably. Raises as ``store_folder.prepare`` does."""
        self.sharing = sharing.sharing_of(self.root) if _may_be_shared(self.root) else None
        store_folder.prepare(self.root, self.sharing)

    def path(self, name: Oid) -> str:
        """Where the pack called ``name`` is or would be."""
        digits = name.hex()
        return f"{self.root}/packs/{digits[:2]}/{digits}{_SUFFIX}"

    def publish(self, temp: str, name: Oid, *, replace: bool = False) -> str:
        """Give the finished and synced file ``temp`` of ``tmp`` the name of the pack ``name``, durably, and return its path.

        It is shared with whom the store is shared with. With ``replace`` a file that stands there gives way to it.
        """
        final, temp = self.path(name), os.path.basename(temp)
        folder = f"packs/{name.hex()[:2]}"
        with os_errors("publish", final), store_folder.part(self.root, "tmp") as source:
            if self.sharing is not None:
                _set_mode(source, temp, self.sharing.pack)
            with store_folder.part(self.root, folder, self.sharing, make=True) as target:
                if folder not in self._durable:
                    # Also when it was there: whoever made it may have been killed before this.
                    fsync_dir(f"{self.root}/packs")
                    self._durable.add(folder)
                if replace:
                    os.rename(temp, os.path.basename(final), src_dir_fd=source, dst_dir_fd=target)
                    sync_folder(target)
                else:
                    publish(source, temp, target, os.path.basename(final))
        return final

    def temp_path(self) -> str:
        """A new name in ``tmp``, which tells who writes there (see ``weft.util.atomic.temp_name``)."""
        return f"{self._temp}/{temp_name()}{_SUFFIX}"

    def names(self) -> Iterator[tuple[Oid, int]]:
        """Names and sizes in bytes of all packs on disk; other files are passed over. A link has size -1."""
        top = f"{self.root}/packs"
        with os_errors("list", top):
            for directory in sorted(os.listdir(top)):
                if len(directory) != 2:
                    continue
                if os.path.islink(f"{top}/{directory}"):
                    raise refuse_link(f"{top}/{directory}")
                with suppress(NotADirectoryError, FileNotFoundError), os.scandir(f"{top}/{directory}") as entries:
                    yield from _packs_of(entries, directory)

    def open(self, name: Oid) -> OpenPack:
        """The pack called ``name``, opened once and kept open among the last 128.

        Raises ``FileNotFoundError``; ``StoreTampered`` when something else than a regular file stands there.
        """
        with self._lock:
            found = self._open.get(name)
            if found is not None:
                self._open.move_to_end(name)
                return found
        pack = self._open_path(self.path(name))
        with self._lock:
            self._open[name] = pack
            while len(self._open) > _OPEN_PACKS:
                self._open.popitem(last=False)
        return pack

    def times(self, name: Oid) -> tuple[float, float] | None:
        """When a pack was written, and when it was last read or written (to the hour), in seconds since the epoch; None
        when it is not there."""
        try:
            found = os.stat(self.path(name), follow_symlinks=False)
        except FileNotFoundError:
            return None
        return found.st_mtime, max(found.st_atime, found.st_mtime)

    def remove(self, name: Oid) -> None:
        """Remove a pack whose bytes are elsewhere by now."""
        path = self.path(name)
        with os_errors("remove", path), store_folder.part(self.root, f"packs/{name.hex()[:2]}") as fd:
            os.unlink(os.path.basename(path), dir_fd=fd)
            sync_folder(fd)

    def forget(self, name: Oid) -> None:
        """Let go of the open descriptor of a pack that is moved or removed."""
        with self._lock:
            self._open.pop(name, None)

    def close(self) -> None:
        """Let go of all descriptors."""
        with self._lock:
            self._open.clear()

    def _open_path(self, path: str) -> OpenPack:
        try:
            fd = os.open(path, _READ)
        except FileNotFoundError:
            raise
        except OSError as error:
            if stat.S_ISLNK(os.lstat(path).st_mode):
                raise StoreTampered(f"a symbolic link stands where a pack should be: {path}", path=path) from error
            with os_errors("open", path):
                raise
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(fd)
            raise StoreTampered(f"no regular file where a pack should be: {path}", path=path)
        _touch(fd, status)
        trusted = status.st_uid in (os.geteuid(), 0) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        # That a store which is shared on purpose has packs of others is no news: they are hashed, and that is all.
        if not trusted and (self.sharing is None or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
            self._warn_untrusted(path)
        return OpenPack(fd, path, status.st_size, trusted)

    def warn_once(self, topic: str, message: str, hint: str = "") -> None:
        """Warn, unless that was done about ``topic`` before."""
        with self._lock:
            told = topic in self._told
            self._told.add(topic)
        if not told:
            self._progress.warn(message, hint)

    def _warn_untrusted(self, path: str) -> None:
        self.warn_once(
            "untrusted",
            f"packs of the store can be written by other users (such as {path}); all that is read from them is hashed",
            "take away the write permission of group and others, or keep the store for yourself",
        )


def _may_be_shared(root: str) -> bool:
    with suppress(OSError):
        return bool(os.stat(root).st_mode & stat.S_ISGID)
    return False


def _set_mode(folder: int, name: str, mode: int) -> None:
    fd = os.open(name, _READ, dir_fd=folder)
    try:
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def _touch(fd: int, status: os.stat_result) -> None:
    """Note in the access time that a pack is used: many systems do not, or only once a day. Eviction goes by it."""
    now = time.time_ns()
    if now - status.st_atime_ns > _USED_STEP:
        with suppress(OSError):  # somebody else's file, or a file system that is read-only
            os.utime(fd, ns=(now, status.st_mtime_ns))


def read_pack_info(pack: OpenPack, name: Oid) -> PackInfo:
    """Header, trailer and footer of a pack. Raises ``BadPackIndex`` or ``FormatVersion``."""
    footer = read_footer(pack)
    return PackInfo(name, pack.size, decode_footer(footer, pack.size - TRAILER_SIZE - len(footer)))


def read_footer(pack: OpenPack) -> bytes:
    """The encoded footer, which matches its checksum. Raises ``BadPackIndex`` or ``FormatVersion``."""
    check_header(pack.read(0, HEADER_SIZE))
    tail = pack.read(max(0, pack.size - TRAILER_SIZE), TRAILER_SIZE)
    footer_offset, count, check = decode_trailer(tail, pack.size)
    footer = pack.read(footer_offset, count * FOOTER_ENTRY)
    check_footer(footer, check)
    return footer


def open_new(path: str) -> OpenPack:
    """A pack that this process has just written under ``path``, whatever was there before. No link is followed."""
    with os_errors("open", path):
        fd = os.open(path, _READ)
    return OpenPack(fd, path, os.fstat(fd).st_size, True)


def _packs_of(entries: Iterator[os.DirEntry[str]], directory: str) -> Iterator[tuple[Oid, int]]:
    for entry in entries:
        name = entry.name
        if len(name) == 64 + len(_SUFFIX) and name.endswith(_SUFFIX) and name.startswith(directory):
            with suppress(ValueError, FileNotFoundError):
                oid = Oid(bytes.fromhex(name[:64]))
                regular = entry.is_file(follow_symlinks=False)
                yield oid, entry.stat(follow_symlinks=False).st_size if regular else -1
