"""The closure of a pointer: complete, batched, bounded, and refusing what contradicts itself."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transfer_kit import add, clone, flatten, noise, small_tree
from weft.errors import LimitExceeded, ManifestCycle, NoSuchPath, ObjectMissing, ObjectType, SchemaError, SizeMismatch
from weft.formats import layout as layout_format
from weft.formats import manifest as manifest_format
from weft.formats import recipe as recipe_format
from weft.model.entry import DIR, FILE, Entry
from weft.model.manifest import MAX_DEPTH, Manifest
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.model.recipe import Recipe
from weft.objects.layout_walk import LayoutWalk
from weft.objects.reachability import Walker, walk


class Shelf:
    """A reader over a dictionary, which proves nothing and counts its batches: hostile objects can be put in."""

    def __init__(self) -> None:
        self.objects: dict[Oid, bytes] = {}
        self.batches: list[tuple[Kind | None, int]] = []

    def read_many(self, oids: Iterable[Oid], kind: Kind | None = None) -> Iterable[tuple[Oid, bytes]]:
        wanted = list(oids)
        self.batches.append((kind, len(wanted)))
        for oid in wanted:
            if oid not in self.objects:
                raise ObjectMissing(f"no {oid}")
            yield oid, self.objects[oid]

    def put(self, data: bytes, kind: Kind) -> Oid:
        oid = Oid.of(data, kind)
        self.objects[oid] = data
        return oid

    def put_dir(self, *entries: Entry) -> tuple[Oid, int, int]:
        manifest = Manifest.of(entries)
        return self.put(manifest_format.encode(manifest), Kind.MANIFEST), manifest.size, manifest.files


def directory(oid: Oid, size: int, files: int, layout: Oid | None = None) -> Pointer:
    return Pointer("dir", "data", oid, size, files, layout)


def test_everything_of_a_real_store_is_found(tmp_path: Path) -> None:
    tree = {**small_tree(), "big": noise(3_000_000, 1), "twice": noise(3_000_000, 1), "void": {}}
    with clone(tmp_path) as store:
        pointer = add(store, tree)
        closure = walk(pointer, store)
        assert {(oid, size) for oid, size in closure.contents.items()} == {
            (Oid.of(data), len(data)) for data in flatten(tree).values()
        }
        assert len(closure.recipes) == 1
        assert closure.composed == {Oid.of(noise(3_000_000, 1))}
        assert closure.layouts == {pointer.layout}
        assert store.missing(closure.all_frames()) == set()
        assert Oid.of(noise(3_000_000, 1)) not in closure.all_frames()
        assert len(closure.manifests) == 8


def test_a_manifest_of_several_chunks_is_read_too(tmp_path: Path) -> None:
    tree = {f"{'name' * 20}{n:06}": n.to_bytes(4, "little") for n in range(9000)}
    with clone(tmp_path) as store:
        pointer = add(store, tree)
        assert pointer.layout is not None
        closure = walk(pointer, store)
        assert len(closure.contents) == 9000
        assert pointer.oid in closure.composed
        assert pointer.oid not in closure.frames(Kind.MANIFEST)
        assert walk(pointer, store, [f"{'name' * 20}000007"]).contents.keys() == {Oid.of((7).to_bytes(4, "little"))}


def test_one_batch_for_each_level() -> None:
    shelf = Shelf()
    leaves = [shelf.put_dir(Entry(FILE, Oid.of(b"%d" % n), 1, 1, "f")) for n in range(50)]
    middle = [
        shelf.put_dir(*(Entry(DIR, oid, size, files, f"d{n}") for n, (oid, size, files) in enumerate(leaves[k::5])))
        for k in range(5)
    ]
    root = shelf.put_dir(*(Entry(DIR, oid, size, files, f"m{n}") for n, (oid, size, files) in enumerate(middle)))
    assert len(walk(directory(*root), shelf).contents) == 50
    assert shelf.batches == [(Kind.MANIFEST, 1), (Kind.MANIFEST, 5), (Kind.MANIFEST, 50)]


def test_what_pointers_share_is_read_once() -> None:
    shelf = Shelf()
    leaf = shelf.put_dir(Entry(FILE, Oid.of(b"1"), 1, 1, "f"))
    one = shelf.put_dir(Entry(DIR, *leaf, "a"))
    two = shelf.put_dir(Entry(DIR, *leaf, "a"), Entry(FILE, Oid.of(b"22"), 2, 1, "b"))
    walker = Walker(shelf)
    walker.add(directory(*one))
    walker.add(directory(*two))
    assert sum(count for _kind, count in shelf.batches) == 3
    assert walker.closure.contents == {Oid.of(b"1"): 1, Oid.of(b"22"): 2}


SUBTREE = {"a": {"b": {"x": b"ax", "y": b"ay"}, "c": b"ac"}, "d": {"e": b"de"}, "f": b"f"}


@pytest.mark.parametrize(
    ("subpaths", "contents", "manifests"),
    [
        (["f"], [b"f"], 1),
        (["a"], [b"ax", b"ay", b"ac"], 3),
        (["a/b/x"], [b"ax"], 3),
        (["a/b/x", "a/b"], [b"ax", b"ay"], 3),
        (["a/b", "a/b/x", "a/c"], [b"ax", b"ay", b"ac"], 3),
        (["d", "a/c"], [b"de", b"ac"], 3),
        (["a/"], [b"ax", b"ay", b"ac"], 3),
        ([""], [b"ax", b"ay", b"ac", b"de", b"f"], 4),
        ([], [], 1),
    ],
)
def test_subpaths(tmp_path: Path, subpaths: list[str], contents: list[bytes], manifests: int) -> None:
    with clone(tmp_path) as store:
        closure = walk(add(store, SUBTREE), store, subpaths)
        assert closure.contents.keys() == {Oid.of(data) for data in contents}
        assert len(closure.manifests) == manifests


@pytest.mark.parametrize("path", ["nope", "a/nope", "f/x", "a/b/x/y"])
def test_a_subpath_that_is_not_there(tmp_path: Path, path: str) -> None:
    with clone(tmp_path) as store, pytest.raises(NoSuchPath):
        walk(add(store, SUBTREE), store, [path])


def test_metadata_only(tmp_path: Path) -> None:
    with clone(tmp_path) as store:
        closure = walk(add(store, {**SUBTREE, "big": noise(3_000_000)}), store, content=False)
        assert len(closure.manifests) == 4
        assert len(closure.layouts) == 1
        assert not closure.contents
        assert not closure.recipes


@pytest.mark.parametrize(("size", "files"), [(1, 1), (2, 2), (0, 1), (3, 1)])
def test_sizes_of_the_pointer_are_compared(size: int, files: int) -> None:
    shelf = Shelf()
    oid, _size, _files = shelf.put_dir(Entry(FILE, Oid.of(b"22"), 2, 1, "b"))
    with pytest.raises(SizeMismatch):
        walk(directory(oid, size, files), shelf)


def test_sizes_of_a_directory_are_compared() -> None:
    shelf = Shelf()
    leaf, _size, files = shelf.put_dir(Entry(FILE, Oid.of(b"22"), 2, 1, "b"))
    root = shelf.put_dir(Entry(DIR, leaf, 5, files, "a"))
    with pytest.raises(SizeMismatch):
        walk(directory(*root), shelf)
    twice = shelf.put_dir(Entry(DIR, leaf, 5, files, "a"), Entry(DIR, leaf, 2, files, "b"))
    with pytest.raises(SizeMismatch):
        walk(directory(*twice), shelf)


def test_one_content_with_two_sizes_is_refused() -> None:
    shelf = Shelf()
    root = shelf.put_dir(Entry(FILE, Oid.of(b"22"), 2, 1, "a"), Entry(FILE, Oid.of(b"22"), 3, 1, "b"))
    with pytest.raises(SizeMismatch):
        walk(directory(*root), shelf)


def test_a_directory_that_contains_itself() -> None:
    shelf = Shelf()
    me = Oid(b"m" * 32)
    shelf.objects[me] = manifest_format.encode(Manifest.of([Entry(DIR, me, 0, 0, "again")]))
    with pytest.raises(ManifestCycle):
        walk(directory(me, 0, 0), shelf)


def test_a_cycle_of_directories_below_a_sound_root() -> None:
    shelf = Shelf()
    ring = [Oid(bytes([n]) * 32) for n in range(1, 6)]
    for one, following in zip(ring, ring[1:] + ring[:1], strict=True):
        shelf.objects[one] = manifest_format.encode(Manifest.of([Entry(DIR, following, 0, 0, "next")]))
    root = shelf.put_dir(Entry(DIR, ring[2], 0, 0, "in"), Entry(FILE, Oid.of(b"1"), 1, 1, "f"))
    with pytest.raises(ManifestCycle):
        walk(directory(*root), shelf)


def test_the_same_directory_at_several_depths_is_no_cycle() -> None:
    shelf = Shelf()
    void = shelf.put_dir()
    middle = shelf.put_dir(Entry(DIR, *void, "void"))
    root = shelf.put_dir(Entry(DIR, *void, "a"), Entry(DIR, *middle, "b"), Entry(DIR, *middle, "c"))
    assert len(walk(directory(*root), shelf).manifests) == 3


@pytest.mark.parametrize(("depth", "fine"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_depth_is_bounded(depth: int, fine: bool) -> None:
    shelf = Shelf()
    last = shelf.put_dir()
    for _ in range(depth - 1):
        last = shelf.put_dir(Entry(DIR, *last, "d"))
    if fine:
        assert len(walk(directory(*last), shelf).manifests) == depth
    else:
        with pytest.raises(LimitExceeded):
            walk(directory(*last), shelf)


def test_depth_counts_the_longest_path() -> None:
    shelf = Shelf()
    chain = [shelf.put_dir()]
    for _ in range(MAX_DEPTH - 1):
        chain.append(shelf.put_dir(Entry(DIR, *chain[-1], "d")))
    # Every link is also named near the top, so that each is met early; the longest path is one too long all the same.
    root = shelf.put_dir(*(Entry(DIR, *link, f"{n}") for n, link in enumerate(chain)))
    with pytest.raises(LimitExceeded):
        walk(directory(*root), shelf)


def test_a_bomb_of_shared_directories_is_walked_once() -> None:
    shelf = Shelf()
    last = shelf.put_dir()
    for _ in range(60):
        last = shelf.put_dir(*(Entry(DIR, *last, f"{n}") for n in range(10)))
    assert len(walk(directory(*last), shelf).manifests) == 61


def test_the_number_of_objects_is_bounded() -> None:
    shelf = Shelf()
    root = shelf.put_dir(*(Entry(FILE, Oid.of(b"%d" % n), 1, 1, f"{n}") for n in range(20)))
    with pytest.raises(LimitExceeded):
        Walker(shelf, limit=20).add(directory(*root))
    Walker(shelf, limit=21).add(directory(*root))


def test_other_bytes_than_a_manifest() -> None:
    shelf = Shelf()
    oid = shelf.put(b"just some text", Kind.MANIFEST)
    with pytest.raises(ObjectType):
        walk(directory(oid, 0, 0), shelf)


def composed(shelf: Shelf, data: bytes, length: int | None = None) -> tuple[Oid, Oid]:
    """A file of two chunks with its recipe and layout; returns its oid and the layout."""
    half = len(data) // 2
    chunks = tuple((shelf.put(part, Kind.CHUNK), len(part)) for part in (data[:half], data[half:]))
    target = Oid.of(data)
    recipe = shelf.put(recipe_format.encode(Recipe(target, len(data), chunks)), Kind.RECIPE)
    root, nodes = layout_format.build({target: recipe})
    shelf.objects.update(nodes)
    return target, root


def test_the_size_of_a_file_is_compared_to_its_recipe() -> None:
    shelf = Shelf()
    target, layout = composed(shelf, b"abcdef")
    assert len(walk(Pointer("file", "x", target, 6, layout=layout), shelf).chunks) == 2
    for size in (5, 7):
        with pytest.raises(SizeMismatch):
            walk(Pointer("file", "x", target, size, layout=layout), shelf)


def test_a_file_that_one_pointer_has_whole_and_another_in_chunks() -> None:
    for turn in (0, 1):
        shelf = Shelf()
        target, layout = composed(shelf, b"abcdef")
        whole, parts = Pointer("file", "x", target, 6), Pointer("file", "x", target, 6, layout=layout)
        walker = Walker(shelf)
        for pointer in [(whole, parts), (parts, whole)][turn]:
            walker.add(pointer)
        assert target in walker.closure.frames(Kind.CHUNK), "the pointer without a layout needs the frame"
        assert len(walker.closure.frames(Kind.CHUNK)) == 3


def test_a_layout_node_in_the_wrong_place() -> None:
    shelf = Shelf()
    random.seed(3)
    pairs = {Oid(random.randbytes(32)): Oid(random.randbytes(32)) for _ in range(5000)}
    root, nodes = layout_format.build(pairs)
    inner = layout_format.decode(nodes[root])
    (byte, count, first), second, *rest = inner.children  # type: ignore[union-attr]
    for children in (
        [(byte, count, second[2]), second, *rest],
        [(byte, count + 1, first), second, *rest],
        [(byte, count, root), second, *rest],
    ):
        shelf.objects = dict(nodes)
        bad = shelf.put(layout_format.encode_inner(0, children), Kind.LAYOUT)
        with pytest.raises((SchemaError, ManifestCycle)):
            LayoutWalk(bad, shelf).find(None)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9000), st.integers(0, 50), st.integers(0, 1 << 30))
def test_a_batched_lookup_is_the_lookup(count: int, asked: int, seed: int) -> None:
    source = random.Random(seed)
    shelf = Shelf()
    pairs = {Oid(source.randbytes(32)): Oid(source.randbytes(32)) for _ in range(count)}
    root, nodes = layout_format.build(pairs)
    shelf.objects.update(nodes)
    some = set(source.sample(sorted(pairs), min(asked, count))) | {Oid(source.randbytes(32))}
    walk_some = LayoutWalk(root, shelf)
    assert walk_some.find(some) == {oid: pairs[oid] for oid in some if oid in pairs}
    assert len(shelf.batches) <= 2
    walk_all = LayoutWalk(root, shelf)
    assert walk_all.find(None) == pairs
    assert walk_all.nodes == set(nodes)
    assert walk_some.nodes <= walk_all.nodes
