"""Processes that are forked while threads of their parent read: none hangs, none reads anything wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit import environment
from weft.errors import LockTimeout
from weft.util.forking import own, own_lock
from weft.util.locks import FileLock
from weft.util.parallel import Ahead, ordered_map

FORKS = 200
S3_FORKS = 16
"""Each child makes a session of its own for S3, which takes most of a second; of 200 none failed either."""
HERE = Path(__file__).resolve().parents[2]
# Each child reads what the threads of its parent read at that moment, under an alarm: one that hangs is killed by it.
CODE = """
import os, signal, sys, threading
sys.path.insert(0, {here!r})
from transfer_kit import add, clone, noise, remote_at
from pathlib import Path
from weft.model.oid import Kind, Oid
from weft.model.remote import RemoteSpec
from weft.objects.catalog import LOCAL
from weft.objects.upload import push
from weft.storage.locate import open_storage
from weft.storage.wrappers import CountingStorage

top, url, endpoint, forks = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
with clone(top / "a") as store:
    pointer = add(store, {{f"f{{n}}": noise(900_000 if n < 2 else 500, n) for n in range(60)}})
    view = store.layout(pointer.layout)
    remote = None
    if url:
        spec = RemoteSpec("origin", url, endpoint=endpoint)
        remote = remote_at(CountingStorage(open_storage(spec, base_dir=str(top), workers=4)), store)
        push(remote, store, {{"data": pointer}})
    oids = [frame.oid for name in store.catalog.packs(LOCAL) for frame in store.catalog.pack_frames(name).frames]
    large, whole = Oid.of(noise(900_000, 0)), noise(900_000, 0)

    def read(number):
        oid = oids[number % len(oids)]
        data = store.read_frame(oid)
        assert any(Oid.of(data, kind) == oid for kind in Kind)
        assert len(store.catalog.locate(oids[:50], LOCAL)) == 50
        assert store.read_range(large, number, 10, view) == whole[number : number + 10]
        if remote is not None:
            remote.connect()
            assert remote.read_root(pointer).root.oid == pointer.oid

    stop = False

    def hammer(number):
        while not stop:
            read(number)
            number += 1

    threads = [threading.Thread(target=hammer, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    ended = []
    for number in range(forks):
        pid = os.fork()
        if not pid:
            signal.alarm(40)
            try:
                read(number)
                read(number + 7)
                os._exit(0)
            except BaseException as error:
                os.write(2, f"{{type(error).__name__}}: {{error}}\\n".encode())
                os._exit(1)
        ended.append(os.waitpid(pid, 0)[1])
    stop = True
    for thread in threads:
        thread.join()
    print([status for status in ended if status])
"""


def forked(tmp_path: Path, url: str = "", server: Any = None, forks: int = FORKS) -> str:
    env = environment(server.env if server else None)
    argv = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", CODE.format(here=str(HERE))]
    done = subprocess.run(
        [*argv, str(tmp_path), url, server.endpoint if server else "", str(forks)],
        env=env, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip() + done.stderr


def test_two_hundred_children_read_the_local_store(tmp_path: Path) -> None:
    assert forked(tmp_path) == "[]"


def test_children_read_from_s3(tmp_path: Path, seaweed: Any) -> None:
    assert forked(tmp_path, seaweed.fresh_url(), seaweed, S3_FORKS) == "[]"


def in_a_child(check: Callable[[], bool]) -> bool:
    pid = os.fork()
    if not pid:
        status = 1
        try:
            status = 0 if check() else 2
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


class Owner:
    def __init__(self) -> None:
        self._lock = own_lock(self)
        self.closed = own(self, "closed", threading.Event)


def test_a_lock_that_another_thread_holds_is_free_in_a_child() -> None:
    one = Owner()
    one.closed.set()
    held = threading.Event()
    go = threading.Event()

    def hold() -> None:
        with one._lock:
            held.set()
            go.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    try:
        assert in_a_child(lambda: one._lock.acquire(timeout=5) and not one.closed.is_set())
        assert not one._lock.acquire(blocking=False)
    finally:
        go.set()
        thread.join()


def test_a_child_neither_keeps_nor_drops_the_file_lock_of_its_parent(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")

    def taken() -> bool:
        try:
            with FileLock(path, purpose="look", timeout=0):
                return False
        except LockTimeout:
            return True

    lock = FileLock(path, purpose="hold")
    with lock:

        def leave() -> bool:
            lock.__exit__(None, None, None)
            return taken()

        assert in_a_child(taken)
        assert in_a_child(leave)
        assert taken()
        reads, writes = os.pipe()
        pid = os.fork()
        if not pid:
            os.write(writes, b"up")
            time.sleep(60)
            os._exit(0)
        os.read(reads, 2)
        os.close(reads)
        os.close(writes)
    try:
        assert not taken(), "a child that lives on does not keep it"
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def test_a_call_that_was_begun_ahead_is_made_again_in_a_child_and_a_map_says_so() -> None:
    wait, parent = threading.Event(), os.getpid()
    begun = Ahead(lambda: os.getpid() if os.getpid() != parent else wait.wait(60))
    results = ordered_map(lambda item: item, range(100), 2)
    next(results)

    def ask() -> bool:
        if begun.result() != os.getpid():
            return False
        with pytest.raises(RuntimeError, match="another process"):
            list(results)
        return True

    try:
        assert in_a_child(ask)
    finally:
        wait.set()
    assert begun.result()
    assert len(list(results)) == 99
