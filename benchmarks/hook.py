"""What the pre-commit hook costs: a repository of 10,000 tracked files, of which a commit changes 50 stages.

    python benchmarks/hook.py [--files N] [--stages N] [--rounds N]

Prints the best time of several runs above the bare start of the interpreter, cold (nothing parsed before) and warm, the
Git processes that were started, and the modules that were loaded.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from kit import environment
from lineagekit import Lineage, make_many, run_all

# Phases A and B as ``weft-hook pre-commit`` runs them; phase C, which looks at the workspace, is left out.
CODE = (
    "import os, sys; from weft.cli.main import prepare; prepare(); "
    "from weft.workflows.validate import validate_staged; r = validate_staged('.'); {end}"
)
END = "os._exit(len(r.violations))"
FACTS = "import json; print(json.dumps([len(r.violations), r.stages, r.pointers, sorted(sys.modules)]))"


def best(argv: Sequence[str], cwd: Path, rounds: int, before: Path | None = None) -> tuple[float, float]:
    """Seconds on the clock and of the processor, each the least of ``rounds``; ``before`` is a file to remove each time."""
    clock, cpu = [], []
    for _ in range(rounds):
        if before is not None:
            before.unlink(missing_ok=True)
        began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(argv, cwd=cwd, env=environment(), check=True)
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        clock.append(time.perf_counter() - began)
        cpu.append(spent.ru_utime + spent.ru_stime - used.ru_utime - used.ru_stime)
    return min(clock), min(cpu)


def git_processes(repo: Lineage, argv: Sequence[str]) -> list[str]:
    """The Git commands that ``argv`` runs, as Git itself tells."""
    log = repo.root / ".git" / "trace.json"
    subprocess.run(argv, cwd=repo.root, env=environment({"GIT_TRACE2_EVENT": str(log)}), check=True)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    log.unlink()
    return [event["name"] for event in events if event["event"] == "cmd_name"]


def main() -> None:
    """Build, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--stages", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        repo = make_many(Path(folder) / "repo", options.files, options.stages)
        run_all(repo, options.stages, 1)
        repo.git("add", "-A")
        hook = [sys.executable, "-I", "-c", CODE.format(end=END)]
        cache = repo.root / ".git" / "weft" / "validate-cache.json"
        bare = best([sys.executable, "-I", "-c", "pass"], repo.root, options.rounds)
        rows = {
            "imports alone": best(
                [
                    sys.executable,
                    "-I",
                    "-c",
                    "from weft.cli.main import prepare; prepare(); import weft.workflows.validate",
                ],
                repo.root,
                options.rounds,
            ),
            "cold": best(hook, repo.root, options.rounds, cache),
            "warm": best(hook, repo.root, options.rounds),
        }
        facts = subprocess.check_output(
            [sys.executable, "-I", "-c", CODE.format(end=FACTS)], cwd=repo.root, env=environment()
        )
        violations, stages, pointers, modules = json.loads(facts)
        print(f"{options.files} files, {stages} stages and {pointers} pointers checked, {violations} violations")
        print(f"bare interpreter: {bare[0] * 1000:.1f} ms, {bare[1] * 1000:.1f} ms of the processor")
        for name, (clock, cpu) in rows.items():
            over = (clock - bare[0]) * 1000, (cpu - bare[1]) * 1000
            print(f"{name}: {over[0]:.1f} ms above it, {over[1]:.1f} ms of the processor")
        print(f"git processes: {', '.join(git_processes(repo, hook))}")
        print(
            f"{len(modules)} modules: {' '.join(name for name in modules if not name.startswith(('_', 'encodings')))}"
        )


if __name__ == "__main__":
    main()
