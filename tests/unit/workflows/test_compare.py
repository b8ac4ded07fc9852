"""What counts as a difference between revisions."""

from __future__ import annotations

import pytest

from weft.errors import UsageFault
from weft.workflows import compare


def test_numbers_are_compared_as_numbers_and_a_flag_is_none() -> None:
    assert not compare._differs((1, 1.0))
    assert compare._differs((1, True))
    assert compare._differs((None, 0))


def test_what_is_not_finite_has_its_name_and_equals_itself() -> None:
    nan = compare._plain(float("nan"))
    assert nan == "NaN"
    assert compare._plain(float("-inf")) == "-Infinity"
    assert not compare._differs((nan, compare._plain(float("nan"))))


def test_only_metrics_that_are_numbers_have_a_delta() -> None:
    assert compare._row("metrics", "acc", (0.5, 0.75)).delta == 0.25
    assert compare._row("metrics", "acc", (None, 0.75)).delta is None
    assert compare._row("params", "lr", (0.5, 0.75)).delta is None


def test_one_revision_is_no_comparison() -> None:
    with pytest.raises(UsageFault, match="two revisions"):
        compare.compare(".", ["HEAD"])
