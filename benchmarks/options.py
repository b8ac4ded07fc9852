"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from steps import FAR_FILES, STEPS

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "benchmarks"
WORK_IN_PROGRESS = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Preset:
    """How much is measured."""

    name: str
    files: int
    big_mib: int
    runs: int
    growth_files: tuple[int, ...]
    growth_tiny: tuple[int, ...]
    growth_mib: tuple[int, ...]


PRESETS = {
    "quick": Preset("quick", 1_000, 32, 1, (300, 1_000), (300, 1_000), (8, 32)),
    "usual": Preset("latest", 10_000, 512, 3, (10_000, 30_000, 100_000), (10_000, 100_000), (128, 512)),
    "full": Preset("full", 100_000, 4_096, 3, (10_000, 30_000, 100_000), (10_000, 100_000, 1_000_000), (1_024, 4_096)),
}
MILLION = (1_000_000,), (16_384,)


def parser(peers: list[str]) -> argparse.ArgumentParser:
    """All options."""
    made = argparse.ArgumentParser(
        prog="benchmarks/run.py", description="Measure weft beside other programs.", allow_abbrev=False
    )
    made.add_argument("--full", action="store_true", help="100,000 files and 4 GiB instead of 10,000 and 512 MiB")
    made.add_argument("--quick", action="store_true", help="1,000 files and 32 MiB, one run, results to build/bench")
    made.add_argument("--scale", default="", choices=("", "1m"), help="1m: growth up to a million files and 16 GiB")
    made.add_argument("--files", type=int, help="small files of 10 kB")
    made.add_argument("--big-mib", type=int, help="size of the big file in MiB")
    made.add_argument("--runs", type=int, help="runs of which the median is taken")
    made.add_argument("--only", default="", metavar="STEP,...", help="only these steps; growth is one of them")
    made.add_argument("--peers", default=",".join(peers), metavar="a,b", help="names with commas between (%(default)s)")
    made.add_argument(
        "--limit", type=float, default=60.0, help="a peer's step that takes more seconds is run once (%(default)s)"
    )
    made.add_argument("--all-runs", action="store_true", help="as many runs for those too")
    made.add_argument(
        "--give-up", type=float, default=600.0, help="seconds after which a program is ended (%(default)s)"
    )
    made.add_argument("--output", type=Path, help="folder for the results (docs/benchmarks for a whole run)")
    made.add_argument("--name", help="file name of the results, without ending (latest, full, quick)")
    made.add_argument("--place", type=Path, help="folder for the data while it runs (default: the temporary folder)")
    made.add_argument("--note", default="", help="a sentence for the results, on what else the machine was doing")
    made.add_argument("--render", type=Path, metavar="JSON", help="measure nothing: write the pages of a former run")
    return made


def read(peers: list[str]) -> argparse.Namespace:
    """The command line, with everything that was not given filled in; ends with a message when it is wrong."""
    asked = parser(peers)
    options = asked.parse_args()
    if options.quick and options.full:
        asked.error("--quick and --full exclude each other")
    preset = PRESETS["quick" if options.quick else "full" if options.full else "usual"]
    options.growth_files, options.growth_mib = preset.growth_files, preset.growth_mib
    options.growth_tiny = preset.growth_tiny
    if options.quick or (options.files or options.big_mib):
        files, mib = options.files or preset.files, options.big_mib or preset.big_mib
        options.growth_files, options.growth_mib = (max(files // 3, 1), files), (max(mib // 4, 1), mib)
        options.growth_tiny = options.growth_files
    if options.scale == "1m":
        options.growth_files += MILLION[0]
        options.growth_mib += MILLION[1]
    for name in ("files", "big_mib", "runs"):
        if getattr(options, name) is None:
            setattr(options, name, getattr(preset, name))
        if getattr(options, name) < 1:
            asked.error(f"--{name.replace('_', '-')} must be at least 1")
    options.far_files = min(options.files, FAR_FILES)
    options.names = ["weft", *filter(None, options.peers.split(","))]
    options.steps = list(filter(None, options.only.split(",")))
    for wrong, known in ((set(options.names) - {"weft", *peers}, peers), (unknown_steps(options.steps), step_names())):
        if wrong:
            asked.error(f"unknown: {', '.join(sorted(wrong))}; known are {', '.join(known)}")
    part = bool(options.quick or options.steps or set(peers) - set(options.names))
    options.output = options.output or (WORK_IN_PROGRESS if part else RESULTS)
    options.name = options.name or preset.name
    options.command = command(sys.argv[1:])
    return options


def command(words: list[str]) -> str:
    """How the run was started, for whoever repeats it."""
    made = {(): "make bench", ("--full",): "make bench-full", ("--full", "--scale", "1m"): "make bench-full SCALE=1m"}
    if tuple(words) in made:
        return made[tuple(words)]
    # A folder of this machine tells nobody anything.
    kept = [word for place, word in enumerate(words) if not {word, *words[place - 1 : place]} & {"--output", "--place"}]
    return " ".join(["python benchmarks/run.py", *kept])


def step_names() -> list[str]:
    """What --only knows."""
    return [step.key for step in STEPS] + ["growth"]


def unknown_steps(steps: list[str]) -> set[str]:
    """Words of --only that name no step."""
    return set(steps) - set(step_names())
