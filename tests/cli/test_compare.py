"""`weft compare`: revisions side by side, from Git alone."""

from __future__ import annotations

from pathlib import Path

from stagekit import pipeline


def test_revisions_are_compared_without_data(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    repo.weft("repro")
    repo.commit("one")
    repo.write({"params.yaml": b"train: {lr: 0.25}\n"})
    repo.weft("repro")
    repo.commit("two")
    clone = repo.clone(tmp_path / "clone")
    found = clone.weft("compare", "HEAD~1", "HEAD", "--json").json["data"]["rows"]
    rows = {(row["section"], row["key"]): row for row in found}
    assert rows["params", "params.yaml:train.lr"]["values"][1] == 0.25
    assert ("data", "model") in rows
    assert ("data", "data/raw.csv") not in rows
    size = rows["metrics", "metrics.json:size"]
    assert size["delta"] == size["values"][1] - size["values"][0] != 0
    assert "data/raw.csv" in clone.weft("compare", "HEAD~1", "HEAD", "--all").out


def test_one_revision_is_refused(tmp_path: Path) -> None:
    assert "two revisions" in pipeline(tmp_path).weft("compare", "HEAD", code=2).err
