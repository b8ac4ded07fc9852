"""Where records lie, and which stage is whose."""

from __future__ import annotations

import pytest

from weft.model.lineage import is_record, record_path, stage_of_record


@pytest.mark.parametrize("stage", ["train", "fit@small", "a.yaml", "fit@1-x.yaml", "p/nlp/train", "packages/a@b"])
def test_a_record_leads_back_to_its_stage(stage: str) -> None:
    path = record_path(stage)
    assert is_record(path)
    assert stage_of_record(path) == stage


@pytest.mark.parametrize(
    "path", ["lineage", "lineage/train", "lineage/packages/a.txt", "src/lineage/a.yaml", "lineage.yaml", "a.yaml", ""]
)
def test_other_files_are_no_records(path: str) -> None:
    assert not is_record(path)
