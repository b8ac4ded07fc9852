"""What is set aside is written down, goes back only when it is proved, and goes away only when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import pseudo_random
from localstores import corrupt, filled, frame_of, only_pack
from weft.errors import ObjectMissing
from weft.model.oid import Oid
from weft.objects.quarantine import NOTHING, PARTS, WHOLE, lost, purge, restore
from weft.objects.quarantine_log import kept
from weft.objects.store import LocalStore, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with open_store(str(tmp_path / "store"), str(tmp_path / "catalog.sqlite")) as opened:
        yield opened


def damaged(store: LocalStore) -> tuple[list[Oid], Oid, str]:
    """Three objects in a pack that is set aside, the second of them damaged; the oids, that one, and the file."""
    oids = filled(store, pseudo_random(5_000, 1), pseudo_random(5_000, 2), pseudo_random(5_000, 3))
    path = only_pack(store)
    corrupt(path, frame_of(store, oids[1]).offset + 20)
    store.quarantine(Oid.parse_hex(os.path.basename(path)[:64]), "a bit is wrong")
    return oids, oids[1], os.path.basename(path)


def test_what_is_set_aside_is_written_down_with_what_was_lost(store: LocalStore) -> None:
    oids, bad, file = damaged(store)
    (found,) = kept(store.root)
    assert (found.file, found.why, found.lost) == (file, "a bit is wrong", (bad,))
    assert found.size == os.path.getsize(f"{store.root}/quarantine/{file}")
    assert lost(store) == {bad}
    filled(store, pseudo_random(5_000, 2))  # it is here again
    assert lost(store) == set()
    assert not store.missing(oids)


def test_a_pack_that_is_gone_leaves_its_objects_in_the_log(store: LocalStore) -> None:
    oids = filled(store, b"one", b"two")
    path = only_pack(store)
    os.unlink(path)
    assert store.quarantine(Oid.parse_hex(os.path.basename(path)[:64]), "it is not there") == ""
    assert kept(store.root) == []
    assert lost(store) == set(oids)


def test_a_damaged_log_costs_only_what_it_said(store: LocalStore) -> None:
    _oids, bad, file = damaged(store)
    with open(f"{store.root}/quarantine.log", "ab") as log:
        log.write(b'{"at": 1, "file"\n\xff\xfe\n[]\n{"at":1,"file":"x","lost":"zz","why":""}\n')
    assert lost(store) == {bad}
    os.unlink(f"{store.root}/quarantine.log")
    (found,) = kept(store.root)
    assert (found.file, found.why, found.lost) == (file, "", ())


def test_a_pack_that_is_right_goes_back_whole(store: LocalStore) -> None:
    oids = filled(store, b"one", b"two")
    path = only_pack(store)
    good = Path(path).read_bytes()
    corrupt(path, 20)
    name = Oid.parse_hex(os.path.basename(path)[:64])
    aside = store.quarantine(name, "a bit was wrong in memory")
    for pack in list(store.catalog.packs(0)):
        os.unlink(store.pack_path(pack))
        store.catalog.forget_pack(pack, 0)
    os.chmod(aside, 0o644)
    Path(aside).write_bytes(good)
    done = restore(store, os.path.basename(aside))
    assert (done.state, done.objects) == (WHOLE, 2)
    assert store.read_frame(oids[0]) == b"one"
    assert not os.path.exists(aside)
    assert Path(path).read_bytes() == good


def test_of_a_pack_that_is_wrong_only_what_is_proved_and_lacking_goes_back(store: LocalStore) -> None:
    oids, bad, file = damaged(store)
    assert restore(store, file).state == NOTHING  # what is good of it is here already
    for pack in list(store.catalog.packs(0)):
        os.unlink(store.pack_path(pack))
        store.catalog.forget_pack(pack, 0)
    done = restore(store, file)
    assert (done.state, done.objects) == (PARTS, 2)
    assert store.missing(oids) == {bad}
    with pytest.raises(ObjectMissing):
        store.read_frame(bad)
    assert os.path.exists(f"{store.root}/quarantine/{file}")


def test_what_is_no_pack_does_not_go_back(store: LocalStore, tmp_path: Path) -> None:
    folder = Path(store.root) / "quarantine"
    secret = tmp_path / "elsewhere"
    secret.write_bytes(b"x")
    (folder / ("ab" * 32 + ".pack")).symlink_to(secret)
    os.mkfifo(folder / ("cd" * 32 + ".pack"))
    (folder / "readme").write_bytes(b"mine")
    for name in os.listdir(folder):
        assert restore(store, name).state == NOTHING
    assert restore(store, "ef" * 32 + ".pack").state == NOTHING
    assert len(os.listdir(folder)) == 3
    assert list(store.files.names()) == []


def test_a_purge_takes_what_is_old_and_forgets_what_was_lost_with_it(store: LocalStore) -> None:
    _oids, bad, file = damaged(store)
    assert purge(store, 3600.0) == []
    assert os.listdir(f"{store.root}/quarantine") == [file]
    assert lost(store) == {bad}
    assert [entry.file for entry in purge(store, 0.0)] == [file]
    assert os.listdir(f"{store.root}/quarantine") == []
    assert lost(store) == set()


def test_in_a_shared_store_the_log_is_everybody_s(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir(mode=0o2770)
    os.chmod(tmp_path / "store", 0o2770)
    with open_store(str(tmp_path / "store"), str(tmp_path / "catalog.sqlite")) as store:
        damaged(store)
    assert os.stat(tmp_path / "store/quarantine.log").st_mode & 0o777 == 0o660
