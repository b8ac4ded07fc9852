"""YAML: 1.2 scalars, and nothing of YAML that can hurt."""

from __future__ import annotations

import math
import time
import tracemalloc

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from weft.errors import LimitExceeded, MergeConflict, SchemaError, WeftError, YamlAlias, YamlTag
from weft.formats import yaml12, yamltext

texts = st.text("ab yN0189.eE:#-_/,'\"\\\n\t\r{}[]&*!|>%@`~=<?é\x07\x85\u2028\ufeff文\U0001f600", max_size=12)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(allow_nan=False), texts,
    st.sampled_from(["null", "True", "on", "1e3", "0x1f", "0o7", ".inf", "-", "~", "", "1:30", "2026-01-02", "<<", "y"]),
)  # fmt: skip
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3), max_leaves=8)


def load(text: str | bytes) -> object:
    return yaml12.load(text.encode() if isinstance(text, str) else text, what="f.weft")


@given(st.dictionaries(texts, values, max_size=4))
@example({"a": [[], {}, [[1]], {"b": {"c": [None]}}]})
def test_dump_is_read_back_with_the_same_types(value: dict[str, object]) -> None:
    data = yaml12.dump(value)
    assert repr(load(data)) == repr(value)
    assert data.endswith(b"\n")
    assert yaml12.dump(load(data)) == data  # type: ignore[arg-type]


_lines = st.text("ab:  \n\n0.1-~'\"#{}[]_\t\x85", max_size=24) | st.lists(
    st.sampled_from(["a: b", "a:", "  b: 1", "  b:", "    c: 0x1f", "b: 'x'", '"b": 1', "a: true", "null: 1", "a: 007"])
).map(lambda lines: "\n".join([*lines, ""]))


@given(_lines | st.dictionaries(texts, values, max_size=4).map(lambda value: yaml12.dump(value).decode()))
@example("a: " + "9" * 5000 + "\n")
def test_what_is_read_without_the_parser_is_what_the_parser_reads(text: str) -> None:
    quick = yamltext.parse(text.encode())
    assert quick is None or repr(quick) == repr(yaml12._Builder(text, "f.weft").document())


def test_the_texts_of_dump_are_read_without_the_parser() -> None:
    value = {
        "weft": 1,
        "repo": "0a" * 16,
        "remotes": {"origin": {"url": "s3://b/c"}, "two": {"url": "x"}},
        "stage": False,
    }
    assert yamltext.parse(yaml12.dump(value)) == value
    assert yamltext.parse(b"a: 1 # said by hand\n") is None


@given(st.dictionaries(texts, texts, max_size=4))
def test_other_yaml_readers_agree_about_our_texts(value: dict[str, str]) -> None:
    assert yaml.safe_load(yaml12.dump(value)) == value


@given(st.text("ab:-?[]{},#&*!|>'\"%@` \n\t0.~<>=\\", max_size=30))
def test_any_text_gives_a_value_or_a_named_error(text: str) -> None:
    try:
        value = load(text)
    except WeftError:
        return
    assert isinstance(value, dict | list | str | int | float | bool | None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("010", 10),
        ("-7", -7),
        ("+7", 7),
        ("0o10", 8),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("2026-01-02", "2026-01-02"),
        ("1:30", "1:30"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("-.inf", -math.inf),
        ("=", "="),
        ("١", "١"),
    ],
)
def test_scalars_of_the_core_schema(text: str, value: object) -> None:
    found = load(f"k: {text}\n")
    assert found == {"k": value}
    assert type(found["k"]) is type(value)  # type: ignore[index]


def test_nan() -> None:
    assert math.isnan(load("k: .nan")["k"])  # type: ignore[index]
    assert yaml12.dump({"k": math.nan, "m": math.inf, "o": -math.inf}) == b"k: .nan\nm: .inf\no: -.inf\n"


