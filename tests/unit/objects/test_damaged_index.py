"""Index segments and roots that are there, of another size or other bytes than they had: a push sees it and repairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from transfer_kit import add, clone, edit, flatten, noise, read_tree, remote_at, small_tree
from weft.formats.root import root_name
from weft.model.pointer import Pointer
from weft.objects.closure_check import check_remote
from weft.objects.download import fetch
from weft.objects.store import LocalStore
from weft.objects.upload import push

Damage = Callable[[bytes], bytes]
EMPTY, HALF, LONG = (lambda data: b""), (lambda data: data[: len(data) // 2]), (lambda data: data + b"\0")


def whole(tmp_path: Path, name: str, pointer: Pointer, tree: dict) -> None:  # type: ignore[type-arg]
    """A new clone gets it, and nothing is wrong on the remote."""
    with clone(tmp_path / name) as other:
        remote = remote_at(tmp_path / "remote", other)
        fetch(remote, other, {"data": pointer})
        assert read_tree(other, pointer) == flatten(tree)
        assert check_remote(remote, other, {"data": pointer}).problems == ()


def pushed(store: LocalStore, top: Path, *pointers: Pointer) -> None:
    push(remote_at(top / "remote", store), store, {f"p{n}": one for n, one in enumerate(pointers)})


@pytest.mark.parametrize("damage", [EMPTY, HALF, LONG])
@pytest.mark.parametrize("more", [False, True])
def test_a_segment_of_another_size_is_written_again(tmp_path: Path, damage: Damage, more: bool) -> None:
    tree = small_tree(30)
    with clone(tmp_path / "a") as a:
        pointer = add(a, tree)
        pushed(a, tmp_path, pointer)
        (segment,) = (tmp_path / "remote" / "index").iterdir()
        kept = segment.read_bytes()
        edit(segment, damage)
        if more:  # also where there is something else to push
            tree = {**tree, "new": noise(1000, 7)}
            pointer = add(a, tree)
        pushed(a, tmp_path, pointer)
        assert segment.read_bytes() == kept
    whole(tmp_path, "b", pointer, tree)


def test_a_segment_that_superseded_others_is_told_again_by_a_new_one(tmp_path: Path) -> None:
    with clone(tmp_path / "a") as a:
        trees = [small_tree(10, seed) for seed in range(20)]
        for tree in trees:
            last = add(a, tree)
            pushed(a, tmp_path, last)
        every = add(a, {f"t{n}": tree for n, tree in enumerate(trees)})
        pushed(a, tmp_path, every)  # names so many segments that they are merged
        for segment in (tmp_path / "remote" / "index").iterdir():
            edit(segment, HALF)
        pushed(a, tmp_path, every)
    with clone(tmp_path / "b") as b:
        fetch(remote_at(tmp_path / "remote", b), b, {"data": every})
        assert len(read_tree(b, every)) == 200


@pytest.mark.parametrize("count", [1, 4])  # a few are read, many are listed
@pytest.mark.parametrize("damage", [EMPTY, HALF, LONG])
def test_a_root_of_another_size_is_written_again(tmp_path: Path, damage: Damage, count: int) -> None:
    trees = [small_tree(20, seed) for seed in range(count)]
    with clone(tmp_path / "a") as a:
        pointers = [add(a, tree) for tree in trees]
        pushed(a, tmp_path, *pointers)
        for root in (tmp_path / "remote" / "roots").glob("*/*"):
            edit(root, damage)
        pushed(a, tmp_path, *pointers)
    whole(tmp_path, "b", pointers[0], trees[0])


def test_a_root_in_the_place_of_another_is_written_again(tmp_path: Path) -> None:
    trees = [small_tree(20, seed) for seed in range(2)]
    with clone(tmp_path / "a") as a:
        pointers = [add(a, tree) for tree in trees]
        pushed(a, tmp_path, *pointers)
        first, second = (next((tmp_path / "remote" / "roots").glob(f"*/{root_name(one)}")) for one in pointers)
        edit(first, lambda _: second.read_bytes())
        pushed(a, tmp_path, *pointers)
    whole(tmp_path, "b", pointers[0], trees[0])


def test_a_clone_that_never_knew_a_damaged_segment_tells_of_its_packs_again(tmp_path: Path) -> None:
    tree = small_tree(30)
    with clone(tmp_path / "a") as a:
        pointer = add(a, tree)
        pushed(a, tmp_path, pointer)
    edit(next((tmp_path / "remote" / "index").iterdir()), EMPTY)
    with clone(tmp_path / "c") as c:
        assert add(c, tree) == pointer
        pushed(c, tmp_path, pointer)
    whole(tmp_path, "b", pointer, tree)
