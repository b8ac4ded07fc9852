"""Canonical JSON."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import LimitExceeded, SchemaError
from weft.formats.canonical import json_bytes, load_json

text = st.text('ab"\\\n é文\U0001f600[]{}', max_size=8)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text
values = st.recursive(leaves, lambda v: st.lists(v, max_size=3) | st.dictionaries(text, v, max_size=3), max_leaves=8)


@given(values)
def test_json_round_trip(value: object) -> None:
    data = json_bytes(value)
    assert load_json(data) == value
    assert json_bytes(load_json(data)) == data


def test_one_spelling() -> None:
    assert json_bytes({"b": [1, "é"], "a": None}) == '{"a":null,"b":[1,"é"]}\n'.encode()
    for value in (float("nan"), {"a": object()}, "\ud800", {1, 2}):
        with pytest.raises(SchemaError):
            json_bytes(value)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'[{"x":{"a":1,"a":1}}]',
        b"NaN",
        b"[Infinity]",
        b"{",
        b"",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"1" * 5000,
    ],
)
def test_strict_json(data: bytes) -> None:
    with pytest.raises(SchemaError, match=r"^w\.json"):
        load_json(data, what="w.json")


def test_json_limits() -> None:
    load_json(b"[" * 32 + b"]" * 32)
    load_json(b'["' + b"[" * 100 + b'\\"["]')
    for data in (b"[" * 33 + b"]" * 33, b"[" * 1_000_000, b'{"a":' * 40, b'"\\"]"' + b"[" * 40):
        with pytest.raises(LimitExceeded):
            load_json(data)
    with pytest.raises(SchemaError):
        load_json(b'"' + b"[" * 40)  # nothing in a text is deep, also where its end is missing
    with pytest.raises(LimitExceeded):
        load_json(b"[1, 2]", limit=5)
