"""What a hostile bucket may hold, at the level of fetch from a directory: nothing false is taken, and it says why."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
import zstandard

from transfer_kit import (
    add,
    clone,
    edit,
    flatten,
    flip,
    noise,
    pack_bytes,
    plant,
    plant_segment,
    raw_frame,
    read_tree,
    remote_at,
    small_tree,
)
from weft.errors import (
    BadPackIndex,
    HashMismatch,
    LimitExceeded,
    ManifestCycle,
    ObjectType,
    RemoteIdentity,
    SizeMismatch,
    WeftError,
)
from weft.formats import manifest as manifest_format
from weft.formats import recipe as recipe_format
from weft.formats.pack import FOOTER_ENTRY, TRAILER_SIZE
from weft.model.entry import DIR, ZSTD, Entry, PackInfo
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid, segment_id
from weft.model.pointer import Pointer
from weft.model.recipe import Recipe
from weft.objects.catalog import LOCAL
from weft.objects.download import fetch
from weft.objects.reachability import walk
from weft.objects.remote_keys import pack_key, segment_key
from weft.objects.store import LocalStore
from weft.objects.upload import push
from weft.storage.local import LocalStorage
from weft.util.progress import SilentProgress
from weft.workspace.saved import Saved

PlantedFrame = tuple[Oid, Kind, int, int, bytes]


def remote_of(tmp_path: Path) -> LocalStorage:
    return LocalStorage(str(tmp_path / "remote"))


def pushed(tmp_path: Path, tree: Mapping | bytes) -> Pointer:
    with clone(tmp_path / "origin") as store:
        pointer = add(store, tree)
        push(remote_at(remote_of(tmp_path), store), store, {"data": pointer})
    return pointer


def empty_remote(tmp_path: Path) -> LocalStorage:
    storage = remote_of(tmp_path)
    with clone(tmp_path / "maker") as store:
        remote_at(storage, store).connect(create=True)
    return storage


def refused(
    tmp_path: Path, pointer: Pointer, error: type[WeftError], *, pin: str = "", kept: bool = False
) -> WeftError:
    """Fetching fails with ``error``, and nothing of it is in the local store but, perhaps, in quarantine."""
    with clone(tmp_path / "victim") as store:
        before = store.catalog.packs(LOCAL)
        with pytest.raises(error) as caught:
            fetch(remote_at(remote_of(tmp_path), store, pin), store, {"data": pointer})
        assert caught.value.code == error.code
        assert pointer.oid in store.missing([pointer.oid]) or pointer.is_dir
        assert bool(list((Path(store.root) / "quarantine").iterdir())) is kept
        assert not list((Path(store.root) / "tmp").iterdir())
        check_local(store, before)
    return caught.value


def check_local(store: LocalStore, before: Mapping[Oid, int]) -> None:
    """Whatever packs came are what their names say, frame by frame."""
    for name in store.catalog.packs(LOCAL).keys() - before.keys():
        assert Oid.of(Path(store.pack_path(name)).read_bytes()) == name
        info = store.catalog.pack_frames(name)
        assert info is not None
        for frame in info.frames:
            assert Oid.of(store.read_frame(frame.oid), frame.kind) == frame.oid


def packs_on(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "remote/packs").glob("*/*"))


def file_pointer(frame: PlantedFrame, size: int = -1) -> Pointer:
    return Pointer("file", "data", frame[0], frame[3] if size < 0 else size)


# --- rows ---


def bytes_changed(tmp_path: Path) -> None:
    pointer = pushed(tmp_path, small_tree())
    for path in packs_on(tmp_path):
        edit(path, flip)
    assert refused(tmp_path, pointer, HashMismatch, kept=True).exit_code == 4


def bytes_changed_in_a_part(tmp_path: Path) -> None:
    tree = {f"f{n}": noise(60_000, n) for n in range(50)}
    pointer = pushed(tmp_path, tree)
    largest = max(packs_on(tmp_path), key=lambda path: path.stat().st_size)
    with clone(tmp_path / "victim") as store:
        remote = remote_at(remote_of(tmp_path), store)
        fetch(remote, store, {"data": pointer}, content=False)
        frame = store.catalog.locate([Oid.of(tree["f7"])], remote.place)[Oid.of(tree["f7"])][0].frame
        edit(largest, lambda data: data[: frame.offset] + flip(data[frame.offset :][:2]) + data[frame.offset + 2 :])
        with pytest.raises(HashMismatch):
            fetch(remote, store, {"data": pointer}, {"data": ["f7"]})
        assert store.missing([Oid.of(tree["f7"])])
        assert list((Path(store.root) / "quarantine").iterdir())


def truncated(tmp_path: Path) -> None:
    pointer = pushed(tmp_path, small_tree())
    for path in packs_on(tmp_path):
        edit(path, lambda data: data[:-10])
    refused(tmp_path, pointer, SizeMismatch, kept=True)


def extended(tmp_path: Path) -> None:
    pointer = pushed(tmp_path, small_tree())
    for path in packs_on(tmp_path):
        edit(path, lambda data: data + b"more")
    refused(tmp_path, pointer, SizeMismatch, kept=True)


def truncated_under_a_range(tmp_path: Path) -> None:
    tree = {f"f{n}": noise(60_000, n) for n in range(50)}
    pointer = pushed(tmp_path, tree)
    with clone(tmp_path / "victim") as store:
        remote = remote_at(remote_of(tmp_path), store)
        fetch(remote, store, {"data": pointer}, content=False)
        for path in packs_on(tmp_path):
            edit(path, lambda data: data[:20])
        with pytest.raises(SizeMismatch):
            fetch(remote, store, {"data": pointer}, {"data": ["f7"]})


def size_of_the_pointer(tmp_path: Path) -> None:
    pointer = pushed(tmp_path, b"content")
    for size in (6, 8):
        shutil.rmtree(tmp_path / "victim", ignore_errors=True)
        with clone(tmp_path / "victim") as store, pytest.raises(SizeMismatch):
            fetch(remote_at(remote_of(tmp_path), store), store, {"data": Pointer("file", "data", pointer.oid, size)})


def checksum_matched(tmp_path: Path) -> None:
    """Pack, footer, checksums and segment all agree with one another; only the oid does not."""
    storage = empty_remote(tmp_path)
    lie = raw_frame(b"other bytes", oid=Oid.of(b"true bytes"))
    plant(storage, [lie])
    refused(tmp_path, file_pointer(lie, 10), HashMismatch, kept=True)


def other_kind(tmp_path: Path) -> None:
    storage = empty_remote(tmp_path)
    listing = manifest_format.encode(Manifest(()))
    manifest_as_chunk = raw_frame(listing, Kind.CHUNK, Oid.of(listing, Kind.MANIFEST))
    plant(storage, [manifest_as_chunk])
    refused(tmp_path, file_pointer(manifest_as_chunk), ObjectType, kept=True)


def other_kind_in_the_index(tmp_path: Path) -> None:
    storage = empty_remote(tmp_path)
    chunk = raw_frame(b"weft-manifest 1\n")
    manifest = raw_frame(b"weft-manifest 1\n", Kind.MANIFEST)
    plant(storage, [chunk, manifest])
    refused(tmp_path, Pointer("dir", "data", chunk[0], 0, 0), ObjectType)
    refused(tmp_path, Pointer("file", "data", manifest[0], 16), ObjectType)


def _spoiled_segment(
    tmp_path: Path, spoil: Callable[[bytearray], None], data: bytes = b"content", seed: int = 0
) -> None:
    """A segment with a right name whose payload was changed."""
    storage = empty_remote(tmp_path)
    frames = [raw_frame(data), raw_frame(noise(50, seed))]
    packed, info = pack_bytes(frames)
    storage.write(pack_key(info.name), packed)
    name = plant_segment(storage, [info])
    payload = bytearray(zstandard.ZstdDecompressor().decompress(storage.read(segment_key(name))))
    storage.delete(segment_key(name))
    spoil(payload)
    spoiled = zstandard.ZstdCompressor().compress(bytes(payload))
    storage.write(segment_key(segment_id(spoiled)), spoiled)
    refused(tmp_path, file_pointer(frames[0]), BadPackIndex)


_HEAD = 24  # of a segment without superseded ones
_FIRST = _HEAD + 48  # the first footer entry


def past_the_end(tmp_path: Path) -> None:
    def spoil(payload: bytearray) -> None:
        payload[_FIRST + FOOTER_ENTRY + 40 : _FIRST + FOOTER_ENTRY + 44] = (1 << 20).to_bytes(4, "little")

    _spoiled_segment(tmp_path, spoil)


def overlapping(tmp_path: Path) -> None:
    def spoil(payload: bytearray) -> None:
        payload[_FIRST + FOOTER_ENTRY + 32 : _FIRST + FOOTER_ENTRY + 40] = (17).to_bytes(8, "little")

    _spoiled_segment(tmp_path, spoil)


def huge_offset(tmp_path: Path) -> None:
    def spoil(payload: bytearray) -> None:
        payload[_FIRST + 32 : _FIRST + 40] = b"\xff" * 8

    _spoiled_segment(tmp_path, spoil)


def pack_smaller_than_its_footer(tmp_path: Path) -> None:
    def spoil(payload: bytearray) -> None:
        payload[_HEAD + 32 : _HEAD + 40] = (TRAILER_SIZE + 20).to_bytes(8, "little")

    _spoiled_segment(tmp_path, spoil)


def footer_of_another_pack(tmp_path: Path) -> None:
    """The segment is sound in itself and its frames are right, yet the pack's own footer says otherwise."""
    storage = empty_remote(tmp_path)
    one, two = raw_frame(b"one!"), raw_frame(b"two!")
    _packed, told = pack_bytes([one, two])
    # Sound in itself too, with a checksum that fits: only the name of the second frame is another.
    spoiled, real = pack_bytes([one, raw_frame(b"two!", oid=Oid.of(b"else"))])
    storage.write(pack_key(real.name), spoiled)
    plant_segment(storage, [PackInfo(real.name, real.size, told.frames)])
    refused(tmp_path, file_pointer(one), BadPackIndex, kept=True)


