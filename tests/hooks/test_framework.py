"""The pre-commit program calls weft: the real program, with the entries that ``weft install --pre-commit-tool`` writes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hooks_kit import Hooked, hooked
from kit import Repo
from weft.workflows.framework import STAGES

TYPES = [word for stage in STAGES for word in ("-t", stage)]


def tool(repo: Hooked, *args: str, code: int = 0) -> str:
    """Run the pre-commit program; what it said."""
    ran = repo.run(sys.executable, "-m", "pre_commit", *args, code=code)
    return ran.out + ran.err


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
    tool(repo, "install", *TYPES)
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
    ran = framed.git("push", "second", "main", code=1)
    assert "this git push is stopped" in ran.out + ran.err


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
    assert "installed  .git/hooks/pre-commit.legacy" in said
    assert "pre_commit" in (framed.root / ".git/hooks/pre-commit").read_text()
    tool(framed, "install", *TYPES)  # once more: it calls ours, and not each the other
    framed.data({"a": "one"})
    framed.git("push", "-q", "origin", "main")
    assert framed.there("main") == framed.head
    framed.weft("uninstall")
    assert "pre_commit" in (framed.root / ".git/hooks/pre-push").read_text()
    assert not list((framed.root / ".git/hooks").glob("*.legacy"))


# --- commits that are there already -----------------------------------------------------------------------------------


@pytest.fixture
def false(framed: Hooked) -> Hooked:
    """``HEAD`` holds data beside its pointer: it was made without the hook."""
    framed.data({"a": "one"})
    framed.git("add", "-f", "data/a")
    framed.git("commit", "-q", "--no-verify", "-m", "false")
    return framed


@pytest.mark.parametrize(
    "arguments",
    [
        ("--all-files",),
        ("--from-ref", "HEAD~", "--to-ref", "HEAD"),
        ("--from-ref", "HEAD", "--to-ref", "HEAD"),
        ("--all-files", "--hook-stage", "manual"),
    ],
)
def test_a_job_judges_the_commits_that_are_there(false: Hooked, arguments: tuple[str, ...]) -> None:
    said = tool(false, "run", *arguments, code=1)
    assert "WEFT003" in said
    assert "Failed" in said
    false.git("rm", "-q", "--cached", "data/a")
    false.git("commit", "-q", "-m", "mended")
    assert "Passed" in tool(false, "run", "--all-files")


def test_a_range_names_the_false_commit_that_a_later_one_mends(false: Hooked) -> None:
    bad = false.head
    false.git("rm", "-q", "--cached", "data/a")
    false.git("commit", "-q", "-m", "mended")
    assert bad[:12] in tool(false, "run", "--from-ref", "HEAD~2", "--to-ref", "HEAD", code=1)


def test_what_is_staged_is_judged_before_what_is_there(false: Hooked) -> None:
    false.git("rm", "-q", "--cached", "data/a")
    assert "Passed" in tool(false, "run", "--all-files")


def test_an_empty_commit_is_not_stopped_for_the_one_before(false: Hooked) -> None:
    false.git("commit", "-q", "--allow-empty", "-m", "empty")


def test_before_the_first_commit_there_is_nothing_to_judge(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "new")
    repo.root.mkdir()
    repo.git("init", "-q")
    repo.weft("init")
    repo.git("rm", "-q", "-r", "--cached", ".")
    ran = repo.run(sys.executable, "-m", "weft.cli.hook", "pre-commit", env={"PRE_COMMIT": "1"})
    assert ran.err == ""


# --- pushes of several refs -------------------------------------------------------------------------------------------


def branches(repo: Hooked) -> None:
    """Data on ``feat`` and ``other`` that the remote has not."""
    for name in ("feat", "other"):
        repo.git("switch", "-q", "-c", name, "main")
        repo.data({name: name})
    repo.git("switch", "-q", "main")


def test_a_push_of_several_refs_is_proved_for_all(framed: Hooked) -> None:
    framed.data({"a": "one"})
    branches(framed)
    framed.git("push", "origin", "main", "feat", "other")
    for name in ("main", "feat", "other"):
        assert "no damage" in framed.weft("verify", "--on-remote", "--rev", name).out


def test_a_push_of_several_refs_stops_for_one_without_its_data(framed: Hooked) -> None:
    framed.data({"a": "one"})
    framed.git("push", "-q", "origin", "main")
    branches(framed)
    framed.weft("push", "--rev", "other")
    framed.git("switch", "-q", "feat")
    framed.wipe("data")
    framed.git("push", "origin", "other", "feat", code=1)
    assert framed.there("other") == framed.there("feat") == ""


def test_without_our_hook_it_is_said_what_was_not_looked_at(framed: Hooked) -> None:
    (framed.root / ".git/hooks/pre-push.legacy").unlink()
    framed.data({"a": "one"})
    branches(framed)
    said = framed.git("push", "origin", "main", "feat", "other")
    assert "their data was not looked at: feat, other" in said.out + said.err
    framed.git("branch", "-D", "feat", "other")
    framed.data({"a": "two"})
    said = framed.git("push", "origin", "main")
    assert "not looked at" not in said.out + said.err


def test_a_run_by_hand_is_no_push(framed: Hooked) -> None:
    assert "nothing was looked at" in tool(framed, "run", "--all-files", "--hook-stage", "pre-push", code=1)


def test_installed_twice_the_hook_before_a_push_stays(framed: Hooked) -> None:
    assert (framed.root / ".git/hooks/pre-push.legacy").exists()
    assert framed.weft("install", "--pre-commit-tool").out == "everything is installed already\n"
    tool(framed, "install", *TYPES)
    assert framed.weft("install", "--pre-commit-tool").out == "everything is installed already\n"


# --- entries of others ------------------------------------------------------------------------------------------------

REPOSITORY = """\
repos:
  - repo: https://example.com/weft
    rev: v0.1.0
    hooks:
      - id: weft-validate
"""
LOCAL = """\
repos:
  - repo: local
    hooks:
      - {"id": "data", "name": data, "entry": "weft-hook pre-commit", "language": system}
"""


@pytest.mark.parametrize("entries", [REPOSITORY, LOCAL])
def test_no_second_set_of_entries(tmp_path: Path, entries: str) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({".pre-commit-config.yaml": entries.encode()})
    repo.commit("entries")
    said = repo.weft("install", "--pre-commit-tool").out
    assert ".pre-commit-config.yaml" not in said
    assert "driver     merge.weft-pointer" in said
    assert (repo.root / ".pre-commit-config.yaml").read_text() == entries


def test_other_entries_are_none_of_weft(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write(
        {".pre-commit-config.yaml": b"repos: # no id: weft-validate\n  - repo: x\n    hooks:\n      - id: weaver\n"}
    )
    repo.commit("entries")
    assert "changed    .pre-commit-config.yaml" in repo.weft("install", "--pre-commit-tool").out


def test_doctor_sees_the_program(framed: Hooked) -> None:
    def probe(code: int) -> tuple[str, str, str]:
        found = framed.weft("doctor", "--json", code=code).json["data"]["probes"]
        return next((one["state"], one["detail"], one["hint"]) for one in found if one["name"] == "hooks")

    assert probe(0)[:2] == ("ok", "through the pre-commit program")
    tool(framed, "uninstall", *TYPES[:2])
    state, detail, hint = probe(1)
    assert (state, detail) == ("warn", "the pre-commit program is not installed for pre-commit")
    assert hint == "pre-commit install -t pre-commit"
