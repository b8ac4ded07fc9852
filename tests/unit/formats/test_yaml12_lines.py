"""YAML with the line of each value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import SchemaError, WeftError
from weft.formats import yaml12

TEXT = b"""# a comment
stages:
  train:
    cmd: >
      python
      train.py
    deps: [a, b]
    outs:
    - x
    - y:
        cache: false
3: {a: 1,
  b: 2}
"""


def test_every_value_has_its_line() -> None:
    value, lines = yaml12.load_with_lines(TEXT, what="weft.yaml")
    assert value == yaml12.load(TEXT, what="weft.yaml")
    assert lines == {
        ("stages",): 2,
        ("stages", "train"): 3,
        ("stages", "train", "cmd"): 4,
        ("stages", "train", "deps"): 7,
        ("stages", "train", "deps", 0): 7,
        ("stages", "train", "deps", 1): 7,
        ("stages", "train", "outs"): 8,
        ("stages", "train", "outs", 0): 9,
        ("stages", "train", "outs", 1): 10,
        ("stages", "train", "outs", 1, "y"): 10,
        ("stages", "train", "outs", 1, "y", "cache"): 11,
        (3,): 12,
        (3, "a"): 12,
        (3, "b"): 13,
    }


def test_errors_are_those_of_load() -> None:
    with pytest.raises(SchemaError, match=r"f\.yaml, line 2: the key 'a' is there twice") as caught:
        yaml12.load_with_lines(b"a: 1\na: 2\n", what="f.yaml")
    assert caught.value.line == 2


@given(st.text("ab:-?[]{},#&*!|>'\"%@` \n\t0.~<>=\\", max_size=30))
def test_the_values_are_those_of_load(text: str) -> None:
    data = text.encode()
    try:
        value = yaml12.load(data, what="f")
    except WeftError as error:
        with pytest.raises(type(error)):
            yaml12.load_with_lines(data, what="f")
        return
    found, lines = yaml12.load_with_lines(data, what="f")
    assert repr(found) == repr(value)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
