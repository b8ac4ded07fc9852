"""Lost and damaged packs of a remote are the same bytes again, or their objects are in other packs; nothing is made up."""

from __future__ import annotations

import os
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

import pytest

from transfer_kit import add, clone, edit, flatten, flip, noise, read_tree, remote_at, small_tree
from weft.errors import NetworkFault
from weft.model.entry import PackInfo
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects.closure_check import check_remote
from weft.objects.download import fetch
from weft.objects.mend_remote import mend_index, mend_packs
from weft.objects.quarantine_log import kept
from weft.objects.rebuild import rebuild_pack
from weft.objects.salvage import copy_frames
from weft.objects.store import LocalStore
from weft.objects.upload import push
from weft.storage.local import LocalStorage
from weft.testing.faulty import Fault, FaultyStorage

TREE = {**small_tree(30), "big.bin": noise(500_000, 5)}


def nowhere(oids: Set[Oid]) -> None:
    """There is no other place to bring objects from."""


class Scene:
    """A remote with one pointer on it, and the file of its largest pack."""

    def __init__(self, base: Path, store: LocalStore) -> None:
        self.base = base
        self.top = base / "remote"
        self.pointer = add(store, TREE)
        self.remote = remote_at(self.top, store)
        push(self.remote, store, {"data": self.pointer})
        self.file = max(self.top.glob("packs/*/*"), key=lambda path: path.stat().st_size)
        self.name = Oid.parse_hex(self.file.stem)
        self.good = self.file.read_bytes()

    def fetched(self, number: int) -> dict[str, bytes]:
        """The data as a clone gets it that knows nothing."""
        with clone(self.base / f"fresh{number}") as fresh:
            fetch(remote_at(self.top, fresh), fresh, {"data": self.pointer})
            return read_tree(fresh, self.pointer)

    def problems(self, number: int, share: float = 1.0) -> list[str]:
        """What a clone finds that knows nothing."""
        with clone(self.base / f"checking{number}") as fresh:
            report = check_remote(remote_at(self.top, fresh), fresh, {"data": self.pointer}, share=share)
            return [problem.message for problem in report.problems]


def scattered(store: LocalStore, pointer: Pointer, drop: Set[Oid] = frozenset()) -> None:
    """Let the local store hold the same frames in packs of other names, but for ``drop``."""
    for name in list(store.catalog.packs(0)):
        info = store.catalog.pack_frames(name)
        assert info is not None
        frames = [frame for frame in reversed(info.frames) if frame.oid not in drop]
        sealed = copy_frames(store.files, store.files.open(name), frames)
        store.files.forget(name)
        os.unlink(store.pack_path(name))
        store.catalog.forget_pack(name, 0)
        store.catalog.add_packs([one.info() for one in sealed], 0)


def pack(store: LocalStore, name: Oid) -> PackInfo:
    info = store.catalog.pack_frames(name)
    assert info is not None
    return info


@pytest.mark.parametrize("gone", [False, True])
def test_the_pack_is_written_again_from_the_store(tmp_path: Path, gone: bool) -> None:
    with clone(tmp_path / "a") as store:
        scene = Scene(tmp_path, store)
        scene.file.unlink() if gone else edit(scene.file, flip)
        done = mend_packs(scene.remote, store, [scene.name], nowhere)
        assert (done.restored, done.moved, done.left, done.lost) == ([scene.name], [], [], set())
    assert scene.file.read_bytes() == scene.good
    assert scene.fetched(1) == flatten(TREE)


