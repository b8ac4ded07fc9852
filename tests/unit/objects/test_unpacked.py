"""Whole files beside the packs: made once, proved, sealed, and never believed when something about them is not right."""

import os
import stat
import time

import pytest

from localstores import corrupt, filled, only_pack, opened
from weft.errors import HashMismatch, ObjectMissing, SizeMismatch
from weft.model.entry import EXEC, FILE, Entry
from weft.model.oid import Oid
from weft.objects import copies
from weft.objects.unpacked import Unpacked
from weft.util.progress import SilentProgress

DATA = b"what is in the file" * 100


@pytest.fixture
def progress():
    return SilentProgress()


@pytest.fixture
def store(tmp_path, progress):
    with opened(tmp_path, progress) as made:
        filled(made, DATA)
        yield made


def entry(data=DATA, kind=FILE, size=None):
    return Entry(kind, Oid.of(data), len(data) if size is None else size, 1, "name")


def need(store, wanted=None):
    return Unpacked(store).need(wanted or entry(), store.layout(None))


def write(path, data, at=0):
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def test_names_say_what_is_in_them(tmp_path):
    folder = copies.copies_dir(str(tmp_path))
    oid = Oid.of(DATA)
    for executable in (False, True):
        path = copies.copy_path(folder, oid, executable)
        assert copies.copy_oid(folder, path) == oid
        assert copies.is_executable(path) is executable
        assert copies.copy_oid(folder + "/other", path) is None
    digits = oid.hex()
    for name in ("", digits, f"ff/{digits}", f"{digits[:2]}/{digits[:-1]}", f"{digits[:2]}/{digits.upper()}", "../x"):
        assert copies.copy_oid(folder, f"{folder}/{name}") is None


def test_a_folder_is_spelled_without_links(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert copies.copies_dir(str(tmp_path / "link")) == str(tmp_path / "real" / "files")


def test_seals_differ_and_leave_the_second(tmp_path):
    now = time.time_ns()
    seals = {copies.sealed_time(Oid.of(b"%d" % number), now) for number in range(1000)}
    assert len(seals) == 1000
    assert {seal // 10**9 for seal in seals} == {now // 10**9}
    assert all(seal % 100 == 0 for seal in seals), "there are file systems that count in steps of 100 ns"


@pytest.mark.parametrize(("kind", "mode"), [(FILE, 0o444), (EXEC, 0o555)])
def test_it_is_made_read_only_and_sealed(store, kind, mode):
    made = need(store, entry(kind=kind))
    assert stat.S_IMODE(os.stat(made.path).st_mode) == mode
    with open(made.path, "rb") as file:
        assert file.read() == DATA
    assert copies.is_sealed(made.info, made.oid)
    assert not copies.is_sealed(made.info, Oid.of(b"another"))
    assert os.listdir(os.path.join(store.root, "tmp")) == []
    again = need(store, entry(kind=kind))
    assert (again.path, again.info.st_ino, again.info.st_ctime_ns) == (
        made.path,
        made.info.st_ino,
        made.info.st_ctime_ns,
    )
    assert [copy.path for copy in Unpacked(store).all()] == [made.path]


def test_nothing_false_gets_a_name(store):
    with pytest.raises(SizeMismatch):
        need(store, entry(size=7))
    with pytest.raises(ObjectMissing):
        need(store, entry(b"never stored"))
    corrupt(only_pack(store), 20)
    with pytest.raises((HashMismatch, ObjectMissing)):
        need(store)
    assert list(Unpacked(store).all()) == []
    assert os.listdir(os.path.join(store.root, "tmp")) == []


@pytest.mark.parametrize("at", [0, len(DATA)], ids=["changed", "longer"])
def test_what_was_written_to_is_set_aside_and_made_again(store, progress, at):
    made = need(store)
    write(made.path, b"EDITED", at)
    os.chmod(made.path, 0o444)
    assert Unpacked(store).find(entry()) is None
    again = need(store)
    assert again.info.st_ino != made.info.st_ino
    with open(again.path, "rb") as file:
        assert file.read() == DATA
    (kept,) = Unpacked(store).set_aside_before()
    assert (kept.oid, kept.info.st_ino) == (made.oid, made.info.st_ino)
    assert stat.S_IMODE(kept.info.st_mode) == 0o444
    assert len([text for text in progress.warnings if "changed through a link" in text]) == 1


def test_several_damaged_ones_are_all_kept(store):
    for text in (b"one", b"two", b"three"):
        write(need(store).path, text)
    need(store)
    found = set()
    for copy in Unpacked(store).set_aside_before():
        with open(copy.path, "rb") as file:
            found.add(file.read(3))
    assert found == {b"one", b"two", b"thr"}


def test_what_lost_only_its_seal_gets_it_back(store, progress):
    made = need(store)
    os.chmod(made.path, 0o666)
    os.utime(made.path)
    again = need(store)
    assert again.info.st_ino == made.info.st_ino
    assert stat.S_IMODE(again.info.st_mode) == 0o444
    assert copies.is_sealed(again.info, made.oid)
    assert progress.warnings == []


def test_a_seal_is_not_trusted_where_all_is_to_be_read(store):
    made = need(store)
    write(made.path, b"EDITED")
    os.chmod(made.path, 0o444)
    os.utime(made.path, ns=(0, made.info.st_mtime_ns))
    assert Unpacked(store).heal(made.path, made.oid)
    assert not Unpacked(store).heal(made.path, made.oid, trust=False)


@pytest.mark.parametrize("thing", ["link", "fifo", "folder"])
def test_something_else_in_its_place_is_not_followed(store, tmp_path, thing):
    made = need(store)
    os.unlink(made.path)
    outside = tmp_path / "outside"
    outside.write_bytes(DATA)
    if thing == "link":
        os.symlink(outside, made.path)
    else:
        os.mkfifo(made.path) if thing == "fifo" else os.mkdir(made.path)
    again = need(store)
    assert stat.S_ISREG(os.lstat(again.path).st_mode)
    assert outside.stat().st_nlink == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_what_another_user_may_change_is_not_linked_to(store, progress):
    made = need(store)
    os.chown(made.path, 12_345, -1)
    os.utime(made.path, ns=(0, made.info.st_mtime_ns))
    assert [need(store), need(store)] == [None, None]
    assert len(progress.warnings) == 1
    assert os.stat(made.path).st_uid == 12_345


def test_other_files_are_passed_over(store):
    made = need(store)
    folder = os.path.dirname(made.path)
    for name in ("README", "f" * 64, os.path.basename(made.path) + ".y"):
        with open(os.path.join(folder, name), "xb"):
            pass
    with open(os.path.join(os.path.dirname(folder), "file"), "xb"):
        pass
    assert [copy.path for copy in Unpacked(store).all()] == [made.path]
