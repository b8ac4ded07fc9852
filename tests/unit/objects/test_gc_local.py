"""Which local packs go: only what nothing leads to and is old, or what a remote is proved to hold."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from transfer_kit import add, clone, noise, read_tree, remote_at, small_tree
from weft.formats.canonical import json_bytes
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects.catalog import LOCAL
from weft.objects.download import fetch
from weft.objects.gc_local import EVICTED, UNREACHABLE, LocalPlan, LocalPolicy, carry_out, plan_local
from weft.objects.gc_marks import Start
from weft.objects.gc_proof import RemoteFacts, look, read_back
from weft.objects.reachability import walk
from weft.objects.remote_keys import pack_key
from weft.objects.selection import packs_holding
from weft.objects.store import LocalStore
from weft.objects.upload import push
from weft.storage.memory import MemoryStorage

DAY = 86400.0
NOW = 2_000_000_000.0


def start(pointer: Pointer) -> Start:
    return Start(pointer.oid, pointer.is_dir, pointer.layout)


def age(store: LocalStore, days: float, names: Iterable[Oid] | None = None) -> None:
    """Let packs be written ``days`` before NOW, and not read since."""
    for name in store.catalog.packs(LOCAL) if names is None else names:
        os.utime(store.pack_path(name), (NOW - days * DAY,) * 2)


def plan(store: LocalStore, *pointers: Pointer, limit: int | None = None, facts=tuple, current=()) -> LocalPlan:
    policy = LocalPolicy(NOW, 14 * DAY, limit)
    return plan_local(store, {start(p) for p in pointers}, {start(p) for p in current}, policy, facts)


def reasons(found: LocalPlan) -> set[str]:
    return {drop.reason for drop in found.drops}


def test_only_what_is_unreachable_and_old_goes(tmp_path: Path) -> None:
    with clone(tmp_path) as store:
        kept = add(store, {**small_tree(), "big": noise(3_000_000, 1)})
        before = set(store.catalog.packs(LOCAL))
        add(store, {**small_tree(seed=9), "big": noise(3_000_000, 2)})
        garbage = set(store.catalog.packs(LOCAL)) - before
        age(store, 13)
        assert plan(store, kept).drops == ()
        assert plan(store, kept).young == len(garbage)
        age(store, 15)
        found = plan(store, kept)
        assert {drop.pack for drop in found.drops} == garbage
        assert reasons(found) == {UNREACHABLE}
        assert found.freed == sum(store.catalog.packs(LOCAL)[name] for name in garbage)
        carry_out(store, found)
        assert set(store.catalog.packs(LOCAL)) == before == {name for name, _ in store.files.names()}
        assert len(read_tree(store, kept)) == 61
        assert plan(store, kept).drops == ()


def test_a_pack_with_one_object_that_is_needed_stays(tmp_path: Path) -> None:
    with clone(tmp_path) as store:
        add(store, small_tree())
        kept = add(store, small_tree(10), "part")  # its contents lie in the packs of the first
        age(store, 100)
        carry_out(store, plan(store, kept))
        assert len(read_tree(store, kept)) == 10


def test_nothing_is_unreachable_while_metadata_is_nowhere(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        elsewhere = add(a, small_tree())
        add(b, small_tree(seed=3))
        age(b, 100)
        found = plan(b, elsewhere)
        assert found.unknown
        assert found.drops == ()
        assert plan(b).drops != ()


def test_metadata_that_a_remote_has_hinders_nothing(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        elsewhere = add(a, small_tree())
        push(remote_at(storage, a), a, {"data": elsewhere})
        add(b, small_tree(seed=3))
        age(b, 100)
        found = plan(b, elsewhere, facts=lambda: [look(remote_at(storage, b))])
        assert not found.unknown
        assert reasons(found) == {UNREACHABLE}


def test_eviction_takes_the_least_recently_used_until_the_limit_is_kept(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path) as store:
        pointers = [add(store, noise(900_000, seed), f"p{seed}") for seed in range(4)]
        packs = {p.path: name for p in pointers for name in packs_of(store, p)}
        push(remote_at(storage, store), store, {p.path: p for p in pointers})
        for days, path in ((1, "p0"), (4, "p1"), (3, "p2"), (9, "p3")):
            age(
                store,
                days,
                [name for name in store.catalog.packs(LOCAL) if name in packs_of(store, pointers[int(path[1])])],
            )
        found = plan(store, *pointers, limit=2_000_000, facts=lambda: [look(remote_at(storage, store))])
        assert [drop.pack for drop in found.drops] == [packs["p3"], packs["p1"]]
        assert reasons(found) == {EVICTED}
        shown = plan(
            store, *pointers, limit=2_000_000, facts=lambda: [look(remote_at(storage, store))], current=[pointers[3]]
        )
        assert [drop.pack for drop in shown.drops] == [packs["p1"], packs["p2"]], "what the work tree shows goes last"
        carry_out(store, found)
        assert sum(store.catalog.packs(LOCAL).values()) <= 2_000_000
        fetch(remote_at(storage, store), store, {p.path: p for p in pointers})
        for pointer in pointers:
            read_tree(store, pointer)


def packs_of(store: LocalStore, pointer: Pointer) -> set[Oid]:
    chunks = walk(pointer, store).chunks or {pointer.oid}
    return set(packs_holding(store.catalog, chunks, LOCAL))


def test_what_is_not_pushed_is_never_evicted(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path) as store:
        pushed, local = add(store, noise(900_000, 1), "a"), add(store, noise(900_000, 2), "b")
        push(remote_at(storage, store), store, {"a": pushed})
        age(store, 100)
        found = plan(store, pushed, local, limit=0, facts=lambda: [look(remote_at(storage, store))])
        assert {drop.pack for drop in found.drops} >= packs_of(store, pushed)
        carry_out(store, found)
        assert read_tree(store, local)


@pytest.mark.parametrize("harm", ["root", "pack", "tomb", "size"])
def test_no_proof_no_eviction(tmp_path: Path, harm: str) -> None:
    """Without the root, the pack, or the pack's right size on the remote, or with a tomb for it, the local copy stays."""
    storage = MemoryStorage()
    with clone(tmp_path) as store:
        pointer = add(store, {"a": noise(900_000, 1)})
        push(remote_at(storage, store), store, {"data": pointer})
        age(store, 100)

        def facts() -> list[RemoteFacts]:
            return [look(remote_at(storage, store))]

        assert plan(store, pointer, limit=0, facts=facts).drops
        for name in store.catalog.packs(LOCAL):
            if harm == "pack":
                storage.delete(pack_key(name))
            elif harm == "size":
                storage.write(pack_key(name), b"short")
            elif harm == "tomb":
                storage.write(f"tombs/run/{name.hex()[:8]}", json_bytes({"packs": [name.hex()]}))
        for stat in storage.list("roots/") if harm == "root" else ():
            storage.delete(stat.key)
        assert plan(store, pointer, limit=0, facts=facts).drops == ()