def true_frames_under_a_false_name(tmp_path: Path) -> None:
    """A pack whose every frame is right, yet it does not hash to its own name: it may not stand under that name."""
    storage = empty_remote(tmp_path)
    frame = raw_frame(b"content")
    packed, info = pack_bytes([frame])
    false = Oid.of(b"another name")
    storage.write(pack_key(false), packed)
    plant_segment(storage, [PackInfo(false, info.size, info.frames)])
    refused(tmp_path, file_pointer(frame), HashMismatch, kept=True)


def bytes_of_another_chunk(tmp_path: Path) -> None:
    """The index says that X lies where Y does: refused, but another copy of X serves."""
    storage = empty_remote(tmp_path)
    x, y = raw_frame(b"bytes of X"), raw_frame(b"bytes of Y")
    packed, info = pack_bytes([y, raw_frame(noise(100))])
    storage.write(pack_key(info.name), packed)
    lie = PackInfo(info.name, info.size, (info.frames[0]._replace(oid=x[0]), info.frames[1]))
    plant_segment(storage, [lie])
    pointer = file_pointer(x)
    refused(tmp_path, pointer, HashMismatch)
    plant(storage, [x])
    with clone(tmp_path / "another") as store:
        progress = SilentProgress()
        fetch(remote_at(storage, store), store, {"data": pointer}, None, progress)
        assert read_tree(store, pointer) == {"": b"bytes of X"}


