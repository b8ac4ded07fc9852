"""``${...}`` in a stage file: what is put in, what is left alone, and what is refused."""

from __future__ import annotations

import itertools
import json
import re
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import LimitExceeded, SchemaError, ValuesFault, WeftError
from weft.formats import stagefile, valuefiles, yaml12
from weft.model.stage import Out, ParamSet, Stage

PARAMS = b"lr: 0.1\nname: base\nflag: true\nseed: 7\nnothing:\ntrain: {epochs: 3, sizes: [10, 20], deep: {a b: x}}\n"


def decode(text: str, files: Mapping[str, bytes] | None = None) -> dict[str, Stage]:
    known = {"params.yaml": PARAMS} if files is None else files
    return stagefile.decode(text.encode(), read=known.get)


def one(body: str, files: Mapping[str, bytes] | None = None, top: str = "") -> Stage:
    return decode(f"{top}stages:\n  s:\n" + "".join(f"    {line}\n" for line in body.splitlines()), files)["s"]


def cmd(text: str) -> Any:
    return one(f"cmd: {text}").cmd


def test_a_value_stands_in_every_part_of_a_stage() -> None:
    stage = one(
        """\
cmd: python train.py --lr ${lr} --epochs ${train.epochs} --first ${train.sizes[0]} ${train.sizes.1}
wdir: w/${name}
deps: ["${name}.csv", plain]
outs: [{"${name}.bin": {persist: "${flag}"}}]
metrics: ["${name}.json"]
params: [{"${name}.toml": ["k.${name}"]}]
env: {lockfile: "${name}.lock"}
determinism: {seed: "${seed}"}
always_changed: ${flag}
"""
    )
    assert stage.cmd == "python train.py --lr 0.1 --epochs 3 --first 10 20"
    assert stage.wdir == "w/base"
    assert stage.deps == ("w/base/base.csv", "w/base/plain")
    assert stage.outs == (Out("w/base/base.bin", persist=True), Out("w/base/base.json", "metrics", cache=False))
    assert stage.env.lockfile == "w/base/base.lock"
    assert stage.seed == 7
    assert stage.always
    assert stage.params == (
        ParamSet("w/base/base.toml", ("k.base",)),
        ParamSet("params.yaml", ("lr", "train.epochs", "train.sizes", "name", "flag", "seed")),
    )


def test_what_is_put_in_counts_as_a_param_and_in_the_text() -> None:
    before = one("cmd: x ${lr}\nparams: [train.epochs]")
    assert before.params == (ParamSet("params.yaml", ("train.epochs", "lr")),)
    text = stagefile.stage_text(before)
    assert text == stagefile.stage_text(one("cmd: x 0.1\nparams: [train.epochs, lr]"))
    changed = one("cmd: x ${lr}\nparams: [train.epochs]", {"params.yaml": PARAMS.replace(b"0.1", b"0.2")})
    assert stagefile.stage_text(changed) != text


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("x ${HOME} $lr $(y)", "x ${HOME} $lr $(y)"),
        ("x $${lr} \\${name} $${a.b} $${f}", "x ${lr} ${name} ${a.b} ${f}"),
        ("x ${lr:-1} ${f%.csv} ${#a} ${lr", "x ${lr:-1} ${f%.csv} ${#a} ${lr"),
        ("x ${ lr }", "x 0.1"),
        ("x ${train}", "x --epochs 3 --sizes 10 20 --deep.a b x".replace("--deep.a b", "'--deep.a b'")),
        ("[x, '${lr}', '${HOME}', '$${lr}']", ("x", "0.1", "${HOME}", "${lr}")),
    ],
)
def test_what_a_command_comes_to(text: str, made: Any) -> None:
    assert cmd(text) == made
    assert one(f"cmd: {text}").unresolved == ""


def test_options_of_flags_and_nothing() -> None:
    files = {"params.yaml": b"o: {a: true, b: false, c: , d: 'x y', e: [1, 'p q']}\n"}
    assert one("cmd: x ${o}", files).cmd == "x --a --d 'x y' --e 1 'p q'"


def test_a_name_that_is_nowhere_is_marked_for_who_runs_it() -> None:
    stage = one("cmd: for f in a; do echo ${f} ${g}; done")
    assert stage.cmd == "for f in a; do echo ${f} ${g}; done"
    assert stage.unresolved == "${f}"
    assert one("cmd: x ${lr}", {}).unresolved == "${lr}"


