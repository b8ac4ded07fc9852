"""Collecting on a remote: two runs, and everything that must stop or delay them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from transfer_kit import REPO, add, clone, noise, read_tree, small_tree
from weft.errors import ClockSkew, CredentialFault, FormatVersion, GcRefused, NotOnRemote, WeftError
from weft.formats import session as session_format
from weft.formats import storeformat
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects.download import fetch
from weft.objects.gc_look import HURRY
from weft.objects.gc_remote import (
    CONDEMNED,
    DELETED,
    GRACE,
    NEEDED,
    RECORD,
    WAITING,
    Collected,
    CollectOptions,
    collect,
)
from weft.objects.reachability import walk
from weft.objects.remote import RemoteStore
from weft.objects.remote_keys import pack_key, pack_of
from weft.objects.remote_session import LIFE
from weft.objects.segments import SegmentIndex
from weft.objects.selection import packs_holding
from weft.objects.store import LocalStore
from weft.objects.upload import push
from weft.storage.base import Storage
from weft.storage.memory import MemoryStorage
from weft.testing.faulty import Fault, FaultyStorage
from weft.util.clock import FakeClock

DAY = 86400.0
SEVERAL = CollectOptions(most=True)


class Place:
    """A remote in memory with a clock of its own."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.storage = MemoryStorage(clock=self.clock)

    def remote(self, store: LocalStore, storage: Storage | None = None, repo: str = REPO) -> RemoteStore:
        return RemoteStore(storage or self.storage, store.catalog, repo, jobs=2, clock=self.clock)

    def push(self, store: LocalStore, *pointers: Pointer, repo: str = REPO) -> None:
        push(self.remote(store, repo=repo), store, {f"p{n}": one for n, one in enumerate(pointers)})

    def collect(
        self, store: LocalStore, options: CollectOptions = SEVERAL, storage: Storage | None = None
    ) -> Collected:
        return collect(self.remote(store, storage), store, options=options)

    def keys(self, prefix: str) -> set[str]:
        return {stat.key for stat in self.storage.list(prefix)}

    def forget_root(self, pointer: Pointer, repo: str = REPO) -> None:
        for key in self.keys(f"roots/{repo}/"):
            if pointer.oid.hex() in key:
                self.storage.delete(key)

    def whole(self, folder: Path, *pointers: Pointer) -> bool:
        """Whether a new clone gets the data of ``pointers``, every byte of it proved."""
        with clone(folder) as new:
            fetch(self.remote(new), new, {f"p{n}": one for n, one in enumerate(pointers)})
            return all(len(read_tree(new, one)) > 0 for one in pointers)


def fates(found: Collected, fate: str) -> set[Oid]:
    return {one.pack for one in found.fates if one.fate == fate}


@contextmanager
def two_versions(tmp_path: Path) -> Iterator[tuple[Place, LocalStore, Pointer, Pointer]]:
    """A remote with two pointers, three days old, whose second root is gone since."""
    place = Place()
    with clone(tmp_path / "a") as store:
        kept, gone = add(store, small_tree(seed=1), "kept"), add(store, {**small_tree(30, 2), "big": noise(2_000_000)})
        place.push(store, kept)
        place.push(store, gone)
        place.forget_root(gone)
        place.clock.advance(3 * DAY)
        yield place, store, kept, gone


def test_what_no_root_needs_goes_in_the_second_run_after_the_grace_time(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, kept, gone):
        before = place.keys("packs/")
        first = place.collect(store)
        assert len(fates(first, CONDEMNED)) == 2
        assert place.keys("packs/") == before
        assert len(place.keys("tombs/")) == 1
        assert place.keys("sessions/") == set()
        place.clock.advance(GRACE - 10)
        early = place.collect(store)
        assert fates(early, WAITING) == fates(first, CONDEMNED)
        assert not fates(early, DELETED)
        place.clock.advance(20)
        told = place.collect(store, CollectOptions(dry_run=True, most=True))
        assert place.keys("packs/") == before
        second = place.collect(store)
        assert second == told
        assert fates(second, DELETED) == fates(first, CONDEMNED)
        assert {pack_of(key) for key in before - place.keys("packs/")} == fates(second, DELETED)
        assert place.whole(tmp_path / "b", kept)
        with pytest.raises(NotOnRemote):
            place.whole(tmp_path / "c", gone)
        assert not place.collect(store).fates


