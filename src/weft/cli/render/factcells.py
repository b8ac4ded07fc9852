"""Params, metrics, ids and commands as the cells of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weft.cli.context import View

if TYPE_CHECKING:
    from weft.workflows.facts import FactRow

_WIDEST = 60


def fact_cells(row: FactRow, view: View) -> list[str]:
    """The values of a row, marked where the stage that made them is stale; ids are cut short but with ``-v``, and so is what
    is too long for a table."""
    cells = [_cell(row.section, value, view) for value in row.values]
    marks = row.stale or (False,) * len(cells)
    return [f"{cell} stale" if mark else cell for cell, mark in zip(cells, marks, strict=True)]


def _cell(section: str, value: Any, view: View) -> str:
    if value is None:
        return "-"
    text = str(value)
    if section in ("data", "code") and not view.verbose:
        return text.rpartition(":")[2][:12]
    return text if view.verbose or len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."
