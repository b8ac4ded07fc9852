"""The tracked path and what is below it, reached through descriptors from the top of the work tree, never through a link."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from weft.errors import FileChanged
from weft.util.atomic import reap_temp, translate_os_error
from weft.util.dirfd import make_directory, open_below
from weft.workspace.names import join_path
from weft.workspace.plan import Removal
from weft.workspace.writer import expect

# What a directory answers that is not empty, is gone or no directory any more, or in use as a mount point.
_STAYS = frozenset([errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EBUSY])


class Place(NamedTuple):
    """The descriptor of a directory, a name in it, and the path to show for it."""

    fd: int
    name: str
    shown: str


class Places:
    """Directories and files below the tracked path ``base``; ``top_fd`` is the top of the work tree, open as long as this.

    Directories are named relative to ``base``, "" for itself.
    """

    def __init__(self, top_fd: int, base: str) -> None:
        self.top_fd = top_fd
        self.base = base

    def shown(self, directory: str, name: str = "") -> str:
        """The path of ``name`` in ``directory`` as seen from the top of the work tree."""
        return join_path(self.base, join_path(directory, name))

    @contextmanager
    def at(self, directory: str, name: str) -> Iterator[Place]:
        """Where ``name`` lies, its directory open inside the ``with`` block. ``/`` is a tracked file, which lies in the
        directory above.

        Raises ``SymlinkRefused``, ``FileChanged`` when the directory is gone.
        """
        if name != "/":
            place = Place(self._open(directory), name, self.shown(directory, name))
        else:
            parent, _, base = self.base.rpartition("/")
            place = Place(open_below(self.top_fd, parent, create=True), base, self.base)
        try:
            yield place
        finally:
            os.close(place.fd)

    def make(self, directory: str) -> None:
        """Make a directory that is not there yet; the tracked one with those above it."""
        path = self.shown(directory)
        parent, _, name = path.rpartition("/")
        fd = open_below(self.top_fd, parent, create=not directory)
        try:
            make_directory(name, fd, path)
        finally:
            os.close(fd)

    def unlink(self, removal: Removal) -> None:
        """Remove a file. Raises ``FileChanged`` when it is no longer the one that was meant."""
        with self.at(removal.directory, removal.name) as (fd, name, shown):
            try:
                expect(fd, name, removal.stat, shown)
                os.unlink(name, dir_fd=fd)
            except OSError as error:
                raise translate_os_error(error, "remove", shown) from error

    def rmdir(self, directory: str, *, needed: bool) -> None:
        """Remove a directory if it is empty. Raises ``FileChanged`` when it is not and ``needed`` is set, and what else
        the operating system answers."""
        path = self.shown(directory)
        parent, _, name = path.rpartition("/")
        fd = open_below(self.top_fd, parent)
        try:
            os.rmdir(name, dir_fd=fd)
        except OSError as error:
            if error.errno not in _STAYS:
                raise translate_os_error(error, "remove", path) from error
            if needed:
                raise FileChanged(
                    f"{path!a} stands in the way and is not empty any more", hint="run the command again", path=path
                ) from error
        finally:
            os.close(fd)

    def reap(self, leftovers: Iterable[str]) -> None:
        """Remove those of the temporary files ``leftovers`` that nobody writes any more."""
        now = time.time()
        for path in leftovers:
            directory, _, name = path.rpartition("/")
            with self.at(directory, name) as (fd, _, _):
                reap_temp(name, now, dir_fd=fd)

    def _open(self, directory: str) -> int:
        path = self.shown(directory)
        try:
            return open_below(self.top_fd, path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileChanged(
                f"the directory {path!a} was replaced while weft worked in it", hint="run it again", path=path
            ) from error
