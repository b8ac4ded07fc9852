"""`weft compare` and the params, metrics and code of `weft diff`: revisions side by side, from Git alone."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from stagekit import Project, clone_of, pipeline
from weft.workflows import facts
from weft.workflows.compare import MOST


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three commits with results: another rate, then other code and data."""
    repo = pipeline(tmp_path_factory.mktemp("compare"))
    repo.weft("repro")
    repo.commit("one")
    repo.git("tag", "v1")
    repo.write({"params.yaml": b"train: {lr: 0.25, other: 1}\n"})
    repo.weft("repro")
    repo.commit("two")
    repo.write({"prepare.sh": b"tr a-z A-Z | sort -r\n", "data/raw.csv": b"a,b\n5,6\n7,8\n"})
    repo.weft("add", "data/raw.csv")
    repo.weft("repro")
    repo.commit("three")
    repo.git("tag", "v3")
    return repo


@pytest.fixture
def repo(story: Project, tmp_path: Path) -> Project:
    """A clone without any data."""
    return clone_of(story, tmp_path / "clone" / "repo")


def rows(repo: Project, *args: str) -> dict[tuple[str, str], dict]:
    found = repo.weft("compare", *args, "--json").json["data"]["rows"]
    return {(row["section"], row["key"]): row for row in found}


def test_revisions_are_compared_without_data(repo: Project) -> None:
    found = rows(repo, "v1", "HEAD~1")
    assert found["params", "params.yaml:train.lr"]["values"] == [0.1, 0.25]
    assert ("params", "params.yaml:train.other") not in found
    assert ("data", "model") in found
    assert ("data", "data/raw.csv") not in found
    assert not any(section in ("code", "stages") for section, _ in found)
    size = found["metrics", "metrics.json:size"]
    assert size["delta"] == size["values"][1] - size["values"][0] != 0
    everything = rows(repo, "v1", "HEAD~1", "--all")
    assert ("params", "params.yaml:train.other") in everything
    assert everything["stages", "prepare"]["values"][0].startswith("echo prepare")
    found = rows(repo, "v1", "v3")
    assert found["code", "prepare.sh"]["values"][1] == repo.git("rev-parse", "v3:prepare.sh").out.strip()


def test_a_range_has_a_column_for_each_commit(repo: Project) -> None:
    found = repo.weft("compare", "v1..v3", "--json").json["data"]
    assert found["commits"] == repo.git("rev-list", "--reverse", "v1..v3").out.split()
    assert found["cut"] == 0
    assert repo.weft("compare", "v1", "v1..v3", "--json").json["data"]["revisions"][0] == "v1"
    assert "two points" in repo.weft("compare", "v1...v3", code=2).err


def test_a_long_range_is_cut_and_says_so(repo: Project) -> None:
    for number in range(MOST + 2):
        repo.git("commit", "-q", "--allow-empty", "-m", f"{number}")
    found = repo.weft("compare", f"v3~{1}..HEAD", "--json").json["data"]
    assert found["cut"] == 3
    assert found["commits"] == repo.git("rev-list", "--reverse", f"-{MOST}", "HEAD").out.split()
    assert "3 older commits of the range left out" in repo.weft("compare", "v3~1..HEAD").err


def test_markdown_and_csv(repo: Project) -> None:
    text = repo.weft("compare", "v1", "HEAD~1", "--format", "md").out
    lines = text.splitlines()
    assert lines[0] == r"|  |  | v1 | HEAD\~1 | delta |"
    assert lines[1] == "|---|---|---|---|---|"
    assert "| params | params.yaml:train.lr | 0.1 | 0.25 |  |" in lines
    table = list(csv.reader(io.StringIO(repo.weft("compare", "v1", "HEAD~1", "--format", "csv").out)))
    assert table[0] == ["section", "key", "v1", "HEAD~1", "delta", "stale", "accepted", "not right"]
    assert ["params", "params.yaml:train.lr", "0.1", "0.25", "", "", "", ""] in table
    assert repo.weft("compare", "v1", "v3", "--json", "--format", "md", code=2).code == 2


