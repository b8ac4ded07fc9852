"""The examples for CI services are YAML, and their steps find what a hook was told to overlook, without any data."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit import Repo

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "guide" / "ci.md"
BASES = ("BASE", "CI_MERGE_REQUEST_DIFF_BASE_SHA")


def examples() -> list[Any]:
    return [yaml.safe_load(text) for text in re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.S | re.M)]


def scripts(example: Any) -> list[str]:
    """The shell commands of a workflow of GitHub's, or of the jobs of GitLab's file."""
    if "jobs" in example:
        steps = [step for job in example["jobs"].values() for step in job["steps"]]
        return [step["run"] for step in steps if "run" in step]
    return [line for job in example.values() for line in job["script"]]


@pytest.fixture
def job(tmp_path: Path) -> Repo:
    """What a CI service has: a clone with the commits and none of the data, on the branch of a change."""
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    repo.write({"data/a": b"one"})
    repo.weft("add", "data")
    repo.commit("data")
    clone = repo.clone(tmp_path / "job")
    clone.env = {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"}
    clone.git("switch", "-q", "-c", "change")
    clone.write({"code.py": b"1"})
    clone.commit("code")
    return clone


@pytest.mark.parametrize("example", examples(), ids=["github", "gitlab"])
def test_the_steps_pass_a_good_change_and_stop_a_bad_one(example: Any, job: Repo) -> None:
    base = job.git("rev-parse", "origin/main").out.strip()
    job.env |= dict.fromkeys(BASES, base)
    commands = scripts(example)
    assert commands[0] == 'pip install "$WEFT"'
    assert len(commands) > 1
    for command in commands[1:]:
        job.run("/bin/sh", "-ec", command)
    job.write({"data.weft": b"<<<<<<< ours\n"})
    job.git("commit", "-q", "-a", "--no-verify", "-m", "past the hook")
    assert [job.run("/bin/sh", "-ec", command, code=None).code for command in commands[1:]] == [1]
    assert not (job.root / "data").exists()


def test_no_example_gives_secrets_to_strangers() -> None:
    github, gitlab = examples()
    assert "pull_request_target" not in github[True], "YAML 1.1 reads the key `on` as true"
    assert github["permissions"]["contents"] == "read"
    for text in (PAGE.read_text().partition("## Is the data there?")[0],):
        assert "${{ secrets" not in text
    assert gitlab["weft"]["variables"]["GIT_DEPTH"] == "0"
    assert github["jobs"]["validate"]["steps"][0]["with"]["fetch-depth"] == 0
