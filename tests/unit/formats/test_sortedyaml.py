"""Sorted YAML: one spelling of a mapping, and nothing else is taken for it."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from weft.errors import SchemaError, WeftError
from weft.formats import sortedyaml, yaml12

texts = st.text("ab yN0189.eE:#-_/,'\"\\\n\t\r{}[]&*!|>%@`~=<?é\x07\x85\u2028\ufeff文\U0001f600", max_size=12)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(allow_nan=False), texts,
    st.sampled_from(["null", "True", "on", "1e3", "0x1f", "0o7", ".inf", "-", "~", "", "1:30", "2026-01-02", "<<", "y"]),
)  # fmt: skip
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3), max_leaves=8)
mappings = st.dictionaries(texts, values, max_size=4)


@given(mappings)
@example({"a": [[], {}, [[1]], {"b": {"c": [None]}}], "b": math.inf})
@example({})
def test_what_is_written_is_read_back_with_the_same_types(value: dict[str, object]) -> None:
    data = sortedyaml.encode(value)
    found = sortedyaml.parse(data)
    assert found == value
    assert repr(found) == repr(yaml12.load(data, what="f"))
    assert sortedyaml.encode(found or {}) == data


@given(mappings, st.data())
def test_a_changed_text_is_refused_or_has_another_meaning(value: dict[str, object], data: st.DataObject) -> None:
    text = sortedyaml.encode(value).decode()
    place = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 3))
    other = text[:place] + data.draw(st.text(" \n\"'-:{}[]0a.~#\t", max_size=3)) + text[place + cut :]
    found = sortedyaml.parse(other.encode())
    if found is not None:
        assert sortedyaml.encode(found) == other.encode()


@pytest.mark.parametrize(
    "text",
    [
        "b: 1\na: 2\n",
        "a: 1\na: 1\n",
        "a: 1",
        "a: 01\n",
        "a: -0\n",
        "a: 1.50\n",
        "a: Null\n",
        "a: ~\n",
        "a: yes\n",
        "a: 'x'\n",
        'a: "x"\n',
        'a: "\\x0a"\n',
        'a: "\\ud800 "\n',
        'a: "\\U00110000 "\n',
        'a: "\\/ "\n',
        "a: 1 # one\n",
        "a: 1\r\n",
        "\ufeffa: 1\n",
        "a:\n",
        "a: 1\nb:\n",
        'a: "\n',
        'a: " x\n',
        "a: NULL\n",
        "a: 0x10\n",
        "a:  1\n",
        "a: 1 \n",
        "a:\n   b: 1\n",
        "a:\n- 1\n",
        "a: 1\n  b: 1\n",
        "a:\n    b: 1\n",
        "  a: 1\n",
        "- 1\n",
        "a:\n  b: 1\n  - 1\n",
        "1: a\n",
        "true: a\n",
        "a: &x 1\n",
        "a: *x\n",
        "a: !!str x\n",
        "a: \0\n",
        "---\na: 1\n",
        "",
        "a: {b: 1}\n",
        "a: " + "9" * 350 + "\n",
        "a: " + "9" * 5000 + "\n",
        "k" * 501 + ": 1\n",
        "".join(" " * (2 * level) + "a:\n" for level in range(33)) + " " * 66 + "a: 1\n",
        "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> b\n",
    ],
)
def test_other_spellings(text: str) -> None:
    assert sortedyaml.parse(text.encode()) is None


def test_bytes_that_are_not_text() -> None:
    assert sortedyaml.parse(b'a: "\xff"\n') is None


@pytest.mark.parametrize("value", [{1: "a"}, {"a": {None: 1}}, {"a": b"x"}, {"a": "\ud800"}, {"a": 10**400}])
def test_what_cannot_be_written(value: dict[str, object]) -> None:
    with pytest.raises(SchemaError):
        sortedyaml.encode(value)


def test_escapes() -> None:
    value = {"a": "\x07 \x85 \u2028 \ufeff \U000e0001", "b": '\\ " \n\t\r'}
    data = b'a: "\\x07 \\x85 \\u2028 \\ufeff \\U000e0001"\nb: "\\\\ \\" \\n\\t\\r"\n'
    assert sortedyaml.encode(value) == data
    assert sortedyaml.parse(data) == value


def test_depth() -> None:
    deep: object = 1
    for level in range(34):
        value = {"a": deep}
        if level < 32:
            assert sortedyaml.parse(sortedyaml.encode(value)) == value
        else:
            with pytest.raises(WeftError):
                sortedyaml.encode(value)
        deep = value
