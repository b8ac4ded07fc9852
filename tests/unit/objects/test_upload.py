"""Push: what is on the remote afterwards, what was sent, and what a fault at any point leaves behind."""

from __future__ import annotations

from pathlib import Path

from transfer_kit import add, clone, flatten, noise, read_tree, remote_at, small_tree
from weft.objects.download import fetch
from weft.objects.upload import push
from weft.storage.memory import MemoryStorage
from weft.storage.wrappers import CountingStorage


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
        assert sum(counted.requests.values()) - before <= 7
        assert outcome.sent_bytes == 0
