"""``weft checkout REV PATH`` for a path inside a tracked directory: files and pointer follow, and nothing else does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kit import Repo, pseudo_random

BIG = pseudo_random(700_000, 1)  # of several chunks, so that a recipe belongs to it


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    made.write({"data/labels.csv": b"old\n", "data/deep/big": BIG, "data/gone": b"g\n", "data/same": b"s\n"})
    made.weft("add", "data")
    made.commit("one")
    made.git("tag", "v1")
    made.write({"data/labels.csv": b"new\n", "data/deep/big": b"small\n", "data/added": b"a\n"})
    (made.root / "data/gone").unlink()
    made.weft("add", "data")
    made.commit("two")
    made.weft("push", "--all")
    return made


@pytest.mark.parametrize("fresh", [False, True], ids=["here", "not here"])
def test_the_pointer_follows_the_part(repo: Repo, tmp_path: Path, fresh: bool) -> None:
    if fresh:
        repo = repo.clone(tmp_path / "clone")
        repo.weft("pull")
    repo.weft("checkout", "v1", "data/labels.csv", "data/deep", "data/gone")
    assert repo.git("status", "--porcelain").out == "M  data.weft\n"
    assert "all as recorded" in repo.weft("status").out
    repo.weft("checkout")
    assert (repo.root / "data/labels.csv").read_bytes() == b"old\n"
    assert repo.weft("add", "data").out.startswith("unchanged")
    repo.git("commit", "-q", "-m", "labels of v1")
    assert repo.weft("diff", "v1", "HEAD").out.splitlines() == ["A data/added  (2 B)"]
    shutil.rmtree(repo.root / "data")
    repo.weft("checkout")
    assert (repo.root / "data/deep/big").read_bytes() == BIG


def test_a_part_that_the_revision_lacks_is_refused(repo: Repo) -> None:
    ran = repo.weft("checkout", "v1", "data/added", code=3)
    assert "holds no added" in ran.err
    assert (repo.root / "data/added").read_bytes() == b"a\n"
    assert repo.git("status", "--porcelain").out == ""


def test_data_that_is_behind_its_pointer_stays_so(repo: Repo) -> None:
    repo.git("switch", "-q", "--detach", "v1")
    repo.weft("checkout", "main", "data/labels.csv")
    assert (repo.root / "data/labels.csv").read_bytes() == b"new\n"
    assert "pointer of data changed" in repo.weft("add", "data", code=3).err


def test_what_is_not_saved_is_not_replaced(repo: Repo) -> None:
    repo.write({"data/labels.csv": b"edited\n"})
    repo.weft("checkout", "v1", "data/labels.csv", code=3)
    assert repo.git("status", "--porcelain").out == ""
    repo.weft("checkout", "--no-stage", "--force", "v1", "data/labels.csv")
    assert repo.git("status", "--porcelain").out == " M data.weft\n"
