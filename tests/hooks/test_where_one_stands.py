"""What hooks and verbs say in a folder whose name has a blank works in that folder, as it stands."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kit import Ran, Repo

FOLDER = "my part"
STAGE = (
    "run", "-q", "-n", "t", "-d", f"{FOLDER}/n", "-o", f"{FOLDER}/my out", "-m", "m 1.json", "--",
    """cp 'my part/n' 'my part/my out'; echo "{\\"x\\": $(cat 'my part/n')}" > 'm 1.json'""",
)  # fmt: skip


class Inside(Repo):
    """A repository that is used from a folder."""

    def here(self, *argv: str, code: int | None = 0) -> Ran:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return Repo(self.root / FOLDER, self.env).run(*argv, code=code, env={"PATH": path})

    def follow(self, ran: Ran, word: str) -> Ran:
        """Run the first line that begins with ``word``: all its steps, and of several ways the first."""
        lines = [line.strip() for line in (ran.out + ran.err).splitlines()]
        line = next(line for line in lines if line.startswith(word)).removeprefix(word)
        done = ran
        for command in line.partition(", or")[0].partition(" to ")[0].split(", then: "):
            done = self.here("sh", "-c", command.replace("git commit", "git commit -m whole"))
        return done


@pytest.fixture
def repo(tmp_path: Path) -> Inside:
    made = Inside(Repo.make(tmp_path / "repo").root)
    made.weft("install")
    made.write({f"{FOLDER}/n": b"1\n"})
    made.git("add", "-A")
    made.weft(*STAGE)
    made.commit("first")
    return made


def test_a_refused_commit(repo: Inside) -> None:
    repo.write({"m 1.json": b'{"x": 9}\n'})
    ran = repo.here("git", "commit", "-am", "x", code=1)
    assert "mend: git restore --staged --worktree '../m 1.json'" in ran.err
    repo.follow(ran, "mend: ")
    assert repo.git("status", "--porcelain").out == ""
    repo.write({f"{FOLDER}/n": b"2\n"})
    repo.git("add", "-A")
    repo.weft("repro", "-q")
    ran = repo.here("git", "commit", "-m", "x", "my out.weft", code=1)
    assert "mend: git add ../lineage/t.yaml '../m 1.json' 'my out.weft' n, then: git commit" in ran.err
    repo.follow(ran, "mend: ")
    assert repo.git("status", "--porcelain").out == ""


def test_a_conflict(repo: Inside) -> None:
    repo.write({f"{FOLDER}/my data": b"0\n", "above": b"0\n"})
    repo.weft("add", f"{FOLDER}/my data", "above")
    repo.commit("data")
    for branch, text in (("main", b"1\n"), ("side", b"2\n")):
        repo.git("switch", "-q", *(["-c", branch, "main~1"] if branch == "side" else [branch]))
        repo.weft("checkout")
        repo.write({f"{FOLDER}/my data": text, "above": text})
        repo.weft("add", f"{FOLDER}/my data", "above")
        repo.commit(branch)
    ran = repo.here("git", "merge", "main", code=1)
    assert "settle it with: weft resolve --ours ../above (or" in ran.out + ran.err
    assert "settle it with: weft resolve --ours 'my data' (or" in ran.out + ran.err
    assert "next: weft resolve --ours ../above, or" in repo.here("weft", "status", code=None).err
    repo.follow(repo.here("weft", "status", code=None), "next: ")
    ran = repo.here("weft", "status", code=None)
    assert "next: weft resolve --ours 'my data', or" in ran.err
    repo.follow(ran, "next: ")
    assert repo.git("diff", "--name-only", "--diff-filter=U").out == ""


def test_other_verbs(repo: Inside) -> None:
    repo.write({f"{FOLDER}/new data": b"1\n", "other data": b"1\n"})
    for path in ("new data", "../other data"):
        repo.follow(repo.here("weft", "push", path, code=None), "hint: ")
        assert repo.here("weft", "ls", path).out
    repo.git("add", "-A")
    for path in ("new data", "../other data"):
        repo.write({os.path.normpath(f"{FOLDER}/{path}"): b"changed\n"})
        ran = repo.here("git", "commit", "-m", "x", code=1)
        assert f"mend: weft add '{path}' to take it, weft checkout --force '{path}' to drop it" in ran.err
        repo.follow(ran, "mend: ")
    repo.here("git", "commit", "-m", "x")


def test_what_is_left_out(repo: Inside) -> None:
    repo.write({"other/data/x": b"1\n"})
    repo.weft("add", "other/data")
    repo.commit("other")
    repo.git("sparse-checkout", "set", FOLDER)
    refused = repo.here("weft", "pull", "../other/data", code=3).err
    assert "hint: git sparse-checkout add ../other" in refused
    repo.here("git", "sparse-checkout", "add", "../other")
    assert (repo.root / "other/data.weft").exists()
