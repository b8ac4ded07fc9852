"""Tombs as bytes (``docs/spec/remote.md``): which packs are going to be deleted. Canonical JSON with one list."""

from __future__ import annotations

from collections.abc import Iterable

from weft.errors import SchemaError
from weft.formats.canonical import json_bytes, load_json
from weft.model.oid import Oid

LIMIT = 16 << 20
"""Most bytes of a tomb."""
MAX_PACKS = 100_000
"""Most packs that this weft puts into one tomb."""


def encode(packs: Iterable[Oid]) -> bytes:
    """Return the one encoding of a tomb for ``packs``."""
    return json_bytes({"packs": sorted({pack.hex() for pack in packs})})


def decode(data: bytes, what: str = "a tomb") -> frozenset[Oid]:
    """Read a tomb. Raises ``SchemaError``, ``LimitExceeded``, ``OidSyntax``; ``what`` names it in errors."""
    value = load_json(data, LIMIT, what=what)
    packs = value.get("packs") if isinstance(value, dict) else None
    if not isinstance(packs, list) or not all(isinstance(name, str) for name in packs):
        raise SchemaError(f"{what} on the remote is no list of packs", path=what)
    return frozenset(Oid.parse_hex(name) for name in packs)
