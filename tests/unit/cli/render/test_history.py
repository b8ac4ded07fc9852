"""The table of `weft compare`."""

from __future__ import annotations

import re

import pytest

from weft.cli.context import View
from weft.cli.render.factcells import fact_cells
from weft.cli.render.history import compare_page
from weft.cli.render.tables import csv_row, inline
from weft.cli.text import Paint
from weft.workflows.compare import CompareResult, LeftOut
from weft.workflows.facts import FactRow


def test_a_column_a_revision_and_the_delta_last() -> None:
    row = FactRow("metrics", "m.json:acc", (None, 0.5), None)
    other = FactRow("metrics", "m.json:loss", (2, 1.5), -0.5)
    page = compare_page(CompareResult(("a", "b"), ("1", "2"), (row, other), 3, stale=((), ())), View(Paint(False)))
    assert [line.split() for line in page.data] == [
        ["a", "b", "delta"],
        ["metrics", "m.json:acc", "-", "0.5"],
        ["metrics", "m.json:loss", "2", "1.5", "-0.5"],
    ]
    assert "3 values" in page.notes[0]


def test_markdown_and_csv_take_no_orders_from_names() -> None:
    row = FactRow("params", "p.yaml:a|b", ("=1+1", "*x*"))
    result = CompareResult(
        ("a", "b"), ("1", "2"), (row,), left_out=(LeftOut("a", "x\u202e.weft", "gone"),), cut=3, stale=((), ())
    )
    view = View(Paint(False))
    page = compare_page(result, view, "md")
    assert page.data[2] == "| params | p.yaml:a\\|b | =1+1 | \\*x\\* |  |"
    assert "\u202e" not in page.notes[0]
    assert "3 older commits" in page.notes[1]
    assert compare_page(result, view, "csv").data[1] == "params,p.yaml:a|b,'=1+1,*x*,,,,"


def test_long_values_and_ids_are_cut_but_with_v() -> None:
    rows = (FactRow("stages", "s", ("x" * 100, "y")), FactRow("data", "d", ("blake3:" + "a" * 64, None)))
    assert fact_cells(rows[0], View(Paint(False))) == ["x" * 57 + "...", "y"]
    assert fact_cells(rows[1], View(Paint(False))) == ["a" * 12, "-"]
    assert fact_cells(rows[0], View(Paint(False), True)) == ["x" * 100, "y"]
    assert csv_row(["a", None]) == "a,"
    assert inline("<b>") == "\\<b\\>"
    assert inline("&lt;b&#62; ~~x~~") == "\\&lt;b\\&\\#<!-- -->62; \\~\\~x\\~\\~"


@pytest.mark.parametrize(
    "text", ["@org/team", "a@b.org", "https://x.org", "FTP://x.org", "see www.x.org", "WWW.x.org", "#12", "o/r#1"]
)
def test_a_cell_calls_nobody_and_leads_nowhere(text: str) -> None:
    cell = inline(text)
    assert re.sub(r"<!-- -->|\\(?=[!-/:-@\[-`{-~])", "", cell) == text, "what is shown is the text"
    assert not re.search(r"[@#]\w|://|www\.", cell, re.IGNORECASE)
