"""Stage files: what is read, what is refused and where."""

from __future__ import annotations

import pytest

from weft.errors import (
    LimitExceeded,
    MergeConflict,
    PathChars,
    PathEscape,
    SchemaError,
    SecretRefused,
    WeftError,
    YamlTag,
)
from weft.formats import stagefile
from weft.model.stage import Ignore, Out, ParamSet, Stage, StageEnv

FULL = """\
# our pipeline
stages:
  train:
    cmd: python src/train.py
    deps: [data/prepared, src/train.py]
    params: [train.lr, {conf/model.toml: [depth, width]}, train.epochs, all.json: ]
    outs:
      - models/clf.pkl
      - models/log.txt: {cache: false}
      - cache/: {persist: true}
    metrics: [metrics.json]
    plots:
      - plots/roc.csv
      - plots/big: {cache: true}
    env: {lockfile: requirements.lock, image: "sha256:1", vars: [OMP_NUM_THREADS, TOKENIZERS_PARALLELISM]}
    determinism: {seed: 7, equal: close}
    desc: trains
    rationale: because
    frozen: true
    always_changed: true
  argv:
    cmd: [python, -c, "print(1)"]
validate:
  - {rule: WEFT013, path: "src/*.py", reason: generated}
"""


def decode(text: str) -> dict[str, Stage]:
    return stagefile.decode(text.encode())


def one(body: str) -> Stage:
    return decode("stages:\n  s:\n" + "".join(f"    {line}\n" for line in body.splitlines()))["s"]


def test_all_that_can_be_said() -> None:
    found = decode(FULL)
    assert list(found) == ["train", "argv"]
    train = found["train"]
    assert train == Stage(
        name="train",
        cmd="python src/train.py",
        deps=("data/prepared", "src/train.py"),
        params=(
            ParamSet("params.yaml", ("train.lr", "train.epochs")),
            ParamSet("conf/model.toml", ("depth", "width")),
            ParamSet("all.json"),
        ),
        outs=(
            Out("models/clf.pkl"),
            Out("models/log.txt", cache=False),
            Out("cache", persist=True),
            Out("metrics.json", "metrics", cache=False),
            Out("plots/roc.csv", "plots", cache=False),
            Out("plots/big", "plots"),
        ),
        env=StageEnv("requirements.lock", "sha256:1", ("OMP_NUM_THREADS", "TOKENIZERS_PARALLELISM")),
        seed=7,
        equal="close",
        desc="trains",
        rationale="because",
        frozen=True,
        always=True,
        line=3,
    )
    assert found["argv"].cmd == ("python", "-c", "print(1)")
    assert found["argv"].line == 21
    assert stagefile.decode_ignores(FULL.encode()) == (Ignore("WEFT013", "src/*.py", "generated", 24),)


@pytest.mark.parametrize("text", ["", "# nothing\n", "stages:\n", "stages: {}\n", "validate: []\n"])
def test_no_stages(text: str) -> None:
    assert decode(text) == {}
    assert stagefile.decode_ignores(text.encode()) == ()


def test_paths_start_in_the_directory_of_the_command() -> None:
    stage = one("cmd: x\nwdir: ./a/b/\ndeps: [c, ../d, ./e/]\nouts: [f]\nparams: [k]\nenv: {lockfile: ../../l}")
    assert stage.wdir == "a/b"
    assert stage.deps == ("a/b/c", "a/d", "a/b/e")
    assert stage.outs == (Out("a/b/f"),)
    assert stage.params == (ParamSet("a/b/params.yaml", ("k",)),)
    assert stage.env.lockfile == "l"
    assert one("cmd: x\nwdir: .").wdir == ""


def test_a_whole_params_file_wins_over_keys_of_it() -> None:
    assert one("cmd: x\nparams: [a, params.yaml: ]").params == (ParamSet("params.yaml"),)
    assert one("cmd: x\nparams: [params.yaml: , a]").params == (ParamSet("params.yaml"),)
    assert one("cmd: x\nparams: {p.toml: [b, a, b]}").params == (ParamSet("p.toml", ("b", "a")),)


