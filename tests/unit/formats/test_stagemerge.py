"""Merging stage files by stage and key: comments stay, marks stand around the stages in conflict alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import SchemaError, WeftError
from weft.formats import stagefile, stagemerge, yaml12
from weft.formats.stagedecl import declaration

BASE = """\
# top
stages:
  # makes it
  prepare:
    cmd: prep   # fast
    deps: [raw]
    outs:
      - out   # kept

  train:
    cmd: train
    params: [lr]
"""


def merged(ours: str, theirs: str, base: str | None = BASE, **how: Any) -> stagemerge.MergedStages:
    return stagemerge.merge(None if base is None else base.encode(), ours.encode(), theirs.encode(), **how)


def taken(data: bytes, side: str) -> bytes:
    """What is left when ``side`` is taken of everything between marks."""
    kept, where = [], ""
    for row in data.decode().splitlines(keepends=True):
        if row.startswith("<<<<<<< "):
            where = "ours"
        elif row.startswith("======="):
            where = "theirs"
        elif row.startswith(">>>>>>> "):
            where = ""
        elif where in ("", side):
            kept.append(row)
    return "".join(kept).encode()


def test_both_add_a_stage_with_its_comments() -> None:
    found = merged(BASE + "  ours:\n    cmd: o\n", BASE + "  # why\n  theirs:\n    cmd: t   # short\n")
    assert found == stagemerge.MergedStages(
        (BASE + "  ours:\n    cmd: o\n  # why\n  theirs:\n    cmd: t   # short\n").encode()
    )


def test_lines_are_moved_to_the_column_of_the_others() -> None:
    theirs = "stages:\n      new:\n          cmd: |\n            a\n\n            b\n"
    found = merged("stages:\n  old:\n    cmd: x", theirs, None)
    stages = stagefile.decode(found.data)
    assert list(stages) == ["old", "new"]
    assert stages["new"].cmd == "a\n\nb\n"


def test_two_keys_of_one_stage() -> None:
    ours = BASE.replace("deps: [raw]", "deps: [raw, more]").replace("cmd: train", "cmd: better")
    theirs = BASE.replace("deps: [raw]", "deps: [other, raw]").replace("[lr]", "[lr, epochs]")
    found = merged(ours, theirs)
    assert found.conflicts == ()
    stages = stagefile.decode(found.data)
    assert stages["prepare"].deps == ("raw", "more", "other")
    assert (stages["train"].cmd, stages["train"].params[0].keys) == ("better", ("lr", "epochs"))
    text = found.data.decode()
    assert all(note in text for note in ("# top\n", "# makes it\n", "# fast\n", "# kept\n"))


def test_only_the_stage_in_conflict_stands_between_marks() -> None:
    ours = BASE.replace("cmd: train", "cmd: one") + "  ours: {cmd: o}\n"
    theirs = BASE.replace("cmd: train", "cmd: two").replace("[raw]", "[raw, more]")
    found = merged(ours, theirs)
    assert found.conflicts == ("train",)
    start = "<<<<<<< ours\n  train:\n    cmd: one\n    params: [lr]\n=======\n  train:\n    cmd: two\n"
    assert start + "    params: [lr]\n>>>>>>> theirs\n" in found.data.decode()
    for side, cmd in (("ours", "one"), ("theirs", "two")):
        stages = stagefile.decode(taken(found.data, side))
        assert stages["train"].cmd == cmd
        assert stages["prepare"].deps == ("raw", "more")
        assert "ours" in stages
        assert stagefile.decode(merged(ours, theirs, prefer=side).data) == stages or side == "theirs"
        assert stagefile.decode(merged(ours, theirs, prefer=side).data)["train"].cmd == cmd
    assert stagefile.decode(merged(ours, theirs, prefer="base").data)["train"].cmd == "train"


@pytest.mark.parametrize("ours_changes", [True, False])
def test_one_deletes_what_the_other_changes(ours_changes: bool) -> None:
    gone = BASE[: BASE.index("  train:")]
    changed = BASE.replace("cmd: train", "cmd: better")
    found = merged(changed, gone) if ours_changes else merged(gone, changed)
    assert found.conflicts == ("train",)
    left = [sorted(stagefile.decode(taken(found.data, side))) for side in ("ours", "theirs")]
    assert sorted(left) == [["prepare"], ["prepare", "train"]]


def test_a_stage_that_one_side_deleted_is_gone() -> None:
    gone = BASE[: BASE.index("  train:")]
    for pair in ((gone, BASE.replace("# fast", "# slow")), (BASE, gone)):
        assert list(stagefile.decode(merged(*pair).data)) == ["prepare"]


def test_foreach_is_one_value() -> None:
    group = "  many:\n    foreach: [a]\n    do: {cmd: 'x ${item}'}\n"
    base = BASE + group
    more = base.replace("[a]", "[a, b]   # two")
    found = merged(base.replace("cmd: train", "cmd: better"), more, base)
    assert found.data.decode() == more.replace("cmd: train", "cmd: better")
    assert merged(BASE, base).data.decode() == base
    assert merged(base.replace("[a]", "[c]"), more, base).conflicts == ("many",)
    assert b"# two" in merged(base.replace("[a]", "[c]"), more, base, prefer="theirs").data


def test_paths_of_another_folder_are_not_mixed() -> None:
    ours = BASE.replace("cmd: prep ", "wdir: sub\n    cmd: prep ")
    assert merged(ours, BASE.replace("[raw]", "[raw, more]")).conflicts == ("prepare",)


def test_exceptions_merge_too() -> None:
    rule = "validate:\n  - {{rule: WEFT02{}, path: x, reason: r}}\n"
    one, other = (rule.format(number) for number in (1, 2))
    found = merged(BASE + one, BASE + other)
    assert [ignore.rule for ignore in stagefile.decode_ignores(found.data)] == ["WEFT021", "WEFT022"]
    assert b"validate" not in merged(BASE + one, BASE, BASE + one).data


def test_what_refuses_stale_commits_is_not_lost_in_a_merge() -> None:
    strict = BASE + "validate: {stale: error}\n"
    assert stagefile.refuses_stale(merged(strict, strict.replace("[a]", "[c]"), strict).data)
    with pytest.raises(SchemaError, match="a mapping below validate"):
        merged(BASE, strict)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("stages: {a: {cmd: x}}\n", "stages: {b: {cmd: x}}\n"),
        ("stages:\n  a: {cmd: x}\n", "stages:\n  A: {cmd: x}\n"),
        ("stages:\n  a: {cmd: x}\n", "stages:\n  - b\n"),
        ("stages: {a: {cmd: x}}\n", "stages: {a: {cmd: y}}\n"),
    ],
)
def test_what_cannot_be_merged_in_place_is_refused(ours: str, theirs: str) -> None:
    with pytest.raises(WeftError) as caught:
        merged(ours, theirs, None)
    assert isinstance(caught.value, SchemaError)


PATHS = st.lists(st.sampled_from(["p", "q", "r/s"]), unique=True, max_size=3)
STAGE = st.fixed_dictionaries(
    {"cmd": st.sampled_from(["x", "y", ["a", "b"], "z\nz"])},
    optional={
        "deps": PATHS,
        "outs": PATHS.map(lambda paths: [{path: {"persist": True}} if path == "q" else path for path in paths]),
        "params": st.sampled_from([["lr"], [{"f.toml": ["k"]}], ["lr", {"f.toml": ["k", "l"]}]]),
        "frozen": st.booleans(),
        "env": st.sampled_from([{"vars": ["A"]}, {"vars": ["A", "B"], "image": "i"}]),
    },
)
FILES = st.dictionaries(st.sampled_from(["one", "two", "three"]), STAGE, max_size=3)


def meaning(data: bytes) -> Any:
    """What a stage file says, without any order."""
    return {
        name: {
            key: sorted(map(repr, value)) if isinstance(value, list) and key != "cmd" else value
            for key, value in declaration(stage).items()
            if key != "env"
        }
        for name, stage in stagefile.decode(data).items()
    }


@given(FILES, FILES, FILES)
def test_the_outcome_is_the_same_from_both_sides(base: Any, ours: Any, theirs: Any) -> None:
    files = [yaml12.dump({"stages": {"kept": {"cmd": "k"}, **side}}) for side in (base, ours, theirs)]
    one, other = stagemerge.merge(files[0], files[1], files[2]), stagemerge.merge(files[0], files[2], files[1])
    assert set(one.conflicts) == set(other.conflicts)
    assert meaning(taken(one.data, "ours")) == meaning(taken(other.data, "theirs"))
    assert meaning(taken(one.data, "theirs")) == meaning(taken(other.data, "ours"))
    for name in {*ours, *theirs}.difference(one.conflicts):
        if ours.get(name) == base.get(name):
            assert meaning(taken(one.data, "ours")).get(name) == meaning(files[2]).get(name)


def test_templates_are_merged_as_they_are_written() -> None:
    base = b"vars: [a.yaml]\nstages:\n  s: {cmd: 'x ${lr}', deps: [a]}\n"
    base += b"  g:\n    matrix: {m: '${list}'}\n    cmd: y ${item.m}\n"
    ours = base.replace(b"deps: [a]", b"deps: [a, '${b}']")
    theirs = (
        base.replace(b"deps: [a]", b"deps: [a, c]").replace(b"[a.yaml]", b"[a.yaml, b.yaml]").replace(b"y $", b"z $")
    )
    found = stagemerge.merge(base, ours, theirs)
    assert found.conflicts == ()
    tree = stagefile.tree(found.data)
    assert set(tree["stages"]["s"]["deps"]) == {"a", "${b}", "c"}
    assert tree["stages"]["g"] == {"matrix": {"m": "${list}"}, "cmd": "z ${item.m}"}
    assert tree["vars"] == ["a.yaml", "b.yaml"]


def test_a_stage_with_values_of_its_own_is_taken_whole() -> None:
    base = b"stages:\n  s:\n    cmd: x ${a}\n    vars: {a: 1}\n"
    ours, theirs = base.replace(b"a: 1", b"a: 2"), base.replace(b"x $", b"y $")
    assert stagemerge.merge(base, ours, theirs).conflicts == ("s",)
    assert stagemerge.merge(base, base, theirs).data == theirs
    for one, other in ((b"vars: {a: 1}\n", b"vars: {a: 2}\n"), (b"vars: {a: 2}\n", b"vars: {a: 1}\n")):
        with pytest.raises(SchemaError, match="vars differ"):
            stagemerge.merge(b"stages: {}\n", one, other)


def test_what_a_merge_leaves_empty_is_left_out() -> None:
    base = b"stages:\n  one: {cmd: x, deps: [p, q]}\n"
    ours, theirs = base.replace(b"[p, q]", b"[p]"), base.replace(b"[p, q]", b"[q]")
    assert stagefile.tree(stagemerge.merge(base, ours, theirs).data) == {"stages": {"one": {"cmd": "x"}}}
