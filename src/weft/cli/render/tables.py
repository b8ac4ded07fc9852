"""Cells and rows of CSV and Markdown, for text that strangers wrote."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from weft.cli.text import escape

_FORMULA = ("=", "+", "-", "@")


def inline(text: str) -> str:
    """``text`` as it is, whatever Markdown means by it."""
    text = escape(text)
    for mark in ("\\", "`", "*", "_", "[", "]", "<", ">", "#", "|"):
        text = text.replace(mark, "\\" + mark)
    return text


def csv_row(cells: Sequence[Any]) -> str:
    """One row; None is an empty cell, and no cell is a formula."""
    made = io.StringIO()
    csv.writer(made, lineterminator="").writerow([_csv_cell(cell) for cell in cells])
    return made.getvalue()


def _csv_cell(cell: Any) -> str:
    if cell is None:
        return ""
    text = escape(str(cell))
    # Spreadsheets run what begins like this; a number is none of that, whatever its sign.
    return "'" + text if isinstance(cell, str) and text.startswith(_FORMULA) else text
