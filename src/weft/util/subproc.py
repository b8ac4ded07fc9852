"""Running other programs: by absolute path, without a shell, with a bounded way to read what they print."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from weft.errors import DependencyMissing, EnvironmentFault
from weft.util.atomic import os_errors
from weft.util.later import later

if TYPE_CHECKING:
    import tempfile
else:
    tempfile = later("tempfile")

_STDERR_SHOWN = 4000


class Completed(NamedTuple):
    """How a program ended: its exit status (negative: the signal that killed it) and all that it printed."""

    returncode: int
    stdout: bytes
    stderr: bytes


def find_program(name: str) -> str:
    """The absolute path of the program ``name``.

    Only absolute entries of PATH are searched: the current directory, where a stranger's repository may keep a program of
    that name, is never one of them, even when PATH names it as ``.`` or by an empty entry. Raises ``DependencyMissing``.
    """
    if not name or os.sep in name:
        raise ValueError(f"a program name is wanted, not {name!a}")
    for directory in os.get_exec_path():
        path = os.path.join(directory, name)
        if os.path.isabs(directory) and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise DependencyMissing(f"the program {name!a} is in no directory of PATH", hint=f"install {name}", path=name)


def stderr_text(stderr: bytes) -> str:
    """The end of what a program said on stderr, as text for an error message."""
    return stderr[-_STDERR_SHOWN:].decode("utf-8", "replace").strip()


def _checked(argv: Sequence[str]) -> list[str]:
    if not argv or not os.path.isabs(argv[0]):
        raise ValueError(f"a program is started by its absolute path, not as {argv[:1]!a}")
    return list(argv)


def _failed_message(argv: Sequence[str], returncode: int, stderr: bytes) -> str:
    said = stderr_text(stderr)
    return f"{os.path.basename(argv[0])} ended with status {returncode}" + (f": {said}" if said else "")


def run(
    argv: Sequence[str],
    *,
    cwd: str,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    timeout: float | None = None,
) -> Completed:
    """Run ``argv`` in the directory ``cwd`` to its end and return what it printed.

    ``argv[0]`` must be absolute (``ValueError``). ``stdin`` None means empty; ``env`` is the whole environment, None
    passes ours on; ``timeout`` is in seconds. Raises ``EnvironmentFault`` when the program runs longer, ends with a
    status other than 0 while ``check`` is set, or cannot be started.
    """
    command = _checked(argv)
    with os_errors("run", command[0]):
        try:
            done = subprocess.run(
                command, check=False, cwd=cwd, input=stdin or b"", env=env, capture_output=True, timeout=timeout
            )
        except subprocess.TimeoutExpired as error:
            name = os.path.basename(command[0])
            raise EnvironmentFault(f"{name} did not end within {timeout:g} seconds", path=command[0]) from error
    if check and done.returncode != 0:
        raise EnvironmentFault(_failed_message(command, done.returncode, done.stderr), path=command[0])
    return Completed(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def stream(
    argv: Sequence[str], *, cwd: str, stdin: bytes = b"", error: type[EnvironmentFault] = EnvironmentFault
) -> Iterator[IO[bytes]]:
    """Run ``argv`` as ``run`` does, but yield its buffered stdout to read from, so that output need not fit in memory.

    The block must read to the end, or else the program may die of its closed pipe. Leaving the block by an error kills
    the program. Raises ``error`` on a status other than 0 at the end.
    """
    command = _checked(argv)
    # Files instead of pipes at the two other ends: nobody can block on a full pipe that nobody reads.
    with contextlib.ExitStack() as files:
        with os_errors("make a temporary file for", command[0]):
            given = files.enter_context(tempfile.TemporaryFile())
            said = files.enter_context(tempfile.TemporaryFile())
            given.write(stdin)
            given.seek(0)
        with os_errors("run", command[0]):
            process = subprocess.Popen(command, cwd=cwd, stdin=given, stdout=subprocess.PIPE, stderr=said)
        try:
            with cast(IO[bytes], process.stdout) as output:
                yield output
            returncode = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        if returncode != 0:
            said.seek(0)
            raise error(_failed_message(command, returncode, said.read()), path=command[0])


class Duplex:
    """A program that is talked to through two pipes: ``input`` (written without blocking) and ``output``, descriptors.

    It is in a process group of its own, so that Ctrl-C reaches us alone; what it says on stderr is dropped.
    """

    def __init__(self, argv: Sequence[str], pass_fds: Sequence[int]) -> None:
        command = _checked(argv)
        with os_errors("run", command[0]):
            self._process = subprocess.Popen(
                command,
                cwd="/",
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=tuple(pass_fds),
                process_group=0,
            )
        self.input = cast(IO[bytes], self._process.stdin).fileno()
        self.output = cast(IO[bytes], self._process.stdout).fileno()
        os.set_blocking(self.input, False)

    def close(self) -> None:
        """End the program now and close the pipes."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            cast(IO[bytes], pipe).close()
        self._process.wait()


def duplex(argv: Sequence[str], *, pass_fds: Sequence[int] = ()) -> Duplex:
    """Start ``argv``, which inherits ``pass_fds``. Raises ``EnvironmentFault``, ``PermissionFault``."""
    return Duplex(argv, pass_fds)