def planted_recipe(tmp_path: Path) -> None:
    """A recipe for a content X that rebuilds other bytes, next to data that is wanted: it hides, saves and shows nothing."""
    storage = empty_remote(tmp_path)
    wanted, first, second = (raw_frame(noise(1000, seed)) for seed in range(3))
    honest = first[4] + second[4]
    chunks = ((first[0], 1000), (second[0], 1000))
    x, own, single = Oid.of(noise(2000, 9)), noise(2_000_000, 5), noise(2000, 6)
    named = (x, Oid.of(own), Oid.of(single), Oid.of(honest))
    recipes = [Recipe(oid, 2000, chunks) for oid in named]
    made = [raw_frame(recipe_format.encode(recipe), Kind.RECIPE) for recipe in recipes]
    plant(storage, [wanted, first, second, *made])
    with clone(tmp_path / "victim") as store:
        add(store, own)
        with store.writer() as writer:
            writer.add_chunks([(Oid.of(single), single)])
        fetch(remote_at(storage, store), store, {"data": file_pointer(wanted)})
        lie = {x: store.catalog.recipes_for([x])[x]}
        for ask in (
            lambda: b"".join(store.iter_content(x, None)),
            lambda: store.read_range(x, 0, 10),
            lambda: store.prove(x),
        ):
            store.catalog.add_recipes(lie)
            with pytest.raises(HashMismatch):
                ask()
        store.catalog.add_recipes(lie)
        assert Saved(store).unsaved([x]) == {x}
        assert b"".join(store.iter_content(Oid.of(own), None)) == own
        assert store.read_range(Oid.of(single), 0, 10) == single[:10]
        assert Saved(store).unsaved([Oid.of(honest), Oid.of(own), Oid.of(single)]) == set()
        assert store.read_range(Oid.of(honest), 990, 20) == honest[990:1010]


