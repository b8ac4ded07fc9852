"""Roots as bytes (``docs/spec/remote.md``): small canonical JSON, written last by a push."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from weft.errors import SchemaError
from weft.formats.canonical import json_bytes, load_json
from weft.formats.fields import Fields
from weft.model.oid import Oid
from weft.model.root import Root

VERSION = 1
LIMIT = 1 << 20
_WHAT = "a root"


class _Named(Protocol):
    @property
    def oid(self) -> Oid: ...

    @property
    def layout(self) -> Oid | None: ...


def root_name(pointer: _Named) -> str:
    """The last part of a root's key: the oid in hex, then a dot and the layout's oid in hex when there is a layout."""
    return pointer.oid.hex() + (f".{pointer.layout.hex()}" if pointer.layout is not None else "")


def encode(root: Root) -> bytes:
    """Return the one encoding of ``root``; its segments are sorted."""
    value: dict[str, Any] = {
        "weft": VERSION,
        "type": root.type,
        "oid": str(root.oid),
        "size": root.size,
        "files": root.files,
        "segments": [segment.hex() for segment in sorted(set(root.segments))],
    }
    if root.layout is not None:
        value["layout"] = str(root.layout)
    return json_bytes(value)


def decode(data: bytes, *, name: str = "") -> Root:
    """Read a root; with ``name`` it must be the one of that name.

    Raises ``LimitExceeded``, ``SchemaError``, ``FormatVersion``, ``OidSyntax``, ``WeakHash``.
    """
    fields = Fields(load_json(data, LIMIT, what=_WHAT), _WHAT)
    if fields.version("weft", VERSION) < 1:
        raise fields.error("'weft' must be 1")
    fields.only(("weft", "type", "oid", "layout", "size", "files", "segments"))
    kind = fields.text("type")
    if kind not in ("file", "dir"):
        raise fields.error(f"'type' must be file or dir, not {kind[:40]!a}")
    is_file: bool = kind == "file"
    kind_of: Literal["file", "dir"] = "file" if is_file else "dir"
    root = Root(
        type=kind_of,
        oid=fields.oid("oid"),
        layout=fields.oid("layout") if "layout" in fields.values else None,
        size=fields.number("size"),
        files=fields.number("files"),
        segments=tuple([Oid.parse_hex(segment) for segment in fields.texts("segments")]),
    )
    if is_file and root.files != 1:
        raise fields.error("a file is one file")
    if name and root_name(root) != name:
        raise SchemaError(f"a root stands for {root_name(root)}, not for {name}")
    return root
