"""Running the command of a stage: in a process group of its own, waited for by a thread, stopped as a whole.

The command gets no standard input: it is in the background as far as the terminal is concerned, and a run that asks
questions could not be repeated.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from weft.errors import DependencyMissing, StageFailed
from weft.util.parallel import start
from weft.util.subproc import find_program

INTERRUPT_SECONDS = 0.5
"""How long a command may take to end after SIGINT; after half of that again, and SIGTERM, it is killed."""

_STANDARD_ERROR = 2
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended.

    ``exit`` is its status (negative: the signal that killed it). ``started`` and ``finished`` are seconds since the
    epoch, ``duration`` seconds by a clock that is never set. ``lingering`` tells that processes it started still run.
    """

    exit: int
    started: float
    finished: float
    duration: float
    resources: Mapping[str, float] = field(default_factory=dict)
    lingering: bool = False


class Child:
    """A command to be run once. ``done`` is called in a thread of its own with how it ended.

    The thread starts the command, too: Ctrl-C strikes the main thread, wherever that is, and must not come between the
    birth of a process and the moment that we know of it.
    """

    def __init__(
        self, cmd: str | tuple[str, ...], directory: str, done: Callable[[Outcome], None], *, quiet: bool = False
    ) -> None:
        """``cmd`` (a string by the shell, words as they are) will run in ``directory``; ``quiet`` sends what it prints on
        standard output to standard error."""
        self._cmd = cmd
        self._directory = directory
        self._done = done
        self._quiet = quiet
        self._known = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._error: Exception | None = None

    def start(self) -> None:
        """Start the command. Raises ``StageFailed`` when it cannot be started."""
        thread = threading.Thread(target=self._run, name="weft-stage", daemon=True)
        start(thread)
        self._thread = thread
        self._known.wait()
        if self._error is not None:
            name = self._cmd if isinstance(self._cmd, str) else self._cmd[0]
            reason = getattr(self._error, "strerror", None) or str(self._error)
            raise StageFailed(
                f"cannot start {name!a}: {reason}", hint="check the spelling of the command, and PATH"
            ) from self._error

    def signal(self, number: int) -> None:
        """Send a signal to the command and all it started; nothing if it was never started."""
        if self._thread is None:
            return
        self._known.wait(INTERRUPT_SECONDS)
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def lives(self) -> bool:
        """Whether the command, or a process that it started, is still there."""
        if self._process is None:
            return False
        return not self._ended.is_set() or _group_lives(self._process.pid)

    def _run(self) -> None:
        started, clock = time.time(), time.monotonic()
        try:
            argv = list(self._cmd) if isinstance(self._cmd, tuple) else [find_program("sh"), *_script(self._cmd)]
            process = subprocess.Popen(
                argv,
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=_STANDARD_ERROR if self._quiet else None,
                process_group=0,
            )
        except (OSError, ValueError, DependencyMissing) as error:
            self._error = error
            self._ended.set()
            self._known.set()
            return
        self._process = process
        self._known.set()
        _, status, usage = os.wait4(process.pid, 0)
        duration = time.monotonic() - clock
        # Popen must not wait for a process that is gone, nor warn that nobody did.
        process.returncode = os.waitstatus_to_exitcode(status)
        resources = {
            "cpu_system": round(usage.ru_stime, 3),
            "cpu_user": round(usage.ru_utime, 3),
            "max_rss": usage.ru_maxrss * _RSS_UNIT,
        }
        outcome = Outcome(
            process.returncode, started, time.time(), round(duration, 3), resources, _group_lives(process.pid)
        )
        self._ended.set()
        self._done(outcome)


def _script(cmd: str) -> tuple[str, ...]:
    """The words for a shell. One of several lines stops at the first that fails: the status of the last says nothing of
    those before it, and what they left undone would be recorded as good."""
    return ("-e", "-c", cmd) if "\n" in cmd.strip() else ("-c", cmd)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return _has_living(group)


def _has_living(group: int) -> bool:
    """Whether a process group that exists has more than dead members whom nobody has waited for; True if untold."""
    found = False
    for entry in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        try:
            with open(f"/proc/{int(entry)}/stat", "rb") as stream:
                state, _, its_group = stream.read().rpartition(b") ")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(its_group) == group:
            found = True
            if state not in (b"Z", b"X"):
                return True
    return not found


def stop(children: Sequence[Child]) -> None:
    """End commands and all they started: by SIGINT, then SIGTERM, then SIGKILL, within about a second in all."""
    steps = ((signal.SIGINT, INTERRUPT_SECONDS), (signal.SIGTERM, INTERRUPT_SECONDS / 2), (signal.SIGKILL, 0.2))
    for number, patience in steps:
        for child in children:
            child.signal(number)
        end = time.monotonic() + patience
        while any(child.lives() for child in children):
            if time.monotonic() >= end:
                break
            time.sleep(_POLL_SECONDS)
        else:
            return


def describe(outcome: Outcome) -> str:
    """How the command ended, in words."""
    if outcome.exit >= 0:
        known = {126: " (the shell could not run it)", 127: " (the shell found no such command)"}
        return f"ended with status {outcome.exit}{known.get(outcome.exit, '')}"
    number = -outcome.exit
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    reasons = {
        "SIGKILL": " (by hand, or by the kernel for lack of memory)",
        "SIGXFSZ": " (a file grew over the limit of this shell, see `ulimit -f`)",
        "SIGXCPU": " (it used up its time, see `ulimit -t`)",
    }
    return f"was killed by {name}{reasons.get(name, '')}"