def claimed_by_an_index(tmp_path: Path) -> None:
    """An index that lists a content which exists only in the workspace: a claim of a remote saves nothing."""
    storage = empty_remote(tmp_path)
    wanted, mine = raw_frame(noise(1000, 1)), noise(500, 2)
    plant(storage, [wanted])
    plant(storage, [raw_frame(noise(400, 3), oid=Oid.of(mine))])
    with clone(tmp_path / "victim") as store:
        remote = remote_at(storage, store)
        fetch(remote, store, {"data": file_pointer(wanted)})
        assert not store.catalog.missing([Oid.of(mine)], remote.place), "the claim was read"
        assert Saved(store).unsaved([Oid.of(mine)]) == {Oid.of(mine)}


def _bomb(tmp_path: Path, stored: bytes, raw: int) -> None:
    storage = empty_remote(tmp_path)
    target = Oid.of(b"whatever")
    plant(storage, [(target, Kind.CHUNK, ZSTD, raw, stored), raw_frame(noise(64))])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refused(tmp_path, Pointer("file", "data", target, raw), LimitExceeded, kept=True)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def bomb_declared(tmp_path: Path) -> None:
    """A zstd frame header that declares 4 TiB."""
    header = b"\x28\xb5\x2f\xfd" + b"\xe0" + (4 << 40).to_bytes(8, "little")
    _bomb(tmp_path, header + b"\x01\x00\x00", 1 << 20)


def bomb_expanding(tmp_path: Path) -> None:
    """A few bytes that expand to much more than the frame records, declared or not."""
    zeros = bytes(64 << 20)
    _bomb(tmp_path / "told", zstandard.ZstdCompressor(write_content_size=True).compress(zeros), 1000)
    _bomb(tmp_path / "untold", zstandard.ZstdCompressor(write_content_size=False).compress(zeros), 1000)


def bomb_segment(tmp_path: Path) -> None:
    storage = empty_remote(tmp_path)
    data = zstandard.ZstdCompressor().compress(bytes(300 << 20))
    storage.write(segment_key(segment_id(data)), data)
    refused(tmp_path, file_pointer(raw_frame(b"content")), LimitExceeded)


class _Shelf:
    def __init__(self, objects: Mapping[Oid, bytes]) -> None:
        self.objects = objects

    def read_many(self, oids: Iterable[Oid], kind: Kind | None = None) -> Iterable[tuple[Oid, bytes]]:
        return [(oid, self.objects[oid]) for oid in oids]


def _ring(length: int) -> dict[Oid, bytes]:
    ring = [Oid(bytes([n + 1]) * 32) for n in range(length)]
    following = [*ring[1:], ring[0]]
    return {
        one: manifest_format.encode(Manifest.of([Entry(DIR, two, 0, 0, "d")]))
        for one, two in zip(ring, following, strict=True)
    }


def cycle_in_a_walk(tmp_path: Path) -> None:
    """Manifests that name one another in a ring, should somebody find such hashes one day."""
    for length in (1, 2, 7):
        ring = _ring(length)
        with pytest.raises(ManifestCycle):
            walk(Pointer("dir", "data", next(iter(ring)), 0, 0), _Shelf(ring))


def cycle_on_a_remote(tmp_path: Path) -> None:
    """As bytes on a remote a ring cannot even be read: no manifest of it hashes to its name."""
    storage = empty_remote(tmp_path)
    ring = _ring(3)
    plant(storage, [raw_frame(data, Kind.MANIFEST, oid) for oid, data in ring.items()])
    refused(tmp_path, Pointer("dir", "data", next(iter(ring)), 0, 0), HashMismatch, kept=True)


