"""What a commit waits for, counted: processes of Git and modules of Python, in a repository of ten thousand files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kit import Repo, environment
from lineagekit import Lineage, make_many, run_all
from weft.formats import yaml12
from weft.model.oid import Oid
from weft.model.stage import STAGE_FILE
from weft.workflows.validate import validate_staged

STAGES = 50
CODE = """
import json, sys
from weft.workflows.validate import {function}
result = {function}('.')
from_weft = [name for name in sys.modules]
print(json.dumps([[one.rule for one in result.violations], result.stages, result.pointers, sorted(from_weft)]))
"""
HEAVY = {
    *(
        "click",
        "rich",
        "fsspec",
        "s3fs",
        "gcsfs",
        "aiohttp",
        "botocore",
        "asyncio",
        "concurrent",
        "ssl",
        "http",
        "email",
    ),
    *("sqlite3", "zstandard", "xxhash", "pyfastcdc", "tempfile", "urllib.parse", "logging", "socket", "shutil"),
}

# What only a commit needs that changes the configuration, has metrics that weft keeps, or is refused.
SELDOM = {
    "weft.formats.config",
    "weft.gitio.worktree",
    "weft.pipeline.validate.kept_figures",
    "weft.pipeline.validate.registry",
    "weft.pipeline.validate.remotes",
    "weft.workflows.validate_workspace",
}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Lineage:
    made = make_many(tmp_path_factory.mktemp("many") / "repo", 10_000, STAGES)
    run_all(made, STAGES, 1)
    made.git("add", "-A")
    return made


def looked(repo: Lineage, function: str = "validate_staged") -> tuple[list[str], int, int, set[str], list[str]]:
    """Violations, stages, pointers, modules; and the Git commands, as Git itself tells them."""
    log = repo.root / ".git" / "trace.json"
    argv = [sys.executable, "-I", "-c", CODE.format(function=function)]
    env = environment({"GIT_TRACE2_EVENT": str(log)})
    plain = {name: value for name, value in env.items() if not name.startswith("COV")}
    done = subprocess.run(argv, cwd=repo.root, env=plain, capture_output=True, check=True, timeout=120)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    log.unlink()
    violations, stages, pointers, modules = json.loads(done.stdout)
    return violations, stages, pointers, set(modules), [one["name"] for one in events if one["event"] == "cmd_name"]


def test_four_processes_and_nothing_heavy(repo: Lineage) -> None:
    cache = repo.root / ".git" / "weft" / "validate-cache.json"
    for _ in ("cold", "warm"):
        violations, stages, pointers, modules, commands = looked(repo)
        assert (violations, stages, pointers) == ([], STAGES, STAGES)
        assert sorted(commands) == ["cat-file", "diff", "ls-files", "rev-parse"]
        assert not modules & (HEAVY | SELDOM)
        assert cache.exists()


def test_a_lie_in_one_of_fifty_costs_one_process_more_for_the_advice(repo: Lineage) -> None:
    kept = repo.read("metrics/stage-07.json")
    repo.write("metrics/stage-07.json", kept.replace(b"0.1", b"0.7", 1))
    repo.git("add", "-A")
    try:
        violations, _, _, _, commands = looked(repo)
    finally:
        repo.write("metrics/stage-07.json", kept)
        repo.git("add", "-A")
    assert set(violations) == {"WEFT010"}
    assert sorted(commands) == ["cat-file", "diff", "diff", "ls-files", "rev-parse"]


def test_what_is_known_is_not_parsed_again(repo: Lineage) -> None:
    """Python's YAML library is not even imported when every blob was parsed before."""
    looked(repo)
    *_, modules, _ = looked(repo)
    assert "yaml" not in modules
    (repo.root / ".git" / "weft" / "validate-cache.json").unlink()
    *_, modules, _ = looked(repo)
    assert "yaml" in modules


def test_what_is_kept_is_of_all_code_that_parses(repo: Lineage) -> None:
    cache = repo.root / ".git" / "weft" / "validate-cache.json"
    cache.unlink(missing_ok=True)
    *_, modules, _ = looked(repo)
    files = {name.split("-")[0] for name in json.loads(cache.read_text())["version"].split()}
    used = {name for name in modules if name.startswith(("weft.formats.", "weft.model."))}
    assert len(used) > 10
    assert {f"{name.rpartition('.')[2]}.py" for name in used} <= files


