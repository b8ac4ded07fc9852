"""A commit with a part of a good run is refused, and what it is told to do keeps the run: nothing else has its results."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from kit import Ran, Repo

STAGE = (
    "run", "-q", "-n", "t", "-d", "n", "-o", "out.txt", "-m", "m.json", "--",
    'cat n > out.txt; echo "{\\"x\\": $(cat n), \\"id\\": \\"$$\\"}" > m.json',
)  # fmt: skip
RESULTS = ["lineage/t.yaml", "m.json", "out.txt.weft"]


def follow(repo: Repo, ran: Ran, word: str = "mend: ") -> Ran:
    """Run what a mend says, in a shell; the message of a commit is that of nobody."""
    line = next(line for line in (ran.out + ran.err).splitlines() if line.strip().startswith(word))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    after = ran
    for command in line.strip().removeprefix(word).split(", then: "):
        script = command.replace("git commit", "git commit -m whole")
        after = repo.run("sh", "-c", script, env={"PATH": path}, code=None)
    return after


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stage that ran and was committed, and ran again with other results, which nobody committed."""
    made = Repo.make(tmp_path_factory.mktemp("base") / "repo")
    made.weft("install")
    made.write({"n": b"1\n"})
    made.git("add", "n")
    made.weft(*STAGE)
    made.commit("first")
    made.write({"n": b"2\n"})
    made.git("add", "n")
    made.weft("repro", "-q")
    return made.root


@pytest.fixture
def repo(base: Path, tmp_path: Path) -> Repo:
    shutil.copytree(base, tmp_path / "repo", symlinks=True)
    return Repo(tmp_path / "repo")


@pytest.mark.parametrize("part", [*RESULTS, "n"])
def test_what_a_commit_of_a_part_is_told_commits_the_whole(repo: Repo, part: str) -> None:
    fresh = (repo.root / "m.json").read_bytes()
    ran = repo.git("commit", "-m", "x", part, code=None)
    assert ran.code == 1
    mends = [line for line in ran.err.splitlines() if "mend: " in line]
    assert all(line.strip().startswith("mend: git add ") for line in mends), ran.err
    assert follow(repo, ran).code == 0
    assert (repo.root / "m.json").read_bytes() == fresh
    assert repo.git("show", "HEAD:m.json").out.encode() == fresh
    assert repo.git("status", "--porcelain").out == ""
    repo.weft("validate", "--range", "HEAD~1..HEAD")


@pytest.mark.parametrize("left", RESULTS)
def test_so_is_what_was_taken_out_of_the_index(repo: Repo, left: str) -> None:
    fresh = (repo.root / "m.json").read_bytes()
    repo.git("restore", "--staged", left)
    ran = repo.git("commit", "-m", "x", code=1)
    assert "mend: git add lineage/t.yaml m.json out.txt.weft, then: git commit" in ran.err
    assert follow(repo, ran).code == 0
    assert repo.git("show", "HEAD:m.json").out.encode() == fresh


def test_a_first_run_without_its_record_is_told_of_the_record(repo: Repo) -> None:
    repo.git("reset", "-q", "--soft", "HEAD~1")
    repo.git("rm", "-q", "-f", "--cached", "lineage/t.yaml")
    ran = repo.git("commit", "-m", "x", code=1)
    assert "WEFT015" in ran.err
    assert follow(repo, ran).code == 0
    assert "lineage/t.yaml" in repo.git("show", "--stat", "HEAD").out


def test_a_record_edited_by_hand_gives_way_to_the_one_of_the_run(repo: Repo) -> None:
    right = (repo.root / "lineage/t.yaml").read_bytes()
    repo.write({"lineage/t.yaml": right.replace(b"author:", b"rationale: none\nauthor:")})
    repo.git("add", "lineage/t.yaml")
    repo.write({"lineage/t.yaml": right})
    ran = repo.git("commit", "-m", "x", code=1)
    assert re.search(r"WEFT00[68]", ran.err)
    assert "mend: git add lineage/t.yaml m.json out.txt.weft, then: git commit" in ran.err
    assert follow(repo, ran).code == 0


def test_the_code_and_the_declaration_of_the_run_come_along(repo: Repo) -> None:
    text = (repo.root / "weft.yaml").read_bytes()
    repo.write({"weft.yaml": text.replace(b"cat n > out.txt", b"cat  n > out.txt"), "n": b"3\n"})
    repo.weft("repro", "-q")
    repo.git("restore", "--staged", "m.json")
    ran = repo.git("commit", "-m", "x", code=1)
    assert "mend: git add lineage/t.yaml m.json n out.txt.weft weft.yaml, then: git commit" in ran.err
    assert follow(repo, ran).code == 0
    assert repo.git("status", "--porcelain").out == ""


def test_a_false_file_is_not_added(repo: Repo) -> None:
    """Metrics that were changed by hand after the run are not those of the run: there the file is what has to go."""
    repo.commit("second")
    repo.write({"m.json": b'{"x": 99}\n'})
    ran = repo.git("commit", "-m", "x", "m.json", code=1)
    assert "mend: git restore --staged --worktree m.json" in ran.err
    repo.write({"n": b"3\n"})
    repo.git("add", "n")
    repo.weft("repro", "-q")
    repo.write({"m.json": b'{"x": 99}\n'})
    ran = repo.git("commit", "-m", "x", "m.json", code=1)
    assert "git add lineage" not in ran.err
    assert "mend: weft repro t" in ran.err, "the run before is not what anybody wants back"


def test_phase_c_does_not_offer_to_drop_the_data_of_a_run(repo: Repo) -> None:
    repo.commit("second")
    repo.write({"n": b"3\n"})
    repo.weft("repro", "-q")
    ran = repo.git("commit", "-m", "x", "n", code=None)
    assert "checkout --force" not in ran.err
