"""Cells and rows of CSV and Markdown, for text that strangers wrote."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from weft.cli.text import escape

_FORMULA = ("=", "+", "-", "@")
_MARKS = re.compile(r"[\\`*_\[\]<>#|&~]")


_NOTHING = "<!-- -->"
_CALLS = re.compile(r"[@#]|:(?=//)|www(?=\.)", re.IGNORECASE)


def inline(text: str) -> str:
    """``text`` as it is, whatever Markdown means by it, and whoever a forge would call or link to because of it."""
    text = _MARKS.sub(r"\\\g<0>", escape(text))
    # Forges look for names, numbers and addresses in what is shown, where a backslash is gone: a comment parts them.
    return _CALLS.sub(rf"\g<0>{_NOTHING}", text)


def csv_row(cells: Sequence[Any]) -> str:
    """One row; None is an empty cell, and no cell is a formula."""
    made = io.StringIO()
    csv.writer(made, lineterminator="").writerow([_csv_cell(cell) for cell in cells])
    return made.getvalue()


def table(form: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> tuple[str, ...]:
    """The lines of a table in the form ``form``: csv, or md for Markdown. None is an empty cell."""
    if form == "csv":
        return (csv_row(heads), *map(csv_row, rows))
    cells = [["" if cell is None else str(cell) for cell in row] for row in (heads, *rows)]
    lines = ["| " + " | ".join(map(inline, line)) + " |" for line in cells]
    return (lines[0], "|" + "---|" * len(heads), *lines[1:])


def _csv_cell(cell: Any) -> str:
    if cell is None:
        return ""
    text = escape(str(cell))
    # Spreadsheets run what begins like this; a number is none of that, whatever its sign.
    return "'" + text if isinstance(cell, str) and text.startswith(_FORMULA) else text
