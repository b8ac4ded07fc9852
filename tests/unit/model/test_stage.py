"""Stages and records as values."""

from weft.model.lineage import Record, record_path
from weft.model.stage import Out, Stage


def test_outs_are_told_apart_by_kind() -> None:
    outs = (Out("models/a.pkl"), Out("metrics.json", "metrics", cache=False), Out("roc.csv", "plots", cache=False))
    stage = Stage("train", "python train.py", outs=outs)
    assert stage.paths("out") == ("models/a.pkl",)
    assert stage.paths("metrics") == ("metrics.json",)
    assert stage.paths("plots") == ("roc.csv",)


def test_the_record_of_a_stage_is_a_file_of_its_own() -> None:
    assert record_path(Record("train@de", "true", "0" * 40).stage) == "lineage/train@de.yaml"
