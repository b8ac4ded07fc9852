"""Progress on a terminal's standard error: bytes, files, rate, time left; nothing when nobody looks.

rich draws it and is imported only when a task has lasted long enough to be worth a line.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from weft.cli import registry
from weft.cli.streams import Output
from weft.cli.text import Paint, escape
from weft.util.forking import own
from weft.util.progress import SilentProgress, Task

DELAY = 0.3
"""Seconds a task lasts before it is shown."""

INTERVAL = 0.1
"""Seconds between two updates of a line."""


class Shown(Protocol):
    """What a display is told about a task: its label, how much is done and how much is expected (0: unknown).

    ``settled`` says that what is expected grows no more, ``noun`` what an item is.
    """

    label: str
    size: int
    items: int
    done_size: int
    done_items: int
    settled: bool
    noun: str


class Display(Protocol):
    """Lines on a terminal that change in place."""

    def show(self, task: Shown) -> None:
        """Show ``task`` as it is now."""

    def rest(self, label: str) -> None:
        """Show that something is done of which nothing more is known."""

    def drop(self, task: Shown) -> None:
        """Stop showing ``task``."""

    def write(self, text: str) -> None:
        """Write ``text`` above the lines."""

    def stop(self) -> None:
        """Remove the lines."""


class TerminalProgress:
    """The progress that commands report to. It prints warnings at once and keeps them for the JSON document.

    ``as_seen`` makes a sentence name paths from where the user stands.
    """

    def __init__(
        self, output: Output, paint: Paint, visible: bool, as_seen: Callable[[str], str] = lambda text: text
    ) -> None:
        self.warnings: list[dict[str, str]] = []
        self._output = output
        self._paint = paint
        self._visible = visible
        self._as_seen = as_seen
        self._lock = own(self, "_lock", threading.RLock)
        self._display: Display | None = None
        self._running: set[_Running] = set()
        self._busy = ""
        self._timer: threading.Timer | None = None

    def busy(self, label: str) -> None:
        """Show ``label`` whenever no task is shown, from ``DELAY`` seconds from now until ``close``."""
        if not self._visible:
            return
        self._busy = label
        self._timer = threading.Timer(DELAY, self._rest)
        self._timer.daemon = True
        self._timer.start()

    def task(self, label: str, size: int = 0, items: int = 0, noun: str = "file") -> Task:
        """Start a task; it becomes visible once it has lasted ``DELAY`` seconds."""
        if not self._visible:
            return SilentProgress().task(label, size, items, noun)
        running = _Running(self, label, size, items, noun)
        with self._lock:
            self._running.add(running)
        return running

    def warn(self, message: str, hint: str = "") -> None:
        """Print a warning above the progress lines."""
        lines = [f"{self._paint.care('warning:')} {escape(self._as_seen(message))}"]
        if hint:
            lines.append(f"hint: {escape(self._as_seen(hint))}")
        with self._lock:
            self.warnings.append({"message": message, "hint": hint})
            text = "\n".join(lines) + "\n"
            if self._display:
                self._display.write(text)
            else:
                self._output.write(text)

    def close(self) -> None:
        """Remove all lines. Tasks that are still running stay invisible."""
        if self._timer:
            self._timer.cancel()
        with self._lock:
            self._busy = ""
            self._running.clear()
            self._hide()

    def update(self, task: _Running, size: int, items: int) -> None:
        """Take in what ``task`` reports, and draw it when it is time to."""
        with self._lock:
            task.done_size += size
            task.done_items += items
            now = time.monotonic()
            if now < task.due or task not in self._running:
                return
            task.due = now + INTERVAL
            if self._display is None:
                self._display = registry.display().make(colour=self._paint.enabled)
            if self._display:
                self._display.show(task)

    def extend(self, task: _Running, size: int, items: int) -> None:
        """Raise the totals that ``task`` expects."""
        with self._lock:
            task.size += size
            task.items += items

    def end(self, task: _Running) -> None:
        """Stop showing ``task``; with the last one the display goes."""
        with self._lock:
            self._running.discard(task)
            if self._display:
                self._display.drop(task)
            if self._running:
                return
            if self._display and self._busy:
                self._display.rest(self._busy)
            else:
                self._hide()

    def _rest(self) -> None:
        """Show what has been going on for a while without a word: tasks that have not told anything yet, too."""
        with self._lock:
            if not self._busy:
                return
            if self._display is None:
                self._display = registry.display().make(colour=self._paint.enabled)
            if self._display and not self._running:
                self._display.rest(self._busy)
            for task in self._running:
                if self._display:
                    self._display.show(task)

    def _hide(self) -> None:
        display, self._display = self._display, None
        if display:
            display.stop()


class _Running:
    def __init__(self, board: TerminalProgress, label: str, size: int, items: int, noun: str) -> None:
        self.label = escape(label)
        self.size = size
        self.items = items
        self.done_size = 0
        self.done_items = 0
        self.settled = bool(size or items)
        self.noun = noun
        self.due = time.monotonic() + DELAY
        self._board = board

    def advance(self, size: int = 0, items: int = 0) -> None:
        """Report work done."""
        self._board.update(self, size, items)

    def grow(self, size: int = 0, items: int = 0) -> None:
        """Report more work found."""
        self._board.extend(self, size, items)

    def settle(self) -> None:
        """Report that no more will be found."""
        self.settled = True

    def __enter__(self) -> Task:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board.end(self)
