"""What every program under measurement shares: the data, the clock, and the S3 server."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

FILE_SIZE = 10_000
FILES_PER_FOLDER = 100
EDIT = 1_000_000
FAILURE_LINES = 3


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds, MiB, and bytes where they are known."""

    wall: float
    cpu: float
    rss_mib: float
    stored: int | None = None
    sent: int | None = None
    requests: int | None = None


class Failed(Exception):
    """A program ended with an exit code other than 0."""


class Store:
    """The S3 server, and how many bytes are in it."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("store.py")), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started = self._answer()
        self.endpoint: str = started["endpoint"]
        self.env: dict[str, str] = started["env"]

    def bucket(self) -> str:
        """Make an empty bucket."""
        return str(self._ask("bucket"))

    def size(self, bucket: str) -> int:
        """Bytes of all objects of a bucket."""
        return int(self._ask(f"size {bucket}"))

    def stop(self) -> None:
        """End the server and wait until it has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def _ask(self, question: str):
        assert self._process.stdin is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self):
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the S3 server has ended; its message is above")
        return json.loads(line)


class Bench:
    """A folder for one run, the environment programs get, and the two ways to run one."""

    def __init__(self, place: Path, store: Store) -> None:
        self.place = place
        self.store = store
        home = place / "home"
        home.mkdir()
        # The S3 client of DVC wants files it can stat as regular ones; os.devnull is "not found" to it.
        nothing = home / "empty"
        nothing.touch()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "AWS_", "DVC_"))}
        self.environment = (
            kept
            | store.env
            | {
                "HOME": str(home),
                "AWS_CONFIG_FILE": str(nothing),
                "AWS_SHARED_CREDENTIALS_FILE": str(nothing),
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_CEILING_DIRECTORIES": str(place),
                "DVC_GLOBAL_CONFIG_DIR": str(home / "dvc-global"),
                "DVC_SYSTEM_CONFIG_DIR": str(home / "dvc-system"),
                "DVC_SITE_CACHE_DIR": str(home / "dvc-site"),
                "DVC_NO_ANALYTICS": "1",
                "S3_ENDPOINT_URL": store.endpoint,
                "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
                "RESTIC_PASSWORD": "benchmark",
            }
        )

    def quietly(self, folder: Path, *commands: str | Sequence[str]) -> None:
        """Run commands that are not measured; one given as text is split at its spaces."""
        for command in commands:
            argv = command.split() if isinstance(command, str) else list(command)
            done = subprocess.run(argv, cwd=folder, env=self.environment, capture_output=True, check=False)
            if done.returncode:
                raise Failed(failure(argv, done.returncode, done.stdout + done.stderr))

    def measure(self, folder: Path, argv: Sequence[str], grows: Callable[[], int] | None = None) -> tuple[Cost, bytes]:
        """Run one process and all its children; ``grows`` counts bytes, and its growth is taken as bytes stored."""
        before = grows() if grows else 0
        os.sync()  # what others wrote must not be written out in this one's time
        with tempfile.TemporaryFile() as output:
            start = time.perf_counter()
            child = subprocess.Popen(
                list(argv), cwd=folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - start
            child.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            said = output.read()
        if child.returncode:
            raise Failed(failure(argv, child.returncode, said))
        stored = grows() - before if grows else None
        return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, stored), said


def failure(argv: Sequence[str], code: int, said: bytes) -> str:
    """One line about a program that failed."""
    last = said.decode(errors="replace").strip().splitlines()[-FAILURE_LINES:]
    return f"{Path(argv[0]).name} {' '.join(argv[1:3])}: exit code {code}: {' / '.join(last)}"


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder; 0 when it is not there."""
    total = 0
    for parent, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(parent, name)).st_size for name in names)
    return total


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
