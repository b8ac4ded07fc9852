"""The records of a work tree."""

from __future__ import annotations

from pathlib import Path

from weft.workflows.stages import records_here


def test_records_are_found_in_all_folders_and_through_no_link(tmp_path: Path) -> None:
    assert records_here(str(tmp_path)) == []
    for name in ("lineage/a.yaml", "lineage/p/nlp/a.yaml", "lineage/packages/0.txt", "other/lineage/a.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "lineage/out").symlink_to(tmp_path / "other/lineage")
    assert sorted(records_here(str(tmp_path))) == ["lineage/a.yaml", "lineage/p/nlp/a.yaml"]
