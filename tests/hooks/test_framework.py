"""The pre-commit program calls weft: the real program, with the entries that ``weft install --pre-commit-tool`` writes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hooks_kit import Hooked, hooked
from kit import Repo
from weft.workflows.framework import STAGES


@pytest.fixture
def framed(tmp_path: Path) -> Hooked:
    """A project whose hooks are those of the pre-commit program."""
    Repo(tmp_path).git("init", "-q", "--bare", "-b", "main", "hub.git")
    env = {
        "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(tmp_path),
    }
    Repo.make(tmp_path / "repo", str(tmp_path / "store"), env=env)
    repo = hooked(tmp_path / "repo", tmp_path / "hub.git", tmp_path / "store")
    repo.env = env
    repo.weft("install", "--pre-commit-tool")
    repo.commit("entries")
    types = [word for stage in STAGES for word in ("-t", stage)]
    repo.run(sys.executable, "-m", "pre_commit", "install", *types)
    repo.git("remote", "add", "origin", str(repo.hub))
    repo.git("push", "-q", "origin", "main")
    return repo


def test_a_commit_is_validated(framed: Hooked) -> None:
    framed.data({"a": "one"})
    framed.write({"data.weft": b"<<<<<<< ours\n"})
    framed.git("add", "data.weft")
    ran = framed.git("commit", "-m", "bad", code=1)
    assert "WEFT002" in ran.err + ran.out
    framed.git("checkout", "HEAD", "--", "data.weft")


def test_a_commit_that_only_deletes_is_looked_at(framed: Hooked) -> None:
    """The program skips a hook when there are no files for it; ``always_run`` is the answer."""
    framed.data({"a": "one"})
    framed.git("rm", "-q", "data.weft")
    ran = framed.git("commit", "-m", "delete")
    assert "weft validate" in ran.err + ran.out
    assert "Skipped" not in next(line for line in (ran.err + ran.out).splitlines() if "weft validate" in line)


def test_a_push_sends_the_data_first(framed: Hooked, tmp_path: Path) -> None:
    framed.data({"a": "one"})
    framed.git("push", "-q", "origin", "main")
    framed.git("clone", "-q", str(framed.hub), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone")
    clone.weft("pull")
    assert (tmp_path / "clone/data/a").read_text() == "one"


def test_a_push_without_its_data_is_stopped(framed: Hooked) -> None:
    before = framed.there("main")
    framed.data({"a": "one"})
    framed.wipe("data")
    ran = framed.git("push", "origin", "main", code=1)
    assert "this git push is stopped" in ran.err + ran.out
    assert framed.there("main") == before


def test_a_first_push_of_everything_is_looked_at(framed: Hooked, tmp_path: Path) -> None:
    """For a remote without anything the program tells no range of commits."""
    Repo(tmp_path).git("init", "-q", "--bare", "-b", "main", "second.git")
    framed.git("remote", "add", "second", str(tmp_path / "second.git"))
    framed.data({"a": "one"})
    framed.wipe("data")
    assert "this git push is stopped" in framed.git("push", "second", "main", code=1).out


def test_data_follows_a_switch_a_merge_and_a_rebase(framed: Hooked) -> None:
    framed.data({"a": "one"})
    framed.git("switch", "-q", "-c", "side")
    framed.data({"a": "two"})
    framed.git("switch", "-q", "main")
    assert framed.read("data/a") == "one"
    framed.git("merge", "-q", "side")
    assert framed.read("data/a") == "two"
    framed.git("reset", "-q", "--hard", "HEAD~1")
    framed.git("switch", "-q", "-c", "third")
    assert framed.read("data/a") == "one"
    framed.data({"m": "mine"}, path="deep/mine")
    framed.git("rebase", "-q", "side")
    assert framed.read("data/a") == "two"


def test_a_merge_is_not_compared_with_the_workspace_of_before(framed: Hooked) -> None:
    framed.data({"a": "one"})
    framed.git("switch", "-q", "-c", "side")
    framed.data({"a": "two"})
    framed.git("switch", "-q", "main")
    framed.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    assert framed.read("data/a") == "two"


def test_our_plain_hooks_and_the_program_together(framed: Hooked) -> None:
    """Whoever comes second keeps what is there and calls it."""
    said = framed.weft("install").out
    assert "kept       .git/hooks/pre-push.before-weft" in said
    framed.data({"a": "one"})
    framed.git("push", "-q", "origin", "main")
    assert framed.there("main") == framed.head
    framed.weft("uninstall")
    assert "pre_commit" in (framed.root / ".git/hooks/pre-push").read_text()
