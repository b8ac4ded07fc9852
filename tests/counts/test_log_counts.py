"""What a log of two thousand commits costs: processes of Git; and that its first lines do not wait for the last commit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kit import environment
from lineagekit import Lineage, make_many
from weft.model.stage import Stage
from weft.pipeline.validate import stale
from weft.pipeline.validate.context import Context
from weft.workflows.compare import MOST
from weft.workflows.log import collect, open_log

COMMITS = 2_000
PARAMS = "stage-00:\n  lr: {}\n  epochs: 3\n"


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Lineage:
    """Two thousand commits, each with another value of a param."""
    made = make_many(tmp_path_factory.mktemp("many") / "repo", 20, 1)
    rows = ["reset refs/heads/main\nfrom refs/heads/main^0\n"]
    for number in range(COMMITS):
        text = PARAMS.format(f"0.{number + 1:05d}1")
        rows.append(
            f"commit refs/heads/main\ncommitter Ada <ada@example.org> {1_800_000_000 + number} +0000\ndata 4\nnext\n"
            f"M 100644 inline params.yaml\ndata {len(text)}\n{text}\n"
        )
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=made.root, input="".join(rows).encode(), env=environment(), check=True
    )
    made.git("reset", "-q", "--hard")
    return made


def commands(trace: Path) -> list[str]:
    """The Git commands, as Git itself tells them."""
    events = [json.loads(line) for line in trace.read_text().splitlines()]
    trace.unlink()
    return [one["name"] for one in events if one["event"] == "cmd_name"]


def asked(repo: Lineage, *args: str) -> tuple[str, list[str]]:
    trace = repo.root / ".git" / "trace.json"
    argv = [sys.executable, "-m", "weft", *args]
    env = environment({"GIT_TRACE2_EVENT": str(trace)})
    done = subprocess.run(argv, cwd=repo.root, env=env, capture_output=True, check=True, timeout=300, text=True)
    return done.stdout, commands(trace)


def test_the_whole_log_takes_six_processes(repo: Lineage) -> None:
    out, used = asked(repo, "log", "--json")
    assert used == ["rev-parse", "rev-parse", "rev-parse", "ls-tree", "cat-file", "log"]
    found = json.loads(out)["data"]["commits"]
    assert len(found) == COMMITS + 1
    assert {one["params"][0]["key"] for one in found} == {"stage-00.lr"}
    assert found[0]["params"][0]["new"] == float(f"0.{COMMITS:05d}1")


def test_what_did_not_change_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten stages each commit changes one, and the log looks at that one alone."""
    made = make_many(tmp_path / "repo", 20, 10)
    for number in range(30):
        made.write(f"src/stage-{number % 10:02d}.py", f"print('{number} again')\n")
        made.git("commit", "-q", "-a", "-m", f"{number}")
    looked: list[str] = []

    def judge(context: Context, stage: Stage) -> stale.Judged:
        looked.append(stage.name)
        return real(context, stage)

    real = stale.judge
    monkeypatch.setattr(stale, "judge", judge)
    with open_log(str(made.root)) as log:
        commits = collect(log, "", everything=True).commits
    assert len(looked) == 30 + 10
    assert [len(one.stale or ()) for one in commits] == [10] * 21 + [*range(9, -1, -1)]
    assert asked(made, "log", "--all")[1] == ["rev-parse", "rev-parse", "rev-parse", "ls-tree", "cat-file", "log"]


def test_a_commit_takes_six_processes(repo: Lineage) -> None:
    assert asked(repo, "show")[1] == ["rev-parse", "rev-parse", "rev-parse", "log", "ls-tree", "cat-file"]


def test_a_comparison_takes_one_process_a_column_and_one_for_all_contents(repo: Lineage) -> None:
    out, used = asked(repo, "compare", f"HEAD~{COMMITS}..HEAD", "--json")
    assert json.loads(out)["data"]["cut"] == COMMITS - MOST
    assert used == ["rev-parse", "rev-parse", "rev-parse", "rev-list", *["ls-tree"] * MOST, "cat-file"]


def test_a_reader_that_leaves_ends_the_log_quietly(repo: Lineage) -> None:
    argv = [sys.executable, "-m", "weft", "log"]
    with subprocess.Popen(
        argv, cwd=repo.root, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().endswith(b"  next\n")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=300) == 0
