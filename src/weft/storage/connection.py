"""A connection to a file system of fsspec, and the calls that the drivers share.

The file system is made anew in every process, since its event loop does not survive a fork, and its caches are off.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol, cast

from weft.storage.base import ObjectStat
from weft.storage.keys import MAX_UPLOAD, short_read, too_large
from weft.storage.translate import Context, key_missing
from weft.util.forking import after_fork, own_lock

# A file system of an earlier process must not be finalized in this one: it would wait for a loop that does not run.
_INHERITED: list[Any] = []
_SILENT = logging.NullHandler()


class Connection:
    """The file system that ``connect`` makes, one a process; ``disconnect`` ends what it holds open."""

    def __init__(self, connect: Callable[[], Any], disconnect: Callable[[Any], None] | None = None) -> None:
        self._connect = connect
        self._disconnect = disconnect
        self._system: Any = None
        self._lock = own_lock(self)
        after_fork(self, Connection._renew)
        # A part of a request that fails while nobody waits for it is told with a traceback on stderr where no handler is
        # set. The request fails as well, and its error reaches the user through ours.
        logging.getLogger("asyncio").addHandler(_SILENT)

    @property
    def system(self) -> Any:
        """The file system of this process."""
        if self._system is None:
            with self._lock:
                if self._system is None:
                    self._system = self._connect()
        return self._system

    def close(self) -> None:
        """Disconnect; requests under way fail, and the next use of ``system`` connects again."""
        with self._lock:
            system, self._system = self._system, None
            if system is not None and self._disconnect:
                self._disconnect(system)

    def drop(self, system: Any) -> None:
        """Give up ``system``, unless another was made in its place already."""
        with self._lock:
            if self._system is not system:
                return
            self._system = None
        if self._disconnect:
            self._disconnect(system)

    def _renew(self) -> None:
        _INHERITED.append(self._system)
        self._system = None


class Sized(Protocol):
    """The two calls of a driver that ``fetch_within`` needs; see ``Driver``."""

    context: Context

    def fetch(self, key: str, start: int, end: int | None) -> bytes:
        """Bytes from ``start`` up to ``end``."""

    def look(self, key: str) -> ObjectStat | None:
        """Size and time of an object; None for a directory."""


def fetch_within(driver: Sized, key: str, limit: int) -> bytes:
    """A whole object after asking for its size, and then for as many bytes: two requests, or one where there are none.

    Raises ``LimitExceeded`` over ``limit`` bytes.
    """
    found = driver.look(key)
    if found is None:
        raise key_missing(key, driver.context)
    if found.size > limit:
        raise too_large(key, found.size, limit)
    data = driver.fetch(key, 0, found.size) if found.size else b""
    if len(data) != found.size:
        raise short_read(key, found.size, len(data))
    return data


class Watch:
    """The part of ``fsspec.Callback`` that the libraries call during a download, which it ends where it grows too long."""

    def __init__(self, path: str) -> None:
        self.size: int | None = None
        self._path = path
        self._got = 0

    def set_size(self, size: int | None) -> None:
        """Learn the announced size. Raises ``LimitExceeded``, as the others do."""
        self.size = int(size) if size is not None else None
        self._limit(self.size or 0)

    def relative_update(self, inc: int = 1) -> None:
        """Learn that ``inc`` more bytes came: what was announced may have been less."""
        self._got += inc
        self._limit(self._got)

    def absolute_update(self, value: int) -> None:
        """Learn how many bytes came so far."""
        self._limit(value)

    def _limit(self, size: int) -> None:
        if size > MAX_UPLOAD:
            raise too_large(self._path, size, MAX_UPLOAD)


def fetch_bytes(system: Any, path: str, start: int, end: int | None) -> bytes:
    """The bytes of ``path`` from ``start`` up to ``end``, asked for without a range when that is everything."""
    if not start and end is None:
        return cast("bytes", system.cat_file(path))
    return cast("bytes", system.cat_file(path, start=start, end=end))


def fetch_file(system: Any, path: str, target: str, **options: Any) -> int | None:
    """Fill the empty local file ``target``; returns the size that the server announced, if it did."""
    watch = Watch(path)
    system.get_file(path, target, callback=watch, **options)
    return watch.size


def seconds_of(info: Mapping[str, Any]) -> float:
    """Time of the last change out of the many spellings of file systems; 0 when there is none."""
    for field in ("LastModified", "mtime", "updated", "modified", "last_modified", "created"):
        value = info.get(field)
        if isinstance(value, datetime.datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
        if isinstance(value, str) and value:
            with suppress(ValueError):
                return datetime.datetime.fromisoformat(value).timestamp()
    return 0.0


def await_on_loop(system: Any, work: Any) -> Any:
    """Run a coroutine on the event loop of a file system and wait for what it returns or raises."""

    async def kept() -> tuple[Any, TimeoutError | None]:
        try:
            return await work, None
        except TimeoutError as error:
            return None, error  # the future would make a new one of it, without the server's answer behind it

    found, error = asyncio.run_coroutine_threadsafe(kept(), system.loop).result()
    if error is not None:
        raise error
    return found


def run_on_loop(system: Any, work: Any, timeout: float = 5.0) -> None:
    """Run a coroutine on the event loop of a file system; a loop that is gone or stuck is left alone."""
    if not system.loop.is_running():
        work.close()
        return
    with suppress(TimeoutError, OSError, RuntimeError):
        asyncio.run_coroutine_threadsafe(work, system.loop).result(timeout)
