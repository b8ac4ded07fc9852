"""The rules of keys."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import LimitExceeded, PathChars, PathSyntax, StorageFault
from weft.storage.keys import MAX_KEY, check_key, check_prefix, slice_of


@given(st.text(max_size=40) | st.text(alphabet="a./-~\\", max_size=12))
def test_no_key_leaves_its_directory(key: str) -> None:
    try:
        assert check_key(key) == key
    except (PathChars, PathSyntax):
        return
    path = os.path.join("/place/of/store", key)
    assert os.path.normpath(path) == path
    assert path.startswith("/place/of/store/")
    assert key.isascii()
    assert key.isprintable()


def test_limits() -> None:
    check_key("a" * MAX_KEY)
    with pytest.raises(LimitExceeded):
        check_key("a" * (MAX_KEY + 1))


def test_prefixes() -> None:
    for good in ("", "a/", "a/b/"):
        assert check_prefix(good) == good
    for bad in ("a", "/", "../", "a//", "./"):
        with pytest.raises(PathSyntax):
            check_prefix(bad)


@given(st.binary(max_size=30), st.integers(0, 40), st.none() | st.integers(0, 40))
def test_slices_are_exact_or_errors(data: bytes, start: int, length: int | None) -> None:
    past = start > len(data) or (length is not None and start + length > len(data))
    if past or (start and length is None and start == len(data)):
        with pytest.raises(StorageFault) as caught:
            slice_of("k", data, start, length)
        assert not caught.value.transient
        return
    part = slice_of("k", data, start, length)
    assert part == (data[start:] if length is None else data[start : start + length])
    assert length is None or len(part) == length
