"""Lineage records: one spelling, strict types, errors with the line."""

from __future__ import annotations

import dataclasses
import math
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import (
    FormatVersion,
    LimitExceeded,
    MergeConflict,
    OidSyntax,
    PathEscape,
    SchemaError,
    WeakHash,
    WeftError,
    YamlAlias,
    YamlTag,
)
from weft.formats import lineage
from weft.model.lineage import MODES, Accepted, DataRef, Hidden, ParamsFile, Record, Reused, RunFacts
from weft.model.oid import Oid

OID = Oid.of(b"x")
BLOB = "abcdef0123456789abcdef0123456789abcdef01"
RUN = RunFacts("r1", "2026-01-31T12:00:00Z", "2026-01-31T12:00:01.25Z", 1.25, 0, {"max_rss": 4096, "cpu_user": 0.5})
BY_HAND = dataclasses.replace(RUN, resources={}, accepted=Accepted("labelled by hand", "A <a@b>"))
RICH = Record(
    stage="train@b",
    cmd=("python", "train.py", "", "--x=é\n"),
    spec=BLOB,
    wdir="sub",
    code={"src/train.py": BLOB, "src/a b.py": BLOB + "0" * 24},
    base=BLOB,
    dirty=True,
    snapshot="refs/weft/runs/r1",
    deps=(
        DataRef("data/a", "dir", OID, 10, 2, stage="prepare"),
        DataRef("data/b/c", "file", OID, 1, inside="data/b", whole=OID),
    ),
    outs=(DataRef("models/m", "file", OID, 5, executable=True),),
    params={"params.yaml": {"train.lr": 0.001, "num": 3, "l": [1, [None, "x"], {}], "e": {}}, "other.toml": {}},
    metrics={"metrics.json": {"acc": 0.5}},
    files={"metrics.json": BLOB},
    env={"python": "3.11.7", "lockfile": "uv.lock", "lockfile_blob": BLOB, "vars": {"A": "1", "B": None}},
    determinism={"seed": 0, "equal": "exact"},
    rationale="two\nlines",
    author="A B <a@b>",
    changed=("data/a",),
    reused=Reused("r0", BLOB, "C <c@d>"),
    run=RUN,
    modes={"src/a b.py": "link", "src/train.py": "x"},
    params_files={"params.yaml": ParamsFile(BLOB, ("num",)), "other.toml": ParamsFile("1" * 40)},
    hidden=Hidden(2, ("src/local.py", "src/more")),
)
PLAIN = Record(stage="a", cmd="true", spec=BLOB)
OLD = dataclasses.replace(
    RICH,
    deps=tuple(dataclasses.replace(ref, whole=None) for ref in RICH.deps),
    reused=Reused("r0"),
    modes={},
    params_files={},
    hidden=None,
    schema=1,
)

names = st.text("abz09_ é.", min_size=1, max_size=8).filter(lambda name: name.strip(".") and not name.endswith(" "))
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
blobs = st.sampled_from([BLOB, "f" * 40, "1" * 40, "0e" + "1" * 38, "a" * 64])
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.just({}))
files = st.dictionaries(paths, st.dictionaries(st.text(max_size=8), values, max_size=3), max_size=2)


@st.composite
def refs(draw: st.DrawFn) -> tuple[DataRef, ...]:
    found = []
    for path in sorted(draw(st.sets(paths, max_size=3))):
        folder = draw(st.booleans())
        size, count = draw(st.integers(0, 2**63 - 1)), draw(st.integers(0, 2**63 - 1))
        inside = path.rpartition("/")[0] if draw(st.booleans()) else ""
        stage = draw(st.sampled_from(["", "a", "b@1"]))
        whole = OID if inside else None
        if folder:
            found.append(DataRef(path, "dir", OID, size, count, False, inside, stage, whole))
        else:
            found.append(DataRef(path, "file", OID, size, 1, draw(st.booleans()), inside, stage, whole))
    return tuple(found)


