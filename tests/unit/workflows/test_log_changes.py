"""What counts as a change of values and of runs."""

from __future__ import annotations

from weft.model.lineage import Record, Reused, RunFacts
from weft.workflows.history_facts import Declared, below, differ, plain_value
from weft.workflows.log_changes import delta, stage_change, value_changes


def test_values_that_came_went_and_changed() -> None:
    found = list(value_changes("f", {"a": 1, "b": 2, "c": None}, {"b": 2.0, "a": True, "d": None}, numbers=True))
    assert [(one.key, one.old, one.new) for one in found] == [("a", 1, True), ("d", None, None), ("c", None, None)]


def test_a_delta_is_of_finite_numbers() -> None:
    assert delta(1, 3) == 2.0
    assert delta(True, 3) is None
    assert delta(1, "NaN") is None
    assert delta(1e308, -1e308) is None
    assert delta(10**400, 1.0) is None


def test_what_is_not_finite_has_its_name_in_lists_too() -> None:
    assert plain_value([1.0, [float("nan"), float("-inf")]]) == [1.0, ["NaN", "-Infinity"]]
    assert not differ(plain_value(float("nan")), plain_value(float("nan")))


def test_what_became_of_a_record() -> None:
    one = Record("s", "true", "", run=RunFacts("r1", "", "", 1.0))
    two = Record("s", "true", "", run=RunFacts("r2", "", "", 1.0))
    reused = Record("s", "true", "", run=RunFacts("r2", "", "", 1.0), reused=Reused("r0"))
    assert [stage_change("s", old, new).change for old, new in ((None, one), (one, two), (one, one), (one, None))] == [
        "ran",
        "ran",
        "rewritten",
        "deleted",
    ]
    assert stage_change("s", one, reused).change == "reused"


def test_kinds_of_files() -> None:
    declared = Declared(params={"lineage/p.yaml"}, metrics={"m.json"})
    paths = (
        "a.weft",
        ".weft/a.weft",
        "lineage/s.yaml",
        "lineage/x/s.yaml",
        "m.json",
        "lineage/p.yaml",
        "weft.yaml",
        "x",
    )
    assert [declared.kind(path) for path in paths] == [
        "pointer",
        "",
        "record",
        "record",
        "metrics",
        "params",
        "stages",
        "",
    ]
    assert below("a/b", "a")
    assert not below("ab", "a")