def test_the_same_frames_in_other_packs_make_the_same_pack(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as store:
        scene = Scene(tmp_path, store)
        scattered(store, scene.pointer)
        assert scene.name not in store.catalog.packs(0)
        scene.file.unlink()
        assert mend_packs(scene.remote, store, [scene.name], nowhere).restored == [scene.name]
    assert scene.file.read_bytes() == scene.good


def test_a_damaged_copy_and_the_store_complete_one_another(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as store:
        scene = Scene(tmp_path, store)
        info = pack(store, scene.name)
        scattered(store, scene.pointer, {frame.oid for frame in info.frames[1:]})
        first = info.frames[0]
        edit(scene.file, lambda data: data[: first.offset] + b"?" * first.stored + data[first.offset + first.stored :])
        assert mend_packs(scene.remote, store, [scene.name], nowhere).restored == [scene.name]
    assert scene.file.read_bytes() == scene.good


def test_what_is_brought_is_used(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as store, clone(tmp_path / "b") as other:
        scene = Scene(tmp_path, store)
        add(other, TREE)
        for name in list(store.catalog.packs(0)):
            os.unlink(store.pack_path(name))
            store.files.forget(name)
            store.catalog.forget_pack(name, 0)
        scene.file.unlink()
        asked: list[Set[Oid]] = []

        def bring(oids: Set[Oid]) -> None:
            asked.append(oids)
            add(store, TREE)

        assert mend_packs(scene.remote, store, [scene.name], bring).restored == [scene.name]
        assert asked == [{frame.oid for frame in pack(store, scene.name).frames}]


def test_what_cannot_be_had_whole_moves_to_other_packs_and_stays_as_long_as_something_is_lost(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as store:
        scene = Scene(tmp_path, store)
        info = pack(store, scene.name)
        bad = info.frames[len(info.frames) // 2]
        edit(scene.file, lambda data: data[: bad.offset] + b"?" * bad.stored + data[bad.offset + bad.stored :])
        damaged = scene.file.read_bytes()
        scattered(store, scene.pointer, {bad.oid})
        done = mend_packs(scene.remote, store, [scene.name], nowhere)
        assert (done.restored, done.moved, done.left, done.lost) == ([], [], [scene.name], {bad.oid})
        assert scene.file.read_bytes() == damaged
    name = scene.name.hex()
    assert scene.problems(1) == [f"packs/{name[:2]}/{name}.pack does not hash to its name"]


def test_a_name_that_is_condemned_is_not_used_again(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as store:
        scene = Scene(tmp_path, store)
        edit(scene.file, flip)
        damaged = scene.file.read_bytes()
        LocalStorage(str(scene.top)).write("tombs/run/1", b'{"packs":["%s"],"weft":1}\n' % scene.name.hex().encode())
        done = mend_packs(scene.remote, store, [scene.name], nowhere)
        assert (done.restored, done.moved, done.left) == ([], [scene.name], [])
        assert not scene.file.exists()
        assert Path(store.root, "quarantine", kept(store.root)[0].file).read_bytes() == damaged
        push(scene.remote, store, {"data": scene.pointer})
    assert scene.fetched(1) == flatten(TREE)
    assert scene.problems(1) == []


def test_nothing_is_written_that_is_not_the_pack(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as store:
        scene = Scene(tmp_path, store)
        info = pack(store, scene.name)
        lie = info._replace(name=Oid.of(b"another"))
        made = tmp_path / "made"
        assert not rebuild_pack(store, lie, str(made))
        assert not made.exists()
        assert rebuild_pack(store, info, str(made))
        assert made.read_bytes() == scene.good


def test_packs_that_no_segment_tells_of_are_found_again(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as store:
        scene = Scene(tmp_path, store)
    segments = list(scene.top.glob("index/*"))
    good = segments[0].read_bytes()
    edit(segments[0], flip)
    for extra in segments[1:]:
        extra.unlink()
    assert scene.problems(1)
    with clone(tmp_path / "late") as late:
        remote = remote_at(scene.top, late)
        told = mend_index(remote, late, {Oid.parse_hex(segments[0].stem)})
        assert told == len(list(scene.top.glob("packs/*/*")))
        assert segments[0].read_bytes() == good  # the same packs make the same segment
        assert [entry.why.split(" (")[0] for entry in kept(late.root)] == ["a damaged index segment"]
    assert scene.fetched(1) == flatten(TREE)
    assert scene.problems(2) == []


@pytest.mark.parametrize("tombed", [False, True], ids=["restored", "moved"])
def test_a_repair_that_breaks_off_anywhere_harms_nothing_and_the_next_one_ends_it(tmp_path: Path, tombed: bool) -> None:
    for call in range(100):
        base = tmp_path / str(call)
        with clone(base / "a") as store:
            scene = Scene(base, store)
            edit(scene.file, flip)
            if tombed:
                tomb = b'{"packs":["%s"]}\n' % scene.name.hex().encode()
                LocalStorage(str(scene.top)).write("tombs/run/1", tomb)
            faulty = FaultyStorage(LocalStorage(str(scene.top)))
            faulty.fail("*", *[None] * call, Fault.RESET)
            broken = remote_at(faulty, store)
            with suppress(NetworkFault):
                mend_packs(broken, store, [scene.name], nowhere)
            asked = len(faulty.calls)
            faulty.heal()
            if asked > call:  # the fault came
                mend_packs(remote_at(scene.top, store), store, [scene.name], nowhere)
            push(remote_at(scene.top, store), store, {"data": scene.pointer})
        assert scene.fetched(1) == flatten(TREE), call
        assert scene.problems(1) == [], call
        if asked <= call:
            break
    assert 5 < call < 99


def test_a_pack_that_is_right_after_all_is_left_alone(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as store:
        scene = Scene(tmp_path, store)
        scattered(store, scene.pointer, {frame.oid for frame in pack(store, scene.name).frames})
        before = scene.file.stat()
        done = mend_packs(scene.remote, store, [scene.name], nowhere)
        assert (done.restored, done.left) == ([scene.name], [])
        assert scene.file.stat() == before