def test_one_revision_is_compared_with_head(repo: Project) -> None:
    found = repo.weft("compare", "v1", "--json").json["data"]
    assert found["revisions"] == ["v1", "HEAD"]
    values = {row["key"]: row["values"] for row in found["rows"]}
    assert values["params.yaml:train.lr"] == [0.1, 0.25]


def test_what_is_not_finite_is_named_and_numbers_are_numbers(repo: Project) -> None:
    repo.write({"params.yaml": b"train: {lr: .nan, other: [1, .inf]}\n", "metrics.json": b'{"size": NaN}'})
    repo.commit("odd")
    repo.write({"params.yaml": b"train: {lr: .nan, other: [1, .inf]}\n# words\n", "metrics.json": b'{"size": 4.0}'})
    repo.commit("odd again")
    aside = " (not of the run)"
    found = rows(repo, "v3", "HEAD~1", "HEAD", "--all")
    assert found["params", f"params.yaml:train.lr{aside}"]["values"] == [0.25, "NaN", "NaN"]
    assert found["params", "params.yaml:train.other"]["values"] == [1, [1, "Infinity"], [1, "Infinity"]]
    assert ("params", f"params.yaml:train.lr{aside}") not in rows(repo, "HEAD~1", "HEAD"), "NaN is what it was"
    repo.write({"metrics.json": b'{"size": 4}'})
    repo.commit("an integer")
    assert ("metrics", f"metrics.json:size{aside}") not in rows(repo, "HEAD~1", "HEAD")
    repo.write({"metrics.json": b'{"size": true}'})
    repo.commit("no number")
    assert rows(repo, "HEAD~1", "HEAD")["metrics", f"metrics.json:size{aside}"]["delta"] is None


def test_what_cannot_be_read_is_named(repo: Project) -> None:
    (repo.root / "model.weft").write_text("weft: 1\n<<<<<<< ours\n")
    repo.write({"lineage/score.yaml": b"x" * (5 << 20), "params.yaml": b"- 1\n"})
    repo.commit("broken")
    found = repo.weft("compare", "v3", "HEAD", "--json").json["data"]
    left = {(one["revision"], one["path"]): one["reason"] for one in found["left_out"]}
    assert set(left) == {("HEAD", "model.weft"), ("HEAD", "lineage/score.yaml"), ("HEAD", "params.yaml")}
    assert "bytes" in left["HEAD", "lineage/score.yaml"]
    shown = repo.weft("compare", "v3", "HEAD")
    assert "model.weft is left out" in shown.err
    repo.git("checkout", "v3", "--", "model.weft")
    repo.commit("mended")
    assert "params.yaml is left out" in repo.weft("diff", "v3", "HEAD").err


def test_a_partial_clone_names_what_it_has_not(story: Project, tmp_path: Path) -> None:
    story.git("config", "uploadpack.allowFilter", "true")
    partial = clone_of(story, tmp_path / "partial" / "repo", "--filter=blob:none")
    partial.git("remote", "set-url", "origin", str(tmp_path / "gone"))
    found = partial.weft("compare", "v1", "v3", "--json").json["data"]
    assert {one["revision"] for one in found["left_out"]} >= {"v1"}
    assert all("partial clone" in one["reason"] for one in found["left_out"])


def test_a_shallow_clone_compares_what_it_has(story: Project, tmp_path: Path) -> None:
    shallow = clone_of(story, tmp_path / "shallow" / "repo", "--depth", "2")
    assert rows(shallow, "HEAD~1", "HEAD") == rows(story, "HEAD~1", "HEAD")
    assert "names no commit" in shallow.weft("compare", "v1", "HEAD", code=3).err


