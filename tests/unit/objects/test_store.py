from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import pseudo_random
from localstores import corrupt, filled, frame_of, only_pack, opened
from weft.errors import HashMismatch, LimitExceeded, LockTimeout, ObjectMissing, ObjectType, SchemaError, SizeMismatch
from weft.formats import recipe as recipe_format
from weft.model.entry import RAW
from weft.model.oid import Kind, Oid
from weft.model.remote import ChunkerParams
from weft.objects import freshen
from weft.objects.catalog import LOCAL, Catalog
from weft.objects.layouts import LayoutView, layout_pairs, store_layout
from weft.objects.packfiles import PackFiles, read_pack_info
from weft.objects.store import open_store
from weft.util.locks import FileLock
from weft.util.progress import SilentProgress
from weft.workspace.saved import Saved

BIG = pseudo_random(3_000_000, 5)
TINY = ChunkerParams(minimum=64, average=256, maximum=1024)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 9000), max_size=8), st.sampled_from([Kind.CHUNK, Kind.MANIFEST]))
def test_objects_of_any_size_come_back(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], kind: Kind):
    root = tmp_path_factory.mktemp("store")
    contents = [random.Random(size).randbytes(size) for size in sizes]
    with open_store(str(root / "store"), str(root / "c.sqlite"), TINY) as store:
        oids = filled(store, *contents, kind=kind)
        for oid, data in zip(oids, contents, strict=True):
            assert oid == Oid.of(data, kind)
            assert store.read_object(oid, kind) == data
            if kind is Kind.CHUNK:
                assert b"".join(store.iter_content(oid, len(data))) == data
                assert store.read_range(oid, len(data) // 3, 700) == data[len(data) // 3 :][:700]


def test_nothing_is_visible_before_finish_and_nothing_after_abort(tmp_path: Path):
    with opened(tmp_path) as store:
        writer = store.writer()
        oid = writer.add_object(Kind.CHUNK, b"data")
        assert store.missing((oid,))
        writer.abort()
        assert store.missing((oid,))
        assert [files for _, _, files in os.walk(tmp_path / "store" / "packs") if files] == []
        assert os.listdir(tmp_path / "store" / "tmp") == []
        writer = store.writer()
        writer.add_object(Kind.CHUNK, b"data")
        writer.__exit__(KeyError, KeyError(), None)
        assert store.catalog.packs(LOCAL) == {}


def test_what_is_known_is_not_stored_again(tmp_path: Path):
    with opened(tmp_path) as store:
        filled(store, BIG, b"a", b"a")
        with store.writer() as writer:
            writer.add_object(Kind.CHUNK, BIG)
            writer.add_object(Kind.CHUNK, b"a")
            new = writer.add_object(Kind.CHUNK, b"b")
            assert writer.recipes.keys() == {Oid.of(BIG)}
            written = writer.finish()
        assert (written.frames, written.raw, len(written.packs)) == (1, 1, 1)
        assert store.read_frame(new) == b"b"


def test_chunks_and_metadata_lie_in_packs_of_their_own(tmp_path: Path):
    with opened(tmp_path) as store:
        with store.writer() as writer:
            writer.add_object(Kind.CHUNK, b"a")
            writer.add_object(Kind.MANIFEST, b"m")
            writer.add_object(Kind.CHUNK, BIG)
        kinds = []
        for name in store.catalog.packs(LOCAL):
            info = store.catalog.pack_frames(name)
            assert info is not None
            kinds.append({frame.kind for frame in info.frames})
        assert sorted(kinds, key=len) == [{Kind.CHUNK}, {Kind.MANIFEST, Kind.RECIPE}]


def test_a_long_recipe_is_stored_in_chunks_and_found_through_the_layout(tmp_path: Path):
    data = pseudo_random(12_000_000, 9)
    params = TINY
    with open_store(str(tmp_path / "s"), str(tmp_path / "c"), params) as store:
        with store.writer() as writer:
            oid = writer.add_object(Kind.CHUNK, data)
            pairs = layout_pairs([oid], writer.recipes)
            root = store_layout(writer, pairs)
        assert len(pairs) == 2, "the recipe is over 1 MiB and has a recipe itself"
        view = store.layout(root)
        store.catalog.rows("DELETE FROM recipes")
        with pytest.raises(ObjectMissing):
            b"".join(store.iter_content(oid, len(data)))
        assert store.read_range(oid, 6_000_000, 100, view) == data[6_000_000:6_000_100]
        assert b"".join(store.iter_content(oid, len(data), view)) == data
        assert store.catalog.recipes_for([oid, pairs[oid]], proved_only=True) == pairs
        store.rebuild_catalog()
        assert store.catalog.recipes_for([oid, pairs[oid]]) == pairs
        assert b"".join(store.iter_content(oid, len(data))) == data


def test_a_deleted_catalog_is_rebuilt_from_the_packs(tmp_path: Path):
    with opened(tmp_path) as store:
        oids = filled(store, b"a", BIG)
    for name in os.listdir(tmp_path):
        if name.startswith("catalog"):
            os.unlink(tmp_path / name)
    with opened(tmp_path) as store:
        assert store.read_frame(oids[0]) == b"a"
        assert b"".join(store.iter_content(oids[1], len(BIG))) == BIG


def test_packs_the_catalog_does_not_know_are_used_and_vanished_ones_forgotten(tmp_path: Path):
    with opened(tmp_path) as store:
        (known,) = filled(store, b"known")
        other = only_pack(store)
    with open_store(str(tmp_path / "store"), str(tmp_path / "other.sqlite")) as second:
        (unknown,) = filled(second, b"unknown")
    with opened(tmp_path) as store:
        assert store.catalog.missing([unknown], LOCAL)
        os.unlink(other)
        with store.writer() as writer:
            writer.add_object(Kind.CHUNK, b"unknown")
            assert writer.add_object(Kind.CHUNK, b"known") == known
            assert writer.finish().frames == 1, "one is there after all, the other is gone"
        assert store.read_frame(known) == b"known"


def test_read_many_yields_each_once_in_the_order_of_the_packs(tmp_path: Path):
    contents = [pseudo_random(1000 + number, number) for number in range(300)]
    with opened(tmp_path) as store:
        oids = filled(store, *contents)
        random.Random(1).shuffle(oids)
        found = list(store.read_many([*oids, *oids[:10]], Kind.CHUNK))
        assert [data for _, data in found] == contents
        assert all(Oid.of(data) == oid for oid, data in found)
        with pytest.raises(ObjectMissing):
            list(store.read_many([Oid.of(b"absent")]))
        with pytest.raises(ObjectType):
            list(store.read_many(oids, Kind.MANIFEST))


def test_read_many_needs_few_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with opened(tmp_path) as store:
        oids = filled(store, *[b"%d" % number * 50 for number in range(2000)])
        calls: list[int] = []
        real = os.pread

        def pread(fd: int, length: int, start: int) -> bytes:
            calls.append(length)
            return real(fd, length, start)

        monkeypatch.setattr(os, "pread", pread)
        assert len(list(store.read_many(oids))) == 2000
        assert len(calls) == 1


def test_a_wrong_kind_is_refused(tmp_path: Path):
    with opened(tmp_path) as store:
        (manifest,) = filled(store, b"m", kind=Kind.MANIFEST)
        with pytest.raises(ObjectType):
            store.read_frame(manifest, Kind.CHUNK)
        with pytest.raises(ObjectType):
            b"".join(store.iter_content(manifest, 1))
        assert os.listdir(tmp_path / "store" / "quarantine") == []


def test_another_copy_is_read_and_the_good_frames_live_on(tmp_path: Path):
    progress = SilentProgress()
    with opened(tmp_path, progress) as store:
        first, second = filled(store, b"first" * 100, pseudo_random(900, 1))
        path = only_pack(store)
        with open_store(str(tmp_path / "twin"), str(tmp_path / "twin.sqlite")) as twin:
            filled(twin, pseudo_random(900, 1), b"third")
            copy = only_pack(twin)
        target = store.pack_path(Oid.parse_hex(os.path.basename(copy)[:64]))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(copy, target)
        store.writer().abort()
        copies = store.catalog.locate([second], LOCAL)[second]
        assert [store.pack_path(at.pack) == path for at in copies] == [True, False]
        corrupt(path, copies[0].frame.offset + 5)
        assert store.read_frame(second) == pseudo_random(900, 1)
        assert len(progress.warnings) == 1
        assert store.read_frame(first) == b"first" * 100
        assert os.listdir(tmp_path / "store" / "quarantine") == [os.path.basename(path)]


def test_damage_is_quarantined_with_the_good_frames_saved(tmp_path: Path):
    progress = SilentProgress()
    with opened(tmp_path, progress) as store:
        good, bad = filled(store, b"good" * 100, pseudo_random(900, 1))
        path = only_pack(store)
        corrupt(path, frame_of(store, bad).offset)
        with pytest.raises(HashMismatch) as caught:
            store.read_frame(bad)
        assert caught.value.path == path
        assert "weft fetch" in caught.value.hint
        assert store.read_frame(good) == b"good" * 100
        assert store.missing([good, bad]) == {bad}
        assert os.listdir(tmp_path / "store" / "quarantine") == [os.path.basename(path)]
        assert len(progress.warnings) == 1
        with pytest.raises(ObjectMissing):
            store.read_frame(bad)
        filled(store, pseudo_random(900, 1))
        assert store.read_frame(bad) == pseudo_random(900, 1)


def test_read_many_survives_damage_met_on_the_way(tmp_path: Path):
    with opened(tmp_path) as store:
        oids = filled(store, *[pseudo_random(500, number) for number in range(20)])
        corrupt(only_pack(store), frame_of(store, oids[7]).offset)
        with pytest.raises(HashMismatch):
            list(store.read_many(oids))
        assert store.missing(oids) == {oids[7]}
        rest = [oid for oid in oids if oid != oids[7]]
        assert {oid for oid, _ in store.read_many(rest)} == set(rest)


def test_a_pack_without_a_readable_footer_gives_up_what_the_catalog_knows(tmp_path: Path):
    with opened(tmp_path) as store:
        one, two = filled(store, b"one", b"two")
        path = only_pack(store)
        corrupt(path, os.path.getsize(path) - 8, b"WEFTXXXX")
        corrupt(path, frame_of(store, two).offset)
        with pytest.raises(HashMismatch):
            store.read_frame(two)
        assert store.read_frame(one) == b"one"


def test_a_pack_that_loses_only_its_footer_is_never_without_its_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for contents in ([b"one"], [b"one", b"two"]):
        root = tmp_path / str(len(contents))
        with opened(root) as store:
            oids = filled(store, *contents)
            path = only_pack(store)
            corrupt(path, os.path.getsize(path) - 8, b"WEFTXXXX")
            damaged = Path(path).read_bytes()
            with monkeypatch.context() as patch:
                patch.setattr("weft.objects.packer.PackWriter.finish", _stop)
                with pytest.raises(KeyboardInterrupt):
                    store.quarantine(Oid.parse_hex(os.path.basename(path)[:64]), "its footer is damaged")
        with opened(root) as store:
            assert [store.read_frame(oid) for oid in oids] == contents
            store.quarantine(Oid.parse_hex(os.path.basename(path)[:64]), "its footer is damaged")
            assert [store.read_frame(oid) for oid in oids] == contents
            assert Oid.of(Path(only_pack(store)).read_bytes()).hex() == os.path.basename(path)[:64]
            assert {item.read_bytes() for item in (root / "store/quarantine").iterdir()} == {damaged}


def _stop(_writer: object) -> None:
    raise KeyboardInterrupt


def test_the_warning_about_damage_names_commands_that_exist(tmp_path: Path):
    hints: list[str] = []

    class Listener(SilentProgress):
        def warn(self, message: str, hint: str = "") -> None:
            hints.append(hint)

    with opened(tmp_path, Listener()) as store:
        filled(store, b"one")
        store.quarantine(Oid.parse_hex(os.path.basename(only_pack(store))[:64]), "why not")
    assert len(hints) == 1
    assert "weft fetch" in hints[0]
    assert "weft add" in hints[0]
    assert "--repair" not in hints[0]


def test_nothing_is_missing_before_the_packs_were_looked_at(tmp_path: Path):
    """After a power cut the catalog may be behind the packs, and the command that comes next may be one that only reads."""
    with opened(tmp_path) as store:
        small, large = filled(store, b"small", BIG)
    for ask in (
        lambda store: store.missing([small]) == set(),
        lambda store: store.read_frame(small) == b"small",
        lambda store: list(store.read_many([small])) == [(small, b"small")],
        lambda store: b"".join(store.iter_content(large, len(BIG))) == BIG,
        lambda store: Saved(store).unsaved([small, large]) == set(),
    ):
        with opened(tmp_path) as store:
            store.catalog.forget_objects()
            assert ask(store)


def test_the_packs_are_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with opened(tmp_path) as store:
        looks: list[int] = []
        real = PackFiles.names

        def names(files: PackFiles):
            looks.append(1)
            return real(files)

        monkeypatch.setattr(PackFiles, "names", names)
        for number in range(5):
            assert store.missing([Oid.of(b"%d" % number)])
        assert looks == [1]


def test_a_catalog_that_lies_is_rebuilt(tmp_path: Path):
    progress = SilentProgress()
    with opened(tmp_path, progress) as store:
        one, two = filled(store, b"one one", b"two two")
        store.catalog.rows("UPDATE frames SET offset = offset + 1 WHERE oid = ?", (one,))
        store.catalog.rows("UPDATE frames SET xxh3 = 0 WHERE oid = ?", (two,))
        assert store.read_frame(one) == b"one one"
        assert store.read_frame(two) == b"two two"
        assert len(progress.warnings) == 1
        assert os.listdir(tmp_path / "store" / "quarantine") == []


def test_chunks_that_match_their_checksum_but_not_the_whole(tmp_path: Path):
    with opened(tmp_path) as store:
        (oid,) = filled(store, BIG)
        chunk = recipe_format.decode(store.read_frame(store.catalog.recipes_for([oid])[oid])).chunks[2][0]
        location = store.catalog.locate([chunk], LOCAL)[chunk][0]
        _forge(store.pack_path(location.pack), location.frame.offset)
        store.files.close()
        store.rebuild_catalog()
        with pytest.raises(HashMismatch):
            b"".join(store.iter_content(oid, len(BIG)))
        assert store.missing([chunk]) == {chunk}, "the culprit was found and its pack set aside"


def _forge(path: str, offset: int) -> None:
    """Change a frame and make checksums of frame and footer match, as an attacker would."""
    from xxhash import xxh3_64_intdigest

    from weft.formats.pack import encode_footer, encode_trailer

    data = bytearray(Path(path).read_bytes())
    files = PackFiles(os.path.dirname(path), SilentProgress())
    pack = files._open_path(path)
    info = read_pack_info(pack, Oid(bytes(32)))
    data[offset] ^= 1
    frames = []
    for frame in info.frames:
        assert frame.codec == RAW
        frames.append(frame._replace(check=xxh3_64_intdigest(data[frame.offset : frame.offset + frame.stored])))
    footer = encode_footer(frames)
    start = info.frames[-1].offset + info.frames[-1].stored
    corrupt(path, start, footer + encode_trailer(start, footer, len(frames)))
    corrupt(path, offset, bytes([data[offset]]))


def test_the_size_is_checked(tmp_path: Path):
    with opened(tmp_path) as store:
        small, large = filled(store, b"abc", BIG)
        for oid, size in ((small, 4), (large, len(BIG) - 1)):
            with pytest.raises(SizeMismatch):
                b"".join(store.iter_content(oid, size))
        with pytest.raises(LimitExceeded):
            store.read_object(large, Kind.CHUNK, limit=1000)


def test_a_recipe_of_another_object_is_refused(tmp_path: Path):
    with opened(tmp_path) as store:
        (oid,) = filled(store, BIG)
        recipe = store.catalog.recipes_for([oid])[oid]
        liar = Oid.of(b"liar")
        store.catalog.add_recipes({liar: recipe})
        with pytest.raises(SchemaError):
            b"".join(store.iter_content(liar, len(BIG)))
        store.catalog.add_recipes({recipe: recipe}, proved=True)
        with pytest.raises(LimitExceeded):
            store.read_object(oid, Kind.CHUNK)


def test_a_recipe_that_lies_about_a_chunk_is_refused(tmp_path: Path):
    with opened(tmp_path) as store:
        a, b = filled(store, b"a" * 10, b"b" * 10)
        target = Oid.of(b"a" * 10 + b"b" * 11)
        with store.writer() as writer:
            writer.add_recipe(target, 21, [(a, 10), (b, 11)])
        with pytest.raises(SizeMismatch):
            b"".join(store.iter_content(target, 21))


def test_a_layout_of_many_nodes(tmp_path: Path):
    pairs = {Oid.of(b"o%d" % number): Oid.of(b"r%d" % number) for number in range(5000)}
    with opened(tmp_path) as store:
        with store.writer() as writer:
            root = store_layout(writer, pairs)
        reads: list[Oid] = []

        def read(oid: Oid) -> bytes:
            reads.append(oid)
            return store.read_frame(oid, Kind.LAYOUT)

        view = LayoutView(root, read)
        for number in range(50):
            assert view.recipe_for(Oid.of(b"o%d" % number)) == Oid.of(b"r%d" % number)
        assert view.recipe_for(Oid.of(b"other")) is None
        assert len(reads) == len(set(reads)) <= 52
        assert LayoutView(None, read).recipe_for(root or Oid(bytes(32))) is None


def test_adopted_packs_are_recorded_with_their_recipes(tmp_path: Path):
    with open_store(str(tmp_path / "a"), str(tmp_path / "a.sqlite")) as other:
        (oid,) = filled(other, BIG)
        packs = [(other.pack_path(name), other.catalog.pack_frames(name)) for name in other.catalog.packs(LOCAL)]
    with open_store(str(tmp_path / "b"), str(tmp_path / "b.sqlite")) as store:
        for path, info in packs:
            temp = store.temp_path()
            shutil.copy(path, temp)
            assert info is not None
            store.adopt_pack(temp, info)
        assert b"".join(store.iter_content(oid, len(BIG))) == BIG
        assert os.listdir(tmp_path / "b" / "tmp") == []


def test_a_writer_waits_for_who_removes_packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "weft.util.locks.FileLock.__init__.__kwdefaults__", {"timeout": 0.1, "shared": False, "progress": None}
    )
    guard = FileLock(str(tmp_path / "store" / "lock"), purpose="drop packs")
    with opened(tmp_path) as store, guard, pytest.raises(LockTimeout):
        store.writer()


