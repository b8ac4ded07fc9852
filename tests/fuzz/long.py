"""The long run of ``make fuzz``: each target for some seconds, with changes of seeds and of what was taken before.

It sees nothing of the code that runs, unlike a fuzzer that measures coverage. It ends with 1 on a finding, whose bytes it
then leaves in ``build/fuzz``. Use: ``python tests/fuzz/long.py SECONDS [TARGET...]``.
"""

from __future__ import annotations

import hashlib
import sys
import time
import traceback
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent))

from mutate import mutate  # type: ignore[import-not-found]
from targets import REPOSITORY, SEEDS, TARGETS, run  # type: ignore[import-not-found]

_KEPT = 500


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


def main(words: list[str]) -> int:
    """Print executions and findings of every target."""
    seconds, names = float(words[0]), words[1:] or sorted(TARGETS)
    seed = time.time_ns()
    print(f"seed {seed}, {seconds:g} s a target, without coverage")
    failed = 0
    for name in names:
        count, taken, findings = explore(name, seconds, Random(seed))
        print(f"{name:10} {count:9} runs, {taken:8} taken, {len(findings)} findings", flush=True)
        for data in findings:
            path = REPOSITORY / "build/fuzz" / f"{name}-{hashlib.sha256(data).hexdigest()[:16]}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            print(f"  {path.relative_to(REPOSITORY)}")
            try:
                run(name, data)
            except Exception:
                print("    " + traceback.format_exc(limit=-2).replace("\n", "\n    "))
        failed += len(findings)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
