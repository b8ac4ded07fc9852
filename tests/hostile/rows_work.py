"""Rows about work: texts that are made to be slow to read (95, 96), and one that makes others work (100)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from weft.cli.render.tables import inline
from weft.errors import LimitExceeded, SchemaError
from weft.formats.canonical import load_json
from weft.formats.values import read_values
from weft.pipeline.validate import shapes
from weft.storage.urls import redact

MIB = 1 << 20


def texts_for_patterns(_: Path) -> None:
    """Each of these took the square of its length: hours, for this one. That each pattern of the code is linear is shown, by
    counting, in ``test_patterns.py``."""
    for turn in ("a", "a.", "token", "secret-", "x-amz-", "sk-a", "eyJ-", "SG.", "://", "a-", "//a", "~a", " ", "@a:"):
        text = turn * (MIB // len(turn)) + "!"
        assert not shapes.secret_name(text, holds_ids=False)
        shapes.has_token(text)
        shapes.of_machine(text, None)
        redact(text)
    with pytest.raises(SchemaError):
        load_json(b'"' + b'\\"' * (MIB // 2))


def values_that_are_slow(_: Path) -> None:
    for name, data in (
        ("p.toml", b"a" + b".a" * 500_000 + b" = 1\n"),
        ("p.toml", b"[" + b"a." * 500_000 + b"a]\n"),
        ("p.py", b"a=1\n" * 250_000),
        ("p.py", b"a=1;" * 250_000),
        ("p.json", b"[" * MIB),
        ("p.yaml", b"a: " + b"[" * 1_000_000),
        ("p.json", b'{"a": "' + b"x" * MIB + b'"}'),
    ):
        with pytest.raises(LimitExceeded):
            read_values(data, name)


def texts_that_call_people(_: Path) -> None:
    """What a forge would make of a cell stands apart from its sign; what is shown is the text."""
    for text in (
        "@org/team",
        "a@b.org",
        "https://x.org/?a=b&c",
        "www.x.org",
        "#12",
        "&lt;img&gt;",
        "<!-- x -->",
        "~~x~~",
    ):
        cell = inline(text)
        assert not re.search(r"[@#]\w|://|www\.|(?<!\\)[&~]|(?<!\\)<(?!!-- -->)", cell)
        assert re.sub(r"<!-- -->|\\(?=[!-/:-@\[-`{-~])", "", cell) == text


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (95, "texts for patterns", texts_for_patterns),
    (96, "values that are slow to read", values_that_are_slow),
    (100, "texts that call people", texts_that_call_people),
]
