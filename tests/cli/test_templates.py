"""Templates of `weft.yaml` from the command line to the hook: what runs is what is recorded, and a changed value counts."""

from __future__ import annotations

from pathlib import Path

from stagekit import Project, done, pipeline
from weft.formats import stagefile
from weft.gitio.blobs import blob_id

TEXT = b"""\
vars: [{out: o}]
stages:
  train:
    cmd: echo train >> "$COUNT" && echo ${train.lr} ${HOME} > ${out}.txt   # a comment
    outs: ["${out}.txt"]
  each:
    foreach: ${sizes}
    do: {cmd: 'echo ${item} >> "$COUNT"; echo ${item} > e${item}', outs: ["e${item}"]}
"""
PARAMS = b"train:\n  lr: 0.1\nsizes: [1, 2]\n"


def project(tmp_path: Path) -> Project:
    repo = pipeline(tmp_path, text=TEXT)
    repo.write({"params.yaml": PARAMS})
    repo.commit("params")
    repo.weft("repro")
    assert sorted(repo.ran()) == ["1", "2", "train"]
    repo.commit("results")
    return repo


def test_a_changed_value_makes_the_stage_stale_and_others_not(tmp_path: Path) -> None:
    repo = project(tmp_path)
    record = repo.record("train")
    assert record.cmd == 'echo train >> "$COUNT" && echo 0.1 ${HOME} > o.txt'
    assert record.params == {"params.yaml": {"train.lr": 0.1}}
    stages = stagefile.decode(TEXT, read={"params.yaml": PARAMS}.get)
    assert record.spec == blob_id(stagefile.stage_text(stages["train"]), "sha1"), "as it was filled in"
    assert set(repo.actions().values()) == {"up-to-date"}
    repo.weft("validate", "--rev", "HEAD", "--strict")
    repo.write({"params.yaml": PARAMS.replace(b"0.1", b"0.2")})
    assert ("cmd-changed", "train") in repo.why("train")
    assert ("param-changed", "params.yaml:train.lr") in repo.why("train")
    assert {s["stage"]: s["action"] for s in repo.stages("-n")} == {
        "train": "stale",
        "each@1": "up-to-date",
        "each@2": "up-to-date",
    }
    assert repo.actions("-S", "train.lr=0.3", "train") == {"train": "ran"}
    assert repo.record("train").params == {"params.yaml": {"train.lr": 0.3}}, "what was set is what is filled in"
    assert " echo 0.3 " in str(repo.record("train").cmd)


def test_the_hook_sees_what_a_value_makes_of_stages(tmp_path: Path) -> None:
    repo = project(tmp_path)
    repo.write({"params.yaml": PARAMS.replace(b"0.1", b"0.2")})
    repo.git("add", "params.yaml")
    staged = repo.weft("validate", "--json").json["data"]
    assert {one["stage"] for one in staged["violations"]} == {"train"}
    assert {one["severity"] for one in staged["violations"]} == {"stale"}
    assert repo.weft("validate", "--strict", code=1).code == 1
    # Again, from what was kept of the look before; then with a member less, whose record stays behind.
    assert repo.weft("validate", "--json").json["data"]["violations"] == staged["violations"]
    repo.write({"params.yaml": PARAMS.replace(b"[1, 2]", b"[1]")})
    repo.git("add", "params.yaml")
    found = repo.weft("validate", "--json", code=1).json["data"]["violations"]
    assert {one["path"] for one in found} == {"lineage/each@2.yaml"}
    repo.write({"params.yaml": PARAMS})
    repo.git("add", "params.yaml")
    assert repo.weft("validate", "--json").json["data"]["violations"] == []


def test_a_name_that_is_nowhere_is_refused_before_the_run(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    refused = repo.weft("run", "-n", "s", "-o", "s.txt", "--", "echo ${lr} > s.txt", code=3)
    assert "${lr} in the command of stage s names no value" in refused.err
    assert "$lr, or $${lr}" in refused.err
    assert not (repo.root / "s.txt").exists()
    assert "  s:" not in (repo.root / "weft.yaml").read_text()
    repo.write({"weft.yaml": b"stages:\n  s: {cmd: 'echo ${lr}'}\n"})
    assert repo.actions("-n", code=3) == {"s": "failed"}


def test_a_command_line_with_templates_is_declared_as_it_was_typed(tmp_path: Path) -> None:
    repo = done(tmp_path)
    before = (repo.root / "weft.yaml").read_text()
    repo.weft("run", "-n", "s", "-o", "${train.lr}.txt", "--", "echo ${train.lr} $${x} > ${train.lr}.txt")
    assert (repo.root / "0.1.txt").read_text() == "0.1\n"
    after = (repo.root / "weft.yaml").read_text()
    assert after.startswith(before)
    assert "${train.lr} $${x} > ${train.lr}.txt" in after[len(before) :]
    repo.weft("run", "--force", "-n", "s", "-o", "${train.lr}.txt", "--", "echo again ${train.lr} > ${train.lr}.txt")
    assert repo.record("s").cmd == "echo again 0.1 > 0.1.txt"
    assert repo.actions("s") == {"s": "up-to-date"}


def test_history_is_read_with_the_values_of_its_time(tmp_path: Path) -> None:
    repo = pipeline(
        tmp_path, text=b"stages:\n  s: {cmd: 'echo \"{a: ${train.lr}}\" > ${f}.yaml', metrics: ['${f}.yaml']}\n"
    )
    repo.write({"params.yaml": b"f: m\ntrain: {lr: 1}\n"})
    repo.commit("params")
    repo.weft("repro")
    repo.commit("one")
    assert repo.weft("show", "--json").json["data"]["metrics"]["m.yaml"]["a"] == 1
    repo.weft("repro", "-S", "train.lr=2")
    repo.commit("two")
    assert "m.yaml:a" in repo.weft("log").out
    assert "m.yaml" in repo.weft("compare", "HEAD~", "HEAD").out
    assert "echo" in repo.weft("lineage", "why", "m.yaml", "--rev", "HEAD~").out
