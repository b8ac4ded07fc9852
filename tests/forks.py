"""Commands of weft as forks of one process that has imported it.

Each is a process of its own, with its own directory, environment, streams and exit code, as `python -m weft` is; what it
lacks is the fifth of a second in which Python starts and imports. What that itself does is seen by the tests that start
``python -m weft`` in other ways, and by the first command of each verb, which is no fork. So is one whose environment
says something to Python or to the loader of programs. Only Linux can wait for processes as the server does it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

WEFT = (sys.executable, "-m", "weft")
# Modules that few commands need and that take long, and what is not for commands.
_LEFT_OUT = ("weft.testing", "weft.__main__", "weft.storage.", "weft.cli.display")
_OF_THE_START = ("PYTHON", "LC_", "LANG", "LD_", "COV")


class Forks:
    """The commands of this process. The server ends when this process does."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._verbs: set[str] = set()
        self._control: socket.socket | None = None
        self._env: dict[str, str] = {}

    def run(
        self, words: Sequence[str], cwd: Path, env: Mapping[str, str], timeout: float
    ) -> tuple[int, bytes, bytes] | None:
        """Exit code, output and errors of `weft WORDS`; None where it has to be started as any other program."""
        verb = " ".join(words[:2] if words[:1] and words[0] in ("remote", "config", "lineage", "stage") else words[:1])
        with self._lock:
            if not hasattr(os, "pidfd_open") or verb not in self._verbs:
                self._verbs.add(verb)
                return None
            control = self._control or self._start(env)
        if _of_the_start(env) != self._env:
            return None
        ends = [os.pipe() for _ in range(3)]
        request = json.dumps({"words": list(words), "cwd": os.fspath(cwd), "env": dict(env)}).encode()
        try:
            socket.send_fds(control, [request], [theirs for _, theirs in ends])
        finally:
            for _, theirs in ends:
                os.close(theirs)
        out, err, reply = _read([ours for ours, _ in ends], timeout)
        return int(reply.split()[1]), out, err

    def _start(self, env: Mapping[str, str]) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            server = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                # Python asks its streams at the start what they are, so they have to be what those of the forks will be.
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        self._control, self._env = ours, _of_the_start(env)

        def end() -> None:
            ours.close()
            server.kill()  # what it measured of itself is only what importing runs
            server.communicate()

        atexit.register(end)
        return ours


def _of_the_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in env.items() if name.startswith(_OF_THE_START)}


def _read(streams: Sequence[int], timeout: float) -> list[bytes]:
    """All that comes, until the last stream is closed."""
    deadline = time.monotonic() + timeout
    found: dict[int, list[bytes]] = {stream: [] for stream in streams}
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        try:
            while selector.get_map():
                ready = selector.select(deadline - time.monotonic())
                if time.monotonic() > deadline:
                    with suppress(OSError, IndexError):
                        os.kill(int(b"".join(found[streams[-1]]).split()[0]), signal.SIGKILL)
                    raise subprocess.TimeoutExpired("weft", timeout)
                for key, _ in ready:
                    block = os.read(key.fd, 1 << 16)
                    found[key.fd].append(block)
                    if not block:
                        selector.unregister(key.fd)
        finally:
            for stream in streams:
                os.close(stream)
    return [b"".join(found[stream]) for stream in streams]


# --- the server ---


def _serve(control: socket.socket) -> None:
    """Fork for each request, and tell the process id and the exit code of the fork."""
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is not control:
                pid, reply = key.data
                selector.unregister(key.fd)
                os.close(key.fd)
                _tell(reply, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                os.close(reply)
                continue
            data, ends, _, _ = socket.recv_fds(control, 1 << 20, 3)
            if not data:
                return
            out, err, reply = ends
            pid = os.fork()
            if not pid:
                for one in selector.get_map().values():
                    os.close(one.fd)
                    if one.data:
                        os.close(one.data[1])
                os.close(reply)
                _become(json.loads(data), out, err)
            os.close(out)
            os.close(err)
            _tell(reply, pid)
            selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, reply))


def _tell(reply: int, number: int) -> None:
    with suppress(BrokenPipeError):
        os.write(reply, f"{number}\n".encode())


def _become(request: Mapping[str, object], out: int, err: int) -> None:
    """Be the command that ``request`` asks for, and end."""
    from weft.cli.main import entry

    try:
        for stream, number in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(str(request["cwd"]))
        os.environ.clear()
        os.environ.update(request["env"])  # type: ignore[call-overload]
        time.tzset()
        sys.argv[1:] = request["words"]  # type: ignore[call-overload]
        entry()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(70)


def main() -> None:
    """Import all that commands need, and serve until the other end is closed."""
    del sys.path[0]  # the folder of this file
    import weft
    from weft.cli.main import prepare

    prepare()
    for module in pkgutil.walk_packages(weft.__path__, "weft."):
        if not module.name.startswith(_LEFT_OUT):
            importlib.import_module(module.name)
    sys.argv[0] = str(Path(str(weft.__file__)).with_name("__main__.py"))
    gc.freeze()
    with suppress(KeyboardInterrupt), socket.socket(fileno=int(sys.argv[1])) as control:
        _serve(control)


if __name__ == "__main__":
    main()
