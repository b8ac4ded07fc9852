"""How weft's time and memory grow with the number of files, and with the size of one file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from data import FILES_PER_FOLDER, MIB, TINY_SIZE, change_small, copy_bytes, link, make_big, make_small
from fit import exponent, line
from harness import Bench, Cost, Failed, settle
from versioning import Weft

COPY = "cp -r"
"""A copy of the same data beside it: how this machine's own costs grow."""
SMALL_STEPS = ("add", "status", "readd", "push", "pull", COPY)
BIG_STEPS = ("add", "push", "pull", COPY)
FILES, TINY = "files", "tiny files"
MOST_EXPONENT = 1.1
MOST_BYTES_A_FILE = 200
REPEAT_BELOW_SECONDS = 20.0


@dataclass(frozen=True)
class Point:
    """One step at one size: the medians of its runs."""

    data: str
    step: str
    size: int
    wall: float
    cpu: float
    rss_mib: float
    runs: int


class Grower(Weft):
    """weft in a folder of its own for every size."""

    name = "growth"

    def __init__(self, bench: Bench, path: str) -> None:
        super().__init__(bench, path)
        self.masters = bench.place / "growing"

    def pull_from_directory(self, kind: str, target: Path) -> Cost:
        """Clone, and pull from a directory into an empty store."""
        clone = self.folder / "clone"
        self.bench.quietly(self.folder, self.env(kind), ["git", "clone", "-q", self.at(kind), clone])
        cost = self.bench.measure(clone, self.env(kind), [self.path, "pull", "-q", "-r", target.name])
        self.expect(kind, clone / "data")
        self.bench.drop(clone)
        return cost

    def once(self, kind: str, steps: tuple[str, ...]) -> dict[str, Cost]:
        """Every step once, from nothing."""
        self.fresh(kind)
        self.added.discard(kind)
        found = {"add": self.add(kind)}
        if "status" in steps:
            settle(self.changed(kind))
            self.quietly(kind, [self.path, *self.status_words])
            found["status"] = self.measure(kind, *self.status_words)
            self.changes += 1
            change_small(self.at(kind) / "data", self.changes)
            found["readd"] = self.add(kind)
        target = self.folder / f"r{self.changes}"
        self.connect(kind, target.name, str(target))
        found["push"] = self.measure(kind, "push", "-q", "-r", target.name)
        found["pull"] = self.pull_from_directory(kind, target)
        copied = self.folder / "copied"
        data = self.at(kind) / "data"
        found[COPY] = self.bench.measure(self.folder, self.env(kind), [shutil.which("cp") or "cp", "-r", data, copied])
        self.bench.drop(copied)
        self.bench.drop(target)
        self.bench.empty_trash()
        return found


class Growth:
    """The measurements so far, as points."""

    def __init__(self, bench: Bench, path: str, runs: int) -> None:
        self.weft = Grower(bench, path)
        self.bench = bench
        self.runs = runs
        self.points: list[Point] = []
        self.left_out: list[str] = []

    def small(self, files: int, ready: Path, report: Callable[[Point], None]) -> None:
        """Measure with so many files; ``ready`` holds the first of them, or is not there."""
        folder = self.weft.masters / "small"
        folder.mkdir(parents=True)
        have = sorted(ready.iterdir())[: files // FILES_PER_FOLDER] if ready.exists() else []
        for parent in have:
            link(parent, folder / parent.name)
        made = len(have) * FILES_PER_FOLDER
        make_small(folder, files - made, first=made)
        self._measure(FILES, "small", files, SMALL_STEPS, report)

    def tiny(self, files: int, report: Callable[[Point], None]) -> None:
        """Measure with so many files of 100 bytes: there is room for a million of them, and memory goes by their number."""
        folder = self.weft.masters / "small"
        folder.mkdir(parents=True)
        make_small(folder, files, size=TINY_SIZE)
        self._measure(TINY, "small", files, SMALL_STEPS, report)

    def big(self, mib: int, ready: Path, report: Callable[[Point], None]) -> None:
        """Measure with one file of so many MiB; it is cut from ``ready`` when that is long enough."""
        path = self.weft.masters / "big" / "big.bin"
        path.parent.mkdir(parents=True)
        if ready.exists() and ready.stat().st_size >= mib * MIB:
            with ready.open("rb") as old, path.open("wb") as new:
                copy_bytes(old, new, mib * MIB)
        else:
            make_big(path, mib)
        self._measure("MiB", "big", mib, BIG_STEPS, report)

    def _measure(
        self, data: str, kind: str, size: int, steps: tuple[str, ...], report: Callable[[Point], None]
    ) -> None:
        try:
            self.weft.set_up(kind)
            costs = [self.weft.once(kind, steps)]
            while len(costs) < self.runs and sum(cost.wall for cost in costs[0].values()) < REPEAT_BELOW_SECONDS:
                costs.append(self.weft.once(kind, steps))
            for step in steps:
                of_step = [cost[step] for cost in costs]
                middle = (median(getattr(cost, name) for cost in of_step) for name in ("wall", "cpu", "rss_mib"))
                self.points.append(Point(data, step, size, *middle, len(of_step)))
                report(self.points[-1])
        except (Failed, OSError) as error:
            self.left_out.append(f"{size:,} {data}: {error}")
        finally:
            for folder in (self.weft.folder, self.weft.masters):
                shutil.rmtree(folder, ignore_errors=True)


def room_for(folder: Path, mib: int) -> bool:
    """Whether the disk holds one big file of so many MiB, the local store, a remote, and a clone with its own store."""
    return shutil.disk_usage(folder).free > 5.5 * mib * MIB


def fits(points: list[dict]) -> list[dict]:
    """For every step the fitted lines, when there are at least two sizes; see docs/benchmarks/README.md."""
    found = []
    # What is asked is how memory grows up to a million files; below some ten thousand buffers fill that are then full.
    widest = max((point for point in points if point["data"] in (FILES, TINY)), key=_size, default={"data": FILES})[
        "data"
    ]
    for data, step in dict.fromkeys((point["data"], point["step"]) for point in points):
        mine = [point for point in points if (point["data"], point["step"]) == (data, step)]
        sizes = [point["size"] for point in mine]
        if len(set(sizes)) < 2:
            continue
        power = exponent(sizes, [point["wall"] for point in mine])
        slope = line(sizes, [point["rss_mib"] * MIB for point in mine])[0]
        fit = {"data": data, "step": step, "sizes": sizes, "exponent": round(power, 3), "bytes_a_unit": round(slope, 1)}
        ours = step != COPY
        fit["time_holds"] = power <= MOST_EXPONENT if ours else None
        fit["memory_holds"] = slope <= MOST_BYTES_A_FILE if ours and data == widest else None
        found.append(fit)
    return found


def _size(point: dict) -> int:
    return point["size"]


def as_rows(points: list[Point]) -> list[dict]:
    """Points for the JSON file."""
    return [
        {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(point).items()}
        for point in points
    ]
