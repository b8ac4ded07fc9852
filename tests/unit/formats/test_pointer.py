"""Pointers: the canonical text, and every lie in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import (
    FormatVersion,
    LimitExceeded,
    MergeConflict,
    OidSyntax,
    PathEscape,
    PathReserved,
    PathSyntax,
    SchemaError,
    WeakHash,
    WeftError,
    YamlTag,
)
from weft.formats import pointer
from weft.model.oid import Oid
from weft.model.paths import check_data_name
from weft.model.pointer import Pointer

HEX = "ab" * 32
OID = Oid.parse_hex(HEX)
FILE = f"weft: 1\ntype: file\npath: a\noid: blake3:{HEX}\nsize: 3\n"
DIR = f"weft: 1\ntype: dir\npath: a\noid: blake3:{HEX}\nlayout: blake3:{HEX}\nsize: 3\nfiles: 2\n"


def read(text: str, name: str = "a.weft") -> Pointer:
    return pointer.decode(text.encode(), name=name)


def safe(name: str) -> bool:
    try:
        check_data_name(name)
    except WeftError:
        return False
    return True


names = st.one_of(
    st.text("abE01._-~: +é\u0301文\U0001f600#'\"", min_size=1, max_size=10),
    st.sampled_from(["null", "true", "on", "1e3", "0x10", "12:30:00.png", "-rf", "weft"]),
).filter(safe)
oids = st.binary(min_size=32, max_size=32).map(Oid)
numbers = st.integers(0, 2**63 - 1)
free = st.dictionaries(
    st.text("ab :#", min_size=1, max_size=5),
    st.one_of(st.text('x\n"é: ', max_size=8), st.integers(), st.booleans()),
    max_size=3,
)


@st.composite
def pointers(draw: st.DrawFn) -> Pointer:
    is_dir = draw(st.booleans())
    return Pointer(
        type="dir" if is_dir else "file",
        path=draw(names),
        oid=draw(oids),
        size=draw(numbers),
        files=draw(numbers) if is_dir else 1,
        layout=draw(st.none() | oids),
        executable=not is_dir and draw(st.booleans()),
        source=draw(free),
        meta=draw(free),
    )


@given(pointers())
def test_pointer_round_trip(value: Pointer) -> None:
    data = pointer.encode(value)
    assert pointer.decode(data, name=f"{value.path}.weft") == value


@given(pointers())
def test_the_short_way_agrees_with_the_yaml_parser(value: Pointer) -> None:
    data = pointer.encode(value)
    short = pointer._simple(data)
    # A comment makes the short way step aside.
    assert pointer._simple(data + b"# x\n") is None
    assert pointer.decode(data + b"# x\n", name=f"{value.path}.weft") == (short or value)


@given(st.sampled_from([FILE, DIR]), st.data())
def test_small_damage_is_a_named_error_or_another_valid_pointer(text: str, data: st.DataObject) -> None:
    raw = bytearray(text.encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + data.draw(st.integers(0, 1))] = data.draw(st.text("ab1:\n -'{[&*!#", max_size=2)).encode()
    try:
        found = pointer.decode(bytes(raw), name="a.weft")
    except WeftError:
        return
    assert found.path == "a"
    pointer.encode(found)


def test_canonical_text() -> None:
    value = Pointer("file", "a", OID, 3, executable=True, source={"url": "s3://b/x"}, meta={"description": "é"})
    expected = FILE + 'mode: x\nsource:\n  url: s3://b/x\nmeta:\n  description: "é"\n'
    assert pointer.encode(value) == expected.encode()
    assert pointer.encode(Pointer("dir", "a", OID, 3, files=2, layout=OID)) == DIR.encode()


def test_keys_in_any_order_and_meta_of_any_shape() -> None:
    lines = DIR.splitlines(keepends=True)
    found = read("".join(reversed(lines)) + "meta: {tags: [a, 1, 1e-3], nested: {x: yes}}\n")
    assert found.meta == {"tags": ["a", 1, 0.001], "nested": {"x": "yes"}}
    assert found.files == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (FILE.replace(HEX, "../../../../home/u/.aws/credentials"), OidSyntax),
        (FILE.replace("blake3:" + HEX, "/etc/passwd"), OidSyntax),
        (FILE.replace("blake3:" + HEX, "C:\\Windows\\win.ini"), OidSyntax),
        (FILE.replace(HEX, HEX.upper()), OidSyntax),
        (FILE.replace(HEX, HEX[:-1]), OidSyntax),
        (FILE.replace(HEX, HEX + "a"), OidSyntax),
        (FILE.replace("blake3:" + HEX, f'"blake3:{HEX}\\n"'), OidSyntax),
        (FILE.replace("blake3:", "md5:"), WeakHash),
        (FILE.replace("blake3:" + HEX, "1234567"), SchemaError),
        (FILE.replace("blake3:" + HEX, "1e5"), SchemaError),
        (FILE.replace("size: 3", "size: -1"), SchemaError),
        (FILE.replace("size: 3", "size: 9223372036854775808"), SchemaError),
        (FILE.replace("size: 3", "size: true"), SchemaError),
        (FILE.replace("size: 3", "size: '3'"), SchemaError),
        (FILE.replace("size: 3", "size: 3.0"), SchemaError),
        (FILE.replace("size: 3\n", ""), SchemaError),
        (FILE + "extra: 1\n", SchemaError),
        (FILE + "size: 3\n", SchemaError),
        (FILE + "files: 1\n", SchemaError),
        (FILE + "mode: w\n", SchemaError),
        (FILE + "mode: true\n", SchemaError),
        (FILE + "layout: null\n", SchemaError),
        (FILE + "meta: [1]\n", SchemaError),
        (FILE + "meta: {1: x}\n", SchemaError),
        (FILE + "meta: !!set {}\n", YamlTag),
        (DIR + "mode: x\n", SchemaError),
        (DIR.replace("files: 2\n", ""), SchemaError),
        (DIR.replace("type: dir", "type: tree"), SchemaError),
        (FILE.replace("weft: 1", "weft: 99") + "new: 1\n", FormatVersion),
        (FILE.replace("weft: 1", "weft: 0"), SchemaError),
        (FILE.replace("weft: 1", "weft: '1'"), SchemaError),
        (FILE.replace("weft: 1\n", ""), SchemaError),
        (FILE.replace("path: a", "path: b"), SchemaError),
        (FILE.replace("path: a", "path: ../x"), PathEscape),
        (FILE.replace("path: a", "path: a/b"), PathSyntax),
        (FILE.replace("path: a", "path: .git"), PathReserved),
        (FILE.replace("path: a", "path: a.weft"), PathReserved),
        (FILE.replace("path: a", "path: 1"), SchemaError),
        ("- a\n", SchemaError),
        ("", SchemaError),
        ("<<<<<<< HEAD\n" + FILE + "=======\n" + DIR + ">>>>>>> b\n", MergeConflict),
        (FILE + "# " + "x" * 65536, LimitExceeded),
    ],
)
def test_hostile_pointers(text: str, error: type[WeftError]) -> None:
    with pytest.raises(error) as caught:
        read(text)
    assert type(caught.value) is error
    assert caught.value.message


def test_a_newer_format_names_the_version_it_needs() -> None:
    with pytest.raises(FormatVersion, match="99") as caught:
        read("weft: 99\n")
    assert "99" in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [
        {"type": "tree"},
        {"size": -1},
        {"size": 2**63},
        {"files": 2},
        {"type": "dir", "executable": True},
        {"meta": {"a": object()}},
    ],
)
def test_wrong_values_make_no_pointer(change: dict[str, Any]) -> None:
    with pytest.raises(SchemaError):
        pointer.encode(Pointer(**{"type": "file", "path": "a", "oid": OID, "size": 1} | change))


def test_too_large_a_meta() -> None:
    with pytest.raises(LimitExceeded):
        pointer.encode(Pointer("file", "a", OID, 1, meta={"a": "x" * 65536}))
    with pytest.raises(PathEscape):
        pointer.encode(Pointer("file", "../a", OID, 1))
