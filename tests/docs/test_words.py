"""The documentation uses each word in the meaning of the glossary, and none that the glossary rules out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "concepts" / "glossary.md"
# The page for people who know another tool has to name that tool's words.
SPEAKS_OF_OTHERS = {GLOSSARY, ROOT / "docs" / "guide" / "for-dvc-users.md"}


def table(after: str) -> list[tuple[str, str]]:
    """The rows of the first table below a heading."""
    text = GLOSSARY.read_text(encoding="utf-8").split(f"{after}\n", 1)[1]
    rows = re.search(r"(?:^\|.*\|\n)+", text, re.MULTILINE)
    assert rows is not None
    cells = [line.strip("|").split("|") for line in rows.group().splitlines()[2:]]
    return [(row[0].strip(), row[1].strip()) for row in cells]


def pages() -> list[Path]:
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    return sorted(set(files) - SPEAKS_OF_OTHERS)


def test_glossary_is_sorted_and_says_each_word_once() -> None:
    words = [word for word, _ in table("# Glossary")]
    assert words == sorted(set(words))
    assert all(meaning for _, meaning in table("# Glossary"))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_second_name_for_a_thing(page: Path) -> None:
    text = re.sub(r"\s+", " ", page.read_text(encoding="utf-8").lower())
    used = [word for word, _ in table("## Words not used") if re.search(rf"\b{re.escape(word)}s?\b", text)]
    assert not used


@pytest.mark.parametrize(
    "word",
    ["oid", "object", "chunk", "pack", "manifest", "recipe", "pointer", "store", "remote", "workspace", "layout"],
)
def test_the_words_of_the_code_are_explained(word: str) -> None:
    assert word in dict(table("# Glossary"))
