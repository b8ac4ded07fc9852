"""Sizes as people write them."""

from __future__ import annotations

import pytest

from weft.model.sizes import parse_size


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("12", 12), ("1k", 1024), ("1.5 MiB", 3 << 19), ("2TB", 2 << 40), ("3b", 3)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "k", "1e3", "-1", "1,5M", "1 MB/s", "٣"])
def test_other_words(text: str) -> None:
    assert parse_size(text) is None