def test_notes_are_filled_where_they_can_be() -> None:
    stage = one("cmd: x\ndesc: with ${lr} and ${more}\nrationale: ${HOME}")
    assert stage.desc == "with 0.1 and ${more}"
    assert stage.rationale == "${HOME}"


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("cmd: x ${train.epoch}", 3, "no such key in 'train'"),
        ("cmd: x ${lr.a}", 3, "no such key in 'lr'"),
        ("cmd: x ${train.sizes[2]}", 3, "no such key"),
        ("cmd: x ${trian.epochs}", 3, "did you mean train"),
        ("cmd: x ${a[@]}", 3, "cannot be replaced"),
        ("cmd: x ${nothing}", 3, "nothing, which cannot stand"),
        ("cmd: x ${train.sizes}", 3, "a list, which cannot stand"),
        ("cmd: x\ndeps: ['${train}']", 4, "a mapping, which cannot stand"),
        ("cmd: x\ndeps: ['${HOME}/a']", 4, "cannot be replaced"),
        ("cmd: x\ndeps: ['a/${name']", 4, "cannot be replaced"),
        ("cmd: x\ndeps: [b, base, '${name}']", 4, "twice"),
        ("cmd: x\nparams: {'${name}': [a], base: [b]}", 4, "the same once they are filled"),
        ("cmd: x\ndeterminism: {seed: '${lr}'}", 4, "integer"),
        ("cmd: x\nouts: ['../${name}']", 4, "leaves"),
    ],
)
def test_refusals(body: str, line: int, said: str) -> None:
    with pytest.raises(WeftError, match=said) as caught:
        one(body)
    assert caught.value.line == line
    assert caught.value.path == "weft.yaml"


# --- vars ------------------------------------------------------------------------------------------------------------

FILES = {
    "params.yaml": b"lr: 0.1\n",
    "conf/a.toml": b"depth = 3\n[opt]\nname = 'sgd'\n",
    "w/b.json": b'{"c": 1, "d": 2}',
}


def test_vars_of_the_file_and_of_a_stage() -> None:
    top = "vars:\n  - conf/a.toml\n  - {width: 5}\n"
    stage = one("cmd: x ${depth} ${opt.name} ${width} ${lr} ${c}\nwdir: w\nvars: [b.json:c, {own: 1}]", FILES, top)
    assert stage.cmd == "x 3 sgd 5 0.1 1"
    assert stage.params == (
        ParamSet("conf/a.toml", ("depth", "opt.name")),
        ParamSet("params.yaml", ("lr",)),
        ParamSet("w/b.json", ("c",)),
    )
    assert one("cmd: x ${width}", FILES, "vars: {width: 5}\n").cmd == "x 5"
    assert one("cmd: x ${lr}", FILES, "vars: ['params.yaml:lr']\n").cmd == "x 0.1"
    assert one("cmd: x ${d}", FILES, "").unresolved == "${d}"


@pytest.mark.parametrize(
    ("top", "body", "said"),
    [
        ("vars: [none.yaml]\n", "cmd: x ${lr}", "none.yaml is not there"),
        ("vars: ['conf/a.toml:width']\n", "cmd: x ${lr}", "no value 'width'"),
        ("vars: [{lr: 2}]\n", "cmd: x ${lr}", "'lr' is given twice, by params.yaml and by vars"),
        ("vars: [{a: 1}, {a: 1}]\n", "cmd: x ${a}", "'a' is given twice"),
        ("vars: {a: 1}\n", "cmd: x ${a}\nvars: {a: 2}", "'a' is given twice"),
        ("vars: [conf]\n", "cmd: x ${a}", "conf"),
        ("", "cmd: x\nvars: 1", "must be a list"),
    ],
)
def test_vars_that_are_refused(top: str, body: str, said: str) -> None:
    with pytest.raises(WeftError, match=said) as caught:
        one(body, {**FILES, "conf": b"x"}, top)
    assert caught.value.line > 0


def test_without_templates_no_file_is_read() -> None:
    def read(path: str) -> bytes:
        raise AssertionError(path)

    text = b"vars: [none.yaml]\nstages:\n  s: {cmd: x $lr}\n  g:\n    foreach: [a]\n    do: {cmd: 'y ${item} ${key}'}\n"
    assert list(stagefile.decode(text, read=read)) == ["s", "g@a"]


