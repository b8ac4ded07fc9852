"""The rules of keys, and the helpers that every backend shares."""

from __future__ import annotations

import re

from weft.errors import LimitExceeded, PathChars, PathSyntax, StorageFault

MAX_KEY = 512
MAX_UPLOAD = 64 * 1024 * 1024
BLOCK = 1024 * 1024

_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)
_PRINTABLE = re.compile(r"[ -~]*", re.ASCII)


def check_key(key: str) -> str:
    """Return ``key`` if it obeys the rules of ``weft.storage.base``.

    Raises ``PathChars``, ``PathSyntax`` (empty, ``.`` or ``..`` components, an absolute key) or ``LimitExceeded``.
    """
    if len(key) > MAX_KEY:
        raise LimitExceeded(f"an object key is longer than {MAX_KEY} characters: {key[:60]!a}...")
    if _PLAIN.fullmatch(key):
        return key
    if not _PRINTABLE.fullmatch(key):
        raise PathChars(f"an object key must be printable ASCII: {key!a}")
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise PathSyntax(f"an object key has an empty, '.' or '..' component: {key!a}")
    return key


def check_prefix(prefix: str) -> str:
    """Return ``prefix`` if it is empty, or a key and ``/``. Raises as ``check_key`` does."""
    if not prefix:
        return prefix
    if not prefix.endswith("/"):
        raise PathSyntax(f"a prefix must be empty or end in '/': {prefix!a}")
    check_key(prefix[:-1])
    return prefix


def check_range(start: int, length: int | None) -> None:
    """Refuse negative ranges with ``ValueError``: they are a mistake of the program, not of its input."""
    if start < 0 or (length is not None and length < 0):
        raise ValueError("a range may not be negative")


def short_read(key: str, wanted: int, got: int) -> StorageFault:
    """The error for a body of the wrong length; worth another try, since connections break."""
    return StorageFault(f"the remote sent {got} bytes of {wanted} for {key}")


def too_large(key: str, size: int, limit: int) -> LimitExceeded:
    """The error for an object that is longer than it may be."""
    return LimitExceeded(f"{key} on the remote has {size} bytes, over the limit of {limit}", path=key)


def slice_of(key: str, data: bytes, start: int, length: int | None) -> bytes:
    """Cut a range out of a whole object. Raises ``StorageFault`` when it begins at or reaches past the end."""
    begin, end = bounds(key, len(data), start, length)
    return data if end - begin == len(data) else data[begin:end]


def bounds(key: str, size: int, start: int, length: int | None) -> tuple[int, int]:
    """First byte and end of a range of an object of ``size`` bytes; raises as ``slice_of`` does."""
    end = size if length is None else start + length
    if end > size or start > end or (start == size and start and length is None):
        raise past_end(key, max(start + 1, end), size)
    return start, end


def past_end(key: str, end: int, size: int) -> StorageFault:
    """The error for a range that the object does not have; no retry mends it."""
    fault = StorageFault(f"{key} holds {size} bytes, and bytes up to {end} were asked for")
    fault.transient = False
    return fault
