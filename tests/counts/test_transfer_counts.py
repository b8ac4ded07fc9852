"""What makes push and fetch fast, as counts that are the same on every machine: requests, those that wait for one
another, bytes on the wire and in memory, reads, look-ups, connections."""

from __future__ import annotations

import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from servers import Seaweed
from tinyhttp import Reply, serving
from transfer_kit import REPO, add, clone, noise, read_tree, remote_at, small_tree
from weft.model.entry import PackInfo
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.model.remote import RemoteSpec
from weft.objects import content, pack_check, receive
from weft.objects.catalog import LOCAL, Catalog
from weft.objects.closure_check import check_remote
from weft.objects.download import fetch
from weft.objects.proofs import prove_pairs
from weft.objects.push_roots import Roots
from weft.objects.reachability import walk
from weft.objects.remote import RemoteStore
from weft.objects.store import LocalStore
from weft.objects.upload import PushOutcome, push
from weft.storage.base import ObjectStat, Proof, Storage
from weft.storage.local import LocalStorage
from weft.storage.locate import open_backend
from weft.storage.memory import MemoryStorage
from weft.storage.wrappers import CountingStorage
from weft.workspace.saved import Saved

T = TypeVar("T")
FILES = 10_000
CONTENT = FILES * 1000
MIB = 1 << 20

Questions = tuple[str, ...]
"""Verbs with the beginnings of keys, such as ``list index/``, that must be under way at the same time."""


class Meeting(CountingStorage):
    """Lets the questions of a group through only when all of them have been asked: a group that is asked one after the
    other is an error. What stands in no group passes."""

    def __init__(self, inner: Storage, *groups: Questions) -> None:
        super().__init__(inner)
        self._guard = threading.Lock()
        self._left = [(set(group), threading.Barrier(len(group))) for group in groups]
        self.log: list[str] = []

    @property
    def all_met(self) -> bool:
        return not any(questions for questions, _ in self._left)

    def _ask(self, verb: str, key: str) -> None:
        asked = f"{verb} {key}"
        with self._guard:
            self.log.append(asked)
            barrier = self._take(asked)
        if barrier is not None:
            barrier.wait(20)

    def _take(self, asked: str) -> threading.Barrier | None:
        for questions, barrier in self._left:
            for question in questions:
                if asked.startswith(question):
                    questions.remove(question)
                    return barrier
        return None

    def read_small(self, key: str, limit: int) -> bytes:
        self._ask("read", key)
        return super().read_small(key, limit)

    def stat(self, key: str) -> ObjectStat | None:
        self._ask("stat", key)
        return super().stat(key)

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        self._ask("list", prefix)
        return super().list(prefix)

    def write(self, key: str, data: bytes, *, create: bool = False) -> bool:
        self._ask("write", key)
        return super().write(key, data, create=create)

    def upload(self, key: str, path: str, *, create: bool = False, proof: Proof | None = None) -> bool:
        self._ask("upload", key)
        return super().upload(key, path, create=create, proof=proof)

    def download(self, key: str, path: str) -> int:
        self._ask("download", key)
        return super().download(key, path)


def pinned(storage: Storage, store: LocalStore, pin: str) -> RemoteStore:
    """A remote whose store id stands in the configuration, as after the first push."""
    return RemoteStore(storage, store.catalog, REPO, pin, jobs=4)


def first_push(storage: Storage, store: LocalStore, pointer: Pointer) -> tuple[PushOutcome, str]:
    remote = remote_at(storage, store)
    return push(remote, store, {"data": pointer}), remote.store_id


# --- many small files ---


def test_many_small_files_are_a_handful_of_requests(tmp_path: Path) -> None:
    tree = small_tree(FILES)
    sending = CountingStorage(LocalStorage(str(tmp_path / "remote")))
    with clone(tmp_path / "a") as a:
        outcome, pin = first_push(sending, a, pointer := add(a, tree))
    assert outcome.packs <= 3
    assert sum(sending.requests.values()) <= 17
    assert sum(sending.sent.values()) <= 1.2 * CONTENT
    receiving = CountingStorage(LocalStorage(str(tmp_path / "remote")))
    with clone(tmp_path / "b") as b:
        fetch(pinned(receiving, b, pin), b, {"data": pointer})
        assert len(read_tree(b, pointer)) == FILES
    assert sum(receiving.requests.values()) <= 3 + outcome.packs
    assert sum(receiving.received.values()) <= sum(sending.sent.values())


