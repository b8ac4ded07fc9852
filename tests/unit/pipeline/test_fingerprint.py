"""Two runs have one key when all that a run depends on is the same, and only then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from weft.model.lineage import DataRef, ParamsFile, Record
from weft.model.oid import Oid
from weft.model.stage import Out, Stage
from weft.pipeline.fingerprint import (
    Inputs,
    covers,
    key_of_record,
    key_of_stage,
    same_kept,
    same_params_file,
    same_value,
)

A, B = Oid.of(b"a"), Oid.of(b"b")
REF = DataRef("data", "dir", A, 10, 2)
INPUTS = Inputs(
    (REF,),
    {"train.py": "1" * 40},
    {"params.yaml": {"lr": 0.1, "deep.n": 3}},
    {"lockfile": "l", "lockfile_blob": "2" * 40},
)
STAGE = Stage("train", "python train.py", "sub")


def record(stage=STAGE, inputs=INPUTS, **more):
    env = {**inputs.env, "python": "3.11", "platform": "linux-x86_64"}
    return Record(
        stage.name,
        stage.cmd,
        "0" * 40,
        stage.wdir,
        code=inputs.code,
        deps=inputs.deps,
        params=inputs.params,
        env=env,
        **more,
    )


def test_a_record_has_the_key_of_the_stage_that_it_tells_of():
    assert key_of_record(record()) == key_of_stage(STAGE, INPUTS)


@pytest.mark.parametrize(
    ("stage", "inputs"),
    [
        (replace(STAGE, cmd="python train.py -v"), INPUTS),
        (replace(STAGE, cmd=("python", "train.py")), INPUTS),
        (replace(STAGE, wdir=""), INPUTS),
        (STAGE, INPUTS._replace(deps=())),
        (STAGE, INPUTS._replace(deps=(replace(REF, oid=B),))),
        (STAGE, INPUTS._replace(deps=(replace(REF, path="other"),))),
        (STAGE, INPUTS._replace(deps=(replace(REF, type="file"),))),
        (STAGE, INPUTS._replace(deps=(replace(REF, executable=True),))),
        (STAGE, INPUTS._replace(code={})),
        (STAGE, INPUTS._replace(code={"train.py": "3" * 40})),
        (STAGE, INPUTS._replace(code={"other.py": "1" * 40})),
        (STAGE, INPUTS._replace(params={"params.yaml": {"lr": 0.1, "deep.n": 4}})),
        (STAGE, INPUTS._replace(params={"params.yaml": {"lr": 0.1, "deep.n": 3.0}})),
        (STAGE, INPUTS._replace(params={"params.yaml": {"lr": "0.1", "deep.n": 3}})),
        (STAGE, INPUTS._replace(params={"params.toml": {"lr": 0.1, "deep.n": 3}})),
        (STAGE, INPUTS._replace(env={"lockfile": "l", "lockfile_blob": "4" * 40})),
        (STAGE, INPUTS._replace(env={})),
        (STAGE, INPUTS._replace(code={"train.py": "x " + "1" * 40})),
        (STAGE, INPUTS._replace(params_files={"params.yaml": ParamsFile("5" * 40, ("lr",))})),
        (STAGE, INPUTS._replace(schema=1)),
        (STAGE, INPUTS._replace(env={**INPUTS.env, "image": "sha256:1"})),
    ],
)
def test_whatever_a_run_depends_on_changes_the_key(stage, inputs):
    assert key_of_stage(stage, inputs) != key_of_stage(STAGE, INPUTS)


def test_the_order_of_what_is_declared_does_not_change_the_key():
    other = DataRef("aaa", "file", B, 1)
    one = INPUTS._replace(deps=(REF, other), code={"a": "1" * 40, "b": "2" * 40})
    two = INPUTS._replace(deps=(other, REF), code={"b": "2" * 40, "a": "1" * 40})
    assert key_of_stage(STAGE, one) == key_of_stage(STAGE, two)


def test_other_bytes_of_params_that_all_readers_agree_on_do_not_change_the_key():
    bytes_of = [INPUTS._replace(params_files={"params.yaml": ParamsFile(blob * 40)}) for blob in "56"]
    assert key_of_stage(STAGE, bytes_of[0]) == key_of_stage(STAGE, bytes_of[1])


@pytest.mark.parametrize(
    ("recorded", "now", "same"),
    [
        (ParamsFile("1"), ParamsFile("2"), True),
        (ParamsFile("1", ("a",)), ParamsFile("1", ("a",)), True),
        (ParamsFile("1", ("a",)), ParamsFile("2", ("a",)), False),
        (ParamsFile("1", ("a",)), ParamsFile("2"), False),
        (ParamsFile("1"), ParamsFile("2", ("a",)), False),
        (None, ParamsFile("2"), True),
        (None, ParamsFile("2", ("a",)), False),
    ],
)
def test_other_bytes_of_a_params_file(recorded, now, same):
    assert same_params_file(recorded, now) is same


def test_records_of_schema_1_tell_nothing_of_modes():
    assert same_kept("1", "x 1", 1)
    assert not same_kept("1", "x 1", 2)
    assert not same_kept("1", "x 2", 1)
    assert same_kept("x 1", "x 1", 2)


def test_what_tells_of_the_machine_or_of_the_stage_alone_does_not_change_the_key():
    assert key_of_stage(replace(STAGE, desc="x", rationale="y", line=3, seed=1), INPUTS) == key_of_record(record())
    moved = INPUTS._replace(deps=(replace(REF, stage="prepare"),))
    assert key_of_stage(STAGE, moved) == key_of_stage(STAGE, INPUTS)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1, True), (1, True, False), (1, 1.0, False), ("1", 1, False), ([1, 2], [1, 2], True), ([1], [1.0], False),
        (float("nan"), float("nan"), True), (None, None, True), (None, False, False), (0.0, -0.0, False),
        ([1], [True], False), ([[1], {}], [[1], {}], True), ([[1]], [[1.0]], False),
        ([1], [1, 1], False), ({"a": 1}, {"a": True}, False),
    ],
)  # fmt: skip
def test_same_value(one, other, same):
    assert same_value(one, other) is same


@pytest.mark.parametrize(
    ("outs", "refs", "files", "fits"),
    [
        ((Out("m"),), ("m",), {}, True),
        ((Out("m"),), (), {}, False),
        ((), ("m",), {}, False),
        ((Out("m"), Out("s.json", "metrics", False)), ("m",), {"s.json": "1" * 40}, True),
        ((Out("m"), Out("s.json", "metrics", False)), ("m",), {}, False),
        ((Out("m"),), ("m",), {"s.json": "1" * 40}, False),
        ((Out("plots", "plots", False),), (), {"plots/a": "1" * 40, "plots/b": "1" * 40}, True),
        ((Out("plots", "plots", False),), (), {"plots.csv": "1" * 40}, False),
        ((Out("m", cache=False),), ("m",), {}, False),
    ],
)
def test_a_record_covers_exactly_the_declared_outs(outs, refs, files, fits):
    stage = replace(STAGE, outs=outs)
    told = record(outs=tuple(DataRef(path, "file", A, 1) for path in refs), files=files)
    assert covers(stage, told) is fits
