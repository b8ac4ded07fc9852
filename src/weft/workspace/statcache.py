"""The stat cache: what each file looked like, and hashed to, when it was last read or written.

One row of the catalog's table ``dirs`` stands for one directory of a tracked path, so that "nothing changed" is two
comparisons of bytes for a whole directory. The rows are also the record of what was materialized here:

- ``tracked`` has a row for the path: everything about it is known, so a name of a manifest that is not in the row of its
  directory was never here, and one that is in the row but not on disk was deleted;
- no such row: nothing can be said of absent files.

A file counts as unchanged only when it was at least two seconds old as it was read (a "racy" one may change again
within the same timestamp; https://git-scm.com/docs/racy-git). Such files are kept by name, without an oid.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from weft.model.oid import Oid
from weft.objects.catalog import Catalog
from weft.util.atomic import temp_name
from weft.workspace.stats import DIR_CODE, GONE, RACY_NS, STAT, WIDTH, is_racy, split_names

NO_OID = bytes(32)
SINGLE_FILE = b"/"
"""The names of the row of a tracked file: no directory can hold this name."""
_PARTIAL = b"+"
_AGREED_NS = 10**8
"""Two clocks that agree may be so far apart: a file system's own goes in steps of some milliseconds."""


class Tracked(NamedTuple):
    """The pointer that the workspace was last made from, or that was last made from it."""

    oid: Oid
    layout: Oid | None = None


@dataclass(slots=True)
class DirRow:
    """What is recorded of one directory: three lists in the same order, sorted by the bytes of the names.

    ``oids`` holds 32 zero bytes where an oid is not known; that of a sub-directory is its manifest in the pointer.
    ``manifest`` is the oid of the pointer's manifest that these entries agree with, empty when they do not, or when one
    of them was too young; ``partial`` tells that entries of that manifest were never materialized. ``recorded`` is in
    nanoseconds since the epoch.
    """

    names: bytes
    stats: bytes
    oids: bytes
    manifest: bytes = b""
    partial: bool = False
    recorded: int = 0
    _index: dict[str, int] | None = field(default=None, compare=False, repr=False)

    @property
    def index(self) -> dict[str, int]:
        """Position of each name."""
        if self._index is None:
            self._index = {name: at for at, name in enumerate(split_names(self.names))}
        return self._index

    def stat_at(self, at: int) -> bytes:
        """The packed status of the entry at position ``at``."""
        return self.stats[at * WIDTH : (at + 1) * WIDTH]

    def oid_at(self, at: int) -> Oid | None:
        """The oid of the entry at position ``at``, if it is known."""
        oid = self.oids[at * 32 : at * 32 + 32]
        return Oid(oid) if oid != NO_OID else None

    def known(self, names: Sequence[str], stats: Sequence[bytes]) -> list[Oid | None]:
        """The oids of those of ``names`` that still have the recorded status."""
        index = self.index
        found: list[Oid | None] = []
        for name, packed in zip(names, stats, strict=True):
            at = index.get(name)
            found.append(self.oid_at(at) if at is not None and self.stat_at(at) == packed else None)
        return found

    def aged(self, recorded: int) -> DirRow:
        """This row as recorded at ``recorded`` (ns): files that were young then lose their oid, and it its manifest."""
        limit = recorded - RACY_NS
        young = [
            at
            for at, (_, _, _, mtime, ctime, code) in enumerate(STAT.iter_unpack(self.stats))
            if (mtime >= limit or ctime >= limit) and code != DIR_CODE
        ]
        if not young:
            return DirRow(self.names, self.stats, self.oids, self.manifest, self.partial, recorded)
        oids = bytearray(self.oids)
        for at in young:
            oids[at * 32 : at * 32 + 32] = NO_OID
        return DirRow(self.names, self.stats, bytes(oids), b"", self.partial, recorded)

    @classmethod
    def make(
        cls, entries: Iterable[tuple[str, bytes, bytes | None]], manifest: Oid | None, partial: bool, recorded: int
    ) -> DirRow:
        """A row from (name, packed status, oid), sorted by name, as read at ``recorded``. Young files lose their oid."""
        names, stats, oids = [], [], []
        sure = True
        for name, packed, oid in entries:
            racy = packed != GONE and is_racy(packed, recorded)
            sure = sure and not racy and packed != GONE and oid is not None
            names.append(name)
            stats.append(packed)
            oids.append(oid if oid is not None and not racy else NO_OID)
        blob = "\0".join(names).encode("utf-8")
        agreed = bytes(manifest) if manifest is not None and sure else b""
        return cls(blob, b"".join(stats), b"".join(oids), agreed, partial, recorded)


@dataclass(slots=True)
class PathState:
    """Everything recorded of one tracked path: ``rows`` by directory relative to it, the empty string being itself.

    ``copies`` is the directory of the store's copies, empty for none: a symbolic link to one of them is not data but stands
    for the file that it leads to.
    """

    tracked: Tracked | None = None
    rows: dict[str, DirRow] = field(default_factory=dict)
    copies: str = ""

    @property
    def holds_any(self) -> bool:
        """False when nothing of the tracked path is here: it was dropped."""
        return any(row.names for row in self.rows.values())

    def was_here(self, directory: str, name: str) -> bool:
        """True when this entry was once in the workspace as tracked data."""
        row = self.rows.get(directory)
        return row is not None and name in row.index


