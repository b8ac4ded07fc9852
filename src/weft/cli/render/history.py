"""The table of compare, as text, Markdown and CSV."""

from __future__ import annotations

from collections.abc import Sequence

from weft.cli.context import Page, View
from weft.cli.render.factcells import fact_cells
from weft.cli.render.stale import stale_notes, wrong_notes
from weft.cli.render.tables import table
from weft.cli.text import escape
from weft.util.humanize import count_text
from weft.workflows.compare import CompareResult

FORMS = ("text", "csv", "md")
"""The forms of a comparison, the usual one first."""


def compare_page(result: CompareResult, view: View, form: str = "text") -> Page:
    """One column a revision, and the delta of metrics last; in CSV the revisions in which a value is stale, was accepted by
    hand, or is not right, behind it."""
    heads = ["", "", *result.revisions, "delta"]
    if form == "csv":
        rows = [
            [row.section, row.key, *row.values, row.delta]
            + [_where(marks, result) for marks in (row.stale, row.accepted, row.wrong)]
            for row in result.rows
        ]
        data: Sequence[str] = table(form, ["section", "key", *heads[2:], "stale", "accepted", "not right"], rows)
    else:
        cells = [[row.section, row.key, *fact_cells(row, view), _delta(row.delta)] for row in result.rows]
        data = (table(form, heads, cells) if form == "md" else _text(heads, cells)) if cells else ()
    return Page(data=tuple(data), notes=tuple(_notes(result)))


def _where(marks: Sequence[bool], result: CompareResult) -> str:
    """The revisions in which a value is marked."""
    return " ".join(name for name, mark in zip(result.revisions, marks, strict=False) if mark)


def _notes(result: CompareResult) -> list[str]:
    notes = [f"{escape(one.revision)}: {escape(one.path)} is left out: {escape(one.reason)}" for one in result.left_out]
    notes += wrong_notes(result.revisions, result.wrong) if result.wrong else ()
    notes += stale_notes(result.revisions, result.stale) if result.stale else ()
    if result.cut:
        notes.append(f"{count_text(result.cut, 'older commit')} of the range left out")
    if not result.rows:
        notes.append("no differences")
    if result.same:
        notes.append(f"{count_text(result.same, 'value')} the same in all (--all shows them)")
    return notes


def _text(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [[escape(cell) for cell in line] for line in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _delta(delta: float | None) -> str:
    return "" if delta is None else f"{delta:+.6g}"
