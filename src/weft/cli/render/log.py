"""The log as text, Markdown and CSV: piece by piece, a commit at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from weft.cli.context import View
from weft.cli.render.stale import FROZEN, NOT_RIGHT, UNKNOWN, stage_text, wrong_text
from weft.cli.render.tables import csv_row, inline
from weft.cli.text import escape
from weft.util.humanize import count_text, duration_text, few_text, size_text
from weft.workflows.log import NOT_HERE, DataChange, LogEntry, StageChange, ValueChange

FORMATS = ("text", "csv", "md")
"""The forms of a log, the usual one first."""

_SHOWN = 10
_STALE = 3
_LETTERS = {"added": "A", "modified": "M", "deleted": "D"}
CUT = "history is cut here (a shallow clone): what this commit changed is not known"
_CSV_HEAD = ("commit", "date", "author", "subject", "section", "path", "key", "old", "new", "delta")

Lines = Callable[[LogEntry, View], Iterator[str]]


def head_lines(form: str) -> Iterator[str]:
    """What stands before the first commit."""
    if form == "csv":
        yield csv_row(_CSV_HEAD)


def entry_lines(entry: LogEntry, view: View, form: str) -> Iterator[str]:
    """One commit in the form ``form``, one of ``FORMATS``."""
    lines: dict[str, Lines] = {"text": _text, "md": _markdown, "csv": _csv}
    return lines[form](entry, view)


# --- text ------------------------------------------------------------------------------------------------------------


def _text(entry: LogEntry, view: View) -> Iterator[str]:
    name = entry.commit if view.verbose else entry.commit[:10]
    merge = view.paint.quiet("  (merge)") if len(entry.parents) > 1 else ""
    yield f"{view.paint.care(name)}  {_when(entry)}  {escape(entry.author)}  {escape(entry.subject)}{merge}"
    for label, text in _rows(entry, view):
        yield f"    {label:<7}  {text}"


def _when(entry: LogEntry) -> str:
    return escape(entry.date[:16].replace("T", " "))


def _rows(entry: LogEntry, view: View) -> Iterator[tuple[str, str]]:
    sections: tuple[tuple[str, Sequence[Any], Callable[[Any], str]], ...] = (
        ("data", entry.data, _data),
        ("params", entry.params, value_text),
        ("metrics", entry.metrics, value_text),
        ("stages", entry.stages, _stage),
    )
    for label, items, text in sections:
        shown = items if view.verbose else items[:_SHOWN]
        yield from ((label, text(one)) for one in shown)
        if len(shown) < len(items):
            yield label, f"and {len(items) - len(shown):,} more (-v lists all)"
    wrong = entry.wrong if view.verbose else entry.wrong[:_STALE]
    yield from ((NOT_RIGHT, wrong_text(one.path, one.reason)) for one in wrong)
    if len(wrong) < len(entry.wrong):
        yield NOT_RIGHT, f"and {len(entry.wrong) - len(wrong):,} more (-v lists them)"
    late = entry.stale or ()
    yield from (
        (FROZEN if one.frozen else "stale", stage_text(one)) for one in (late if view.verbose else late[:_STALE])
    )
    if len(late) > _STALE and not view.verbose:
        yield "stale", f"and {len(late) - _STALE:,} more stages (-v lists them)"
    if entry.stale is None:
        yield "!", UNKNOWN
    absent = [path for path, reason in entry.left_out.items() if reason == NOT_HERE]
    if absent and not view.verbose:
        yield "!", f"{count_text(len(absent), 'file')} of it not in this partial clone"
    for path, reason in entry.left_out.items():
        if reason != NOT_HERE or view.verbose:
            yield "!", f"{escape(path)}: {escape(reason)}"
    if entry.cut:
        yield "!", CUT


def _data(one: DataChange) -> str:
    slash = "/" if one.type == "dir" else ""
    before, after = _amount(one.old_size, one.old_files), _amount(one.size, one.files)
    amount = " -> ".join(text for text in (before, after) if text)
    return f"{_LETTERS[one.change]} {escape(one.path)}{slash}  ({amount})"


def _amount(size: int | None, files: int | None) -> str:
    if size is None:
        return ""
    return size_text(size) + (f", {count_text(files, 'file')}" if files is not None and files != 1 else "")


def value_text(one: ValueChange) -> str:
    """A changed value: ``params.yaml:train.lr 0.1 -> 0.01``, a metric with what it rose or fell by."""
    by = "" if one.delta is None else f"  ({one.delta:+.6g})"
    late = f"  (no run of {escape(few_text(one.not_run))} had it yet)" if one.not_run else ""
    return f"{escape(one.file)}:{escape(one.key)}  {plain(one.old)} -> {plain(one.new)}{by}{late}"


def plain(value: Any) -> str:
    """A value as text, ``-`` where there is none."""
    return "-" if value is None else escape(str(value))


def _stage(one: StageChange) -> str:
    took = f", {duration_text(one.duration)}" if one.duration is not None and one.change == "ran" else ""
    return f"{escape(one.stage)} {one.change}{took}"


# --- Markdown and CSV ------------------------------------------------------------------------------------------------


def _markdown(entry: LogEntry, view: View) -> Iterator[str]:
    yield f"### `{entry.commit[:10]}` {inline(entry.subject)}\n\n{_when(entry)}, {inline(entry.author)}\n"
    rows = [f"- {label}: {inline(text)}" for label, text in _rows(entry, view)]
    yield from [*rows, ""] if rows else ()


def _csv(entry: LogEntry, _view: View) -> Iterator[str]:
    lead = (entry.commit, entry.date, entry.author, entry.subject)
    for one in entry.data:
        yield csv_row((*lead, "data", one.path, "", one.old_oid, one.oid, ""))
    for label, items in (("params", entry.params), ("metrics", entry.metrics)):
        for change in items:
            yield csv_row((*lead, label, change.file, change.key, change.old, change.new, change.delta))
    for stage in entry.stages:
        yield csv_row((*lead, "stages", stage.stage, stage.change, "", stage.run, ""))
    for false in entry.wrong:
        yield csv_row((*lead, NOT_RIGHT, false.path, "", "", false.reason, ""))
    for late in entry.stale or ():
        why = ", ".join((*late.causes, *(f"{name} is stale" for name in late.above)))
        yield csv_row((*lead, FROZEN if late.frozen else "stale", late.stage, "", "", why, ""))
    if entry.stale is None:
        yield csv_row((*lead, "left out", "", "", "", UNKNOWN, ""))
    for path, reason in entry.left_out.items():
        yield csv_row((*lead, "left out", path, "", "", reason, ""))
    if entry.cut:
        yield csv_row((*lead, "left out", "", "", "", CUT, ""))