class StatCache:
    """The rows of one work tree. ``tree`` is any stable id of it; several work trees share a catalog.

    ``copies`` is as in ``PathState``. ``top`` is the top of the work tree, for comparing clocks ("": they count as equal).
    """

    def __init__(self, catalog: Catalog, tree: str | int, copies: str = "", top: str = "") -> None:
        self._catalog = catalog
        self._tree = str(tree)
        self._top = top
        self._leads: dict[int, int] = {}
        self.copies = copies

    def load(self, path: str) -> PathState:
        """All that is recorded of the tracked path ``path`` (relative to the top of the work tree)."""
        state = PathState(copies=self.copies)
        for oid, layout in self._catalog.rows(
            "SELECT oid, layout FROM tracked WHERE tree = ? AND path = ?", (self._tree, path)
        ):
            state.tracked = Tracked(Oid(oid), Oid(layout) if layout else None)
        found = self._catalog.rows(
            "SELECT path, names, stats, oids, manifest, recorded FROM dirs WHERE tree = ? AND (path = ? OR"
            " (path > ? AND path < ?))",
            (self._tree, path, path + "/", path + "0"),
        )
        for name, names, stats, oids, manifest, recorded in found:
            row = DirRow(names, stats, oids, manifest[:32], manifest[32:] == _PARTIAL, recorded)
            if _is_sound(row):
                state.rows[name[len(path) + 1 :]] = row
        return state

    def record(
        self, path: str, rows: Mapping[str, DirRow], *, tracked: Tracked | None = None, whole: bool = False
    ) -> None:
        """Write ``rows`` of the tracked path in one transaction; ``whole`` first drops all its other rows.

        ``tracked`` is written when it is given: from then on absent files are known to be deleted or never here.
        """
        prefix = path + "/"
        if rows and (lead := self._lead(path)) > _AGREED_NS:
            rows = {name: row.aged(row.recorded - lead) for name, row in rows.items()}
        values = [
            (
                self._tree,
                prefix + name if name else path,
                row.names,
                row.stats,
                row.oids,
                row.manifest + _PARTIAL if row.manifest and row.partial else row.manifest,
                row.recorded,
            )
            for name, row in sorted(rows.items())
        ]
        with self._catalog.transaction() as connection:
            if whole:
                self._drop_rows(path)
            connection.executemany("INSERT OR REPLACE INTO dirs VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            if tracked is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO tracked VALUES (?, ?, ?, ?)",
                    (self._tree, path, tracked.oid, tracked.layout),
                )

    def _lead(self, path: str) -> int:
        """How far the clock of this machine is ahead of the one that the files of ``path`` have their times from."""
        if not self._top:
            return 0
        folder = os.path.dirname(os.path.join(self._top, path))
        try:
            device = os.stat(folder).st_dev
        except OSError:
            return 0
        if device not in self._leads:
            self._leads[device] = _clock_lead(folder)
        return self._leads[device]

    def drop(self, path: str, names: Iterable[str]) -> None:
        """Forget the rows of the directories ``names`` (relative to the tracked path) and of all below them."""
        with self._catalog.transaction():
            for name in names:
                self._drop_rows(f"{path}/{name}" if name else path)

    def replace(self, path: str, names: Iterable[str], rows: Mapping[str, DirRow]) -> None:
        """``drop`` the directories ``names`` and ``record`` the ``rows`` of others, in one transaction."""
        with self._catalog.transaction():
            self.drop(path, names)
            self.record(path, rows)

    def forget(self, path: str) -> None:
        """Forget everything about a tracked path."""
        with self._catalog.transaction() as connection:
            self._drop_rows(path)
            connection.execute("DELETE FROM tracked WHERE tree = ? AND path = ?", (self._tree, path))

    def move(self, old: str, new: str) -> None:
        """Let the rows of ``old`` stand for ``new``: a rename in the workspace keeps inodes and times of what is below."""
        state = self.load(old)
        with self._catalog.transaction():
            self.forget(old)
            self.forget(new)
            self.record(new, state.rows, tracked=state.tracked, whole=True)

    def tracked_paths(self) -> dict[str, Tracked]:
        """The tracked paths that something is recorded of."""
        rows = self._catalog.rows("SELECT path, oid, layout FROM tracked WHERE tree = ?", (self._tree,))
        return {path: Tracked(Oid(oid), Oid(layout) if layout else None) for path, oid, layout in rows}

    def _drop_rows(self, path: str) -> None:
        self._catalog.rows(
            "DELETE FROM dirs WHERE tree = ? AND (path = ? OR (path > ? AND path < ?))",
            (self._tree, path, path + "/", path + "0"),
        )


def _is_sound(row: DirRow) -> bool:
    count = row.names.count(b"\0") + 1 if row.names else 0
    return len(row.stats) == count * WIDTH and len(row.oids) == count * 32 and len(row.manifest) in (0, 32)


_TMPFILE = getattr(os, "O_TMPFILE", os.O_DIRECTORY)  # writing to a directory fails


def _clock_lead(folder: str) -> int:
    """How many nanoseconds this machine's clock is ahead of that of the file system of ``folder``, which may be a server's;
    0 where no file can be made to tell."""
    path = ""
    try:
        # A file without a name leaves nothing behind, whatever happens. Not every file system can make one.
        fd = os.open(folder, os.O_WRONLY | _TMPFILE | os.O_CLOEXEC, 0o600)
    except OSError:
        path = os.path.join(folder, temp_name())
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            return 0
    try:
        return now_ns() - os.fstat(fd).st_mtime_ns
    finally:
        os.close(fd)
        if path:
            with suppress(OSError):
                os.unlink(path)


def now_ns() -> int:
    """The wall clock in nanoseconds, the one that file timestamps are compared with."""
    return time.time_ns()
