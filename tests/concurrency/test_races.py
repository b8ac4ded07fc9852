"""Races between two users of one store, each brought about by holding a lock at the very moment."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from localstores import corrupt, filled, frame_of, only_pack, opened
from transfer_kit import noise
from weft.objects.catalog import LOCAL
from weft.objects.store import open_store
from weft.objects.verify import Level, verify_store
from weft.util.locks import FileLock

T = TypeVar("T")


def users(path: str) -> int:
    """How many descriptors of this process are open on ``path``: who waits for a lock has one as well."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}") == path
        except FileNotFoundError:
            continue
    return count


@contextmanager
def waiting(lock: str, work: Callable[[], T]) -> Iterator[list[T]]:
    """Hold ``lock`` alone until the block ends, which begins when ``work``, in a thread of its own, waits for the lock."""
    results: list[T] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    with FileLock(lock, purpose="the test"):
        thread.start()
        end = time.monotonic() + 60
        while users(lock) < 2:
            assert thread.is_alive()
            assert time.monotonic() < end, "nobody waits"
            time.sleep(0.01)
        yield results
    thread.join()


def test_a_collection_under_way_is_no_damage(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        filled(store, noise(1000))
        (name,) = store.catalog.packs(LOCAL)
        lock = os.path.join(store.root, "lock")
        # A collection has removed the file and not yet told the catalog when the check first looks.
        os.unlink(only_pack(store))
        with waiting(lock, lambda: list(verify_store(store, Level.FULL))) as results:
            store.catalog.forget_pack(name, LOCAL)
        assert results == [[]]


def test_a_pack_that_is_really_gone_is_still_told(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        filled(store, noise(1000))
        os.unlink(only_pack(store))
        assert [problem.code for problem in verify_store(store, Level.QUICK)] == ["E_MISSING_OBJECT"]


def test_a_writer_trusts_no_pack_that_went_while_it_waited(tmp_path: Path) -> None:
    data = noise(1000)
    with opened(tmp_path) as store:
        filled(store, data)
        gone = only_pack(store)
        # A collection that is killed here has removed the pack and not told the catalog.
        with waiting(os.path.join(store.root, "lock"), lambda: filled(store, data)) as results:
            os.unlink(gone)
        ((oid,),) = results
        assert store.read_frame(oid) == data


def test_frames_that_another_clone_moved_are_found(tmp_path: Path) -> None:
    bad, good = noise(1000, 1), noise(1000, 2)
    root = str(tmp_path / "store")
    with opened(tmp_path) as store, open_store(root, str(tmp_path / "other.sqlite")) as other:
        lost, kept = filled(other, bad, good)
        assert store.read_frame(kept) == good
        store.files.close()
        pack = only_pack(other)
        corrupt(pack, frame_of(other, lost).offset + 1)
        other.quarantine(next(iter(other.catalog.packs(LOCAL))), "the test damaged it")
        assert not os.path.exists(pack)
        assert store.read_frame(kept) == good
