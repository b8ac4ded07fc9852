"""A command whose system calls go wrong: it is killed at one of them, or one fails, or writes less than it was given.

The kernel stops the command and all its children at each call that changes files and asks this process what is to become
of it (seccomp user notification, seccomp_unotify(2)). The calls are thereby counted over all threads and children, which
``strace --inject`` cannot do: it counts those of each thread by themselves and never comes to the second thread's first.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from kit import environment

# Numbers of x86_64. Every call by which files change; of `openat` those that may create one.
WRITES = {1: "write", 18: "pwrite64", 20: "writev", 40: "sendfile", 296: "pwritev", 326: "copy_file_range"}
SYNCS = {74: "fsync", 75: "fdatasync"}
NAMES = {82: "rename", 264: "renameat", 316: "renameat2", 86: "link", 265: "linkat", 88: "symlink", 266: "symlinkat"}
REMOVES = {87: "unlink", 263: "unlinkat", 84: "rmdir"}
MAKES = {83: "mkdir", 258: "mkdirat", 257: "openat"}
OTHERS = {
    76: "truncate",
    77: "ftruncate",
    285: "fallocate",
    90: "chmod",
    91: "fchmod",
    268: "fchmodat",
    280: "utimensat",
}
CALLS = WRITES | SYNCS | NAMES | REMOVES | MAKES | OTHERS
_BY_DESCRIPTOR = {*WRITES, *SYNCS, 77, 285, 91}  # the first argument is an open file (of copy_file_range the third)
SUPPORTED = sys.platform == "linux" and platform.machine() == "x86_64"
TIMEOUT = 300.0

_RECEIVE, _SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV, _SEND
_CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
_PIDFD_OPEN, _PIDFD_GETFD = 434, 438
_libc = ctypes.CDLL(None, use_errno=True)


class Call(NamedTuple):
    """One call: its number from 1 over the whole command, what it is, and the open file that it is about (if any)."""

    number: int
    name: str
    path: str
    pid: int

    @property
    def place(self) -> str:
        """What it is about without the parts that differ from run to run."""
        parts = self.path.split("/")
        return "/".join("*" if part.startswith((".weft-tmp-", "tmp_")) else part for part in parts)


class Fault(Enum):
    """What becomes of a call."""

    KILL = -1
    SHORT = 0  # a write that takes half of what it was given
    IO = errno.EIO
    FULL = errno.ENOSPC


Judge = Callable[[Call], "Fault | None"]


class Ended(NamedTuple):
    """A command that ended with its children; ``met`` are the calls that met a fault."""

    code: int
    out: str
    err: str
    calls: list[Call]
    met: list[Call]


# --- in the child, before it becomes the command ---


def _program() -> bytes:
    """BPF: notify of the calls in ``CALLS``, allow the rest (struct sock_filter: code, jump if true, if false, k)."""
    numbers = [number for number in CALLS if number != 257]
    lines = [(0x20, 0, 0, 0), (0x15, 0, 3, 257)]  # load the number; is it openat?
    lines += [(0x20, 0, 0, 32), (0x45, len(numbers) + 2, 0, os.O_CREAT), (0x06, 0, 0, 0x7FFF0000)]  # load the flags
    lines += [(0x15, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    lines += [(0x06, 0, 0, 0x7FFF0000), (0x06, 0, 0, 0x7FC00000)]  # allow; notify
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


def launch(channel: int, argv: Sequence[str]) -> None:
    """Put this process under supervision, hand the supervisor its descriptor and become ``argv``."""
    program = _program()
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    if _libc.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "prctl")
    listener = _libc.syscall(317, 1, 8, header)  # seccomp(SET_MODE_FILTER, NEW_LISTENER)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    with socket.socket(fileno=channel) as end:
        socket.send_fds(end, [b"x"], [listener])
    os.close(listener)
    os.execv(argv[0], argv)


# --- the supervisor ---


def supervise(cwd: Path, *weft: str, judge: Judge = lambda _call: None) -> Ended:
    """Run ``weft`` in ``cwd``; ``judge`` is asked before every call about a file and decides its fate."""
    ours, theirs = socket.socketpair()
    # Measuring coverage makes system calls of its own in every child.
    env = {key: value for key, value in environment().items() if not key.startswith("COV")}
    env["PYTHONDONTWRITEBYTECODE"] = "1"  # else the first run makes calls that no other makes
    argv = [sys.executable, "-S", __file__, str(theirs.fileno()), sys.executable, "-m", "weft", *weft]
    with ours, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with theirs:
            child = subprocess.Popen(
                argv,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=[theirs.fileno()],
            )
        _, (listener,), _, _ = socket.recv_fds(ours, 1, 1)
        try:
            calls, met = _watch(listener, judge)
        finally:
            os.close(listener)  # what is still there gets ENOSYS and cannot hang
            code = child.wait(TIMEOUT)
        texts = [stream.seek(0) or stream.read().decode(errors="replace") for stream in (out, err)]
    return Ended(code, texts[0], texts[1], calls, met)


def _watch(listener: int, judge: Judge) -> tuple[list[Call], list[Call]]:
    calls: list[Call] = []
    met: list[Call] = []
    poll, end = select.poll(), time.monotonic() + TIMEOUT
    poll.register(listener, select.POLLIN)
    while True:
        events = poll.poll(1000)
        assert time.monotonic() < end, "the command hangs"
        if events and events[0][1] & select.POLLIN:
            _one(listener, judge, calls, met)
        elif events:  # hung up: nobody is left
            return calls, met


def _one(listener: int, judge: Judge, calls: list[Call], met: list[Call]) -> None:
    buffer = bytearray(80)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINTR):  # who called was killed meanwhile
            return
        raise
    ident, pid, _, number, _, _, *args = struct.unpack("<QIIiIQ6Q", buffer)
    value, failure, flags = 0, 0, _CONTINUE
    path = _target(pid, number, args)
    if path is not None:
        call = Call(len(calls) + 1, CALLS[number], path, pid)
        calls.append(call)
        fault = judge(call)
        if fault is Fault.KILL:
            os.kill(pid, signal.SIGKILL)
        elif fault is Fault.SHORT:
            value, flags = _half_of(pid, args), 0
        elif fault is not None:
            failure, flags = -fault.value, 0
        if fault is not None:
            met.append(call)
    try:
        fcntl.ioctl(listener, _SEND, struct.pack("<QqiI", ident, value, failure, flags))
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise


def _target(pid: int, number: int, args: list[int]) -> str | None:
    """The path of the open file that a call is about, "" for one that is about a name, None for what is no file."""
    if number not in _BY_DESCRIPTOR:
        return ""
    descriptor = args[2] if number == 326 else args[0]
    try:
        path = os.readlink(f"/proc/{pid}/fd/{descriptor}")
    except OSError:
        return None
    return (
        path
        if path.startswith("/") and not path.startswith(("/dev/", "/proc/", f"{tempfile.gettempdir()}/#"))
        else None
    )


def _half_of(pid: int, args: list[int]) -> int:
    """Do half of ``write(descriptor, address, length)`` in the name of another process."""
    process = _libc.syscall(_PIDFD_OPEN, _group(pid), 0)
    descriptor = _libc.syscall(_PIDFD_GETFD, process, args[0], 0)
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            memory.seek(args[1])
            return os.write(descriptor, memory.read(max(1, args[2] // 2)))
    finally:
        os.close(descriptor)
        os.close(process)


def _group(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("Tgid:"))


if __name__ == "__main__":
    launch(int(sys.argv[1]), sys.argv[2:])
