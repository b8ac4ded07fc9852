"""Locks of paths as bytes: one encoding, and nothing believed that anybody could have put there."""

from __future__ import annotations

import json

import pytest

from weft.errors import FormatVersion, LimitExceeded, PathEscape, SchemaError, WeftError
from weft.formats import pathlock
from weft.model.pathlock import PathLock

LOCK = PathLock("data/a", "Ann <ann@example.org>", "2026-01-31T12:00:00Z", "until Friday", "main", "0" * 32)


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(pathlock.encode(LOCK)), **fields}).encode()


def test_a_lock_is_read_as_it_was_written() -> None:
    assert pathlock.decode(pathlock.encode(LOCK)) == LOCK
    assert pathlock.encode(LOCK).startswith(b'{"branch":"main",')


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", SchemaError),
        (b"[]", SchemaError),
        (b"{}", SchemaError),
        (b'{"weft":1,"weft":1}', SchemaError),
        (b"[" * 5000, LimitExceeded),
        (b" " * 8193, LimitExceeded),
        (changed(weft=2), FormatVersion),
        (changed(weft=0), SchemaError),
        (changed(more=1), SchemaError),
        (changed(path="../x"), PathEscape),
        (changed(path=""), WeftError),
        (changed(path="a\x1b[2Jb"), WeftError),
        (changed(path="x" * 5000), WeftError),
        (changed(owner="nobody"), SchemaError),
        (changed(owner="A" * 300 + " <a@b>"), SchemaError),
        (changed(owner=7), SchemaError),
        (changed(reason="r" * 501), SchemaError),
        (changed(branch="b" * 251), SchemaError),
        (changed(time="yesterday"), SchemaError),
        (changed(time="2026-01-31T12:00:00Z\n"), SchemaError),
        (changed(token="x"), SchemaError),
    ],
)
def test_what_is_no_lock_is_refused(data: bytes, error: type[WeftError]) -> None:
    with pytest.raises(error):
        pathlock.decode(data)


@pytest.mark.parametrize(
    ("path", "covers", "overlaps"),
    [
        ("data/a", True, True),
        ("data/a/b", True, True),
        ("data", False, True),
        ("data/ab", False, False),
        ("dat", False, False),
    ],
)
def test_a_lock_covers_what_is_below_it(path: str, covers: bool, overlaps: bool) -> None:
    assert (LOCK.covers(path), LOCK.overlaps(path)) == (covers, overlaps)


def test_a_person_is_known_by_the_address_alone() -> None:
    assert LOCK.is_of("Ann B. <ANN@example.org>")
    assert not LOCK.is_of("Ann <anna@example.org>")
    assert not LOCK._replace(owner="Ann").is_of("Ann")
    assert not LOCK._replace(owner="<>").is_of("<>")
