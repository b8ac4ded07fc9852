"""The second reader on small remotes that are put together by hand through the formats."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from xxhash import xxh3_64_intdigest

from packbytes import decode_pack, encode_frame
from weft.formats import index_segment, layout, manifest, pack, pointer, recipe, root, storeformat
from weft.model.entry import Entry, Frame, PackInfo
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid, segment_id
from weft.model.pointer import Pointer
from weft.model.recipe import Recipe
from weft.model.remote import StoreFormat
from weft.model.root import Root

READER = Path(__file__).parent / "reader.py"
REPO = "0123456789abcdef0123456789abcdef"
PIECE = 100


class Builder:
    """Objects on their way into a remote directory. Whatever is longer than ``whole`` bytes is cut."""

    def __init__(self, path: Path, whole: int = 1 << 20) -> None:
        self.path = path
        self.whole = whole
        self.objects: dict[Oid, tuple[Kind, bytes]] = {}
        self.recipes: dict[Oid, Oid] = {}

    def add(self, data: bytes, kind: Kind = Kind.CHUNK) -> Oid:
        oid = Oid.of(data, kind)
        if len(data) <= self.whole:
            self.objects[oid] = (kind, data)
        else:
            pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
            for piece in pieces:
                self.objects[Oid.of(piece)] = (Kind.CHUNK, piece)
            chunks = tuple((Oid.of(piece), len(piece)) for piece in pieces)
            self.recipes[oid] = self.add(recipe.encode(Recipe(oid, len(data), chunks)), Kind.RECIPE)
        return oid

    def add_dir(self, tree: dict[str, object]) -> tuple[Oid, Manifest]:
        entries = []
        for name, item in tree.items():
            if isinstance(item, dict):
                oid, below = self.add_dir(item)
                entries.append(Entry("d", oid, below.size, below.files, name))
            else:
                kind, data = item if isinstance(item, tuple) else ("f", item)
                entries.append(Entry(kind, self.add(data), len(data), 1, name))  # type: ignore[arg-type]
        made = Manifest.of(entries)
        return self.add(manifest.encode(made), Kind.MANIFEST), made

    def finish(self, value: Pointer, *, pad: int = 0, pointer_path: Path | None = None) -> Path:
        """Write packs, segment, root and pointer; ``pad`` makes the layout larger. Returns the pointer's path."""
        top = None
        if self.recipes:
            extra = {Oid.of(f"pad {n}".encode()): Oid.of(b"nothing") for n in range(pad)}
            top, nodes = layout.build(self.recipes | extra)
            self.objects |= {oid: (Kind.LAYOUT, data) for oid, data in nodes.items()}
        value = Pointer(value.type, value.path, value.oid, value.size, value.files, top, value.executable)
        packs = [
            self._pack(part) for part in (list(self.objects.items())[::2], list(self.objects.items())[1::2]) if part
        ]
        segment = index_segment.encode(packs)
        self._put(f"index/{segment_id(segment).hex()}.idx", segment)
        self._put("weft.json", storeformat.encode(StoreFormat("f" * 32)))
        record = Root(value.type, value.oid, value.layout, value.size, value.files, (segment_id(segment),))
        self._put(f"roots/{REPO}/{root.root_name(value)}", root.encode(record))
        path = pointer_path or self.path.parent / f"{value.path}.weft"
        path.write_bytes(pointer.encode(value))
        return path

    def _pack(self, objects: list[tuple[Oid, tuple[Kind, bytes]]]) -> PackInfo:
        body, table, compressor = pack.HEADER, [], zstandard.ZstdCompressor()
        for oid, (kind, data) in objects:
            codec, stored = encode_frame(data, compressor)
            table.append(Frame(oid, len(body), len(stored), len(data), kind, codec, xxh3_64_intdigest(stored)))
            body += stored
        footer = pack.encode_footer(table)
        data = body + footer + pack.encode_trailer(len(body), footer, len(table))
        name = Oid.of(data)
        self._put(f"packs/{name.hex()[:2]}/{name.hex()}.pack", data)
        return PackInfo(name, len(data), tuple(table))

    def _put(self, key: str, data: bytes) -> None:
        (self.path / key).parent.mkdir(parents=True, exist_ok=True)
        (self.path / key).write_bytes(data)


def read(remote: Path, path: Path, out: Path) -> subprocess.CompletedProcess[str]:
    out.mkdir(exist_ok=True)
    argv = [sys.executable, "-I", str(READER), str(remote), REPO, str(path), str(out)]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)


def long_text(rows: int) -> bytes:
    return b"".join(hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(rows))


TREE: dict[str, object] = {
    "plain.txt": b"plain\n",
    "zero": b"",
    "12:30:00 ünï.txt": b"odd",
    "-dash": b"dash",
    "twin": b"plain\n",
    "empty": {},
    "sub dir": {"run.sh": ("x", b"#!/bin/sh\n"), "link": ("l", b"../plain.txt"), "deep": {"up": ("l", b"../..")}},
    "big": long_text(60),
}


