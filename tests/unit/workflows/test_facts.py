"""What counts as a difference between revisions."""

from __future__ import annotations

from weft.workflows.facts import Facts, is_different, side_by_side
from weft.workflows.history_facts import plain_value


def _row(section: str, *values: object):
    columns = [Facts({(section, "key"): value} if value is not None else {}) for value in values]
    (row,) = side_by_side(columns)
    return row


def test_numbers_are_compared_as_numbers_and_a_flag_is_none() -> None:
    assert not is_different(_row("params", 1, 1.0))
    assert is_different(_row("params", 1, True))
    assert is_different(_row("params", None, 0))


def test_what_is_not_finite_has_its_name_and_equals_itself() -> None:
    nan = plain_value(float("nan"))
    assert nan == "NaN"
    assert plain_value([float("-inf")]) == ["-Infinity"]
    assert not is_different(_row("params", nan, plain_value(float("nan"))))


def test_only_metrics_that_are_numbers_have_a_delta() -> None:
    assert _row("metrics", 0.5, 0.75).delta == 0.25
    assert _row("metrics", None, 0.75).delta is None
    assert _row("metrics", True, 0.75).delta is None
    assert _row("params", 0.5, 0.75).delta is None
    assert _row("metrics", -1e308, 1e308).delta is None, "an infinity is no JSON"
    assert _row("metrics", 0.5, 10**400).delta is None
