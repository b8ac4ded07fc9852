"""Merging by key, against a reference that knows only paths and values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.formats.merge_keys import ABSENT, Keys, Merged, merge, same

NAMES = st.sampled_from(["a", "b", "c", "d"])
SCALARS = st.sampled_from([0, 1, 1.0, True, "x", "y", None])
FLAT = st.dictionaries(NAMES, SCALARS, max_size=4)
SETS = st.lists(NAMES, unique=True, max_size=4)
NESTED = st.dictionaries(NAMES, SCALARS | FLAT | SETS, max_size=4)


def every_list(keys: Keys) -> bool:
    return True


def no_list(keys: Keys) -> bool:
    return False


def three(base: Any, ours: Any, theirs: Any) -> tuple[Any, bool]:
    """The rule itself, for one value: what came out, and whether it is a conflict."""
    if same(ours, theirs):
        return ours, False
    if same(ours, base):
        return theirs, False
    return ours, not same(theirs, base)


@given(FLAT, FLAT, FLAT)
def test_flat_mappings_merge_as_each_key_alone(base: Any, ours: Any, theirs: Any) -> None:
    found = merge(base, ours, theirs, no_list)
    expected: dict[str, Any] = {}
    conflicts = set()
    for key in {*base, *ours, *theirs}:
        value, conflict = three(*(side.get(key, ABSENT) for side in (base, ours, theirs)))
        if conflict:
            conflicts.add((key,))
        elif value is not ABSENT:
            expected[key] = value
    assert set(found.conflicts) == conflicts
    if not conflicts:
        assert same(found.value, expected)


@given(SETS, SETS, SETS)
def test_sets_never_conflict_and_keep_the_order_of_our_side(base: Any, ours: Any, theirs: Any) -> None:
    found = merge(base, ours, theirs, every_list)
    assert found.conflicts == ()
    b, o, t = set(base), set(ours), set(theirs)
    # Reordering on one side is a change of the list, of which the other side knows nothing.
    assert set(found.value) == (o & t) | (o - b) | (t - b)
    assert len(found.value) == len(set(found.value))
    if not same(ours, base):
        kept = [item for item in ours if item in found.value]
        assert found.value[: len(kept)] == kept


def plain(value: Any) -> Any:
    """A value without the order of its lists."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return sorted(map(repr, value)) if isinstance(value, list) else (type(value), value)


@given(NESTED, NESTED, NESTED)
def test_it_does_not_matter_which_side_is_ours(base: Any, ours: Any, theirs: Any) -> None:
    one, other = merge(base, ours, theirs, every_list), merge(base, theirs, ours, every_list)
    assert set(one.conflicts) == set(other.conflicts)
    if not one.conflicts:
        assert plain(one.value) == plain(other.value)


@given(NESTED, NESTED)
def test_one_side_alone_wins(base: Any, ours: Any) -> None:
    assert merge(base, ours, base, every_list) == Merged(ours)
    assert same(merge(base, base, ours, every_list).value, ours)
    assert same(merge(base, ours, ours, no_list).value, ours)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "value"),
    [
        (["a"], ["a", {"b": {"cache": False}}], ["c", "a"], ["a", {"b": {"cache": False}}, "c"]),
        (["a"], [{"a": {"cache": False}}], [{"a": {"persist": True}}], [{"a": {"cache": False, "persist": True}}]),
        ([{"f": ["x"]}], [{"f": ["x", "y"]}], [{"f": ["z", "x"]}], [{"f": ["x", "y", "z"]}]),
        (ABSENT, ["a"], ["b"], ["a", "b"]),
    ],
)
def test_items_with_options(base: Any, ours: Any, theirs: Any, value: Any) -> None:
    assert merge(base, ours, theirs, every_list) == Merged(value)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "keys"),
    [
        ({"a": 1}, {"a": 2}, {"a": 3}, [("a",)]),
        ({"a": 1}, {}, {"a": 3}, [("a",)]),
        ({"a": {"b": 1}}, {"a": {"b": True}}, {"a": {"b": 1.0}}, [("a", "b")]),
        (["a"], [{"a": {"x": 1}}], [{"a": {"x": 2}}], [("a", "x")]),
        (["a"], [], [{"a": {"x": 2}}], [("a",)]),
        (["a"], ["a", "a"], ["b"], [()]),
        ([], [1], [2], [()]),
        ({"a": [1]}, {"a": {"b": 1}}, {"a": 1}, [("a",)]),
    ],
)
def test_conflicts(base: Any, ours: Any, theirs: Any, keys: list[Keys]) -> None:
    assert list(merge(base, ours, theirs, every_list).conflicts) == keys


def test_a_list_that_is_no_set_is_one_value() -> None:
    assert merge(["a"], ["a", "b"], ["a", "c"], no_list).conflicts == ((),)


def test_repr() -> None:
    assert repr(ABSENT) == "ABSENT"
