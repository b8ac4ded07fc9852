"""Tombs and sessions: one encoding each, and what cannot be read stops the careful side."""

from __future__ import annotations

import pytest

from weft.errors import LimitExceeded, OidSyntax, SchemaError
from weft.formats import session, tomb
from weft.model.oid import Oid

ONE, TWO = Oid.of(b"one"), Oid.of(b"two")


def test_a_tomb_is_the_sorted_names_of_its_packs() -> None:
    first, second = sorted((ONE.hex(), TWO.hex()))
    data = tomb.encode([ONE, TWO, ONE])
    assert data == f'{{"packs":["{first}","{second}"]}}\n'.encode()
    assert tomb.encode([TWO, ONE]) == data
    assert tomb.decode(data) == {ONE, TWO}
    assert tomb.decode(tomb.encode([])) == frozenset()


def test_the_largest_tomb_that_weft_writes_can_be_read() -> None:
    assert tomb.MAX_PACKS * 67 + 20 < tomb.LIMIT


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"{}", SchemaError),
        (b"[]", SchemaError),
        (b'{"packs":"x"}', SchemaError),
        (b'{"packs":[1]}', SchemaError),
        (b'{"packs":["ab"]}', OidSyntax),
        (b'{"packs":[]', SchemaError),
        (b" " * (tomb.LIMIT + 1), LimitExceeded),
    ],
)
def test_a_broken_tomb_is_an_error(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        tomb.decode(data)


def test_whatever_is_no_collector_is_a_push() -> None:
    assert session.encode("push", "ab" * 16) == b'{"kind":"push","repo":"' + b"ab" * 16 + b'","weft":1}\n'
    assert session.kind_of(session.encode(session.GC, "ab" * 16)) == "gc"
    for data in (
        session.encode(session.PUSH, "ab" * 16),
        b"first",
        b"",
        b"[]",
        b'{"kind":["gc"]}',
        b'{"kind":"other"}',
    ):
        assert session.kind_of(data) == "push"
