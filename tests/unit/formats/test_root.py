"""Roots and the identity of a remote store."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import FormatVersion, LimitExceeded, OidSyntax, RemoteIdentity, SchemaError, WeakHash, WeftError
from weft.formats import root, storeformat
from weft.formats.canonical import json_bytes
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.model.remote import ChunkerParams, StoreFormat
from weft.model.root import Root

HEX, OTHER = "ab" * 32, "cd" * 32
OID, LAYOUT = Oid.parse_hex(HEX), Oid.parse_hex(OTHER)
STORE = "0123456789abcdef0123456789abcdef"
oids = st.binary(min_size=32, max_size=32).map(Oid)
numbers = st.integers(0, 2**63 - 1)


@given(st.booleans(), oids, st.none() | oids, numbers, numbers, st.lists(oids, max_size=4))
def test_root_round_trip(
    is_file: bool, oid: Oid, layout: Oid | None, size: int, files: int, segments: list[Oid]
) -> None:
    value = Root("file" if is_file else "dir", oid, layout, size, 1 if is_file else files, tuple(sorted(set(segments))))
    data = root.encode(value)
    assert root.decode(data, name=root.root_name(value)) == value
    assert root.encode(root.decode(data)) == data


def test_names_of_roots() -> None:
    assert root.root_name(Pointer("file", "a", OID, 1)) == HEX
    assert root.root_name(Pointer("file", "a", OID, 1, layout=LAYOUT)) == f"{HEX}.{OTHER}"
    data = root.encode(Root("file", OID, LAYOUT, 1, 1))
    with pytest.raises(SchemaError):
        root.decode(data, name=HEX)


def test_root_bytes() -> None:
    data = root.encode(Root("dir", OID, None, 5, 2, (LAYOUT, OID, LAYOUT)))
    expected = f'{{"files":2,"oid":"blake3:{HEX}","segments":["{HEX}","{OTHER}"],"size":5,"type":"dir","weft":1}}\n'
    assert data == expected.encode()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"weft": 2}, FormatVersion),
        ({"weft": 0}, SchemaError),
        ({"weft": True}, SchemaError),
        ({"type": "tree"}, SchemaError),
        ({"oid": HEX}, OidSyntax),
        ({"oid": "sha256:" + HEX}, WeakHash),
        ({"oid": 5}, SchemaError),
        ({"layout": None}, SchemaError),
        ({"size": -1}, SchemaError),
        ({"size": 1.0}, SchemaError),
        ({"files": 2}, SchemaError),
        ({"segments": "x"}, SchemaError),
        ({"segments": [5]}, SchemaError),
        ({"segments": ["../x"]}, OidSyntax),
        ({"extra": 1}, SchemaError),
    ],
)
def test_false_roots(change: dict[str, Any], error: type[WeftError]) -> None:
    good = json.loads(root.encode(Root("file", OID, None, 5, 1, (LAYOUT,))))
    assert root.decode(json_bytes(good)).size == 5
    with pytest.raises(error) as caught:
        root.decode(json_bytes(good | change))
    assert type(caught.value) is error


def test_large_and_strange_roots() -> None:
    with pytest.raises(LimitExceeded):
        root.decode(b" " * (root.LIMIT + 1))
    for data in (b"[]", b"<html>", b'{"weft":1}', b'{"weft":1,"weft":1}'):
        with pytest.raises(SchemaError):
            root.decode(data)


names = st.lists(st.from_regex(r"[a-z0-9][a-z0-9.-]{0,5}", fullmatch=True), max_size=2, unique=True).map(
    lambda found: tuple(sorted(found))
)


@given(names, names)
def test_store_round_trip(write: tuple[str, ...], gc: tuple[str, ...]) -> None:
    value = StoreFormat(STORE, ChunkerParams(minimum=1, average=2, maximum=3), (), write, gc)
    assert storeformat.decode(storeformat.encode(value)) == value


def test_features_bind_by_role() -> None:
    data = storeformat.encode(StoreFormat(STORE, write=("w",), gc=("g",)))
    assert storeformat.decode(data).gc == ("g",)
    with pytest.raises(FormatVersion, match="'w'"):
        storeformat.decode(data, role="write")
    with pytest.raises(FormatVersion, match="'g'"):
        storeformat.decode(data, role="gc")
    with pytest.raises(FormatVersion, match="'r'"):
        storeformat.decode(storeformat.encode(StoreFormat(STORE, read=("r",))))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"weft": 2}, FormatVersion),
        ({"weft": 0}, RemoteIdentity),
        ({"hash": "md5"}, RemoteIdentity),
        ({"store": "x"}, SchemaError),
        ({"store": STORE.upper()}, SchemaError),
        ({"extra": 1}, SchemaError),
        ({"features": {"run": []}}, SchemaError),
        ({"features": {"read": ["A B"]}}, SchemaError),
        ({"chunker": {}}, SchemaError),
        ({"chunker": {**ChunkerParams()._asdict(), "minimum": 0}}, SchemaError),
        ({"chunker": {**ChunkerParams()._asdict(), "maximum": (1 << 20) + 1}}, SchemaError),
        ({"chunker": {**ChunkerParams()._asdict(), "name": "../x"}}, SchemaError),
        ({"chunker": {**ChunkerParams()._asdict(), "minimum": 300000}}, SchemaError),
    ],
)
def test_replaced_store_files(change: dict[str, Any], error: type[WeftError]) -> None:
    good = json.loads(storeformat.encode(StoreFormat(STORE)))
    with pytest.raises(error) as caught:
        storeformat.decode(json_bytes(good | change))
    assert type(caught.value) is error


def test_the_pin() -> None:
    found = storeformat.decode(storeformat.encode(StoreFormat(STORE)))
    storeformat.check_pin(found, STORE, "s3://b")
    storeformat.check_pin(found, "", "s3://b")
    with pytest.raises(RemoteIdentity):
        storeformat.check_pin(found, "f" * 32, "s3://b")
    with pytest.raises(SchemaError):
        storeformat.encode(StoreFormat("../x"))
