"""Anchors and aliases in a stage file: they stand for what they name, and cannot make a small file a large one."""

from __future__ import annotations

import pytest

from weft.errors import LimitExceeded, SchemaError
from weft.formats import stagefile, yaml12
from weft.model.stage import Out, Stage


def decode(text: str) -> dict[str, Stage]:
    return stagefile.decode(text.encode())


def test_a_list_is_shared() -> None:
    found = decode("stages:\n  a: {cmd: x, deps: &deps [d, e], outs: [o]}\n  b: {cmd: y, deps: *deps, outs: [p]}\n")
    assert found["a"].deps == found["b"].deps == ("d", "e")


def test_keys_are_put_in_and_own_ones_win() -> None:
    text = """\
stages:
  a: &base
    cmd: x
    deps: [d]
    env: {vars: [A]}
  b:
    <<: *base
    cmd: y
    outs: [o]
  c:
    <<: [{deps: [c]}, *base]
"""
    found = decode(text)
    assert (found["b"].cmd, found["b"].deps, found["b"].outs) == ("y", ("d",), (Out("o"),))
    assert found["b"].env.vars == ("A",)
    assert (found["c"].cmd, found["c"].deps) == ("x", ("c",))
    plain = decode("stages:\n  b: {cmd: y, deps: [d], outs: [o], env: {vars: [A]}}\n")["b"]
    assert stagefile.stage_text(found["b"]) == stagefile.stage_text(plain), (
        "how it is spelled is no part of the declaration"
    )


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("stages:\n  a: {cmd: x, deps: *d}\n", 2, "no anchor 'd'"),
        ("stages:\n  a: {cmd: x, deps: &d [*d]}\n", 2, "no anchor 'd'"),
        ("stages:\n  a:\n    <<: x\n    cmd: x\n", 3, "takes a mapping"),
        ("stages:\n  a:\n    <<: [{cmd: x}, 1]\n", 3, "takes a mapping"),
        ("stages:\n  a: &a {cmd: x}\n  b: {cmd: y, *a : 1}\n", 3, "must be a scalar"),
    ],
)
def test_refusals(text: str, line: int, said: str) -> None:
    with pytest.raises(SchemaError, match=said) as caught:
        decode(text)
    assert caught.value.line == line


def test_many_laughs_are_refused_at_once() -> None:
    rows = ["  a0: &a0 [" + ", ".join(["lol"] * 10) + "]"]
    rows += [f"  a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 12)]
    with pytest.raises(LimitExceeded, match="stand for too much") as caught:
        decode("stages:\n" + "\n".join(rows) + "\n")
    assert caught.value.line == 7, "before the rest is read, which would take days"


def test_nested_anchors_over_much_are_measured_once() -> None:
    wide = "[" + ", ".join(["x"] * 50_000) + "]"
    nested = "".join(f"&n{n} [" for n in range(28)) + f"&w {wide}" + "]" * 28
    with pytest.raises(LimitExceeded, match="stand for too much"):
        yaml12.load_with_lines(
            f"a: {nested}\nb: [{', '.join(['*w'] * 9)}]\n".encode(), what="f", limit=1 << 20, anchors=True
        )


def test_aliases_do_not_go_deeper_than_files_do() -> None:
    with pytest.raises(LimitExceeded, match="deeper"):
        decode("stages:\n  a: &a " + "[" * 20 + "]" * 20 + "\n  b: " + "[" * 15 + "*a" + "]" * 15 + "\n")


def test_a_long_text_is_not_repeated_without_end() -> None:
    text = "stages:\n  a: {cmd: &t " + "y" * 500_000 + ", deps: [" + ", ".join(["*t"] * 20) + "]}\n"
    with pytest.raises(LimitExceeded, match="stand for too much"):
        decode(text)


def test_the_values_of_other_files_have_none() -> None:
    with pytest.raises(Exception, match="anchors and aliases"):
        yaml12.load(b"a: &x 1\nb: *x\n", what="params.yaml")


def test_an_edit_keeps_anchors_and_refuses_what_would_change_another_stage() -> None:
    data = b"stages:\n  a: {cmd: x, outs: [o]}\n  b:\n    cmd: y\n    deps: &d [d]\n  c:\n    cmd: z\n    deps: *d\n"
    added = stagefile.upsert(data, Stage("more", "new"))
    assert added == data + b"  more:\n    cmd: new\n"
    changed = stagefile.upsert(data, Stage("c", "z", deps=("e",)))
    assert b"deps: &d [d]" in changed
    assert stagefile.decode(changed)["c"].deps == ("e",)
    with pytest.raises(SchemaError, match="cannot be written there"):
        stagefile.upsert(data, Stage("b", "y", deps=("e",)))
