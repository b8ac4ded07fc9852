"""A project inside a repository: what is printed there works there."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import Ran, Repo


class Inside(Repo):
    """A repository used from ``projects/vision``."""

    def here(self, *arguments: str, code: int | None = 0) -> Ran:
        return self.weft("-C", "projects/vision", *arguments, code=code)

    def follow(self, ran: Ran) -> Ran:
        """Run what a hint says, as it stands."""
        line = next(
            line for line in (ran.out + ran.err).splitlines() if line.startswith(("hint: weft ", "next: weft "))
        )
        return self.here(*line.split(",")[0].split(";")[0].split()[2:])


@pytest.fixture
def repo(tmp_path: Path) -> Inside:
    made = Inside(Repo.make(tmp_path / "repo", "../remote").root)
    made.write({"projects/vision/data/a": b"a", "projects/vision/data/b": b"b", "raw/r": b"r"})
    made.weft("add", "projects/vision/data", "raw")
    made.commit("data")
    return made


def test_status_diff_and_add_name_paths_from_here(repo: Inside) -> None:
    repo.write({"projects/vision/data/a": b"changed", "raw/r": b"changed"})
    status = repo.here("status")
    assert status.out.splitlines()[:2] == ["M data/a", "M ../../raw/r"]
    assert repo.here("diff").out.splitlines()[0].startswith("M data/a ")
    assert [line.split()[1] for line in repo.here("add", "data", "../../raw").out.splitlines()[:2]] == [
        "data",
        "../../raw",
    ]
    assert repo.here("status", "--json").json["data"]["paths"][0]["path"] == "projects/vision/data", "from the top"
    assert "D data/b" in repo.weft("-C", "projects/vision", "rm", "-q", "data/b").out + repo.here("diff", "HEAD").out


def test_hints_work_as_they_stand(repo: Inside) -> None:
    repo.write({"projects/vision/new": b"new"})
    untracked = repo.here("push", "new", code=3)
    assert "hint: weft add new" in untracked.err
    assert "added      new" in repo.follow(untracked).out
    (repo.root / "projects/vision/new").unlink()
    assert "wrote 1 file" in repo.follow(repo.here("add", "new", code=3)).out


def test_input_is_read_from_here_and_revisions_from_the_top(repo: Inside) -> None:
    assert repo.here("cat", "data/a").out == "a"
    assert repo.here("cat", "HEAD:projects/vision/data/a").out == "a"
    assert repo.here("cat", "HEAD:./data/a").out == "a"
    assert repo.here("cat", "HEAD:../../raw/r").out == "r"
    assert repo.here("cat", ":/raw/r").out == "r"
    missing = repo.here("cat", "HEAD:data/a", code=3)
    assert "data/a is not tracked in HEAD" in missing.err
    assert repo.follow(missing).out.splitlines() == ["dir  2 B  2  data/", "dir  1 B  1  ../../raw/"]
    assert repo.here("ls", "HEAD:projects/vision/data").out == repo.here("ls", "data").out
    assert "../../raw/" in repo.here("ls", "HEAD:").out
    assert "data" in repo.here("show", "HEAD:projects/vision/data").out


def test_history_names_paths_from_here(repo: Inside) -> None:
    assert "A data/" in repo.here("log", "--", "data").out
    assert "projects/vision/data" in repo.here("log", "--format", "csv", "--", "data").out
    assert "../../raw/" in repo.here("show").out
    repo.write({"raw/r": b"more"})
    repo.weft("add", "raw")
    repo.commit("more")
    assert "../../raw" in repo.here("compare", "HEAD~1", "HEAD").out
    assert ",raw," in repo.here("compare", "HEAD~1", "HEAD", "--format", "csv").out


def test_a_path_that_is_nowhere_is_an_error(repo: Inside) -> None:
    assert "no such path: nonexistent" in repo.here("log", "--", "nonexistent", code=3).err
    assert "E_NO_PATH" in repo.here("log", "--json", "--", "nonexistent", code=3).out
    repo.write({"projects/vision/notes.txt": b"untracked"})
    assert "no commit changed any of this" in repo.here("log", "--", "notes.txt").err
    repo.git("rm", "-q", "raw.weft")
    repo.commit("gone")
    repo.weft("checkout")
    assert "D raw/" in repo.weft("log", "--", "raw").out, "it was there once"
