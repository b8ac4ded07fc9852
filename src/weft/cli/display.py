"""Progress lines drawn by rich. Imported only for long work on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID
from rich.progress import Task as Row
from rich.table import Column
from rich.text import Text

from weft.util.humanize import count_text, part_text, size_text

if TYPE_CHECKING:
    from weft.cli.progress import Shown

WIDE, MIDDLE, NARROW = 100, 78, 60
"""From so many columns on there is a bar; below it rate and time go, and then the files too."""


class _Cell(ProgressColumn):
    """A column whose text stays on one line."""

    max_refresh = 0.2

    def __init__(self, most: int | None = None) -> None:
        super().__init__(Column(no_wrap=True, overflow="ellipsis", max_width=most))

    def render(self, task: Row) -> Text:
        """Text of one row."""
        return Text(self.text(task), overflow="ellipsis", no_wrap=True)

    def text(self, task: Row) -> str:
        """The same as a string."""
        raise NotImplementedError


class _Label(_Cell):
    def text(self, task: Row) -> str:
        return task.description


class _Amount(_Cell):
    """Bytes done, and of how many; a total that still grows has a plus. Of what has no bytes, files or objects."""

    def __init__(self, *, items_too: bool) -> None:
        super().__init__()
        self._items_too = items_too

    def text(self, task: Row) -> str:
        done, total = task.fields["done_size"], task.fields["size"]
        if done or total:
            return part_text(done, total, growing=not task.fields["settled"])
        return _items(task) if self._items_too else ""


class _Rate(_Cell):
    def text(self, task: Row) -> str:
        done = task.fields["done_size"]
        return f"{size_text(int(done / task.elapsed))}/s" if task.elapsed and done else ""


class _Items(_Cell):
    """Files, packs or objects done, and of how many."""

    def text(self, task: Row) -> str:
        return _items(task)


def _items(task: Row) -> str:
    done, total, noun = task.fields["done_items"], task.fields["items"], task.fields["noun"]
    if not total:
        return count_text(done, noun) if done else ""
    more = "" if task.fields["settled"] else "+"
    return f"{done:,}/{total:,}{more} {count_text(total, noun).partition(' ')[2]}"


class _Percent(_Cell):
    """How much is done, where all that is to be done is known; 100 % only when it is."""

    def text(self, task: Row) -> str:
        return f"{int(task.completed * 100 / task.total)}%" if task.total else ""


class _Time(_Cell):
    """The time left, or gone by where nobody knows."""

    def text(self, task: Row) -> str:
        left = task.time_remaining if task.total else None
        if left is None:
            return _clock(task.elapsed or 0)
        return f"{_clock(left)} left"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole // 60 % 60:02}:{whole % 60:02}"


class RichDisplay:
    """One line a task, on a terminal of any width: label, bar, bytes, rate, files, time left."""

    def __init__(self, console: Console) -> None:
        self._rows: dict[int, TaskID] = {}
        self._rest: TaskID | None = None
        self._progress = Progress(*_columns(console.width), console=console, transient=True, expand=False)
        self._progress.start()

    def show(self, task: Shown) -> None:
        """Show ``task`` as it is now. Bytes drive the bar where their total is known, else files do."""
        self._end_rest()
        total, done = (task.size, task.done_size) if task.size else (task.items, task.done_items)
        facts: dict[str, Any] = {
            "total": (max(total, done) or None) if task.settled else None,
            "completed": done,
            "size": task.size,
            "items": task.items,
            "done_size": task.done_size,
            "done_items": task.done_items,
            "settled": task.settled,
            "noun": task.noun,
        }
        row = self._rows.get(id(task))
        if row is None:
            self._rows[id(task)] = self._progress.add_task(task.label, **facts)
        else:
            self._progress.update(row, **facts)

    def rest(self, label: str) -> None:
        """Show that something is done of which nothing more is known."""
        if self._rest is None and not self._rows:
            nothing: dict[str, Any] = {"size": 0, "items": 0, "done_size": 0, "done_items": 0}
            self._rest = self._progress.add_task(label, total=None, settled=False, noun="", **nothing)

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

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._progress.remove_task(self._rest)
            self._rest = None


def _columns(width: int) -> list[ProgressColumn]:
    if width < NARROW:
        return [_Label(most=max(6, width - 24)), _Amount(items_too=True), _Percent()]
    if width < MIDDLE:
        return [_Label(most=12), _Amount(items_too=False), _Percent(), _Items()]
    every: list[ProgressColumn] = [_Amount(items_too=False), _Percent(), _Rate(), _Items(), _Time()]
    if width < WIDE:
        return [_Label(most=width - 66), *every]
    return [_Label(most=width - 88), BarColumn(bar_width=20), *every]


def make(*, colour: bool, stream: TextIO | None = None) -> RichDisplay:
    """A display on standard error, or on ``stream``, which is then taken for a terminal."""
    forced = True if stream else None
    return RichDisplay(
        Console(stderr=stream is None, file=stream, no_color=not colour, highlight=False, force_terminal=forced)
    )
