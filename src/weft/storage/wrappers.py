"""Wrappers around any storage: retries, and counts."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from weft.errors import EnvironmentFault
from weft.storage.base import ObjectStat, Proof, Storage
from weft.storage.descriptors import upload_source
from weft.util.clock import Clock
from weft.util.forking import own, own_lock

T = TypeVar("T")

FIRST_DELAY = 0.5
LONGEST_DELAY = 20.0
# A thread asleep between two attempts looks this often whether the storage was closed, so that Ctrl-C ends promptly.
SLICE = 0.2


class RetryingStorage:
    """Repeats what failed for a passing reason: exponential delays with full jitter (AWS Architecture Blog, "Exponential
    Backoff And Jitter", 2015), or what the server asked for in Retry-After.

    Bounded by ``attempts`` and by ``limit`` seconds a call, after which the last error is raised. Refusals (credentials,
    a missing key or bucket, a redirect) are never repeated. All verbs are idempotent, so a write whose reply was lost is
    repeated too: it may then return ``False`` for an object that this very call wrote.
    """

    def __init__(self, inner: Storage, clock: Clock, attempts: int = 6, limit: float = 300.0) -> None:
        self._inner = inner
        self._clock = clock
        self._attempts = attempts
        self._limit = limit
        self._closed = own(self, "_closed", threading.Event)

    @property
    def name(self) -> str:
        """The name of the wrapped storage."""
        return self._inner.name

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See ``Storage.read``."""
        return self._repeat(lambda: self._inner.read(key, start, length))

    def read_small(self, key: str, limit: int) -> bytes:
        """See ``Storage.read_small``."""
        return self._repeat(lambda: self._inner.read_small(key, limit))

    def download(self, key: str, path: str) -> int:
        """See ``Storage.download``."""
        return self._repeat(lambda: self._inner.download(key, path))

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        """See ``Storage.write``."""
        return self._repeat(lambda: self._inner.write(key, data, create=create))

    def upload(self, key: str, path: str, *, create: bool = False, proof: Proof | None = None) -> bool:
        """See ``Storage.upload``."""
        return self._repeat(lambda: self._inner.upload(key, path, create=create, proof=proof))

    def stat(self, key: str) -> ObjectStat | None:
        """See ``Storage.stat``."""
        return self._repeat(lambda: self._inner.stat(key))

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See ``Storage.list``; after a failure the listing starts again and yields what it has not yielded yet."""
        began = self._clock.now()
        seen: set[str] = set()
        for attempt in range(self._attempts):
            try:
                for found in self._inner.list(prefix):
                    if found.key not in seen:
                        seen.add(found.key)
                        yield found
                return
            except EnvironmentFault as error:
                self._wait(error, attempt, began)

    def delete(self, key: str) -> None:
        """See ``Storage.delete``."""
        self._repeat(lambda: self._inner.delete(key))

    def close(self) -> None:
        """Close the wrapped storage; calls that wait for another attempt fail with the error they met."""
        self._closed.set()
        self._inner.close()

    def _repeat(self, call: Callable[[], T]) -> T:
        began = self._clock.now()
        attempt = 0
        while True:
            try:
                return call()
            except EnvironmentFault as error:
                self._wait(error, attempt, began)
            attempt += 1

    def _wait(self, error: EnvironmentFault, attempt: int, began: float) -> None:
        """Sleep until the next attempt is due, or raise ``error`` when there is none."""
        if not error.transient:
            raise error
        jitter = random.uniform(0, min(LONGEST_DELAY, FIRST_DELAY * 2**attempt))  # noqa: S311 - no secret hangs on it
        rest = max(error.retry_after, jitter)
        if attempt + 1 >= self._attempts or self._clock.now() + rest - began > self._limit:
            error.hint = error.hint or f"tried {attempt + 1} times; run the same command again later"
            raise error
        while rest > 0 and not self._closed.is_set():
            self._clock.sleep(min(rest, SLICE))
            rest -= SLICE
        if self._closed.is_set():
            raise error


class CountingStorage:
    """Counts calls a verb (``requests``) and bytes a verb (``sent``, ``received``). Put it outside a ``RetryingStorage``
    to count what was asked for, inside to count what was tried. Without ``writes`` nothing is written or deleted: to try
    is a mistake of the program."""

    def __init__(self, inner: Storage, *, writes: bool = True) -> None:
        self._inner = inner
        self._writes = writes
        self._lock = own_lock(self)
        self.requests: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.received: Counter[str] = Counter()

    @property
    def name(self) -> str:
        """The name of the wrapped storage."""
        return self._inner.name

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See ``Storage.read``."""
        self._count("read")
        data = self._inner.read(key, start, length)
        self._count("read", received=len(data), calls=0)
        return data

    def read_small(self, key: str, limit: int) -> bytes:
        """See ``Storage.read_small``; counted as ``read``."""
        self._count("read")
        data = self._inner.read_small(key, limit)
        self._count("read", received=len(data), calls=0)
        return data

    def download(self, key: str, path: str) -> int:
        """See ``Storage.download``."""
        self._count("download")
        size = self._inner.download(key, path)
        self._count("download", received=size, calls=0)
        return size

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        """See ``Storage.write``."""
        self._must_write()
        self._count("write", sent=len(data))
        return self._inner.write(key, data, create=create)

    def upload(self, key: str, path: str, *, create: bool = False, proof: Proof | None = None) -> bool:
        """See ``Storage.upload``."""
        self._must_write()
        with upload_source(path) as (_, size):
            self._count("upload", sent=size)
        return self._inner.upload(key, path, create=create, proof=proof)

    def stat(self, key: str) -> ObjectStat | None:
        """See ``Storage.stat``."""
        self._count("stat")
        return self._inner.stat(key)

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See ``Storage.list``."""
        self._count("list")
        return self._inner.list(prefix)

    def delete(self, key: str) -> None:
        """See ``Storage.delete``."""
        self._must_write()
        self._count("delete")
        self._inner.delete(key)

    def close(self) -> None:
        """Close the wrapped storage."""
        self._inner.close()

    def _must_write(self) -> None:
        if not self._writes:
            raise RuntimeError(f"{self.name} was opened for reading alone")

    def _count(self, verb: str, *, calls: int = 1, sent: int = 0, received: int = 0) -> None:
        with self._lock:
            self.requests[verb] += calls
            self.sent[verb] += sent
            self.received[verb] += received
