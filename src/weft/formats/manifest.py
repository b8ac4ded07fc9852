"""Manifests as bytes (``docs/spec/manifest.md``): text, one entry a line, exactly one valid encoding.

The loops here run once for every file of a data set, so they do per entry only what the checks need.
"""

from __future__ import annotations

import re
from itertools import islice, pairwise
from operator import ge
from typing import NoReturn

from weft.errors import FormatVersion, LimitExceeded, ObjectType, PathChars, PathOverlap, SchemaError
from weft.model.entry import DIR, EXEC, FILE, LINK, Entry
from weft.model.manifest import Manifest
from weft.model.oid import Oid
from weft.model.paths import MAX_COMPONENT, check_data_name, is_plain_data_name

HEADER = "weft-manifest 1"
MAX_BYTES = 1 << 30
MAX_ENTRIES = 1 << 23
"""Most entries of one directory."""
MAX_NUMBER = (1 << 63) - 1
"""Largest size and largest number of files."""

_KINDS = frozenset((FILE, EXEC, LINK))
_LINE = re.compile(
    r"^(?:([fxl])|d) ([0-9a-f]{64}) (0|[1-9][0-9]{0,18}) (?(1)|(0|[1-9][0-9]{0,18}) )(.*)$", re.ASCII | re.MULTILINE
)
_VERSION = re.compile(rb"weft-manifest ([1-9][0-9]{0,8})\n")


def encode(manifest: Manifest) -> bytes:
    """Return the one encoding of ``manifest``.

    Raises ``SchemaError`` for a wrong type, number or order, and the errors of ``check_data_name``.
    """
    entries = manifest.entries
    if len(entries) > MAX_ENTRIES:
        raise LimitExceeded(f"a directory of {len(entries)} entries is over the limit of {MAX_ENTRIES}")
    for kind, _oid, size, files, name in entries:
        if size < 0 or files < 0 or (kind != DIR and (files != 1 or kind not in _KINDS)):
            raise SchemaError(f"the manifest entry {name!a} has type {kind!a}, size {size} and {files} files")
    _check_names([entry[4] for entry in entries])
    _check_sums(manifest)
    lines = [
        f"d {oid.hex()} {size} {files} {name}" if kind == DIR else f"{kind} {oid.hex()} {size} {name}"
        for kind, oid, size, files, name in entries
    ]
    return "\n".join([HEADER, *lines, ""]).encode("utf-8")


def decode(data: bytes, limit: int = MAX_BYTES) -> Manifest:
    """Read a manifest.

    Raises ``LimitExceeded`` before the list of entries is made, ``ObjectType`` when the bytes are no manifest,
    ``FormatVersion`` for a newer one, ``SchemaError`` with the line, ``PathOverlap`` for a name that is there twice, and
    the errors of ``check_data_name``.
    """
    if len(data) > limit:
        raise LimitExceeded(f"a manifest of {len(data)} bytes is over the limit of {limit}")
    start = _check_version(data)
    count = data.count(b"\n") - 1
    if count > MAX_ENTRIES:
        raise LimitExceeded(f"a manifest holds more than {MAX_ENTRIES} entries")
    text = _text(data)
    if not text.endswith("\n"):
        raise SchemaError("a manifest does not end with a line feed", line=count + 2)
    rows = _LINE.findall(text, start)
    if len(rows) != count:
        _refuse_line(text)
    _check_names([row[4] for row in rows])
    new, make, from_hex = tuple.__new__, Oid, bytes.fromhex
    entries = [
        new(Entry, (kind or DIR, make(from_hex(digest)), int(size), int(files) if files else 1, name))
        for kind, digest, size, files, name in rows
    ]
    manifest = Manifest(tuple(entries))
    _check_sums(manifest)
    return manifest


def _check_names(names: list[str]) -> None:
    """Every name safe, the names sorted, each there once."""
    if not (all(map(is_plain_data_name, names)) and max(map(len, names), default=0) <= MAX_COMPONENT):
        for name in names:
            check_data_name(name)
    if any(map(ge, names, islice(names, 1, None))):
        _refuse_order(names)


def _check_version(data: bytes) -> int:
    """Return where the first entry starts."""
    found = _VERSION.match(data)
    if found is None:
        raise ObjectType("these bytes are not a manifest: they do not start with 'weft-manifest' and a version")
    if int(found.group(1)) != 1:
        raise FormatVersion(
            f"the manifest is of version {int(found.group(1))}; this weft reads version 1", hint="install a newer weft"
        )
    return found.end()


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PathChars(f"line {line} of a manifest is not UTF-8", line=line) from None


def _refuse_line(text: str) -> NoReturn:
    for number, line in enumerate(text.split("\n")[1:-1], 2):
        if not _LINE.fullmatch(line):
            raise SchemaError(f"not a manifest entry: {line[:120]!a}", line=number)
    raise SchemaError("a manifest holds lines that are no entries")


def _refuse_order(names: list[str]) -> NoReturn:
    for number, (one, two) in enumerate(pairwise(names), 3):
        if one == two:
            raise PathOverlap(f"a manifest names {one!a} twice", path=one, line=number)
        if one > two:
            raise SchemaError(f"the manifest entries {one!a} and {two!a} are not sorted", path=two, line=number)
    raise SchemaError("the entries of a manifest are not sorted")


def _check_sums(manifest: Manifest) -> None:
    # Each number is at most 2^63-1 when its sum is, for none is negative.
    if manifest.size > MAX_NUMBER or manifest.files > MAX_NUMBER:
        raise SchemaError("the sizes or file counts of a manifest add up to 2^63 or more")
