"""Params and metrics files: what they hold by dotted keys, and changing one value of them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import LimitExceeded, MergeConflict, ValuesFault, WeftError, YamlAlias, YamlTag
from weft.formats import values, yaml12

TREE = {
    "lr": 0.001,
    "train": {"epochs": 3, "on": True, "name": "a b", "opt": {"betas": [0.9, 0.999]}},
    "layers": [{"units": 4, "act": "relu"}, {"units": 8}],
    "a.b": {"c]d": 1, "": 2, "x\\y": 3},
    "mixed": [[1, [2]], ["x"]],
    "deep": [[{"k": 1}], 2],
}
FLAT = {
    "lr": 0.001,
    "train.epochs": 3,
    "train.on": True,
    "train.name": "a b",
    "train.opt.betas": [0.9, 0.999],
    "layers.0.units": 4,
    "layers.0.act": "relu",
    "layers.1.units": 8,
    "[a.b].[c\\]d]": 1,
    "[a.b].[]": 2,
    "[a.b].[x\\\\y]": 3,
    "mixed": [[1, [2]], ["x"]],
    "deep.0.0.k": 1,
    "deep.1": 2,
}
YAML = yaml12.dump(TREE)
JSON = json.dumps(TREE, indent=1).encode()
TOML = rb"""
lr = 0.001
mixed = [[1, [2]], ["x"]]
deep = [[{k = 1}], 2]
[train]
epochs = 3
on = true
name = "a b"
[train.opt]
betas = [0.9, 0.999]
[[layers]]
units = 4
act = "relu"
[[layers]]
units = 8
["a.b"]
"c]d" = 1
"" = 2
'x\y' = 3
"""
PYTHON = rb'''"""Settings."""
import os

lr: float = 0.001
class train:
    epochs = 3
    on = True
    name = "a b"
    class opt:
        betas = (0.9, 0.999)
    def f(self):
        epochs = 9
        self.x = epochs
layers = [{"units": 4, "act": "relu"}, {"units": 8}]
globals()["a.b"] = 1
mixed = ((1, [2]), ["x"])
deep = [[{"k": 1}], 2]
home = os.environ["HOME"]
mask = 0xff; raw = b"x"; some = {1, 2}; z = 1j; dots = ...; bad = {"a": b"x"}; worse = [1, {2}]
if lr:
    later = 1
twice = 1
twice += 1
'''


@pytest.mark.parametrize(("name", "data"), [("p.yaml", YAML), ("p.yml", YAML), ("dir/p.JSON", JSON), ("p.toml", TOML)])
def test_every_format_says_the_same(name: str, data: bytes) -> None:
    found = values.read_values(data, name)
    assert found == FLAT
    assert {key: type(value) for key, value in found.items()} == {key: type(value) for key, value in FLAT.items()}


def test_literals_of_python() -> None:
    expected = {key: value for key, value in FLAT.items() if not key.startswith("[a.b]")} | {"mask": 255}
    assert values.read_values(PYTHON, "p.py") == expected


@pytest.mark.parametrize(
    "statement",
    [
        "for lr in (1, 2): pass",
        "if x:\n  lr = 2",
        "while x: lr = 1",
        "try: lr = 1\nexcept E: pass",
        "with x as lr: pass",
        "match x:\n  case 1: lr = 3",
        "lr += 1",
        "del lr",
        "lr, y = 1, 2",
        "lr = f()",
        "lr = -x",
    ],
)
def test_a_name_that_is_bound_in_another_way_has_no_value(statement: str) -> None:
    text = f"y0 = 1\nlr = 0\n{statement}\n"
    assert values.read_values(text.encode(), "p.py") == {"y0": 1}
    assert values.read_values(f"{text}\nlr = 5\n".encode(), "p.py") == {"y0": 1, "lr": 5}


def test_python_is_read_without_a_word_about_its_style() -> None:
    assert values.read_values(b'a = "\\d"\n', "p.py") == {"a": "\\d"}


def test_times_of_toml_are_texts() -> None:
    found = values.read_values(b"a = 2026-01-31\nb = [12:00:01]\nc = 2026-01-31T12:00:00Z\n", "p.toml")
    assert found == {"a": "2026-01-31", "b": ["12:00:01"], "c": "2026-01-31T12:00:00+00:00"}


def test_keys_that_are_no_strings() -> None:
    assert values.read_values(b"2: a\ntrue: {0.5: b}\nnull: c\n", "p.yaml") == {
        "2": "a",
        "true.[0.5]": "b",
        "null": "c",
    }
    with pytest.raises(ValuesFault, match="both written '1'"):
        values.read_values(b"1: a\n'1': b\n", "p.yaml")


def test_numbers_that_are_not_finite() -> None:
    found = values.read_values(b'{"a": NaN, "b": [1, [-Infinity]], "c": 1.5, "d": 1e999}', "m.json")
    assert math.isnan(found["a"])
    assert values.not_finite(found) == ["a", "b", "d"]
    assert values.not_finite(values.read_values(b"a: .nan\nb: .inf\nc: nan\n", "m.yaml")) == ["a", "b"]
    assert values.not_finite(values.read_values(b"a = nan\nb = -inf\nc = 1\n", "m.toml")) == ["a", "b"]


def test_empty_collections_are_values() -> None:
    assert values.read_values(b"a: {}\nb: []\nc:\nd: [[], {}]\n", "p.yaml") == {
        "a": {}, "b": [], "c": None, "d.0": [], "d.1": {},
    }  # fmt: skip
    for name, data in {"p.yaml": b"{}\n", "p.json": b"{}", "p.toml": b"", "p.py": b""}.items():
        assert values.read_values(data, name) == {}


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("m/acc.json", b"0.93\n", {"acc": 0.93}),
        ("acc.yaml", b"3\n", {"acc": 3}),
        ("val.acc.json", b"0.93\n", {"[val.acc]": 0.93}),
        ("p.yaml", b"", {}),
        ("p.yaml", b"# nothing yet\n", {}),
        ("p.toml", b"", {}),
        ("p.py", b"", {}),
    ],
)
def test_a_bare_number_and_nothing_are_read(name: str, data: bytes, found: dict[str, object]) -> None:
    assert values.read_values(data, name) == found


@pytest.mark.parametrize(
    ("name", "data", "error", "line"),
    [
        ("p.txt", b"a: 1", ValuesFault, 0),
        ("yaml", b"a: 1", ValuesFault, 0),
        ("p.json", b"true", ValuesFault, 1),
        ("p.yaml", b"a text\n", ValuesFault, 1),
        ("p.yaml", b"- 1\n", ValuesFault, 1),
        ("p.yaml", b"just text\n", ValuesFault, 1),
        ("p.json", b"[1]", ValuesFault, 1),
        ("p.json", b"", ValuesFault, 1),
        ("p.yaml", b"a: 1\nb: [\n", ValuesFault, 3),
        ("p.yaml", b"a: 1\na: 2\n", ValuesFault, 2),
        ("p.yaml", b"a: 1\nb: \xff\n", ValuesFault, 2),
        ("p.yaml", b"\xef\xbb\xbfa: 1\n", ValuesFault, 0),
        ("p.yaml", b"a: 1\0\n", ValuesFault, 0),
        ("p.yaml", b"a: &x 1\nb: *x\n", YamlAlias, 1),
        ("p.yaml", b"a: !!python/name:os.system x\n", YamlTag, 1),
        ("p.yaml", b"a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n", MergeConflict, 2),
        ("p.yaml", b"a: " + b"[" * 50 + b"]" * 50, LimitExceeded, 1),
        ("p.yaml", b"a: " + b"9" * 500, LimitExceeded, 1),
        ("p.yaml", b"a: " + b"9" * 350, ValuesFault, 0),
        ("p.json", b'{"a": 1,\n"b": }', ValuesFault, 2),
        ("p.json", b'{"a": 1,\n"b": 2,\n"a": 3}', ValuesFault, 3),
        ("p.json", b'{"a": ' + b"9" * 5000 + b"}", ValuesFault, 1),
        ("p.json", b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", LimitExceeded, 0),
        ("p.json", b'{"a": "\\ud800"}', ValuesFault, 0),
        ("p.json", b'{"\\ud800": 1}', ValuesFault, 0),
        ("p.json", b'{"a": \xff}', ValuesFault, 1),
        ("p.json", b'\xef\xbb\xbf{"a": 1}', ValuesFault, 1),
        ("p.toml", b"a = 1\nb = \n", ValuesFault, 2),
        ("p.toml", b"a = 1\na = 2\n", ValuesFault, 2),
        ("p.toml", b"a = " + b"9" * 5000 + b"\n", ValuesFault, 0),
        ("p.toml", b"a = " + b"[" * 50_000 + b"]" * 50_000, LimitExceeded, 1),
        ("p.toml", b"a" + b".a" * 100 + b" = false\n", LimitExceeded, 1),
        ("p.toml", b"x = 1\ny = [{ 'a'" + b" . b" * 33 + b" = 1}]\n", LimitExceeded, 2),
        ("p.toml", b"[a" + b'."b"' * 33 + b"]\n", LimitExceeded, 1),
        ("p.toml", b'x = [ """a"""" , {a' + b".a" * 33 + b" = 1}]\n", LimitExceeded, 1),
        ("p.toml", b"a = 0x" + b"f" * 5000 + b"\n", ValuesFault, 0),
        ("p.py", b"a = 1\nb = (\n", ValuesFault, 2),
        ("p.py", b"a=1\n" * 20_001, LimitExceeded, 0),
        ("p.py", b"a=1;" * 20_001, LimitExceeded, 0),
        ("p.py", b"a = 1\0", ValuesFault, 0),
        ("p.py", b"a = " + b"(" * 5000 + b")" * 5000, ValuesFault, 1),
        ("p.py", b"a = " + b"-" * 100_000 + b"1", ValuesFault, 0),
        ("p.py", b"a = " + b"9" * 5000, ValuesFault, 1),
        ("p.py", b"a = " + b"[" * 60 + b"]" * 60, ValuesFault, 0),
        ("p.json", json.dumps({"k" * 600: 1}).encode(), ValuesFault, 0),
        ("p.json", json.dumps(dict.fromkeys(map(str, range(100_001)), 1), separators=(",", ":")).encode(), ValuesFault, 0),
        ("p.json", json.dumps({"k" * 400: {"l" * 200: {str(n): n for n in range(1000)}}}).encode(), ValuesFault, 0),
        ("p.json", b'{"a": "' + b"x" * (1 << 20) + b'"}', LimitExceeded, 0),
        ("p.yaml", b"a" * (1 << 20) + b": 1\n", LimitExceeded, 0),
    ],
)  # fmt: skip
def test_what_is_refused(name: str, data: bytes, error: type[WeftError], line: int) -> None:
    with pytest.raises(error) as caught:
        values.read_values(data, name)
    assert type(caught.value) is error
    assert caught.value.path == name
    assert caught.value.line == line
    place = f"{name}, line {line}:" if line and error is not MergeConflict else name
    assert caught.value.message.startswith(place)
    assert "line 0" not in caught.value.message


# --- selecting -------------------------------------------------------------------------------------------------------


def test_select() -> None:
    assert values.select(FLAT, [], "p.yaml") == FLAT
    assert values.select(FLAT, ["lr"], "p.yaml") == {"lr": 0.001}
    assert list(values.select(FLAT, ["train.opt", "lr", "layers.1"], "p")) == [
        "lr",
        "train.opt.betas",
        "layers.1.units",
    ]
    assert list(values.select(FLAT, ["[a.b]"], "p")) == ["[a.b].[c\\]d]", "[a.b].[]", "[a.b].[x\\\\y]"]
    for key, near in {"l": "lr", "train.epoch": "train.epochs", "tra": "", "a.b": ""}.items():
        with pytest.raises(ValuesFault) as caught:
            values.select(FLAT, ["lr", key], "p.yaml")
        assert (f"did you mean {near}?" in caught.value.message) == bool(near)
        assert caught.value.path == "p.yaml"


texts = st.text("ab.[]\\é 0", max_size=5)
trees = st.dictionaries(
    texts,
    st.recursive(
        st.integers() | st.text(max_size=3),
        lambda inner: st.dictionaries(texts, inner, max_size=3) | st.lists(inner, max_size=3),
    ),
    max_size=4,
)


@given(trees)
def test_keys_are_unambiguous_and_lead_back(tree: dict[str, Any]) -> None:
    found = values.read_values(json.dumps(tree).encode(), "p.json")
    for key, value in found.items():
        node: Any = tree
        for part in values.split_key(key):
            node = node[int(part)] if isinstance(node, list) else node[part]
        assert node == value


@pytest.mark.parametrize("key", ["", ".", "a.", ".a", "a..b", "[a", "a]", "a[b]", "[a]b", "[a\\x]", "a\\b"])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(ValuesFault):
        values.split_key(key)


# --- changing --------------------------------------------------------------------------------------------------------

EDIT_YAML = """\
# the rate
lr:   0.001   # small
train: {name: old, "on": true}
seq: [1, 2]
1: {0.5: x}
empty:
text: |
  two
  lines
