"""Results that are not what a run wrote are marked wherever they are shown, also where their stage is stale or frozen."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit import Repo
from lineagekit import Lineage, make
from weft.model.lineage import Record

STAGES = """\
stages:
  make:
    cmd: python src/train.py
    deps: [src/train.py]
    outs: [out.txt]
    metrics: [metrics.json]
"""
OUT = "out.txt is not what the run of make wrote"
METRICS = "metrics.json is not what the run of make wrote"


@pytest.fixture
def repo(tmp_path: Path) -> Lineage:
    made = make(tmp_path / "repo")
    (made.root / ".git" / "hooks" / "pre-commit").unlink(missing_ok=True)
    made.git("rm", "-q", "-r", "--cached", "lineage", "data", "models", code=None)
    for name in ("lineage/train.yaml", "lineage/prepare.yaml", "models/clf.pkl.weft", "data/prepared.weft"):
        (made.root / name).unlink(missing_ok=True)
    made.write("weft.yaml", STAGES)
    made.point("out.txt", "1")
    made.write("metrics.json", '{"n": 14}\n')
    made.record("make")
    weft = Repo(made.root)
    weft.weft("init")
    made.commit()
    return made


def told(repo: Lineage, *words: str) -> str:
    ran = Repo(repo.root).weft(*words)
    return ran.out + ran.err


def weft_json(repo: Lineage, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = Repo(repo.root).weft(*words, "--json").json["data"]
    return found


def lie(repo: Lineage, *, stale: bool = False) -> None:
    repo.point("out.txt", "2")
    repo.write("metrics.json", '{"n": 99}\n')
    if stale:
        repo.write("src/train.py", "print('other')\n")
    repo.commit()


def test_a_commit_of_what_its_runs_wrote_has_no_mark(repo: Lineage) -> None:
    for words in (("show",), ("log",), ("status",), ("compare", "HEAD~1", "HEAD")):
        assert "not right" not in told(repo, *words)


def test_a_metric_that_is_not_finite_is_what_the_run_wrote_all_the_same(repo: Lineage) -> None:
    repo.write("metrics.json", '{"n": NaN}\n')
    repo.record("make")
    repo.commit()
    for words in (("show",), ("log",), ("status",), ("compare", "HEAD~1", "HEAD")):
        assert "not right" not in told(repo, *words)
    repo.write("metrics.json", '{"n": Infinity}\n')
    assert METRICS in told(repo, "status")


@pytest.mark.parametrize("stale", [False, True])
def test_show_names_results_that_no_run_wrote(repo: Lineage, stale: bool) -> None:
    lie(repo, stale=stale)
    text = told(repo, "show")
    assert f"    {OUT}\n" in text
    assert f"    {METRICS}\n" in text
    assert "out.txt  not right\n" in text
    assert "metrics.json:n = 14  not right\n" in text
    assert ("stale: make: src/train.py" in text) is stale
    assert f"    {METRICS}\n" in told(repo, "show", "HEAD:metrics.json")
    assert OUT not in told(repo, "show", "HEAD:metrics.json")
    assert f"    {OUT}\n" in told(repo, "show", "HEAD:out.txt")
    assert "not right" not in told(repo, "show", "HEAD~1")
    found = Repo(repo.root).weft("show", "--json").json["data"]
    assert {"stage": "make", "path": "out.txt", "reason": "is not what the run of make wrote"} in found["false"]
    assert not found["stale_paths"], "false beats stale"


def test_log_names_them_in_each_commit_that_holds_them(repo: Lineage) -> None:
    lie(repo)
    assert f"    not right  {OUT}\n" in told(repo, "log", "-n", "1")
    of_metrics = told(repo, "log", "-n", "1", "--", "metrics.json")
    assert f"    not right  {METRICS}\n" in of_metrics
    assert OUT not in of_metrics
    assert f",not right,out.txt,,,{OUT.removeprefix('out.txt ')},\n" in told(repo, "log", "--format", "csv")
    newest, *others = Repo(repo.root).weft("log", "--json").json["data"]["commits"]
    assert {one["path"] for one in newest["wrong"]} == {"out.txt", "metrics.json"}
    assert not any(one["wrong"] for one in others if one["metrics"])


@pytest.mark.parametrize("stale", [False, True])
def test_compare_and_diff_mark_the_value_that_no_run_had(repo: Lineage, stale: bool) -> None:
    lie(repo, stale=stale)
    text = told(repo, "compare", "HEAD~1", "HEAD")
    assert f"not right in HEAD: {METRICS}\n" in text
    assert "99 not right" in text
    assert "14 not right" not in text
    rows = {
        one["key"]: one
        for one in Repo(repo.root).weft("compare", "HEAD~1", "HEAD", "--all", "--json").json["data"]["rows"]
    }
    assert rows["metrics.json:n (not of the run)"]["wrong"] == [False, True]
    assert rows["out.txt (not of the run)"]["wrong"] == [False, True]
    assert f"not right in HEAD: {METRICS}\n" in told(repo, "diff", "HEAD~1", "HEAD", "metrics.json")


def test_status_has_a_line_for_each(repo: Lineage) -> None:
    lie(repo)
    text = told(repo, "status")
    assert f"not right: {OUT}\n" in text
    assert f"not right: {METRICS}\n" in text
    assert "2 results not right" in text
    assert "all as recorded" not in text
    assert "next: weft repro make, to make again what is not right\n" in text
    repo.point("other", "1")
    assert "not right" not in told(repo, "status", "other")


def test_a_frozen_stage_is_no_excuse_and_a_record_that_was_changed_is_named(repo: Lineage) -> None:
    repo.write("weft.yaml", STAGES + "    frozen: true\n")
    repo.record("make")
    repo.replace("metrics.json", "14", "99")
    repo.replace("lineage/make.yaml", "cmd: python src/train.py", "cmd: python src/other.py")
    repo.commit()
    text = told(repo, "show")
    assert "lineage/make.yaml: its digest is not that of what it says" in text
    assert f"    {METRICS}\n" in text


def test_status_names_results_where_all_records_are_gone(repo: Lineage) -> None:
    shutil.rmtree(repo.root / "lineage")
    said = told(repo, "status")
    assert "not right: out.txt is there, and no record says which run made it: weft repro make" in said
    assert "not right: metrics.json is there, and no record says which run made it: weft repro make" in said


def test_status_is_silent_before_a_stage_has_run(repo: Lineage) -> None:
    shutil.rmtree(repo.root / "lineage")
    for name in ("metrics.json", "out.txt.weft"):
        (repo.root / name).unlink()
    assert "not right" not in told(repo, "status")


def test_a_record_that_cannot_be_read_makes_all_of_its_results_false(repo: Lineage) -> None:
    repo.write("lineage/make.yaml", "stage: make\nodd: 1\n")
    expected = {"lineage/make.yaml", "out.txt", "metrics.json"}
    assert {one["path"] for one in weft_json(repo, "status")["wrong"]} == expected
    repo.commit()
    assert {one["path"] for one in weft_json(repo, "show")["false"]} == expected
    assert {one["path"] for one in weft_json(repo, "log", "-n", "1", "--all")["commits"][0]["wrong"]} == expected
    said = told(repo, "show")
    assert "metrics.json:n = 14  not right" in said
    assert "metrics.json is there, and lineage/make.yaml cannot be read" in said
    assert "lineage/make.yaml: cannot be read: " in said
    assert "14 not right" in told(repo, "compare", "HEAD", "HEAD", "--all")


EDITS: dict[str, Callable[[Record], dict[str, Any]]] = {
    "a param that it must have read": lambda record: {"params": {"params.yaml": {"train.lr": 0.1}}},
    "the bytes of a params file": lambda record: {"params_files": {}},
    "the lock file that is declared": lambda record: {"env": {"python": "3.11.7"}},
    "an image that is not declared": lambda record: {"env": {**record.env, "image": "python:3"}},
    "the size of the data that it read": lambda record: {"deps": (replace(record.deps[0], size=7),)},
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_record_that_was_edited_is_named_though_its_digest_fits(tmp_path: Path, edit: str) -> None:
    repo = make(tmp_path / "repo")
    Repo(repo.root).weft("init")
    repo.record("train", **EDITS[edit](repo.record_of("train")))
    found = weft_json(repo, "status")["wrong"]
    assert {one["path"] for one in found} == {"lineage/train.yaml"}
    repo.git("add", "-A")
    repo.git("commit", "-q", "--no-verify", "-m", "edited")
    assert weft_json(repo, "show")["false"] == found
    assert weft_json(repo, "log", "-n", "1", "--all")["commits"][0]["wrong"] == found
    assert weft_json(repo, "show")["stale"] == []


def test_a_result_without_a_record_is_named(repo: Lineage) -> None:
    (repo.root / "lineage/make.yaml").unlink()
    repo.commit()
    assert "    metrics.json is there, and no record says which run made it: weft repro " in told(repo, "show")


def test_validate_of_a_commit_names_what_mends_it_there(repo: Lineage) -> None:
    right = repo.read("metrics.json")
    repo.replace("metrics.json", "14", "99")
    repo.commit()
    text = Repo(repo.root).weft("validate", "--rev", "HEAD", code=1).out
    assert "metrics.json is in the commit with other bytes than the run wrote" in text
    assert "n of metrics.json is 99 in the commit, and was 14 in the run" in text
    assert "staged" not in text
    assert "    mend: git checkout HEAD~ -- metrics.json, then: git commit\n" in text
    repo.git("checkout", "HEAD~", "--", "metrics.json")
    assert repo.read("metrics.json") == right
    repo.commit()
    Repo(repo.root).weft("validate", "--rev", "HEAD")
    short = repo.git("rev-parse", "--short=12", "HEAD~").strip()
    text = Repo(repo.root).weft("validate", "--range", "HEAD~2..HEAD", code=1).out
    assert f"mend: git checkout {short}~ -- metrics.json, then: git commit\n" in text