def test_the_text_is_of_what_a_run_depends_on() -> None:
    base = one("cmd: x\ndeps: [b, a]\nparams: [q, p]\nouts: [o]")
    assert stagefile.stage_text(base) == (
        b"cmd: x\ndeps:\n  - a\n  - b\nouts:\n  - o\nparams:\n  params.yaml:\n    - p\n    - q\n"
    )
    same = [
        "cmd: x\ndeps: [a, ./b]\nparams: [p, q]\nouts: [o: {cache: true}]",
        "desc: d\nrationale: r\nfrozen: true\nalways_changed: true\ncmd: 'x'\ndeps: [a, b]\nparams: {params.yaml: [p, q]}\n"
        "outs: [o: ]",
    ]
    for body in same:
        assert stagefile.stage_text(one(body)) == stagefile.stage_text(base)
    for change in ("wdir: sub", "env: {vars: [A]}", "determinism: {seed: 0}", "metrics: [m]"):
        other = one(f"cmd: x\ndeps: [b, a]\nparams: [q, p]\nouts: [o]\n{change}")
        assert stagefile.stage_text(other) != stagefile.stage_text(base)
    sorted_outs = stagefile.stage_text(one("cmd: x\nouts: [{ac: {cache: false}}, ab, aa]"))
    assert b"  - aa\n  - ab\n  -\n    ac:\n" in sorted_outs


# --- foreach ---------------------------------------------------------------------------------------------------------


def test_foreach_over_a_list() -> None:
    found = decode(
        """\
stages:
  prep:
    foreach: [us, 2024, 0.5, true]
    do:
      cmd: prep ${item} --key ${key}
      deps: ["raw/${item}.csv"]
      outs: [{"out/${item}": {persist: true}}]
"""
    )
    assert list(found) == ["prep@us", "prep@2024", "prep@0.5", "prep@true"]
    stage = found["prep@2024"]
    assert stage.cmd == "prep 2024 --key 2024"
    assert stage.deps == ("raw/2024.csv",)
    assert stage.outs == (Out("out/2024", persist=True),)
    assert stage.line == 2


def test_foreach_over_mappings() -> None:
    text = """\
stages:
  a:
    foreach:
      x: {lr: 0.1, deep: {n: 3}}
      2: {lr: 1e-3, deep: {n: 4}}
    do: {cmd: "t ${key} ${item.lr} ${item.deep.n}"}
  b:
    foreach: [{k: v}, {k: w}]
    do: {cmd: "t ${key} ${item.k}", determinism: {seed: 3}}
  c:
    foreach: [1, 2]
    do: {cmd: c, determinism: {seed: "${item}"}}
"""
    found = decode(text)
    assert {name: stage.cmd for name, stage in found.items()} == {
        "a@x": "t x 0.1 3",
        "a@2": "t 2 0.001 4",
        "b@0": "t 0 v",
        "b@1": "t 1 w",
        "c@1": "c",
        "c@2": "c",
    }
    assert found["c@2"].seed == 2


FOREACH = "stages:\n  a:\n    foreach: {items}\n    do:\n      cmd: {cmd}\n"


@pytest.mark.parametrize(
    ("items", "cmd", "said"),
    [
        ("[x]", '"${home}"', "cannot be replaced"),
        ("[x]", '"${item"', "cannot be replaced"),
        ("[x]", '"${key.a}"', "no such key"),
        ("[x]", '"${}"', "cannot be replaced"),
        ("[x]", '"${itm}"', "cannot be replaced"),
        ("[x]", '"${a:-b}"', "cannot be replaced"),
        ("[x]", '"${item.a}"', "no such key"),
        ("[abc]", '"${item.a}"', "no such key"),
        ("[x]", "c\n      1: d", "not a string"),
        ("[{a: 1}]", '"${item.b}"', "no such key"),
        ("[{a: [1]}]", '"${item.a}"', "cannot stand inside a text"),
        ("[{a: 1}]", 'x\n      deps: ["${item}"]', "cannot stand inside a text"),
        ("{a: }", '"${item}"', "cannot stand inside a text"),
        ("x", "x", "a list or a mapping"),
        ("[a/b]", "x", "name of a stage"),
        ("['']", "x", "name of a stage"),
        ("[x, x]", "x", "two stages"),
        ("[x, X]", "x", "two stages"),
        ("[1, '1']", "x", "two stages"),
    ],
)
def test_foreach_refusals(items: str, cmd: str, said: str) -> None:
    with pytest.raises(SchemaError, match=said) as caught:
        decode(FOREACH.replace("{items}", items).replace("{cmd}", cmd))
    assert caught.value.line in (2, 3, 5, 6)