def listing(top: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    for path in top.iterdir():
        if path.is_symlink():
            found[path.name] = ("l", os.readlink(path).encode())
        elif path.is_dir():
            found[path.name] = listing(path)
        else:
            data = path.read_bytes()
            found[path.name] = ("x", data) if os.access(path, os.X_OK) else data
    return found


def directory(tmp_path: Path, whole: int = 1 << 20, pad: int = 0, tree: dict[str, object] = TREE) -> tuple[Path, Path]:
    builder = Builder(tmp_path / "remote", whole)
    oid, top = builder.add_dir(tree)
    return builder.path, builder.finish(Pointer("dir", "data", oid, top.size, top.files), pad=pad)


# With 200 bytes manifests and recipes are cut too, and the recipes of long recipes; with 5,000 more pairs the layout
# has inner nodes.
@pytest.mark.parametrize(("whole", "pad"), [(1 << 20, 0), (1000, 0), (200, 0), (200, 5000)])
def test_a_directory_comes_back(tmp_path: Path, whole: int, pad: int) -> None:
    remote, path = directory(tmp_path, whole, pad)
    ran = read(remote, path, tmp_path / "out")
    assert ran.returncode == 0, ran.stderr
    assert listing(tmp_path / "out/data") == TREE


@pytest.mark.parametrize("executable", [False, True])
def test_a_file_comes_back(tmp_path: Path, executable: bool) -> None:
    data = long_text(100)
    builder = Builder(tmp_path / "remote", 300)
    oid = builder.add(data)
    path = builder.finish(Pointer("file", "été 1.bin", oid, len(data), executable=executable))
    ran = read(builder.path, path, tmp_path / "out")
    assert ran.returncode == 0, ran.stderr
    assert listing(tmp_path / "out") == {"été 1.bin": ("x", data) if executable else data}


def refused(tmp_path: Path, remote: Path, path: Path) -> None:
    out = tmp_path / f"refused{len(list(tmp_path.iterdir()))}"
    ran = read(remote, path, out)
    assert ran.returncode != 0
    assert "refused" in ran.stderr or "JSON" in ran.stderr or "KeyError" in ran.stderr, ran.stderr


def test_every_damaged_byte_of_a_frame_is_noticed(tmp_path: Path) -> None:
    remote, path = directory(tmp_path, 1000)
    for file in sorted((remote / "packs").rglob("*.pack")):
        data = file.read_bytes()
        for item in decode_pack(data)[::2]:
            if item.stored:
                at = item.offset + item.stored // 2
                file.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
                ran = read(remote, path, tmp_path / f"out{at}{file.name[:5]}")
                assert ran.returncode != 0, item
        file.write_bytes(data)
        break


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def test_lies_about_the_whole(tmp_path: Path) -> None:
    remote, path = directory(tmp_path, 200)
    good = path.read_bytes()
    for old, new in (
        (b"size: 3", b"size: 4"),
        (b"files: 9", b"files: 8"),
        (b"weft: 1", b"weft: 2"),
        (b"path: data", b"path: .."),
    ):
        assert old in good
        path.write_bytes(good.replace(old, new))
        refused(tmp_path, remote, path)
    path.write_bytes(good)
    for file in (next((remote / "index").iterdir()), remote / "weft.json", next((remote / "roots" / REPO).iterdir())):
        kept = file.read_bytes()
        file.write_bytes(kept[:-9] + b"x" + kept[-8:])
        refused(tmp_path, remote, path)
        file.write_bytes(kept)
    assert read(remote, path, tmp_path / "out").returncode == 0


@pytest.mark.parametrize("target", [b"/etc/passwd", b"..", b"../x", b"a/../..", b"a/.."])
def test_links_that_lead_outside(tmp_path: Path, target: bytes) -> None:
    refused(tmp_path, *directory(tmp_path, tree={"link": ("l", target)}))


def test_names_that_lead_outside(tmp_path: Path) -> None:
    for name in ("../x", "/abs", ".git", "a\\b", "x.weft"):
        builder = Builder(tmp_path / "remote")
        oid = builder.add(b"x")
        text = f"weft-manifest 1\nf {oid.hex()} 1 {name}\n".encode()
        path = builder.finish(Pointer("dir", "data", builder.add(text, Kind.MANIFEST), 1, 1))
        refused(tmp_path, builder.path, path)


def test_a_segment_that_was_superseded_is_found_through_the_listing(tmp_path: Path) -> None:
    remote, path = directory(tmp_path)
    old = next((remote / "index").iterdir())
    found = index_segment.decode(old.read_bytes())
    merged = index_segment.encode(found.packs, [Oid.parse_hex(old.name[:64])])
    (remote / "index" / f"{segment_id(merged).hex()}.idx").write_bytes(merged)
    old.unlink()
    assert read(remote, path, tmp_path / "out").returncode == 0