records = st.builds(
    Record,
    stage=st.sampled_from(["train", "a.b-c", "x@y"]),
    cmd=st.one_of(st.text(min_size=1), st.lists(st.text(), min_size=1, max_size=3).map(tuple)),
    spec=blobs,
    wdir=st.one_of(st.just(""), paths),
    code=st.dictionaries(paths, blobs, max_size=3),
    base=st.one_of(st.just(""), blobs),
    dirty=st.booleans(),
    deps=refs(),
    outs=refs(),
    params=files,
    metrics=files,
    files=st.dictionaries(paths, blobs, max_size=2),
    env=st.fixed_dictionaries({}, optional={"python": st.just("3.11"), "vars": st.dictionaries(names, st.text())}),
    determinism=st.fixed_dictionaries({}, optional={"seed": st.integers(0, 99), "equal": st.just("close")}),
    rationale=st.text(max_size=9),
    author=st.text(max_size=9),
    changed=st.sets(paths, max_size=2).map(lambda some: tuple(sorted(some))),
    run=st.sampled_from([None, RUN, BY_HAND]),
    reused=st.sampled_from([None, Reused("r0"), Reused("r0", BLOB, "A <a@b>")]),
    modes=st.dictionaries(paths, st.sampled_from(MODES), max_size=2),
    params_files=st.dictionaries(
        paths,
        st.builds(ParamsFile, blobs, st.sets(names, max_size=2).map(lambda some: tuple(sorted(some)))),
        max_size=2,
    ),
    hidden=st.sets(paths, max_size=2).map(lambda some: Hidden(len(some), tuple(sorted(some))) if some else None),
)


def decode(data: bytes | str) -> Record:
    return lineage.decode(data.encode() if isinstance(data, str) else data, what="lineage/a.yaml")


@given(records)
def test_what_is_written_is_read_back(record: Record) -> None:
    signed = lineage.with_digest(record)
    data = lineage.encode(signed)
    assert decode(data) == signed
    assert repr(decode(data).params) == repr({f: dict(sorted(v.items())) for f, v in sorted(record.params.items())})
    assert lineage.digest_of_text(data) == lineage.digest(record) == signed.digest


@given(records, st.data())
def test_there_is_no_second_spelling(record: Record, data: st.DataObject) -> None:
    text = lineage.encode(lineage.with_digest(record)).decode()
    place = data.draw(st.integers(0, len(text)))
    other = text[:place] + data.draw(st.text(" \n\"'-:0a.#", max_size=2)) + text[place + data.draw(st.integers(0, 2)) :]
    try:
        found = decode(other)
    except WeftError:
        return
    assert lineage.encode(found).decode() == other


def test_a_record_with_everything() -> None:
    signed = lineage.with_digest(RICH)
    assert decode(lineage.encode(signed)) == dataclasses.replace(
        signed, code=dict(sorted(RICH.code.items())), params=dict(sorted(RICH.params.items()))
    )


def test_a_record_of_schema_1_is_read_and_stays_what_it_was() -> None:
    signed = lineage.with_digest(OLD)
    data = lineage.encode(signed)
    assert b"\nreused: r0\n" in data
    assert decode(data) == dataclasses.replace(
        signed, code=dict(sorted(OLD.code.items())), params=dict(sorted(OLD.params.items()))
    )
    assert lineage.digest_of_text(data) == signed.digest
    assert lineage.digest(dataclasses.replace(OLD, run=None)) == lineage.digest(OLD)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("metrics:\n", "modes:\n  src/train.py: x\nmetrics:\n"),
        ("reused: r0\n", "reused:\n  run: r0\n"),
        ("    inside: data/b\n", f"    inside: data/b\n    whole: {OID}\n"),
        ("params:\n", f"params_files:\n  params.yaml:\n    blob: {BLOB}\nparams:\n"),
        ("determinism:\n", "hidden:\n  count: 1\n  paths:\n    - a\ndeterminism:\n"),
    ],
)
def test_schema_1_has_nothing_of_schema_2(old: str, new: str) -> None:
    text = lineage.encode(lineage.with_digest(OLD)).decode()
    assert old in text
    with pytest.raises(SchemaError, match=r"not known|id of a run"):
        decode(text.replace(old, new, 1))