def test_a_conflict_is_named(story: Project, tmp_path: Path) -> None:
    repo = clone_of(story, tmp_path / "clone" / "repo")
    repo.git("checkout", "-q", "-b", "other", "HEAD~1")
    repo.write({"params.yaml": b"train: {lr: 5, other: 1}\n", "notes.txt": b"1"})
    repo.commit("theirs")
    repo.git("checkout", "-q", "-b", "ours", "HEAD~1")
    repo.write({"params.yaml": b"train: {lr: 6, other: 1}\n"})
    repo.commit("ours")
    repo.git("merge", "other", code=1)
    shown = repo.weft("diff", "HEAD")
    assert "params.yaml is left out" in shown.err
    assert "conflict" in shown.err
    repo.git("commit", "-q", "-a", "--no-verify", "-m", "with its marks")
    left = repo.weft("compare", "HEAD~1", "HEAD", "--json").json["data"]["left_out"]
    assert [(one["revision"], one["path"]) for one in left] == [("HEAD", "params.yaml")]
    assert "conflict" in left[0]["reason"]


def test_no_revision_is_refused(repo: Project) -> None:
    assert "REV" in repo.weft("compare", code=2).err
    assert repo.weft("compare", "v1", "nothing", code=3).code == 3
    assert "no differences" in repo.weft("compare", "v1", "v1").err


# --- diff ------------------------------------------------------------------------------------------------------------


def test_diff_tells_of_params_metrics_and_code(story: Project) -> None:
    found = story.weft("diff", "v1", "v3", "--json").json["data"]
    told = {(one["section"], one["key"]): one["values"] for one in found["facts"]}
    assert told["params", "params.yaml:train.lr"] == [0.1, 0.25]
    assert set(told) >= {("metrics", "metrics.json:size"), ("code", "prepare.sh")}
    assert not any(section == "data" for section, _ in told)
    text = story.weft("diff", "v1", "v3")
    assert "params   params.yaml:train.lr  0.1 -> 0.25\n" in text.out
    assert "1 of params" in text.err
    assert "M data/raw.csv" in text.out
    assert story.weft("diff", "v1", "v3", "--", "params.yaml").out == "params   params.yaml:train.lr  0.1 -> 0.25\n"
    assert "params" not in story.weft("diff", "v1", "v3", "--", "data").out
    assert "not tracked" in story.weft("diff", "v1", "v3", "--", "nothing", code=3).err
    assert story.weft("diff", "HEAD~1", "HEAD~1", "--exit-code").out == ""


def test_diff_as_a_table_and_as_json(story: Project) -> None:
    table = list(csv.reader(io.StringIO(story.weft("diff", "v1", "v3", "--format", "csv").out)))
    assert table[0] == ["section", "change", "path", "old path", "old", "new", "delta"]
    assert ["params", "modified", "params.yaml:train.lr", "", "0.1", "0.25", ""] in table
    assert {row[1] for row in table if row[0] == "data"} <= {"added", "modified", "deleted", "renamed", "mode"}
    lines = story.weft("diff", "v1", "v3", "--format", "md").out.splitlines()
    assert lines[:2] == ["| section | change | path | old path | old | new | delta |", "|" + "---|" * 7]
    assert story.weft("diff", "v1", "v3", "--format", "json").json == story.weft("diff", "v1", "v3", "--json").json


def test_diff_with_the_work_tree(story: Project, tmp_path: Path) -> None:
    repo = clone_of(story, tmp_path / "clone" / "repo")
    repo.write({"params.yaml": b"train: {lr: 7, other: 1}\n"})
    shown = repo.weft("diff", "HEAD", "--exit-code", code=1)
    assert "params   params.yaml:train.lr (not of the run)  0.25 -> 7\n" in shown.out
    assert "stale in workspace: train: train.lr of params.yaml changed since the run" in shown.err
    assert repo.weft("diff").out == ""


def test_rows_are_of_the_facts_of_both() -> None:
    one, other = facts.Facts({("params", "a"): 1, ("code", "x"): "1"}), facts.Facts({("params", "a"): True})
    found = facts.side_by_side([one, other])
    assert [(row.section, row.key, row.values) for row in found] == [
        ("params", "a", (1, True)),
        ("code", "x", ("1", None)),
    ]
    assert all(facts.is_different(row) for row in found)
