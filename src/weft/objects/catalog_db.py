"""The SQLite file under the catalog: opening, checking, setting aside, transactions.

The file is a cache: deleting it costs time, never data. So anything that is not exactly ours (random bytes, another
schema, another version) is moved aside and made anew. SQLite with a write-ahead log, see https://sqlite.org/wal.html,
but for file systems of small blocks.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from weft.errors import CatalogDamaged, DiskFull, EnvironmentFault, LockTimeout, PermissionFault, WeftError
from weft.objects.catalog_schema import ADDED, APPLICATION_ID, SCHEMA, VERSION
from weft.util.forking import after_fork, hold_at_fork, own
from weft.util.locks import FileLock
from weft.util.progress import Progress

_BUSY_SECONDS = 30.0
_SHM_STEP = 4096
_ROOM = 1 << 20
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_MISMATCH)
# A connection carried over a fork must not even be closed in the child; it is kept from the garbage collector here.
_ABANDONED: list[sqlite3.Connection] = []


def translate(error: sqlite3.Error, path: str) -> WeftError:
    """The error of ours that an SQLite error stands for."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LockTimeout(f"another process keeps the catalog busy for {_BUSY_SECONDS:.0f} s: {path}", path=path)
    if code == sqlite3.SQLITE_FULL:
        return DiskFull(f"no space is left for the catalog: {path}", path=path)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN):
        return PermissionFault(f"the catalog cannot be opened for writing: {path}", path=path)
    if code in _DAMAGED:
        return CatalogDamaged(
            f"the catalog is damaged: {path}",
            hint="run the command again: the catalog is rebuilt from the packs",
            path=path,
        )
    return EnvironmentFault(f"the catalog failed ({error}): {path}", path=path)


def _maps_safely(path: str) -> bool:
    """Whether a log may be written ahead, which SQLite finds its way in by a file that it maps into memory.

    It makes room for that file by one byte in each 4096. Where blocks are smaller, as on an ext4 of less than 512 MiB, the
    rest gets its room when the memory is first written to, and on a full disk the process dies of that (SIGBUS).

    Raises ``DiskFull`` when a log of weft 0.1 has to be folded in there, and the disk is full.
    """
    found = os.statvfs(os.path.dirname(path) or ".")
    if found.f_bsize >= _SHM_STEP:
        return True
    with suppress(FileNotFoundError), open(path, "rb") as file:
        if file.read(20)[18:] == b"\2\2" and found.f_bfree * found.f_frsize < _ROOM:
            raise DiskFull(f"no space is left for the catalog: {path}", hint="free 1 MiB on that disk", path=path)
    return False


def look_at(path: str) -> str | None:
    """What is wrong with the catalog ``path``: None when nothing is, an empty string when it is not there."""
    if not os.path.lexists(path):
        return ""
    database = Database(path)
    try:
        return database._problem()
    finally:
        database.close()


