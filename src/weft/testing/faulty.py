"""A storage that fails on request: what a network, a server or an attacker may do, one queued fault at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum
from typing import TypeVar

from weft.errors import CredentialFault, EnvironmentFault, KeyMissing, NetworkFault, StorageFault
from weft.storage.base import ObjectStat, Proof, Storage

T = TypeVar("T")

HTML = b"<!DOCTYPE html><html><head><title>Log in</title></head><body>Please log in to this network.</body></html>"


class Fault(Enum):
    """What goes wrong with one call."""

    RESET = "the connection is reset before the request arrives"
    TIMEOUT = "nobody answers in time"
    ERROR_500 = "the server answers 500"
    BUSY_503 = "the server answers 503 and Retry-After"
    PERMISSION = "the permission is gone"
    LOST_REPLY = "the request is carried out and its reply is lost"
    TRUNCATED = "the body ends early, and the length was announced short too"
    WRONG = "one bit of the body is flipped"
    HTML_BODY = "a login page comes instead of the object, with status 200"
    STALE_LIST = "the listing is the one of the last call with this prefix, or empty"
    SHORT_LIST = "the second half of the listing is missing"
    GONE = "the object is reported missing though it is there"


_BEFORE = frozenset([Fault.RESET, Fault.TIMEOUT, Fault.ERROR_500, Fault.BUSY_503, Fault.PERMISSION, Fault.GONE])
_BODY = frozenset([Fault.TRUNCATED, Fault.WRONG, Fault.HTML_BODY])


class FaultyStorage:
    """``fail(verb, fault, ...)`` queues faults for the coming calls of a verb (``"read"``, ``"upload"``, ...; ``"*"`` for
    any); ``always(verb, fault)`` lets every call fail until ``heal()``. ``calls`` lists what was asked for, as
    ``(verb, key)``. Safe to use from several threads.
    """

    def __init__(self, inner: Storage, retry_after: float = 3.0) -> None:
        self._inner = inner
        self._retry_after = retry_after
        self._lock = threading.Lock()
        self._queues: dict[str, deque[Fault | None]] = {}
        self._always: dict[str, Fault] = {}
        self._lists: dict[str, list[ObjectStat]] = {}
        self.calls: list[tuple[str, str]] = []

    def fail(self, verb: str, *faults: Fault | None) -> None:
        """Queue faults; None lets one call through."""
        with self._lock:
            self._queues.setdefault(verb, deque()).extend(faults)

    def always(self, verb: str, fault: Fault) -> None:
        """Fail every call of ``verb`` that has no queued fault."""
        with self._lock:
            self._always[verb] = fault

    def heal(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._queues.clear()
            self._always.clear()

    @property
    def name(self) -> str:
        """The name of the wrapped storage."""
        return self._inner.name

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See ``Storage.read``."""
        fault = self._next("read", key)
        data = self._run(fault, lambda: self._inner.read(key, start, length))
        spoiled = spoil(fault, data)
        if length is not None and len(spoiled) != length:
            raise StorageFault(f"the remote sent {len(spoiled)} bytes of {length} for {key}")
        return spoiled

    def read_small(self, key: str, limit: int) -> bytes:
        """See ``Storage.read_small``; the faults are those of ``read``."""
        fault = self._next("read", key)
        return spoil(fault, self._run(fault, lambda: self._inner.read_small(key, limit)))

    def download(self, key: str, path: str) -> int:
        """See ``Storage.download``."""
        fault = self._next("download", key)
        size = self._run(fault, lambda: self._inner.download(key, path))
        if fault in _BODY:
            with open(path, "r+b") as file:
                spoiled = spoil(fault, file.read())
                file.seek(0)
                file.truncate()
                file.write(spoiled)
            return len(spoiled)
        return size

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        """See ``Storage.write``."""
        fault = self._next("write", key)
        return self._run(fault, lambda: self._inner.write(key, data, create=create))

    def upload(self, key: str, path: str, *, create: bool = False, proof: Proof | None = None) -> bool:
        """See ``Storage.upload``."""
        fault = self._next("upload", key)
        return self._run(fault, lambda: self._inner.upload(key, path, create=create, proof=proof))

    def stat(self, key: str) -> ObjectStat | None:
        """See ``Storage.stat``."""
        fault = self._next("stat", key)
        if fault is Fault.GONE:
            return None
        return self._run(fault, lambda: self._inner.stat(key))

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See ``Storage.list``."""
        fault = self._next("list", prefix)
        found = self._run(fault, lambda: [*self._inner.list(prefix)])
        with self._lock:
            older = self._lists.get(prefix, [])
            if fault is not Fault.STALE_LIST:
                self._lists[prefix] = found
        if fault is Fault.STALE_LIST:
            found = older
        elif fault is Fault.SHORT_LIST:
            found = found[: len(found) // 2]
        yield from found

    def delete(self, key: str) -> None:
        """See ``Storage.delete``."""
        self._run(self._next("delete", key), lambda: self._inner.delete(key))

    def close(self) -> None:
        """Close the wrapped storage."""
        self._inner.close()

    def _next(self, verb: str, key: str) -> Fault | None:
        with self._lock:
            self.calls.append((verb, key))
            for name in (verb, "*"):
                if queue := self._queues.get(name):
                    return queue.popleft()
            return self._always.get(verb) or self._always.get("*")

    def _run(self, fault: Fault | None, call: Callable[[], T]) -> T:
        if fault in _BEFORE:
            raise _error(fault, self.name, self._retry_after)
        result = call()
        if fault is Fault.LOST_REPLY:
            raise NetworkFault("the connection broke before the reply came")
        return result


def _error(fault: Fault | None, name: str, retry_after: float) -> EnvironmentFault:
    if fault is Fault.PERMISSION:
        return CredentialFault("the remote refused the credentials (AccessDenied)", hint="set AWS_ACCESS_KEY_ID")
    if fault is Fault.GONE:
        return KeyMissing("the remote holds no such object")
    if fault in (Fault.RESET, Fault.TIMEOUT):
        return NetworkFault(f"cannot reach {name}: {fault.value}")
    error = StorageFault(f"{name} answered {'503 SlowDown' if fault is Fault.BUSY_503 else '500 InternalError'}")
    if fault is Fault.BUSY_503:
        error.retry_after = retry_after
    return error


def spoil(fault: Fault | None, data: bytes) -> bytes:
    """``data`` as the fault leaves it."""
    if fault is Fault.TRUNCATED:
        return data[: len(data) // 2]
    if fault is Fault.WRONG and data:
        middle = len(data) // 2
        return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    if fault is Fault.HTML_BODY:
        return HTML
    return data
