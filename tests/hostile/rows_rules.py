"""False lineage that goes around the rules of ``weft validate``: each is refused by the hook, or in CI, or shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lineagekit import Lineage, make
from weft.errors import UsageFault
from weft.formats import lineage
from weft.gitio.blobs import blob_id
from weft.gitio.repo import discover
from weft.gitio.snapshots import beyond_head
from weft.model.lineage import record_path
from weft.workflows.validate import ValidateResult, validate_range, validate_staged

FALSE = b'{"auc": 0.99}\n'


def _repo(tmp_path: Path) -> Lineage:
    return make(tmp_path / "repo")


def _rules(result: ValidateResult) -> set[str]:
    return {one.rule for one in result.violations}


def _refused(repo: Lineage, rule: str) -> None:
    """The hook refuses what is in the work tree as a commit, and a range in which it is one does not pass."""
    assert rule in repo.commit(code=1)
    repo.git("--no-replace-objects", "commit", "-q", "--no-verify", "-m", "around")
    assert _rules(validate_range(str(repo.root), "HEAD~1..HEAD")) >= {rule, "WEFT027"}


def record_deleted(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    (repo.root / record_path("train")).unlink()
    repo.replace("weft.yaml", "    metrics:", "    frozen: true\n    metrics:")
    repo.write("metrics.json", FALSE)
    _refused(repo, "WEFT018")


def stage_renamed(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    (repo.root / record_path("train")).unlink()
    repo.replace("weft.yaml", "  train:", "  fit:")
    repo.write("metrics.json", FALSE)
    _refused(repo, "WEFT015")


def excuse_in_the_same_commit(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    text = repo.read("weft.yaml") + b'validate:\n  - {rule: WEFT010, path: "**", reason: rounded}\n'
    repo.write("weft.yaml", text)
    repo.write("metrics.json", FALSE)
    _refused(repo, "WEFT010")


def range_of_nothing(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    for span in ("..HEAD", "HEAD..", "HEAD..HEAD", ""):
        with pytest.raises(UsageFault):
            validate_range(str(repo.root), span)


def replaced_object(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    honest = repo.git("rev-parse", "HEAD:metrics.json").strip()
    repo.write("metrics.json", FALSE)
    repo.git("replace", repo.git("hash-object", "-w", "metrics.json").strip(), honest)
    record = lineage.decode(repo.read(record_path("train")), what="train")
    told = replace(record, metrics={"metrics.json": {"auc": 0.99}}, files={"metrics.json": blob_id(FALSE)})
    repo.write("../forged", lineage.encode(lineage.with_digest(told)))
    repo.git("replace", repo.git("rev-parse", f"HEAD:{record_path('train')}").strip(), _written(repo, "../forged"))
    _refused(repo, "WEFT010")


def _written(repo: Lineage, name: str) -> str:
    return repo.git("hash-object", "-w", name).strip()


def poisoned_results(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    path = repo.root / ".git" / "weft" / "validate-cache.json"
    kept = json.loads(path.read_text())
    for key, row in kept["parsed"].items():
        if key.startswith("record "):
            row["metrics"], row["files"] = {"metrics.json": {"auc": 0.99}}, {"metrics.json": blob_id(FALSE)}
    path.write_text(json.dumps(kept))
    repo.write("metrics.json", FALSE)
    repo.git("add", "-A")
    assert _rules(validate_staged(str(repo.root), cached=False)) == {"WEFT010"}
    repo.git("commit", "-q", "--no-verify", "-m", "lie")
    assert _rules(validate_range(str(repo.root), "HEAD~1..HEAD")) == {"WEFT010", "WEFT027"}


def intended_entry(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write("lib/__init__.py", "")
    repo.write("weft.yaml", repo.read("weft.yaml") + b"  third:\n    cmd: x\n    deps: [lib]\n")
    repo.record("third")
    repo.git("add", "weft.yaml", "lineage")
    repo.git("add", "--intent-to-add", "lib/__init__.py")
    assert "WEFT013" in repo.git("commit", "-q", "-m", "half", code=1)


def configuration_deleted(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write(".weft/config.yaml", "weft: 1\n")
    repo.git("add", "-A")
    repo.git("commit", "-q", "--no-verify", "-m", "configuration")
    (repo.root / ".weft" / "config.yaml").unlink()
    _refused(repo, "WEFT018")


def hidden_change(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    for mark in ("--assume-unchanged", "--skip-worktree"):
        repo.git("update-index", mark, "README.md")
        repo.write("README.md", mark)
        assert beyond_head(discover(str(repo.root))).changed == ("README.md",)
        repo.git("update-index", mark.replace("--", "--no-"), "README.md")


def values_of_no_file(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.record("train", metrics={"metrics.json": {"auc": 0.9}, "nowhere.json": {"auc": 1.0}})
    _refused(repo, "WEFT014")


def other_spelling(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.write("Lineage/train.yaml", "x\n")
    _refused(repo, "WEFT004")


def stale_and_excused_at_once(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    strict = "validate:\n  stale: error\n"
    repo.write("weft.yaml", repo.read("weft.yaml").decode() + strict)
    repo.commit()
    repo.replace("params.yaml", "lr: 0.1", "lr: 0.5")
    repo.replace("weft.yaml", "    metrics:", "    frozen: true\n    metrics:")
    repo.replace("weft.yaml", strict, strict + '  ignore: [{rule: WEFT009, path: "**", reason: later}]\n')
    _refused(repo, "WEFT009")


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (106, "record-deleted", record_deleted),
    (106, "stage-renamed", stage_renamed),
    (107, "excuse-in-the-same-commit", excuse_in_the_same_commit),
    (108, "range-of-nothing", range_of_nothing),
    (109, "replaced-object", replaced_object),
    (110, "poisoned-results", poisoned_results),
    (111, "intended-entry", intended_entry),
    (112, "configuration-deleted", configuration_deleted),
    (113, "hidden-change", hidden_change),
    (114, "values-of-no-file", values_of_no_file),
    (115, "other-spelling", other_spelling),
    (144, "stale-and-excused-at-once", stale_and_excused_at_once),
]