def test_the_digest_is_over_all_the_rest() -> None:
    first = lineage.digest(RICH)
    assert lineage.digest(lineage.with_digest(RICH)) == first
    for change in ({"id": "r2"}, {"exit": 137}, {"started": "2026-01-31T11:00:00Z"}, {"resources": {}}):
        assert lineage.digest(dataclasses.replace(RICH, run=dataclasses.replace(RUN, **change))) != first
    changes: dict[str, Any] = {
        field.name: getattr(PLAIN, field.name)
        for field in dataclasses.fields(Record)
        if field.name not in ("digest", "spec", "schema")
    }
    for name, value in (changes | {"spec": "f" * 40}).items():
        assert lineage.digest(dataclasses.replace(RICH, **{name: value})) != first, name


def test_nan_is_kept_and_infinity() -> None:
    record = dataclasses.replace(PLAIN, metrics={"m.json": {"a": math.nan, "b": -math.inf}})
    found = decode(lineage.encode(record)).metrics["m.json"]
    assert math.isnan(found["a"])
    assert found["b"] == -math.inf


def test_order_is_made_by_the_writer() -> None:
    turned = dataclasses.replace(RICH, deps=RICH.deps[::-1], changed=("z", "a", "z"))
    assert decode(lineage.encode(turned)).deps == RICH.deps
    assert decode(lineage.encode(turned)).changed == ("a", "z")
    with pytest.raises(SchemaError, match="twice"):
        lineage.encode(dataclasses.replace(RICH, outs=RICH.outs * 2))


