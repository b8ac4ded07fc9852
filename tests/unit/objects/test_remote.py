"""A remote store: its identity, its keys, its index, and what a check of it tells."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from transfer_kit import REPO, add, clone, flip, noise, plant_segment, remote_at, small_tree
from weft.errors import (
    BucketMissing,
    FormatVersion,
    HashMismatch,
    LimitExceeded,
    NotOnRemote,
    RemoteIdentity,
    SchemaError,
)
from weft.formats import storeformat
from weft.formats.index_segment import Segment
from weft.formats.root import root_name
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.model.remote import ChunkerParams, StoreFormat
from weft.objects.catalog import LOCAL
from weft.objects.closure_check import check_remote, remote_states
from weft.objects.download import fetch
from weft.objects.presence import Presence
from weft.objects.remote import SMALL, read_bounded
from weft.objects.remote_keys import is_root_name, is_tomb, pack_key, pack_of, segment_key, segment_of
from weft.objects.segment_records import SegmentRecords
from weft.objects.segments import SegmentIndex
from weft.objects.selection import packs_holding
from weft.objects.upload import push
from weft.storage.local import LocalStorage
from weft.storage.memory import MemoryStorage
from weft.storage.wrappers import CountingStorage
from weft.testing.faulty import Fault, FaultyStorage

STORE = "12" * 16


# --- identity ---


def test_a_new_remote_is_made_with_the_chunker_of_the_repository(tmp_path: Path) -> None:
    storage = MemoryStorage()
    params = ChunkerParams(average=128 * 1024)
    with clone(tmp_path) as store:
        made = remote_at(storage, store).connect(create=True, chunker=params)
        again = remote_at(storage, store, pin=made.store).connect()
    assert made == again
    assert made.chunker == params
    assert storeformat.decode(storage.read("weft.json")) == made


def test_weft_json_is_read_once(tmp_path: Path) -> None:
    counted = CountingStorage(MemoryStorage())
    with clone(tmp_path) as store:
        remote = remote_at(counted, store)
        remote.connect(create=True)
        before = sum(counted.requests.values())
        assert remote.store_id == remote.connect().store
        assert remote.place > 0
        assert sum(counted.requests.values()) == before


def test_two_that_make_a_remote_at_once_agree(tmp_path: Path) -> None:
    storage = MemoryStorage()
    found: list[str] = []
    barrier = threading.Barrier(4)
    with clone(tmp_path) as store:

        def connect() -> None:
            barrier.wait()
            found.append(remote_at(storage, store).connect(create=True).store)

        threads = [threading.Thread(target=connect) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


class Lagging(MemoryStorage):
    """Somebody else makes the store between our question and our write."""

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        super().write(key, storeformat.encode(StoreFormat(STORE)), create=True)
        return super().write(key, data, create=create)


def test_the_store_that_lies_there_is_the_truth(tmp_path: Path) -> None:
    with clone(tmp_path) as store:
        assert remote_at(Lagging(), store).connect(create=True).store == STORE


@pytest.mark.parametrize("create", [False, True])
def test_a_pinned_remote_that_is_gone_is_never_made_anew(tmp_path: Path, create: bool) -> None:
    storage = MemoryStorage()
    with clone(tmp_path) as store:
        with pytest.raises(RemoteIdentity):
            remote_at(storage, store, pin=STORE).connect(create=create)
        with pytest.raises(BucketMissing):
            remote_at(tmp_path / "not-mounted", store, pin=STORE).connect(create=create)
    assert list(storage.list("")) == []
    assert not (tmp_path / "not-mounted").exists()


def test_a_remote_that_nothing_was_pushed_to(tmp_path: Path) -> None:
    with clone(tmp_path) as store:
        with pytest.raises(NotOnRemote):
            remote_at(MemoryStorage(), store).connect()
        made = remote_at(tmp_path / "new-directory", store).connect(create=True)
        assert (tmp_path / "new-directory/weft.json").exists()
        assert made.store


GOOD = json.loads(storeformat.encode(StoreFormat(STORE)))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"store": "34" * 16}, RemoteIdentity),
        ({"store": "local"}, RemoteIdentity),
        ({"hash": "sha256"}, RemoteIdentity),
        ({"weft": 0}, RemoteIdentity),
        ({"weft": 2}, FormatVersion),
        ({"weft": "1"}, RemoteIdentity),
        ({"extra": 1}, RemoteIdentity),
        ({"features": {"read": ["new"], "write": [], "gc": []}}, FormatVersion),
    ],
    ids=str,
)
def test_a_replaced_identity_is_refused(tmp_path: Path, change: dict, error: type[Exception]) -> None:
    storage = MemoryStorage()
    storage.write("weft.json", json.dumps({**GOOD, **change}).encode())
    with clone(tmp_path) as store:
        with pytest.raises(error):
            remote_at(storage, store, pin=STORE).connect()
        with pytest.raises(error):
            remote_at(storage, store, pin=STORE).connect(create=True)


def test_a_store_that_may_be_read_but_not_written(tmp_path: Path) -> None:
    storage = MemoryStorage()
    storage.write("weft.json", storeformat.encode(StoreFormat(STORE, write=("new",))))
    with clone(tmp_path) as store:
        remote_at(storage, store).connect()
        with pytest.raises(FormatVersion):
            remote_at(storage, store).connect(role="write")


@pytest.mark.parametrize("data", [b"", b"{}", b"not json", b"\xff", b"[1]"])
def test_an_unreadable_identity(tmp_path: Path, data: bytes) -> None:
    storage = MemoryStorage()
    storage.write("weft.json", data)
    with clone(tmp_path) as store, pytest.raises(RemoteIdentity):
        remote_at(storage, store).connect(create=True)
    assert storage.read("weft.json") == data


def test_small_things_are_not_read_when_they_are_large(tmp_path: Path) -> None:
    storage = CountingStorage(MemoryStorage())
    storage.write("x", bytes(SMALL + 1))
    with pytest.raises(LimitExceeded):
        read_bounded(storage, "x", SMALL)
    assert dict(storage.requests) == {"write": 1, "read": 1}
    assert not storage.received["read"]
    storage.write("x", b"<html>")
    with pytest.raises(HashMismatch, match="not what was stored"):
        read_bounded(storage, "x", SMALL)


# --- keys ---


def test_keys_are_read_back() -> None:
    oid = Oid.of(b"x")
    assert pack_of(pack_key(oid)) == oid
    assert segment_of(segment_key(oid)) == oid
    assert is_root_name(oid.hex())
    assert is_root_name(f"{oid.hex()}.{oid.hex()}")
    assert is_tomb("tombs/run-1/0")


@pytest.mark.parametrize(
    "key",
    [
        "packs/../etc/passwd",
        "packs//x.pack",
        "packs/ab/" + "cd" * 32 + ".pack",
        "packs/AB/" + "AB" * 32 + ".pack",
        "packs/ab/" + "ab" * 32 + ".pack\n",
        "packs/ab/" + "ab" * 32,
        "index/" + "ab" * 31 + ".idx",
        "index/" + "ab" * 32 + ".idx/x",
        "index/" + "\uff10" * 64 + ".idx",
        "tombs/../x",
        "tombs/a/b/c",
        "x" * 1024,
        "",
    ],
)
def test_other_keys_are_none_of_ours(key: str) -> None:
    assert pack_of(key) is None
    assert segment_of(key) is None
    assert not is_root_name(key)
    assert not is_tomb(key)


class Littered(MemoryStorage):
    """A bucket in which others left keys that break every rule."""

    def list(self, prefix: str):
        yield from super().list(prefix)
        for name in ("../../x", "a//b", "line\nfeed", "y" * 1024, "\u202e", "ab/" + "ab" * 32 + ".pack.bak"):
            stat = next(super().list(""))
            yield stat._replace(key=prefix + name)


def test_foreign_keys_are_counted_and_passed_over(tmp_path: Path) -> None:
    storage = Littered()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        pointers = {f"p{n}": add(a, small_tree(20, n), f"p{n}") for n in range(4)}
        push(remote_at(storage, a), a, pointers)
        remote = remote_at(storage, b)
        fetch(remote, b, pointers)
        report = check_remote(remote, b, pointers)
        assert report.problems == ()
        assert report.ignored > 6


# --- tombs and sessions ---


def test_tombs_are_read_and_a_broken_one_stops_everything(tmp_path: Path) -> None:
    storage = MemoryStorage()
    one, two = Oid.of(b"1"), Oid.of(b"2")
    with clone(tmp_path) as store:
        remote = remote_at(storage, store)
        assert remote.tombs() == set()
        storage.write("tombs/r/0", json.dumps({"packs": [one.hex()]}).encode())
        storage.write("tombs/r/1", json.dumps({"packs": [two.hex()]}).encode())
        assert remote.tombs() == {one, two}
        storage.delete("tombs/r/0")
        assert remote.tombs() == {two}
        storage.write("tombs/r/2", b'{"packs": "all"}')
        with pytest.raises(SchemaError):
            remote.tombs()


def test_a_session_ends_whatever_happens(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path) as store:
        remote = remote_at(storage, store)

        def fail() -> None:
            with remote.session():
                assert len(list(storage.list("sessions/"))) == 1
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert list(storage.list("sessions/")) == []
        faulty = FaultyStorage(storage)
        with remote_at(faulty, store).session():
            faulty.always("delete", Fault.RESET)


# --- index ---


def test_a_segment_is_read_once(tmp_path: Path) -> None:
    counted = CountingStorage(MemoryStorage())
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        push(remote_at(counted, a), a, {"data": add(a, small_tree())})
        remote = remote_at(counted, b)
        index = SegmentIndex(remote)
        index.learn_listed()
        reads = counted.requests["read"]
        index.learn_listed()
        SegmentIndex(remote).learn_listed()
        assert counted.requests["read"] == reads
        assert b.catalog.packs(remote.place)


@pytest.mark.parametrize("spoil", [flip, lambda data: data[:-1], lambda _data: b"", lambda data: data + b"x"])
def test_a_damaged_segment_is_told_and_passed_over(tmp_path: Path, spoil) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        push(remote_at(storage, a), a, {"one": add(a, small_tree(10, 1), "one")})
        key = next(stat.key for stat in storage.list("index/"))
        push(remote_at(storage, a), a, {"two": add(a, small_tree(10, 2), "two")})
        storage.write(key, spoil(storage.read(key)))
        remote = remote_at(storage, b)
        index = SegmentIndex(remote)
        index.learn_listed()
        assert [type(fault) for fault in index.faults] == [HashMismatch]
        assert len(b.catalog.packs(remote.place)) == 2


def test_segments_that_vanish_take_their_packs_with_them(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        remote = remote_at(storage, a)
        push(remote, a, {"data": add(a, small_tree())})
        packs = a.catalog.packs(remote.place)
        copy = plant_segment(storage, [p for name in packs if (p := a.catalog.pack_frames(name))][:1])
        index = SegmentIndex(remote)
        index.learn_listed()
        for stat in list(storage.list("index/")):
            if segment_of(stat.key) != copy:
                storage.delete(stat.key)
        index.learn_listed()
        assert len(a.catalog.packs(remote.place)) == 1
        storage.delete(segment_key(copy))
        index.learn_listed()
        assert a.catalog.packs(remote.place) == {}
        assert a.catalog.segments(remote.place) == set()


def test_covering_names_few_segments(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        remote = remote_at(storage, a)
        for n in range(3):
            push(remote, a, {"data": add(a, small_tree(10, n))})
        packs = a.catalog.packs(remote.place)
        every = plant_segment(storage, [p for name in packs if (p := a.catalog.pack_frames(name))])
        index = SegmentIndex(remote)
        index.learn_listed()
        assert index.covering(packs.keys()) == [every]
        assert index.records.packs_of(every).keys() == packs.keys()
        assert index.covering(set()) == []
        assert packs_holding(a.catalog, [Oid.of(b"none")], remote.place) == {}


def test_what_a_pack_says_of_itself_replaces_what_an_index_said(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        push(remote_at(storage, a), a, {"data": add(a, small_tree(10))})
        name = next(iter(a.catalog.packs(LOCAL)))
        true = a.catalog.pack_frames(name)
        assert true is not None
        remote = remote_at(storage, b)
        records = SegmentRecords(remote)
        lie = true._replace(frames=(true.frames[0]._replace(oid=Oid.of(b"lie")), *true.frames[1:]))
        assert records.add(Oid.of(b"segment"), Segment((lie,), ())) == []
        assert [fault.code for fault in records.add(Oid.of(b"other"), Segment((true,), ()))] == ["E_INDEX"]
        assert b.catalog.missing([true.frames[0].oid], remote.place)
        records.correct(true)
        assert not b.catalog.missing([frame.oid for frame in true.frames], remote.place)
        assert b.catalog.missing([Oid.of(b"lie")], remote.place)
        assert records.packs_of(Oid.of(b"segment")) == {name: true.size}


# --- presence ---


def test_few_packs_are_asked_for_and_many_are_listed(tmp_path: Path) -> None:
    counted = CountingStorage(MemoryStorage())
    with clone(tmp_path / "a") as a:
        remote = remote_at(counted, a)
        push(remote, a, {f"p{n}": add(a, small_tree(10, n), f"p{n}") for n in range(5)})
        packs = a.catalog.packs(remote.place)
        counted.requests.clear()
        some = dict(list(packs.items())[:1])
        assert Presence(remote).check(some).all == set()
        assert dict(counted.requests) == {"stat": 1}
        counted.requests.clear()
        presence = Presence(remote)
        assert presence.check(packs).all == set()
        assert presence.check(some).all == set()
        assert dict(counted.requests) == {"list": 1}
        absent, wrong = Oid.of(b"absent"), next(iter(packs))
        gaps = presence.check({**packs, absent: 5, wrong: packs[wrong] + 1})
        assert gaps.absent == {absent}
        assert gaps.wrong == {wrong}
        counted.requests.clear()
        assert presence.check({absent: 5}, confirm=False).absent == {absent}
        assert not counted.requests


# --- roots and checks ---


def test_roots_are_read_with_what_is_wrong_with_them(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        good, bad = add(a, small_tree(10, 1), "good"), add(a, small_tree(10, 2), "bad")
        remote = remote_at(storage, a)
        push(remote, a, {"good": good, "bad": bad})
        key = remote.root_key(root_name(bad))
        storage.write(key, storage.read(remote.root_key(root_name(good))))
        found = {one.name: one for one in remote.roots()}
        assert found[root_name(good)].root is not None
        assert found[root_name(bad)].root is None
        storage.write(key, bytes(SMALL + 1))
        assert [one.name for one in remote.roots() if one.root is None] == [root_name(bad)]
        lying = remote.read_root(Pointer("dir", "good", good.oid, good.size + 1, good.files))
        assert lying is not None
        assert lying.root is None


def test_a_check_tells_what_is_gone_and_whom_it_hurts(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        pointers = {f"p{n}": add(a, {"f": noise(50_000, n)}, f"p{n}") for n in range(3)}
        for path, pointer in pointers.items():
            push(remote_at(storage, a), a, {path: pointer})
        fresh = remote_at(storage, b)
        fine = check_remote(fresh, b, pointers)
        assert fine.problems == ()
        assert (fine.pointers, fine.packs, fine.objects, fine.read_packs) == (3, 6, 6, 0)
        assert b.missing([Oid.of(noise(50_000, 0))]), "no data came"
        victim = next(iter(packs_holding(b.catalog, [Oid.of(noise(50_000, 1))], fresh.place)))
        saved = storage.read(pack_key(victim))
        for spoil, code in ((None, "E_MISSING_OBJECT"), (saved[:-1], "E_SIZE_MISMATCH")):
            storage.delete(pack_key(victim))
            if spoil:
                storage.write(pack_key(victim), spoil)
            for _again in range(2):
                found = check_remote(remote_at(storage, b), b, pointers).problems
                assert {(problem.code, problem.paths) for problem in found} == {
                    (code, ("p1",)),
                    ("E_NOT_ON_REMOTE", ("p1",)),
                }
                assert remote_states(remote_at(storage, b), b, pointers) == {
                    "p0": "pushed",
                    "p1": "incomplete",
                    "p2": "pushed",
                }
        storage.write(pack_key(victim), flip(saved))
        assert check_remote(remote_at(storage, b), b, pointers).problems == ()
        report = check_remote(remote_at(storage, b), b, pointers, share=1.0)
        assert [(problem.code, problem.paths) for problem in report.problems] == [("E_HASH_MISMATCH", ("p1",))]
        assert report.read_packs == 6
        assert check_remote(remote_at(storage, b), b, pointers, share=0.3).read_packs == 2
        assert not list((Path(b.root) / "tmp").iterdir())


def test_a_check_of_what_was_never_pushed(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        old, new = add(a, b"old", "old"), add(a, {"x": b"new"}, "new")
        assert remote_states(remote_at(storage, a), a, {"old": old}) == {"old": "not-pushed"}
        push(remote_at(storage, a), a, {"old": old})
        both = {"old": old, "new": new}
        assert remote_states(remote_at(storage, a), a, both) == {"old": "pushed", "new": "not-pushed"}
        problems = check_remote(remote_at(storage, a), a, both).problems
        assert {problem.paths for problem in problems} == {("new",)}


def test_states_take_few_requests(tmp_path: Path) -> None:
    counted = CountingStorage(MemoryStorage())
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        pointers = {f"p{n}": add(a, small_tree(20, n), f"p{n}") for n in range(30)}
        push(remote_at(counted, a), a, pointers)
        counted.requests.clear()
        assert set(remote_states(remote_at(counted, a), a, pointers).values()) == {"pushed"}
        assert sum(counted.requests.values()) <= 5
        assert set(remote_states(remote_at(counted, b), b, pointers).values()) == {"pushed"}
        storage_key = f"roots/{REPO}/{root_name(pointers['p3'])}"
        counted.write(storage_key, b"{}")
        assert remote_states(remote_at(counted, b), b, pointers)["p3"] == "incomplete"


def test_a_local_directory_is_a_remote(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        pointer = add(a, small_tree())
        made = push(remote_at(LocalStorage(str(tmp_path / "remote")), a), a, {"data": pointer})
        assert made.packs == 2
        fetch(remote_at(LocalStorage(str(tmp_path / "remote")), b), b, {"data": pointer})
        assert not b.missing([pointer.oid])