def test_open_packs_are_bounded_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("weft.objects.packfiles._OPEN_PACKS", 3)
    before = len(os.listdir("/proc/self/fd"))
    with opened(tmp_path) as store:
        oids = [filled(store, b"%d" % number)[0] for number in range(8)]
        for oid in oids:
            store.read_frame(oid)
        assert len(store.files._open) == 3
    assert len(os.listdir("/proc/self/fd")) == before


def test_one_transaction_after_the_packs_are_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with opened(tmp_path) as store:
        writer = store.writer()
        writer.add_object(Kind.CHUNK, b"a")
        writer.add_object(Kind.MANIFEST, b"m")
        events: list[str] = []
        real_link, real_add = os.link, Catalog.add_own_packs

        def link(*args: str, **options: bool) -> None:
            events.append("link")
            real_link(*args, **options)

        def add_own_packs(catalog: Catalog, *args: object) -> None:
            events.append("catalog")
            real_add(catalog, *args)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "link", link)
        monkeypatch.setattr(Catalog, "add_own_packs", add_own_packs)
        statements: list[str] = []
        with store.catalog.transaction() as connection:
            pass
        connection.set_trace_callback(statements.append)
        writer.finish()
        connection.set_trace_callback(None)
        assert events == ["link", "link", "catalog"]
        assert statements.count("COMMIT") == 1


