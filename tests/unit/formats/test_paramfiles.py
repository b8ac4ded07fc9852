"""Where readers of YAML differ is known, and what a Python module does beside assigning literals is seen."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import ValuesFault, WeftError
from weft.formats import paramfiles, pyliterals, yaml12

ODD = (
    "no No NO yes Yes on Off 012 +012 -012 00 08 0o7 0b11 -0x1 1_000 1_0.5 1e-1 1E3 1.5e3 -.5 +.5 1:30 1:30.5 190:20:30"
    " 2026-01-01 2026-1-1 2001-12-14t21:59:43.10-05:00 = ._ .1_0 685_230.15"
)
SURE = "0 1 -1 +12 0x1f 0.1 .5 5. -5. 00.5 1.5e-3 -1.5E+3 true True FALSE null ~ .inf -.Inf .NaN a no.1 n y 1a 1.2.3 nobody"


def old(text: str) -> object:
    """What a reader of YAML 1.1 makes of a plain scalar."""
    return yaml.safe_load(f"k: {text}")["k"]


def differ(text: str) -> bool:
    one, other = yaml12.load(f"k: {text}\n".encode(), what="x")["k"], old(text)  # type: ignore[index]
    return type(one) is not type(other) or repr(one) != repr(other)


@pytest.mark.parametrize("text", ODD.split())
def test_what_is_read_in_two_ways(text: str) -> None:
    assert paramfiles.differs(text)
    assert paramfiles.read(f"a: {text}\nb: 1\n".encode(), "p.yaml").unsure == ("a",)
    assert paramfiles.read(f"a: '{text}'\n".encode(), "p.yaml").unsure == ()


@pytest.mark.parametrize("text", SURE.split())
def test_what_is_read_in_one_way(text: str) -> None:
    assert not differ(text)
    assert not paramfiles.differs(text)


@given(st.text("0123457_.:eE+-xobTtnNyYfF=<~", min_size=1, max_size=7))
def test_nothing_that_a_reader_of_yaml_1_1_takes_for_another_value_is_missed(text: str) -> None:
    try:
        found = differ(text)
    except (yaml.YAMLError, WeftError, TypeError, KeyError, ValueError):
        return  # no plain scalar, or none that both can read
    assert paramfiles.differs(text) or not found


@pytest.mark.parametrize(
    ("text", "unsure"),
    [
        ("deep:\n  a: no\n  b: 1\n", ("deep.a",)),
        ("list: [1, [no]]\nb: 1\n", ("list",)),
        ("layers:\n  - {units: 012}\n  - {units: 3}\n", ("layers.0.units",)),
        ("deep:\n  on: 1\n  b: 1\nc: 1\n", ("deep.[on]", "deep.b")),
        ("no: 1\nb: 1\n", ("no", "b")),
        ("a.b: no\na: {b: 1}\n", ("[a.b]",)),
        ("a: {1: x}\nb: 1\n", ("a.1",)),
        ("a: {'0': {b: 1}}\nb: 1\n", ("a.0.b",)),
        ("a: [{true: 1}]\nb: 1\n", ("a.0.true",)),
    ],
)
def test_the_keys_whose_values_are_unsure(text: str, unsure: tuple[str, ...]) -> None:
    found = paramfiles.read(text.encode(), "p.yml")
    assert found.unsure == tuple(key.replace("[on]", "on") for key in unsure)


def test_only_the_keys_that_are_read_count() -> None:
    text = paramfiles.read(b"a: no\nb: 1\n", "p.yaml")
    assert paramfiles.select(text, ["b"], "p.yaml") == ({"b": 1}, ())
    assert paramfiles.select(text, [], "p.yaml") == ({"a": "no", "b": 1}, ("a",))
    with pytest.raises(ValuesFault):
        paramfiles.select(text, ["c"], "p.yaml")


def test_other_formats_are_read_in_one_way() -> None:
    assert paramfiles.read(b'{"a": 1e-1}', "p.json") == paramfiles.ParamsText({"a": 0.1})
    assert paramfiles.read(b"a = 1_000\n", "p.toml") == paramfiles.ParamsText({"a": 1000})


def test_what_a_value_by_its_dotted_key_does_not_tell() -> None:
    text = "a = 2026-01-01\nb = '2026-01-01'\n[c]\nd = [[1, 12:00:00]]\ne = 1\n"
    assert paramfiles.read(text.encode(), "p.toml").unsure == ("a", "c.d")
    assert paramfiles.read(b'{"a": {"1": 2}, "b": {"x": 1}}', "p.json").unsure == ("a.1",)
    assert paramfiles.read(b"a = (1, 2)\nb = 1\n", "p.py").unsure == ("a", "b")
    assert paramfiles.read(b"a = [1, 2]\n", "P.PY") == paramfiles.ParamsText({"a": [1, 2]})


PLAIN = [
    "lr = 0.1\n",
    '"""doc"""\nlr: float = 0.1\nx: list[int] = [1, -2]\nclass A:\n    b = {"c": (1, None)}\n    pass\n',
    "a, b = 1, 2\nc = a + b * 2\nd = 1 if c > 2 else f'{a}'\n",
    "# -*- coding: utf-8 -*-\nlr = 1\n",
    'encoding = "latin-1"\n',
]
CODE = [
    "lr = 0.1\nfrom other import lr\n",
    "import math as lr\n",
    "lr = 0.1\n(lr := 0.9)\n",
    "lr = 0.1\nx = [(lr := 0.9)]\n",
    'lr = 0.1\nexec("lr = 0.9")\n',
    "lr = 0.1\nglobals().update(lr=0.9)\n",
    "lr = 0.1\ndef lr(): pass\n",
    "lr = 0.1\nx: exec('lr = 0.9') = 1\n",
    "d = {'a': 1}\nd['a'] = 2\n",
    "x = [1]\ny = x\ny += [2]\n",
    "class A:\n    lr = 1\nA.lr = 2\n",
    "class A:\n    __class_getitem__ = exec\nx = A['lr = 2']\n",
    "class A(B):\n    lr = 1\n",
    "class A:\n    import os\n",
    "@f\nclass A:\n    lr = 1\n",
    "__getattr__ = eval\n",
    "for lr in (1, 2): pass\n",
    "if True: lr = 2\n",
    "lr = [x for x in (1, 2)]\n",
    "del lr\n",
    "f = lambda: 1\n",
    "# coding: utf-7\nlr = 1\n",
    "x = 1\r# vim: set fileencoding=latin-1 :\rlr = 1\n",
]


@pytest.mark.parametrize("text", PLAIN)
def test_a_module_of_literals(text: str) -> None:
    assert pyliterals.is_plain(text)
    assert not paramfiles.read(text.encode(), "p.py").code


@pytest.mark.parametrize("text", CODE)
def test_a_module_that_is_more(text: str) -> None:
    assert not pyliterals.is_plain(text)
    found = paramfiles.read(text.encode(), "p.py")
    assert found == paramfiles.ParamsText(code=True)
    assert paramfiles.select(found, ["lr"], "p.py") == ({}, ())
    assert paramfiles.sure_values(text.encode(), "p.py") == {}
