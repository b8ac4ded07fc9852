import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.cli.text import Paint, columns, escape, escape_block


@given(st.text(st.characters()))
def test_nothing_that_acts_on_a_terminal_is_left(text):
    # Cc control, Cf format (bidi, zero width), Cs surrogates, Zl and Zp separators.
    assert not [c for c in escape(text) if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(escape(text)) & set(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u200b\ufeff"
    )


@pytest.mark.parametrize("text", ["data/été 日本語 🧵.png", "a\\b", "-x", "", "a 'b' \"c\""])
def test_ordinary_names_stay_as_they_are(text):
    assert escape(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("photo\u202egnp.exe", "photo\\u202egnp.exe"),
        ("\x9b2J", "\\x9b2J"),
        (b"caf\xe9".decode("utf-8", "surrogateescape"), "caf\\xe9"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud800", "\\ud800"),
    ],
)
def test_active_characters_are_spelled_out(text, shown):
    assert escape(text) == shown


def test_a_block_keeps_its_lines():
    assert escape_block("one\ntwo\x07") == "one\ntwo\\x07"


def test_colour_adds_nothing_but_colour():
    on, off = Paint(True), Paint(False)
    for brush in ("good", "bad", "care", "quiet"):
        assert getattr(off, brush)("word") == "word"
        assert getattr(on, brush)("word").startswith("\x1b[")
        assert getattr(on, brush)("word").endswith("word\x1b[0m")
        assert getattr(on, brush)("") == ""


def test_columns_stand_under_each_other():
    assert columns([["a", "1", "x"], ["bbb", "22", ""]], frozenset([1])) == ["a     1  x", "bbb  22"]
    assert columns([]) == []
