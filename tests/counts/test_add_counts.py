"""What ``weft add`` costs, as numbers that no clock and no other program changes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kit import Repo, environment, pseudo_random

# The real command in a process that counts. Under strace every call waits for strace, which ``add`` would take for a slow
# disk: it is told that there is none, also because the files of a test are not always in memory.
COUNTING = """
import json, os, sqlite3, sys, tracemalloc
from weft.cli.main import main
from weft.objects import blocks, ingest, ingest_read, packer, squeeze

ingest.waits = lambda: 0
counts = {"opened": [], "statements": [], "zstd": 0, "blocks": 0, "windows": 0, "waiting": 0, "asked": 0}

def audit(event, args):
    if event == "open":
        counts["opened"].append(str(args[0]))
memory = sys.argv[1] == "memory"
if not memory:
    sys.addaudithook(audit)

connect = sqlite3.connect
def traced(*args, **options):
    connection = connect(*args, **options)
    connection.set_trace_callback(counts["statements"].append)
    return connection
if not memory:
    sqlite3.connect = traced

compress = squeeze.Squeezer._compress
def counted_compress(pieces):
    counts["zstd"] += sum(map(len, pieces))
    return compress(pieces)
squeeze.Squeezer._compress = staticmethod(counted_compress)

def count(module, name, key):
    real = getattr(module, name)
    def counted(*args):
        counts[key] += 1
        return real(*args)
    setattr(module, name, counted)
count(packer, "new_block", "blocks")
count(ingest_read, "new_window", "windows")
count(ingest, "ask_for", "asked")

close = packer.PackWriter._close
def closed(writer):
    counts["waiting"] = max(counts["waiting"], writer.peak)
    close(writer)
packer.PackWriter._close = closed

if memory:
    tracemalloc.start()
code = main(["add", *sys.argv[2:]])
assert code == 0
if memory:
    counts["memory"] = tracemalloc.get_traced_memory()[1]
print(json.dumps(counts), file=sys.stderr)
"""


def _child(repo: Repo, *argv: str) -> str:
    # Measuring coverage makes calls of its own in every child.
    plain = {key: value for key, value in environment().items() if not key.startswith("COV")}
    done = subprocess.run(argv, cwd=repo.root, env=plain, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def counted_add(repo: Repo, *paths: str, mode: str = "plain") -> dict[str, Any]:
    """Run ``weft add`` and return what it did."""
    told = _child(repo, sys.executable, "-c", COUNTING, mode, *paths)
    counts: dict[str, Any] = json.loads(told.splitlines()[-1])
    return counts


def small_files(count: int, size: int = 300, dirs: int = 5) -> dict[str, bytes]:
    """``count`` files of noise in ``dirs`` directories."""
    return {f"data/{number % dirs}/{number:05}": pseudo_random(size, number) for number in range(count)}


def repository(root: Path, files: dict[str, bytes]) -> Repo:
    repo = Repo.make(root)
    repo.write(files)
    return repo


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_system_calls_for_each_small_file(tmp_path: Path):
    calls: list[Counter[str]] = []
    for count in (500, 1500):
        repo = repository(tmp_path / str(count), small_files(count))
        log = tmp_path / "strace.log"
        _child(repo, "strace", "-f", "-o", str(log), sys.executable, "-c", COUNTING, "plain", "data")
        calls.append(Counter(re.findall(r"^\d+ +([a-z]\w*)\(", log.read_text(errors="replace"), re.MULTILINE)))
    each = {name: (calls[1][name] - calls[0][name]) / 1000 for name in calls[0] | calls[1]}
    about = {name: round(number) for name, number in each.items() if round(number)}
    # The status is asked for by the scan, after opening, and after reading; of a young file once more.
    assert about == {"openat": 1, "read": 1, "close": 1, "newfstatat": 4, "sync_file_range": 1}, each
    assert each["futex"] < 0.2, "threads that pass the interpreter lock to and fro cost more than the files"


def test_statements_of_an_add_come_by_the_batch(tmp_path: Path):
    repo = repository(tmp_path, small_files(2000))
    counts = counted_add(repo, "data")
    asked = [text for text in counts["statements"] if text.startswith("SELECT") and "FROM frames" in text]
    assert len(asked) <= 2000 // 256 + 4
    assert counts["statements"].count("BEGIN IMMEDIATE") <= 8
    assert counts["asked"] == 0


def test_adding_again_costs_what_changed(tmp_path: Path):
    statements: list[int] = []
    for count in (300, 3000):
        repo = repository(tmp_path / str(count), small_files(count))
        repo.weft("add", "data")
        # Once more, when no file is too young to be believed unchanged.
        _grow_old(repo)
        repo.weft("add", "data")
        changed = repo.root / "data/3/00003"
        changed.write_bytes(b"changed")
        counts = counted_add(repo, "data")
        files = [path for path in counts["opened"] if re.search(r"/data/\d/\d{5}$", path)]
        assert files == [str(changed)]
        statements.append(len(counts["statements"]))
    assert statements[0] == statements[1], "they do not grow with the files"
    assert statements[0] < 60


def _grow_old(repo: Repo) -> None:
    latest = max(os.stat(f"{base}/{name}").st_ctime for base, _, names in os.walk(repo.root / "data") for name in names)
    while time.time() < latest + 2.1:
        time.sleep(0.05)


@pytest.mark.parametrize("large", [True, False])
def test_noise_is_hardly_ever_given_to_zstd(tmp_path: Path, large: bool):
    piece = 48 << 20 if large else 12_000
    files = {"data/0/big": pseudo_random(piece, 1)} if large else small_files(3000, piece)
    repo = repository(tmp_path, files)
    counts = counted_add(repo, "data")
    size = sum(map(len, files.values()))
    assert 0 < counts["zstd"] < size / (50 if large else 5)


def test_bytes_in_flight_are_bounded(tmp_path: Path):
    repo = Repo.make(tmp_path)
    (repo.root / "data").mkdir()
    for name in ("one", "two", "three"):
        with open(repo.root / "data" / name, "wb") as stream:
            for number in range(6):
                stream.write(pseudo_random(8 << 20, hash((name, number)) & 0xFFFF))
    counts = counted_add(repo, "data")
    assert counts["waiting"] <= 16 << 20
    assert counts["blocks"] <= 5 + 1, "16 MiB on their way and one that is filled, and one of manifests"
    assert counts["windows"] <= 3 * 4, "of each file two on their way to be hashed, one that is cut, one that is read"


def test_memory_for_each_file(tmp_path: Path):
    peaks = []
    sizes = (6000, 14_000)  # processes read beside this one in both
    for count in sizes:
        repo = repository(tmp_path / str(count), small_files(count, 20, count // 100))
        # What is known of files younger than two seconds is written down a second time, without their oids.
        time.sleep(2.1)
        peaks.append(counted_add(repo, "data", mode="memory")["memory"])
    assert (peaks[1] - peaks[0]) / (sizes[1] - sizes[0]) < 240
