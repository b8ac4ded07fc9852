"""Every way in which a stage can be stale is told by its kind and its subject, and what is absent is no reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.formats.stagefile import stage_text
from weft.gitio.blobs import blob_id
from weft.model.lineage import DataRef, ParamsFile, Record
from weft.model.oid import Oid
from weft.model.stage import Out, Stage
from weft.pipeline.fingerprint import Inputs
from weft.pipeline.plan import Now, reasons

A, B = Oid.of(b"a"), Oid.of(b"b")
DEP = DataRef("data", "dir", A, 10, 2)
OUT = DataRef("model", "file", B, 5)
STAGE = Stage(
    "train", "python t.py", outs=(Out("model"), Out("m.json", "metrics", False), Out("plots", "plots", False))
)
INPUTS = Inputs((DEP,), {"t.py": "1" * 40}, {"params.yaml": {"lr": 0.1}}, {"image": "sha256:1"})
FILES = {"m.json": "2" * 40, "plots/a.csv": "3" * 40}
RECORD = Record(
    "train", "python t.py", blob_id(stage_text(STAGE), "sha1"), code=INPUTS.code,
    deps=(DEP,), outs=(OUT,), params=INPUTS.params, files=FILES,
    env={"image": "sha256:1", "python": "3.11"},
)  # fmt: skip
NOW = Now(INPUTS, {"model": OUT}, FILES)


def told(stage=STAGE, record=RECORD, now=NOW, **more):
    return [(reason.kind, reason.subject) for reason in reasons(stage, record, now, **more)]


def test_nothing_differs():
    assert told() == []


def test_another_machine_is_no_reason():
    assert told(record=replace(RECORD, env={"image": "sha256:1", "python": "3.12", "platform": "darwin-arm64"})) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"record": None}, [("never-run", "train")]),
        ({"record": None, "problem": "broken"}, [("record-invalid", "train")]),
        ({"record": replace(RECORD, changed=("data",))}, [("record-invalid", "train")]),
        ({"record": replace(RECORD, cmd="python u.py")}, [("cmd-changed", "train")]),
        ({"record": replace(RECORD, cmd=("python", "t.py"))}, [("cmd-changed", "train")]),
        ({"record": replace(RECORD, wdir="sub")}, [("cmd-changed", "train")]),
        ({"stage": replace(STAGE, always=True)}, [("always", "train")]),
        ({"upstream": ["prepare", "other"]}, [("upstream-stale", "prepare"), ("upstream-stale", "other")]),
        ({"now": None, "upstream": ["prepare"]}, [("upstream-stale", "prepare")]),
        ({"now": replace(NOW, outs={"model": None})}, [("out-missing", "model")]),
        ({"now": replace(NOW, outs={"model": replace(OUT, oid=A)})}, [("out-changed", "model")]),
        ({"now": replace(NOW, outs={"model": replace(OUT, executable=True)})}, [("out-changed", "model")]),
        ({"now": replace(NOW, outs={"model": OUT, "new": None})}, [("out-missing", "new")]),
        ({"now": replace(NOW, outs={})}, [("out-changed", "model")]),
        ({"now": replace(NOW, modified=frozenset(["model"]))}, [("out-changed", "model")]),
        ({"now": replace(NOW, deleted=frozenset(["model"]))}, [("out-deleted", "model")]),
        ({"now": replace(NOW, files={**FILES, "m.json": "4" * 40})}, [("out-changed", "m.json")]),
        ({"now": replace(NOW, files={"plots/a.csv": "3" * 40})}, [("out-deleted", "m.json")]),
        ({"now": replace(NOW, files={**FILES, "plots/b.csv": "4" * 40})}, [("out-changed", "plots/b.csv")]),
        ({"now": replace(NOW, files={**FILES, "m.json": "link " + "2" * 40})}, [("out-changed", "m.json")]),
        ({"record": replace(RECORD, schema=1), "now": replace(NOW, files={**FILES, "m.json": "x " + "2" * 40})}, []),
        ({"record": replace(RECORD, files={"m.json": "2" * 40})}, [("out-missing", "plots")]),
        ({"stage": replace(STAGE, outs=STAGE.outs[:2])}, [("out-changed", "plots/a.csv")]),
    ],
)  # fmt: skip
def test_a_reason_outside_of_the_inputs(change, expected):
    if "stage" in change and len(change["stage"].outs) == 2:
        change = {**change, "now": replace(NOW, files={"m.json": "2" * 40})}
    assert told(**change) == expected


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"deps": (replace(DEP, oid=B),)}, ("dep-changed", "data")),
        ({"deps": ()}, ("dep-changed", "data")),
        ({"deps": (DEP, DataRef("more", "file", A, 1))}, ("dep-changed", "more")),
        ({"deps": (replace(DEP, type="file", files=1),)}, ("dep-changed", "data")),
        ({"code": {"t.py": "5" * 40}}, ("code-changed", "t.py")),
        ({"code": {}}, ("code-changed", "t.py")),
        ({"code": {"t.py": "1" * 40, "u.py": "1" * 40}}, ("code-changed", "u.py")),
        ({"params": {"params.yaml": {"lr": 0.2}}}, ("param-changed", "params.yaml:lr")),
        ({"params": {"params.yaml": {}}}, ("param-changed", "params.yaml:lr")),
        ({"params": {"params.yaml": {"lr": 0.1, "n": 1}}}, ("param-changed", "params.yaml:n")),
        ({"params": {}}, ("param-changed", "params.yaml:lr")),
        ({"params_files": {"params.yaml": ParamsFile("1" * 40, ("lr",))}}, ("param-changed", "params.yaml")),
        ({"code": {"t.py": "x " + "1" * 40}}, ("code-changed", "t.py")),
        ({"env": {}}, ("env-changed", "image")),
        ({"env": {"image": "sha256:2"}}, ("env-changed", "image")),
    ],
)
def test_a_reason_among_the_inputs(inputs, expected):
    assert told(now=replace(NOW, inputs=INPUTS._replace(**inputs))) == [expected]


def test_a_stage_that_is_declared_otherwise_in_what_is_compared_nowhere_else():
    assert told(stage=replace(STAGE, seed=3)) == [("stage-changed", "train")]
    assert told(stage=replace(STAGE, desc="fits")) == []


@pytest.mark.parametrize(
    "change",
    [
        {"record": replace(RECORD, deps=(replace(DEP, size=11),))},
        {"record": replace(RECORD, outs=(replace(OUT, files=2),))},
        {"now": replace(NOW, metrics={"m.json": {"auc": 0.5}})},
        {
            "now": replace(NOW, metrics={"m.json": {"auc": 1}}),
            "record": replace(RECORD, metrics={"m.json": {"auc": 1.0}}),
        },
    ],
)
def test_a_record_that_says_something_else_of_the_very_same_bytes(change):
    assert told(**change) == [("record-invalid", "train")]


def test_the_producer_of_data_is_no_reason():
    assert told(now=replace(NOW, inputs=INPUTS._replace(deps=(replace(DEP, stage="prepare"),)))) == []


def test_reasons_are_told_in_one_order_and_with_what_differs():
    now = replace(NOW, inputs=INPUTS._replace(params={"params.yaml": {"lr": 0.2}}), outs={"model": None})
    found = reasons(replace(STAGE, always=True), replace(RECORD, cmd="old"), now, upstream=["prepare"])
    assert [reason.kind for reason in found] == [
        "cmd-changed",
        "param-changed",
        "out-missing",
        "upstream-stale",
        "always",
    ]
    assert found[0].detail == "old -> python t.py"
    assert found[1].detail == "0.1 -> 0.2"
