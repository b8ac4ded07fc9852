"""Push: what is on the remote afterwards, what was sent, and what a fault at any point leaves behind."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from packbytes import decode_pack
from transfer_kit import REPO, add, clone, edit, flatten, flip, noise, read_tree, remote_at, small_tree
from weft.errors import HashMismatch, NetworkFault, NotOnRemote, ObjectMissing
from weft.formats.root import root_name
from weft.model.oid import Kind, Oid
from weft.objects.catalog import LOCAL
from weft.objects.closure_check import check_remote
from weft.objects.download import fetch
from weft.objects.outgoing import parcels, plan
from weft.objects.push_needs import Needs
from weft.objects.push_roots import Roots
from weft.objects.reachability import walk
from weft.objects.remote_keys import pack_key, pack_of
from weft.objects.store import LocalStore
from weft.objects.upload import WORTH_ASKING, PushOptions, push
from weft.storage.base import ObjectStat, Proof
from weft.storage.local import LocalStorage
from weft.storage.memory import MemoryStorage
from weft.storage.wrappers import CountingStorage
from weft.testing.faulty import Fault, FaultyStorage


class Killed(BaseException):
    """Stands for the end of the process."""


class Dying(MemoryStorage):
    """Ends the process before its n-th write or upload."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 1 << 30
        self._guard = threading.Lock()

    def _spend(self) -> None:
        with self._guard:
            self.left -= 1
            if self.left < 0:
                raise Killed

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        self._spend()
        return super().write(key, data, create=create)

    def upload(self, key: str, path: str, *, create: bool = False, proof: Proof | None = None) -> bool:
        self._spend()
        return super().upload(key, path, create=create, proof=proof)

    def delete(self, key: str) -> None:
        self._spend()
        super().delete(key)


def keys_under(storage: MemoryStorage, prefix: str) -> list[str]:
    return sorted(stat.key for stat in storage.list(prefix))


def check_complete(storage: MemoryStorage, folder: Path, store_of: LocalStore, pointers: dict) -> None:
    """Prove by a full download into a new clone that the remote holds everything."""
    with clone(folder) as other:
        fetch(remote_at(storage, other), other, pointers)
        for pointer in pointers.values():
            assert read_tree(other, pointer) == read_tree(store_of, pointer)


def test_push_then_fetch_elsewhere_gives_the_same_bytes(tmp_path: Path) -> None:
    tree = {**small_tree(), "big.bin": noise(5_000_000, 7), "empty": b"", "void": {}}
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        pointer = add(a, tree)
        outcome = push(remote_at(storage, a), a, {"data": pointer})
        assert [one.state for one in outcome.pointers] == ["pushed"]
        assert outcome.sent_bytes > 5_000_000
        fetched = fetch(remote_at(storage, b), b, {"data": pointer})
        assert fetched.objects > 60
        assert read_tree(b, pointer) == flatten(tree)
    assert keys_under(storage, "sessions/") == []


