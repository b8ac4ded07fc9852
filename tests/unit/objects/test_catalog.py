from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from localstores import some_pack
from weft.errors import BadPackIndex, CatalogDamaged, LockTimeout, PermissionFault
from weft.formats.pack import encode_footer
from weft.model.oid import Oid
from weft.objects import catalog_db
from weft.objects.catalog import HELPER_CACHE_KIB, LOCAL, Catalog
from weft.util.progress import SilentProgress


@pytest.fixture
def catalog(tmp_path: Path):
    with Catalog.open(str(tmp_path / "c.sqlite")) as opened:
        yield opened


def test_packs_are_found_by_place(catalog: Catalog):
    remote = catalog.place("store-1")
    one, two = some_pack(1), some_pack(2)
    catalog.add_packs([one], LOCAL)
    catalog.add_packs([two], remote, Oid.of(b"segment"))
    assert catalog.packs(LOCAL) == {one.name: one.size}
    assert catalog.packs(remote) == {two.name: two.size}
    oids = [frame.oid for frame in one.frames + two.frames]
    assert catalog.missing(oids, LOCAL) == {frame.oid for frame in two.frames}
    assert catalog.missing(oids, remote) == {frame.oid for frame in one.frames}
    assert catalog.locate(oids, LOCAL) == {frame.oid: [(one.name, frame)] for frame in one.frames}
    assert catalog.pack_frames(two.name) == two
    assert catalog.has_segment(remote, Oid.of(b"segment"))
    assert not catalog.has_segment(LOCAL, Oid.of(b"segment"))
    assert catalog.segments(remote) == {Oid.of(b"segment")}


def test_all_copies_are_located(catalog: Catalog):
    one = some_pack(1)
    copy = one._replace(name=Oid.of(b"copy"))
    catalog.add_packs([one, copy], LOCAL)
    found = catalog.locate([one.frames[0].oid], LOCAL)[one.frames[0].oid]
    assert {location.pack for location in found} == {one.name, copy.name}


def test_a_pack_is_forgotten_when_no_place_holds_it(catalog: Catalog):
    remote, pack = catalog.place("r"), some_pack(1)
    catalog.add_packs([pack], LOCAL)
    catalog.add_packs([pack], remote)
    catalog.forget_pack(pack.name, LOCAL)
    assert catalog.missing([pack.frames[0].oid], LOCAL)
    assert not catalog.missing([pack.frames[0].oid], remote)
    catalog.forget_pack(pack.name, remote)
    assert catalog.pack_frames(pack.name) is None
    assert catalog.rows("SELECT count(*) FROM frames") == [(0,)]
    catalog.forget_pack(pack.name, remote)


def test_a_pack_with_a_damaged_row_can_be_forgotten(catalog: Catalog):
    pack = some_pack(1)
    catalog.add_packs([pack], LOCAL)
    catalog.rows("UPDATE packs SET footer = x'00'")
    with pytest.raises(BadPackIndex):
        catalog.pack_frames(pack.name)
    catalog.forget_pack(pack.name, LOCAL)
    assert catalog.rows("SELECT count(*) FROM frames") == [(0,)]


def test_own_packs_are_recorded_as_any_other(tmp_path: Path):
    packs = [some_pack(number) for number in range(3)]
    found = []
    for own in (True, False):
        with Catalog.open(str(tmp_path / f"{own}.sqlite")) as catalog:
            for _again in range(2):
                if own:
                    catalog.add_own_packs((pack.name, pack.size, encode_footer(pack.frames)) for pack in packs)
                else:
                    catalog.add_packs(packs, LOCAL)
            tables = ("packs", "frames", "held")
            found.append([catalog.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables])
            assert [catalog.pack_frames(pack.name) for pack in packs] == packs
    assert found[0] == found[1]
    assert len(found[0][1]) == sum(len(pack.frames) for pack in packs)


def test_recipes_and_roots(catalog: Catalog):
    keys = [Oid.of(b"%d" % number) for number in range(1200)]
    catalog.add_recipes(dict(zip(keys, reversed(keys), strict=True)))
    assert catalog.recipes_for([*keys, Oid.of(b"x")]) == dict(zip(keys, reversed(keys), strict=True))
    catalog.add_recipes({keys[0]: keys[1]})
    assert catalog.recipes_for(keys[:1]) == {keys[0]: keys[1]}
    catalog.add_recipes({keys[0]: keys[2]}, proved=True)
    catalog.add_recipes({keys[0]: keys[3], keys[1]: keys[3]})
    assert catalog.recipes_for(keys[:2]) == {keys[0]: keys[2], keys[1]: keys[3]}
    assert catalog.recipes_for(keys, proved_only=True) == {keys[0]: keys[2]}
    catalog.add_recipes({keys[0]: keys[4]}, proved=True)
    assert catalog.recipes_for(keys[:1], proved_only=True) == {keys[0]: keys[4]}
    catalog.see_root(3, "abc")
    assert catalog.root_seen(3, "abc")
    assert not catalog.root_seen(4, "abc")


