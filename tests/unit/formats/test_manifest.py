"""Manifests: one encoding each way, and every other spelling refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import (
    FormatVersion,
    LimitExceeded,
    ObjectType,
    PathChars,
    PathEscape,
    PathOverlap,
    PathReserved,
    SchemaError,
    WeftError,
)
from weft.formats import manifest
from weft.model.entry import Entry
from weft.model.manifest import Manifest
from weft.model.oid import Oid
from weft.model.paths import check_data_name

HEX = "ab" * 32
OID = Oid.parse_hex(HEX)


def safe(name: str) -> bool:
    try:
        check_data_name(name)
    except WeftError:
        return False
    return True


alphabet = "abzAZ019._-~: +é\u0301ſß文\U0001f600\uff5e\u202e\n\\"
names = st.text(alphabet, min_size=1, max_size=12).filter(safe)
oids = st.binary(min_size=32, max_size=32).map(Oid)
numbers = st.integers(0, 2**40)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    kind = draw(st.sampled_from("fxld"))
    return Entry(kind, draw(oids), draw(numbers), draw(numbers) if kind == "d" else 1, draw(names))


manifests = st.lists(entries(), max_size=12, unique_by=lambda entry: entry.name).map(Manifest.of)


def body(*lines: str) -> bytes:
    return "".join(line + "\n" for line in ("weft-manifest 1", *lines)).encode()


@given(manifests)
def test_round_trip(value: Manifest) -> None:
    assert manifest.decode(manifest.encode(value)) == value


@given(manifests, st.data())
def test_whatever_decodes_is_the_encoding_of_its_value(value: Manifest, data: st.DataObject) -> None:
    raw = bytearray(manifest.encode(value))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + data.draw(st.integers(0, 1))] = data.draw(st.binary(max_size=2))
    try:
        decoded = manifest.decode(bytes(raw))
    except WeftError:
        return
    assert manifest.encode(decoded) == bytes(raw)


def test_the_bytes_are_those_of_the_spec() -> None:
    value = Manifest.of(
        [
            Entry("d", OID, 30, 4, "sub dir"),
            Entry("f", OID, 0, 1, "a"),
            Entry("x", OID, 7, 1, "run.sh"),
            Entry("l", OID, 3, 1, "é"),
        ]
    )
    expected = f"weft-manifest 1\nf {HEX} 0 a\nx {HEX} 7 run.sh\nd {HEX} 30 4 sub dir\nl {HEX} 3 é\n"
    assert manifest.encode(value) == expected.encode()
    assert (value.size, value.files) == (40, 7)


def test_an_empty_directory_is_its_header() -> None:
    assert manifest.encode(Manifest(())) == b"weft-manifest 1\n"
    assert manifest.decode(b"weft-manifest 1\n") == Manifest(())


@pytest.mark.parametrize(
    "line",
    [
        f"f {HEX} 01 a",
        f"f {HEX} -1 a",
        f"f {HEX} +1 a",
        f"f {HEX} ١ a",
        f"f {HEX} 1  1",
        f"f {HEX.upper()} 1 a",
        f"f {HEX[1:]} 1 a",
        f"f blake3:{HEX} 1 a",
        f"p {HEX} 1 a",
        f"f {HEX} 99999999999999999999 a",
        f"f {HEX} 9223372036854775808 a",
        f"d {HEX} 1 a",
        f"d {HEX} 1 01 a",
        "",
        f" f {HEX} 1 a",
    ],
)
def test_other_spellings_are_schema_errors(line: str) -> None:
    if line == f"f {HEX} 1  1":
        assert manifest.decode(body(line)).entries[0].name == " 1"
        return
    with pytest.raises(SchemaError):
        manifest.decode(body(line))


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("../x", PathEscape),
        ("..", PathEscape),
        ("/abs", PathEscape),
        ("C:x", PathEscape),
        ("a\\b", PathChars),
        ("a\r", PathChars),
        ("a\u202eb", PathChars),
        (".git", PathReserved),
        (".gitattributes", PathReserved),
        ("x.weft", PathReserved),
        ("X.WEFT", PathReserved),
        ("git~1", PathReserved),
        ("n" * 256, LimitExceeded),
        ("é" * 128, LimitExceeded),
    ],
)
def test_unsafe_names_are_refused_both_ways(name: str, error: type[WeftError]) -> None:
    with pytest.raises(error):
        manifest.decode(body(f"f {HEX} 1 {name}"))
    with pytest.raises(error):
        manifest.encode(Manifest((Entry("f", OID, 1, 1, name),)))


def test_order_and_doubles_name_the_line() -> None:
    with pytest.raises(SchemaError) as unsorted:
        manifest.decode(body(f"f {HEX} 1 a", f"f {HEX} 1 c", f"f {HEX} 1 b"))
    assert unsorted.value.line == 4
    with pytest.raises(PathOverlap) as twice:
        manifest.decode(body(f"f {HEX} 1 a", f"d {HEX} 1 1 a"))
    assert twice.value.line == 3
    with pytest.raises(SchemaError):
        manifest.encode(Manifest((Entry("f", OID, 1, 1, "b"), Entry("f", OID, 1, 1, "a"))))


def test_names_sort_by_bytes_not_by_utf16() -> None:
    # U+FF5E sorts after U+1F600 as UTF-16, before it as UTF-8.
    good = body(f"f {HEX} 1 \uff5e", f"f {HEX} 1 \U0001f600")
    assert [entry.name for entry in manifest.decode(good).entries] == ["\uff5e", "\U0001f600"]
    with pytest.raises(SchemaError):
        manifest.decode(body(f"f {HEX} 1 \U0001f600", f"f {HEX} 1 \uff5e"))


def test_a_bad_line_is_named() -> None:
    with pytest.raises(SchemaError) as caught:
        manifest.decode(body(f"f {HEX} 1 a", "nonsense", f"f {HEX} 1 b"))
    assert caught.value.line == 3


def test_framing_of_the_text() -> None:
    with pytest.raises(SchemaError, match="line feed") as caught:
        manifest.decode(body(f"f {HEX} 1 a")[:-1])
    assert caught.value.line == 2
    with pytest.raises(ObjectType):
        manifest.decode(b"PK\x03\x04 something else")
    with pytest.raises(ObjectType):
        manifest.decode(b"\xef\xbb\xbf" + body())
    with pytest.raises(FormatVersion, match="version 2"):
        manifest.decode(b"weft-manifest 2\n")
    with pytest.raises(PathChars):
        manifest.decode(body() + f"f {HEX} 1 ".encode() + b"\xff\n")


def test_sums_stay_below_two_to_the_63() -> None:
    big = 2**63 - 1
    assert manifest.decode(body(f"f {HEX} {big} a")).size == big
    with pytest.raises(SchemaError):
        manifest.decode(body(f"f {HEX} {big} a", f"f {HEX} 1 b"))
    with pytest.raises(SchemaError):
        manifest.encode(Manifest((Entry("d", OID, 0, big + 1, "a"),)))


def test_limits_come_before_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitExceeded):
        manifest.decode(body(f"f {HEX} 1 a"), limit=10)
    monkeypatch.setattr(manifest, "MAX_ENTRIES", 1)
    with pytest.raises(LimitExceeded):
        manifest.decode(body(f"f {HEX} 1 a", f"f {HEX} 1 b"))
    with pytest.raises(LimitExceeded):
        manifest.encode(Manifest.of([Entry("f", OID, 1, 1, "a"), Entry("f", OID, 1, 1, "b")]))


@pytest.mark.parametrize(
    "entry",
    [Entry("f", OID, -1, 1, "a"), Entry("f", OID, 1, 2, "a"), Entry("?", OID, 1, 1, "a"), Entry("d", OID, 1, -1, "a")],
)
def test_wrong_values_are_not_written(entry: Entry) -> None:
    with pytest.raises(SchemaError):
        manifest.encode(Manifest((entry,)))
