"""What every program under measurement shares: folders, environment, the clock, the S3 server and its proxy."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).parent
FAILURE_LINES = 3
# A file younger than two seconds is read again on purpose, by weft and by Git.
SETTLE_SECONDS = 2.5


@dataclass(frozen=True)
class Cost:
    """What one process and its children took: seconds, MiB, and bytes and requests where they are known."""

    wall: float
    cpu: float
    rss_mib: float
    stored: int | None = None
    sent: int | None = None
    received: int | None = None
    requests: int | None = None


class Failed(Exception):
    """A program ended with an exit code other than 0, or did not do what it was asked for."""


class TooSlow(Failed):
    """A program was ended because it took longer than the limit."""


class Helper:
    """A process of the benchmark that answers JSON lines; it ends when its input ends."""

    def __init__(self, *argv: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *map(str, argv)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ask(self, question: str):
        """Send one line and wait for the answer."""
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self):
        """The next line; SystemExit when the process has ended."""
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args[1]} has ended; its message is above")
        return json.loads(line)

    def stop(self) -> None:
        """Close its input and wait until it has ended, with the processes that it started."""
        self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._process.stdout.close()


class Store(Helper):
    """The S3 server."""

    def __init__(self, folder: Path) -> None:
        super().__init__(HERE / "store.py", folder)
        started = self.answer()
        self.endpoint: str = started["endpoint"]
        self.env: dict[str, str] = started["env"]

    def bucket(self) -> str:
        """Make an empty bucket."""
        return str(self.ask("bucket"))

    def drop(self, bucket: str) -> None:
        """Remove a bucket with all its objects."""
        self.ask(f"drop {bucket}")

    def traffic(self, bucket: str) -> dict[str, int]:
        """Requests and bytes so far, by the names of the fields of Cost."""
        return self.ask(f"traffic {bucket}")

    def size(self, bucket: str) -> int:
        """Bytes of all objects of a bucket."""
        return int(self.ask(f"size {bucket}"))


class Proxy(Helper):
    """The way to the S3 server that is slow by so many milliseconds a request."""

    def __init__(self, endpoint: str, milliseconds: float) -> None:
        super().__init__(HERE / "proxy.py", endpoint.rpartition(":")[2], milliseconds)
        self.endpoint = f"http://127.0.0.1:{self.answer()}"

    def count(self) -> dict[str, int]:
        """Requests and bytes since the last question, by the names of the fields of Cost."""
        return self.ask("count")


class Bench:
    """A folder for one run, the environment programs get, and the two ways to run one."""

    def __init__(self, place: Path, give_up: float) -> None:
        self.place = place
        self.give_up = give_up
        self.store: Store | None = None
        self.proxy: Proxy | None = None
        self._runner = Helper("-I", "-S", HERE / "runner.py")
        self._child = 0
        self._numbers = itertools.count()
        (place / "trash").mkdir()
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "AWS_", "DVC_", "PYTHON"))
        }
        # Git must not start its own housekeeping in the background of the next measurement.
        settings = {"gc.auto": "0", "maintenance.auto": "false", "init.defaultBranch": "main"}
        self.environment = kept | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CEILING_DIRECTORIES": str(place),
            "GIT_CONFIG_COUNT": str(len(settings)),
            **{f"GIT_CONFIG_KEY_{number}": name for number, name in enumerate(settings)},
            **{f"GIT_CONFIG_VALUE_{number}": value for number, value in enumerate(settings.values())},
            **{f"GIT_{who}_NAME": "Bench" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "bench@example.com" for who in ("AUTHOR", "COMMITTER")},
        }

    # --- servers

    def open_store(self, milliseconds: float = 0) -> None:
        """Start an S3 server, and a proxy in front of it if it shall look far away."""
        self.store = Store(self.place / f"s3-{next(self._numbers)}")
        if milliseconds:
            self.proxy = Proxy(self.store.endpoint, milliseconds)

    def close_store(self) -> None:
        """End the server and the proxy."""
        for helper in (self.proxy, self.store):
            if helper is not None:
                helper.stop()
        self.proxy = self.store = None
        for folder in self.place.glob("s3-*"):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def endpoint(self) -> str:
        """Where programs shall look for S3."""
        return (self.proxy or self.store).endpoint

    def close(self) -> None:
        """End everything that runs."""
        if self._child:
            with contextlib.suppress(OSError):
                os.killpg(self._child, signal.SIGKILL)
        self.close_store()
        self._runner.stop()

    # --- running

    def env(self, home: Path, **more: str) -> dict[str, str]:
        """The environment of a program whose files of its own go below ``home``."""
        home.mkdir(parents=True, exist_ok=True)
        # The S3 client of DVC wants files it can stat as regular ones; os.devnull is "not found" to it.
        nothing = home / "empty"
        nothing.touch()
        return (
            self.environment
            | (self.store.env if self.store else {})
            | {"HOME": str(home), "AWS_CONFIG_FILE": str(nothing), "AWS_SHARED_CREDENTIALS_FILE": str(nothing)}
            | more
        )

    def quietly(self, folder: Path, env: dict[str, str], *commands: Sequence[object]) -> bytes:
        """Run commands that are not measured, and answer what the last one printed."""
        said = b""
        for command in commands:
            argv = [str(word) for word in command]
            done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, check=False)
            if done.returncode:
                raise Failed(failure(argv, done.returncode, done.stdout + done.stderr))
            said = done.stdout
        return said

    def measure(self, folder: Path, env: dict[str, str], argv: Sequence[object]) -> Cost:
        """Run one process and all its children; what it prints goes to the file ``output``."""
        os.sync()  # what others wrote must not be written out in this one's time
        output = self.place / "output"
        words = [str(word) for word in argv]
        job = {"folder": str(folder), "output": str(output), "argv": words, "env": env, "seconds": self.give_up}
        taken = self._runner.ask(json.dumps(job))
        if "pid" in taken:
            self._child = taken["pid"]
            taken = self._runner.answer()
            self._child = 0
        if "error" in taken:
            raise Failed(f"{Path(words[0]).name} cannot be started: {taken['error']}")
        if taken["killed"]:
            raise TooSlow(f"{Path(words[0]).name}: ended after {self.give_up:.0f} s")
        if taken["code"]:
            raise Failed(failure(words, taken["code"], output.read_bytes()))
        return Cost(taken["wall"], taken["cpu"], taken["rss"] / 2**20)

    def on_the_wire(self, bucket: str, run: Callable[[], Cost]) -> Cost:
        """Measure something, and what it sent to and got from a bucket."""
        if self.proxy:
            self.proxy.count()
            return replace(run(), **self.proxy.count())
        before = self.store.traffic(bucket)
        cost = run()
        after = self.store.traffic(bucket)
        return replace(cost, **{name: after[name] - before[name] for name in after})

    # --- folders

    def drop(self, path: Path) -> None:
        """Take a folder away; it is deleted later, outside of any step."""
        if path.exists():
            path.rename(self.place / "trash" / str(next(self._numbers)))

    def empty_trash(self, enough: float = math.inf) -> None:
        """Delete what was dropped; with ``enough`` bytes free on the disk it stays until the run has ended."""
        trash = self.place / "trash"
        if shutil.disk_usage(self.place).free >= enough:
            trash.rename(self.place / f"later-{next(self._numbers)}")
            trash.mkdir()
            return
        subprocess.run(["rm", "-rf", *map(str, trash.iterdir())], check=False)


def failure(argv: Sequence[str], code: int, said: bytes) -> str:
    """One line about a program that failed."""
    last = said.decode(errors="replace").strip().splitlines()[-FAILURE_LINES:]
    return f"{Path(argv[0]).name} {' '.join(argv[1:3])}: exit code {code}: {' / '.join(last)}"[:400]


def size_of(*folders: Path) -> int:
    """Bytes of all files below folders; 0 for one that is not there."""
    total = 0
    for folder in folders:
        for parent, _, names in os.walk(folder):
            total += sum(os.lstat(os.path.join(parent, name)).st_size for name in names)
    return total


def settle(path: Path) -> None:
    """Wait until a file just written is old enough for stat caches to trust it."""
    age = time.time() - path.stat().st_mtime
    if age < SETTLE_SECONDS:
        time.sleep(SETTLE_SECONDS - max(age, 0))
