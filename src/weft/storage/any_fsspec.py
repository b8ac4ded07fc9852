"""Any file system that fsspec knows, through the calls that all of them have."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from weft.storage.base import ObjectStat, Proof
from weft.storage.connection import Connection, fetch_bytes, fetch_file, fetch_within, seconds_of
from weft.storage.descriptors import prove_file
from weft.storage.fsspec_backend import FsspecStorage
from weft.storage.keys import MAX_UPLOAD, too_large
from weft.storage.translate import Context, key_missing
from weft.util.forking import own

# Some libraries read a whole file before they send it; this many at once bounds the memory that takes.
UPLOADS = 4


class AnyDriver:
    """Keys are paths below ``root`` of the file system that ``connect`` makes."""

    def __init__(self, connect: Callable[[], Any], root: str, context: Context) -> None:
        self.context = context
        self._root = root
        self._connection = Connection(connect)
        self._uploads = own(self, "_uploads", partial(threading.BoundedSemaphore, UPLOADS))

    def fetch(self, key: str, start: int, end: int | None) -> bytes:
        """See ``Driver.fetch``."""
        return fetch_bytes(self._connection.system, self._path(key), start, end)

    def fetch_small(self, key: str, limit: int) -> bytes:
        """See ``Driver.fetch_small``; the size is asked for first."""
        return fetch_within(self, key, limit)

    def fetch_file(self, key: str, path: str) -> int | None:
        """See ``Driver.fetch_file``."""
        # Some file systems make a local directory when the key is one.
        found = self.look(key)
        if found is None:
            raise key_missing(key, self.context)
        if found.size > MAX_UPLOAD:  # not every get_file tells how far it is
            raise too_large(key, found.size, MAX_UPLOAD)
        return fetch_file(self._connection.system, self._path(key), path)

    def store(self, key: str, data: bytes, only: bool) -> None:
        """See ``Driver.store``."""
        self._make_parent(key)
        self._connection.system.pipe_file(self._path(key), data, mode="create" if only else "overwrite")

    def store_file(self, key: str, path: str, size: int, only: bool, proof: Proof | None) -> None:
        """See ``Driver.store_file``."""
        self._make_parent(key)
        # Not every put_file knows a mode; what other libraries do here is not exclusive either.
        if only and self._connection.system.exists(self._path(key)):
            raise FileExistsError(key)
        prove_file(path, proof)
        with self._uploads:
            self._connection.system.put_file(path, self._path(key))

    def look(self, key: str) -> ObjectStat | None:
        """See ``Driver.look``."""
        info = self._connection.system.info(self._path(key))
        if info.get("type") == "directory":
            return None
        return ObjectStat(key, int(info["size"]), seconds_of(info))

    def pages(self, prefix: str) -> Iterator[Iterable[ObjectStat]]:
        """See ``Driver.pages``: everything at once."""
        top = self._path(prefix).rstrip("/")
        found = self._connection.system.find(top, detail=True)
        cut = len(self._root.lstrip("/")) + 1 if self._root else 0
        yield [
            ObjectStat(str(name).lstrip("/")[cut:], int(info.get("size") or 0), seconds_of(info))
            for name, info in found.items()
        ]

    def remove(self, key: str) -> None:
        """See ``Driver.remove``."""
        self._connection.system.rm_file(self._path(key))

    def confirm_bucket(self) -> None:
        """Most file systems know no buckets."""

    def close(self) -> None:
        """See ``Driver.close``; most file systems have nothing to close."""
        self._connection.close()

    def _path(self, key: str) -> str:
        return f"{self._root}/{key}" if self._root else key

    def _make_parent(self, key: str) -> None:
        self._connection.system.makedirs(self._path(key).rpartition("/")[0], exist_ok=True)


def any_storage(connect: Callable[[], Any], root: str, scheme: str, name: str) -> FsspecStorage:
    """The storage below ``root`` of the file system that ``connect`` makes; users see ``name``."""
    return FsspecStorage(AnyDriver(connect, root, Context(scheme, name)))