def test_a_broken_file_of_values_is_named_where_it_is_needed() -> None:
    with pytest.raises(ValuesFault, match=r"^params.yaml, line 2"):
        one("cmd: x ${lr}", {"params.yaml": b"lr: [\n"})


def test_templates_of_a_file_that_a_stage_writes_are_refused() -> None:
    with pytest.raises(SchemaError, match="which the stage b writes"):
        decode("stages:\n  a: {cmd: 'x ${lr}'}\n  b: {cmd: y, metrics: [params.yaml]}\n")


# --- groups ----------------------------------------------------------------------------------------------------------


def test_foreach_over_a_value_mixed_with_others() -> None:
    files = {"params.yaml": b"list: [a, b]\nmap: {x: {lr: 1}, y: {lr: 2}}\nout: o\n"}
    found = decode(
        "stages:\n  l:\n    foreach: ${list}\n    do: {cmd: 'x ${item} ${out}', outs: ['${out}/${item}']}\n"
        "  m:\n    foreach: ${map}\n    do: {cmd: 'y ${key} ${item.lr} ${HOME}'}\n"
        "  n:\n    foreach: ['${out}', c]\n    do: {cmd: 'z ${item}'}\n",
        files,
    )
    assert {name: stage.cmd for name, stage in found.items()} == {
        "l@a": "x a o",
        "l@b": "x b o",
        "m@x": "y x 1 ${HOME}",
        "m@y": "y y 2 ${HOME}",
        "n@o": "z o",
        "n@c": "z c",
    }
    assert found["l@a"].params == (ParamSet("params.yaml", ("out",)),), "the others of the list are no param of it"


def test_item_and_key_win_over_values_of_that_name() -> None:
    files = {"params.yaml": b"item: no\nkey: no\n"}
    text = "stages:\n  g:\n    foreach: [a]\n    do: {cmd: 'x ${item} ${key} $${item} $${z}'}\n"
    assert decode(text, files)["g@a"].cmd == "x a a $a ${z}"


