"""`weft stage`: declarations without runs, and records of outs that no run made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stagekit import PIPELINE, Project, done, pipeline
from weft.errors import UsageFault
from weft.workflows.project import open_project
from weft.workflows.stage_accept import accept_stages
from weft.workflows.stage_results import RunOptions


def listed(repo: Project, *names: str) -> dict[str, str]:
    found: list[dict[str, Any]] = repo.weft("stage", "list", "--json", *names).json["data"]["stages"]
    return {one["name"]: one["state"] for one in found}


def stage_file(repo: Project) -> str:
    return (repo.root / "weft.yaml").read_text()


# --- add -------------------------------------------------------------------------------------------------------------


def test_a_stage_is_declared_as_run_would_declare_it_and_nothing_runs(tmp_path: Path) -> None:
    one, other = pipeline(tmp_path / "a"), pipeline(tmp_path / "b")
    words = ("-n", "last", "-d", "../prepare.sh", "-o", "../o", "-m", "../m.json", "--wdir", "data")
    words += ("-p", "../params.yaml:train.lr")
    command = ("--", 'echo last >> "$COUNT"; echo 1 > ../o; echo "{}" > ../m.json')
    added = one.weft("stage", "add", *words, *command)
    assert "next: weft repro last" in added.err
    assert one.ran() == []
    assert not (one.root / "lineage").exists()
    assert one.git("status", "--porcelain").out.split() == ["M", "weft.yaml"]
    assert stage_file(one).startswith(PIPELINE.decode())
    other.weft("run", *words, *command)
    assert stage_file(one) == stage_file(other)
    assert one.actions("last") == {"last": "ran"}


def test_a_taken_name_needs_force(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    taken = repo.weft("stage", "add", "-n", "train", "-o", "x", "--", "y", code=3)
    assert "declares a stage train already" in taken.err
    assert stage_file(repo) == PIPELINE.decode()
    assert "train: changed" in repo.weft("stage", "add", "--force", "-n", "train", "-o", "x", "--", "y").out
    assert 'cmd: "y"\n' in stage_file(repo)
    assert "  train:   # reads params\n" in stage_file(repo)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-n", "s", "-o", "model", "--", "x"), "E_GRAPH"),
        (("-n", "s", "-d", "o", "-o", "o", "--", "x"), "E_GRAPH"),
        (("-n", "s/t", "--", "x"), "there is no project 's'"),
        (("-n", "s t", "--", "x"), "E_SCHEMA"),
        (("-n", "s", "--", "x ${nowhere}"), "names no value"),
        (("-n", "s"), "no command"),
    ],
)
def test_what_is_not_declared(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    repo = pipeline(tmp_path)
    assert said in repo.weft("stage", "add", *arguments, code=None).err
    assert stage_file(repo) == PIPELINE.decode()


# --- list, freeze ----------------------------------------------------------------------------------------------------


def test_states_are_listed(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    assert listed(repo) == {"prepare": "never run", "train": "never run", "score": "never run"}
    repo.weft("repro")
    repo.commit("results")
    assert listed(repo) == {"prepare": "fresh", "train": "fresh", "score": "fresh"}
    repo.write({"params.yaml": b"train: {lr: 0.2}\n"})
    assert listed(repo) == {"prepare": "fresh", "train": "stale", "score": "stale"}
    page = repo.weft("stage", "list", "t*").out
    assert page.splitlines()[0].split() == ["train", "stale", "model"]
    assert "a param changed: params.yaml:train.lr (0.1 -> 0.2)" in page
    repo.weft("stage", "freeze", "train")
    assert listed(repo, "train") == {"train": "frozen"}
    assert repo.actions("-n", "train")["train"] == "frozen"
    assert "    frozen: true\n" in stage_file(repo)
    assert "  train:   # reads params\n" in stage_file(repo)
    repo.weft("stage", "unfreeze", "train")
    assert stage_file(repo) == PIPELINE.decode()
    assert repo.git("status", "--porcelain").out.split() == ["M", "params.yaml"]


def test_a_group_is_frozen_as_a_whole(tmp_path: Path) -> None:
    text = (
        b"stages:\n  g:  # one\n    foreach: [a, b]\n    do: {cmd: 'x ${item}'}\n"
        b"  m:\n    matrix: {i: [a]}\n    cmd: x ${item.i}\n  f: {cmd: y}\n"
    )
    repo = pipeline(tmp_path, text=text)
    assert "name the group" in repo.weft("stage", "freeze", "g@a", code=3).err
    assert "there is no stage" in repo.weft("stage", "freeze", "h", code=3).err
    repo.weft("stage", "freeze", "g", "m", "f")
    assert set(listed(repo).values()) == {"frozen"}
    assert "  g:  # one\n" in stage_file(repo)
    repo.weft("stage", "unfreeze", "g", "m", "f")
    assert set(listed(repo).values()) == {"never run"}


# --- remove ----------------------------------------------------------------------------------------------------------


def test_a_removed_stage_leaves_its_files_and_their_bytes(tmp_path: Path) -> None:
    repo = done(tmp_path)
    refused = repo.weft("stage", "remove", "train", code=3)
    assert "score reads what train writes" in refused.err
    assert repo.git("status", "--porcelain").out == ""
    repo.weft("stage", "remove", "score")
    assert repo.weft("stage", "remove", "train").out.count("no longer tracked") == 1
    assert "train" not in stage_file(repo)
    assert (repo.root / "model/weights").exists()
    assert sorted(repo.git("diff", "--cached", "--name-status").out.split()) == sorted(
        ["D", "lineage/score.yaml", "D", "lineage/train.yaml", "D", "model.weft", "D", ".gitignore", "M", "weft.yaml"]
    )
    assert (repo.root / "metrics.json").exists(), "what Git keeps is its own"
    repo.weft("validate", "--strict")
    repo.git("commit", "-qm", "less")
    assert repo.git("status", "--porcelain").out.split() == ["??", "model/"]
    repo.weft("checkout", "HEAD~", "model")


def test_kept_outs_are_sources(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.weft("stage", "remove", "--keep-outs", "prepare")
    repo.weft("validate")
    repo.git("commit", "-qm", "a source")
    assert repo.actions("-n") == {"train": "up-to-date", "score": "up-to-date"}
    assert repo.weft("lineage", "why", "data/prepared.csv").out.count("it is a source") == 1


# --- accept ----------------------------------------------------------------------------------------------------------


def test_outs_made_by_hand_are_recorded_as_such(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    repo.weft("repro", "prepare")
    repo.commit("prepared")
    repo.ran()
    with open_project(str(repo.root)) as project, pytest.raises(UsageFault, match="no reason"):
        accept_stages(project, ["train"], " ", RunOptions())
    assert "model, an out of stage train, is not there" in repo.weft("stage", "accept", "train", "-m", "x", code=3).err
    repo.write({"model/weights": b"made elsewhere", "metrics.json": b'{"size": 1}'})
    made = repo.weft("stage", "accept", "train", "score", "-m", "trained on the cluster")
    assert "train: accepted by hand\n  took model" in made.out
    assert repo.ran() == [], "nothing runs"
    record = repo.record("train")
    assert record.accepted is not None
    assert record.accepted.reason == "trained on the cluster"
    assert record.accepted.author == "Test <test@example.invalid>"
    assert record.env == {}, "nothing is said of a Python that did not run"
    assert repo.record("score").deps[0].oid == record.outs[0].oid
    assert set(repo.actions().values()) == {"up-to-date"}
    assert listed(repo) == {"prepare": "fresh", "train": "fresh", "score": "fresh"}
    assert "train    fresh, accepted by hand  model" in repo.weft("stage", "list").out
    assert repo.unstaged() == []
    repo.weft("validate", "--strict")
    repo.git("commit", "-qm", "by hand")
    repo.weft("validate", "--rev", "HEAD", "--strict")
    for page in (repo.weft("lineage", "why", "model").out, repo.weft("show").out):
        assert "by hand, nothing ran: trained on the cluster" in page
    # Data that is not here is as good: the pointer tells what it is.
    clone = Project(repo.root.parent / "clone", repo.env)
    repo.git("clone", "-q", str(repo.root), str(clone.root))
    clone.write({"params.yaml": b"train: {lr: 0.5}\n"})
    assert clone.weft("stage", "accept", "train", "-m", "lr is not read").code == 0
    assert clone.record("train").outs == record.outs
    assert clone.record("train").params == {"params.yaml": {"train.lr": 0.5}}


def test_a_reason_that_was_changed_is_found_out(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    repo.write({"data/prepared.csv": b"mine"})
    repo.weft("stage", "accept", "prepare", "-m", "a reason")
    record = repo.root / "lineage/prepare.yaml"
    record.write_bytes(record.read_bytes().replace(b"a reason", b"another"))
    repo.git("add", "lineage")
    assert "WEFT008" in repo.weft("validate", code=1).out


def test_what_was_accepted_stands_in_for_no_run_unless_asked(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    repo.write({"data/prepared.csv": b"mine"})
    repo.weft("stage", "accept", "prepare", "-m", "by hand")
    repo.git("commit", "-qm", "by hand")
    first = (repo.root / "prepare.sh").read_bytes()
    repo.write({"prepare.sh": b"tr a-z A-Z | cat\n"})
    assert repo.actions("prepare") == {"prepare": "ran"}
    repo.commit("a run")
    repo.write({"prepare.sh": first})
    assert repo.actions("--reuse-accepted", "prepare") == {"prepare": "reused"}
    assert (repo.root / "data/prepared.csv").read_bytes() == b"mine"
    assert repo.record("prepare").accepted is not None, "it says so again"
    repo.git("reset", "-q", "--hard")
    repo.weft("checkout", "--force")
    repo.write({"prepare.sh": first})
    assert repo.actions("prepare") == {"prepare": "ran"}
    assert repo.record("prepare").accepted is None


def test_changed_inputs_and_parts_of_outs_are_not_accepted(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.write({"data/raw.csv": b"other"})
    assert "differs from its pointer" in repo.weft("stage", "accept", "prepare", "-m", "x", code=3).err
    repo.weft("checkout", "--force", "data/raw.csv")
    (repo.root / "data/prepared.csv").unlink()
    assert "is not here as a whole" in repo.weft("stage", "accept", "prepare", "-m", "x", code=3).err