def test_reading_a_pack_is_noted_and_leaves_its_age(tmp_path: Path) -> None:
    with clone(tmp_path) as store:
        pointer = add(store, b"data", "file")
        (name,) = store.catalog.packs(LOCAL)
        long_ago = float(int(time.time() - 10 * DAY))
        os.utime(store.pack_path(name), (long_ago, long_ago))
        store.files.close()
        store.read_frame(pointer.oid)
        made, used = store.files.times(name) or (0, 0)
        assert made == long_ago
        assert used > long_ago + 9 * DAY


def test_what_goes_is_read_back_as_far_as_there_is_room(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as store:
        remote = remote_at(storage, store)
        for seed in range(4):
            push(remote, store, {"data": add(store, noise(40_000, seed))})
        facts = look(remote)
        oids = {frame.oid for name in facts.packs for frame in store.catalog.pack_frames(name).frames}  # type: ignore[union-attr]
        whole = read_back(remote, facts, oids, 1 << 30)
        assert (whole.there, whole.bad, whole.fault) == (oids, set(), None)
        assert read_back(remote, facts, {Oid.of(b"elsewhere")}, 1 << 30).there == set()
        for name in facts.packs:
            key = pack_key(name)
            storage.write(key, bytes(len(storage.read(key))))
        # However little is read, a remote that has nothing true is found out.
        for room in (1, 50_000, 1 << 30):
            before = read_back(remote, facts, oids, room)
            assert before.there == oids
            assert before.bad <= oids
            assert before.fault is not None
            assert (before.bad == oids) == (room == 1 << 30)
