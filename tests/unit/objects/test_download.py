"""Fetch: what comes, how it comes, and that nothing false ever gets into the local store."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from xxhash import xxh3_64_intdigest

from transfer_kit import (
    add,
    clone,
    edit,
    flatten,
    flip,
    noise,
    plant,
    plant_segment,
    raw_frame,
    read_tree,
    remote_at,
    small_tree,
)
from weft.errors import HashMismatch, NetworkFault, NoSuchPath, NotOnRemote, SizeMismatch, WeftError
from weft.formats import manifest as manifest_format
from weft.formats.pack import HEADER_SIZE
from weft.model.entry import DIR, FILE, RAW, Entry, Frame, PackInfo
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.objects.catalog import LOCAL, Location
from weft.objects.download import fetch, fetch_content, fetch_manifests
from weft.objects.incoming import Incoming
from weft.objects.pack_check import hash_file, verify_pack
from weft.objects.ranges import GAP, MAX_RANGE, Proved, plan_ranges
from weft.objects.reachability import walk
from weft.objects.receive import Receiver
from weft.objects.remote_keys import pack_key
from weft.objects.selection import choose
from weft.objects.store import LocalStore
from weft.objects.upload import push
from weft.objects.verify import Level, verify_store
from weft.storage.local import LocalStorage
from weft.storage.memory import MemoryStorage
from weft.storage.wrappers import CountingStorage
from weft.testing.faulty import Fault, FaultyStorage
from weft.util.progress import SilentProgress


def pushed(tmp_path: Path, storage, tree, name: str = "data") -> Pointer:
    """A pointer whose data a clone of its own has pushed."""
    with clone(tmp_path / "origin") as store:
        pointer = add(store, tree, name)
        push(remote_at(storage, store), store, {name: pointer})
    return pointer


def check_sound(store: LocalStore) -> None:
    """Every byte in the local store is what its name says."""
    assert list(verify_store(store, Level.FULL)) == []


def test_nothing_to_do_makes_no_request(tmp_path: Path) -> None:
    counted = CountingStorage(MemoryStorage())
    with clone(tmp_path / "a") as a:
        tree = {**small_tree(), "big": noise(2_000_000)}
        outcome = fetch(remote_at(counted, a), a, {"data": add(a, tree)})
        assert not counted.requests
        assert (outcome.packs, outcome.objects, outcome.received_bytes) == (0, 0, 0)


def test_a_second_fetch_makes_no_request(tmp_path: Path) -> None:
    storage = MemoryStorage()
    pointer = pushed(tmp_path, storage, {**small_tree(), "big": noise(2_000_000)})
    with clone(tmp_path / "b") as b:
        fetch(remote_at(storage, b), b, {"data": pointer})
        counted = CountingStorage(storage)
        fetch(remote_at(counted, b), b, {"data": pointer})
        assert not counted.requests
        check_sound(b)


def test_a_fetch_makes_few_requests(tmp_path: Path) -> None:
    counted = CountingStorage(MemoryStorage())
    pointer = pushed(tmp_path, counted, small_tree(400))
    before = sum(counted.requests.values())
    with clone(tmp_path / "b") as b:
        fetch(remote_at(counted, b), b, {"data": pointer})
    # weft.json, root and segment are read in one request each; the packs are small enough to come whole.
    assert sum(counted.requests.values()) - before == 5


def test_only_what_changed_comes(tmp_path: Path) -> None:
    storage = MemoryStorage()
    tree = {"big": noise(6_000_000, 1), **small_tree(50)}
    old = pushed(tmp_path, storage, tree)
    new = pushed(tmp_path, storage, {**tree, "big": tree["big"][:3_000_000] + b"edit" + tree["big"][3_000_000:]})
    with clone(tmp_path / "b") as b:
        fetch(remote_at(storage, b), b, {"data": old})
        outcome = fetch(remote_at(storage, b), b, {"data": new})
        assert outcome.received_bytes < 2_500_000
        assert len(read_tree(b, new)["big"]) == 6_000_004


def test_a_part_comes_by_ranges(tmp_path: Path) -> None:
    storage = MemoryStorage()
    tree = {f"f{n}": noise(400_000, n) for n in range(12)}
    pointer = pushed(tmp_path, storage, tree)
    with clone(tmp_path / "b") as b:
        counted = CountingStorage(storage)
        outcome = fetch(remote_at(counted, b), b, {"data": pointer}, {"data": ["f3"]})
        assert 400_000 < outcome.received_bytes < 700_000
        assert counted.requests["download"] <= 1, "only the small pack of manifests"
        again = fetch(remote_at(counted, b), b, {"data": pointer}, {"data": ["f3"]})
        assert again.received_bytes == 0
        with pytest.raises(NoSuchPath):
            fetch(remote_at(counted, b), b, {"data": pointer}, {"data": ["f99"]})
        fetch(remote_at(counted, b), b, {"data": pointer})
        assert read_tree(b, pointer) == flatten(tree)
        check_sound(b)


def test_metadata_then_one_file(tmp_path: Path) -> None:
    storage = MemoryStorage()
    tree = {**small_tree(300), "big": noise(9_000_000, 3)}
    pointer = pushed(tmp_path, storage, tree)
    with clone(tmp_path / "b") as b:
        remote = remote_at(storage, b)
        outcome = fetch_manifests(remote, b, {"data": pointer})
        assert outcome.received_bytes < 100_000
        assert walk(pointer, b, content=False).manifests
        with pytest.raises(SizeMismatch):
            fetch_content(remote, b, pointer, {Oid.of(flatten(tree)["d000/f001.bin"]): 999})
        fetch_content(remote, b, pointer, {Oid.of(tree["big"]): 9_000_000})
        assert b"".join(b.iter_content(Oid.of(tree["big"]), 9_000_000, b.layout(pointer.layout))) == tree["big"]
        with pytest.raises(NotOnRemote, match="data"):
            fetch_content(remote, b, pointer, {Oid.of(b"never"): 5})


def test_long_recipes_and_manifests_come_too(tmp_path: Path) -> None:
    storage = MemoryStorage()
    tree = {f"{'n' * 100}{n:06}": b"" for n in range(9000)}
    pointer = pushed(tmp_path, storage, tree)
    with clone(tmp_path / "b") as b:
        fetch(remote_at(storage, b), b, {"data": pointer})
        assert len(read_tree(b, pointer)) == 9000


def test_what_was_never_pushed_is_told_by_path(tmp_path: Path) -> None:
    storage = MemoryStorage()
    pointer = pushed(tmp_path, storage, small_tree())
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        other, file = add(a, {"x": b"x"}, "other"), add(a, b"bytes", "file")
        for path, missing in (("x/other", other), ("file", file)):
            with pytest.raises(NotOnRemote, match=path) as caught:
                fetch(remote_at(storage, b), b, {"data": pointer, path: missing})
            assert "weft push" in caught.value.hint
            assert caught.value.path == path
        with pytest.raises(NotOnRemote):
            fetch(remote_at(MemoryStorage(), b), b, {"other": other})


def test_packs_that_are_complete_stay_when_a_fetch_is_interrupted(tmp_path: Path) -> None:
    storage = MemoryStorage()
    tree = {f"f{n:03}": noise(2_000_000, n) for n in range(40)}
    pointer = pushed(tmp_path, storage, tree)
    with clone(tmp_path / "b") as b:
        faulty = FaultyStorage(storage)
        faulty.fail("download", None, None, Fault.RESET)
        with pytest.raises(NetworkFault):
            fetch(remote_at(faulty, b, jobs=1), b, {"data": pointer})
        kept = b.catalog.packs(LOCAL)
        assert kept
        counted = CountingStorage(storage)
        fetch(remote_at(counted, b), b, {"data": pointer})
        assert counted.received["download"] < 85_000_000 - 30_000_000
        assert kept.keys() <= b.catalog.packs(LOCAL).keys()
        assert not list((Path(b.root) / "tmp").iterdir())
        check_sound(b)


def test_bytes_that_break_on_their_way_come_right_the_second_time(tmp_path: Path) -> None:
    storage = MemoryStorage()
    pointer = pushed(tmp_path, storage, small_tree(100))
    with clone(tmp_path / "b") as b:
        faulty = FaultyStorage(storage)
        faulty.fail("download", Fault.WRONG, None, Fault.TRUNCATED)
        fetch(remote_at(faulty, b), b, {"data": pointer})
        assert read_tree(b, pointer) == flatten(small_tree(100))
        assert not list((Path(b.root) / "quarantine").iterdir())


def test_a_lost_pack_is_found_again_when_somebody_puts_it_back(tmp_path: Path) -> None:
    storage = MemoryStorage()
    pointer = pushed(tmp_path, storage, small_tree(100))
    with clone(tmp_path / "b") as b:
        saved = {stat.key: storage.read(stat.key) for stat in storage.list("packs/")}
        for key in saved:
            storage.delete(key)
        for _again in range(2):
            with pytest.raises(NotOnRemote, match="data"):
                fetch(remote_at(storage, b), b, {"data": pointer})
        for key, data in saved.items():
            storage.write(key, data)
        fetch(remote_at(storage, b), b, {"data": pointer})
        assert read_tree(b, pointer) == flatten(small_tree(100))


def test_another_copy_serves_when_one_is_bad(tmp_path: Path) -> None:
    storage = MemoryStorage()
    pointer = pushed(tmp_path, storage, small_tree(100))
    with clone(tmp_path / "c") as c:
        # The same frames in other packs, as a collector's repacking would leave them.
        add(c, small_tree(100))
        frames = [
            (oid, kind, RAW, len(data), data)
            for kind in (Kind.CHUNK, Kind.MANIFEST)
            for oid, data in c.read_many(walk(pointer, c).frames(kind), kind)
        ]
        victims = [stat.key for stat in storage.list("packs/")]
        plant(storage, frames)
    for key in victims:
        storage.write(key, flip(storage.read(key)))
    with clone(tmp_path / "b") as b:
        progress = SilentProgress()
        fetch(remote_at(storage, b), b, {"data": pointer}, None, progress)
        assert read_tree(b, pointer) == flatten(small_tree(100))
        check_sound(b)


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """Bytes in flight are bounded by the number of jobs, whatever the size of the data."""
    storage = MemoryStorage()
    tree = {f"f{n:03}": noise(900_000, n) for n in range(60)}
    pointer = pushed(tmp_path, storage, tree)

    class Watched(CountingStorage):
        def __init__(self, inner: MemoryStorage) -> None:
            super().__init__(inner)
            self.now = self.peak = self.longest = 0
            self.guard = threading.Lock()

        def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
            with self.guard:
                self.now += 1
                self.peak = max(self.peak, self.now)
                self.longest = max(self.longest, length or 0)
            try:
                return super().read(key, start, length)
            finally:
                with self.guard:
                    self.now -= 1

    watched = Watched(storage)
    with clone(tmp_path / "b") as b:
        parts = [f"f{n:03}" for n in range(0, 60, 2)]
        fetch(remote_at(watched, b, jobs=3), b, {"data": pointer}, {"data": parts})
        assert watched.peak <= 3
        assert 0 < watched.longest <= MAX_RANGE


# --- damage of every kind to every kind of object ---


def swap_all(paths: list[Path]) -> None:
    data = [path.read_bytes() for path in paths]
    for path, other in zip(paths, data[1:] + data[:1], strict=True):
        edit(path, lambda _old, other=other: other)


DAMAGES: dict[str, Callable[[list[Path]], None]] = {
    "flip-middle": lambda paths: [edit(path, flip) for path in paths] and None,
    "flip-first": lambda paths: [edit(path, lambda d: bytes([d[0] ^ 1]) + d[1:]) for path in paths] and None,
    "flip-last": lambda paths: [edit(path, lambda d: d[:-1] + bytes([d[-1] ^ 1])) for path in paths] and None,
    "truncate": lambda paths: [edit(path, lambda d: d[:-1]) for path in paths] and None,
    "halve": lambda paths: [edit(path, lambda d: d[: len(d) // 2]) for path in paths] and None,
    "empty": lambda paths: [edit(path, lambda d: b"") for path in paths] and None,
    "extend": lambda paths: [edit(path, lambda d: d + b"x") for path in paths] and None,
    "page": lambda paths: [edit(path, lambda d: b"<html>log in</html>") for path in paths] and None,
    "same-size-page": lambda paths: [edit(path, lambda d: b"<" + bytes(len(d) - 1)) for path in paths] and None,
    "swap": swap_all,
    "delete": lambda paths: [path.unlink() for path in paths] and None,
}
PLACES = {"packs": "packs/*/*", "segments": "index/*", "roots": "roots/*/*", "format": "weft.json"}


@pytest.mark.parametrize("part", [None, ["d000"]], ids=["whole", "part"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_never_gets_into_the_local_store(
    tmp_path: Path, damage: str, place: str, part: list[str] | None
) -> None:
    top = tmp_path / "remote"
    storage = LocalStorage(str(top))
    tree = {**small_tree(40), "big": noise(1_500_000, 4)}
    pointer = pushed(tmp_path, storage, tree)
    other = pushed(tmp_path, storage, {**small_tree(40, 1), "also": noise(1_500_000, 5)})
    DAMAGES[damage](sorted(top.glob(PLACES[place])))
    with clone(tmp_path / "b") as b:
        failed: list[WeftError] = []
        for wanted in (pointer, other):
            try:
                fetch(remote_at(storage, b), b, {"data": wanted}, {"data": part})
            except WeftError as error:
                failed.append(error)
            else:
                closure = walk(wanted, b, part)
                assert not b.missing(closure.all_frames())
                if part is None:
                    read_tree(b, wanted)
        if place == "packs" and part is None:
            assert len(failed) == 2
        if place in ("roots", "segments") and damage in ("page", "same-size-page"):
            assert len(failed) == 2
        assert all(error.message and error.code != "E_WEFT" for error in failed)
        check_sound(b)


def test_a_page_instead_of_a_pack_names_the_proxy(tmp_path: Path) -> None:
    top = tmp_path / "remote"
    storage = LocalStorage(str(top))
    pointer = pushed(tmp_path, storage, small_tree(40))
    DAMAGES["page"](sorted(top.glob(PLACES["packs"])))
    with clone(tmp_path / "b") as b, pytest.raises(HashMismatch) as caught:
        fetch(remote_at(storage, b), b, {"data": pointer})
    assert "proxy" in caught.value.hint
    assert list((tmp_path / "b/store/quarantine").iterdir())


# --- parts ---


def frame_at(offset: int, stored: int, name: int) -> Frame:
    return Frame(Oid(bytes([name]) * 32), offset, stored, stored, Kind.CHUNK, RAW, 0)


def test_ranges_join_neighbours_only() -> None:
    one, two = Oid(b"1" * 32), Oid(b"2" * 32)
    near, far = 100 + GAP, 200 + 2 * GAP + 1
    copies = [
        Location(one, frame_at(16, 84, 1)),
        Location(one, frame_at(near, 100, 2)),
        Location(one, frame_at(near + far, 50, 3)),
        Location(two, frame_at(16, 10, 4)),
    ]
    found = list(plan_ranges(reversed(copies)))
    assert [(one.pack, one.start, one.length) for one in found] == [
        (one, 16, near + 100 - 16),
        (one, near + far, 50),
        (two, 16, 10),
    ]


def test_a_range_is_never_longer_than_the_limit_but_for_one_frame() -> None:
    pack = Oid(b"1" * 32)
    size = MAX_RANGE // 4 + 1
    copies = [Location(pack, frame_at(16 + n * size, size, n)) for n in range(12)]
    copies.append(Location(pack, frame_at(16 + 12 * size, 2 * MAX_RANGE, 12)))
    found = list(plan_ranges(copies))
    assert sum(len(one.frames) for one in found) == 13
    assert all(one.length <= MAX_RANGE or len(one.frames) == 1 for one in found)


def test_packs_are_taken_whole_from_three_quarters_on(tmp_path: Path) -> None:
    with clone(tmp_path) as store:
        add(store, {f"f{n}": noise(10_000, n) for n in range(100)})
        chunks = [Oid.of(noise(10_000, n)) for n in range(100)]
        assert choose(store.catalog, chunks[:70], LOCAL).whole == []
        assert len(choose(store.catalog, chunks[:70], LOCAL).rest) == 70
        assert len(choose(store.catalog, chunks[:80], LOCAL).whole) == 1
        assert choose(store.catalog, chunks[:80], LOCAL).rest == set()
        assert len(choose(store.catalog, chunks[:1], LOCAL, small=1 << 30).whole) == 1
        assert choose(store.catalog, [Oid.of(b"no")], LOCAL).absent == {Oid.of(b"no")}
        bad = choose(store.catalog, chunks[:80], LOCAL).whole
        assert len(choose(store.catalog, chunks[:80], LOCAL, avoid=bad).absent) == 80
        assert len(choose(store.catalog, chunks[:80], LOCAL, kind=Kind.RECIPE).absent) == 80


def test_frames_are_copied_as_they_are(tmp_path: Path) -> None:
    with clone(tmp_path) as store:
        incoming = Incoming(store)
        data = b"abc" * 100
        frame = Frame(Oid.of(data), HEADER_SIZE, len(data), len(data), Kind.CHUNK, RAW, xxh3_64_intdigest(data))
        assert incoming.add([Proved(frame, data, data), Proved(frame, data, data)]) == 1
        assert incoming.pending == {frame.oid}
        assert store.missing([frame.oid]) == {frame.oid}
        incoming.flush()
        assert store.read_frame(frame.oid) == data
        incoming.add([Proved(frame, data, data)])
        incoming.abort()
        assert not list((Path(store.root) / "tmp").iterdir())


def test_a_receiver_serves_what_is_not_flushed_yet(tmp_path: Path) -> None:
    storage = MemoryStorage()
    pointer = pushed(tmp_path, storage, {f"f{n}": noise(300_000, n) for n in range(10)})
    with clone(tmp_path / "b") as b, Receiver(remote_at(storage, b), b, [pointer]) as receiver:
        first = dict(receiver.read_many([pointer.oid], Kind.MANIFEST))
        received = receiver.received
        assert dict(receiver.read_many([pointer.oid], Kind.MANIFEST)) == first
        assert receiver.received == received


def test_a_pack_is_compared_with_what_the_index_says(tmp_path: Path) -> None:
    storage = MemoryStorage()
    info = plant(storage, [raw_frame(b"one"), raw_frame(b"two")])
    path = tmp_path / "pack"
    path.write_bytes(storage.read(pack_key(info.name)))
    verify_pack(str(path), info, "here")
    assert hash_file(str(path)) == (info.name, info.size)
    lie = PackInfo(info.name, info.size, (info.frames[0]._replace(kind=Kind.MANIFEST), info.frames[1]))
    with pytest.raises(WeftError):
        verify_pack(str(path), lie, "here")
    os.symlink(path, tmp_path / "link")
    with pytest.raises(WeftError):
        verify_pack(str(tmp_path / "link"), info, "here")


def test_an_index_that_lies_about_a_pack_does_no_lasting_harm(tmp_path: Path) -> None:
    storage = MemoryStorage()
    pointer = pushed(tmp_path, storage, small_tree(40))
    with clone(tmp_path / "b") as b:
        # The true pack, said to hold something else at the place of its first frame.
        with clone(tmp_path / "origin") as origin:
            true = next(p for name in origin.catalog.packs(LOCAL) if (p := origin.catalog.pack_frames(name)))
        fake = Oid.of(b"wanted")
        lie = PackInfo(true.name, true.size, (true.frames[0]._replace(oid=fake), *true.frames[1:]))
        plant_segment(storage, [lie])
        wanted = Pointer("file", "x", fake, true.frames[0].raw)
        with pytest.raises(WeftError):
            fetch(remote_at(storage, b), b, {"x": wanted})
        fetch(remote_at(storage, b), b, {"data": pointer})
        assert read_tree(b, pointer) == flatten(small_tree(40))
        check_sound(b)


def test_a_hostile_manifest_is_refused_after_it_was_proved(tmp_path: Path) -> None:
    storage = MemoryStorage()
    pushed(tmp_path, storage, small_tree(10))
    chunk = raw_frame(b"content")
    inner = manifest_format.encode(Manifest.of([Entry(FILE, chunk[0], 7, 1, "f")]))
    outer = manifest_format.encode(Manifest.of([Entry(DIR, Oid.of(inner, Kind.MANIFEST), 8, 1, "d")]))
    plant(storage, [chunk, raw_frame(inner, Kind.MANIFEST), raw_frame(outer, Kind.MANIFEST)])
    with clone(tmp_path / "b") as b, pytest.raises(SizeMismatch):
        fetch(remote_at(storage, b), b, {"x": Pointer("dir", "x", Oid.of(outer, Kind.MANIFEST), 8, 1)})
