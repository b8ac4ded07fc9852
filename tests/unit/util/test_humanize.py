"""Numbers read well at the edges of their units."""

from __future__ import annotations

import pytest

from weft.util.humanize import count_text, duration_text, size_text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (1023 * 1024, "1023.0 KiB"),
        (3 << 29, "1.5 GiB"),
        (1 << 70, "1024.0 EiB"),
        (-2048, "-2.0 KiB"),
    ],
)
def test_size(size, text):
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((0, "file"), "0 files"),
        ((1, "file"), "1 file"),
        ((2, "file"), "2 files"),
        ((1234567, "file"), "1,234,567 files"),
        ((3, "directory"), "3 directories"),
        ((2, "key"), "2 keys"),
        ((2, "index", "indices"), "2 indices"),
    ],
)
def test_count(args, text):
    assert count_text(*args) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (7620, "2 h 07 min"),
    ],
)
def test_duration(seconds, text):
    assert duration_text(seconds) == text
