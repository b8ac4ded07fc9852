"""Hostile input, line by line: every row carries its number from the list in ``docs/threat-model.md``.

The rows stand in ``rows_*.py`` beside this file, grouped by the part that must refuse; this is the one place that runs
them and that checks that no number is left out.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Row = tuple[int, str, Callable[[Path], None]]
# The page is the list: a row of it without a test fails here, and a test without a row of it as well.
PAGE = Path(__file__).resolve().parents[2] / "docs" / "threat-model.md"
REQUIRED = {int(number) for number in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)}


def _rows() -> list[Row]:
    found: list[Row] = []
    for path in sorted(Path(__file__).parent.glob("rows_*.py")):
        spec = importlib.util.spec_from_file_location(f"hostile_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        found += module.ROWS
    return sorted(found, key=lambda row: (row[0], row[1]))


ALL = _rows()


@pytest.mark.parametrize(("number", "name", "check"), ALL, ids=[f"{number:02}-{name}" for number, name, _ in ALL])
def test_hostile(number: int, name: str, check: Callable[[Path], None], tmp_path: Path) -> None:
    assert number in REQUIRED, name
    check(tmp_path)


def test_every_number_has_a_row() -> None:
    assert len(REQUIRED) >= 78
    assert not REQUIRED - {number for number, _, _ in ALL}
