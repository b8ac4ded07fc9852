"""The pages on threats and protocols say what is true of the code: numbers, codes, files."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from pathlib import Path

import pytest

from weft import errors
from weft.errors import WeftError

ROOT = Path(__file__).resolve().parents[2]
THREATS = ROOT / "docs" / "threat-model.md"
PAGES = [THREATS, ROOT / "docs" / "spec" / "protocols.md"]
SOURCES = sorted((ROOT / "src").rglob("*.py"))

ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
CODE = re.compile(r"`(E_[A-Z_]+)`(?: (\d+))?")
FILE = re.compile(r"(?<![\w/.-])(?:src|tests|docs|tools|benchmarks|examples)/[\w./-]+\.(?:py|md)\b")
DOCS_FILE = re.compile(r"\bdocs/[\w./-]+\.md\b")

EXIT_CODES = {
    kind.code: int(kind.exit_code)
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, WeftError)
}


def hostile_numbers() -> set[int]:
    """The numbers of all rows, loaded as the hostile tests load them."""
    found: set[int] = set()
    for path in sorted((ROOT / "tests" / "hostile").glob("rows_*.py")):
        spec = importlib.util.spec_from_file_location(f"documented_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        found |= {number for number, _, _ in module.ROWS}
    return found


def listed(text: str) -> dict[int, tuple[str, str]]:
    """What the page says that each number gets, and with which code."""
    return {int(number): (gets, code) for number, _, gets, code in ROW.findall(text)}


def wrong_codes(text: str) -> list[str]:
    wrong = []
    for code, exit_code in CODE.findall(text):
        if code not in EXIT_CODES:
            wrong.append(f"{code} is no error of weft's")
        elif exit_code and int(exit_code) != EXIT_CODES[code]:
            wrong.append(f"{code} ends with {EXIT_CODES[code]}, not {exit_code}")
    return wrong


def absent_files(pattern: re.Pattern[str], text: str) -> list[str]:
    return [name for name in pattern.findall(text) if not (ROOT / name).is_file()]


def test_every_hostile_input_is_listed_once_and_in_order() -> None:
    numbers = [int(row[0]) for row in ROW.findall(THREATS.read_text(encoding="utf-8"))]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 78


def test_what_is_said_to_be_held_is_tested() -> None:
    rows = hostile_numbers()
    page = listed(THREATS.read_text(encoding="utf-8"))
    held = {number for number, (gets, _) in page.items() if not gets.startswith("not there yet")}
    assert set(range(1, 69)) <= rows
    assert held == rows


def test_every_number_tells_its_code() -> None:
    page = listed(THREATS.read_text(encoding="utf-8"))
    silent = [number for number, (_, code) in page.items() if code != "none" and not CODE.fullmatch(code)]
    assert not silent


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_codes_are_those_of_the_code(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert CODE.search(text)
    assert not wrong_codes(text)


@pytest.mark.parametrize("text", ["`E_NO_SUCH_CODE` 3", "`E_SYMLINK` 4", "as `E_LOCKED` 3 | `E_LIMIT` 3"])
def test_a_wrong_code_is_noticed(text: str) -> None:
    assert len(wrong_codes(text)) == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert FILE.search(text)
    assert not absent_files(FILE, text)


def test_pages_that_the_source_names_exist() -> None:
    texts = {source: source.read_text(encoding="utf-8") for source in SOURCES}
    assert sum(len(DOCS_FILE.findall(text)) for text in texts.values()) > 10
    absent = {str(source.relative_to(ROOT)): absent_files(DOCS_FILE, text) for source, text in texts.items()}
    assert not {source: names for source, names in absent.items() if names}


@pytest.mark.parametrize("text", ["see `src/weft/no_such.py`", "(``docs/spec/no-such.md``, add)"])
def test_a_file_that_is_not_there_is_noticed(text: str) -> None:
    assert absent_files(FILE, text) or absent_files(DOCS_FILE, text)
