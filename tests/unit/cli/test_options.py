import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.cli.options import duration, share, size


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("4096", 4096),
        ("1K", 1024),
        ("500M", 500 * 1024**2),
        ("1.5GiB", 3 * 1024**3 // 2),
        ("2 tb", 2 * 1024**4),
    ],
)
def test_sizes(text, number):
    assert size(text) == number


@given(st.integers(0, 2**60))
def test_plain_numbers_lose_nothing(number):
    assert size(str(number)) == size(number) == number


@pytest.mark.parametrize("text", ["", "-1", "1X", "1e9", "GiB", "１", "1.M"])
def test_no_sizes(text):
    with pytest.raises(click.BadParameter):
        size(text)


@pytest.mark.parametrize(("text", "number"), [("5%", 0.05), ("100%", 1.0), ("0.25", 0.25), ("1", 1.0)])
def test_shares(text, number):
    assert share(text) == number


@pytest.mark.parametrize("text", ["0", "0%", "101%", "-1", "nan", "x", "%"])
def test_no_shares(text):
    with pytest.raises(click.BadParameter):
        share(text)


@pytest.mark.parametrize(
    ("text", "number"), [("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0), ("2d", 172800.0), ("0", 0.0)]
)
def test_durations(text, number):
    assert duration(text) == number


@pytest.mark.parametrize("text", ["", "m", "-1s", "1w", "nan", "1e3s", "１m", "1.2.3s", "10 m"])
def test_no_durations(text):
    with pytest.raises(click.BadParameter):
        duration(text)
