"""The checker finds each violation, planted once, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from invariants import Before, check, ended, leftovers, state_of
from kit import Repo, pseudo_random


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("template")
    repo = Repo.make(top / "repo", "../remote")
    repo.write({f"data/{name}": pseudo_random(2000, seed) for seed, name in enumerate(("a", "b", "sub/c"))})
    repo.write({"data/big": pseudo_random(2_500_000, 3), "single.bin": b"alone"})
    repo.weft("add", "data", "single.bin")
    repo.commit()
    repo.weft("push")
    return top


@pytest.fixture
def scene(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path


def found(scene: Path) -> list[str]:
    return check(scene / "repo", scene / "remote")


def some(folder: Path, pattern: str, place: int = 0) -> Path:
    return sorted(folder.glob(pattern))[place]


def flip(path: Path, at: int = 100) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    os.chmod(path, 0o644)
    path.write_bytes(data)


def packs(scene: Path) -> list[Path]:
    return [*(scene / "remote").glob("packs/*/*"), *state_of(scene / "repo").glob("store/packs/*/*")]


def test_a_sound_repository_has_nothing_wrong(scene: Path) -> None:
    assert len(packs(scene)) >= 4
    assert found(scene) == []
    assert check(scene / "repo") == []
    assert leftovers(scene / "repo", scene / "remote") == []


# --- I1 ---


@pytest.mark.parametrize("place", ["remote", "repo/.git/weft/store"])
def test_one_bit_of_a_pack(scene: Path, place: str) -> None:
    flip(some(scene / place, "packs/*/*.pack"))
    assert any("does not hash to its name" in words for words in found(scene))


def test_a_torn_pack(scene: Path) -> None:
    path = some(scene / "remote", "packs/*/*.pack")
    os.truncate(path, path.stat().st_size // 2)
    assert any(words.startswith("I1: ") and path.name in words for words in found(scene))


def test_a_segment_under_a_false_name(scene: Path) -> None:
    path = some(scene / "remote", "index/*.idx")
    path.rename(path.with_name("0" * 64 + ".idx"))
    assert any("a segment does not hash" in words for words in found(scene))


def test_a_temporary_file_among_the_packs(scene: Path) -> None:
    some(scene / "remote", "packs/*").joinpath(".weft-tmp-1").write_bytes(b"half")
    assert any("a name that no object has" in words for words in found(scene))


# --- I2 ---


def test_bytes_that_are_gone_from_everywhere(scene: Path) -> None:
    repo = scene / "repo"
    before = Before.of(repo, "data")
    (repo / "data/a").write_bytes(b"not yet added")
    mixed = Before.of(repo, "data")
    (repo / "data/a").unlink()
    (repo / "data/big").write_bytes(b"short")
    assert before.lost() == []  # both are in the store, the large one as chunks
    assert mixed.lost() == ["I2: the bytes of data/a are gone"]
    assert mixed.lost(scene / "remote") == ["I2: the bytes of data/a are gone"]
    shutil.rmtree(state_of(repo) / "store/packs")
    assert "I2: the bytes of data/big are gone" in before.lost()
    assert before.lost(scene / "remote") == []


def test_what_was_renamed_to_another_place_is_in_the_store(scene: Path) -> None:
    before = Before.of(scene / "repo")
    assert {"data/a", "data/sub/c", "single.bin"} == before.digests.keys() - {"data/b", "data/big"}
    os.rename(scene / "repo/data", scene / "repo/other")
    assert before.lost() == []


# --- I3 ---


def test_a_pointer_that_is_cut_off(scene: Path) -> None:
    path = scene / "repo/data.weft"
    path.write_bytes(path.read_bytes()[:40])
    assert any("data.weft is no pointer" in words for words in found(scene))


def test_a_pointer_without_its_objects(scene: Path) -> None:
    shutil.rmtree(state_of(scene / "repo") / "store/packs")
    assert [words for words in found(scene) if words.startswith("I3: data.weft")] == []
    assert any("I3: data.weft: there is no object" in words for words in check(scene / "repo"))
    assert any("I3: the catalog counts on the pack" in words for words in found(scene))


@pytest.mark.parametrize(("old", "new"), [("files: 4", "files: 5"), ("size: 25", "size: 26")])
def test_a_pointer_that_promises_something_else(scene: Path, old: str, new: str) -> None:
    path = scene / "repo/data.weft"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert any("I3: data.weft: the sums of a directory" in words for words in found(scene))


def test_a_damaged_catalog(scene: Path) -> None:
    path = state_of(scene / "repo") / "catalog.sqlite"
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base.close()
    with open(path, "r+b") as stream:
        stream.seek(4096)
        stream.write(pseudo_random(20_000, 1))
    assert any("the catalog is damaged" in words for words in found(scene))


# --- I4 ---


@pytest.mark.parametrize("place", [0, 1])
def test_a_root_without_one_of_its_packs(scene: Path, place: int) -> None:
    some(scene / "remote", "packs/*/*.pack", place).unlink()
    assert any(words.startswith("I4: roots/") and "there is no object" in words for words in found(scene))


def _edit(key: str, value: object) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))

    return edit


@pytest.mark.parametrize(
    "damage",
    [_edit("files", 7), _edit("size", 1), _edit("oid", "blake3:" + "0" * 64), _edit("layout", None), _edit("weft", 2)],
)
def test_a_root_that_is_not_what_its_name_says(scene: Path, damage: Callable[[Path], None]) -> None:
    damage(some(scene / "remote", "roots/*/*.*"))
    assert any(words.startswith("I4: roots/") for words in found(scene))


def test_a_root_that_is_empty(scene: Path) -> None:
    some(scene / "remote", "roots/*/*").write_bytes(b"")
    assert any("is no root" in words for words in found(scene))


# --- I8, I9 ---


def test_what_is_left_behind(scene: Path) -> None:
    (scene / "repo/data/.weft-tmp-1-2").write_bytes(b"")
    (scene / "remote/.weft-tmp").mkdir(exist_ok=True)
    (scene / "remote/.weft-tmp/x").write_bytes(b"")
    state_of(scene / "repo").joinpath("store/tmp/y").write_bytes(b"")
    assert len(leftovers(scene / "repo")) == 2
    assert len(leftovers(scene / "repo", scene / "remote")) == 3
    assert found(scene) == []


def test_how_a_command_ends() -> None:
    assert ended(0, "", "") == []
    assert ended(6, "", "error [E_DISK_FULL]") == []
    assert ended(-9, "", "", killed=True) == []
    assert ended(-9, "", "")
    assert ended(6, "", "")
    assert ended(0, "", "Traceback (most recent call last):\n")
