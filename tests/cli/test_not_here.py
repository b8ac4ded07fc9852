"""``status`` and ``diff`` where a part of the data, or the listing of it, is not here."""

from __future__ import annotations

import shutil
from pathlib import Path

from kit import Repo


def _two(tmp_path: Path) -> tuple[Repo, Repo]:
    """A repository and a clone that has its data."""
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    repo.write({"data/a": b"1\n", "data/b": b"b\n", "data/c": b"c\n"})
    repo.weft("add", "data")
    repo.commit("data")
    repo.weft("push")
    clone = repo.clone(tmp_path / "clone")
    clone.weft("pull")
    return repo, clone


def test_a_pointer_that_came_with_git_pull(tmp_path: Path) -> None:
    repo, clone = _two(tmp_path)
    repo.write({"data/a": b"two\n", "data/new": b"n\n"})
    repo.weft("add", "data")
    repo.commit("more")
    repo.weft("push")
    clone.git("pull", "-q")
    ran = clone.weft("status")
    assert "< data  (its pointer changed, and the new data is not here)" in ran.out
    assert "1 behind its pointer" in ran.out
    assert "next: weft pull" in ran.err
    assert clone.weft("status", "--exit-code", code=1).code == 1
    shutil.move(str(tmp_path / "store"), str(tmp_path / "away"))
    for revision in ([], ["HEAD"]):
        assert "no differences" not in clone.weft("diff", *revision, code=None).err
        assert clone.weft("diff", "--exit-code", *revision, code=None).code not in (0, 1)
    shutil.move(str(tmp_path / "away"), str(tmp_path / "store"))
    ran = clone.weft("diff", "--exit-code", code=1)
    assert "M data/a" in ran.out
    assert "data: 1 file not here, and not compared" in ran.err
    # The listing is here now, and status knows as much.
    ran = clone.weft("status")
    assert ran.out.splitlines()[:2] == ["< data/a  (to check out)", "~ data  (1 file not here)"]
    assert "1 to check out, 1 partly here" in ran.out


def test_files_that_are_not_here_beside_others_that_changed(tmp_path: Path) -> None:
    _, clone = _two(tmp_path)
    (clone.root / "data/b").unlink()
    clone.weft("add", "data")
    clone.git("reset", "-q", "--hard")
    clone.write({"data/a": b"changed\n"})
    status = clone.weft("status")
    assert status.out.splitlines()[:-1] == ["M data/a", "~ data  (1 file not here)"]
    for revision in ([], ["HEAD"]):
        ran = clone.weft("diff", *revision)
        assert ran.out.startswith("M data/a")
        assert "data: 1 file not here, and not compared" in ran.err
    assert clone.weft("diff", "--json").json["data"]["absent"] == [["data", 1]]


def test_a_pointer_whose_new_data_is_nowhere_here_wants_a_pull(tmp_path: Path) -> None:
    repo, clone = _two(tmp_path)
    repo.write({"one": b"1", "data/a": b"1\n"})
    repo.weft("add", "one")
    repo.commit("one")
    repo.weft("push")
    clone.git("pull", "-q")
    clone.weft("pull")
    repo.write({"one": b"22"})
    repo.weft("add", "one")
    repo.commit("two")
    repo.weft("push")
    clone.git("pull", "-q")
    ran = clone.weft("status")
    assert "< one  (to check out)" in ran.out
    steps = [line for line in ran.err.splitlines() if line.startswith("next")]
    assert steps == ["next: weft pull, to bring what is not here"]
    clone.weft("fetch")
    assert "next: weft checkout, to bring data to a pointer that changed" in clone.weft("status").err
    # So it is for a directory of which only the listing is here.
    repo.write({"data/a": b"other\n"})
    repo.weft("add", "data")
    repo.commit("three")
    repo.weft("push")
    clone.weft("checkout")
    clone.git("pull", "-q")
    clone.weft("diff")
    ran = clone.weft("status")
    assert "< data/a  (to check out)" in ran.out
    assert [line for line in ran.err.splitlines() if line.startswith("next")] == steps


def test_an_edit_is_told_while_the_new_listing_is_not_here(tmp_path: Path) -> None:
    repo, clone = _two(tmp_path)
    repo.write({"data/b": b"two\n"})
    repo.weft("add", "data")
    repo.commit("more")
    repo.weft("push")
    clone.git("pull", "-q")
    clone.write({"data/a": b"mine\n", "data/new": b"n\n"})
    (clone.root / "data/c").unlink()
    ran = clone.weft("status")
    assert ran.out.splitlines()[:4] == [
        "M data/a",
        "D data/c",
        "A data/new",
        "< data  (its pointer changed, and the new data is not here)",
    ]
    assert "1 added, 1 modified, 1 deleted, 1 behind its pointer" in ran.out
    assert "next: weft pull, to bring what is not here" in ran.err
    assert "next: weft checkout, to bring" not in ran.err
    found = clone.weft("status", "--json").json["data"]["paths"][0]
    assert (found["state"], found["stored"], len(found["changes"])) == ("behind", "none", 3)
