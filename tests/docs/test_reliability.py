"""The numbers that the page on reliability says of the tests are those of the tests."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
THREATS = ROOT / "docs" / "threat-model.md"


def loaded(path: str) -> ModuleType:
    name = f"counted_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def hostile_rows(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]


def hostile() -> int:
    return len(hostile_rows(THREATS.read_text(encoding="utf-8")))


def pairs() -> int:
    return len(loaded("tests/concurrency/test_interleaved.py").SCENES)


def parsers() -> int:
    return len(loaded("tests/fuzz/targets.py").TARGETS)


COUNTS = {
    r"holds (\d+) hostile inputs": hostile,
    r"lets another run, for (\d+) pairs": pairs,
    r"million inputs to (\d+) parsers": parsers,
}


@pytest.mark.parametrize("pattern", COUNTS)
def test_a_number_on_the_page_is_the_one_that_is_counted(pattern: str) -> None:
    told = re.findall(pattern, PAGE.read_text(encoding="utf-8"))
    assert [int(number) for number in told] == [COUNTS[pattern]()]


def test_the_rows_about_secrets_are_those_of_their_section() -> None:
    first, last = map(int, *re.findall(r"`tests/hostile`, rows (\d+) to (\d+)", PAGE.read_text(encoding="utf-8")))
    section = THREATS.read_text(encoding="utf-8").partition("### Secrets and provenance")[2].partition("\n### ")[0]
    assert hostile_rows(section) == list(range(first, last + 1))
