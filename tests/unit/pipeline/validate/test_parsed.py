"""What is kept of parsing comes back as it was, for these bytes and this code alone."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from weft.formats import stagefile
from weft.model.lineage import Accepted, DataRef, Hidden, ParamsFile, Record, Reused, RunFacts
from weft.model.oid import Oid
from weft.pipeline.validate.parsed import LIMIT, ParsedCache

BLOB = "1" * 40
RECORD = Record(
    "train",
    ("python", "train.py"),
    "2" * 40,
    wdir="src",
    code={"src/train.py": "3" * 40},
    base="4" * 40,
    dirty=True,
    snapshot="refs/weft/runs/r1",
    deps=(
        DataRef("data", "dir", Oid.of(b"d"), 10, 3, stage="prepare"),
        DataRef("d/f", "file", Oid.of(b"f"), 1, inside="d", whole=Oid.of(b"w")),
    ),
    outs=(DataRef("m.pkl", "file", Oid.of(b"m"), 5, 1, True),),
    params={"params.yaml": {"lr": 0.1, "n": 10**40, "on": True, "none": None, "list": [1, 2.0], "ünï": "\udcff"}},
    metrics={"metrics.json": {"auc": math.inf, "loss": -0.0}},
    env={"vars": {"A": None}},
    determinism={"seed": 7},
    changed=("data",),
    reused=Reused("r0", "5" * 40, "A <a@b>"),
    run=RunFacts("r1", "a", "b", 2.0, 0, {"max_rss": 5.0}, Accepted("why", "who")),
    digest=Oid.of(b"digest"),
    modes={"src/train.py": "x"},
    params_files={"params.yaml": ParamsFile("6" * 40, ("on",))},
    hidden=Hidden(30, ("src/a", "src/b")),
)
STAGES = stagefile.decode(
    b"""
stages:
  one:
    cmd: [python, a.py]
    wdir: src
    deps: [x, y]
    params: [a, {other.toml: [b.c]}]
    outs: [o, {p: {cache: false, persist: true}}]
    metrics: [m.json]
    env: {lockfile: l.lock, image: i, vars: [A]}
    determinism: {seed: 3, equal: close}
    desc: a description
    rationale: a reason
    frozen: true
  two:
    cmd: x ${y}
    always_changed: true
"""
)


def kept(kind: str, value: Any, parsers: str = "p") -> Any:
    cache = ParsedCache()
    cache.put(kind, "path", BLOB, value)
    return ParsedCache.load(cache.dump(parsers), "p").get(kind, "path", BLOB)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("record", RECORD),
        ("record", Record("s", "cmd", "2" * 40)),
        ("record", Record("s", "cmd", "2" * 40, reused=Reused("r0"), schema=1)),
        ("stages", STAGES),
        ("values", {"a.b": 1, "c": 1.0, "d": True, "e": None, "f": "x", "g": [1, "y"], "h": -0.0, "i": math.inf}),
    ],
    ids=["record", "bare-record", "old-record", "stages", "values"],
)
def test_it_comes_back_as_it_was(kind: str, value: Any) -> None:
    back = kept(kind, value)
    assert back == value
    assert repr(back) == repr(value), "1 is not 1.0 and not True"


def test_not_a_number_comes_back() -> None:
    assert math.isnan(kept("values", {"a": math.nan})["a"])


def test_other_code_another_blob_another_name_or_kind_meet_nothing() -> None:
    assert kept("values", {"a": 1}, parsers="other") is None
    cache = ParsedCache()
    cache.put("values", "path", BLOB, {"a": 1})
    again = ParsedCache.load(cache.dump("p"), "p")
    for kind, path, blob in [("values", "path", "2" * 40), ("values", "other", BLOB), ("record", "path", BLOB)]:
        assert again.get(kind, path, blob) is None
    assert again.get("values", "path", BLOB) == {"a": 1}


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b"[]", b"null", b'{"version": 1}', b'{"version": "2 p", "parsed": []}', b"[" * 100_000],
    ids=repr,
)
def test_garbage_is_an_empty_cache(data: bytes) -> None:
    cache = ParsedCache.load(data, "p")
    assert cache.get("values", "path", BLOB) is None
    assert not cache.has_news


@pytest.mark.parametrize("plain", [None, 1, "x", [], {}, [[1]], {"stage": 1}])
def test_damaged_entries_are_parsed_anew(plain: Any) -> None:
    for kind in ("record", "stages"):
        text = json.dumps({"version": "2 p", "parsed": {f"{kind} {BLOB} path": plain}})
        found = ParsedCache.load(text.encode(), "p").get(kind, "path", BLOB)
        assert found is None or found == {}


def test_what_json_cannot_spell_is_left_out() -> None:
    cache = ParsedCache()
    cache.put("values", "odd", BLOB, {"a": {1, 2}})
    cache.put("values", "path", BLOB, {"a": 1})
    again = ParsedCache.load(cache.dump("p"), "p")
    assert again.get("values", "odd", BLOB) is None
    assert again.get("values", "path", BLOB) == {"a": 1}


def test_it_is_bounded_and_keeps_what_was_used_last() -> None:
    cache = ParsedCache()
    for number in range(10):
        cache.put("values", f"old-{number}", BLOB, {"a": "x" * (LIMIT // 8)})
    later = ParsedCache.load(cache.dump("p"), "p")
    assert later.get("values", "old-0", BLOB)
    later.put("values", "new", BLOB, {"a": "y" * (LIMIT // 2)})
    data = later.dump("p")
    assert len(data) <= LIMIT + 200
    last = ParsedCache.load(data, "p")
    assert last.get("values", "new", BLOB)
    assert last.get("values", "old-0", BLOB)
    assert last.get("values", "old-9", BLOB) is None


def test_news_is_what_was_not_known() -> None:
    cache = ParsedCache()
    assert not cache.has_news
    cache.put("record", "path", BLOB, RECORD)
    assert cache.has_news
    again = ParsedCache.load(cache.dump("p"), "p")
    assert again.get("record", "path", BLOB) == RECORD
    assert not again.has_news
    again.put("record", "path", "2" * 40, replace(RECORD, stage="other"))
    assert again.has_news
