"""Object ids and the values made of them."""

from __future__ import annotations

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import OidSyntax, SchemaError, WeakHash, WeftError
from weft.model.entry import Entry
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid, hasher, segment_id
from weft.model.pointer import Pointer

HEX = "ab" * 32


@given(st.binary(min_size=32, max_size=32))
def test_spelling_round_trip(raw: bytes) -> None:
    oid = Oid(raw)
    assert Oid.parse(str(oid)) == oid == Oid.parse_hex(oid.hex())
    assert oid == raw
    assert repr(oid) == f"Oid({raw.hex()[:12]})"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (HEX, OidSyntax),
        ("blake3:" + HEX.upper(), OidSyntax),
        ("BLAKE3:" + HEX, OidSyntax),
        ("blake3:" + HEX[1:], OidSyntax),
        ("blake3:" + HEX + "a", OidSyntax),
        ("blake3:" + HEX + "\n", OidSyntax),
        ("blake3:" + HEX[:-1] + "\0", OidSyntax),
        ("blake3:" + HEX[:-1] + "\u200b", OidSyntax),
        ("blake3:" + "０" * 64, OidSyntax),
        (" blake3:" + HEX, OidSyntax),
        ("blake3:../../../../home/u/.aws/credentials", OidSyntax),
        ("../../../../home/u/.aws/credentials", OidSyntax),
        ("/etc/passwd", OidSyntax),
        ("C:\\Windows\\win.ini", OidSyntax),
        ("c:\\Windows\\win.ini", OidSyntax),
        ("", OidSyntax),
        ("md5:" + "a" * 32, WeakHash),
        ("xxh3:" + "a" * 16, WeakHash),
        ("sha256:" + HEX, WeakHash),
        (5, SchemaError),
        (None, SchemaError),
        (1e5, SchemaError),
        (b"blake3:", SchemaError),
        (True, SchemaError),
    ],
)
def test_one_spelling_only(text: object, error: type[WeftError]) -> None:
    with pytest.raises(error) as caught:
        Oid.parse(text)
    assert type(caught.value) is error


def test_kinds_never_share_an_id() -> None:
    found = {Oid.of(b"same", kind) for kind in Kind} | {segment_id(b"same")}
    assert len(found) == 5
    assert Oid.of(b"same") == blake3(b"same").digest()
    assert Oid.of(b"same", Kind.RECIPE) == blake3(b"same", derive_key_context="weft recipe v1").digest()
    for kind in Kind:
        parts = hasher(kind)
        parts.update(b"sa")
        parts.update(b"me")
        assert parts.digest() == Oid.of(b"same", kind)


def test_manifest_and_pointer_values() -> None:
    oid = Oid.parse_hex(HEX)
    value = Manifest.of([Entry("f", oid, 1, 1, "b"), Entry("d", oid, 5, 3, "a")])
    assert [entry.name for entry in value.entries] == ["a", "b"]
    assert (value.size, value.files, value.by_name()["a"].files) == (6, 4, 3)
    one = Pointer("file", "a", oid, 1)
    assert one.same_data(Pointer("file", "b", oid, 1, meta={"x": 1}))
    assert not one.same_data(Pointer("file", "a", oid, 1, executable=True))
    assert not one.is_dir