def strange_keys(tmp_path: Path) -> None:
    """Foreign files everywhere in the bucket: passed over, counted, never used as paths."""
    pointers = {}
    with clone(tmp_path / "origin") as store:
        for n in range(4):
            pointers[f"p{n}"] = add(store, small_tree(20, n), f"p{n}")
        push(remote_at(remote_of(tmp_path), store), store, pointers)
    top = tmp_path / "remote"
    for place in ("packs", "packs/ab", "index", "roots", "roots/" + "ab" * 16, "tombs", "tombs/run", "sessions"):
        folder = top / place
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(60):
            (folder / f"junk {number}").write_bytes(b"junk")
        for name in ("..x", "line\nfeed", "z" * 255, "\u202egnp.exe", "ab" * 32, "AB" * 32 + ".pack", "%2e%2e"):
            # A name of ours below tombs/ is a list of packs; one that cannot be read has to stop a push.
            if not (folder / name).exists() and not (place == "tombs/run" and name[0] == "a"):
                (folder / name).write_bytes(b"junk")
    before = sorted(str(path) for path in tmp_path.iterdir())
    with clone(tmp_path / "origin") as store:
        remote = remote_at(remote_of(tmp_path), store)
        pointers["new"] = add(store, small_tree(20, 9), "new")
        push(remote, store, pointers)
        assert remote.ignored > 100
    shutil.rmtree(tmp_path / "victim", ignore_errors=True)
    with clone(tmp_path / "victim") as store:
        fetch(remote_at(remote_of(tmp_path), store), store, pointers)
        for n in range(4):
            assert read_tree(store, pointers[f"p{n}"]) == flatten(small_tree(20, n))
    assert sorted(str(path) for path in tmp_path.iterdir() if path.name != "victim") == before


def identity_replaced(tmp_path: Path) -> None:
    pointer = pushed(tmp_path, small_tree())
    path = tmp_path / "remote/weft.json"
    good = json.loads(path.read_bytes())
    for change in ({"store": "0" * 32}, {"hash": "md5"}, {"weft": 0}, {"store": "../x"}, {"hash": None}):
        edit(path, lambda _old, change=change: json.dumps({**good, **change}).encode())
        refused(tmp_path, pointer, RemoteIdentity, pin=good["store"])
        with clone(tmp_path / "victim") as store, pytest.raises(RemoteIdentity):
            push(remote_at(remote_of(tmp_path), store, good["store"]), store, {"data": pointer})
    path.unlink()
    refused(tmp_path, pointer, RemoteIdentity, pin=good["store"])
    assert not path.exists()


def login_page(tmp_path: Path) -> None:
    page = b"<!DOCTYPE html><title>Log in to the hotel</title>"
    for place in ("packs/*/*", "index/*", "roots/*/*", "weft.json"):
        top = tmp_path / place.partition("/")[0]
        pointer = pushed(top, small_tree())
        for path in (top / "remote").glob(place):
            edit(path, lambda _data: page)
        error = refused(top, pointer, HashMismatch, kept=place.startswith("packs"))
        assert "proxy" in error.hint


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (11, "fetch-size-of-the-pointer", size_of_the_pointer),
    (46, "fetch-bytes-changed", bytes_changed),
    (51, "claimed-by-an-index", claimed_by_an_index),
    (46, "fetch-bytes-changed-in-a-part", bytes_changed_in_a_part),
    (47, "fetch-truncated", truncated),
    (47, "fetch-extended", extended),
    (47, "fetch-truncated-under-a-range", truncated_under_a_range),
    (48, "fetch-checksum-matched", checksum_matched),
    (48, "fetch-false-pack-name", true_frames_under_a_false_name),
    (49, "fetch-other-kind", other_kind),
    (49, "fetch-other-kind-in-the-index", other_kind_in_the_index),
    (50, "fetch-index-past-the-end", past_the_end),
    (50, "fetch-index-overlapping", overlapping),
    (50, "fetch-index-huge-offset", huge_offset),
    (50, "fetch-index-pack-smaller-than-its-footer", pack_smaller_than_its_footer),
    (50, "fetch-index-and-footer-differ", footer_of_another_pack),
    (51, "fetch-bytes-of-another-chunk", bytes_of_another_chunk),
    (51, "planted-recipe", planted_recipe),
    (52, "fetch-bomb-declared", bomb_declared),
    (52, "fetch-bomb-expanding", bomb_expanding),
    (52, "fetch-bomb-segment", bomb_segment),
    (53, "walk-cycle", cycle_in_a_walk),
    (53, "fetch-cycle", cycle_on_a_remote),
    (54, "fetch-strange-keys", strange_keys),
    (55, "fetch-identity-replaced", identity_replaced),
    (57, "fetch-login-page", login_page),
]