def ages(store):
    """Days since each pack was written, as its time says."""
    return {name: round((time.time() - store.files.times(name)[0]) / 86400) for name in store.catalog.packs(LOCAL)}


def grow_old(store, days: float):
    then = time.time() - days * 86400
    for name in store.catalog.packs(LOCAL):
        os.utime(store.files.path(name), (then, then))


@pytest.mark.parametrize("data", [b"one chunk", BIG], ids=["chunk", "recipe"])
@pytest.mark.parametrize("how", ["written", "saved", "asked"])
def test_packs_that_somebody_relies_on_count_as_written_now(tmp_path: Path, data: bytes, how: str):
    with opened(tmp_path) as store:
        (oid,) = filled(store, data)
        needed = set(store.catalog.packs(LOCAL))
        filled(store, b"something else")
        grow_old(store, 20)
        if how == "written":
            with store.writer() as writer:
                assert writer.add_object(Kind.CHUNK, data) == oid
        else:
            assert Saved(store, relying=how == "saved").unsaved([oid]) == set()
        found = ages(store)
        assert {name for name, days in found.items() if not days} == (set() if how == "asked" else needed)
        assert set(found.values()) == {20} if how == "asked" else {0, 20}


def test_only_an_old_pack_gets_a_new_time_and_each_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with opened(tmp_path) as store:
        oids = [filled(store, bytes([number]) * 900)[0] for number in range(3)]
        grow_old(store, 0.9)
        first, *_ = store.catalog.packs(LOCAL)
        os.utime(store.files.path(first), (0, 0))
        calls: list[str] = []
        for name in ("stat", "utime"):
            real = getattr(os, name)
            counted = lambda *args, name=name, real=real, **options: (calls.append(name), real(*args, **options))[1]  # noqa: E731
            monkeypatch.setattr(freshen.os, name, counted)
        with store.writer() as writer:
            calls.clear()
            for _ in range(5):
                for number in range(3):
                    writer.add_object(Kind.CHUNK, bytes([number]) * 900)
        assert Counter(calls)["utime"] == 1
        assert store.rely_on(oids) == set()
        assert Counter(calls)["utime"] == 1
        assert sorted(ages(store).values()) == [0, 1, 1]