def test_the_index_tells_no_more_of_what_is_gone(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, kept, _gone):
        place.push(store, add(store, b"third", "third"))
        place.clock.advance(3 * DAY)
        first = place.collect(store)
        place.clock.advance(GRACE)
        second = place.collect(store)
        assert second.segments == 1, "one segment told of nothing else"
        data = b"".join(place.storage.read(key) for key in sorted(place.keys("index/")))
        assert data
        with clone(tmp_path / "x") as other:
            remote = place.remote(other)
            SegmentIndex(remote).learn_listed()
            assert other.catalog.packs(remote.place).keys().isdisjoint(fates(first, CONDEMNED))
        assert place.whole(tmp_path / "b", kept)


def test_a_condemned_pack_is_deleted_only_when_older_pushes_have_ended(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, _kept, _gone):
        place.clock.advance(-10)
        session = place.remote(store).session()
        session.__enter__()
        place.clock.advance(10)
        place.collect(store)
        place.clock.advance(3 * DAY)
        assert not fates(place.collect(store), DELETED)
        session.__exit__(None, None, None)
        assert fates(place.collect(store), DELETED)


def test_a_push_that_began_later_delays_nothing(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, _kept, _gone):
        place.collect(store)
        place.clock.advance(5)
        with place.remote(store).session():
            place.clock.advance(GRACE)
            assert fates(place.collect(store), DELETED)


def test_a_session_that_was_left_behind_is_removed_and_delays_for_its_life_only(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, _kept, _gone):
        place.storage.write("sessions/" + "ab" * 16, session_format.encode("push", REPO))
        place.collect(store)
        place.clock.advance(LIFE - 1)
        assert not fates(place.collect(store), DELETED)
        place.clock.advance(2)
        assert fates(place.collect(store), DELETED)
        assert place.keys("sessions/") == set()


def test_what_is_younger_than_the_grace_time_or_than_a_push_is_not_condemned(tmp_path: Path) -> None:
    place = Place()
    with clone(tmp_path / "a") as store:
        place.push(store, add(store, small_tree()))
        gone = add(store, {"big": noise(2_000_000)})
        place.storage.write("sessions/" + "ab" * 16, session_format.encode("push", REPO))
        place.clock.advance(10)
        place.push(store, gone)
        place.forget_root(gone)
        place.clock.advance(GRACE - 100)
        assert not place.collect(store).fates
        place.clock.advance(200)
        assert not place.collect(store).fates, "a push that is older still goes on"
        place.storage.delete("sessions/" + "ab" * 16)
        assert fates(place.collect(store), CONDEMNED)


def test_a_condemned_pack_that_a_root_needs_again_stays(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, kept, gone):
        first = place.collect(store)
        # A push that read the tombs before they were written ends after that.
        place.remote(store).write_root(gone, ())
        place.clock.advance(GRACE + 1)
        assert fates(place.collect(store), NEEDED) == fates(first, CONDEMNED)
        assert place.whole(tmp_path / "b", kept, gone)


def test_a_pack_written_again_after_it_was_condemned_stays(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, _kept, _gone):
        pack = min(fates(place.collect(store), CONDEMNED))
        place.clock.advance(GRACE + 1)
        place.storage.write(pack_key(pack), place.storage.read(pack_key(pack)))
        place.clock.advance(10)
        again = place.collect(store)
        assert fates(again, WAITING) == {pack}
        assert pack_key(pack) in place.keys("packs/")


def test_tombs_stay_as_a_record_for_a_month(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, _kept, gone):
        place.collect(store)
        place.clock.advance(GRACE + 1)
        deleted = fates(place.collect(store), DELETED)
        assert len(place.keys("tombs/")) == 1
        place.push(store, gone)
        assert not {pack_of(key) for key in place.keys("packs/")} & deleted, "a dead name is never used again"
        place.clock.advance(RECORD)
        place.collect(store)
        assert place.keys("tombs/") == set()
        assert place.whole(tmp_path / "b", gone)


