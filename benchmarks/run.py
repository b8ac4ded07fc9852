"""weft beside its peers: the same steps on the same data, in turn, within one run.

Machines differ and are noisy, so only the ratios within one run mean anything. A step is run by one program after the
other before the next step comes, and the next run has the programs in the opposite order. Peers from the package
registry get environments of their own in build/bench-envs; other peers are measured when they are on the search path.
S3 is SeaweedFS on a free port of the loopback interface.

    make bench ARGS="--runs 1"
    python benchmarks/run.py --quick
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import tempfile
import time
from pathlib import Path

import environments
import report
from harness import Bench, Cost, Failed, Store, make_big, make_small
from programs import PROGRAMS, STEPS, Program

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "benchmarks"
QUICK_RESULTS = ROOT / "build" / "bench"
# A file younger than two seconds is read again on purpose, by weft and by Git.
SETTLE_SECONDS = 2.5

Costs = dict[str, dict[str, list[Cost]]]


class Comparison:
    """The programs of a comparison, and what they have cost so far."""

    def __init__(self, names: list[str]) -> None:
        self.costs: Costs = {}
        self.failed: list[str] = []
        self.absent: dict[str, str] = {}
        self.paths: dict[str, str] = {}
        for kind in PROGRAMS:
            if kind.name not in names:
                continue
            path, why = environments.find(kind.name)
            if path:
                self.paths[kind.name] = path
            else:
                self.absent[kind.name] = why
        if "weft" not in self.paths:
            raise SystemExit(f"weft: {self.absent['weft']}")

    def run(self, place: Path, data: Path, backwards: bool) -> dict[str, str]:
        """One run of all steps; answers the versions of the programs."""
        place.mkdir()
        store = Store(place / "s3")
        try:
            bench = Bench(place, store)
            programs = [kind(bench, self.paths[kind.name]) for kind in PROGRAMS if kind.name in self.paths]
            ready = [program for program in programs if self.start(program, data)]
            for key, heading in STEPS:
                if key == "status_small":
                    time.sleep(SETTLE_SECONDS)
                for program in reversed(ready) if backwards else ready:
                    if key in program.steps:
                        self.step(program, key, heading)
            return {program.name: version(bench, program) for program in ready}
        finally:
            store.stop()
            shutil.rmtree(place)

    def start(self, program: Program, data: Path) -> bool:
        """Make a program's folders; False, and a line in ``failed``, when that fails."""
        try:
            program.start(data)
        except Failed as error:
            self.fail(program.name, f"{program.name}, at the start: {error}")
            return False
        return True

    def step(self, program: Program, key: str, heading: str) -> None:
        """Measure one step of one program."""
        try:
            cost = program.steps[key]()
        except Failed as error:
            self.fail(program.name, f"{program.name}, {heading}: {error}")
            return
        self.costs.setdefault(key, {name: [] for name in self.paths})[program.name].append(cost)
        print(f"  {heading:46} {program.name:8} {cost.wall:8.2f} s {cost.rss_mib:7.0f} MiB", flush=True)

    def fail(self, name: str, message: str) -> None:
        """Keep a failure of a peer; one of weft ends the benchmark."""
        if name == "weft":
            raise SystemExit(message)
        print(f"  failed: {message}", flush=True)
        self.failed.append(message)


def version(bench: Bench, program: Program) -> str:
    """What a program says about its version, in one line."""
    said = bench.measure(bench.place, [program.path, *program.version])[1].decode(errors="replace")
    return said.strip().splitlines()[0]


def options_of_user() -> argparse.Namespace:
    """The command line."""
    peers = [kind.name for kind in PROGRAMS if kind.name != "weft"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=None, help="small files of 10 kB (10,000)")
    parser.add_argument("--big-mib", type=int, default=None, help="size of the big file in MiB (512)")
    parser.add_argument("--runs", type=int, default=None, help="runs of which the median is taken (3)")
    parser.add_argument("--peers", default=",".join(peers), help="names with commas between them (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="1 run, 2,000 files, 64 MiB, results to build/bench")
    parser.add_argument("--output", type=Path, help="folder for latest.json, .md and .svg (docs/benchmarks)")
    parser.add_argument("--note", default="", help="a sentence for the results, on what else the machine was doing")
    options = parser.parse_args()
    options.names = ["weft", *filter(None, options.peers.split(","))]
    unknown = set(options.names) - {"weft", *peers}
    if unknown:
        parser.error(f"unknown peers: {', '.join(sorted(unknown))}")
    usual = (
        {"files": 2_000, "big_mib": 64, "runs": 1} if options.quick else {"files": 10_000, "big_mib": 512, "runs": 3}
    )
    for name, value in usual.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    options.output = options.output or (QUICK_RESULTS if options.quick else RESULTS)
    return options


def main() -> None:
    """Run everything and write the results."""
    options = options_of_user()
    comparison = Comparison(options.names)
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        data = Path(folder, "data")
        make_small(data / "tiny", 1)
        make_small(data / "small", options.files)
        make_big(data / "big" / "big.bin", options.big_mib)
        for number in range(options.runs):
            print(f"run {number + 1} of {options.runs}", flush=True)
            versions = comparison.run(Path(folder, f"run-{number}"), data, backwards=number % 2 == 1)
    costs = {key: {name: runs for name, runs in found.items() if runs} for key, found in comparison.costs.items()}
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "options": {"files": options.files, "big_mib": options.big_mib, "runs": options.runs},
        "note": options.note,
        "machine": report.machine(),
        "versions": versions,
        "absent": comparison.absent,
        "failed": comparison.failed,
        "rows": report.rows(costs),
    }
    print("\n" + report.table(result["rows"]))
    for name, why in comparison.absent.items():
        print(f"absent: {name}, {why}")
    report.write(options.output, result)


if __name__ == "__main__":
    main()
