"""Object ids: the one type for every digest (``docs/spec/identity.md``)."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Any

from blake3 import blake3

from weft.errors import OidSyntax, SchemaError, WeakHash

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ALGORITHM = re.compile(r"([a-z0-9-]{1,16}):", re.ASCII)


class Kind(IntEnum):
    """What an object is; the value is the ``kind`` byte of a pack footer."""

    CHUNK = 1
    MANIFEST = 2
    RECIPE = 3
    LAYOUT = 4


_CONTEXT = {
    Kind.MANIFEST: "weft manifest v1",
    Kind.RECIPE: "weft recipe v1",
    Kind.LAYOUT: "weft layout v1",
}
SEGMENT_CONTEXT = "weft index v1"
LINEAGE_CONTEXT = "weft lineage v1"


class Oid(bytes):
    """A BLAKE3-256 digest (32 raw bytes), written ``blake3:`` and 64 lower-case hex digits.

    It is a ``bytes`` so that a million of them stay small and a database row compares equal.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: object) -> Oid:
        """Read the one valid spelling.

        Raises ``SchemaError`` (not a string), ``WeakHash`` (another algorithm), ``OidSyntax`` (anything else).
        """
        if not isinstance(text, str):
            raise SchemaError(f"an object id must be a string, not {type(text).__name__}")
        if text.startswith("blake3:"):
            return cls.parse_hex(text[7:])
        other = _ALGORITHM.match(text)
        if other and not re.match(r"[A-Za-z]:", text):
            raise WeakHash(f"object ids are blake3, not {other.group(1)}: {text[:80]!a}")
        raise OidSyntax(f"not an object id (blake3: and 64 lower-case hex digits): {text[:80]!a}")

    @classmethod
    def parse_hex(cls, text: str) -> Oid:
        """Read 64 lower-case hex digits. Raises ``OidSyntax``."""
        if len(text) != 64 or not _HEX.fullmatch(text):
            raise OidSyntax(f"not 64 lower-case hex digits: {text[:80]!a}")
        return cls(bytes.fromhex(text))

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview, kind: Kind = Kind.CHUNK) -> Oid:
        """Hash ``data`` as an object of ``kind``: plain BLAKE3 for content and chunks, a derived key for the others."""
        if kind is Kind.CHUNK:
            return cls(blake3(data).digest())
        return cls(blake3(data, derive_key_context=_CONTEXT[kind]).digest())

    def __str__(self) -> str:
        return "blake3:" + self.hex()

    def __repr__(self) -> str:
        return f"Oid({self.hex()[:12]})"


def hasher(kind: Kind = Kind.CHUNK) -> Any:
    """Return an incremental hasher (``update``, ``digest``) for objects of ``kind``."""
    if kind is Kind.CHUNK:
        return blake3()
    return blake3(derive_key_context=_CONTEXT[kind])


def segment_id(data: bytes) -> Oid:
    """Name of a pack index segment: derived-key BLAKE3 of its stored bytes."""
    return Oid(blake3(data, derive_key_context=SEGMENT_CONTEXT).digest())


def lineage_digest(data: bytes) -> Oid:
    """Digest of a lineage record: derived-key BLAKE3 of its canonical text without ``run`` and ``digest``."""
    return Oid(blake3(data, derive_key_context=LINEAGE_CONTEXT).digest())
