"""``status`` where the pointer changed and not the file, and where a checkout is enough to bring back what is not here."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from kit import Repo

FIRST = {"data/edited": b"one", "data/sub/moved": b"old", "data/gone": b"will go", "data/kept": b"kept", "file": b"1"}


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """A work tree with the data of a commit, and the pointers of the next one, whose data is in the store."""
    made = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    made.write(FIRST)
    made.weft("add", "data", "file")
    made.commit("first")
    made.git("branch", "first")
    made.write({"data/sub/moved": b"newer", "data/sub/more": b"more", "data/edited": b"other", "file": b"22"})
    (made.root / "data/gone").unlink()
    (made.root / "data/kept").chmod(0o755)
    made.weft("add", "data", "file")
    made.commit("second")
    made.weft("checkout", "first", "--", "data", "file")
    made.git("reset", "-q", "--hard")
    return made


@pytest.mark.parametrize("young", [True, False])
def test_what_is_old_is_told_from_what_was_edited(repo: Repo, young: bool) -> None:
    if not young:
        time.sleep(2.1)
        repo.weft("status")
    lines = repo.weft("status", "-q").out.splitlines()
    assert lines == [
        "< data/edited  (to check out)",
        "< data/gone  (to check out)",
        "< data/kept  (to check out)",
        "< data/sub/moved  (to check out)",
        "~ data  (1 file not here)",
        "< file  (to check out)",
    ]
    ran = repo.weft("status")
    assert "2 tracked paths: 5 to check out, 1 partly here" in ran.out
    assert [line for line in ran.err.splitlines() if line.startswith("next")] == [
        "next: weft checkout, to bring data to a pointer that changed"
    ]
    found = repo.weft("status", "--json").json["data"]["paths"]
    assert [one["state"] for one in found] == ["behind", "behind"]
    assert all(change["behind"] for one in found for change in one["changes"])
    # Edits of the same size, and of another, are edits; a new file too.
    repo.write({"data/edited": b"two", "data/sub/moved": b"longer", "data/mine": b"m"})
    ran = repo.weft("status")
    assert ran.out.splitlines()[:-1] == [
        "M data/edited",
        "< data/gone  (to check out)",
        "< data/kept  (to check out)",
        "A data/mine",
        "M data/sub/moved",
        "~ data  (1 file not here)",
        "< file  (to check out)",
    ]
    assert "next: weft checkout, to bring" in ran.err
    assert "next: weft add PATH" in ran.err
    assert repo.weft("status", "--exit-code", code=1).code == 1
    for name in ("edited", "sub/moved"):
        (repo.root / "data" / name).unlink()
    assert "D data/edited" in repo.weft("status").out
    repo.weft("checkout", "--force")
    assert (repo.root / "file").read_bytes() == b"22"


def test_a_checkout_is_named_where_it_is_enough(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    big = bytes(range(256)) * 2000
    repo.write({"data/a": b"a", "data/big": big, "alone": big[:100]})
    repo.weft("add", "data", "alone")
    repo.commit("data")
    repo.weft("push")
    repo.weft("drop", "data", "alone")
    ran = repo.weft("status")
    assert "next: weft checkout, to bring back what is not here" in ran.err
    assert "weft pull" not in ran.err
    assert {one["stored"] for one in repo.weft("status", "--json").json["data"]["paths"]} == {"all"}
    repo.weft("checkout")
    repo.weft("drop", "--store", "data", "alone")
    ran = repo.weft("status")
    assert "next: weft pull" in ran.err
    assert "weft checkout" not in ran.err
    stored = {one["path"]: one["stored"] for one in repo.weft("status", "--json").json["data"]["paths"]}
    assert stored == {"data": "some", "alone": "none"}
    clone = repo.clone(tmp_path / "clone")
    assert "next: weft pull" in clone.weft("status").err
    clone.weft("fetch")
    assert "next: weft checkout, to bring back" in clone.weft("status").err


def test_long_lists_are_folded_and_stat_counts(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({f"data/{kind}/{at}": f"{kind} {at}".encode() for kind in ("cats", "dogs") for at in range(40)})
    repo.weft("add", "data")
    repo.commit("data")
    shutil.rmtree(repo.root / "data/dogs")
    repo.write({"data/cats/1": b"changed", "data/cats/new": b"n"})
    ran = repo.weft("status")
    assert ran.out.splitlines()[:-1] == ["M data/cats/1", "A data/cats/new", "D data/dogs/  (40 files)"]
    assert "weft status -v lists each file" in ran.err
    assert repo.weft("status", "-v").out.count("D data/dogs/") == 40
    assert len(repo.weft("status", "--json").json["data"]["paths"][0]["changes"]) == 42
    assert repo.weft("diff").out.splitlines()[-1] == "D data/dogs/  (40 files, 270 B)"
    assert "weft diff -v lists each file" in repo.weft("diff").err
    assert repo.weft("diff", "-v").out.count("\n") == 42
    stat = repo.weft("status", "--stat", "-q").out.splitlines()
    assert stat[0].split() == ["files", "size", "changes"]
    assert [line.split() for line in stat[1:]] == [
        [
            "data",
            "80",
            "540",
            "B",
            "1",
            "added",
            "(+1",
            "B),",
            "1",
            "modified",
            "(+1",
            "B),",
            "40",
            "deleted",
            "(-270",
            "B)",
        ],
        ["data/cats/", "1", "added", "(+1", "B),", "1", "modified", "(+1", "B)"],
        ["data/dogs/", "40", "deleted", "(-270", "B)"],
    ]