def test_matrix() -> None:
    files = {"params.yaml": b"models: [cnn, {deep: 2}]\nlr: 1\n"}
    found = decode(
        "stages:\n  t:\n    matrix:\n      model: ${models}\n      size: [1, 0.5]\n"
        "    cmd: x ${key} ${item.size} ${lr}\n    outs: ['o/${key}']\n",
        files,
    )
    assert {name: stage.cmd for name, stage in found.items()} == {
        "t@cnn-1": "x cnn-1 1 1",
        "t@cnn-0.5": "x cnn-0.5 0.5 1",
        "t@model1-1": "x model1-1 1 1",
        "t@model1-0.5": "x model1-0.5 0.5 1",
    }
    assert found["t@cnn-1"].line == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("matrix: [a]\ncmd: x", "must be a mapping"),
        ("matrix: {a: b}\ncmd: x", "must be a list"),
        ("matrix: {a: [b]}", "'cmd' is missing"),
        ("matrix: {a: [b]}\ndo: {cmd: x}", "not known"),
        ("matrix: {a: [b/c]}\ncmd: x", "name of a stage"),
        ("matrix: {a: [x-y, x], b: [z, y-z]}\ncmd: x", "two stages"),
        ("foreach: ${nowhere}\ndo: {cmd: x}", "cannot be replaced"),
        ("foreach: ${lr}\ndo: {cmd: x}", "must be a list or a mapping"),
    ],
)
def test_groups_that_are_refused(body: str, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        one(body)


def test_a_matrix_cannot_say_more_than_its_bounds() -> None:
    axes = ", ".join(f"a{n}: {list(range(10))}" for n in range(9))
    with pytest.raises(LimitExceeded, match="more than 10000 stages"):
        one(f"matrix: {{{axes}}}\ncmd: x")
    with pytest.raises(LimitExceeded, match="characters"):
        one("cmd: " + "${big}" * 100, {"params.yaml": b"big: " + b"x" * 500_000 + b"\n"})


# --- where no file is at hand ----------------------------------------------------------------------------------------


def test_what_is_not_filled_stays_as_it_is_written() -> None:
    text = (
        "stages:\n  a: {cmd: 'x ${lr}', deps: ['${d}/e'], determinism: {seed: '${s}'}}\n"
        "  b:\n    foreach: ${list}\n    do: {cmd: 'y ${item}'}\n  c:\n    foreach: [p]\n    do: {cmd: 'z ${item} ${lr}'}\n"
    )
    found = stagefile.decode_unfilled(text.encode())
    assert list(found) == ["a", "c@p"]
    assert (found["a"].cmd, found["a"].deps) == ("x ${lr}", ("${d}/e",))
    assert found["c@p"].cmd == "z p ${lr}"


# --- against another way to say the same -----------------------------------------------------------------------------

_WORDS = st.text("abcxyz", min_size=1, max_size=4)
_SCALARS = st.one_of(st.integers(-99, 99), st.booleans(), _WORDS, st.sampled_from([0.5, 1e-05, 2.0]))
_NAMES = st.sampled_from(["p", "q", "r"])
_PIECES = st.lists(
    st.one_of(
        _NAMES.map(lambda n: f"${{{n}}}"),
        _NAMES.map(lambda n: f"$${{{n}}}"),
        st.sampled_from([" ", "-", "$x", "${HOME}"]),
    ),
    max_size=6,
)


def _spelled(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _oracle(text: str, known: Mapping[str, Any]) -> str:
    """Token by token: an escaped template loses its first sign, a known one becomes its value."""
    made = ""
    for token in re.findall(r"\$\$\{\w+\}|\$\{\w+\}|.", text):
        if token.startswith("$${"):
            made += token[1:]
        elif token.startswith("${") and token[2:-1] in known:
            made += _spelled(known[token[2:-1]])
        else:
            made += token
    return made


@given(values=st.fixed_dictionaries({"p": _SCALARS, "q": _SCALARS, "r": _SCALARS}), pieces=_PIECES)
def test_filling_is_what_an_oracle_says(values: dict[str, Any], pieces: list[str]) -> None:
    text = "x " + "".join(pieces) + "."
    files = {"params.yaml": yaml12.dump(values)}
    data = yaml12.dump({"stages": {"s": {"cmd": text, "desc": text}}})
    stage = stagefile.decode(data, read=files.get)["s"]
    assert stage.cmd == stage.desc == _oracle(text, values)
    # Written out, it is the same stage but for the params that it names of itself.
    used = {name for name in values if f"${{{name}}}" in text.replace("$${", "")}
    assert {key for one in stage.params for key in one.keys} == used
    plain = {"cmd": stage.cmd.replace("${", "$${").replace("$${HOME}", "${HOME}"), "params": sorted(used)}
    again = stagefile.decode(yaml12.dump({"stages": {"s": {k: v for k, v in plain.items() if v}}}), read=files.get)["s"]
    assert stagefile.stage_text(again) == stagefile.stage_text(stage)


@given(
    axes=st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.lists(_WORDS, min_size=1, max_size=3, unique=True), min_size=1
    )
)
def test_a_matrix_is_the_product_of_its_axes(axes: dict[str, list[str]]) -> None:
    template = " ".join(f"{axis}=${{item.{axis}}}" for axis in axes)
    data = yaml12.dump({"stages": {"s": {"matrix": axes, "cmd": f"x {template}"}}})
    wanted = {
        "s@" + "-".join(chosen): "x " + " ".join(f"{axis}={value}" for axis, value in zip(axes, chosen, strict=True))
        for chosen in itertools.product(*axes.values())
    }
    assert {name: stage.cmd for name, stage in stagefile.decode(data).items()} == wanted


@given(pieces=_PIECES, other=_PIECES)
def test_what_is_written_for_a_stage_is_read_back(pieces: list[str], other: list[str]) -> None:
    """The command line gives templates as they are; the file says them, and every other byte stays."""
    files = {"params.yaml": b"p: 1\nq: two\nr: 0.5\n"}
    data = yaml12.dump({"stages": {"old": {"cmd": "y " + "".join(other) + "."}, "s": {"cmd": "z ${p}"}}})
    stage = Stage("s", "x " + "".join(pieces) + ".", outs=(Out("o/${q}"),))
    made = stagefile.upsert(data, stage, read=files.get)
    assert stagefile.tree(made)["stages"]["s"] == {"cmd": stage.cmd, "outs": ["o/${q}"]}
    found = stagefile.decode(made, read=files.get)
    assert found["s"].outs == (Out("o/two"),)
    assert stagefile.stage_text(found["old"]) == stagefile.stage_text(stagefile.decode(data, read=files.get)["old"])


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_a_mapping_in_a_command_is_paid_for_word_by_word() -> None:
    value: dict[str, Any] = {f"k{number}": 1 for number in range(3_000)}
    for _ in range(20):
        value = {"x" * 18_000: value}
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded, match="characters") as caught:
            one("cmd: sh train.sh ${m}", {"p.json": json.dumps({"m": value}).encode()}, "vars: [p.json]\n")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.line == 4
    assert most < 100 << 20, "what is over the bound must not be made first"
    many = {"m": {"l": ["a" * 900_000] * 1}, "short": {"l": [1] * 1000}}
    assert (
        len(one("cmd: x ${short}", {"p.json": json.dumps(many).encode()}, "vars: [p.json]\n").cmd) == 2 + 3 + 1000 * 2
    )


