"""Parts of a tracked directory are taken, brought, moved and removed while its pointer changed in Git: the other side's
change of all else stays to be checked out, and is never undone in silence."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from kit import Repo

FIRST = {"d/1": b"1\n", "d/2": b"2\n", "d/3": b"3\n", "d/s/4": b"4\n", "d/s/5": b"5\n"}


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Ann changed d/1, d/s/4 and took d/3 out; her commit is merged here, whose data is that of before."""
    made = Repo.make(tmp_path / "repo", str(tmp_path / "remote"))
    made.write(FIRST)
    made.weft("add", "d")
    made.commit("first")
    made.git("switch", "-q", "-c", "ann")
    made.write({"d/1": b"ANN\n", "d/s/4": b"ANN\n"})
    (made.root / "d/3").unlink()
    made.weft("add", "d")
    made.commit("ann")
    made.git("switch", "-q", "main")
    made.weft("checkout")
    made.git("merge", "-q", "ann")
    assert (made.root / "d/1").read_bytes() == b"1\n", "nothing is brought here by itself"
    return made


BEHIND = ["< d/1  (to check out)", "< d/3  (to check out)", "< d/s/4  (to check out)"]


def lines(repo: Repo) -> list[str]:
    return [line for line in repo.weft("status", "-q").out.splitlines() if not line.startswith("~")]


def versions(repo: Repo, *names: str, rev: str = "HEAD") -> dict[str, str]:
    return {name: repo.weft("cat", f"{rev}:d/{name}").out for name in names}


def test_a_file_added_by_name_leaves_the_others_to_be_checked_out(repo: Repo) -> None:
    assert lines(repo) == BEHIND
    repo.write({"d/2": b"BOB\n"})
    repo.weft("add", "d/2")
    assert lines(repo) == BEHIND
    assert "E_STALE" in repo.weft("add", "d", code=3).err, "all of it would undo what Ann did"
    repo.git("commit", "-q", "-m", "bob")
    assert versions(repo, "1", "2", "s/4") == {"1": "ANN\n", "2": "BOB\n", "s/4": "ANN\n"}
    # Once more, before anything was checked out: it is Bob's own change.
    repo.write({"d/2": b"BOB again\n"})
    repo.weft("add", "d/2")
    repo.weft("checkout")
    assert lines(repo) == []
    assert (repo.root / "d/1").read_bytes() == b"ANN\n"
    assert (repo.root / "d/2").read_bytes() == b"BOB again\n"
    assert not (repo.root / "d/3").exists()
    assert repo.weft("add", "d").out.startswith("unchanged")


@pytest.mark.parametrize(("name", "path"), [("1", "d/1"), ("3", "d/3"), ("s/4", "d/s/4"), ("s/4", "d/s")])
def test_a_file_that_both_changed_is_refused(repo: Repo, name: str, path: str) -> None:
    repo.write({f"d/{name}": b"BOB\n", "d/2": b"BOB\n"})
    ran = repo.weft("add", "d/2", path, code=3)
    assert "E_STALE" in ran.err
    assert f"weft add --force {path}" in ran.err
    assert repo.git("status", "--porcelain").out == ""
    repo.weft("add", "--force", path)
    repo.git("commit", "-q", "-m", "bob")
    assert versions(repo, name) == {name: "BOB\n"}
    assert [line for line in lines(repo) if line != "M d/2"] == [
        line for line in BEHIND if not line.startswith(f"< {path}")
    ]


def test_theirs_is_taken_and_mine_is_kept_in_the_store(repo: Repo) -> None:
    repo.write({"d/1": b"BOB\n"})
    assert "weft checkout --force d/1 takes theirs" in repo.weft("add", "d/1", code=3).err
    ran = repo.weft("checkout", "--force", "d/1")
    assert "weft cat blake3:" in ran.out + ran.err
    assert (repo.root / "d/1").read_bytes() == b"ANN\n"
    assert lines(repo) == BEHIND[1:]


def test_the_same_change_and_a_removal_by_both_are_no_matter(repo: Repo) -> None:
    repo.write({"d/1": b"ANN\n"})
    (repo.root / "d/3").unlink()
    assert repo.weft("add", "d/1").out.startswith("unchanged")
    assert lines(repo) == BEHIND[2:]


def test_a_file_that_both_made_is_refused(repo: Repo) -> None:
    repo.git("switch", "-q", "-c", "more", "ann")
    repo.weft("checkout")
    repo.write({"d/new": b"theirs\n"})
    repo.weft("add", "d/new")
    repo.commit("more")
    repo.git("switch", "-q", "main")
    repo.weft("checkout")
    repo.git("merge", "-q", "more")
    repo.write({"d/new": b"mine\n"})
    assert "E_STALE" in repo.weft("add", "d/new", code=3).err


@pytest.mark.parametrize("verb", ["checkout", "pull"])
def test_a_part_brought_here_leaves_the_others(repo: Repo, verb: str) -> None:
    repo.weft("push", "--all")
    repo.weft(verb, "d/1")
    assert lines(repo) == BEHIND[1:]
    repo.write({"d/1": b"BOB\n"})
    repo.weft("add", "d/1")
    assert lines(repo) == BEHIND[1:]
    repo.weft("checkout")
    assert (repo.root / "d/1").read_bytes() == b"BOB\n"
    assert (repo.root / "d/s/4").read_bytes() == b"ANN\n"


