"""The storage protocol: nine verbs over keys and bytes.

Obligations of every backend (the contract test class in ``weft.testing.contract`` checks them):

- A key is ``/``-separated printable ASCII, relative, without empty, ``.`` or ``..`` components. Keys come from object ids
  and UUIDs only, never from file names.
- Reads are strongly consistent after a write that returned: no listing or negative cache may stand in between.
- A write is atomic: a reader sees no object or the whole object, never a part.
- ``create=True`` asks for create-only. Where the endpoint honours it, an existing object is left as it is and the call
  returns ``False``; where it does not, the object is overwritten with (in all our uses) the same bytes and the call
  returns ``True``. No protocol may depend on it.
- Every verb is idempotent: it may be retried after any failure, a lost reply included.
- Reads return exactly what was asked for or raise: a short answer is an error, never data. A range that begins at or
  reaches past the end of the object is a ``StorageFault`` that is not transient.
- A missing bucket or directory is ``BucketMissing`` for every verb that reads (a plain directory is made by the first
  write).
- Errors are those of ``weft.errors`` and carry neither credentials nor signed query strings. A missing object raises
  ``KeyMissing``. ``transient`` on an error says whether the same call may succeed later; backends do not repeat calls
  themselves, ``RetryingStorage`` does.
- Redirects to another host are refused (``RemoteRedirect``), TLS is always verified.
- A backend may be used from several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

Proof = Callable[[Iterable[memoryview]], None]
"""Looks at all bytes of an upload, in their order, and raises when they may not be stored. A part may be overwritten when
the next one is asked for."""


class ObjectStat(NamedTuple):
    """A key, its size in bytes, and the server's time of its last change (seconds since the epoch, 0 when not told)."""

    key: str
    size: int
    modified: float


class Storage(Protocol):
    """A place that holds bytes under keys."""

    @property
    def name(self) -> str:
        """The place as a user may see it, with no secret in it."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Return ``length`` bytes from ``start`` (all to the end when None). Raises ``KeyMissing``; ``StorageFault`` when
        fewer or more bytes came than were asked for; over a network, where no length was, an error over 64 MiB."""

    def read_small(self, key: str, limit: int) -> bytes:
        """Return a whole object of at most ``limit`` bytes, in one request where the library allows it. Raises
        ``LimitExceeded`` for a larger one before it takes memory for it, else as ``read`` does."""

    def download(self, key: str, path: str) -> int:
        """Write the whole object to a new local file ``path`` with bounded memory and return the number of bytes. An
        existing ``path`` is an error; a failure leaves no file. Raises ``LimitExceeded`` over 64 MiB, at the latest when
        those have come."""

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        """Store ``data`` under ``key``; see the module for ``create``. True when this call wrote it."""

    def upload(self, key: str, path: str, *, create: bool = False, proof: Proof | None = None) -> bool:
        """Store the local file ``path`` under ``key`` as ``write`` does, with bounded memory.

        Raises ``LimitExceeded`` over 64 MiB, and what ``proof`` raises at the sight of the bytes: nothing is stored then.
        """

    def stat(self, key: str) -> ObjectStat | None:
        """Size and time of one object, asked of the server; None when there is none."""

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        """All objects whose key starts with the directory ``prefix`` (ends in ``/``, or is empty), in any order. A prefix
        with nothing under it yields nothing. Keys that break the key rules are yielded as they are: the caller decides."""

    def delete(self, key: str) -> None:
        """Remove one object; it is fine when there is none."""

    def close(self) -> None:
        """Release connections and threads."""
