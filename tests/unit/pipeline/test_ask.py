"""The graph asked both ways."""

from __future__ import annotations

from weft.formats import stagefile
from weft.model.lineage import DataRef, Record
from weft.model.oid import Oid
from weft.pipeline.ask import DATA, FILE, Known, Use, impact, named, trace, wrote
from weft.pipeline.graph import Graph

GRAPH = Graph.build(
    stagefile.decode(
        b"""\
stages:
  a: {cmd: a, deps: [raw], outs: [x/one, x/two]}
  b: {cmd: b, deps: [x/one, src], params: [train.lr, {conf.toml: []}], outs: [y]}
  c: {cmd: c, deps: [x], outs: [z], frozen: true}
  d: {cmd: d, deps: [y, z/part], env: {lockfile: a.lock}}
"""
    )
)


def ref(path: str, text: str = "") -> DataRef:
    return DataRef(path, "file", Oid.of((path + text).encode()), 1)


def reached(path: str, *keys: str) -> list[str]:
    return [one.stage for one in impact(GRAPH, [path], keys)]


def test_a_change_reaches_all_that_reads_it_or_what_is_made_of_it() -> None:
    assert reached("raw") == ["a", "b", "c", "d"]
    assert reached("x/two") == ["c", "d"]
    assert reached("src/model/net.py") == ["b", "d"]
    assert reached("z") == ["d"]
    assert reached("a.lock") == ["d"]
    assert reached("rawer") == []


def test_a_key_reaches_the_stages_that_name_it_its_mapping_or_all() -> None:
    assert reached("params.yaml", "train.lr") == reached("params.yaml", "train") == ["b", "d"]
    assert reached("params.yaml", "train.lrs") == reached("params.yaml", "tr") == []
    assert reached("conf.toml", "any") == ["b", "d"]


def test_what_is_reached_says_by_what_and_how_far() -> None:
    last = impact(GRAPH, ["raw"])[-1]
    assert (last.distance, last.reads, last.after) == (3, (), ("b", "c"))
    assert impact(GRAPH, ["z"])[0].reads == ("z/part",)
    assert [one.frozen for one in impact(GRAPH, ["x"])] == [False, True, False]


def test_a_trace_follows_oids_into_earlier_commits_and_each_run_once() -> None:
    new = Record("a", "a", "", deps=(ref("raw", "2"),), outs=(ref("x/one", "2"), ref("x/two")))
    old = Record("a", "a", "", deps=(ref("raw"),), outs=(ref("x/one"), ref("x/two")))
    records = {"b": Record("b", "b", "", deps=(ref("x/one"),), outs=(ref("y"),)), "a": new}
    asked = []

    def find(stage: str, path: str, oid: str) -> Known | None:
        asked.append((path, oid))
        now = records.get(stage)
        return Known(now) if now and wrote(now, path, oid) else Known(old, "c" * 40) if stage == "a" else None

    start = Use("y", DATA, str(ref("y").oid))
    key, steps = trace(GRAPH, start, find, lambda path: Use(path, FILE))
    assert key == "b"
    assert [step.key for step in steps] == ["b", "cccccccccccc:a"]
    assert steps[0].reads[0].step == "cccccccccccc:a"
    assert steps[1].reads[0].oid == str(ref("raw").oid)
    assert len(asked) == len(set(asked)) == 2


def test_a_stage_without_a_record_is_told_as_declared() -> None:
    _, steps = trace(GRAPH, Use("z", DATA), lambda *_: None, lambda path: Use(path, FILE, files=0))
    assert [(step.key, step.recorded) for step in steps] == [("c", False), ("a", False)]
    assert [(use.path, use.step) for use in steps[0].reads] == [("x/one", "a"), ("x/two", "a")]


def test_data_that_no_record_tells_of_is_not_given_to_the_recorded_run() -> None:
    now = Record("a", "a", "", outs=(ref("x/one"), ref("x/two")))
    records = {"a": now, "b": Record("b", "b", "", deps=(ref("x/one"), ref("x/two", "2")), outs=(ref("y"),))}

    def find(stage: str, path: str, oid: str) -> Known | None:
        return Known(records[stage]) if wrote(records[stage], path, oid) else None

    _, steps = trace(GRAPH, Use("y", DATA), find, lambda path: Use(path, FILE))
    assert [use.step for use in steps[0].reads] == ["a", "?:a"]
    assert {step.key: step.recorded for step in steps} == {"b": True, "a": True, "?:a": False}


def test_a_record_wrote_what_it_names() -> None:
    record = Record("a", "a", "", outs=(ref("x"),), files={"m/one.json": "1" * 40})
    assert wrote(record, "x", str(ref("x").oid))
    assert not wrote(record, "x", str(ref("x", "2").oid))
    assert wrote(record, "x/part", "")
    assert wrote(record, "m/one.json", "1" * 40)
    assert not wrote(record, "m/one.json", "2" * 40)
    assert not wrote(record, "y", "")


def test_numbers_that_json_has_not_get_names_wherever_they_stand() -> None:
    found = named({"a": [float("nan"), {"b": float("-inf")}], "c": 1.5})
    assert found == {"a": ["NaN", {"b": "-Infinity"}], "c": 1.5}
