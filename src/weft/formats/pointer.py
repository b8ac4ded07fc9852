"""Pointers as bytes (``docs/spec/pointer.md``): the small YAML file ``NAME.weft`` that stands for the data at ``NAME``."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Literal

from weft.errors import LimitExceeded, PathSyntax, SchemaError
from weft.formats import yaml12
from weft.formats.fields import MAX_NUMBER, Fields
from weft.model.oid import Oid
from weft.model.paths import RepoPath, check_data_name
from weft.model.pointer import SUFFIX, Pointer

VERSION = 1
LIMIT = yaml12.LIMIT
_KEYS = ("weft", "type", "path", "oid", "layout", "size", "files", "mode", "source", "meta")
_OF_A_POINTER = re.compile(rb"(?m)weft[\"' ]*:|blake3:|^[<>=]{7}")
# What `encode` writes for plain names without source and meta: most pointers, read without the YAML parser.
_SIMPLE = re.compile(
    rb"weft: 1\ntype: (file|dir)\npath: ([A-Za-z_][A-Za-z0-9_.-]{0,254})\noid: blake3:([0-9a-f]{64})\n"
    rb"(?:layout: blake3:([0-9a-f]{64})\n)?size: (0|[1-9][0-9]{0,18})\n(?:files: (0|[1-9][0-9]{0,18})\n)?(mode: x\n)?"
)


def encode(pointer: Pointer) -> bytes:
    """Return the canonical bytes of ``pointer``.

    Raises ``SchemaError`` when it contradicts itself, ``LimitExceeded`` from 64 KiB on, and the errors of
    ``check_data_name``.
    """
    _check(pointer)
    value: dict[str, Any] = {
        "weft": VERSION,
        "type": pointer.type,
        "path": str(pointer.path),
        "oid": str(pointer.oid),
    }
    if pointer.layout is not None:
        value["layout"] = str(pointer.layout)
    value["size"] = pointer.size
    if pointer.is_dir:
        value["files"] = pointer.files
    if pointer.executable:
        value["mode"] = "x"
    if pointer.source:
        value["source"] = pointer.source
    if pointer.meta:
        value["meta"] = pointer.meta
    data = yaml12.dump(value)
    if len(data) > LIMIT:
        raise LimitExceeded(f"the pointer of {pointer.path!a} would have {len(data)} bytes, over the limit of {LIMIT}")
    return data


def decode(data: bytes, *, name: str, renamed: bool = False) -> Pointer:
    """Read the pointer file called ``name`` (its last component, ``NAME.weft``).

    With ``renamed`` it may have been written under another name, and becomes the pointer of this one.
    Raises ``LimitExceeded``, ``MergeConflict``, ``YamlAlias``, ``YamlTag``, ``SchemaError``, ``FormatVersion``,
    ``OidSyntax``, ``WeakHash``, the path errors, and ``SchemaError`` when ``path`` is not ``NAME``.
    """
    pointer = _simple(data) or _general(Fields(yaml12.load(data, what=name, limit=LIMIT), name))
    if pointer.path + SUFFIX == name:
        return pointer
    if renamed:
        return replace(pointer, path=check_data_name(name.removesuffix(SUFFIX)))
    raise SchemaError(
        f"{name} stands for {pointer.path!a}: a pointer must be called as its data is, with .weft after it",
        hint=f"rename it back, then use: weft mv {pointer.path} NEW",
        path=name,
    )


def looks_like(data: bytes) -> bool:
    """False for a file that only has the name of a pointer: nothing in it is of one, nor of two that were to be merged.

    An empty one may be what a crash has left, so it counts.
    """
    return not data.strip() or _OF_A_POINTER.search(data) is not None


def _simple(data: bytes) -> Pointer | None:
    found = _SIMPLE.fullmatch(data)
    if found is None:
        return None
    kind, path, digest, layout, size, files, mode = found.groups()
    name = path.decode("ascii")
    if (kind == b"dir") != (files is not None) or (mode and files) or yaml12.resolve(name) != name:
        return None
    if int(size) > MAX_NUMBER or int(files or 1) > MAX_NUMBER:
        return None
    return Pointer(
        type="dir" if kind == b"dir" else "file",
        path=check_data_name(name),
        oid=Oid(bytes.fromhex(digest.decode("ascii"))),
        size=int(size),
        files=int(files) if files else 1,
        layout=Oid(bytes.fromhex(layout.decode("ascii"))) if layout else None,
        executable=mode is not None,
    )


def _general(fields: Fields) -> Pointer:
    if fields.version("weft", VERSION) < 1:
        raise fields.error("'weft' must be 1")
    fields.only(_KEYS)
    kind = _type(fields)
    is_dir = kind == "dir"
    if is_dir and "mode" in fields.values:
        raise fields.error("a directory has no 'mode'")
    if not is_dir and "files" in fields.values:
        raise fields.error("'files' is for directories")
    if "mode" in fields.values and fields.text("mode") != "x":
        raise fields.error("'mode' must be x, or absent")
    return Pointer(
        type=kind,
        path=_path(fields),
        oid=fields.oid("oid"),
        size=fields.number("size"),
        files=fields.number("files") if is_dir else 1,
        layout=fields.oid("layout") if "layout" in fields.values else None,
        executable="mode" in fields.values,
        source=_free(fields, "source"),
        meta=_free(fields, "meta"),
    )


def _type(fields: Fields) -> Literal["file", "dir"]:
    found = fields.text("type")
    if found == "dir":
        return "dir"
    if found == "file":
        return "file"
    raise fields.error(f"'type' must be file or dir, not {found[:40]!a}")


def _path(fields: Fields) -> str:
    path = RepoPath.parse(fields.text("path"))
    if "/" in path:
        raise PathSyntax(f"{fields.what}: 'path' must be one name, not {path!a}", path=fields.what)
    return check_data_name(str(path))


def _free(fields: Fields, key: str) -> dict[str, Any]:
    return dict(fields.below(key).values)


def _check(pointer: Pointer) -> None:
    check_data_name(pointer.path)
    if pointer.type not in ("file", "dir"):
        raise SchemaError(f"a pointer is of type file or dir, not {pointer.type!a}")
    if not (0 <= pointer.size <= MAX_NUMBER and 0 <= pointer.files <= MAX_NUMBER):
        raise SchemaError("the size and the number of files of a pointer lie between 0 and 2^63-1")
    if (pointer.is_dir and pointer.executable) or (not pointer.is_dir and pointer.files != 1):
        raise SchemaError("a directory has no mode, and a file is one file")
