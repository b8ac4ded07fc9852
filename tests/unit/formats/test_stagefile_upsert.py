"""Writing one stage into a stage file: nothing else in it changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import PathEscape, SchemaError, SecretRefused, WeftError
from weft.formats import stagefile
from weft.model.stage import Out, ParamSet, Stage, StageEnv

TRAIN = Stage("train", "python t.py", deps=("a",), outs=(Out("m"), Out("s.json", "metrics", cache=False)))
BLOCK = """\
  train:
    cmd: python t.py
    deps:
      - a
    outs:
      - m
    metrics:
      - s.json
"""

words = st.text("ab .:#'\"-é\n{}$", min_size=1, max_size=8).filter(lambda text: text.strip() and "${" not in text)
paths = st.sampled_from(["a", "b/c", "d e", "é", "x#y", "0", "yes", "aa: b", "- a"])
outs = st.lists(
    st.builds(Out, paths.map("o/".__add__), st.sampled_from(["out", "metrics", "plots"]), st.booleans(), st.booleans()),
    max_size=3,
    unique_by=lambda out: out.path,
)
param_sets = st.lists(
    st.builds(
        ParamSet,
        st.sampled_from(["params.yaml", "p.toml", "sub/params.yaml"]),
        st.lists(words, max_size=2, unique=True).map(tuple),
    ),
    max_size=2,
    unique_by=lambda params: params.file,
)
stages = st.builds(
    Stage,
    name=st.sampled_from(["train", "a", "b-2"]),
    cmd=st.one_of(words, st.lists(words, min_size=1, max_size=2).map(tuple)),
    wdir=st.sampled_from(["", "sub", "b/c"]),
    deps=st.lists(paths, max_size=3, unique=True).map(tuple),
    params=param_sets.map(tuple),
    outs=outs.map(tuple),
    env=st.builds(StageEnv, st.sampled_from(["", "uv.lock"]), st.sampled_from(["", "i"]), st.just(("A",)) | st.just(())),
    seed=st.none() | st.integers(0, 9),
    equal=st.sampled_from(["", "exact"]),
    desc=st.just("") | words,
    rationale=st.just("") | words,
    frozen=st.booleans(),
    always=st.booleans(),
)  # fmt: skip


def plain(stage: Stage) -> dict[str, Any]:
    return {**stagefile.declaration(stage), "name": stage.name}


@given(st.lists(stages, min_size=1, max_size=4))
def test_every_stage_is_read_back_as_it_was_written(some: list[Stage]) -> None:
    data: bytes | None = b"# first\n\nvalidate: []  # none\n"
    wanted: dict[str, Stage] = {}
    for stage in some:
        data = stagefile.upsert(data, stage)
        wanted[stage.name] = stage
        found = stagefile.decode(data)
        assert [plain(one) for one in found.values()] == [plain(one) for one in wanted.values()]
        assert stagefile.stage_text(found[stage.name]) == stagefile.stage_text(stage)
        assert stagefile.upsert(data, stage) == data
        assert data.startswith(b"# first\n\nvalidate: []  # none\n")


def test_all_of_a_stage_is_written() -> None:
    stage = Stage(
        name="all",
        cmd="x",
        wdir="sub",
        deps=("sub/b", "a"),
        params=(ParamSet("sub/params.yaml", ("k", "j")), ParamSet("p.toml")),
        outs=(Out("o", persist=True), Out("m", "metrics", cache=False), Out("p", "plots")),
        env=StageEnv("uv.lock", "sha256:1", ("A", "B")),
        seed=0,
        equal="none",
        desc="d",
        rationale="r",
        frozen=True,
        always=True,
    )
    data = stagefile.upsert(None, stage)
    found = stagefile.decode(data)["all"]
    assert replace(found, line=0) == stage
    assert b'    params:\n      - k\n      - j\n      -\n        "../p.toml": null\n' in data


def test_a_file_that_is_new() -> None:
    assert stagefile.upsert(None, TRAIN).decode() == "stages:\n" + BLOCK


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "stages:\n" + BLOCK),
        ("# c", "# c\nstages:\n" + BLOCK),
        ("stages:\n", "stages:\n" + BLOCK),
        ("stages:", "stages:\n" + BLOCK),
        ("stages: ~\n", "stages:\n" + BLOCK),
        ("stages: {}  # none\n", "stages:  # none\n" + BLOCK),
        ("stages: # none\nvalidate: []\n", "stages: # none\n" + BLOCK + "validate: []\n"),
        ("validate:\n- {rule: WEFT013, path: stages, reason: r}", None),
        ("stages:\n  a:\n    cmd: x  # x\n\n# the end\n", "stages:\n  a:\n    cmd: x  # x\n" + BLOCK + "\n# the end\n"),
        ("stages:\n  a: {cmd: x}", "stages:\n  a: {cmd: x}\n" + BLOCK),
        ("stages:\n  a:\n    cmd: |\n      x\n      y\n\n", None),
        ("stages:\n  train: {cmd: x, deps: [q]}  # t\n  b: {cmd: x}\n", "stages:\n" + BLOCK + "  b: {cmd: x}\n"),
    ],
)
def test_a_stage_is_added(before: str, after: str | None) -> None:
    found = stagefile.upsert(before.encode(), TRAIN).decode()
    if after is None:
        assert found.startswith(before)
        assert BLOCK in found
    else:
        assert found == after


def test_only_the_entries_that_say_something_else_change() -> None:
    before = """\