def test_a_part_of_an_old_version_leaves_the_others(repo: Repo) -> None:
    repo.weft("checkout", "ann~1", "--", "d/1")
    assert lines(repo) == BEHIND[1:]
    repo.weft("checkout")
    assert (repo.root / "d/1").read_bytes() == b"1\n"
    assert (repo.root / "d/s/4").read_bytes() == b"ANN\n"


@pytest.mark.parametrize("place", ["new", "s/new"])
def test_a_part_moved_or_removed_leaves_the_others(repo: Repo, place: str) -> None:
    repo.weft("mv", "d/s/4", f"d/{place}")
    repo.weft("rm", "d/2")
    assert lines(repo) == sorted([*BEHIND[:2], f"< d/{place}  (to check out)"])
    repo.weft("checkout")
    assert (repo.root / f"d/{place}").read_bytes() == b"ANN\n"
    assert (repo.root / "d/1").read_bytes() == b"ANN\n"
    assert lines(repo) == []


def test_where_nobody_knows_what_it_was_made_from_a_changed_part_is_refused(repo: Repo) -> None:
    """As after a collection that took the manifests of then."""
    repo.write({"d/1": b"BOB\n", "d/mine": b"BOB\n"})
    with closing(sqlite3.connect(repo.root / ".git/weft/catalog.sqlite")) as catalog, catalog:
        assert catalog.execute("UPDATE tracked SET oid = ?", (bytes(32),)).rowcount == 1
    assert "E_STALE" in repo.weft("add", "d/1", code=3).err
    repo.weft("add", "d/mine")
    assert versions(repo, "mine", rev="") == {"mine": "BOB\n"}


@pytest.mark.parametrize(("part", "newer"), [("d/1", True), ("d/s", True), ("d/2", False)])
def test_what_was_never_seen_is_not_removed(repo: Repo, part: str, newer: bool) -> None:
    if not newer:
        repo.weft("rm", part)
        return
    for dry in ((), ("-n",)):
        assert "E_STALE" in repo.weft("rm", *dry, part, code=3).err
    repo.weft("rm", "--force", part)
    assert part not in repo.weft("ls", "-R", "d").out


@pytest.mark.parametrize("young", [True, False])
@pytest.mark.parametrize("more", [(), ("d/2",)])
def test_a_directory_that_did_not_change_is_added_by_name(tmp_path: Path, young: bool, more: tuple[str, ...]) -> None:
    made = Repo.make(tmp_path / "repo")
    made.write(FIRST)
    if not young:  # their rows say that nothing has to be read
        for path in (made.root / "d").rglob("*"):
            os.utime(path, (1_700_000_000, 1_700_000_000))
    made.weft("add", "d")
    if not young:
        time.sleep(0.1)
        made.weft("status")
    made.write({"d/2": b"other\n"})
    made.weft("add", "d/s", *more)
    made.weft("add", "d/s/4")
    assert lines(made) == ([] if more else ["M d/2"])


@pytest.mark.parametrize("name", ["2", "s/5"])
@pytest.mark.parametrize("dry", [(), ("-n",)])
def test_a_move_onto_data_that_is_not_here_is_refused(repo: Repo, name: str, dry: tuple[str, ...]) -> None:
    """As data that was dropped, or that a pull has named and not brought."""
    (repo.root / "d" / name).unlink()
    before = repo.weft("ls", "-R", "d").out
    refused = repo.weft("mv", *dry, "d/1", f"d/{name}", code=3).err
    assert f"d/{name} is in the tracked data already, and not here" in refused
    assert "E_UNSAVED" in repo.weft("mv", *dry, "d/1", f"d/{name}/below", code=3).err
    assert (repo.root / "d/1").exists()
    assert repo.weft("ls", "-R", "d").out == before


def test_a_move_to_a_directory_that_is_not_here_goes_into_it(repo: Repo) -> None:
    shutil.rmtree(repo.root / "d/s")
    assert "d/s/2" in repo.weft("mv", "d/2", "d/s").out
    assert repo.weft("cat", "d/s/2").out == "2\n"
    assert repo.weft("cat", "d/s/5").out == "5\n"


@pytest.mark.parametrize("path", ["d/1", "d"])
def test_own_data_in_the_place_of_what_was_dropped_is_told_from_theirs(repo: Repo, path: str) -> None:
    repo.weft("checkout")
    repo.weft("push", "--all")
    repo.git("switch", "-q", "--detach", "HEAD~1")
    repo.weft("checkout")
    repo.weft("drop", "d")
    repo.git("switch", "-q", "main")
    repo.write({"d/1": b"BOB\n"})
    assert "E_STALE" in repo.weft("add", path, "--keep-missing", code=3).err
    repo.weft("add", "--force", path, "--keep-missing")
    assert versions(repo, "1", "s/4", rev="") == {"1": "BOB\n", "s/4": "ANN\n"}


def test_a_lost_catalog_is_told_where_it_matters(repo: Repo) -> None:
    repo.write({"d/2": b"BOB\n"})
    for file in (repo.root / ".git/weft").glob("catalog.sqlite*"):
        file.unlink()
    said = repo.weft("add", "d", "--keep-missing").err
    assert "it is not known which version of d the data here was made from" in said
    repo.git("checkout", "HEAD", "--", "d.weft")
    repo.weft("checkout", "--force")
    assert "it is not known" not in repo.weft("add", "d").err
