"""Pointers whose layout or numbers lie, beside an object that is right: what whoever reads, keeps or passes them on does."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from transfer_kit import add, clone, edit, noise, read_tree, remote_at
from weft.errors import HashMismatch, IntegrityError, SizeMismatch
from weft.formats import recipe as recipe_format
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.model.recipe import Recipe
from weft.objects import push_needs
from weft.objects.catalog_check import fault_of
from weft.objects.download import fetch
from weft.objects.gc_local import LocalPolicy, carry_out, plan_local
from weft.objects.gc_marks import Start
from weft.objects.layout_walk import LayoutWalk
from weft.objects.layouts import store_layout
from weft.objects.proofs import Proof, prove_pairs
from weft.objects.reachability import walk
from weft.objects.store import LocalStore
from weft.objects.upload import push
from weft.workspace.saved import Saved

GOOD, EVIL = noise(1_500_000, 1), noise(1_500_000, 2)
TARGET = Oid.of(GOOD)


@contextmanager
def lying(tmp_path: Path) -> Iterator[tuple[LocalStore, Pointer, Pointer]]:
    """A store with the data of an honest pointer, and one whose layout leads from its file to other bytes."""
    with clone(tmp_path / "author") as store:
        add(store, b"small", "small")  # in a pack of its own
        honest = add(store, {"a": GOOD, "b": b"small"})
        other = add(store, EVIL)
        (old,) = LayoutWalk(other.layout, store).find(None).values()
        chunks = recipe_format.decode(store.read_frame(old)).chunks
        with store.writer() as writer:
            false = writer.add_object(Kind.RECIPE, recipe_format.encode(Recipe(TARGET, len(EVIL), chunks)))
            layout = store_layout(writer, {TARGET: false})
        yield store, honest, dataclasses.replace(honest, layout=layout)


def layout_of_other_bytes(tmp_path: Path) -> None:
    with lying(tmp_path) as (store, honest, false):
        view = store.layout(false.layout)
        for read in (
            lambda: store.read_range(TARGET, 1000, 20, view),
            lambda: list(store.iter_content(TARGET, len(GOOD), view)),
            lambda: Saved(store).absent([TARGET], view, "data"),
            lambda: push(remote_at(tmp_path / "remote", store), store, {"data": false}),
        ):
            with pytest.raises(HashMismatch):
                read()
        assert not (tmp_path / "remote" / "roots").exists()
        view = store.layout(honest.layout)
        assert store.read_range(TARGET, 1000, 20, view) == GOOD[1000:1020]
        push(remote_at(tmp_path / "remote", store), store, {"data": honest})


def layout_of_other_bytes_in_a_collection(tmp_path: Path) -> None:
    with lying(tmp_path) as (store, honest, false):
        add(store, noise(900_000, 8), "garbage")
        start = {Start(false.oid, True, false.layout)}
        planned = plan_local(store, start, start, LocalPolicy(time.time() + 1e9, 0))
        assert planned.drops
        carry_out(store, planned)
        assert read_tree(store, honest) == {"a": GOOD, "b": b"small"}


def layout_that_others_pushed(tmp_path: Path) -> None:
    with lying(tmp_path) as (store, honest, false), pytest.MonkeyPatch.context() as patch:
        patch.setattr(push_needs, "prove_pairs", lambda *_: Proof({}, set()))
        push(remote_at(tmp_path / "remote", store), store, {"data": false, "honest": honest})
    with clone(tmp_path / "victim") as store:
        remote = remote_at(tmp_path / "remote", store)
        fetch(remote, store, {"data": false})
        with pytest.raises(HashMismatch):
            Saved(store).absent([TARGET], store.layout(false.layout), "data")
        # What is right still comes, and is believed from then on.
        fetch(remote, store, {"honest": honest})
        assert not Saved(store).absent([TARGET], store.layout(honest.layout), "data")
        with pytest.raises(HashMismatch):
            store.read_range(TARGET, 0, 10, store.layout(false.layout))
        assert Saved(store).unsaved([TARGET]) == set()


def recipes_that_are_for_other_objects(tmp_path: Path) -> None:
    with lying(tmp_path) as (store, honest, _false):
        (recipe,) = LayoutWalk(honest.layout, store).find(None).values()
        for pairs in ({Oid.of(b"small"): recipe}, {TARGET: recipe, Oid.of(b"small"): recipe}):
            with store.writer() as writer:
                layout = store_layout(writer, pairs)
            with pytest.raises(IntegrityError):
                walk(dataclasses.replace(honest, layout=layout), store)
            if TARGET not in pairs:
                assert prove_pairs(store, pairs.items()).false
        # A pair for an object that the data does not have is told, and proves nothing.
        with store.writer() as writer:
            both = {**LayoutWalk(honest.layout, store).find(None), Oid.of(EVIL): recipe}
            layout = store_layout(writer, both)
        assert walk(dataclasses.replace(honest, layout=layout), store).stray == {Oid.of(EVIL)}


def numbers_of_other_data(tmp_path: Path) -> None:
    with clone(tmp_path / "author") as store:
        large, small, folder = add(store, GOOD), add(store, b"some bytes"), add(store, {"b": b"some bytes"})
        for pointer in (large, small, folder):
            false = dataclasses.replace(pointer, size=pointer.size + 1)
            with pytest.raises(SizeMismatch):
                push(remote_at(tmp_path / "remote", store), store, {"data": false})
        with pytest.raises(SizeMismatch):
            push(remote_at(tmp_path / "remote", store), store, {"data": dataclasses.replace(folder, files=2)})
        assert not (tmp_path / "remote" / "roots").exists()


def index_and_roots_that_were_cut(tmp_path: Path) -> None:
    with clone(tmp_path / "author") as store:
        pointers = {f"p{n}": add(store, {"a": noise(3000, n)}, f"p{n}") for n in range(4)}
        push(remote_at(tmp_path / "remote", store), store, pointers)
        found = sorted([*(tmp_path / "remote" / "index").iterdir(), *(tmp_path / "remote" / "roots").glob("*/*")])
        kept = [path.read_bytes() for path in found]
        for path in found:
            edit(path, lambda data: data[:-20])
        push(remote_at(tmp_path / "remote", store), store, pointers)
        assert [path.read_bytes() for path in found] == kept


def catalog_with_wrong_rows(tmp_path: Path) -> None:
    with clone(tmp_path / "author") as store:
        pointer = add(store, {"a": GOOD})
        for sql in (
            "UPDATE frames SET offset = offset + 1",
            "UPDATE packs SET size = -size",
            "UPDATE recipes SET proved = 5",
        ):
            store.catalog.rows(sql + " WHERE 1")
            why = fault_of(store.catalog)
            assert why
            store.rebuild_catalog(why)
            assert not fault_of(store.catalog)
            assert read_tree(store, pointer) == {"a": GOOD}


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (126, "layout-of-other-bytes", layout_of_other_bytes),
    (126, "layout-of-other-bytes-in-a-collection", layout_of_other_bytes_in_a_collection),
    (127, "layout-that-others-pushed", layout_that_others_pushed),
    (128, "recipes-for-other-objects", recipes_that_are_for_other_objects),
    (129, "numbers-of-other-data", numbers_of_other_data),
    (131, "catalog-with-wrong-rows", catalog_with_wrong_rows),
    (130, "index-and-roots-that-were-cut", index_and_roots_that_were_cut),
]