stages:
    first: {cmd: x}   # stays
    train:  # the trainer
        # how
        cmd: python t.py  # old
        deps: [ a ]   # inputs
        outs: [m]
        # results
        metrics:
        - s.json

    # evaluates
    eval: {cmd: y}
"""
    changed = replace(TRAIN, cmd="python u.py", outs=TRAIN.outs[:1], frozen=True)
    after = """\
stages:
    first: {cmd: x}   # stays
    train:  # the trainer
        # how
        cmd: python u.py  # old
        deps: [ a ]   # inputs
        outs: [m]
        frozen: true
        # results

    # evaluates
    eval: {cmd: y}
"""
    assert stagefile.upsert(before.encode(), changed).decode() == after
    assert stagefile.upsert(before.encode(), TRAIN).decode() == before


@pytest.mark.parametrize("cmd", ["|\n      a\n      b\n", ">-\n      a\n\n", "a\n      b\n", "\n      'a\n      b'\n"])
@pytest.mark.parametrize("new", ["x", "x\ny\n", ("x", "y")])
def test_a_command_of_several_lines_gives_way(cmd: str, new: str | tuple[str, ...]) -> None:
    before = f"stages:\n  train:\n    cmd: {cmd}  # z\n  z: {{cmd: q}}\n"
    data = stagefile.upsert(before.encode(), Stage("train", new))
    assert stagefile.decode(data)["train"].cmd == new
    assert data.endswith(b"  # z\n  z: {cmd: q}\n")


def test_line_ends_stay() -> None:
    data = stagefile.upsert(b"# c\r\nstages:\r\n  a: {cmd: x}\r\n", TRAIN)
    assert data.count(b"\n") == data.count(b"\r\n") == 3 + BLOCK.count("\n")


@pytest.mark.parametrize(
    ("data", "stage", "error", "said"),
    [
        ("stages: {a: {cmd: x}}\n", TRAIN, SchemaError, "in braces"),
        ("{stages: {}}\n", TRAIN, SchemaError, "cannot be written"),
        ("stages:\n  train:\n    foreach: [x]\n    do: {cmd: y}\n", TRAIN, SchemaError, "several stages"),
        ("", replace(TRAIN, name="train@x"), SchemaError, "foreach"),
        ("", replace(TRAIN, name="a/b"), SchemaError, "name of a stage"),
        ("", replace(TRAIN, cmd=""), SchemaError, "cmd"),
        ("", replace(TRAIN, deps=("../a",)), PathEscape, "leaves"),
        ("", replace(TRAIN, deps=("a", "a")), SchemaError, "twice"),
        ("", replace(TRAIN, env=StageEnv(vars=("API_KEY",))), SecretRefused, "record"),
        ("stages:\n  A: {cmd: x}\n", replace(TRAIN, name="a"), SchemaError, "case"),
        ("stages:\n  a: {cmds: x}\n", TRAIN, SchemaError, "did you mean cmd"),
    ],
)
def test_what_is_refused(data: str, stage: Stage, error: type[WeftError], said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        stagefile.upsert(data.encode(), stage)
    assert caught.value.path == "weft.yaml"
