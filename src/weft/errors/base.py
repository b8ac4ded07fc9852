"""The base classes of all errors, grouped by who must act, and the table of exit codes."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """Exit status of the ``weft`` command."""

    OK = 0
    DIFFERENCES = 1
    USAGE = 2
    REFUSED = 3
    INTEGRITY = 4
    CONCURRENCY = 5
    ENVIRONMENT = 6
    INTERRUPTED = 130


class WeftError(Exception):
    """Base of all errors a user can meet.

    ``message`` is one clear sentence, ``hint`` names the command that mends it (it may be empty), ``path`` is the file
    or object concerned, ``line`` its 1-based line where one is known (0 otherwise).
    """

    code: ClassVar[str] = "E_WEFT"
    exit_code: ClassVar[ExitCode] = ExitCode.ENVIRONMENT

    def __init__(self, message: str, *, hint: str = "", path: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.path = path
        self.line = line


class UsageFault(WeftError):
    """The command line asks for something that makes no sense."""

    code = "E_USAGE"
    exit_code = ExitCode.USAGE


class RefusedInput(WeftError):
    """Base of refusals: nothing was created, changed or deleted."""

    code = "E_REFUSED"
    exit_code = ExitCode.REFUSED


class IntegrityError(WeftError):
    """Base of integrity failures: damaged or false bytes were kept out."""

    code = "E_INTEGRITY"
    exit_code = ExitCode.INTEGRITY


class ConcurrencyError(WeftError):
    """Base of collisions with another process."""

    code = "E_CONCURRENCY"
    exit_code = ExitCode.CONCURRENCY


class EnvironmentFault(WeftError):
    """Base of failures of the machine or the network.

    ``transient`` says that the same request may succeed when it is made again; ``retry_after`` is the number of seconds
    the other side asked to wait before that (0 when it did not say).
    """

    code = "E_ENVIRONMENT"
    exit_code = ExitCode.ENVIRONMENT
    transient: bool = False
    retry_after: float = 0.0


_PLAIN = re.compile(r"[A-Za-z0-9_./@%+=:,-]+", re.ASCII)


def quoted(path: str) -> str:
    """``path`` as a shell takes it for one word: hints are copied, and some names are of strangers."""
    if path.startswith("-"):  # else it is an option
        path = "./" + path
    return path if _PLAIN.fullmatch(path) else "'" + path.replace("'", "'\\''") + "'"