TEXT = lineage.encode(lineage.with_digest(RICH)).decode()
REF = "  data/a:\n    files: 2\n"


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        ("schema: 2", "schema: 3", FormatVersion, "format 3"),
        ("schema: 2", "schema: 0", SchemaError, "schema"),
        ("schema: 2", "schema: true", SchemaError, "schema"),
        ("schema: 2\n", "", SchemaError, "'schema' is missing"),
        ("stage: train@b", "stage: ../x", SchemaError, "name of a stage"),
        ("stage: train@b", "stage: a//b", SchemaError, "name of a stage"),
        ("stage: train@b", "stage: a@b@c", SchemaError, "name of a stage"),
        ("reused:\n", "reusd:\n", SchemaError, "did you mean reused"),
        ("  run: r0", "  run: a/b", SchemaError, "id of a run"),
        ("  run: r0\n", "", SchemaError, "'run' is missing"),
        ("  commit: ", "  commit: x", SchemaError, "commit id"),
        ("  src/train.py: x", "  src/train.py: y", SchemaError, "x, link, submodule"),
        ("  src/train.py: x", "  ../train.py: x", PathEscape, "leaves"),
        ("  count: 2", "  count: 1", SchemaError, "than are counted"),
        ("  count: 2", "  count: 0", SchemaError, "from 1"),
        ("    - src/more\n", "    - /src/more\n", PathEscape, "absolute"),
        ("    unsure:\n      - num\n", "    unsure:\n      - 3\n", SchemaError, "string"),
        (f"    whole: {OID}\n", "", SchemaError, "whole"),
        ("    inside: data/b\n", "", SchemaError, "whole"),
        ("dirty: true", "dirty: false", SchemaError, "another"),
        ("dirty: true", 'dirty: "true"', SchemaError, "true or false"),
        ("dirty: true", "dirty: True", SchemaError, "another"),
        ("snapshot: refs/weft/runs/r1", "snapshot: refs/heads/main", SchemaError, "refs/weft/runs"),
        ("  src/train.py:", "  ../train.py:", PathEscape, "leaves"),
        ("wdir: sub", "wdir: /sub", PathEscape, "absolute"),
        ("wdir: sub", 'wdir: ""', SchemaError, "empty"),
        ("  src/train.py: " + BLOB, "  src/train.py: " + BLOB[:39], SchemaError, "blob id"),
        ("  src/train.py: " + BLOB, "  src/train.py: 12345", SchemaError, "blob id"),
        (REF, "  data/a:\n", SchemaError, "a directory has 'files'"),
        (REF, REF.replace("2", "-1"), SchemaError, "2\\^63"),
        (REF, REF + "    mode: x\n", SchemaError, "mode"),
        ("    mode: x\n", "    mode: y\n", SchemaError, "must be x"),
        ("inside: data/b", "inside: data/x", SchemaError, "not lie below"),
        ("    size: 10\n", "", SchemaError, "'size' is missing"),
        ("    type: dir", "    type: link", SchemaError, "file or dir"),
        (f"    oid: {OID}", "    oid: blake3:12", OidSyntax, "64 lower-case"),
        (f"    oid: {OID}", "    oid: md5:d41d8cd98f00b204e9800998ecf8427e", WeakHash, "md5"),
        ("    num: 3", "    num:\n      x: 3", SchemaError, "dotted"),
        ("        - null", "        -\n          a: 1", SchemaError, "dotted"),
        ("    num: 3", "    num: 3\n    num: 3", SchemaError, "twice"),
        ("    num: 3", "    num: &a 3", YamlAlias, "alias"),
        ("    num: 3", "    num: !!int 3", YamlTag, "tag"),
        ("    num: 3", "    num: 03", SchemaError, "another"),
        ("    num: 3", "    num: 3 # three", SchemaError, "another"),
        ("    num: 3", "    num: " + "9" * 5000, LimitExceeded, "digits"),
        ("    num: 3", "    num: " + "[" * 50 + "]" * 50, LimitExceeded, "deeper"),
        ("  equal: exact", "  equal: maybe", SchemaError, "exact, close, none"),
        ("  seed: 0", "  seed: 1.5", SchemaError, "integer"),
        ("    B: null", "    B: 3", SchemaError, "must be a string"),
        ("  duration: 1.25", "  duration: 1", SchemaError, "seconds"),
        ("  duration: 1.25", "  duration: .inf", SchemaError, "seconds"),
        ("  exit: 0\n", "", SchemaError, "'exit' is missing"),
        ("2026-01-31T12:00:00Z", "2026-01-31 12:00", SchemaError, "time"),
        ("    cpu_user: 0.5", "    cpu_user: x", SchemaError, "number"),
        ("    cpu_user: 0.5", "    cpu_user: -0.5", SchemaError, "number"),
        ("    cpu_user: 0.5", "    cpu_user: .inf", SchemaError, "number"),
        ("  id: r1", "  id: ../r1", SchemaError, "id of a run"),
        ("  - data/a\n", "  - data/b\n  - data/a\n", SchemaError, "another"),
        ("  lockfile: uv.lock", "  lockfile: /uv.lock", PathEscape, "absolute"),
        ("  lockfile_blob: " + BLOB, "  lockfile_blob: x", SchemaError, "blob id"),
        ("cmd:\n  - python", "cmd:\n  - 3", SchemaError, "word of a command"),
        ("author: ", "<<<<<<< HEAD\nauthor: ", MergeConflict, "merge"),
    ],
)
def test_what_is_refused(old: str, new: str, error: type[WeftError], said: str) -> None:
    assert old in TEXT
    before, _, after = TEXT.partition(old)
    with pytest.raises(error, match=said) as caught:
        decode(before + new + after)
    assert type(caught.value) is error
    assert caught.value.path == "lineage/a.yaml"
    near = before.count("\n") + 1
    assert caught.value.line in range(near - 6, near + 6) or "missing" in said


@pytest.mark.parametrize(
    "data", [b"", b"[]\n", b"a\n", b"\xef\xbb\xbf" + TEXT.encode(), TEXT.encode() + b"\0", b"\xff"]
)
def test_bytes_that_are_no_record(data: bytes) -> None:
    with pytest.raises(SchemaError):
        decode(data)


def test_empty_facts_are_left_out() -> None:
    bare = dataclasses.replace(PLAIN, run=dataclasses.replace(RUN, resources={}))
    assert b"resources" not in lineage.encode(bare)
    assert decode(lineage.encode(bare)) == bare


