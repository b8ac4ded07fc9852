"""One run of the command line: where it speaks, how much, and in what form."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeVar

from weft.cli import jsonout
from weft.cli.progress import TerminalProgress
from weft.cli.streams import Output, paint_for
from weft.cli.text import Paint, escape, escape_block
from weft.errors import ExitCode, WeftError
from weft.util.later import later

if TYPE_CHECKING:
    from weft.cli import here as standing
    from weft.cli import trusting
    from weft.cli.here import Here
    from weft.model import remote
    from weft.model.remote import Trust
    from weft.workflows.results_status import Broken
else:
    standing = later("weft.cli.here")
    trusting = later("weft.cli.trusting")
    remote = later("weft.model.remote")

R = TypeVar("R")

INTERRUPTED = "interrupted: nothing half-written is visible; run the same command again"


class View(NamedTuple):
    """How a page is wanted: with what colour, with details or without, and ``quiet``, without what is as it should be."""

    paint: Paint
    verbose: bool = False
    quiet: bool = False


class Page(NamedTuple):
    """A result as text.

    ``data`` is what was asked for and always goes to standard output; ``report`` says what was done, or sums it up, and
    goes there too, unless ``-q`` is given; ``notes`` (remarks, the next command) go to standard error, and not with ``-q``;
    ``cautions`` (what would be lost if it were not told) go there in any case.
    """

    data: tuple[str, ...] = ()
    report: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()


class Session:
    """The streams and the common options of one run. Commands get it as their first argument.

    ``form`` is text, or the name of a table or a drawing, which like JSON names paths from the top of the work tree. Nobody
    is ever asked a question unless it is ``interactive``. ``prefix`` is where the user stands below the top, for what Git
    starts there: a hook.
    """

    def __init__(self, out: Output, err: Output, environment: Mapping[str, str], *, interactive: bool = True) -> None:
        self.out = out
        self.err = err
        self.json = False
        self.quiet = False
        self.verbose = False
        self.verb = ""
        self.form = "text"
        self.prefix = ""
        self.environment = dict(environment)
        self.interactive = interactive
        self._interrupted = False

    @property
    def start(self) -> str:
        """The directory that the command works from."""
        return os.getcwd()

    @cached_property
    def here(self) -> Here:
        """Where the user stands in the work tree: text names paths from there."""
        prefix = self.prefix.strip("/")
        return standing.Here(self.start, prefix) if prefix else standing.Here.find(self.start, self.environment)

    def from_top(self, line: str) -> str:
        """What a hook or a driver says, with paths that start at the top: with paths from where the user stands."""
        return self.here.commands(line, sure=False) if self.prefix else line

    @property
    def in_ci(self) -> bool:
        """True in a job of continuous integration, as its environment says: commits are judged there for others."""
        return self.environment.get("CI", "").lower() not in ("", "0", "false")

    @cached_property
    def progress(self) -> TerminalProgress:
        """Where workflows report to: a terminal's standard error."""
        visible = self.err.terminal and not self.quiet and self.environment.get("TERM") != "dumb"
        paint = paint_for(self.err, self.environment)
        return TerminalProgress(self.err, paint, visible, lambda text: self.here.commands(text, sure=False))

    @property
    def trust(self) -> Trust:
        """What the user says of places that a repository names. Nothing is read, and nobody asked, before it matters."""
        return self.trust_of()

    def trust_of(self, *, foreign: bool = False, everything: bool = False) -> Trust:
        """``trust``, with what a command knows of the repository; see ``Trust``."""
        return remote.Trust(
            lambda: trusting.patterns(self), lambda lines: trusting.ask(self, lines), foreign, everything
        )

    def sink(self) -> BinaryIO:
        """Standard output for bytes."""
        return self.out.binary()

    def show(self, verb: str, record: R, page: Callable[[R, View], Page]) -> None:
        """Print ``record``: as a JSON document with ``--json``, else as the text that ``page`` makes of it."""
        self.progress.close()
        if self.json:
            self.out.line(jsonout.dumps(jsonout.document(verb, record, self.progress.warnings)))
            return
        # At the top, where most commands are given, nothing more is loaded for it.
        moved = self.form == "text" and not os.path.lexists(os.path.join(self.start, ".git"))
        seen = self.here.record(record) if moved or self.prefix else record
        made = page(seen, View(paint_for(self.out, self.environment), self.verbose, self.quiet))
        self._lines(self.out, made.data if self.quiet else made.data + made.report)
        # Standard output first, so that the two stay in order where both go to one terminal.
        self.out.flush()
        self._lines(self.err, made.cautions if self.quiet else made.cautions + made.notes)

    def tell_broken(self, broken: Sequence[Broken]) -> int:
        """Name the pointers that a command had to pass over, after its result; return the exit code for them, 0 for none."""
        for one in () if self.json else broken:
            self._explain(self.here.record(one))
        return next((one.exit_code for one in broken), 0)

    def fail(self, error: WeftError, causes: list[str], trace: str = "") -> int:
        """Print ``error`` and return its exit code. ``causes`` and ``trace`` are shown with ``-v`` only."""
        self.progress.close()
        if self.verbose:
            if trace:
                self.err.line(escape_block(trace))
            self._lines(self.err, tuple(f"caused by {escape(cause)}" for cause in causes))
        if error.exit_code == ExitCode.INTERRUPTED:
            self.interrupted(error.message)
        if self.json:
            self.out.line(jsonout.dumps(jsonout.error_document(error, self.progress.warnings)))
        elif error.exit_code != ExitCode.INTERRUPTED:
            self.here.error(error)
            self._explain(error)
        return int(error.exit_code)

    def interrupted(self, message: str = INTERRUPTED) -> None:
        """Say once that the command was broken off, and give the terminal its cursor back."""
        if self._interrupted:
            return
        self._interrupted = True
        if self.err.terminal:
            self.err.write("\r\x1b[K\x1b[?25h")
        self.err.line(escape(message))
        self.err.flush()

    def finish(self) -> None:
        """Hand over everything that was printed. Raises ``OSError`` where standard output cannot take it."""
        self.progress.close()
        self.out.flush()
        self.err.flush()

    def _explain(self, error: WeftError | Broken) -> None:
        paint = paint_for(self.err, self.environment)
        self.err.line(f"{paint.bad('error:')} {escape(_located(error))} {paint.quiet(f'[{error.code}]')}")
        if error.hint:
            self.err.line(f"\nhint: {escape(error.hint)}")

    def _lines(self, output: Output, lines: tuple[str, ...]) -> None:
        if lines:
            output.write("\n".join(lines) + "\n")


def _located(error: WeftError | Broken) -> str:
    """The message, led by path and line where it does not name them itself."""
    if not isinstance(error, WeftError):
        return error.message
    place = error.path
    if not place or place in error.message or ascii(place)[1:-1] in error.message:
        return (
            f"line {error.line}: {error.message}"
            if error.line and str(error.line) not in error.message
            else error.message
        )
    return f"{place}:{error.line}: {error.message}" if error.line else f"{place}: {error.message}"