def test_each_frame_is_looked_up_twice_before_it_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once whether the remote has it, once where it is here; 500 of them in a query."""
    looked_up: list[int] = []
    plain = Catalog.rows
    with clone(tmp_path / "a") as a:
        pointer = add(a, small_tree(FILES))
        frames = sum(len(pack.frames) for name in a.catalog.packs(LOCAL) if (pack := a.catalog.pack_frames(name)))

        def counted(self: Catalog, sql: str, params: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
            if "FROM frames" in sql:
                looked_up.append(len(params) - 1)
            return plain(self, sql, params)

        monkeypatch.setattr(Catalog, "rows", counted)
        push(remote_at(MemoryStorage(), a), a, {"data": pointer})
    assert frames > FILES
    # The manifests are read as well, and looked up for that.
    assert sum(looked_up) <= 2 * frames + 2 * FILES // 10 + 100
    assert len(looked_up) <= 2 * frames / 500 + 30


# --- what a small change costs ---


def test_a_push_with_nothing_to_do_waits_once(tmp_path: Path) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        _, pin = first_push(storage, a, pointer := add(a, {"f": noise(2_000_000), **small_tree(30)}))
        met = Meeting(storage, ("read weft.json", "read roots/", "list index/", "list packs/"))
        outcome = push(pinned(met, a, pin), a, {"data": pointer})
    assert [one.state for one in outcome.pointers] == ["up-to-date"]
    assert met.all_met
    assert len(met.log) == 4


def test_a_push_of_one_changed_file_waits_nine_times(tmp_path: Path) -> None:
    storage = MemoryStorage()
    tree = small_tree(FILES // 10)
    with clone(tmp_path / "a") as a:
        _, pin = first_push(storage, a, add(a, tree))
        met = Meeting(
            storage,
            ("read weft.json", "read roots/"),
            ("list index/", "list tombs/", "list packs/"),
            ("upload packs/", "upload packs"),
        )
        outcome = push(pinned(met, a, pin), a, {"data": add(a, {**tree, "new": noise(10_000, 7)})})
    assert met.all_met
    assert outcome.packs == 2
    assert outcome.sent_bytes < 20_000
    waits = [line.split("/")[0] for line in met.log]
    session = waits.index("write sessions")
    assert sorted(waits[:session]) == ["read roots", "read weft.json"]
    assert sorted(waits[session + 1 : session + 4]) == ["list index", "list packs", "list tombs"]
    assert waits[session + 4 :] == ["upload packs"] * 2 + ["write index", "list tombs", "write roots", "list packs"]
    assert met.requests["delete"] == 1


def test_small_packs_are_sent_without_asking(tmp_path: Path) -> None:
    """The question takes as long as the pack; a large one is asked for, because a killed push may have left it there."""
    with clone(tmp_path / "a") as a:
        first_push(met := Meeting(MemoryStorage()), a, add(a, {"large": noise(2_000_000), **small_tree(30)}))
    sent = [line.split("/")[0] for line in met.log if "packs/" in line]
    assert sent == ["stat packs", "upload packs", "upload packs", "list packs"]


def test_a_fetch_of_one_changed_file_waits_four_times(tmp_path: Path) -> None:
    storage = MemoryStorage()
    tree = small_tree(FILES // 10)
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        _, pin = first_push(storage, a, old := add(a, tree))
        fetch(pinned(storage, b, pin), b, {"data": old})
        push(remote_at(storage, a), a, {"data": (new := add(a, {**tree, "new": noise(10_000, 7)}))})
        met = Meeting(storage, ("read weft.json", "read roots/"))
        outcome = fetch(pinned(met, b, pin), b, {"data": new})
        assert len(read_tree(b, new)) == FILES // 10 + 1
    assert met.all_met
    assert sorted(met.log[:2])[1] == "read weft.json"
    assert [line.split("/")[0] for line in met.log[2:]] == ["read index", "download packs", "download packs"]
    assert outcome.received_bytes < 20_000


def test_nothing_is_asked_ahead_of_an_unknown_store(tmp_path: Path) -> None:
    """Before the first push there is nothing to compare the identity with, and perhaps not even a bucket."""
    with clone(tmp_path / "a") as a:
        roots = Roots(remote_at(counted := CountingStorage(MemoryStorage()), a))
        assert not roots.begin([Pointer("file", "x", Oid.of(b"x"), 1)])
        assert not counted.requests


def test_an_insertion_into_a_large_file_sends_little(tmp_path: Path) -> None:
    data = noise(32 * MIB, 3)
    edited = data[: 11 * MIB] + noise(100_000, 4) + data[11 * MIB :]
    storage = CountingStorage(LocalStorage(str(tmp_path / "remote")))
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        first_push(storage, a, old := add(a, data, "data"))
        fetch(remote_at(storage, b), b, {"data": old})
        storage.sent.clear()
        storage.received.clear()
        push(remote_at(storage, a), a, {"data": (new := add(a, edited, "data"))})
        assert sum(storage.sent.values()) < 2 * MIB
        fetch(remote_at(storage, b), b, {"data": new})
        assert sum(storage.received.values()) < 4 * MIB, "what a push asks for again, and what came"
        assert b"".join(b.iter_content(new.oid, new.size, b.layout(new.layout))) == edited


# --- bytes that are read, and bytes in memory ---


def test_a_fetched_pack_is_read_once_to_prove_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = os.pread
    read: list[int] = []
    with clone(tmp_path / "a") as a:
        add(a, {"large": noise(9_000_000, 1), **small_tree(3000)})
        packs = [pack for name in a.catalog.packs(LOCAL) if (pack := a.catalog.pack_frames(name))]

        def counted(fd: int, length: int, offset: int) -> bytes:
            block = plain(fd, length, offset)
            read.append(len(block))
            return block

        monkeypatch.setattr(os, "pread", counted)
        for pack in packs:
            pack_check.verify_pack(a.pack_path(pack.name), pack, "here")
        monkeypatch.undo()
    assert len(packs) >= 2
    footers = sum(72 * len(pack.frames) for pack in packs)
    assert sum(read) <= sum(pack.size for pack in packs) + footers + 100 * len(packs)
    assert max(read) <= MIB, "of a chunk, or of a block"


@pytest.mark.parametrize(("few", "together"), [(8192, True), (1, False)])
def test_packs_of_many_frames_are_proved_one_at_a_time(
    few: int, together: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        pointers = {f"d{n}": add(a, {"large": noise(1_500_000, n)}, f"d{n}") for n in range(4)}
        for path, pointer in pointers.items():
            push(remote_at(storage, a), a, {path: pointer})
    met = threading.Event()
    running: list[int] = []
    most: list[int] = []

    def proved(path: str, pack: PackInfo, where: str) -> None:
        running.append(1)
        if len(running) > 1:
            met.set()
        met.wait(0.5)  # time for others to come, were they let in
        most.append(len(running))
        plain(path, pack, where)
        running.pop()

    plain = receive.verify_pack
    monkeypatch.setattr(receive, "verify_pack", proved)
    monkeypatch.setattr(receive, "MANY_FRAMES", few)
    with clone(tmp_path / "b") as b:
        assert fetch(remote_at(storage, b, jobs=4), b, pointers).packs >= 4
    assert met.is_set() == (max(most) > 1) == together


@contextmanager
def s3_at(endpoint: str, url: str) -> Iterator[Storage]:
    storage = open_backend(RemoteSpec("origin", url, endpoint), base_dir="/")
    try:
        yield storage
    finally:
        storage.close()


def peak_of(work: Callable[[], object]) -> int:
    """Bytes that Python had allocated at once while ``work`` ran, above what it had before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_packs_on_their_way_take_little_memory(seaweed: Seaweed, tmp_path: Path) -> None:
    """Eight packs at once are a few blocks in memory, not eight packs."""
    for n in range(8):
        (tmp_path / f"p{n}").write_bytes(noise(8 * MIB, n))

    def all_at_once(work: Callable[[int], object]) -> int:
        with ThreadPoolExecutor(8) as pool:
            return peak_of(lambda: list(pool.map(work, range(8))))

    with s3_at(seaweed.endpoint, seaweed.fresh_url()) as storage:
        storage.write("warm", b"up")
        sending = all_at_once(lambda n: storage.upload(f"p{n}", str(tmp_path / f"p{n}")))
        taking = all_at_once(lambda n: storage.download(f"p{n}", str(tmp_path / f"q{n}")))
    assert (tmp_path / "q7").read_bytes() == (tmp_path / "p7").read_bytes()
    assert sending < 24 * MIB
    assert taking < 16 * MIB


