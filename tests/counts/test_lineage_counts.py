"""What a question of lineage costs in a history of ten thousand commits: processes of Git."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from kit import environment
from lineagekit import Lineage, make_many, run_all

COMMITS = 10_000
STAGES = 50


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Lineage:
    """Fifty stages that ran, then ten thousand commits of other things, then fifty that ran again; the model of the first
    one is the old one."""
    made = make_many(tmp_path_factory.mktemp("many") / "repo", 100, STAGES)
    rows = ["reset refs/heads/main\nfrom refs/heads/main^0\n"]
    for number in range(COMMITS):
        text = f"{number}\n"
        rows.append(
            f"commit refs/heads/main\ncommitter Ada <ada@example.org> {1_800_000_000 + number} +0000\ndata 4\nnext\n"
            f"M 100644 inline docs/log.txt\ndata {len(text)}\n{text}\n"
        )
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=made.root, input="".join(rows).encode(), env=environment(), check=True
    )
    made.git("reset", "-q", "--hard")
    run_all(made, STAGES, 1)
    made.point("models/stage-00.pkl", "0")
    made.commit()
    return made


def asked(repo: Lineage, *args: str) -> tuple[Any, list[str]]:
    """The answer, and the Git commands, as Git itself tells them."""
    log = repo.root / ".git" / "trace.json"
    argv = [sys.executable, "-m", "weft", "lineage", *args, "--json"]
    env = environment({"GIT_TRACE2_EVENT": str(log)})
    done = subprocess.run(argv, cwd=repo.root, env=env, capture_output=True, check=True, timeout=300)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    log.unlink()
    return json.loads(done.stdout)["data"], [one["name"] for one in events if one["event"] == "cmd_name"]


def test_the_graph_of_all_stages_takes_four_processes(repo: Lineage) -> None:
    found, commands = asked(repo, "graph", "--rev", "HEAD")
    assert commands == ["rev-parse", "rev-parse", "ls-tree", "cat-file"]
    assert [step["stage"] for step in found["steps"] if step["stale"]] == ["stage-00"]


def test_the_graph_of_the_work_tree_takes_three(repo: Lineage) -> None:
    found, commands = asked(repo, "graph")
    assert commands == ["rev-parse", "ls-files", "hash-object"]
    assert [step["stage"] for step in found["steps"] if step["stale"]] == ["stage-00"]


def test_an_earlier_run_is_found_by_two_more(repo: Lineage) -> None:
    found, commands = asked(repo, "show", "--rev", "HEAD", "models/stage-00.pkl")
    assert commands == ["rev-parse", "rev-parse", "ls-tree", "cat-file", "log", "cat-file"]
    first = repo.git("rev-parse", f"HEAD~{COMMITS + 1}").strip()
    assert [(step["key"], step["commit"]) for step in found["steps"]] == [(f"{first[:12]}:stage-00", first)]


def test_why_asks_for_two_commits(repo: Lineage) -> None:
    found, commands = asked(repo, "why", "--rev", "HEAD", "models/stage-01.pkl")
    assert sorted(commands) == sorted(["rev-parse", "rev-parse", "ls-tree", "cat-file", "log", "log"])
    assert found["brought"]["commit"] == found["run"]["recorded"]["commit"] == repo.git("rev-parse", "HEAD").strip()
    source, _ = asked(repo, "why", "--rev", "HEAD", "data/stage-01")
    assert source["brought"]["commit"] == repo.git("rev-list", "--max-parents=0", "HEAD").strip()
