"""The table of `weft compare`."""

from __future__ import annotations

from weft.cli.context import View
from weft.cli.render.history import compare_page
from weft.cli.text import Paint
from weft.workflows.compare import CompareResult, CompareRow


def test_a_column_a_revision_and_the_delta_last() -> None:
    row = CompareRow("metrics", "m.json:acc", (None, 0.5), None)
    other = CompareRow("metrics", "m.json:loss", (2, 1.5), -0.5)
    page = compare_page(CompareResult(("a", "b"), ("1", "2"), (row, other), 3), View(Paint(False)))
    assert [line.split() for line in page.data] == [
        ["a", "b", "delta"],
        ["metrics", "m.json:acc", "-", "0.5"],
        ["metrics", "m.json:loss", "2", "1.5", "-0.5"],
    ]
    assert "3 facts" in page.notes[0]