def test_push_of_a_file_pointer(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        for name, data in (("small", b"hello"), ("large", noise(3_000_000, 1)), ("empty", b"")):
            pointer = add(a, data, name)
            push(remote_at(storage, a), a, {name: pointer})
            fetch(remote_at(storage, b), b, {name: pointer})
            assert read_tree(b, pointer) == {"": data}


def test_a_push_with_nothing_to_do_makes_few_requests(tmp_path: Path) -> None:
    counted = CountingStorage(MemoryStorage())
    with clone(tmp_path / "a") as a:
        pointers = {f"p{n}": add(a, small_tree(20, n), f"p{n}") for n in range(5)}
        push(remote_at(counted, a), a, pointers)
        before = sum(counted.requests.values())
        outcome = push(remote_at(counted, a), a, pointers)
        assert {one.state for one in outcome.pointers} == {"up-to-date"}
        assert sum(counted.requests.values()) - before <= 5
        assert outcome.sent_bytes == 0


def test_only_what_is_new_is_sent(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        tree = small_tree(200)
        first = push(remote_at(storage, a), a, {"data": add(a, tree)})
        pointer = add(a, {**tree, "one-more": noise(5000, 99)})
        second = push(remote_at(storage, a), a, {"data": pointer})
        assert second.sent_bytes < 12_000 < first.sent_bytes
        check_complete(storage, tmp_path / "b", a, {"data": pointer})


def test_little_of_a_pack_is_copied_not_sent_whole(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        add(a, {"much": noise(900_000, 1), "part": {"x": noise(40_000, 2)}})
        pointer = add(a, {"x": noise(40_000, 2)}, "part")
        outcome = push(remote_at(storage, a), a, {"part": pointer})
        assert outcome.sent_bytes < 60_000
        assert not list((Path(a.state) / "outgoing").iterdir())
        check_complete(storage, tmp_path / "b", a, {"part": pointer})


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        pointer = add(a, small_tree())
        told = push(remote_at(storage, a), a, {"data": pointer}, PushOptions(dry_run=True))
        assert list(storage.list("")) == []
        real = push(remote_at(storage, a), a, {"data": pointer})
        assert told.packs == real.packs
        assert told.sent_bytes == pytest.approx(real.sent_bytes, rel=0.05)
        assert push(remote_at(storage, a), a, {"data": pointer}, PushOptions(dry_run=True)).sent_bytes == 0


def test_data_that_is_nowhere_is_told_by_path(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        directory, file = add(a, small_tree()), add(a, b"some bytes", "file")
        here = add(b, b"here", "here")
        for path, pointer in (("x/data", directory), ("file", file)):
            with pytest.raises(ObjectMissing, match=path) as caught:
                push(remote_at(storage, b), b, {"here": here, path: pointer})
            assert caught.value.path == path
            assert "weft fetch" in caught.value.hint
    assert keys_under(storage, "roots/") == []
    assert keys_under(storage, "sessions/") == []


def test_a_clone_without_the_data_finds_it_up_to_date(tmp_path: Path) -> None:
    counted = CountingStorage(MemoryStorage())
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        pointers = {"data": add(a, small_tree(300)), "file": add(a, noise(2_000_000, 5), "file")}
        push(remote_at(counted, a), a, pointers)
        received = sum(counted.received.values())
        outcome = push(remote_at(counted, b), b, pointers)
        assert {one.state for one in outcome.pointers} == {"up-to-date"}
        assert sum(counted.received.values()) - received < 100_000, "index only, no data"


def test_a_change_on_top_of_data_that_is_only_remote(tmp_path: Path) -> None:
    storage = MemoryStorage()
    tree = small_tree(100)
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b, clone(tmp_path / "c") as c:
        old = add(a, tree)
        push(remote_at(storage, a), a, {"data": old})
        fetch(remote_at(storage, b), b, {"data": old}, content=False)
        # The clone b has manifests but no content, and adds a file beside it.
        new = add(c, {**tree, "new": b"news"})
        changed = walk(new, c).manifests - walk(old, b).manifests
        with b.writer() as writer:
            writer.add_object(Kind.CHUNK, b"news")
            for oid in changed:
                writer.add_object(Kind.MANIFEST, c.read_frame(oid, Kind.MANIFEST))
        outcome = push(remote_at(storage, b), b, {"data": new})
        assert outcome.pointers[0].state == "pushed"
        assert outcome.sent_bytes < 10_000
        with clone(tmp_path / "d") as d:
            fetch(remote_at(storage, d), d, {"data": new})
            assert read_tree(d, new) == {**flatten(tree), "new": b"news"}


@pytest.mark.parametrize("point", range(8))
def test_a_push_killed_at_any_write_leaves_no_false_root(tmp_path: Path, point: int) -> None:
    storage = Dying()
    with clone(tmp_path / "a") as a:
        pointers = {"one": add(a, small_tree(50), "one"), "two": add(a, noise(1_500_000, 3), "two")}
        storage.left = point
        with pytest.raises(Killed):
            push(remote_at(storage, a, jobs=1), a, pointers)
        storage.left = 1 << 30
        for name in keys_under(storage, f"roots/{REPO}/"):
            pointer = next(p for p in pointers.values() if name.endswith("/" + root_name(p)))
            check_complete(storage, tmp_path / f"early-{name[-6:]}", a, {"data": pointer})
        before = {stat.key: stat.size for stat in storage.list("packs/")}
        counted = CountingStorage(storage)
        outcome = push(remote_at(counted, a), a, pointers)
        assert counted.requests["upload"] == outcome.packs
        after = {stat.key: stat.size for stat in storage.list("packs/")}
        again = outcome.sent_bytes - sum(size for key, size in after.items() if key not in before)
        assert max(after.values()) > WORTH_ASKING > 50_000 > again, "no large pack that arrived before is sent again"
        check_complete(storage, tmp_path / "b", a, pointers)


def test_lost_replies_are_harmless(tmp_path: Path) -> None:
    inner = MemoryStorage()
    faulty = FaultyStorage(inner)
    with clone(tmp_path / "a") as a:
        pointer = add(a, small_tree(50))
        for _attempt in range(12):
            for verb in ("write", "upload"):
                faulty.heal()
                faulty.fail(verb, Fault.LOST_REPLY)
                try:
                    push(remote_at(faulty, a, jobs=1), a, {"data": pointer})
                except NetworkFault:
                    continue
        faulty.heal()
        push(remote_at(faulty, a), a, {"data": pointer})
        check_complete(inner, tmp_path / "b", a, {"data": pointer})
    assert len({json.loads(inner.read(key))["store"] for key in keys_under(inner, "") if key == "weft.json"}) == 1


def test_listings_that_lie_do_not_make_a_false_success(tmp_path: Path) -> None:
    inner = MemoryStorage()
    faulty = FaultyStorage(inner)
    with clone(tmp_path / "a") as a:
        pointers = {f"p{n}": add(a, small_tree(20, n), f"p{n}") for n in range(4)}
        push(remote_at(faulty, a), a, pointers)
        for fault in (Fault.SHORT_LIST, Fault.STALE_LIST):
            faulty.always("list", fault)
            push(remote_at(faulty, a), a, pointers)
            faulty.heal()
            check_complete(inner, tmp_path / fault.name, a, pointers)


def test_two_pushers_at_once(tmp_path: Path) -> None:
    storage = MemoryStorage()
    errors: list[BaseException] = []
    shared = small_tree(100)

    def work(number: int) -> None:
        try:
            with clone(tmp_path / f"clone-{number}") as store:
                own = add(store, {**shared, "own": noise(100_000, number)}, "own")
                push(remote_at(storage, store), store, {"same": add(store, shared, "same"), "own": own})
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for number in range(3):
        with clone(tmp_path / f"clone-{number}") as store:
            own = add(store, {**shared, "own": noise(100_000, number)}, "own")
            check_complete(storage, tmp_path / f"check-{number}", store, {"own": own})


@pytest.mark.parametrize("how", ["deleted", "truncated", "segment"])
def test_a_push_heals_what_was_lost_on_the_remote(tmp_path: Path, how: str) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        pointers = {f"p{n}": add(a, small_tree(40, n), f"p{n}") for n in range(3)}
        push(remote_at(storage, a), a, pointers)
        victim = keys_under(storage, "index/" if how == "segment" else "packs/")[0]
        if how == "truncated":
            storage.write(victim, storage.read(victim)[:-1])
        else:
            storage.delete(victim)
        outcome = push(remote_at(storage, a), a, pointers)
        assert outcome.repaired == (how != "segment")
        check_complete(storage, tmp_path / "b", a, pointers)
        assert check_remote(remote_at(storage, a), a, pointers).problems == ()


def test_a_loss_that_this_clone_cannot_mend_is_told(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        pointer = add(a, small_tree(40))
        push(remote_at(storage, a), a, {"data": pointer})
        fetch(remote_at(storage, b), b, {"data": pointer}, content=False)
        for key in keys_under(storage, "packs/"):
            storage.delete(key)
        for _again in range(2):
            with pytest.raises((NotOnRemote, ObjectMissing), match="data"):
                push(remote_at(storage, b), b, {"data": pointer})
        push(remote_at(storage, a), a, {"data": pointer})
        assert push(remote_at(storage, b), b, {"data": pointer}).pointers[0].state == "up-to-date"
        check_complete(storage, tmp_path / "c", a, {"data": pointer})


@pytest.mark.parametrize("seen_before", [False, True])
def test_a_clone_without_the_data_does_not_call_a_gap_up_to_date(tmp_path: Path, seen_before: bool) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        pointers = {f"p{n}": add(a, small_tree(40, n), f"p{n}") for n in range(3)}
        push(remote_at(storage, a), a, pointers)
        if seen_before:
            push(remote_at(storage, b), b, pointers)
        for key in keys_under(storage, "packs/"):
            storage.delete(key)
        for _again in range(2):
            with pytest.raises((NotOnRemote, ObjectMissing), match="p0"):
                push(remote_at(storage, b), b, pointers)
        push(remote_at(storage, a), a, pointers)
        assert {one.state for one in push(remote_at(storage, b), b, pointers).pointers} == {"up-to-date"}


def test_a_damaged_root_is_written_again(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        pointer = add(a, small_tree(40))
        push(remote_at(storage, a), a, {"data": pointer})
        key = f"roots/{REPO}/{root_name(pointer)}"
        good = storage.read(key)
        storage.write(key, b"{}")
        fetch(remote_at(storage, b), b, {"data": pointer})
        assert push(remote_at(storage, b), b, {"data": pointer}).pointers[0].state == "pushed"
        assert storage.read(key) == good


def entomb(storage: MemoryStorage, packs: list[Oid], number: int = 0) -> None:
    storage.write(f"tombs/run-{number}/0", json.dumps({"packs": [pack.hex() for pack in packs]}).encode())


def test_a_condemned_pack_gets_another_name(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        pointer = add(a, small_tree(40))
        packs = list(a.catalog.packs(LOCAL))
        entomb(storage, packs)
        push(remote_at(storage, a), a, {"data": pointer})
        there = {pack_of(key) for key in keys_under(storage, "packs/")}
        assert there
        assert there.isdisjoint(packs)
        # The new packs are condemned in their turn: a third set of names comes up.
        entomb(storage, [pack for pack in there if pack], 1)
        for pack in there:
            storage.delete(pack_key(pack))
        pushed = add(a, {"again": small_tree(40)})
        push(remote_at(storage, a), a, {"data": pushed})
        now = {pack_of(key) for key in keys_under(storage, "packs/")}
        assert now.isdisjoint(there)
        assert now.isdisjoint(packs)
        check_complete(storage, tmp_path / "b", a, {"data": pushed})


class Condemning(MemoryStorage):
    """A collector that writes its tombs while segments are being written."""

    def __init__(self) -> None:
        super().__init__()
        self.armed: list[Oid] = []

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        done = super().write(key, data, create=create)
        if key.startswith("index/") and self.armed:
            packs, self.armed = self.armed, []
            entomb(self, packs)
        return done


def test_packs_condemned_during_the_push_are_replaced_before_the_root(tmp_path: Path) -> None:
    storage = Condemning()
    with clone(tmp_path / "a") as a:
        base = small_tree(40)
        push(remote_at(storage, a), a, {"data": add(a, base)})
        condemned = [name for key in keys_under(storage, "packs/") if (name := pack_of(key))]
        pointer = add(a, {**base, "more": b"more"})
        storage.armed = condemned
        push(remote_at(storage, a), a, {"data": pointer})
        for name in condemned:
            storage.delete(pack_key(name))
        check_complete(storage, tmp_path / "b", a, {"data": pointer})


class AtTheRoot(MemoryStorage):
    """Calls ``before`` once, when the first root is about to be written."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[Callable[[], None]] = []

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        if key.startswith("roots/") and self.before:
            self.before.pop()()
        return super().write(key, data, create=create)


def test_a_pack_that_goes_while_the_root_is_written_is_put_back(tmp_path: Path) -> None:
    storage = AtTheRoot()
    with clone(tmp_path / "a") as a:
        base = small_tree(40)
        push(remote_at(storage, a), a, {"data": add(a, base)})
        victim = keys_under(storage, "packs/")[0]
        pointer = add(a, {**base, "more": b"more"})
        storage.before = [lambda: storage.delete(victim)]
        assert push(remote_at(storage, a), a, {"data": pointer}).repaired == 1
        check_complete(storage, tmp_path / "b", a, {"data": pointer})


def test_no_root_is_written_over_a_gap(tmp_path: Path) -> None:
    storage = AtTheRoot()
    with clone(tmp_path / "a") as a:
        base = small_tree(40)
        push(remote_at(storage, a), a, {"data": add(a, base)})
        pointer = add(a, {**base, "more": b"more"})
        for key in keys_under(storage, "packs/"):
            storage.delete(key)
        seen: set[Oid] = set()

        def look() -> None:
            for key in keys_under(storage, "packs/"):
                seen.update(frame.oid for frame in decode_pack(storage.read(key)))

        storage.before = [look]
        push(remote_at(storage, a), a, {"data": pointer})
        assert seen >= walk(pointer, a).all_frames(), "all is back before the root says that it is there"


def test_many_small_segments_are_merged(tmp_path: Path) -> None:
    storage = MemoryStorage()
    tree: dict = {}
    with clone(tmp_path / "a") as a:
        for number in range(22):
            tree[f"f{number}"] = noise(500, number)
            pointer = add(a, tree)
            push(remote_at(storage, a), a, {"data": pointer})
        root = json.loads(storage.read(f"roots/{REPO}/{root_name(pointer)}"))
        assert len(root["segments"]) <= 17
        assert len(keys_under(storage, "index/")) == 23
        counted = CountingStorage(storage)
        with clone(tmp_path / "b") as b:
            fetch(remote_at(counted, b), b, {"data": pointer})
            assert read_tree(b, pointer) == flatten(tree)
        # A fresh clone that lists the index does not read what is superseded.
        with clone(tmp_path / "c") as c:
            counted = CountingStorage(storage)
            push(remote_at(counted, c), c, {"data": pointer})
            assert counted.requests["read"] < 22


def test_superseded_segments_may_go(tmp_path: Path) -> None:
    storage = MemoryStorage()
    tree: dict = {}
    pointers = {}
    with clone(tmp_path / "a") as a:
        for number in range(18):
            tree[f"f{number}"] = noise(500, number)
            pointers[f"v{number}"] = add(a, tree)
            push(remote_at(storage, a), a, {"data": pointers[f"v{number}"]})
        segments = {key: storage.stat(key) for key in keys_under(storage, "index/")}
        largest = max(segments.values(), key=lambda stat: stat.size if stat else 0)
        for stat in segments.values():
            if stat and largest and stat.key != largest.key and stat.modified <= largest.modified:
                storage.delete(stat.key)
        check_complete(storage, tmp_path / "b", a, {"v3": pointers["v3"]})


def test_a_damaged_local_pack_is_not_sent(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        pointer = add(a, {"x": noise(300_000, 1)})
        largest = max(a.catalog.packs(LOCAL).items(), key=lambda item: item[1])[0]
        edit(Path(a.pack_path(largest)), flip)
        with pytest.raises(HashMismatch, match="damaged"):
            push(remote_at(storage, a), a, {"data": pointer})
        assert pack_key(largest) not in keys_under(storage, "packs/")
        assert keys_under(storage, "roots/") == []


def test_the_same_plan_makes_the_same_packs(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as a:
        add(a, {f"f{n}": noise(20_000, n) for n in range(40)})
        wanted = set(walk(add(a, {f"f{n}": noise(20_000, n) for n in range(10)}, "part"), a).all_frames())
        with parcels(a, plan(a, wanted, set()), set()) as first:
            names = [parcel.pack.name for parcel in first]
        with parcels(a, plan(a, wanted, set()), set()) as second:
            assert [parcel.pack.name for parcel in second] == names
        assert not plan(a, wanted, set()).rest.isdisjoint(wanted)


def test_needs_take_nothing_on_trust_without_a_root(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as a:
        pointer = add(a, small_tree(30))
        remote = remote_at(LocalStorage(str(tmp_path / "remote")), a)
        remote.connect(create=True)
        roots = Roots(remote)
        roots.look([pointer])
        assert not roots.found
        with Needs(remote, a, {"data": pointer}, roots) as needs:
            assert not needs.trusting
            assert needs.frames() == walk(pointer, a).all_frames()


class NoListing(MemoryStorage):
    """A place whose pack listing is always empty, as after a fault of the server."""

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        return iter(()) if prefix == "packs/" else super().list(prefix)


def test_a_listing_is_no_proof_of_absence(tmp_path: Path) -> None:
    storage = NoListing()
    with clone(tmp_path / "a") as a:
        pointers = {f"p{n}": add(a, small_tree(20, n), f"p{n}") for n in range(4)}
        push(remote_at(storage, a), a, pointers)
        outcome = push(remote_at(storage, a), a, pointers)
        assert outcome.repaired == 0
        assert outcome.sent_bytes == 0