def test_lookups_are_batched(catalog: Catalog):
    catalog.add_packs([some_pack(1)], LOCAL)
    statements: list[str] = []
    with catalog.transaction() as connection:
        connection.set_trace_callback(statements.append)
        catalog.missing([Oid.of(b"%d" % number) for number in range(1000)], LOCAL)
        connection.set_trace_callback(None)
    # Two groups, each a range; and once, which packs the place holds.
    assert len(statements) == 3


def test_a_helper_lets_sqlite_keep_less(tmp_path: Path, catalog: Catalog):
    with Catalog(catalog.path, HELPER_CACHE_KIB) as helping:
        (least,), (usual,) = helping.rows("PRAGMA cache_size")[0], catalog.rows("PRAGMA cache_size")[0]
    assert -least == HELPER_CACHE_KIB
    assert -usual >= 4 * HELPER_CACHE_KIB


def test_places_keep_their_number(catalog: Catalog):
    assert catalog.place("local") == LOCAL
    number = catalog.place("abc")
    assert catalog.place("abc") == number != LOCAL
    catalog.forget_objects()
    assert catalog.place("abc") == number


def test_a_failed_transaction_leaves_nothing(catalog: Catalog):
    def fail():
        yield some_pack(1)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        catalog.add_packs(fail(), LOCAL)
    assert catalog.packs(LOCAL) == {}


def test_threads_share_it(catalog: Catalog):
    def add(number: int) -> None:
        for index in range(20):
            catalog.add_packs([some_pack(number * 100 + index)], LOCAL)
            catalog.packs(LOCAL)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(catalog.packs(LOCAL)) == 80


def test_a_child_opens_its_own_connection(catalog: Catalog):
    catalog.add_packs([some_pack(1)], LOCAL)
    pid = os.fork()
    if not pid:
        status = 1
        try:
            catalog.add_packs([some_pack(2)], LOCAL)
            status = 0 if len(catalog.packs(LOCAL)) == 2 and len(catalog_db._ABANDONED) == 1 else 2
            catalog.close()
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert len(catalog.packs(LOCAL)) == 2


def _random_bytes(path: Path) -> None:
    path.write_bytes(b"\x00\xff" * 5000)


