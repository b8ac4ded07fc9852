"""Starts one program after the other and says what each took; a process of its own, with few modules.

The kernel gives a child at least the peak memory of the process it was started from, so that process must be small: this
one needs about 10 MiB. A job is a JSON line on standard input; two JSON lines answer it: the process id at once, what it
took at the end. When the input ends in the middle of a job, the program and its children are killed.

Peak memory is the larger of what the kernel kept for the largest process, and the sum over all processes alive at one
moment, looked at twenty times a second (a page shared by two of them counts twice).

    python -I -S benchmarks/runner.py
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

FIRST_LOOK, LAST_LOOK = 0.01, 0.05
PAGE = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try:
            for thread in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{thread}/children", "rb") as file:
                    waiting += map(int, file.read().split())
        except OSError:
            continue  # it has ended meanwhile
    return found


def resident(pid: int) -> int:
    """Bytes in memory of the process and all its children together."""
    total = 0
    for one in tree(pid):
        try:
            with open(f"/proc/{one}/statm", "rb") as file:
                total += int(file.read().split()[1]) * PAGE
        except (OSError, IndexError):
            continue
    return total


def wait(pid: int, seconds: float) -> tuple[int, bool]:
    """Wait for the end of a process; its peak memory as seen, and whether it had to be killed."""
    handle = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(0, select.POLLIN | select.POLLHUP)
    deadline, look, peak, killed = time.perf_counter() + seconds, FIRST_LOOK, 0, False
    try:
        while True:
            ready = {number for number, _ in poll.poll(look * 1000)}
            if handle in ready:
                return peak, killed
            if not killed and (0 in ready or time.perf_counter() > deadline):
                os.killpg(pid, signal.SIGKILL)
                killed = True
            peak = max(peak, resident(pid))
            look = min(look * 2, LAST_LOOK)
    finally:
        os.close(handle)


def run(job: dict) -> dict:
    """Do one job: start, wait, and tell."""
    os.chdir(job["folder"])
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    start = time.perf_counter()
    pid = os.posix_spawn(job["argv"][0], job["argv"], job["env"], file_actions=actions, setpgroup=0)
    print(json.dumps({"pid": pid}), flush=True)
    peak, killed = wait(pid, job["seconds"])
    wall = time.perf_counter() - start
    _, status, usage = os.wait4(pid, 0)
    return {
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "rss": max(peak, usage.ru_maxrss * 1024),
        "code": os.waitstatus_to_exitcode(status),
        "killed": killed,
    }


def main() -> None:
    """Do jobs until the input ends; read without a buffer, or a poll would not see what is waiting."""
    left = b""
    while piece := os.read(0, 2**20):
        left += piece
        while b"\n" in left:
            line, left = left.split(b"\n", 1)
            try:
                answer = run(json.loads(line))
            except OSError as error:
                answer = {"error": str(error)}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.exit(main())