@pytest.mark.parametrize(
    ("text", "error", "line"),
    [
        ("a: 1\na: 2\n", SchemaError, 2),
        ("a: {b: 1, b: 2}\n", SchemaError, 1),
        ("1: a\n1.0: b\n", SchemaError, 2),
        ("a: &x 1\n", YamlAlias, 1),
        ("a: 1\nb: *x\n", YamlAlias, 2),
        ("a: !!python/object/apply:os.system ['true']\n", YamlTag, 1),
        ("a: !!str 1\n", YamlTag, 1),
        ("a: ! 1\n", YamlTag, 1),
        ("a: !x {}\n", YamlTag, 1),
        ("%YAML 1.1\n---\na: 1\n", SchemaError, 1),
        ("%TAG ! tag:x,2000:\n---\na: 1\n", SchemaError, 1),
        ("a: 1\n---\nb: 1\n", SchemaError, 2),
        ("? [a]\n: 1\n", SchemaError, 1),
        ("? {a: 1}\n: 1\n", SchemaError, 1),
        ("a: [1\n", SchemaError, 2),
        ("a: 1\n\tb: 2\n", SchemaError, 2),
        ("a: b: c\n", SchemaError, 1),
        ("a: \x07\n", SchemaError, 0),
        ("a: 1\0\n", SchemaError, 0),
        ("\ufeffa: 1\n", SchemaError, 0),
    ],
)
def test_what_is_not_read(text: str, error: type[WeftError], line: int) -> None:
    with pytest.raises(error) as caught:
        load(text)
    assert type(caught.value) is error
    assert caught.value.line == line


def test_bytes_that_are_not_text() -> None:
    with pytest.raises(SchemaError) as caught:
        load(b"a: 1\nb: \xff\n")
    assert caught.value.line == 2
    with pytest.raises(SchemaError):
        load("a: 1".encode("utf-16"))


def test_an_alias_bomb_costs_nothing() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    )
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(YamlAlias):
        load(bomb)
    spent = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < 0.5
    assert peak < 5_000_000


def test_limits() -> None:
    assert load("[" * 32 + "]" * 32)
    for level in ("[", "{", "[{", "{a: ", "- ", "? ", "- ? ", "[\n"):
        for many in (33, 999, 1001, 9000):
            for lead in ("", "a: \U0001f600\nb: " if level[0] in "[{" else "b:\n- "):
                with pytest.raises(LimitExceeded):
                    load(lead + level * many + "1")
    with pytest.raises(LimitExceeded):
        load("[" * 33 + "]" * 33)
    # What is deep in a text alone is not deep, whatever else is wrong.
    with pytest.raises(SchemaError, match="line 2"):
        load("- '" + "[" * 40 + "'\n- [}")
    with pytest.raises(LimitExceeded):
        yaml12.load(b"[" * 100_000, what="f.weft")
    with pytest.raises(LimitExceeded):
        yaml12.load(b"a: 1", what="f.weft", limit=3)
    for digits in ("9" * 5000, "-" + "9" * 5000, "1." + "0" * 5000):
        with pytest.raises(LimitExceeded):
            load(f"a: {digits}")


CONFLICT = "weft: 1\n<<<<<<< HEAD\nsize: 1\n=======\nsize: 2\n>>>>>>> feature/b\u00e9\n"


@pytest.mark.parametrize(
    "text", [CONFLICT, CONFLICT.replace("\n", "\r\n"), CONFLICT.replace("=======", "||||||| 1\nx: 1\n=======")]
)
def test_conflict_markers_name_both_sides(text: str) -> None:
    with pytest.raises(MergeConflict, match=r"HEAD.*feature/b\\xe9") as caught:
        load(text)
    assert caught.value.line == 2


def test_a_long_plain_text_is_no_number() -> None:
    assert load("a: x" + "9" * 5000) == {"a": "x" + "9" * 5000}


def test_markers_inside_a_text_are_no_conflict() -> None:
    assert load("a: |\n  <<<<<<< HEAD\nb: 1\n") == {"a": "<<<<<<< HEAD\n", "b": 1}


def test_what_cannot_be_written() -> None:
    for value in (b"bytes", object(), {1, 2}, "\ud800", 10**400):
        with pytest.raises(SchemaError):
            yaml12.dump({"a": value})
    with pytest.raises(SchemaError):
        yaml12.dump({"k" * 501: 1})
    deep: object = 1
    for _ in range(33):
        deep = {"a": deep}
    with pytest.raises(LimitExceeded):
        yaml12.dump({"a": deep})


def test_the_look_of_what_is_written() -> None:
    value = {"url": "https://x/y?a=1", "t": "a plain text", "on": "on", "l": [1, {"a": "b"}, []], "e": {}}
    expected = 'url: "https://x/y?a=1"\nt: a plain text\n"on": "on"\nl:\n  - 1\n  -\n    a: b\n  - []\ne: {}\n'
    assert yaml12.dump(value) == expected.encode()
    assert yaml12.dump({}) == b"{}\n"
    assert load("") is None
    assert load("# only a comment\n") is None
