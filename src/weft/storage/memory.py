"""Keys and bytes in the memory of this process: for tests, and for trying weft out."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from weft.errors import KeyMissing
from weft.storage.base import ObjectStat, Proof
from weft.storage.descriptors import new_file, pread_all, upload_source
from weft.storage.keys import MAX_UPLOAD, check_key, check_prefix, check_range, slice_of, too_large
from weft.util.atomic import write_all
from weft.util.clock import Clock, SystemClock
from weft.util.forking import own_lock

_SHARED: dict[str, dict[str, tuple[bytes, float]]] = {}
_LOCK = own_lock(sys.modules[__name__], "_LOCK")


class MemoryStorage:
    """A dictionary. Instances with the same non-empty ``name`` share it; an unnamed one has its own.

    ``clock`` tells the times of its objects.
    """

    def __init__(self, name: str = "", clock: Clock | None = None) -> None:
        self._name = name
        self._clock = clock or SystemClock()
        with _LOCK:
            self._objects = _SHARED.setdefault(name, {}) if name else {}

    @property
    def name(self) -> str:
        """``memory://`` and the name."""
        return "memory://" + self._name

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See ``Storage.read``."""
        check_range(start, length)
        return slice_of(key, self._get(key), start, length)

    def read_small(self, key: str, limit: int) -> bytes:
        """See ``Storage.read_small``."""
        size = len(self._get(key))
        if size > limit:
            raise too_large(key, size, limit)
        return self.read(key)

    def download(self, key: str, path: str) -> int:
        """See ``Storage.download``."""
        data = self._get(key)
        if len(data) > MAX_UPLOAD:
            raise too_large(key, len(data), MAX_UPLOAD)
        with new_file(path) as fd:
            write_all(fd, data)
        return len(data)

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        """See ``Storage.write``; create-only is honoured."""
        check_key(key)
        with _LOCK:
            if create and key in self._objects:
                return False
            self._objects[key] = (bytes(data), self._clock.now())
            return True

    def upload(self, key: str, path: str, *, create: bool = False, proof: Proof | None = None) -> bool:
        """See ``Storage.upload``; create-only is honoured."""
        with upload_source(path) as (fd, size):
            data = pread_all(fd, path, 0, size)
        if proof is not None:
            proof([memoryview(data)])
        return self.write(key, data, create=create)

    def stat(self, key: str) -> ObjectStat | None:
        """See ``Storage.stat``."""
        found = self._objects.get(check_key(key))
        return ObjectStat(key, len(found[0]), found[1]) if found else None

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """See ``Storage.list``."""
        check_prefix(prefix)
        with _LOCK:
            found = [
                ObjectStat(key, len(data), modified)
                for key, (data, modified) in self._objects.items()
                if key.startswith(prefix)
            ]
        yield from found

    def delete(self, key: str) -> None:
        """See ``Storage.delete``."""
        with _LOCK:
            self._objects.pop(check_key(key), None)

    def close(self) -> None:
        """Nothing to release; a named instance keeps its objects for the next one."""

    def _get(self, key: str) -> bytes:
        found = self._objects.get(check_key(key))
        if found is None:
            raise KeyMissing(f"{self.name} holds no {key}", path=key)
        return found[0]
