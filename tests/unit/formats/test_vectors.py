"""The test vectors of the specification, which are put together without weft, against weft."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from packbytes import decode_pack
from weft.errors import WeftError
from weft.formats import frame as frames
from weft.formats import index_segment, layout, manifest, pointer, recipe
from weft.model.oid import Kind, Oid, segment_id
from weft.model.paths import RepoPath, check_data_name
from weft.model.pointer import Pointer

SPEC = Path(__file__).resolve().parents[3] / "docs" / "spec"


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_vectors", SPEC / "make_vectors.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = maker()


def vectors(title: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SPEC / "vectors" / f"{title}.json").read_text(encoding="utf-8"))
    return loaded


def data_of(row: dict[str, Any]) -> bytes:
    return bytes.fromhex(row["hex"]) if "hex" in row else row["text"].encode()


@pytest.mark.parametrize("title", MAKER.ALL)
def test_the_files_are_what_the_script_writes(title: str) -> None:
    assert (SPEC / "vectors" / f"{title}.json").read_text(encoding="utf-8") == MAKER.text(title)


DECODERS: dict[str, Callable[[bytes], object]] = {
    "pointers": lambda data: pointer.decode(data, name="a.weft"),
    "manifests": manifest.decode,
    "recipes": recipe.decode,
    "layouts": layout.decode,
    "packs": decode_pack,
    "segments": index_segment.decode,
}
INVALID = [(title, row) for title in DECODERS for row in vectors(title)["invalid"]]


@pytest.mark.parametrize(("title", "row"), INVALID, ids=[f"{title}-{row['name']}" for title, row in INVALID])
def test_invalid_bytes(title: str, row: dict[str, Any]) -> None:
    with pytest.raises(WeftError) as caught:
        DECODERS[title](data_of(row))
    assert caught.value.code == row["code"]


@pytest.mark.parametrize("row", vectors("identity")["invalid"], ids=lambda row: ascii(row["value"])[:40])
def test_invalid_oids(row: dict[str, Any]) -> None:
    with pytest.raises(WeftError) as caught:
        Oid.parse(row["value"])
    assert caught.value.code == row["code"]


def test_digests() -> None:
    for row in vectors("identity")["valid"]:
        data = bytes.fromhex(row["hex"])
        oid = segment_id(data) if row["kind"] == "index" else Oid.of(data, Kind[row["kind"].upper()])
        assert str(oid) == row["oid"]


def parse_data_path(path: str) -> None:
    for part in RepoPath.parse(path).split("/"):
        check_data_name(part)


def test_valid_paths() -> None:
    for path in vectors("paths")["valid"]:
        parse_data_path(path)


@pytest.mark.parametrize("row", vectors("paths")["invalid"], ids=lambda row: ascii(row["path"])[:40])
def test_invalid_paths(row: dict[str, Any]) -> None:
    if row.get("data_only"):
        RepoPath.parse(row["path"])
    with pytest.raises(WeftError) as caught:
        parse_data_path(row["path"])
    assert caught.value.code == row["code"]


def plain(value: Pointer) -> dict[str, Any]:
    found = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return found | {"oid": str(value.oid), "layout": str(value.layout) if value.layout else None}


def test_pointers() -> None:
    for row in vectors("pointers")["valid"]:
        value = pointer.decode(row["text"].encode(), name=row["file"])
        assert plain(value) == row["value"]
        assert pointer.encode(value).decode() == row["text"]
    for row in vectors("pointers")["valid_not_canonical"]:
        assert plain(pointer.decode(row["text"].encode(), name=row["file"])) == row["value"]


def test_manifests() -> None:
    for row in vectors("manifests")["valid"]:
        data = row["text"].encode()
        value = manifest.decode(data)
        assert manifest.encode(value) == data
        assert (str(Oid.of(data, Kind.MANIFEST)), value.size, value.files) == (row["oid"], row["size"], row["files"])


def test_recipes() -> None:
    for row in vectors("recipes")["valid"]:
        data = bytes.fromhex(row["hex"])
        value = recipe.decode(data)
        assert recipe.encode(value) == data
        assert (str(Oid.of(data, Kind.RECIPE)), str(value.object), value.length) == (
            row["oid"],
            row["object"],
            row["length"],
        )
        assert [[str(oid), size] for oid, size in value.chunks] == row["chunks"]


def test_layouts() -> None:
    for row in vectors("layouts")["valid"]:
        prefix = bytes.fromhex(row["prefix"])
        pairs = {
            Oid((prefix + Oid.of(f"object {n}".encode()))[:32]): Oid.of(f"recipe {n}".encode())
            for n in range(row["count"])
        }
        root, nodes = layout.build(pairs)
        assert (str(root), len(nodes)) == (row["root"], row["nodes"])
        assert dict(layout.walk(root, nodes.__getitem__)) == pairs
        assert nodes[root].hex() == row.get("hex", nodes[root].hex())


def test_packs() -> None:
    for row in vectors("packs")["valid"]:
        data = bytes.fromhex(row["hex"])
        assert Oid.of(data).hex() == row["name"]
        found = decode_pack(data)
        assert len(found) == len(row["frames"])
        for item, told in zip(found, row["frames"], strict=True):
            stored = data[item.offset : item.offset + item.stored]
            frames.check_frame(stored, item)
            assert frames.decode_frame(stored, item).hex() == told["content"]
            for key in ("offset", "stored", "raw", "kind", "codec"):
                assert getattr(item, key) == told[key]
            assert str(item.oid) == told["oid"] == str(Oid.of(bytes.fromhex(told["content"]), item.kind))


def test_segments() -> None:
    for row in vectors("segments")["valid"]:
        data = bytes.fromhex(row["hex"])
        assert segment_id(data).hex() == row["name"]
        found = index_segment.decode(data)
        assert [oid.hex() for oid in found.supersedes] == row["supersedes"]
        listed = [{"name": info.name.hex(), "size": info.size, "frames": len(info.frames)} for info in found.packs]
        assert listed == row["packs"]
        again = index_segment.encode(found.packs, found.supersedes)
        assert frames.expand(again, len(row["payload"]) // 2).hex() == row["payload"]