@pytest.mark.parametrize("body", ["cmd: [%s]", "cmd: x, deps: [%s]", "cmd: x, env: {vars: [%s]}"])
def test_many_short_values_cost_more_than_their_letters(body: str) -> None:
    inner = body % ", ".join(f"a{number}" for number in range(790))
    numbers = ", ".join(map(str, range(10_000)))
    with pytest.raises(LimitExceeded, match="16th of that in values"):
        decode(f"stages: {{s: {{foreach: [{numbers}], do: {{{inner}, outs: ['x${{item}}']}}}}}}")


def test_each_member_of_a_group_pays_for_its_own_vars() -> None:
    numbers = ", ".join(map(str, range(9_000)))
    files = {"p.json": json.dumps({f"k{number}": number for number in range(1_000)}).encode()}
    group = f"stages: {{s: {{foreach: [{numbers}], do: {{vars: [%s], cmd: 'x ${{item}} ${{k1}}'}}}}}}"
    with pytest.raises(LimitExceeded, match="characters"):
        decode(group % "p.json", files)
    listed = ", ".join(f"'p.json:k{number}'" for number in range(500))
    with pytest.raises(LimitExceeded, match="characters"):
        decode((group % listed).replace(" ${k1}", ""), files)
    assert len(decode(group.replace(numbers, "1, 2, 3") % "p.json", files)) == 3


def test_ten_thousand_members_of_a_usual_size_are_read() -> None:
    numbers = ", ".join(map(str, range(10_000)))
    body = "cmd: 'python t.py ${item}', deps: [t.py, data, 'd/${item}'], outs: ['o/${item}'], metrics: ['${item}.json']"
    assert len(decode(f"stages: {{s: {{foreach: [{numbers}], do: {{{body}}}}}}}")) == 10_000


def test_the_files_of_templates_are_bounded_and_the_same_bytes_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    real = valuefiles.parse
    monkeypatch.setattr(valuefiles, "parse", lambda data, name: parsed.append(name) or real(data, name))

    def named(count: int, data: bytes) -> Stage:
        names = ", ".join(f"'p{number}.json:k{number}'" for number in range(count))
        return one("cmd: x ${k0}", {f"p{number}.json": data for number in range(count)}, f"vars: [{names}]\n")

    small = json.dumps({f"k{number}": number for number in range(200)}).encode()
    assert named(99, small).cmd == "x 0"
    assert parsed == ["p0.json"]
    with pytest.raises(LimitExceeded, match="more than 100 files"):
        named(101, small)
    large = json.dumps({**{f"k{number}": number for number in range(200)}, "pad": "x" * 900_000}).encode()
    assert named(2, large).cmd == "x 0"
    with pytest.raises(LimitExceeded, match="2097152 bytes") as caught:
        named(3, large)
    assert caught.value.line == 1


def test_the_same_number_in_two_files_has_two_names() -> None:
    files = {"a/lr.json": b"7", "b/rate.json": b"7"}
    assert one("cmd: x ${lr} ${rate}", files, "vars: [a/lr.json, b/rate.json]\n").cmd == "x 7 7"


@pytest.mark.parametrize("written", ["${flag}", "${item.frozen}", "no ${flag}"])
def test_what_is_frozen_is_to_be_seen_where_it_is_declared(written: str) -> None:
    with pytest.raises(SchemaError, match="frozen: cannot be a template") as caught:
        one(f"cmd: x\nfrozen: {written}")
    assert caught.value.line == 4
    with pytest.raises(SchemaError, match="frozen: cannot be a template"):
        decode(f"stages: {{s: {{foreach: [{{frozen: true}}], do: {{cmd: x, frozen: '{written}'}}}}}}")
    with pytest.raises(SchemaError, match="frozen: cannot be a template"):
        stagefile.decode_unfilled(f"stages: {{s: {{cmd: x, frozen: '{written}'}}}}".encode())
