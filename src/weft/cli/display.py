"""Progress lines drawn by rich. Imported only for long work on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Task as Row
from rich.text import Text

from weft.util.humanize import count_text, size_text

if TYPE_CHECKING:
    from weft.cli.progress import Shown


class _Amount(ProgressColumn):
    """Bytes done, of how many, and how many a second."""

    def render(self, task: Row) -> Text:
        """Text of one row."""
        done, total = task.fields["done_size"], task.fields["size"]
        if not done and not total:
            return Text("")
        text = f"{size_text(done)}/{size_text(total)}" if total else size_text(done)
        if task.elapsed and done:
            text += f", {size_text(int(done / task.elapsed))}/s"
        return Text(text)


class _Items(ProgressColumn):
    """Files or objects done, and of how many."""

    def render(self, task: Row) -> Text:
        """Text of one row."""
        done, total = task.fields["done_items"], task.fields["items"]
        if not done and not total:
            return Text("")
        return Text(f"{done}/{count_text(total, 'file')}" if total else count_text(done, "file"))


class RichDisplay:
    """One line a task: label, bar, bytes, rate, files, time left."""

    def __init__(self, console: Console) -> None:
        self._rows: dict[int, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            _Amount(),
            _Items(),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        self._progress.start()

    def show(self, task: Shown) -> None:
        """Show ``task`` as it is now. Bytes drive the bar where their total is known, else files do."""
        total, done = (task.size, task.done_size) if task.size else (task.items, task.done_items)
        row = self._rows.get(id(task))
        if row is None:
            row = self._rows[id(task)] = self._progress.add_task(
                task.label, total=None, size=0, items=0, done_size=0, done_items=0
            )
        self._progress.update(
            row,
            total=max(total, done) or None,
            completed=done,
            size=task.size,
            items=task.items,
            done_size=task.done_size,
            done_items=task.done_items,
        )

    def drop(self, task: Shown) -> None:
        """Stop showing ``task``."""
        row = self._rows.pop(id(task), None)
        if row is not None:
            self._progress.remove_task(row)

    def write(self, text: str) -> None:
        """Write ``text`` above the lines."""
        self._progress.console.print(Text.from_ansi(text), end="", soft_wrap=True)

    def stop(self) -> None:
        """Remove the lines and give the cursor back."""
        self._progress.stop()


def make(*, colour: bool, stream: TextIO | None = None) -> RichDisplay:
    """A display on standard error, or on ``stream``, which is then taken for a terminal."""
    forced = True if stream else None
    return RichDisplay(
        Console(stderr=stream is None, file=stream, no_color=not colour, highlight=False, force_terminal=forced)
    )