def test_a_stage_file_is_parsed_once_before_a_commit_and_once_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = make_many(tmp_path / "repo", 20, 2)
    declared = repo.read("weft.yaml").decode()
    repo.write("weft.yaml", f"{declared}validate: {{stale: error}}\n")
    repo.git("commit", "-q", "-a", "--no-verify", "-m", "refuse what is stale")
    repo.write("weft.yaml", declared.replace("cmd: ", "frozen: true\n    cmd: ", 1) + "validate: {stale: error}\n")
    repo.write("src/stage-00.py", "print('other')\n")
    repo.git("add", "-A")
    parsed: list[bytes] = []

    def load(text: bytes, *, what: str, **more: Any) -> Any:
        parsed.extend([text] if what == STAGE_FILE else [])
        return real(text, what=what, **more)

    real = yaml12.load_with_lines
    monkeypatch.setattr(yaml12, "load_with_lines", load)
    assert not validate_staged(str(repo.root), cached=False).passed
    assert len(parsed) == len(set(parsed)) == 2


def test_the_hook_of_an_unrelated_commit_loads_no_more(tmp_path: Path) -> None:
    repo = make_many(tmp_path / "repo", 20, 2)
    repo.write("docs/more.txt", "more\n")
    repo.git("add", "-A")
    violations, stages, pointers, modules, commands = looked(repo, "hook_validate")
    assert (violations, stages, pointers) == ([], 0, 0)
    assert not modules & HEAVY
    assert len(commands) <= 4


def test_a_look_at_layouts_starts_no_second_reader(tmp_path: Path) -> None:
    repo = make_many(tmp_path / "repo", 20, 2)
    Repo(repo.root).weft("init")
    repo.point("data/extra", layout=Oid.of(b"one"))
    repo.git("add", "-A")
    repo.git("commit", "-q", "--no-verify", "-m", "a pointer with a layout")
    repo.point("data/extra", layout=Oid.of(b"two"))
    repo.git("add", "-A")
    violations, _, pointers, _, commands = looked(repo, "hook_validate")
    assert (violations, pointers) == (["WEFT025"], 1)
    assert sorted(commands).count("cat-file") == 1


def test_only_for_a_part_of_a_directory_that_changed_is_the_store_opened(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"d/1": b"1\n", "d/2": b"2\n"})
    repo.weft("add", "d")
    repo.weft("run", "-q", "-n", "pick", "-d", "d/1", "-o", "o", "--", "cp", "d/1", "o")
    made = Lineage(repo.root)
    made.git("add", "-A")
    violations, stages, _, modules, commands = looked(made)
    assert (violations, stages) == ([], 1)
    assert not modules & HEAVY
    assert len(commands) <= 4
    made.git("commit", "-q", "-m", "picked")
    repo.write({"d/2": b"other\n"})
    repo.weft("add", "d")
    violations, stages, _, modules, _ = looked(made)
    assert (violations, stages) == ([], 1)
    assert "sqlite3" in modules


def test_nothing_staged_asks_for_no_blob(tmp_path: Path) -> None:
    repo = make_many(tmp_path / "repo", 5, 1)
    _, _, _, modules, commands = looked(repo, "hook_validate")
    assert sorted(commands) == ["diff", "ls-files", "rev-parse"]
    assert not modules & HEAVY


def test_a_range_costs_no_process_a_commit(tmp_path: Path) -> None:
    repo = make_many(tmp_path / "repo", 5, 2)
    for version in range(1, 6):
        run_all(repo, 2, version)
        repo.git("add", "-A")
        repo.git("commit", "-q", "-m", "again")
    log = tmp_path / "trace.json"
    code = (
        "from weft.workflows.validate import validate_range; r = validate_range('.', 'HEAD~5..HEAD'); print(r.commits)"
    )
    env = environment({"GIT_TRACE2_EVENT": str(log)})
    done = subprocess.run([sys.executable, "-c", code], cwd=repo.root, env=env, capture_output=True, check=True)
    assert done.stdout.strip() == b"5"
    names = [json.loads(line)["name"] for line in log.read_text().splitlines() if '"cmd_name"' in line]
    assert sorted(names) == ["cat-file", "diff-tree", "ls-tree", *["rev-list"], *["rev-parse"] * 3]
