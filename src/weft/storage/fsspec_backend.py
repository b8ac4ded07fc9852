"""A storage over a library's own calls: the obligations of ``weft.storage.base`` here, the calls in a driver.

``s3.py``, ``gcs.py``, ``azure.py``, ``sftp.py`` and ``web.py`` are those drivers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Protocol

from weft.errors import KeyMissing
from weft.storage.base import ObjectStat, Proof
from weft.storage.descriptors import new_file, upload_source
from weft.storage.keys import check_key, check_prefix, check_range, past_end, short_read
from weft.storage.translate import Context, create_or_replace, key_missing, translated


class Driver(Protocol):
    """The calls of one kind of remote. Keys are checked already; errors may be the library's own.

    A missing object is what ``translate`` takes for ``KeyMissing``, an object in the way of a create-only write what
    ``is_precondition`` knows.
    """

    @property
    def context(self) -> Context:
        """What errors speak of."""

    def fetch(self, key: str, start: int, end: int | None) -> bytes:
        """Bytes from ``start`` up to ``end``; a short answer is noticed by the caller."""

    def fetch_small(self, key: str, limit: int) -> bytes:
        """A whole object. Raises ``LimitExceeded`` when it has more than ``limit`` bytes."""

    def fetch_file(self, key: str, path: str) -> int | None:
        """Fill the empty file ``path``; returns the size that the server announced, if it did."""

    def store(self, key: str, data: bytes, only: bool) -> None:
        """Write ``data``, only where there is nothing when ``only`` is set and the server knows how."""

    def store_file(self, key: str, path: str, size: int, only: bool, proof: Proof | None) -> None:
        """Write the ``size`` bytes of the file ``path`` as ``store`` does, if ``proof`` lets them pass."""

    def look(self, key: str) -> ObjectStat | None:
        """Size and time of an object; None for a directory."""

    def pages(self, prefix: str) -> Iterator[Iterable[ObjectStat]]:
        """The listing below ``prefix`` in the portions in which it comes."""

    def remove(self, key: str) -> None:
        """Delete an object."""

    def confirm_bucket(self) -> None:
        """Raise ``BucketMissing`` when a missing key is due to a missing bucket."""

    def close(self) -> None:
        """Close the connections; requests under way fail."""


class FsspecStorage:
    """What every storage owes its users, on top of a driver."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    @property
    def name(self) -> str:
        """The url of the remote."""
        return self._driver.context.name

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See ``Storage.read``."""
        check_key(key)
        check_range(start, length)
        if length == 0:
            self._require(key, start)
            return b""
        end = None if length is None else start + length
        with self._errors(key):
            data = self._driver.fetch(key, start, end)
        if length is not None and len(data) != length:
            found = self.stat(key)
            if found is not None and found.size < start + length:
                raise past_end(key, start + length, found.size)
            raise short_read(key, length, len(data))
        if start and length is None and not data:
            raise past_end(key, start + 1, start)
        return data

    def read_small(self, key: str, limit: int) -> bytes:
        """See ``Storage.read_small``."""
        check_key(key)
        with self._errors(key):
            return self._driver.fetch_small(key, limit)

    def download(self, key: str, path: str) -> int:
        """See ``Storage.download``; the length is compared with what the server announced."""
        check_key(key)
        with new_file(path) as fd:
            with self._errors(key):
                announced = self._driver.fetch_file(key, path)
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
            return create_or_replace(lambda only: self._driver.store(key, data, only), create)

    def upload(self, key: str, path: str, *, create: bool = False, proof: Proof | None = None) -> bool:
        """See ``Storage.upload``."""
        check_key(key)
        with upload_source(path) as (_, size), self._errors(key):
            return create_or_replace(lambda only: self._driver.store_file(key, path, size, only, proof), create)

    def stat(self, key: str) -> ObjectStat | None:
        """See ``Storage.stat``."""
        check_key(key)
        try:
            with self._errors(key):
                return self._driver.look(key)
        except KeyMissing:
            return None

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See ``Storage.list``."""
        check_prefix(prefix)
        pages = self._driver.pages(prefix)
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
            self._driver.remove(key)

    def close(self) -> None:
        """Close the connections; requests under way fail."""
        self._driver.close()

    def _require(self, key: str, start: int) -> None:
        """Raise as an empty read must when the key is missing or shorter than ``start``."""
        found = self.stat(key)
        if found is None:
            raise key_missing(key, self._driver.context)
        if start > found.size:
            raise past_end(key, start, found.size)

    def _errors(self, key: str) -> AbstractContextManager[None]:
        return translated(key, self._driver.context, self._driver.confirm_bucket)
