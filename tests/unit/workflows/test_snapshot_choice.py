"""What a snapshot takes of the uncommitted files."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.gitio.snapshots import Beyond
from weft.model.stage import Ignore, Out, ParamSet, Stage, StageEnv
from weft.workflows import snapshot_choice
from weft.workflows.snapshot_choice import choose

STAGE = Stage(
    "train",
    "python train.py",
    deps=("src",),
    params=(ParamSet("params.yaml"),),
    outs=(Out("metrics.json", "metrics", cache=False),),
    env=StageEnv("requirements.lock"),
)


def test_tracked_files_and_what_stages_read_and_write(tmp_path: Path) -> None:
    names = ("src/a/b.py", "params.yaml", "metrics.json", "requirements.lock", "weft.yaml", "srcx", ".env", "inner/")
    chosen = choose(str(tmp_path), Beyond(("anything", "deleted"), names), [STAGE], ())
    assert chosen.taken == Beyond(("anything", "deleted"), names[:5])
    assert (chosen.large, chosen.secret) == ((), ())


def test_limits_of_one_untracked_file_and_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_choice, "UNTRACKED_LIMIT", 10)
    monkeypatch.setattr(snapshot_choice, "TOTAL_LIMIT", 30)
    sizes = {"src1": 9, "src2": 11, "src3": 8, "old1": 12, "old2": 13}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(b"x" * size)
    stages = [Stage("s", "x", deps=("src1", "src2", "src3"))]
    chosen = choose(str(tmp_path), Beyond(("old1", "old2"), ("src1", "src2", "src3")), stages, ())
    assert chosen.taken == Beyond(("old1",), ("src1", "src3"))
    assert chosen.large == ("old2", "src2")


def test_what_looks_like_a_secret_stays_out_unless_an_ignore_names_it(tmp_path: Path) -> None:
    token = "ghp_" + "0a1B" * 10
    for name, text in {"a": token, "b": f"\0{token}", "c": "x" * 2_000_000, "d": "plain"}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "e").symlink_to("a")
    beyond = Beyond(("a", "b", "c", "d", "e"))
    assert choose(str(tmp_path), beyond, (), ()).secret == ("a",)
    ignore = Ignore("WEFT021", "a", "made up")
    assert choose(str(tmp_path), beyond, (), (ignore,)).taken == beyond
