"""What proves that a folder is a store, and that nothing else is taken for one or followed out of it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from localstores import corrupt, filled, only_pack, opened
from weft.errors import DirectoryRefused, SymlinkRefused
from weft.model.entry import Entry
from weft.model.oid import Oid
from weft.objects import quarantine, quarantine_log, store_folder
from weft.objects.catalog import LOCAL
from weft.objects.incoming import quarantine_bytes
from weft.objects.store import LocalStore
from weft.objects.unpacked import Unpacked
from weft.util.scratch import scratch_folder

DATA = b"some content"


def all_below(top: Path) -> list[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


@pytest.mark.parametrize("holds", [("tmp/a.txt",), (".bashrc",), ("packs/a.zip", "tmp/b"), ("packs/ab/notes.pack",)])
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, holds: tuple[str, ...]) -> None:
    root = tmp_path / "store"
    for name in holds:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"mine")
        os.utime(root / name, (0, 0))
    before = all_below(root)
    with pytest.raises(DirectoryRefused) as caught:
        opened(tmp_path)
    assert str(root) in caught.value.message
    assert "weft init --store" in caught.value.hint
    assert all_below(root) == before


def test_an_empty_folder_becomes_a_store_and_is_one_then(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    for _ in range(2):
        with opened(tmp_path) as store:
            filled(store, DATA)
        (tmp_path / "store/README").write_bytes(b"put there later")
    assert (tmp_path / "store" / store_folder.MARK).is_file()


@pytest.mark.parametrize("packs", [True, False])
def test_a_store_of_0_1_is_recognised(tmp_path: Path, packs: bool) -> None:
    """It made no mark. With packs in it other files do no harm; without there may be none."""
    with opened(tmp_path) as store:
        filled(store, DATA) if packs else None
    root = tmp_path / "store"
    (root / store_folder.MARK).unlink()
    (root / "lock").touch()
    if packs:
        (root / "README").write_bytes(b"mine")
    with opened(tmp_path) as store:
        assert store.missing([Oid.of(DATA)]) == (set() if packs else {Oid.of(DATA)})
    assert (root / store_folder.MARK).is_file()
    if not packs:
        (root / store_folder.MARK).unlink()
        (root / "README").write_bytes(b"mine")
        with pytest.raises(DirectoryRefused):
            opened(tmp_path)


def test_only_what_weft_left_is_cleared_away(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        other = f".weft-tmp-1-5-{'f' * 8}-{'a' * 8}-0"
        names = ("a.txt", ".weft-tmp-notes", ".weft-tmp-1-2.pack", f"{other}.pack", f"{other}.txt", other)
        for name in names:
            path = Path(store.root, "tmp", name)
            path.write_bytes(b"x")
            os.utime(path, (0, 0))
        filled(store, DATA)
        assert set(os.listdir(tmp_path / "store/tmp")) == set(names) - {other, f"{other}.pack"}


# --- links ---


def _add(store: LocalStore) -> None:
    filled(store, b"new")


def _set_aside(store: LocalStore) -> None:
    store.quarantine(next(iter(store.catalog.packs(LOCAL))), "for a test")


def _set_bytes_aside(store: LocalStore) -> None:
    quarantine_bytes(store, Oid.of(b"x"), b"x", "for a test")


def _copy(store: LocalStore) -> None:
    Unpacked(store).need(Entry("f", Oid.of(DATA), len(DATA), 1, "x"), store.layout(None))


def _remove(store: LocalStore) -> None:
    store.files.remove(next(iter(store.catalog.packs(LOCAL))))


def _purge(store: LocalStore) -> None:
    quarantine.purge(store, 0.0)


def _reap(store: LocalStore) -> None:
    store_folder.reap(store.root, time.time())


@pytest.mark.parametrize(
    ("part", "act"),
    [
        ("tmp", _add),
        ("tmp", _reap),
        ("tmp", _copy),
        ("packs", _add),
        ("packs/*", _add),
        ("packs/*", _remove),
        ("packs/*", _set_aside),
        ("quarantine", _set_aside),
        ("quarantine", _set_bytes_aside),
        ("quarantine", _purge),
        ("files", _copy),
        ("files/*", _copy),
    ],
)
def test_no_part_may_be_a_link(tmp_path: Path, part: str, act: Callable[[LocalStore], object]) -> None:
    """The link is put there while the store is open, as who shares it could at any time."""
    home = tmp_path / "home"
    with opened(tmp_path) as store:
        filled(store, DATA)
        digits = Oid.of(DATA if part == "files/*" else b"new").hex()[:2] if act is not _remove else ""
        if part == "packs/*":
            digits = os.path.basename(only_pack(store))[:2] if act in (_remove, _set_aside) else ""
        places = [part.replace("*", digits)] if digits or "*" not in part else [f"packs/{n:02x}" for n in range(256)]
        for place in places:
            path = Path(store.root, place)
            path.parent.mkdir(exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, home, dirs_exist_ok=True)
                shutil.rmtree(path)
            home.mkdir(exist_ok=True)
            path.symlink_to(home)
        for name in ("thesis.tex", f"{'0' * 64}.pack", f".weft-tmp-1-5-{'f' * 8}-{'a' * 8}-0"):
            (home / name).write_bytes(b"mine")
            os.utime(home / name, (0, 0))
        before = all_below(home)
        with pytest.raises(SymlinkRefused):
            act(store)
        assert all_below(home) == before


@pytest.mark.parametrize("part", ["tmp", "packs", "quarantine", "packs/ab"])
def test_a_store_with_a_link_in_it_is_not_opened(tmp_path: Path, part: str) -> None:
    with opened(tmp_path) as store:
        filled(store, DATA)
    (tmp_path / "home").mkdir()
    path = tmp_path / "store" / part
    shutil.rmtree(path, ignore_errors=True)
    path.symlink_to(tmp_path / "home")
    with pytest.raises(SymlinkRefused), opened(tmp_path) as store:
        filled(store, b"new")
    assert os.listdir(tmp_path / "home") == []


def test_only_what_weft_set_aside_is_shown_and_deleted(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        filled(store, DATA)
        corrupt(only_pack(store), 20)
        _set_aside(store)
        _set_bytes_aside(store)
        folder = tmp_path / "store/quarantine"
        odd = ["notes.txt", "0" * 64, f"{'0' * 64}.pack.bak", f"{'0' * 63}.pack"]
        for name in odd:
            (folder / name).write_bytes(b"mine")
        assert len(quarantine_log.kept(store.root)) == 2
        assert len(quarantine.purge(store, 0.0)) == 2
        assert sorted(os.listdir(folder)) == sorted(odd)


# --- scratch of a clone ---


def test_scratch_is_the_clones_own_and_only_what_weft_left_there_goes(tmp_path: Path) -> None:
    odd = ["thesis", "0" * 15, "0" * 16 + ".d"]
    for name in (*odd, "0" * 16):
        (tmp_path / "outgoing" / name).mkdir(parents=True)
        os.utime(tmp_path / "outgoing" / name, (0, 0))
    (tmp_path / "home/.ssh").mkdir(parents=True)
    os.utime(tmp_path / "home/.ssh", (0, 0))
    (tmp_path / "outgoing" / ("1" * 16)).symlink_to(tmp_path / "home")
    with scratch_folder(str(tmp_path), "outgoing") as made:
        assert os.stat(made).st_mode & 0o777 == 0o700
        assert sorted(os.listdir(tmp_path / "outgoing")) == sorted([*odd, "1" * 16, os.path.basename(made)])
    assert not os.path.lexists(made)
    assert os.listdir(tmp_path / "home") == [".ssh"]
    (tmp_path / "collect").symlink_to(tmp_path / "home")
    with pytest.raises(SymlinkRefused), scratch_folder(str(tmp_path), "collect"):
        pass
    assert os.listdir(tmp_path / "home") == [".ssh"]