def test_roots_of_other_repositories_count(tmp_path: Path) -> None:
    place = Place()
    with clone(tmp_path / "a") as store:
        pointer = add(store, small_tree())
        place.push(store, pointer, repo="cd" * 16)
        place.clock.advance(3 * DAY)
        assert not place.collect(store).fates


def test_of_two_packs_with_the_same_objects_one_goes(tmp_path: Path) -> None:
    place = Place()
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        extra = add(b, {**small_tree(), "more": noise(900_000, 4)}, "other")
        pointer = add(a, small_tree())
        place.push(a, pointer)
        packs = place.keys("packs/")
        # The second clone pushes the same objects in packs of its own, as if it did not know of the first.
        other = Place()
        other.push(b, extra)
        for key in other.keys(""):
            if not key.startswith("weft.json"):
                place.storage.write(key, other.storage.read(key))
        place.clock.advance(3 * DAY)
        condemned = fates(place.collect(a), CONDEMNED)
        assert condemned
        assert {pack_key(pack) for pack in condemned} <= packs
        place.clock.advance(GRACE + 1)
        assert fates(place.collect(a), DELETED) == condemned
        assert place.whole(tmp_path / "c", pointer, extra)


# --- what stops a run ---


def stopped(place: Place, store: LocalStore, error: type[WeftError], storage: Storage | None = None) -> WeftError:
    before = place.keys("packs/") | place.keys("index/") | place.keys("tombs/") | place.keys("roots/")
    with pytest.raises(error) as caught:
        place.collect(store, CollectOptions(), storage)
    assert place.keys("packs/") | place.keys("index/") | place.keys("tombs/") | place.keys("roots/") == before
    return caught.value


@pytest.mark.parametrize("data", [b"", b"<html>", b"{}", b'{"weft":2}'])
def test_a_root_that_cannot_be_read(tmp_path: Path, data: bytes) -> None:
    with two_versions(tmp_path) as (place, store, _kept, _gone):
        key = f"roots/{'cd' * 16}/{'12' * 32}"
        place.storage.write(key, data)
        assert stopped(place, store, GcRefused).path == key


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_root_whose_data_is_not_whole(tmp_path: Path, elsewhere: bool) -> None:
    """Also where this clone has what the remote lost."""
    with two_versions(tmp_path) as (place, store, kept, _gone), clone(tmp_path / "x") as other:
        for name in packs_holding(store.catalog, walk(kept, store).all_frames(), place.remote(store).place):
            place.storage.delete(pack_key(name))
        stopped(place, other if elsewhere else store, NotOnRemote)


def test_a_segment_that_is_damaged(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, _kept, _gone):
        key = min(place.keys("index/"))
        place.storage.write(key, b"x" + place.storage.read(key)[1:])
        stopped(place, store, WeftError)


def test_clocks_that_are_apart(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, _kept, _gone):

        class Ahead(FakeClock):
            def now(self) -> float:
                return place.clock.now() + 301

        remote = RemoteStore(place.storage, store.catalog, REPO, clock=Ahead())
        with pytest.raises(ClockSkew):
            collect(remote, store)
        assert place.keys("tombs/") == set()


def test_more_than_half_needs_to_be_allowed(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, _kept, _gone):
        assert "--most" in stopped(place, store, GcRefused).hint
        assert fates(place.collect(store), CONDEMNED)


@pytest.mark.parametrize("fault", [Fault.SHORT_LIST, Fault.STALE_LIST])
def test_listings_that_contradict_each_other(tmp_path: Path, fault: Fault) -> None:
    place = Place()
    with clone(tmp_path / "a") as store:
        place.push(store, *[add(store, f"data {n}".encode(), f"n{n}") for n in range(4)])
        place.clock.advance(3 * DAY)
        faulty = FaultyStorage(place.storage)
        # sessions twice, then tombs, roots, packs, index: the roots of the second round come short
        faulty.fail("list", *[None] * 7, fault)
        if fault is Fault.STALE_LIST:
            assert not collect(place.remote(store, faulty), store).fates, "the same listing again is no contradiction"
        else:
            stopped(place, store, GcRefused, faulty)


