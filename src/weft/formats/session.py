"""Sessions as bytes (``docs/spec/remote.md``): who works on a remote. Canonical JSON."""

from __future__ import annotations

from weft.errors import WeftError
from weft.formats.canonical import json_bytes, load_json

LIMIT = 1 << 20
PUSH, GC = "push", "gc"


def encode(kind: str, repo: str) -> bytes:
    """Return the one encoding of a session of the repository ``repo``."""
    return json_bytes({"kind": kind, "repo": repo, "weft": 1})


def kind_of(data: bytes) -> str:
    """What goes on. Whatever cannot be read is a push: somebody who must not be disturbed."""
    try:
        value = load_json(data, LIMIT, what="a session")
    except WeftError:
        return PUSH
    return GC if isinstance(value, dict) and value.get("kind") == GC else PUSH