class Database:
    """One SQLite file shared by all threads of a process through one connection and one lock. Safe to use after fork."""

    def __init__(self, path: str, cache_kib: int = 32 << 10) -> None:
        self.path = path
        self._cache_kib = cache_kib
        self._lock = own(self, "_lock", threading.RLock)
        self._connection: sqlite3.Connection | None = None
        self._depth = 0
        self._damaged = False
        hold_at_fork(self, lambda one: one._lock)
        after_fork(self, Database._leave_parent_behind)

    @classmethod
    def open(cls, path: str, rebuild: Callable[[Self], None] | None = None, progress: Progress | None = None) -> Self:
        """Open or create the file. ``rebuild`` fills a new one, inside one transaction.

        A file that is not ours is moved to ``PATH.damaged-N`` and one warning is given. Raises ``LockTimeout``,
        ``PermissionFault``, ``DiskFull``.
        """
        database = cls(path)
        try:
            if database._problem() is None:
                return database
            with FileLock(path + ".lock", purpose="make the catalog"):
                problem = database._problem()
                if problem:
                    aside = database._set_aside()
                    if progress is not None:
                        progress.warn(f"the catalog {problem}; it is rebuilt (the old file is {aside})")
                if problem is not None:
                    database._create(rebuild)
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Close the connection. It may be called twice."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return all its rows. Raises what ``translate`` makes."""
        with self._translated(), self._lock:
            return self._connected().execute(sql, params).fetchall()

    def write_many(self, sql: str, params: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each tuple of ``params``, all in one transaction."""
        with self.transaction() as connection:
            connection.executemany(sql, params)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock and a write transaction; an inner call joins the outer one. Rolls back on any error."""
        with self._translated(), self._lock:
            connection = self._connected()
            if self._depth == 0:
                connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield connection
                if self._depth == 1:
                    connection.execute("COMMIT")
            except BaseException:
                # The connection may be broken, or SQLite has rolled back by itself: the first error is the one to tell.
                if self._depth == 1 and connection.in_transaction:
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, CatalogDamaged) as error:
            fault = translate(error, self.path) if isinstance(error, sqlite3.Error) else error
            if isinstance(fault, CatalogDamaged) and self._depth == 0:
                self._set_aside()
                self._damaged = True
            raise fault from error

    def _leave_parent_behind(self) -> None:
        if self._connection is not None:
            _ABANDONED.append(self._connection)
        self._connection, self._depth = None, 0

    def _connected(self) -> sqlite3.Connection:
        if self._damaged:
            raise sqlite3.DatabaseError("set aside earlier in this process")
        if self._connection is None:
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64
            )
            self._connection = connection
            if _maps_safely(self.path):
                connection.execute("PRAGMA journal_mode = WAL")
                # The file is a cache: after a power cut the last transactions may be gone, the file stays whole.
                connection.execute("PRAGMA synchronous = NORMAL")
            else:
                connection.execute("PRAGMA journal_mode = TRUNCATE")
            connection.execute(f"PRAGMA cache_size = -{self._cache_kib}")
            connection.execute("PRAGMA temp_store = MEMORY")
        return self._connection

    def _problem(self) -> str | None:
        """None when the file is ours and ready, an empty string when it is new, else what is wrong with it."""
        if not os.path.lexists(self.path):
            return ""
        try:
            connection = self._connected()
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        except (sqlite3.DatabaseError, ValueError) as error:
            fault = translate(error, self.path) if isinstance(error, sqlite3.Error) else None
            if fault is None or isinstance(fault, CatalogDamaged):
                return "is no catalog"
            raise fault from error
        if not found and version == 0:
            return ""
        if application == APPLICATION_ID and version in ADDED and found == _without(ADDED[version]):
            self._add_tables(version)
            return None
        if (version, application) != (VERSION, APPLICATION_ID):
            return f"has version {version}, not {VERSION}"
        return None if found == SCHEMA else "has another schema"

    def _add_tables(self, version: int) -> None:
        with self.transaction() as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] == version:  # nobody else has done it
                for table in ADDED[version]:
                    connection.execute(SCHEMA[table])
                connection.execute(f"PRAGMA user_version = {VERSION}")

    def _set_aside(self) -> str:
        self.close()
        number = 1
        while os.path.lexists(f"{self.path}.damaged-{number}"):
            number += 1
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                os.rename(self.path + suffix, f"{self.path}.damaged-{number}{suffix}")
        return f"{self.path}.damaged-{number}"

    def remake(self, why: str, rebuild: Callable[[Self], None], progress: Progress) -> None:
        """Move the file aside, which is damaged as ``why`` says, and make a new one, as ``open`` does."""
        with self._lock, FileLock(self.path + ".lock", purpose="make the catalog"):
            aside = self._set_aside()
            self._damaged = False
            self._create(rebuild)
        progress.warn(f"the catalog is damaged ({why}); it is made again from the packs (the old file is {aside})")

    def _create(self, rebuild: Callable[[Self], None] | None) -> None:
        with self.transaction() as connection:
            for statement in SCHEMA.values():
                connection.execute(statement)
            connection.execute("INSERT INTO places (id, key) VALUES (0, 'local')")
            if rebuild is not None:
                rebuild(self)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")


def _without(tables: Iterable[str]) -> dict[str, str]:
    return {name: sql for name, sql in SCHEMA.items() if name not in tables}
