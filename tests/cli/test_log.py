"""`weft log`: the commits that changed data, params or metrics, from Git alone."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from kit import Repo
from lineagekit import Lineage, make
from stagekit import pipeline


def weft(made: Lineage | Path, *args: str, code: int = 0) -> Any:
    return Repo(made if isinstance(made, Path) else made.root).weft(*args, code=code)


def entries(made: Lineage | Path, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = weft(made, "log", "--json", *args).json["data"]["commits"]
    return found


def commit(made: Lineage, message: str) -> None:
    made.git("add", "-A")
    made.git("commit", "-q", "-m", message)


@pytest.fixture
def repo(tmp_path: Path) -> Lineage:
    """A project whose second commit changes a param, a metric and data, and whose third one changes none of them."""
    made = make(tmp_path / "repo")
    (made.root / ".git" / "hooks" / "pre-commit").unlink()
    made.write("params.yaml", "train:\n  lr: 0.01\n  epochs: 3\nother: 1\n")
    made.write("metrics.json", '{"auc": 0.95, "loss": NaN}\n')
    made.point("models/clf.pkl", "2", size=250)
    made.point("data/extra", type="dir", files=3)
    made.record("train")
    commit(made, "train \x1b[31mmore")
    made.write("README.md", "nothing\n")
    commit(made, "docs")
    return made


def test_what_a_commit_changed(repo: Lineage) -> None:
    one, first = entries(repo)
    assert [(row["path"], row["change"], row["old_size"], row["size"], row["files"]) for row in one["data"]] == [
        ("data/extra", "added", None, 100, 3),
        ("models/clf.pkl", "modified", 100, 250, 1),
    ]
    assert one["params"] == [
        {"file": "params.yaml", "key": "train.lr", "old": 0.1, "new": 0.01, "delta": None, "not_run": []}
    ]
    auc, loss = one["metrics"]
    assert (auc["key"], round(auc["delta"], 6)) == ("auc", 0.05)
    assert (loss["old"], loss["new"], loss["delta"]) == (None, "NaN", None)
    assert [row["stage"] for row in one["stages"]] == ["train"]
    assert len(first["data"]) == 3
    assert first["left_out"] == {}


def test_text_has_no_escapes_of_a_terminal(repo: Lineage) -> None:
    ran = weft(repo, "log")
    assert "\x1b" not in ran.out
    assert "\\x1b[31mmore" in ran.out
    assert "params.yaml:train.lr  0.1 -> 0.01" in ran.out
    assert "M models/clf.pkl  (100 B -> 250 B)" in ran.out


def test_all_shows_the_others_and_n_cuts(repo: Lineage) -> None:
    assert [one["subject"][:5] for one in entries(repo, "--all")] == ["docs", "train", "chang"]
    assert [one["subject"] for one in entries(repo, "--all", "-n", "1")] == ["docs"]
    assert entries(repo, "-n", "0") == []


def test_paths_limit_it(repo: Lineage) -> None:
    assert [len(one["data"]) for one in entries(repo, "data")] == [1, 2]
    (only,) = entries(repo, "HEAD~2..HEAD", "--", "metrics.json")
    assert (len(only["metrics"]), only["data"], only["params"], only["stages"]) == (2, [], [], [])
    assert [len(one["stages"]) for one in entries(repo, "lineage/prepare.yaml")] == [1]
    asked = entries(repo, "lineage/train.yaml")[0]
    assert [row["key"] for row in asked["params"]] == ["train.lr"], "all of a record that is named"
    assert "commits that changed any of data/raw" in weft(repo, "log", "--", "data/raw/inside").err
    assert "no commit changed any of this" in weft(repo, "log", "--", "src").err


def test_a_merge_is_shown_against_its_first_parent(repo: Lineage) -> None:
    repo.git("checkout", "-q", "-b", "side", "HEAD~1")
    repo.point("models/clf.pkl", "3")
    commit(repo, "side")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "-m", "join", "side")
    join, side = entries(repo, "-n", "2")
    assert (join["subject"], len(join["parents"]), len(join["data"])) == ("join", 2, 1)
    assert side["subject"] == "side"


def test_what_cannot_be_read_is_named(repo: Lineage) -> None:
    repo.write("models/clf.pkl.weft", "<<<<<<< ours\n")
    repo.write("metrics.json", "{")
    commit(repo, "broken")
    (one,) = entries(repo, "-n", "1")
    assert set(one["left_out"]) == {"models/clf.pkl.weft", "metrics.json"}
    assert "! " in weft(repo, "log", "-n", "1").out


def test_csv_and_markdown(repo: Lineage) -> None:
    rows = list(csv.DictReader(io.StringIO(weft(repo, "log", "-n", "1", "--format", "csv").out)))
    assert [(row["section"], row["key"], row["old"], row["new"]) for row in rows if row["section"] == "params"] == [
        ("params", "train.lr", "0.1", "0.01")
    ]
    page = weft(repo, "log", "-n", "1", "--format", "md").out
    assert page.startswith("### `")
    assert "- metrics: metrics.json:auc" in page


def test_a_shallow_clone_says_that_history_is_cut(repo: Lineage, tmp_path: Path) -> None:
    clone = tmp_path / "shallow"
    repo.git("clone", "-q", "--depth=2", f"file://{repo.root}", str(clone))
    (cut,) = entries(clone)
    assert (cut["cut"], cut["data"]) == (True, [])
    assert "history is cut here" in weft(clone, "log").out
    assert "--unshallow" in weft(clone, "log").err


def test_a_partial_clone_says_what_is_not_there(repo: Lineage, tmp_path: Path) -> None:
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "partial"
    repo.git("clone", "-q", "--filter=blob:none", f"file://{repo.root}", str(clone))
    repo.git("clone", "-q", "--filter=blob:none", f"file://{repo.root}", str(tmp_path / "filled"))
    said = weft(clone, "log")
    assert "of it not in this partial clone" in said.out
    assert "params.yaml: it is not in" not in said.out
    assert said.err.count("git fetch --refetch --filter=blob:limit=64k") == 1
    assert "params.yaml: it is not in this partial clone" in weft(clone, "log", "-v").out
    repo.git("-C", str(tmp_path / "filled"), "fetch", "-q", "--refetch", "--filter=blob:limit=64k")
    assert entries(tmp_path / "filled") == entries(repo.root)
    shutil.rmtree(repo.root)
    one, first = entries(clone)
    assert one["left_out"]["params.yaml"] == "it is not in this partial clone"
    assert "data/raw.weft" not in first["left_out"], "the checkout brought it"
    shown = weft(clone, "show", "--json").json["data"]
    assert (shown["wrong"], shown["left_out"]) == ({}, {}), "NaN is what the run wrote"
    shown = weft(clone, "show", "HEAD~2", "--json").json["data"]
    assert (shown["wrong"], shown["left_out"]["params.yaml"]) == ({}, "it is not in this partial clone")
    said = weft(clone, "show", "HEAD~2")
    assert "left out\n    lineage/train.yaml: it is not in this partial clone" in said.out
    assert "git fetch --refetch --filter=blob:limit=64k" in said.err
    assert list(weft(clone, "show", "HEAD~2:params.yaml", "--json").json["data"]["left_out"]) == ["params.yaml"]


def test_places_of_all_kinds(repo: Lineage, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "HEAD~1")
    assert len(entries(tmp_path / "linked")) == 2
    assert len(entries(repo.root / "src")) == 2
    assert len(entries(repo.root / "src", "--", "../data/raw")) == 1
    assert "names no commit" in weft(repo, "log", "nosuch", code=3).err


def test_before_the_first_commit(tmp_path: Path) -> None:
    made = Lineage(tmp_path)
    made.git("init", "-q")
    for name in ("log", "show"):
        assert "no commit yet" in weft(made, name, code=3).err


def test_a_file_that_was_a_metrics_file_once_is_still_told_of(repo: Lineage) -> None:
    repo.write("weft.yaml", "stages: {}\n")
    commit(repo, "no stages")
    assert any(one["metrics"] for one in entries(repo))


def test_stages_that_ran_in_a_fresh_clone_without_data(tmp_path: Path) -> None:
    made = pipeline(tmp_path)
    made.weft("repro")
    made.commit("one")
    clone = made.clone(tmp_path / "clone")
    found = clone.weft("log", "--json").json["data"]["commits"]
    assert {row["change"] for row in found[0]["stages"]} == {"ran"}
    assert found[0]["metrics"]
