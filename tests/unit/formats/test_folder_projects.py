"""Folder projects in stage files: what they declare, where their paths start, and what no list of them may say."""

from __future__ import annotations

import pytest

from weft.errors import LimitExceeded, SchemaError, WeftError
from weft.formats import stagefile, stagemerge
from weft.formats.stagedecl import MAX_PROJECTS
from weft.model.lineage import is_record, record_path, stage_of_record
from weft.model.stage import ParamSet, Stage, check_full_name

TOP = b"""\
stages:
  count: {cmd: top}
projects: [projects/nlp, packages/vision]
"""
NLP = b"""\
vars: [names.yaml]
stages:
  count:
    cmd: "count ${depth} ${name}"
    deps: [data, ../../packages/vision/out]
    params: [lr]
    metrics: [m.json]
  above: {cmd: x, wdir: ../.., deps: [projects/nlp/data]}
  src: {cmd: x, wdir: src, outs: [../o], vars: [own.yaml]}
  each: {foreach: "${langs}", do: {cmd: "x ${item}"}}
"""
FILES = {
    "projects/nlp/weft.yaml": NLP,
    "packages/vision/weft.yaml": b"",
    "projects/nlp/params.yaml": b"depth: 3\nlr: 1\nlangs: [de, fr]\n",
    "projects/nlp/names.yaml": b"name: n\n",
    "projects/nlp/src/own.yaml": b"own: n\n",
    "params.yaml": b"depth: 99\n",
}


def with_nlp(text: bytes) -> dict[str, Stage]:
    return stagefile.decode(TOP, read={**FILES, "projects/nlp/weft.yaml": text}.get)


def test_paths_and_values_start_in_the_folder() -> None:
    found = stagefile.decode(TOP, read=FILES.get)
    names = ["count", "above", "src", "each@de", "each@fr"]
    assert list(found) == ["count", *(f"projects/nlp/{name}" for name in names)], "the own ones first"
    count = found["projects/nlp/count"]
    assert count.cmd == "count 3 n"
    assert (count.wdir, count.deps) == ("projects/nlp", ("projects/nlp/data", "packages/vision/out"))
    assert count.params == (
        ParamSet("projects/nlp/params.yaml", ("lr", "depth")),
        ParamSet("projects/nlp/names.yaml", ("name",)),
    )
    assert count.outs[0].path == "projects/nlp/m.json"
    assert (count.file, count.folder, count.own_name, count.line) == (
        "projects/nlp/weft.yaml",
        "projects/nlp",
        "count",
        3,
    )
    assert (found["count"].file, found["count"].folder, found["count"].wdir) == ("weft.yaml", "", "")
    assert found["projects/nlp/above"].wdir == ""
    assert found["projects/nlp/src"].wdir == "projects/nlp/src"
    assert found["projects/nlp/src"].outs[0].path == "projects/nlp/o"


def test_a_stage_is_written_as_it_is_seen_from_its_folder() -> None:
    alone = stagefile.decode_file(NLP, read=FILES.get, folder="projects/nlp")
    text: bytes | None = None
    for name in ("above", "src"):
        text = stagefile.upsert(text, alone[f"projects/nlp/{name}"])
    assert text is not None
    assert b'wdir: "../.."\n' in text
    assert b"wdir: src\n" in text
    again = stagefile.decode_file(text, folder="projects/nlp")
    assert {name: stagefile.stage_text(one) for name, one in again.items()} == {
        name: stagefile.stage_text(alone[name]) for name in again
    }
    frozen = stagefile.set_frozen(text, "src", True, folder="projects/nlp")
    assert stagefile.decode_file(frozen, folder="projects/nlp")["projects/nlp/src"].frozen
    assert b"src" not in stagefile.without_stage(frozen, "src", folder="projects/nlp")
    with pytest.raises(SchemaError, match="name of a stage"):
        stagefile.upsert(None, Stage("projects/nlp/count", "x"))  # not of that file


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("['../x']", "cannot be a project"),
        ("[a/../b]", "cannot be a project"),
        ("[/etc]", "cannot be a project"),
        ("[.weft]", "cannot be a project"),
        ("[a/.git]", "cannot be a project"),
        ("[a/]", "cannot be a project"),
        ("['']", "must not be empty"),
        ("['a b']", "cannot be a project"),
        ("['$(x)']", "cannot be a project"),
        ("[lineage]", "records lie there"),
        ("[Lineage/x]", "records lie there"),
        ("[a/b.yaml]", "ends as those of records and pointers"),
        ("[data.weft]", "ends as those of records and pointers"),
        ("[a, a]", "is there twice"),
        ("[a, a/b]", "lies inside the other"),
        ("[a/b, a]", "lies inside the other"),
        ("[a, A]", "in case alone"),
        ("[x/a, X/b]", "in case alone"),
        ("[1]", "must be a string"),
        ("a", "must be a list"),
        (f"[{'/'.join(['x' * 99] * 3)}]", "cannot be a project"),
        ("[gone]", "there is no file gone/weft.yaml"),
    ],
)
def test_lists_of_projects_that_are_refused(listed: str, said: str) -> None:
    there = {f"{name}/weft.yaml": b"" for name in ("a", "A", "a/b", "x/a", "X/b")}
    with pytest.raises(WeftError, match=said) as caught:
        stagefile.decode(f"stages: {{}}\nprojects: {listed}\n".encode(), read=there.get)
    assert caught.value.path == "weft.yaml"
    assert caught.value.line == 2


