"""Entries of a manifest, and frames of a pack: the small tuples of the hot loops."""

from __future__ import annotations

from typing import NamedTuple

from weft.model.oid import Kind, Oid

FILE = "f"
EXEC = "x"
LINK = "l"
DIR = "d"


class Entry(NamedTuple):
    """One line of a manifest. ``size`` is bytes of content, ``files`` the files at or below it (1 unless a directory)."""

    type: str
    oid: Oid
    size: int
    files: int
    name: str


class Frame(NamedTuple):
    """One frame of a pack: where its stored bytes lie and what they expand to. ``check`` is xxh3_64 of the stored bytes."""

    oid: Oid
    offset: int
    stored: int
    raw: int
    kind: Kind
    codec: int
    check: int


class PackInfo(NamedTuple):
    """A pack: its name (BLAKE3 of all its bytes), its size in bytes, its frames in position order."""

    name: Oid
    size: int
    frames: tuple[Frame, ...]


RAW = 0
ZSTD = 1
