"""`weft show`: all that one commit holds, from Git alone."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from kit import Repo
from lineagekit import Lineage, make


@pytest.fixture
def repo(tmp_path: Path) -> Lineage:
    made = make(tmp_path / "repo")
    (made.root / ".git" / "hooks" / "pre-commit").unlink()
    return made


def weft(made: Lineage, *args: str, code: int = 0) -> Any:
    return Repo(made.root).weft(*args, code=code)


def shown(made: Lineage, *args: str) -> dict[str, Any]:
    found: dict[str, Any] = weft(made, "show", "--json", *args).json["data"]
    return found


def test_everything_that_a_commit_holds(repo: Lineage) -> None:
    found = shown(repo)
    assert [(one["path"], one["type"], one["size"], one["files"]) for one in found["data"]] == [
        ("data/prepared", "dir", 100, 7),
        ("data/raw", "dir", 100, 7),
        ("models/clf.pkl", "file", 100, 1),
    ]
    assert found["params"]["params.yaml"]["train.lr"] == 0.1
    assert found["metrics"] == {"metrics.json": {"auc": 0.9}}
    train = next(one for one in found["stages"] if one["name"] == "train")
    assert train["cmd"] == "python src/train.py"
    assert train["code"] == {"src/train.py": repo.git("rev-parse", "HEAD:src/train.py").strip()}
    assert (train["run"]["duration"], train["env"]["python"]) == (2.0, "3.11.7")
    assert found["wrong"] == {}
    text = weft(repo, "show").out
    assert "2026-01-31T12:00:00Z, took 2.0 s, by Ada <ada@example.org>" in text
    assert "linux-x86_64, Python 3.11.7" in text
    assert "not right" not in text


def test_as_a_table(repo: Lineage) -> None:
    table = list(csv.reader(io.StringIO(weft(repo, "show", "--format", "csv").out)))
    assert table[0] == ["section", "stage", "path", "key", "value", "stale", "accepted"]
    assert ["params", "", "params.yaml", "train.lr", "0.1", "", ""] in table
    assert ["command", "train", "", "", "python src/train.py", "", ""] in table
    assert [row[3] for row in table if row[0] == "data"] == ["dir", "dir", "file"]
    assert "| metrics |  | metrics.json | auc | 0.9 |  |  |" in weft(repo, "show", "--format", "md").out.splitlines()


def test_what_is_not_right_is_named(repo: Lineage) -> None:
    repo.replace("lineage/train.yaml", "cmd: python src/train.py", "cmd: python src/other.py")
    repo.write("lineage/prepare.yaml", b"x" * (5 << 20))
    repo.write("data/raw.weft", "<<<<<<< ours\n")
    repo.commit()
    wrong = shown(repo)["wrong"]
    assert wrong["lineage/train.yaml"][0] == "its digest is not that of what it says: it was changed after the run"
    assert "over the limit of 4194304" in wrong["lineage/prepare.yaml"][0]
    assert "data/raw.weft" in wrong
    text = weft(repo, "show").out
    assert "not right\n" in text
    assert "no record says which run made it: weft repro " in text


def test_values_that_are_not_those_of_the_run_are_named(repo: Lineage) -> None:
    repo.replace("params.yaml", "lr: 0.1", "lr: .nan")
    repo.commit()
    repo.write("metrics.json", '{"auc": 0.99}\n')
    repo.commit()
    found = shown(repo)
    assert found["params"]["params.yaml"]["train.lr"] == 0.1, "of the run"
    assert found["not_run"] == {"params.yaml": {"train.lr": "NaN"}}
    assert found["metrics"] == {"metrics.json": {"auc": 0.9}}
    told = {"lineage/train.yaml": ["metrics.json:auc was 0.9 in the run, and is 0.99 in the file"]}
    assert shown(repo, "lineage")["wrong"] == told
    assert found["wrong"] == {**told, "metrics.json": ["is not what the run of train wrote"]}
    assert shown(repo, "metrics.json")["wrong"] == {"metrics.json": ["is not what the run of train wrote"]}
    only = shown(repo, "params.yaml")
    assert (only["params"]["params.yaml"]["train.lr"], only["stages"], only["wrong"]) == (0.1, [], {})
    assert "params of no run yet\n    params.yaml:train.lr = NaN\n" in weft(repo, "show").out


def test_a_record_of_no_stage_and_a_stage_without_record(repo: Lineage) -> None:
    repo.replace("weft.yaml", "  prepare:", "  ready:")
    repo.commit()
    found = shown(repo)
    assert "declares no such stage" in found["wrong"]["lineage/prepare.yaml"][0]
    assert {one["name"]: (one["recorded"], one["declared"]) for one in found["stages"]} == {
        "prepare": (True, False),
        "ready": (False, True),
        "train": (True, True),
    }


def test_paths_and_both_spellings(repo: Lineage) -> None:
    assert [one["path"] for one in shown(repo, "HEAD", "data")["data"]] == ["data/prepared", "data/raw"]
    assert shown(repo, "HEAD:models")["data"] == shown(repo, "models")["data"]
    only = shown(repo, "lineage/train.yaml")
    assert ([one["name"] for one in only["stages"]], only["params"], only["metrics"]) == (["train"], {}, {})
    assert shown(repo, "HEAD:")["data"] == shown(repo)["data"]
    assert "E_NO_PATH" in weft(repo, "show", "HEAD:nosuch", code=3).err
    assert "E_NO_REVISION" in weft(repo, "show", "nosuch", "--", "data", code=3).err


def test_a_commit_that_holds_nothing_of_weft(repo: Lineage) -> None:
    repo.git("rm", "-rq", "data", "models", "lineage", "weft.yaml")
    repo.commit()
    assert "holds no data" in weft(repo, "show").err
