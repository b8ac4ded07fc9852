"""The long run of ``make fuzz``: each target for some seconds.

With atheris it is guided by the coverage of the code (``guided.py``); where that is not installed, inputs are changes of
seeds and of what was taken before. It ends with 1 on a finding, whose bytes it then leaves in ``build/fuzz``.
Use: ``python tests/fuzz/long.py SECONDS [TARGET...]``.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
import traceback
from importlib.util import find_spec
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent))

from mutate import mutate  # type: ignore[import-not-found]
from targets import REPOSITORY, SEEDS, TARGETS, run  # type: ignore[import-not-found]

_KEPT = 500
FOUND = REPOSITORY / "build/fuzz"


def explore(name: str, seconds: float, random: Random) -> tuple[int, int, list[bytes]]:
    """Run ``name`` for ``seconds``; executions, how many of them were taken, and one input for each kind of finding."""
    pool, findings = list(SEEDS[name]), {}
    count = taken = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutate(random, random.choice(pool), random.choice(pool))
        count += 1
        try:
            if run(name, data):
                taken += 1
                if len(data) < 1 << 16:
                    if len(pool) < _KEPT:
                        pool.append(data)
                    else:
                        pool[random.randrange(len(SEEDS[name]), _KEPT)] = data
        except Exception as fault:  # a finding of any kind is what is looked for
            place = traceback.extract_tb(fault.__traceback__)[-1]
            findings.setdefault((type(fault), place.filename, place.lineno), data)
    return count, taken, list(findings.values())


def guided(name: str, seconds: float) -> tuple[int, list[Path]]:
    """Let atheris run ``name``; executions, and the files of what it found: it stops at the first."""
    FOUND.mkdir(parents=True, exist_ok=True)
    before = set(FOUND.glob(f"{name}-*"))
    command = [sys.executable, str(Path(__file__).with_name("guided.py")), name, str(seconds)]
    done = subprocess.run(
        [*command, str(FOUND / "corpus" / name), str(FOUND / f"{name}-")], capture_output=True, text=True, check=False
    )
    found = sorted(set(FOUND.glob(f"{name}-*")) - before)
    if done.returncode and not found:
        raise SystemExit(f"the fuzzer of {name} ended with {done.returncode}:\n{done.stderr}")
    count = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    return int(count[1]) if count else 0, found


def blind(name: str, seconds: float, random: Random) -> tuple[int, list[Path]]:
    """``explore``, with what it found in files."""
    count, taken, findings = explore(name, seconds, random)
    print(f"{name:10} {taken:9} of {count} were taken")
    paths = []
    for data in findings:
        path = FOUND / f"{name}-{hashlib.sha256(data).hexdigest()[:16]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        paths.append(path)
    return count, paths


def main(words: list[str]) -> int:
    """Print executions and findings of every target."""
    seconds, names = float(words[0]), words[1:] or sorted(TARGETS)
    seed = time.time_ns()
    seeing = find_spec("atheris") is not None
    print(f"{seconds:g} s a target, " + ("guided by coverage" if seeing else f"without coverage, seed {seed}"))
    failed = 0
    for name in names:
        count, findings = guided(name, seconds) if seeing else blind(name, seconds, Random(seed))
        print(f"{name:10} {count:9} runs, {len(findings)} findings", flush=True)
        for path in findings:
            print(f"  {path.relative_to(REPOSITORY)}")
            try:
                run(name, path.read_bytes())
            except Exception:
                print("    " + traceback.format_exc(limit=-2).replace("\n", "\n    "))
        failed += len(findings)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