def test_foreach_needs_do_and_nothing_else() -> None:
    for text in ("{foreach: [a]}", "{foreach: [a], do: {cmd: x}, deps: [a]}", "{do: {cmd: x}}"):
        with pytest.raises(SchemaError):
            decode(f"stages:\n  a: {text}\n")


def test_foreach_cannot_say_more_than_its_budget() -> None:
    item = "x" * 100_000
    bombs = [
        f"stages:\n  a:\n    foreach: {{k: {item}}}\n    do: {{cmd: '{'${item}' * 10_000}'}}\n",
        f"stages:\n  a:\n    foreach: {list(range(5000))}\n    do: {{cmd: '{'y' * 10_000}'}}\n",
        f"stages:\n  a:\n    foreach: {list(range(9000))}\n    do: {{cmd: x, deps: {[[]] * 9000}}}\n",
    ]
    for text in bombs:
        with pytest.raises(WeftError):
            decode(text)
    with pytest.raises(LimitExceeded):
        decode(bombs[0])
    with pytest.raises(LimitExceeded, match="stages"):
        decode(f"stages:\n  a:\n    foreach: {list(range(10_001))}\n    do: {{cmd: x}}\n")


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "error", "line", "said"),
    [
        ("deps: [a]", SchemaError, 2, "'cmd' is missing"),
        ("cmds: x", SchemaError, 3, "did you mean cmd"),
        ("cmd: x\nout: [a]", SchemaError, 4, "did you mean outs"),
        ("cmd: x\nmatrix: {}", SchemaError, 4, "a list at least"),
        ("cmd: ''", SchemaError, 3, "empty"),
        ("cmd: '  '", SchemaError, 3, "empty"),
        ("cmd: []", SchemaError, 3, "string"),
        ("cmd: ['']", SchemaError, 3, "program"),
        ("cmd: [python, 3]", SchemaError, 3, "quotes"),
        ("cmd: 3", SchemaError, 3, "a number"),
        ('cmd: "a\\0b"', SchemaError, 3, "NUL"),
        ('cmd: "x ${train.lr}"', SchemaError, 3, "neither params.yaml nor vars"),
        ("cmd: x\ndeps: a", SchemaError, 4, "must be a list"),
        ("cmd: x\ndeps:\n- a\n- /abs", PathEscape, 6, "absolute"),
        ("cmd: x\ndeps: [../a]", PathEscape, 4, "leaves"),
        ("cmd: x\ndeps: [..]", PathEscape, 4, "leaves"),
        ("cmd: x\ndeps: ['C:/a']", PathEscape, 4, "absolute"),
        ("cmd: x\ndeps: ['a\\b']", PathChars, 4, "backslash"),
        ("cmd: x\ndeps: [.]", SchemaError, 4, "root"),
        ("cmd: x\ndeps: [a/..]", SchemaError, 4, "root"),
        ("cmd: x\ndeps: [3]", SchemaError, 4, "a number"),
        ("cmd: x\ndeps: ['a/${x}']", SchemaError, 4, "cannot be replaced"),
        ("cmd: x\ndeps:\n- a\n- ./a", SchemaError, 6, "twice"),
        ("cmd: x\nouts:\n- a\nmetrics:\n- a", SchemaError, 7, "twice"),
        ("cmd: x\nouts: [a: {cach: false}]", SchemaError, 4, "did you mean cache"),
        ("cmd: x\nouts: [a: {cache: no}]", SchemaError, 4, "true or false"),
        ("cmd: x\nouts: [[a]]", SchemaError, 4, "a list"),
        ("cmd: x\nparams: [3]", SchemaError, 4, "a number"),
        ("cmd: x\nparams: [{a.yaml: b}]", SchemaError, 4, "must be a list"),
        ("cmd: x\nparams: [{/a.yaml: [b]}]", PathEscape, 4, "absolute"),
        ("cmd: x\nwdir: ..", PathEscape, 4, "leaves"),
        ("cmd: x\nwdir: [a]", SchemaError, 4, "a list"),
        ("cmd: x\nfrozen: yes", SchemaError, 4, "true or false"),
        ("cmd: x\ndesc: 3", SchemaError, 4, "a number"),
        ("cmd: x\nenv: {vars: [A-B]}", SchemaError, 4, "variable"),
        ("cmd: x\nenv: {vars: [AWS_SECRET_ACCESS_KEY]}", SecretRefused, 4, "record"),
        ("cmd: x\nenv: {vars: [HF_TOKEN]}", SecretRefused, 4, "record"),
        ("cmd: x\nenv: {vars: [db_password]}", SecretRefused, 4, "record"),
        ("cmd: x\nenv: {var: [A]}", SchemaError, 4, "did you mean vars"),
        ("cmd: x\ndeterminism: {seed: -1}", SchemaError, 4, "integer"),
        ("cmd: x\ndeterminism: {equal: same}", SchemaError, 4, "exact"),
        ("cmd: x\ncmd: y", SchemaError, 4, "twice"),
        ("cmd: *a", SchemaError, 3, "no anchor 'a'"),
        ("cmd: !!python/name:os.system x", YamlTag, 3, "tag"),
        ("cmd: x\n1: y", SchemaError, 4, "not a string"),
        ("cmd: x\ndeps: [a", SchemaError, 5, "expected"),
        ("cmd: x\ndeps: " + "[" * 40 + "]" * 40, LimitExceeded, 4, "deeper"),
        ("cmd: x\ndeterminism: {seed: " + "9" * 500 + "}", LimitExceeded, 4, "digits"),
    ],
)
def test_what_is_refused(body: str, error: type[WeftError], line: int, said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        one(body)
    assert type(caught.value) is error
    assert (caught.value.path, caught.value.line) == ("weft.yaml", line)
    assert f"weft.yaml, line {line}" in caught.value.message


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]\n", SchemaError),
        ("stages: []\n", SchemaError),
        ("stages:\n  a: x\n", SchemaError),
        ("stages:\n  a:\n", SchemaError),
        ("stages:\n  a/b: {cmd: x}\n", SchemaError),
        ("stages:\n  ../../x: {cmd: x}\n", SchemaError),
        ("stages:\n  -x: {cmd: x}\n", SchemaError),
        ("stages:\n  .x: {cmd: x}\n", SchemaError),
        ("stages:\n  1: {cmd: x}\n", SchemaError),
        ("stages:\n  a: {cmd: x}\n  A: {cmd: x}\n", SchemaError),
        ("stages:\n  " + "a" * 101 + ": {cmd: x}\n", SchemaError),
        ("stage:\n  a: {cmd: x}\n", SchemaError),
        ("vars: [1]\n", SchemaError),
        ("vars: a\n", SchemaError),
        ("vars: [../a.yaml]\n", PathEscape),
        ("validate: {stale: warn}\n", SchemaError),
        ("validate: {ignores: []}\n", SchemaError),
        ("validate: 1\n", SchemaError),
        ("validate:\n- {rule: WEFT013, path: a}\n", SchemaError),
        ("validate:\n- {rule: WEFT013, path: a, reason: ' '}\n", SchemaError),
        ("validate:\n- {rule: weft13, path: a, reason: b}\n", SchemaError),
        ("validate:\n- {rule: WEFT013, path: a, reason: b, all: true}\n", SchemaError),
        ("\ufeffstages: {}\n", SchemaError),
        ("stages: {}\0\n", SchemaError),
        ("stages: {}\n---\nstages: {}\n", SchemaError),
        ("<<<<<<< HEAD\nstages: {}\n=======\n>>>>>>> b\n", MergeConflict),
        ("#" * (1 << 20) + "\n", LimitExceeded),
    ],
)
def test_files_that_are_refused(text: str, error: type[WeftError]) -> None:
    with pytest.raises(error) as caught:
        decode(text)
    assert type(caught.value) is error
    assert caught.value.path == "weft.yaml"


def test_validate_as_a_mapping() -> None:
    text = b"validate:\n  stale: error\n  ignore:\n  - {rule: WEFT003, path: a, reason: b}\n"
    assert stagefile.refuses_stale(text)
    assert stagefile.decode_ignores(text) == (Ignore("WEFT003", "a", "b", 4),)
    assert not stagefile.refuses_stale(b"validate:\n- {rule: WEFT003, path: a, reason: b}\n")
    assert not stagefile.refuses_stale(b"validate: {ignore: }\n")
