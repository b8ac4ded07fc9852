"""Marking reaches everything that a walk of the same pointers reaches, and tells what it could not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from transfer_kit import add, clone, noise, small_tree
from weft.errors import ObjectType
from weft.formats import manifest as manifest_format
from weft.model.entry import FILE, Entry
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.objects.gc_marks import Start, mark
from weft.objects.layouts import layout_pairs, store_layout
from weft.objects.reachability import walk


def start(pointer: Pointer) -> Start:
    return Start(pointer.oid, pointer.is_dir, pointer.layout)


def test_everything_that_a_walk_reaches_is_marked(tmp_path: Path) -> None:
    with clone(tmp_path) as store:
        pointers = [
            add(store, {**small_tree(), "big": noise(3_000_000, 1), "void": {}}),
            add(store, noise(2_000_000, 2), "large"),
            add(store, b"small", "small"),
        ]
        others = add(store, {"other": noise(2_000_000, 3)})
        marks = mark(store, [start(pointer) for pointer in pointers])
        for pointer in pointers:
            assert walk(pointer, store).all_frames() <= marks.live
        assert not marks.unread
        assert others.oid not in marks.live
        assert not walk(others, store).chunks & marks.live


def test_a_manifest_of_several_chunks_is_read(tmp_path: Path) -> None:
    with clone(tmp_path) as store:
        leaf = Oid.of(b"leaf")
        names = [f"{number:05}-{'x' * 200}" for number in range(6000)]
        data = manifest_format.encode(Manifest.of([Entry(FILE, leaf, 4, 1, name) for name in names]))
        with store.writer() as writer:
            writer.add_chunks([(leaf, b"leaf")])
            root = writer.add_object(Kind.MANIFEST, data)
            layout = store_layout(writer, layout_pairs([root], writer.recipes))
        pointer = Pointer("dir", "data", root, 4 * 6000, 6000, layout)
        assert layout is not None
        marks = mark(store, [start(pointer)])
        assert walk(pointer, store).all_frames() <= marks.live
        assert not marks.unread
        assert mark(store, [Start(root, True)]).unread == {root}, "without its layout nobody knows its chunks"


def test_what_is_not_here_is_told(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        pointer = add(a, {"sub": {"x": b"1"}, "big": noise(3_000_000, 1)})
        assert pointer.layout is not None
        assert mark(b, [start(pointer)]).unread == {pointer.oid, pointer.layout}
        assert mark(b, [start(pointer)]).live == {pointer.oid, pointer.layout}
        assert not mark(b, [Start(pointer.oid, False)]).unread, "a file that is not here leads to nothing else"


def test_an_object_of_another_kind_stops_the_mark(tmp_path: Path) -> None:
    with clone(tmp_path) as store:
        pointer = add(store, b"no manifest", "file")
        with pytest.raises(ObjectType):
            mark(store, [Start(pointer.oid, True)])
