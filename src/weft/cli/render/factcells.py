"""Params, metrics, ids and commands as the cells of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weft.cli.context import View

if TYPE_CHECKING:
    from weft.workflows.facts import FactRow

_WIDEST = 60


def fact_cells(row: FactRow, view: View) -> list[str]:
    """The values of a row, marked where they are of a false result, or else where the stage that made them is stale or was
    accepted by hand; ids are cut short but with ``-v``, and so is what is too long for a table."""
    cells = [_cell(row.section, value, view) for value in row.values]
    wrong = tuple(mark and value is not None for mark, value in zip(row.wrong, row.values, strict=False))
    for mark, marked in (("not right", wrong), ("stale", row.stale), ("accepted by hand", row.accepted)):
        cells = [
            f"{cell} {mark}" if here else cell
            for cell, here in zip(cells, marked or (False,) * len(cells), strict=True)
        ]
    return cells


def _cell(section: str, value: Any, view: View) -> str:
    if value is None:
        return "-"
    text = str(value)
    if section in ("data", "code") and not view.verbose:
        return text.rpartition(":")[2][:12]
    return text if view.verbose or len(text) <= _WIDEST else text[: _WIDEST - 3] + "..."
