"""The ``weft`` command: isolate, run, and turn whatever ends the run into an exit code.

Until ``isolate`` has run nothing may be imported that Python has not loaded by itself: see ``isolation`` and
``registry``, which brings in the rest.
"""

from __future__ import annotations

import gc
import os
import sys

from weft.cli.isolation import isolate
from weft.cli.registry import application, failures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weft.cli.context import Session

_INTERRUPTED = 130
# Python looks for unreachable cycles after every 700 new objects. Importing and parsing make tens of thousands that stay,
# and looking at them again and again is a fifteenth of the time that a short command takes.
_NEW_OBJECTS = 50_000


def entry() -> None:
    """Run the command line of this process and end the process."""
    _take_names_as_utf8()
    prepare()
    code = main(sys.argv[1:], own_process=True)
    # All is said and closed. What a normal exit would add is waiting for threads that wait for the network, and taking
    # apart every module and object, which takes longer than many a command.
    os._exit(code)


def _take_names_as_utf8() -> None:
    """Start again in Python's UTF-8 mode where the locale or PYTHONUTF8 chose another: names are UTF-8."""
    if sys.getfilesystemencoding() != "utf-8" and os.path.isabs(sys.executable or ""):
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 (our own program)


def prepare() -> None:
    """Make this process fit to run weft: isolated, and quick to start."""
    isolate()
    gc.set_threshold(_NEW_OBJECTS)


def main(arguments: Sequence[str], *, own_process: bool = False) -> int:
    """Run one command line and return its exit code. ``own_process`` lets Ctrl-C end the process in time."""
    app = application()
    session = app.open_session(arguments, os.environ)

    def work() -> int:
        if own_process:
            app.watch(session)
        code: int = app.run(arguments, session)
        return code

    return guard(session, work)


def guard(session: Session, work: Callable[[], int]) -> int:
    """Do ``work`` and return its exit code; whatever it raises is shown in ``session`` and has an exit code, too."""
    try:
        code = work()
    except BaseException as error:
        code = _report(error, session)
    return _finish(session, code)


def _report(error: BaseException, session: Session) -> int:
    """Say what went wrong, in one sentence and a hint, and return the exit code for it."""
    described = failures().describe(error, session.verb)
    if described is None:
        return 0
    unknown = session.verbose and error is not described and described.exit_code != _INTERRUPTED
    return session.fail(described, failures().causes(error), failures().trace(error) if unknown else "")


def _finish(session: Session, code: int) -> int:
    try:
        session.finish()
    except OSError as error:
        failed = session.fail(failures().describe(error), [])
        return code or failed
    return code
