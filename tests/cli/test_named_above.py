"""Naming a directory above tracked paths, or two paths of which one lies inside the other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit import Repo


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.make(tmp_path / "repo")
    made.write({"data/raw/a": b"a\n", "other/x": b"x\n"})
    made.weft("add", "data/raw")
    made.commit("raw")
    return made


def test_what_is_new_beside_tracked_paths_is_named(repo: Repo) -> None:
    repo.write({"data/big.bin": b"big\n", "data/extra/1": b"1\n", "data/skip.log": b"\n", "data/raw/b": b"b\n"})
    repo.write({"data/.gitignore": b"/raw\n*.log\n"})
    ran = repo.weft("add", "data")
    assert "updated    data/raw" in ran.out
    assert ran.out.count("left out") == 2
    assert "left out   data/big.bin" in ran.out
    assert "left out   data/extra/" in ran.out
    repo.commit("b")  # takes what was left out into Git, with all else
    assert "left out" not in repo.weft("add", ".").out
    repo.write({"data/new": b"\n"})
    ran = repo.weft("add", ".", "--json")
    assert ran.json["data"]["left_out"] == ["data/new"]
    assert "next: weft add data/new" in repo.weft("add", "data").err
    assert "left out" not in repo.weft("add", "data/raw").out


@pytest.mark.parametrize("paths", [("other", "other/x"), ("other/x", "other"), ("other/", "./other/x")])
def test_one_path_inside_the_other_is_refused_before_anything_is_written(repo: Repo, paths: tuple[str, str]) -> None:
    ran = repo.weft("add", *paths, code=3)
    assert "other/x lies inside other, which is named too" in ran.err
    assert not list(repo.root.glob("**/other*.weft"))
    assert repo.weft("status").code == 0


def test_of_two_pointers_the_one_that_git_does_not_know_is_blamed(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/raw.txt": b"raw", "other/x": b"x"})
    repo.weft("add", "data/raw.txt", "other")
    repo.commit("data")
    other = Repo.make(tmp_path / "other")
    other.write({"data/x": b"x"})
    other.weft("add", "data")
    shutil.copy(other.root / "data.weft", repo.root / "data.weft")
    for words in (("status",), ("push", "-n"), ("doctor",)):
        ran = repo.weft(*words, code=None)
        said = ran.out + ran.err
        assert "Git does not know data.weft" in said, said
        assert "rm data.weft" in said
        assert "git rm" not in said
    # Where Git knows neither, or both, it is the inner one, as before.
    repo.git("add", "-f", "data.weft")
    assert "git rm data/raw.txt.weft" in repo.weft("doctor", code=None).out
