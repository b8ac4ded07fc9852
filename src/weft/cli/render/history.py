"""Pages of the verbs that look at history."""

from __future__ import annotations

from typing import Any

from weft.cli.context import Page, View
from weft.cli.text import escape
from weft.util.humanize import count_text
from weft.workflows.compare import CompareResult


def compare_page(result: CompareResult, _view: View) -> Page:
    """A table with one column a revision, and the delta of metrics last."""
    heads = ["", "", *(escape(name) for name in result.revisions), "delta"]
    lines = [
        [row.section, escape(row.key), *(_cell(row.section, value) for value in row.values), _delta(row.delta)]
        for row in result.rows
    ]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in [heads, *lines]]
    notes = (f"{count_text(result.same, 'fact')} the same in all (--all shows them)",) if result.same else ()
    return Page(data=tuple(line.rstrip() for line in table) if lines else (), notes=notes)


def _cell(section: str, value: Any) -> str:
    if value is None:
        return "-"
    if section in ("data", "code"):
        return str(value).rpartition(":")[2][:12]
    return escape(str(value))


def _delta(delta: float | None) -> str:
    return "" if delta is None else f"{delta:+.6g}"
