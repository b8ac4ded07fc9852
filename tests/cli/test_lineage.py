"""`weft lineage`: where data comes from and what depends on it, from Git alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stagekit import Project, clone_of, done


def ask(repo: Project, *args: str) -> Any:
    return repo.weft("lineage", *args, "--json").json["data"]


def steps(found: Any) -> dict[str, Any]:
    return {step["key"]: step for step in found["steps"]}


def test_show_leads_up_to_the_sources_in_a_clone_without_data(tmp_path: Path) -> None:
    repo = done(tmp_path)
    clone = clone_of(repo, tmp_path / "clone", "--depth=1")
    found = ask(clone, "show", "metrics.json")
    assert [step["stage"] for step in found["steps"]] == ["score", "train", "prepare"]
    reads = {use["path"]: use for use in steps(found)["prepare"]["reads"]}
    assert reads["data/raw.csv"]["step"] == ""
    assert reads["prepare.sh"]["oid"] == clone.git("rev-parse", "HEAD:prepare.sh").out.strip()
    assert all(not step["stale"] and step["recorded"] for step in found["steps"])
    assert not (clone.root / ".git" / "weft").exists()
    lines = clone.weft("lineage", "show", "metrics.json").out.splitlines()
    assert lines[1].startswith("`- score: ")
    assert lines[-1] == "         `- params.yaml: train.lr = 0.1"


def test_an_input_that_was_made_anew_is_followed_to_the_run_that_was_used(tmp_path: Path) -> None:
    repo = done(tmp_path)
    first = repo.git("rev-parse", "HEAD").out.strip()
    old = next(ref for ref in repo.record("train").deps if ref.path == "data/prepared.csv")
    repo.write({"prepare.sh": b"tr a-z A-Z; echo more\n"})
    repo.weft("repro", "prepare")
    repo.commit("prepare alone")
    for args in ((), ("--rev", "HEAD")):
        found = ask(repo, "show", "model", *args)
        key = f"{first[:12]}:prepare"
        reads = {use["path"]: use for use in steps(found)["train"]["reads"]}
        assert reads["data/prepared.csv"]["oid"] == str(old.oid)
        assert reads["data/prepared.csv"]["step"] == key
        assert steps(found)[key]["commit"] == first
        assert [reason["kind"] for reason in steps(found)["train"]["stale"]] == ["dep-changed"]
    assert "dep-changed" not in str(ask(repo, "show", "model", "--rev", "HEAD~1"))


def test_stale_stages_are_those_of_repro(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.write({"params.yaml": b"train: {lr: 0.5}\n", "prepare.sh": b"cat\n"})
    said = {step["stage"]: step["stale"] for step in ask(repo, "graph")["steps"]}
    planned = {stage["stage"]: stage["reasons"] for stage in repo.stages("-n")}
    assert said == planned
    assert all(said.values())
    repo.commit("by hand")
    assert {step["stage"]: step["stale"] for step in ask(repo, "graph", "--rev", "HEAD")["steps"]} == planned
    assert not any(step["stale"] for step in ask(repo, "graph", "--rev", "HEAD~1")["steps"])


def test_why_names_the_run_and_the_commits(tmp_path: Path) -> None:
    repo = done(tmp_path)
    head = repo.git("rev-parse", "HEAD").out.strip()
    repo.git("commit", "-q", "--allow-empty", "-m", "later")
    found = ask(repo, "why", "model")
    run = found["run"]
    assert found["stage"] == "train"
    assert run["params"] == {"params.yaml": {"train.lr": 0.1}}
    assert [use["path"] for use in run["reads"]] == ["data/prepared.csv"]
    assert found["brought"]["commit"] == run["recorded"]["commit"] == head
    assert ask(repo, "why", "prepare")["run"]["code"].keys() == {"prepare.sh"}
    source = ask(repo, "why", "data/raw.csv")
    assert (source["stage"], source["run"]) == ("", None)
    assert source["brought"]["subject"] == "code"
    repo.write({"params.yaml": b"train: {lr: 0.5}\n"})
    repo.weft("repro")
    assert ask(repo, "why", "model")["brought"] is None
    assert "not committed yet" in repo.weft("lineage", "why", "model").out
    assert ask(repo, "why", "model", "--rev", "HEAD")["run"]["params"] == run["params"]


def test_a_snapshot_is_said_to_be_where_it_is(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.write({"params.yaml": b"train: {lr: 0.5}\n"})
    repo.weft("repro")
    repo.commit("with uncommitted changes")
    name = repo.record("train").snapshot
    assert f"kept at {name}\n" in repo.weft("lineage", "why", "model").out
    clone = clone_of(repo, tmp_path / "clone")
    assert (ask(repo, "why", "model")["run"]["kept_here"], ask(clone, "why", "model")["run"]["kept_here"]) == (
        True,
        False,
    )
    shown = clone.weft("lineage", "why", "model").out
    author = repo.record("train").author
    assert author
    run = name.rpartition("/")[2]
    assert f"whose snapshot {run} is not in this clone: it stayed in that of {author}\n" in shown
    assert "kept at" not in shown


def test_impact_and_graph_say_why_a_stage_is_stale(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.write({"params.yaml": b"train: {lr: 0.5}\n"})
    line = "train is stale: a param changed: params.yaml:train.lr (0.1 -> 0.5)"
    assert line in repo.weft("lineage", "graph").err
    assert line in repo.weft("lineage", "impact", "data/raw.csv").err
    assert ask(repo, "impact", "data/raw.csv")["why_stale"]["train"][0]["subject"] == "params.yaml:train.lr"


def test_data_changed_without_a_run_is_not_said_to_come_from_one(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.write({"data/prepared.csv": b"by hand\n"})
    repo.weft("add", "data/prepared.csv")
    found = ask(repo, "why", "data/prepared.csv")
    assert found["run"] is None
    assert "no record says which run of " in (note := found["notes"][0])
    assert ": weft repro " in note
    assert "no record" in repo.weft("lineage", "show", "data/prepared.csv").out
    told = repo.weft("lineage", "why", "data/prepared.csv").out
    assert "no record says which run made it: weft repro prepare\n" in told


def test_a_shallow_clone_says_that_history_is_cut(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.git("commit", "-q", "--allow-empty", "-m", "later")
    clone = clone_of(repo, tmp_path / "clone", "--depth=1")
    found = ask(clone, "why", "model")
    assert found["brought"]["cut"]
    assert "history is cut" in found["notes"][0]
    assert "or an earlier one" in clone.weft("lineage", "why", "model").out


def test_impact_goes_down_the_graph(tmp_path: Path) -> None:
    repo = done(tmp_path)
    found = ask(repo, "impact", "prepare.sh")
    assert [(one["stage"], one["distance"]) for one in found["stages"]] == [("prepare", 1), ("train", 2), ("score", 3)]
    assert found["outs"] == ["data/prepared.csv", "model", "metrics.json"]
    assert found["stale"] == []
    assert [one["stage"] for one in ask(repo, "impact", "params.yaml:train.lr")["stages"]] == ["train", "score"]
    assert ask(repo, "impact", "params.yaml:train.other")["stages"] == []
    assert [one["stage"] for one in ask(repo, "impact", "train")["stages"]] == ["score"]
    assert [one["stage"] for one in ask(repo, "impact", "model/weights", "--rev", "HEAD")["stages"]] == ["score"]
    assert "no stage reads it" in repo.weft("lineage", "impact", "metrics.json").out


def test_paths_are_seen_from_the_current_directory(tmp_path: Path) -> None:
    repo = done(tmp_path)
    found = repo.weft("-C", "data", "lineage", "show", "prepared.csv", "--json").json["data"]
    assert found["path"] == "data/prepared.csv"
    assert "E_PATH_ESCAPE" in repo.weft("lineage", "show", "../count.txt", code=3).err


def test_a_directory_of_several_is_not_taken_for_one(tmp_path: Path) -> None:
    repo = done(tmp_path)
    said = repo.weft("lineage", "show", "data", code=2).err
    assert "data/prepared.csv, data/raw.csv" in said
    assert ask(repo, "show", "model/weights")["path"] == "model/weights"


def test_one_of_a_foreach_is_asked_about_at_a_time(tmp_path: Path) -> None:
    repo = Project(done(tmp_path).root)
    repo.write({"weft.yaml": b"stages:\n  s: {foreach: [a, b], do: {cmd: 'x ${item}', outs: ['o/${item}']}}\n"})
    assert "s@a, s@b" in repo.weft("lineage", "why", "s", code=2).err
    assert ask(repo, "show", "s@b")["item"]["path"] == "o/b"
    assert len(ask(repo, "graph", "s")["steps"]) == 2


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    repo = done(tmp_path)
    assert "E_NO_PATH" in repo.weft("lineage", "show", "none", code=3).err
    assert "E_NO_REVISION" in repo.weft("lineage", "why", "--rev", "none", "model", code=3).err
    assert "E_STAGE" in repo.weft("lineage", "graph", "--rev", "HEAD~2", code=3).err
    assert "--format" in repo.weft("lineage", "graph", "--format", "dot", "--json", code=2).out


def test_graph_as_text_and_as_drawings(tmp_path: Path) -> None:
    repo = done(tmp_path)
    assert repo.weft("lineage", "graph").out.splitlines() == [
        "prepare: data/raw.csv, prepare.sh -> data/prepared.csv",
        "`- train: data/prepared.csv, params.yaml -> model",
        "   `- score: model -> metrics.json",
        "3 stages, 0 stale",
    ]
    assert [step["stage"] for step in ask(repo, "graph", "data/prepared.csv")["steps"]] == ["prepare", "train", "score"]
    drawn = repo.weft("lineage", "graph", "--format", "mermaid").out.splitlines()
    assert drawn[0] == "flowchart LR"
    assert '  n0["prepare"]' in drawn
    assert sum("-->" in line for line in drawn) == 8
    dotted = repo.weft("lineage", "graph", "--format", "dot").out
    assert dotted.startswith("digraph lineage {")
    assert dotted.count("->") == 8