def test_a_root_that_this_clone_saw_and_no_listing_shows(tmp_path: Path) -> None:
    place = Place()
    with clone(tmp_path / "a") as store:
        place.push(store, *[add(store, f"data {n}".encode(), f"n{n}") for n in range(4)])
        place.clock.advance(3 * DAY)
        faulty = FaultyStorage(place.storage)
        faulty.fail("list", *[None] * 3, Fault.SHORT_LIST, *[None] * 3, Fault.SHORT_LIST)
        assert "does not list" in stopped(place, store, GcRefused, faulty).message


def test_another_collection_at_the_same_time(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, _kept, _gone):
        place.storage.write("sessions/" + "cd" * 16, session_format.encode("gc", REPO))
        assert "another garbage collection" in stopped(place, store, GcRefused).message
        place.clock.advance(2 * HURRY + 1)
        assert fates(place.collect(store), CONDEMNED)


def test_a_remote_that_asks_for_more_than_this_weft_knows(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, _kept, _gone):
        found = storeformat.decode(place.storage.read("weft.json"))
        text = storeformat.encode(found).replace(b'"gc":[]', b'"gc":["leases"]')
        place.storage.write("weft.json", text)
        stopped(place, store, FormatVersion)


def test_who_may_not_delete_can_push_but_not_collect(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, kept, _gone):
        faulty = FaultyStorage(place.storage)
        faulty.always("delete", Fault.PERMISSION)
        new = add(store, b"appended", "new")
        push(place.remote(store, faulty), store, {"new": new})
        assert place.whole(tmp_path / "b", kept, new)
        assert len(place.keys("sessions/")) == 1, "it stays, and delays a collection for its life"
        place.clock.advance(LIFE + 1)
        before = place.keys("packs/")
        with pytest.raises(CredentialFault):
            place.collect(store, storage=faulty)
        assert place.keys("packs/") == before


def test_a_run_that_takes_too_long_stops_deleting(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, _kept, _gone):
        place.collect(store)
        place.clock.advance(GRACE + 1)

        class Slow(MemoryStorage):
            def __init__(self) -> None:
                super().__init__(clock=place.clock)
                self._objects = place.storage._objects

            def delete(self, key: str) -> None:
                super().delete(key)
                place.clock.advance(HURRY + 1)

        before = place.keys("packs/")
        with pytest.raises(GcRefused, match="so long"):
            place.collect(store, storage=Slow())
        assert len(before - place.keys("packs/")) == 1
        assert fates(place.collect(store), DELETED)


# --- repacking ---


def test_what_is_needed_of_a_wasteful_pack_is_copied_and_the_pack_goes_later(tmp_path: Path) -> None:
    place = Place()
    with clone(tmp_path / "a") as store:
        large = {**small_tree(40, 2), "more": {f"m{n}": noise(2000, n) for n in range(30)}}
        gone, kept = add(store, large), add(store, small_tree(10, 2), "kept")
        place.push(store, gone)
        place.push(store, kept)
        place.forget_root(gone)
        place.clock.advance(3 * DAY)
        before = place.keys("packs/")
        told = place.collect(store, CollectOptions(dry_run=True, repack=True))
        assert 10_000 < told.copied < 12_000
        assert place.keys("packs/") == before
        assert place.collect(store, CollectOptions(repack=True)).copied > 10_000
        assert place.keys("packs/") > before
        again = place.collect(store, CollectOptions(repack=True, most=True))
        assert not again.copied, "it is there twice now"
        condemned = fates(again, CONDEMNED)
        assert condemned
        assert {pack_key(pack) for pack in condemned} <= before
        place.clock.advance(GRACE + 1)
        assert fates(place.collect(store), DELETED) == condemned
        assert place.whole(tmp_path / "b", kept)
        assert sum(len(place.storage.read(key)) for key in place.keys("packs/")) < 30_000


def test_what_only_condemned_packs_hold_is_copied_out_of_them(tmp_path: Path) -> None:
    with two_versions(tmp_path) as (place, store, kept, gone):
        condemned = fates(place.collect(store), CONDEMNED)
        place.remote(store).write_root(gone, ())
        place.clock.advance(GRACE + 1)
        again = place.collect(store, CollectOptions(repack=True, most=True))
        assert fates(again, NEEDED) == condemned
        assert again.copied > 2_000_000
        assert fates(place.collect(store), DELETED) == condemned
        assert place.whole(tmp_path / "b", kept, gone)