def _other_schema(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE frames (oid)")
        connection.commit()


def _other_version(path: Path) -> None:
    Catalog.open(str(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def _one_more_column(path: Path) -> None:
    Catalog.open(str(path)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE recipes ADD COLUMN extra BLOB")
        connection.commit()


def _a_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"frames": []}))


@pytest.mark.parametrize("damage", [_random_bytes, _other_schema, _other_version, _one_more_column, _a_pickle])
def test_what_is_not_ours_is_set_aside_and_rebuilt(tmp_path: Path, damage):
    path, progress = tmp_path / "c.sqlite", SilentProgress()
    damage(path)
    pack = some_pack(1)
    with Catalog.open(str(path), lambda new: new.add_packs([pack], LOCAL), progress) as catalog:
        assert catalog.packs(LOCAL) == {pack.name: pack.size}
    assert len(progress.warnings) == 1
    assert (tmp_path / "c.sqlite.damaged-1").exists()
    with Catalog.open(str(path), lambda new: pytest.fail("it is whole now"), progress):
        pass
    assert len(progress.warnings) == 1


def test_a_catalog_of_the_version_before_is_kept(tmp_path: Path):
    path = str(tmp_path / "c.sqlite")
    with Catalog.open(path) as catalog:
        catalog.add_packs([some_pack(1)], LOCAL)
        with catalog.transaction() as connection:
            connection.execute("DROP TABLE segment_sizes")
            connection.execute("PRAGMA user_version = 2")
    assert catalog_db.look_at(path) is None
    with Catalog.open(path, lambda new: pytest.fail("nothing is rebuilt")) as catalog:
        assert len(catalog.packs(LOCAL)) == 1
        assert catalog.rows("SELECT * FROM segment_sizes") == []


def test_an_interrupted_rebuild_starts_over(tmp_path: Path):
    def fail(new: Catalog) -> None:
        new.add_packs([some_pack(1)], LOCAL)
        raise KeyboardInterrupt

    path = str(tmp_path / "c.sqlite")
    with pytest.raises(KeyboardInterrupt):
        Catalog.open(path, fail)
    calls: list[int] = []
    with Catalog.open(path, lambda new: calls.append(1)) as catalog:
        assert catalog.packs(LOCAL) == {}
    assert calls == [1]


def test_damage_met_in_the_middle_of_work(tmp_path: Path):
    path = str(tmp_path / "c.sqlite")
    with Catalog.open(path) as catalog:
        catalog.add_packs([some_pack(number) for number in range(300)], LOCAL)
    with open(path, "r+b") as stream:
        stream.seek(4096 * 3)
        stream.write(b"\xaa" * 4096 * (os.path.getsize(path) // 4096 - 3))
    with Catalog.open(path) as catalog, pytest.raises(CatalogDamaged):
        catalog.missing([frame.oid for number in range(300) for frame in some_pack(number).frames], LOCAL)
    assert not os.path.exists(path)
    with Catalog.open(path) as catalog:
        assert catalog.packs(LOCAL) == {}


def test_an_unknown_kind_in_a_row_is_damage(catalog: Catalog):
    pack = some_pack(1)
    catalog.add_packs([pack], LOCAL)
    catalog.rows("UPDATE frames SET kind = 99")
    with pytest.raises(CatalogDamaged):
        catalog.locate([pack.frames[0].oid], LOCAL)


def test_a_busy_catalog_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catalog_db, "_BUSY_SECONDS", 0.1)
    path = str(tmp_path / "c.sqlite")
    with Catalog.open(path) as one, Catalog.open(path) as two, one.transaction(), pytest.raises(LockTimeout):
        two.add_packs([some_pack(1)], LOCAL)


def test_a_file_that_cannot_be_opened(tmp_path: Path):
    (tmp_path / "c.sqlite").mkdir()
    with pytest.raises(PermissionFault):
        Catalog.open(str(tmp_path / "c.sqlite"))


# --- a disk of small blocks ---

_FULL = """
import os, sys
from weft.errors import DiskFull
from weft.objects.catalog import Catalog
with Catalog.open(sys.argv[1]) as catalog:
    for number in range(1000):
        try:
            catalog.place(f"store-{number}-" + "x" * 1000)
        except DiskFull:
            print("told")
            break
"""


@pytest.fixture
def small_blocks(tmp_path: Path):
    """An ext4 with blocks of 1 KiB, as mkfs makes them below 512 MiB; where none can be mounted, the disk that is there."""
    image, top = tmp_path / "image", tmp_path / "disk"
    top.mkdir()
    with image.open("wb") as file:
        file.truncate(8 << 20)
    made = shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    mounted = made is not None and all(
        not subprocess.run(argv, capture_output=True, check=False).returncode
        for argv in ([made, "-q", "-b", "1024", str(image)], ["mount", "-o", "loop", str(image), str(top)])
    )
    try:
        yield top
    finally:
        if mounted:
            subprocess.run(["umount", str(top)], check=True)


def test_a_full_disk_of_small_blocks_is_an_error_and_no_signal(small_blocks: Path):
    path = small_blocks / "c.sqlite"
    with Catalog.open(str(path)) as catalog:
        catalog.place("store")
        small = os.statvfs(small_blocks).f_bsize < 4096
        assert (small_blocks / "c.sqlite-shm").exists() is not small
    if not small:
        return
    ballast = small_blocks / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))
    for room in (0, 16 << 10):
        os.truncate(ballast, ballast.stat().st_size - room)
        os.sync()
        done = subprocess.run([sys.executable, "-c", _FULL, str(path)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "told\n"), done.stderr


def test_a_log_of_an_earlier_weft_is_folded_in_where_there_is_room(small_blocks: Path):
    path = small_blocks / "c.sqlite"
    with Catalog.open(str(path)) as catalog:
        catalog.place("store")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE places SET key = 'other' WHERE key = 'store'")
        connection.commit()
    with Catalog.open(str(path)) as catalog:
        assert catalog.rows("SELECT COUNT(*) FROM places WHERE key = 'other'") == [(1,)]
        if os.statvfs(small_blocks).f_bsize < 4096:
            assert catalog.rows("PRAGMA journal_mode") == [("truncate",)]
