"""What ended a command early, as an error with a code, a hint and an exit code. Only loaded once something failed."""

from __future__ import annotations

import traceback

import click

from weft.cli.context import INTERRUPTED
from weft.cli.streams import OutputClosed
from weft.errors import (
    EnvironmentFault,
    ExitCode,
    LimitExceeded,
    NoSuchPath,
    UsageFault,
    WeftError,
)
from weft.util.atomic import translate_os_error
from weft.util.parallel import no_thread


class InternalFault(EnvironmentFault):
    """Weft met an error that it does not know: a mistake in weft itself. Only the command line raises it."""

    code = "E_INTERNAL"


class Interrupted(WeftError):
    """The user stopped the command; nothing half-written is visible. Only the command line raises it."""

    code = "E_INTERRUPTED"
    exit_code = ExitCode.INTERRUPTED


# Where the part that failed had no better advice: the command that tells more. A refusal says itself what is wrong.
_GENERAL_HINTS = {
    ExitCode.INTEGRITY: "weft verify --full, to see all that is damaged",
    ExitCode.CONCURRENCY: "run the same command again",
    ExitCode.ENVIRONMENT: "weft doctor, to check this machine",
}


def describe(error: BaseException, verb: str = "") -> WeftError | None:
    """The error to show for ``error``, whatever it is; None when it only means that nobody reads any more.

    ``verb`` is the command that was given, whose help a mistake in the command line leads to.
    """
    if isinstance(error, (OutputClosed, BrokenPipeError)):
        return None
    if isinstance(error, WeftError):
        if not error.hint:
            place = f"mend line {error.line} of {error.path}" if error.path and error.line else ""
            usage = _help(verb) if isinstance(error, UsageFault) else ""
            error.hint = usage or place or _GENERAL_HINTS.get(error.exit_code, "")
        return error
    if isinstance(error, click.ClickException):
        return _usage(error, verb)
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Interrupted(f"interrupted: {error}; run the same command again" if error.args else INTERRUPTED)
    if isinstance(error, MemoryError):
        return EnvironmentFault("there is not enough memory for this", hint="run it again with -j 1")
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return no_thread()
    if isinstance(error, RecursionError):
        return LimitExceeded("something is nested too deeply to be read")
    if isinstance(error, OSError) and error.errno is not None:
        return _system(error)
    return InternalFault(
        f"weft met an error of its own, {_line(error)}",
        hint="run the same command again with -v to see the trace, and report it",
    )


def causes(error: BaseException) -> list[str]:
    """One line for each error that led to ``error``, the nearest first."""
    lines: list[str] = []
    cause = error.__cause__
    while cause is not None and len(lines) < 10:
        lines.append(_line(cause))
        cause = cause.__cause__
    return lines


def trace(error: BaseException) -> str:
    """The stack trace of ``error``."""
    return "".join(traceback.format_exception(error)).rstrip("\n")


def _line(error: BaseException) -> str:
    first = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _system(error: OSError) -> WeftError:
    path = error.filename if isinstance(error.filename, str) else ""
    if isinstance(error, FileNotFoundError):
        return NoSuchPath(f"no such file: {path!a}" if path else "a file is gone", path=path)
    return translate_os_error(error, "use", path or "standard output")


def _usage(error: click.ClickException, verb: str) -> UsageFault:
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and isinstance(error.ctx.command, click.Group):
        message = f"name one of its commands: {', '.join(sorted(error.ctx.command.commands))}"
    else:
        message = error.format_message().rstrip(".")
    # The parser of options does not always say whose they are.
    known = context.command_path if context else "weft"
    hint = f"{known} --help" if known != "weft" else _help(verb)
    return UsageFault(message[:1].lower() + message[1:], hint=hint)


def _help(verb: str) -> str:
    return f"weft {verb} --help" if verb and verb != "help" else "weft --help"
