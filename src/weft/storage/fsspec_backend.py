"""Any fsspec file system as a storage; ``s3.py`` and ``gcs.py`` sharpen it for the two that weft promises to support.

The file system is made anew in every process, since its event loop does not survive a fork, and its caches are off.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any, cast

from weft.errors import KeyMissing
from weft.storage.base import ObjectStat
from weft.storage.descriptors import new_file, upload_source
from weft.storage.keys import check_key, check_prefix, check_range, past_end, short_read
from weft.storage.translate import Context, create_or_replace, key_missing, translated

# Some libraries read a whole file before they send it; this many at once bounds the memory that takes.
UPLOADS = 4

# A file system of an earlier process must not be finalized in this one: it would wait for a loop that does not run.
_INHERITED: list[Any] = []


class FsspecStorage:
    """Keys are paths below ``root`` of the file system that ``connect`` makes."""

    def __init__(self, connect: Callable[[], Any], root: str, context: Context) -> None:
        self._connect = connect
        self._root = root
        self._context = context
        self._system: Any = None
        self._process = 0
        self._lock = threading.Lock()
        self._uploads = threading.BoundedSemaphore(UPLOADS)

    @property
    def name(self) -> str:
        """The url of the remote."""
        return self._context.name

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See ``Storage.read``."""
        check_key(key)
        check_range(start, length)
        if length == 0:
            self._require(key, start)
            return b""
        end = None if length is None else start + length
        with self._errors(key):
            data = self._fetch(key, start, end)
        if length is not None and len(data) != length:
            found = self.stat(key)
            if found is not None and found.size < start + length:
                raise past_end(key, start + length, found.size)
            raise short_read(key, length, len(data))
        if start and length is None and not data:
            raise past_end(key, start + 1, start)
        return data

    def download(self, key: str, path: str) -> int:
        """See ``Storage.download``; the length is compared with what the server announced."""
        check_key(key)
        with new_file(path) as fd:
            with self._errors(key):
                announced = self._fetch_file(key, path)
            got = os.fstat(fd).st_size
            if announced is None:
                found = self.stat(key)
                announced = found.size if found else -1
            if got != announced:
                raise short_read(key, announced, got)
        return got

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        """See ``Storage.write``; create-only is asked for where the library can, and may be ignored by the server."""
        check_key(key)
        with self._errors(key):
            return create_or_replace(lambda only: self._store(key, data, only), create)

    def upload(self, key: str, path: str, *, create: bool = False) -> bool:
        """See ``Storage.upload``."""
        check_key(key)
        with upload_source(path) as (_, size), self._errors(key):
            return create_or_replace(lambda only: self._store_file(key, path, size, only), create)

    def stat(self, key: str) -> ObjectStat | None:
        """See ``Storage.stat``."""
        check_key(key)
        try:
            with self._errors(key):
                return self._look(key)
        except KeyMissing:
            return None

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See ``Storage.list``."""
        check_prefix(prefix)
        pages = self._pages(prefix)
        while True:
            with self._errors(""):
                page = next(pages, None)
            if page is None:
                return
            yield from page

    def delete(self, key: str) -> None:
        """See ``Storage.delete``."""
        check_key(key)
        with suppress(KeyMissing), self._errors(key):
            self._remove(key)

    def close(self) -> None:
        """Close the connections; requests under way fail."""
        with self._lock:
            system, self._system = self._system, None
            if system is not None and self._process == os.getpid():
                self._disconnect(system)

    # --- what the subclasses sharpen ---

    def _fetch(self, key: str, start: int, end: int | None) -> bytes:
        if not start and end is None:
            return cast("bytes", self.system.cat_file(self._path(key)))
        return cast("bytes", self.system.cat_file(self._path(key), start=start, end=end))

    def _fetch_file(self, key: str, path: str) -> int | None:
        """Fill the empty file ``path``; returns the size that the server announced, if it did."""
        # Some file systems make a local directory when the key is one.
        self._require(key, 0)
        return self._stream(key, path)

    def _stream(self, key: str, path: str, **options: Any) -> int | None:
        watch = Watch()
        self.system.get_file(self._path(key), path, callback=watch, **options)
        return watch.size

    def _store(self, key: str, data: bytes, only: bool) -> None:
        """Write ``data``; with ``only``, raise what ``is_precondition`` knows when the key exists."""
        self._make_parent(key)
        self.system.pipe_file(self._path(key), data, mode="create" if only else "overwrite")

    def _store_file(self, key: str, path: str, size: int, only: bool) -> None:
        self._make_parent(key)
        # Not every put_file knows a mode; what other libraries do here is not exclusive either.
        if only and self.system.exists(self._path(key)):
            raise FileExistsError(key)
        with self._uploads:
            self.system.put_file(path, self._path(key))

    def _look(self, key: str) -> ObjectStat | None:
        info = self.system.info(self._path(key))
        if info.get("type") == "directory":
            return None
        return ObjectStat(key, int(info["size"]), seconds_of(info))

    def _pages(self, prefix: str) -> Iterator[Iterable[ObjectStat]]:
        top = self._path(prefix).rstrip("/")
        found = self.system.find(top, detail=True)
        cut = len(self._root.lstrip("/")) + 1 if self._root else 0
        yield [
            ObjectStat(str(name).lstrip("/")[cut:], int(info.get("size") or 0), seconds_of(info))
            for name, info in found.items()
        ]

    def _remove(self, key: str) -> None:
        self.system.rm_file(self._path(key))

    def _disconnect(self, system: Any) -> None:
        """Nothing to close for most file systems."""

    def _confirm_bucket(self) -> None:
        """Raise ``BucketMissing`` when a missing key is due to a missing bucket; most file systems know none."""

    # --- shared ---

    @property
    def system(self) -> Any:
        """The file system of this process."""
        if self._process != os.getpid() or self._system is None:
            with self._lock:
                if self._system is not None and self._process != os.getpid():
                    _INHERITED.append(self._system)
                    self._system = None
                if self._system is None:
                    self._system = self._connect()
                    self._process = os.getpid()
        return self._system

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}" if self._root else key

    def _make_parent(self, key: str) -> None:
        self.system.makedirs(self._path(key).rpartition("/")[0], exist_ok=True)

    def _require(self, key: str, start: int) -> None:
        """Raise as an empty read must when the key is missing or shorter than ``start``."""
        found = self.stat(key)
        if found is None:
            raise key_missing(key, self._context)
        if start > found.size:
            raise past_end(key, start, found.size)

    def _errors(self, key: str) -> AbstractContextManager[None]:
        return translated(key, self._context, self._confirm_bucket)


class Watch:
    """The part of ``fsspec.Callback`` that the libraries call during a download."""

    def __init__(self) -> None:
        self.size: int | None = None

    def set_size(self, size: int | None) -> None:
        """Learn the announced size."""
        self.size = int(size) if size is not None else None

    def relative_update(self, inc: int = 1) -> None:
        """Ignored: the file itself is measured."""

    def absolute_update(self, value: int) -> None:
        """Ignored: the file itself is measured."""


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


def run_on_loop(system: Any, work: Any, timeout: float = 5.0) -> None:
    """Run a coroutine on the event loop of a file system; a loop that is gone or stuck is left alone."""
    if not system.loop.is_running():
        work.close()
        return
    with suppress(TimeoutError, OSError, RuntimeError):
        asyncio.run_coroutine_threadsafe(work, system.loop).result(timeout)