def test_there_are_limits() -> None:
    listed = ", ".join(f"p{number}" for number in range(MAX_PROJECTS + 1))
    with pytest.raises(LimitExceeded, match="projects"):
        stagefile.decode(f"projects: [{listed}]\n".encode(), read=lambda path: b"")
    large = b"#" * stagefile.LIMIT
    with pytest.raises(LimitExceeded, match="stage files of projects"):
        stagefile.decode(b"projects: [a, b, c, d, e]\n", read=lambda path: large)
    many = b"stages: {s: {foreach: [" + b",".join(b"%d" % number for number in range(6000)) + b"], do: {cmd: x}}}\n"
    with pytest.raises(LimitExceeded, match="stages"):
        stagefile.decode(b"projects: [a, b]\n", read=lambda path: many if path.endswith("weft.yaml") else None)


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        (b"stages: {}\nprojects: [deeper]\n", "only at the top", 2),
        (b"stages: {}\nvalidate: []\n", "only at the top", 2),
        (b"stages:\n  a/b: {cmd: x}\n", "cannot be the name of a stage", 2),
        (b"stages:\n  s: {cmd: x, deps: [../../../x]}\n", "leaves its directory", 2),
        (b"stages:\n  s: {cmd: x, outs: [weft.yaml]}\n", "stages are declared in", 2),
        (b"stages:\n  s: {cmd: x, wdir: .., outs: [nlp]}\n", "stages are declared in", 2),
        (b"stages:\n  s: {cmd: '${depth}', outs: [params.yaml]}\n", "templates take values from", 2),
    ],
)
def test_errors_name_the_file_of_the_folder(text: bytes, said: str, line: int) -> None:
    with pytest.raises(WeftError, match=said) as caught:
        with_nlp(text)
    assert (caught.value.path, caught.value.line) == ("projects/nlp/weft.yaml", line)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "projects:\n  - p/q\n"),
        ("# c\nstages:\n  a: {cmd: x}\n", "# c\nstages:\n  a: {cmd: x}\nprojects:\n  - p/q\n"),
        (
            "projects:\n- a # one\n# two\n- b\n# end\nstages: {}\n",
            "projects:\n- a # one\n# two\n- b\n- p/q\n# end\nstages: {}\n",
        ),
        ("projects:\r\n  - a\r\nstages: {}\r\n", "projects:\r\n  - a\r\n  - p/q\r\nstages: {}\r\n"),
        ("projects: [a]\nstages: {}\n", "projects:\n  - a\n  - p/q\nstages: {}\n"),
        ("projects:\n  - a", "projects:\n  - a\n  - p/q"),
    ],
)
def test_a_project_is_added_to_the_list(before: str | None, after: str) -> None:
    data = None if before is None else before.encode()
    known = stagefile.projects(data or b"")
    assert stagefile.with_projects(data, [*known, "p/q"]).decode() == after


def test_lists_of_projects_merge_as_sets() -> None:
    base = b"projects:\n  - a\n  - b\nstages: {}\n"
    ours, theirs = base.replace(b"  - a\n", b""), base.replace(b"- b\n", b"- b\n  - c\n")
    assert stagefile.projects(stagemerge.merge(base, ours, theirs).data) == ("b", "c")
    assert stagefile.projects(stagemerge.merge(base, theirs, ours).data) == ("b", "c")
    assert stagefile.projects(stagemerge.merge(b"", b"projects: [a]\n", b"projects: [b]\n").data) == ("a", "b")


def test_stage_files_of_folders_merge() -> None:
    base = b"stages:\n  a: {cmd: x, wdir: ../.., deps: [projects/x]}\n"
    ours, theirs = base + b"  b: {cmd: b}\n", base + b"  c: {cmd: c, deps: [../x]}\n"
    merged = stagemerge.merge(base, ours, theirs, folder="projects/nlp").data
    assert list(stagefile.decode_file(merged, folder="projects/nlp")) == [f"projects/nlp/{name}" for name in "abc"]


def test_where_records_lie() -> None:
    for name in ("count", "projects/nlp/count", "packages/nlp/each@de"):
        assert check_full_name(name) == name
        assert is_record(record_path(name))
        assert stage_of_record(record_path(name)) == name
    assert not is_record("lineage/packages/0123456789abcdef.txt")
    for name in ("../count", "a/../count", "/count", "a//b", "a/", "lineage/x", ".weft/x", "a b/c"):
        with pytest.raises(SchemaError, match="name of a stage"):
            check_full_name(name)
