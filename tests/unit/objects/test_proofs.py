"""Which recipe is believed: the one whose content was hashed here."""

from __future__ import annotations

import os
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

import transfer_kit
from kit import pseudo_random
from localstores import filled, opened
from weft.errors import ObjectMissing
from weft.formats import recipe as recipe_format
from weft.model.oid import Kind, Oid
from weft.model.remote import ChunkerParams
from weft.objects import download, receive, salvage, selection, store_write, upload
from weft.objects.catalog import LOCAL
from weft.objects.layout_walk import LayoutWalk
from weft.objects.layouts import layout_pairs, store_layout
from weft.objects.proofs import Proof, prove_pairs
from weft.objects.store import LocalStore, open_store
from weft.workspace.saved import Saved

BIG = pseudo_random(3_000_000, 5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with opened(tmp_path) as made:
        yield made


def _proved(store: LocalStore, oid: Oid) -> bool:
    return bool(store.catalog.recipes_for([oid], proved_only=True))


def test_what_this_machine_cut_is_proved_and_what_it_found_in_packs_is_not(store: LocalStore):
    (oid,) = filled(store, BIG)
    assert _proved(store, oid)
    store.rebuild_catalog()
    assert store.catalog.recipes_for([oid])
    assert not _proved(store, oid)


def test_reading_all_of_it_proves_a_recipe_and_reading_a_part_does_not(store: LocalStore):
    (oid,) = filled(store, BIG)
    store.rebuild_catalog()
    pieces = store.iter_content(oid, len(BIG))
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert not _proved(store, oid)
    assert b"".join(store.iter_content(oid, len(BIG))) == BIG
    assert _proved(store, oid)
    store.rebuild_catalog()
    assert store.read_object(oid, Kind.CHUNK) == BIG
    assert _proved(store, oid)


def test_a_range_without_a_layout_proves_the_recipe_first(store: LocalStore):
    (oid,) = filled(store, BIG)
    store.rebuild_catalog()
    assert store.read_range(oid, 1_000_000, 10) == BIG[1_000_000:1_000_010]
    assert _proved(store, oid)


def test_a_layout_that_leads_to_the_content_replaces_a_false_recipe(store: LocalStore):
    with store.writer() as writer:
        oid = writer.add_object(Kind.CHUNK, BIG)
        view = store.layout(store_layout(writer, layout_pairs([oid], writer.recipes)))
        good = writer.recipes[oid]
    store.rebuild_catalog()
    store.catalog.add_recipes({oid: Oid.of(b"false")})
    assert b"".join(store.iter_content(oid, len(BIG), view)) == BIG
    assert store.catalog.recipes_for([oid], proved_only=True) == {oid: good}


def test_saved_proves_on_demand_and_only_what_is_all_here(store: LocalStore):
    (oid,) = filled(store, BIG)
    recipe = recipe_format.decode(store.read_frame(store.catalog.recipes_for([oid])[oid]))
    store.rebuild_catalog()
    assert Saved(store).unsaved([oid]) == set()
    assert _proved(store, oid)
    for name in list(store.catalog.packs(LOCAL)):
        if not store.catalog.missing([recipe.chunks[0][0]], LOCAL):
            info = store.catalog.pack_frames(name)
            assert info is not None
            if any(frame.kind is Kind.CHUNK for frame in info.frames):
                os.unlink(store.pack_path(name))
                store.catalog.forget_pack(name, LOCAL)
    assert Saved(store).unsaved([oid]) == {oid}, "proved, yet not all of it is here"
    store.rebuild_catalog()
    assert Saved(store).unsaved([oid]) == {oid}
    with pytest.raises(ObjectMissing):
        store.prove(oid)
    assert store.catalog.recipes_for([oid]), "it is no lie: the rest may come"


def test_pairs_are_proved_once_as_far_as_their_bytes_are_here(store: LocalStore, tmp_path: Path):
    with store.writer() as writer:
        oids = [writer.add_object(Kind.CHUNK, pseudo_random(900_000, seed)) for seed in (6, 7)]
        pairs = {oid: writer.recipes[oid] for oid in oids}
    store.rebuild_catalog()
    first, second = oids
    crossed = {first: pairs[second], second: pairs[first]}
    assert prove_pairs(store, crossed.items()).false.keys() == set(oids), "each is a recipe, and of another object"
    assert prove_pairs(store, pairs.items(), room=1000) == Proof({}, set(oids))
    assert prove_pairs(store, pairs.items()) == Proof({}, set())
    assert store.catalog.recipes_for(oids, proved_only=True) == pairs
    with opened(tmp_path / "empty") as other:
        assert prove_pairs(other, pairs.items()) == Proof({}, set(oids))
    shutil.rmtree(Path(store.root) / "packs")
    store.files.close()
    assert prove_pairs(store, pairs.items()) == Proof({}, set()), "nothing is read again"


@pytest.mark.parametrize("beside", [False, True])
def test_a_recipe_that_is_cut_itself_is_proved_and_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: bool):
    monkeypatch.setattr(store_write, "WHOLE", 1 << 12)
    monkeypatch.setattr(salvage, "_WHOLE", 1 << 12)
    small = ChunkerParams(minimum=256, average=512, maximum=1024)
    data = pseudo_random(200_000, 8)
    with open_store(str(tmp_path / "a" / "store"), str(tmp_path / "a" / "catalog.sqlite"), small) as store:
        pointer = transfer_kit.add(store, {"big": data})
        upload.push(transfer_kit.remote_at(tmp_path / "remote", store), store, {"data": pointer})
        lost = transfer_kit.add(store, {"never": b"pushed"}, "lost")
        (oid,) = (oid for oid, recipe in LayoutWalk(pointer.layout, store).find(None).items() if oid == Oid.of(data))
    with opened(tmp_path / "b") as clone:
        remote = transfer_kit.remote_at(tmp_path / "remote", clone)
        monkeypatch.setattr(receive, "SMALL_PACK", 0)
        monkeypatch.setattr(selection, "SHARE", 2.0)  # single frames come, not packs
        wanted = {"data": pointer, **({"lost": lost} if beside else {})}
        assert download.fetch_some(remote, clone, wanted).pointers == ("data",)
        assert clone.catalog.recipes_for([oid]), "status and ls tell by it that the file is here"
        assert Saved(clone).absent([oid], clone.layout(pointer.layout), "data") == set()
        assert _proved(clone, oid)
        assert Saved(clone).unsaved([oid]) == set()
        clone.catalog.rows("DELETE FROM recipes WHERE object = ?", (oid,))
        assert Saved(clone).absent([oid], clone.layout(pointer.layout), "data") == set(), "the layout tells it too"


def test_proving_takes_little_memory(store: LocalStore):
    data = pseudo_random(32 << 20, 3)
    (oid,) = filled(store, data)
    store.rebuild_catalog()
    tracemalloc.start()
    try:
        store.prove(oid)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert _proved(store, oid)
    assert peak < 8 << 20, peak
