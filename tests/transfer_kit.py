"""What the tests of push and fetch share: clones with a store, trees as plain values, and hand-made hostile remotes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from xxhash import xxh3_64_intdigest

from weft.formats import index_segment
from weft.formats import manifest as manifest_format
from weft.formats.pack import HEADER, MAX_PACK, encode_footer, encode_trailer
from weft.model.entry import DIR, FILE, RAW, Entry, Frame, PackInfo
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid, segment_id
from weft.model.pointer import Pointer
from weft.objects.layouts import layout_pairs, store_layout
from weft.objects.remote import RemoteStore
from weft.objects.remote_keys import pack_key, segment_key
from weft.objects.store import LocalStore, open_store
from weft.objects.store_write import ObjectWriter
from weft.storage.base import Storage
from weft.storage.local import LocalStorage

REPO = "ab" * 16
Tree = Mapping[str, "bytes | Tree"]


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


def small_tree(files: int = 60, seed: int = 0) -> dict[str, bytes | Tree]:
    """A tree of directories of ten files of 1 kB."""
    return {
        f"d{n // 10:03}": {f"f{k:03}.bin": noise(1000, seed * 100_003 + k) for k in range(n, min(files, n + 10))}
        for n in range(0, files, 10)
    }


@contextmanager
def clone(path: Path) -> Iterator[LocalStore]:
    """A clone's local store, made when it is not there yet."""
    path.mkdir(parents=True, exist_ok=True)
    with open_store(str(path / "store"), str(path / "catalog.sqlite")) as store:
        yield store


def add(store: LocalStore, tree: Tree | bytes, name: str = "data") -> Pointer:
    """Store a directory (a mapping) or a file (bytes) and return its pointer."""
    contents: list[Oid] = []
    with store.writer() as writer:
        if isinstance(tree, bytes):
            oid = writer.add_object(Kind.CHUNK, tree)
            layout = store_layout(writer, layout_pairs([oid], writer.recipes))
            return Pointer("file", name, oid, len(tree), layout=layout)
        root, size, files = _add_dir(writer, tree, contents)
        layout = store_layout(writer, layout_pairs(contents, writer.recipes))
    return Pointer("dir", name, root, size, files, layout)


def _add_dir(writer: ObjectWriter, tree: Tree, contents: list[Oid]) -> tuple[Oid, int, int]:
    entries = []
    for name, value in tree.items():
        if isinstance(value, bytes):
            oid = writer.add_object(Kind.CHUNK, value)
            contents.append(oid)
            entries.append(Entry(FILE, oid, len(value), 1, name))
        else:
            oid, size, files = _add_dir(writer, value, contents)
            entries.append(Entry(DIR, oid, size, files, name))
    manifest = Manifest.of(entries)
    oid = writer.add_object(Kind.MANIFEST, manifest_format.encode(manifest))
    contents.append(oid)
    return oid, manifest.size, manifest.files


def read_tree(store: LocalStore, pointer: Pointer) -> dict[str, bytes]:
    """All files of a pointer by path, read from the local store with every check."""
    view = store.layout(pointer.layout)
    if not pointer.is_dir:
        return {"": b"".join(store.iter_content(pointer.oid, pointer.size, view))}
    found: dict[str, bytes] = {}
    todo = [("", pointer.oid)]
    while todo:
        prefix, oid = todo.pop()
        for entry in manifest_format.decode(store.read_object(oid, Kind.MANIFEST, view)).entries:
            if entry.type == DIR:
                todo.append((f"{prefix}{entry.name}/", entry.oid))
            else:
                found[prefix + entry.name] = b"".join(store.iter_content(entry.oid, entry.size, view))
    return found


def flatten(tree: Tree, prefix: str = "") -> dict[str, bytes]:
    """A tree as files by path."""
    found: dict[str, bytes] = {}
    for name, value in tree.items():
        if isinstance(value, bytes):
            found[prefix + name] = value
        else:
            found.update(flatten(value, f"{prefix}{name}/"))
    return found


def remote_at(storage: Storage | Path, store: LocalStore, pin: str = "", jobs: int = 4) -> RemoteStore:
    """A remote as this clone sees it."""
    place = LocalStorage(str(storage)) if isinstance(storage, Path) else storage
    return RemoteStore(place, store.catalog, REPO, pin, jobs=jobs)


# --- hostile remotes ---


def pack_bytes(frames: Iterable[tuple[Oid, Kind, int, int, bytes]]) -> tuple[bytes, PackInfo]:
    """A pack, well-formed outside, of (oid, kind, codec, raw length, stored bytes) whatever lies they tell."""
    body, listed, offset = [HEADER], [], len(HEADER)
    for oid, kind, codec, raw, stored in frames:
        listed.append(Frame(oid, offset, len(stored), raw, kind, codec, xxh3_64_intdigest(stored)))
        body.append(stored)
        offset += len(stored)
    footer = encode_footer(listed)
    data = b"".join([*body, footer, encode_trailer(offset, footer, len(listed))])
    assert len(data) <= MAX_PACK
    return data, PackInfo(Oid.of(data), len(data), tuple(listed))


def plant(storage: Storage, frames: Iterable[tuple[Oid, Kind, int, int, bytes]]) -> PackInfo:
    """Put such a pack on a remote, with a segment that lists it."""
    data, info = pack_bytes(frames)
    storage.write(pack_key(info.name), data)
    plant_segment(storage, [info])
    return info


def plant_segment(storage: Storage, packs: Iterable[PackInfo]) -> Oid:
    """Put a segment on a remote that lists ``packs``, truly or not."""
    data = index_segment.encode(packs)
    storage.write(segment_key(segment_id(data)), data)
    return segment_id(data)


def raw_frame(data: bytes, kind: Kind = Kind.CHUNK, oid: Oid | None = None) -> tuple[Oid, Kind, int, int, bytes]:
    """An uncompressed frame, under its own oid or another."""
    return (oid or Oid.of(data, kind), kind, RAW, len(data), data)


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Rewrite a file that may be read-only."""
    data = change(path.read_bytes())
    path.unlink()
    path.write_bytes(data)


def flip(data: bytes) -> bytes:
    """Flip one bit in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