def test_connections_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    (tmp_path / "pack").write_bytes(bytes(300_000))
    with (
        serving(lambda request: Reply(200, b"12345" if request.method == "GET" else b"")) as server,
        s3_at(server.endpoint, "s3://bucket/pre") as storage,
    ):
        for n in range(5):
            storage.read_small("weft.json", 100)
            storage.upload(f"p{n}", str(tmp_path / "pack"))
            storage.stat("p")
            storage.download("p", str(tmp_path / f"q{n}"))
            storage.delete("p")
    assert len(server.requests) == 25
    assert len({request.port for request in server.requests}) == 1


def test_what_recipes_rebuild_is_hashed_once_and_by_nobody_who_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proved: list[Oid] = []
    prove = content.prove
    monkeypatch.setattr(content, "prove", lambda source, oid, recipe: proved.append(oid) or prove(source, oid, recipe))
    storage = LocalStorage(str(tmp_path / "remote"))
    with clone(tmp_path / "a") as a, clone(tmp_path / "b") as b:
        pointer = add(a, {f"f{n}": noise(900_000, n) for n in range(3)})
        first_push(storage, a, pointer)
        check_remote(remote_at(storage, a), a, {"data": pointer}, share=1.0)
        assert proved == []
        remote = remote_at(storage, b)
        fetch(remote, b, {"data": pointer})
        view, wanted = b.layout(pointer.layout), walk(pointer, b).contents
        for _ in range(2):
            assert not Saved(b).absent(wanted, view, "data")
            assert prove_pairs(b, walk(pointer, b).pairs()).unproved == set()
            push(remote_at(tmp_path / "other", b), b, {"data": pointer})
            check_remote(remote, b, {"data": pointer}, share=1.0)
            assert len(proved) == len(set(proved)) == 3