def test_other_spellings_name_the_line() -> None:
    with pytest.raises(SchemaError, match="one spelling") as caught:
        decode(TEXT.replace("stage: train@b", "stage: 'train@b'"))
    assert TEXT.splitlines()[caught.value.line - 1] == "stage: train@b"
    assert "weft repro train@b" in caught.value.hint
    with pytest.raises(SchemaError, match="another"):
        decode(TEXT[:-1])
    with pytest.raises(SchemaError, match="another"):
        decode(TEXT + "\n")


def test_the_limit_comes_first() -> None:
    with pytest.raises(LimitExceeded):
        decode(b"[" * (lineage.LIMIT + 1))
    with pytest.raises(LimitExceeded):
        lineage.encode(dataclasses.replace(PLAIN, rationale="x" * lineage.LIMIT))
    large = dataclasses.replace(PLAIN, code={f"src/{n:05}.py": BLOB for n in range(60_000)})
    assert len(decode(lineage.encode(large)).code) == 60_000


@pytest.mark.parametrize(
    "change",
    [{"stage": "../b"}, {"cmd": ()}, {"cmd": ""}, {"spec": ""}, {"code": {"../x": BLOB}}, {"env": {"host": "x"}}],
)
def test_a_false_record_is_not_written(change: dict[str, Any]) -> None:
    with pytest.raises(WeftError):
        lineage.encode(dataclasses.replace(PLAIN, **change))


def test_a_hook_reads_records_and_values_without_the_parsers_it_does_not_need() -> None:
    program = (
        "import sys\n"
        "from weft.formats import lineage, stagefile, values\n"
        "lineage.decode(sys.stdin.buffer.read(), what='r')\n"
        "assert values.read_values(b'a:\\n  b: 1\\n', 'p.yaml') == {'a.b': 1}\n"
        "print(sorted({'yaml', 'tomllib', 'json', 'difflib', 'click', 'fsspec'} & set(sys.modules)))\n"
    )
    # Measuring coverage imports some of them in every child.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, input=TEXT.encode(), env=plain, capture_output=True, check=True)
    assert done.stdout == b"[]\n"


def test_a_list_of_packages_is_named_by_path_and_blob_and_only_in_schema_2() -> None:
    name = "lineage/packages/0123456789abcdef.txt"
    env = {"interpreter": "uv run python", "packages_file": name, "packages_blob": BLOB}
    record = dataclasses.replace(RICH, env=env)
    assert lineage.decode(lineage.encode(record), what="r").env == env
    bad = [
        {"packages_file": name},
        {"packages_blob": BLOB},
        {**env, "packages_blob": "x"},
        {**env, "packages_file": "lineage/packages/../../.git/config"},
        {**env, "packages_file": "lineage/packages/0123456789ABCDEF.txt"},
        {**env, "packages_file": "src/0123456789abcdef.txt"},
    ]
    for one in bad:
        with pytest.raises(WeftError):
            lineage.encode(dataclasses.replace(record, env=one))
    with pytest.raises(SchemaError):
        lineage.encode(dataclasses.replace(OLD, env=env))


def test_outs_that_were_accepted() -> None:
    record = dataclasses.replace(PLAIN, run=BY_HAND)
    text = lineage.encode(record)
    block = b'  accepted:\n    author: "A <a@b>"\n    reason: labelled by hand\n'
    assert b"run:\n" + block in text
    assert decode(text).accepted == Accepted("labelled by hand", "A <a@b>")
    assert lineage.digest(record) != lineage.digest(dataclasses.replace(record, run=RUN))
    nobody = dataclasses.replace(PLAIN, run=dataclasses.replace(BY_HAND, accepted=Accepted("x")))
    assert b"  accepted:\n    reason: x\n" in lineage.encode(nobody)
    for change, said in (
        (text.replace(b"    reason: labelled by hand\n", b""), "'reason' is missing"),
        (text.replace(b"labelled by hand", b'""'), "must not be empty"),
        (text.replace(b"    reason", b"    reasons"), "did you mean reason"),
        (text.replace(b"schema: 2", b"schema: 1"), "accepted: this key is not known"),
    ):
        with pytest.raises(SchemaError, match=said):
            decode(change)
