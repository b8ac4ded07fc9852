"""Builders that the tests of the local store share."""

from __future__ import annotations

import os
from pathlib import Path

from weft.model.entry import Frame, PackInfo
from weft.model.oid import Kind, Oid
from weft.objects.catalog import LOCAL
from weft.objects.store import LocalStore, open_store
from weft.util.progress import SilentProgress


def opened(root: Path, progress: SilentProgress | None = None) -> LocalStore:
    return open_store(str(root / "store"), str(root / "catalog.sqlite"), progress=progress)


def filled(store: LocalStore, *contents: bytes, kind: Kind = Kind.CHUNK) -> list[Oid]:
    with store.writer() as writer:
        return [writer.add_object(kind, content) for content in contents]


def only_pack(store: LocalStore) -> str:
    (name,) = store.catalog.packs(LOCAL)
    return store.pack_path(name)


def corrupt(path: str, offset: int, data: bytes | None = None) -> None:
    """Change bytes of a file that is read-only; one bit of one byte when ``data`` is None."""
    os.chmod(path, 0o644)
    with open(path, "r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte[0] ^ 1]) if data is None else data)
    os.chmod(path, 0o444)


def frame_of(store: LocalStore, oid: Oid) -> Frame:
    return store.catalog.locate([oid], LOCAL)[oid][0].frame


def some_pack(number: int, frames: int = 3) -> PackInfo:
    """A pack that exists only on paper."""
    made = []
    offset = 16
    for index in range(frames):
        made.append(Frame(Oid.of(b"%d %d" % (number, index)), offset, 10, 10, Kind.CHUNK, 0, (1 << 64) - 1 - index))
        offset += 10
    return PackInfo(Oid.of(b"pack %d" % number), offset + 60 * frames + 32, tuple(made))
