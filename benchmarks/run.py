"""How long weft's verbs take, beside `cp -r` and Git on the same files in the same minute.

Machines differ and are noisy, so only the ratios within one run mean anything. Times are whole processes, as a user waits
for them; memory is the largest resident set of the process, and at least that of this script, about
15 MiB. Nothing outside a temporary folder is written.

    python benchmarks/run.py [--files 10000] [--mib 256] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

FILE_SIZE = 10_000
FILES_PER_FOLDER = 100
EDIT = 1_000_000


@dataclass(frozen=True)
class Row:
    """One command: seconds of wall clock, MiB of peak memory, and bytes that the remote grew by (-1: not a push)."""

    what: str
    seconds: float
    peak_mib: float
    sent: int = -1


class Bench:
    """Runs commands in a folder and keeps what they cost."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.rows: list[Row] = []
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        self.environment = kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CEILING_DIRECTORIES": str(place),
        }

    def quietly(self, folder: str, *commands: str) -> None:
        """Run commands that are not measured."""
        for command in commands:
            subprocess.run(command.split(), cwd=self.place / folder, env=self.environment, check=True)

    def measure(self, what: str, folder: str, command: str, remote: str = "") -> None:
        """Run one command from the disk cache's warm state and keep its cost."""
        before = size_of(self.place / remote) if remote else 0
        start = time.perf_counter()
        child = subprocess.Popen(
            command.split(), cwd=self.place / folder, env=self.environment, stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{command} failed with exit code {child.returncode}")
        sent = size_of(self.place / remote) - before if remote else -1
        self.rows.append(Row(what, round(seconds, 3), round(usage.ru_maxrss / 1024, 1), sent))
        print(f"  {what:44} {seconds:8.2f} s {usage.ru_maxrss / 1024:8.0f} MiB" + growth(sent), flush=True)


def growth(sent: int) -> str:
    """The column of bytes sent."""
    return f" {sent / 2**20:9.2f} MiB sent" if sent >= 0 else ""


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; 0 when it is not there."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def make_small(folder: Path, files: int) -> None:
    """Files of 10 kB, half of each compressible."""
    source = random.Random(1)
    for number in range(files):
        path = folder / f"{number // FILES_PER_FOLDER:05}" / f"{number:07}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(FILE_SIZE // 2) + bytes(FILE_SIZE // 2))


def make_big(path: Path, mib: int) -> None:
    """One file that does not compress."""
    source = random.Random(2)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(source.randbytes(2**20))


def edit_big(path: Path) -> None:
    """Insert 1 MB at one third and overwrite 1 MB at two thirds, in small steps: memory of ours would count as a child's."""
    third, source = path.stat().st_size // 3, random.Random(3)
    edited = path.with_suffix(".edited")
    with path.open("rb") as old, edited.open("wb") as new:
        copy_bytes(old, new, third)
        new.write(source.randbytes(EDIT))
        copy_bytes(old, new, third)
        new.write(source.randbytes(EDIT))
        old.seek(EDIT, os.SEEK_CUR)
        shutil.copyfileobj(old, new)
    edited.replace(path)


def copy_bytes(old: BinaryIO, new: BinaryIO, count: int) -> None:
    """Copy ``count`` bytes."""
    while count:
        piece = old.read(min(count, 2**16))
        new.write(piece)
        count -= len(piece)


def project(bench: Bench, name: str, make: Callable[[Path], None]) -> None:
    """A repository with data and a directory as remote."""
    (bench.place / name).mkdir()
    bench.quietly(name, "git init -q -b main", "git config user.name Bench", "git config user.email bench@example.com")
    bench.quietly(name, f"weft init -q --remote ../{name}-remote", "git commit -q -m begin")
    make(bench.place / name / "data")


def small(bench: Bench, files: int) -> None:
    """The life of many small files."""
    print(f"{files:,} files of 10 kB")
    project(bench, "small", lambda folder: make_small(folder, files))
    bench.measure("cp -r", "small", "cp -r data ../small-copy")
    bench.quietly("", "git init -q small-copy")
    bench.measure("git add", "small-copy", "git add .")
    bench.measure("git status, nothing changed", "small-copy", "git status --short")
    bench.measure("weft add", "small", "weft add -q data")
    time.sleep(2.5)  # files younger than two seconds are read again on purpose
    bench.quietly("small", "git commit -q -m one", "weft status -q")
    bench.measure("weft status, nothing changed", "small", "weft status -q")
    bench.measure("weft push to a directory", "small", "weft push -q", "small-remote")
    (bench.place / "small/data/00000/0000000.bin").write_bytes(b"changed")
    bench.measure("weft add, one file changed", "small", "weft add -q data")
    bench.quietly("small", "git commit -q -m two")
    bench.measure("weft push, one file changed", "small", "weft push -q", "small-remote")
    bench.quietly("", "git clone -q small small-clone")
    bench.measure("weft pull into a new clone", "small-clone", "weft pull -q")


def big(bench: Bench, mib: int) -> None:
    """The life of one large file."""
    print(f"one file of {mib:,} MiB")
    project(bench, "big", lambda folder: make_big(folder / "big.bin", mib))
    bench.measure("cp", "big", "cp data/big.bin ../big-copy")
    bench.measure("weft add", "big", "weft add -q data")
    bench.quietly("big", "git commit -q -m one")
    bench.measure("weft push to a directory", "big", "weft push -q", "big-remote")
    edit_big(bench.place / "big/data/big.bin")
    bench.measure("weft add, 1 MB inserted, 1 MB overwritten", "big", "weft add -q data")
    bench.quietly("big", "git commit -q -m two")
    bench.measure("weft push of the edit", "big", "weft push -q", "big-remote")
    bench.quietly("", "git clone -q big big-clone")
    bench.measure("weft pull into a new clone", "big-clone", "weft pull -q")


def main() -> None:
    """Run both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--json", action="store_true", help="print the rows as JSON at the end")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        bench = Bench(Path(folder))
        bench.measure("weft --version", "", "weft --version")
        small(bench, options.files)
        big(bench, options.mib)
    if options.json:
        print(json.dumps([asdict(row) for row in bench.rows]))


if __name__ == "__main__":
    main()