"""


@pytest.mark.parametrize(
    ("name", "before", "key", "text", "after"),
    [
        ("p.yaml", "lr:   0.001   # small", "lr", "1e-4", "lr:   0.0001   # small"),
        ("p.yaml", "{name: old,", "train.name", "new", "{name: new,"),
        ("p.yaml", "{name: old,", "train.name", "a, b", '{name: "a, b",'),
        ("p.yaml", "{name: old,", "train.name", "'1'", '{name: "1",'),
        ("p.yaml", "{name: old,", "train.name", "é", '{name: "é",'),
        ("p.yaml", "[1, 2]", "seq", "[3, [x, null]]", "[3, [x, null]]"),
        ("p.yaml", "{0.5: x}", "1.[0.5]", "true", "{0.5: true}"),
        ("p.yaml", "empty:\n", "empty", "3", "empty: 3\n"),
        ("p.yaml", "|\n  two\n  lines\n", "text", "one", "one\n"),
        ("p.json", '"lr":  0.001,', "lr", "2", '"lr":  2,'),
        ("p.json", '"name":"old"', "train.name", 'a"b', '"name":"a\\"b"'),
        ("p.json", "{\t\"x\": 1}", "layers.1.x", "null", "{\t\"x\": null}"),
        ("p.toml", "lr = 0.001 # small", "lr", "1", "lr = 1 # small"),
        ("p.toml", "name='old'", "train.name", "'new # x'", 'name="new # x"'),
        ("p.toml", "'a b' . c = 1", "train.a b.c", "true", "'a b' . c = true"),
        ("p.toml", "x = 2", "layers.1.x", "[1, a]", 'x = [1, "a"]'),
        ("p.toml", "s = [1, 2]", "layers.1.s", ".inf", "s = inf"),
        ("p.toml", "lr = 0.001 # small", "lr", "-.inf", "lr = -inf # small"),
        ("p.toml", "lr = 0.001 # small", "lr", ".nan", "lr = nan # small"),
        ("p.py", "lr = 0.001  # é", "lr", "1e-3", "lr = 0.001  # é"),
        ("p.py", "lr = 0.001  # é", "lr", "3", "lr = 3  # é"),
        ("p.py", "é = 'ü'; name = 'old'", "train.name", "it's", "é = 'ü'; name = \"it's\""),
        ("p.py", "(1, 2)", "train.pair", "[1, null]", "[1, None]"),
        ("p.py", '"x": 2', "layers.1.x", "true", '"x": True'),
    ],
)  # fmt: skip
def test_one_value_is_replaced_and_nothing_else(name: str, before: str, key: str, text: str, after: str) -> None:
    source = {
        "p.yaml": EDIT_YAML,
        "p.json": '{"lr":  0.001,\n "train": {"name":"old"}, "layers": [{"x": 0}, {\t"x": 1}]}\n',
        "p.toml": "lr = 0.001 # small\r\n[train] # t\nname='old'\n'a b' . c = 1\n[[layers]]\nx = 2\ns = 0\n"
        "[[layers]]\ns = [1, 2]\nx = 2\n",
        "p.py": "lr = 0.001  # é\nclass train:\n    é = 'ü'; name = 'old'\r\n    pair = (1, 2)\nlayers = [{}, {\"x\": 2}]\n",
    }[name]
    at = source.rindex(before)
    expected = source[:at] + after + source[at + len(before) :]
    assert values.set_values(source.encode(), name, {key: text}).decode() == expected


def test_several_changes_at_once() -> None:
    data = values.set_values(b"a: 1\nb: 2\nc: 3\n", "p.yaml", {"c": "long text", "a": "[]"})
    assert data == b"a: []\nb: 2\nc: long text\n"
    assert values.set_values(data, "p.yaml", {}) == data
    assert values.set_values(b"0x10: a\n'17': b\n", "p.yaml", {"16": "c", "17": "d"}) == b"0x10: c\n'17': d\n"
    assert values.set_values(b"'0x11': a\n", "p.yaml", {"0x11": "b"}) == b"'0x11': b\n"


@pytest.mark.parametrize(
    ("name", "data", "key", "text", "said"),
    [
        ("p.yaml", b"lr: 1\n", "lrr", "2", "did you mean lr"),
        ("p.yaml", b"a: {b: 1}\n", "a", "2", "no value"),
        ("p.yaml", b"a: 1\n", "a", "{x: 1}", "scalar"),
        ("p.yaml", b"a: 1\n", "a", "[{x: 1}]", "scalar"),
        ("p.yaml", b"a:\n- 1\n- 2\n", "a", "[]", "several lines"),
        ("p.yaml", b"a: 1\n", "a", "[" * 40 + "]" * 40, "deeper"),
        ("p.yaml", b"a: 1\n", "a", "[1", "line"),
        ("p.json", b'{"a": 1}', "a", ".nan", "no such number"),
        ("p.toml", b"a = 1\n", "a", "null", "no null"),
        ("p.toml", b"a = '''\nx\n'''\n", "a", "1", "several lines"),
        ("p.toml", b"a = [\n1,\n]\n", "a", "1", "several lines"),
        ("p.toml", b"a = {b = 1}\n", "a.b", "2", "not found"),
        ("p.toml", b"a = '''\nb = 1\n'''\nb = 1\n", "b", "2", "other bytes"),
        ("p.py", b"a = 1\n", "a", ".inf", "no literal"),
        ("p.py", b"a = [1]\n", "a", "[.inf]", "no literal"),
        ("p.toml", b"a = 1\n", "a", "[null]", "no null"),
        ("p.py", b"a = {1: 2}\n", "a.1", "3", "not found"),
        ("p.py", b"a = b = 1\n", "a", "2", "other bytes"),
        ("p.txt", b"a = 1\n", "a", "2", "can be read"),
    ],
)  # fmt: skip
def test_changes_that_are_refused(name: str, data: bytes, key: str, text: str, said: str) -> None:
    with pytest.raises(WeftError) as caught:
        values.set_values(data, name, {key: text})
    assert said in caught.value.message + caught.value.hint


def test_what_only_looks_deep_in_toml_is_read() -> None:
    deep = "." * 40 + "[{" * 40
    texts = [
        f'"{deep}"',
        f"'{deep}'",
        f'"""{deep}\n"{deep}""x"""',
        f"'''{deep}\n'{deep}''x'''",
        f'"\\"{deep}" # {deep}',
    ]
    text = "a" + ".a" * 30 + " = 1\n" + "".join(f"k{n} = {one} # '{deep}\n" for n, one in enumerate(texts))
    assert len(values.read_values(text.encode(), "p.toml")) == 6


def test_a_long_line_of_toml_costs_no_time() -> None:
    # Without an end when a word could be cut in two, and when the ends of long lines were looked for.
    word, blanks = "a" * 200, " " * 100_000
    data = f"x = '''\n{word}\n{word}{blanks}b\n[{blanks}c\n{word} = 1{blanks}d\n'''\ny = 1\n".encode()
    assert values.set_values(data, "p.toml", {"y": "2"}).endswith(b"\ny = 2\n")


@given(trees, st.data())
def test_a_change_is_right_or_refused(tree: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["p.yaml", "p.json", "p.py"]))
    text = {
        "p.yaml": yaml12.dump(tree),
        "p.json": json.dumps(tree, indent=data.draw(st.sampled_from([None, 2])), ensure_ascii=False).encode(),
        "p.py": f"v = {tree!r}\n".encode(),
    }[name]
    found = values.read_values(text, name)
    if not found:
        return
    key = data.draw(st.sampled_from(list(found)))
    value = data.draw(st.integers() | texts | st.booleans())
    try:
        changed = values.set_values(text, name, {key: yaml12.scalar_text(value)})
    except ValuesFault:
        return
    assert values.read_values(changed, name) == found | {key: value}
