"""A params file, or one that vars lists, that is broken or in conflict is named itself, with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from stagekit import Project, pipeline

TEXT = b"""\
vars: [more.yaml]
stages:
  score:
    cmd: echo {} > metrics.json; echo ${train.lr} ${size}
    params: [train.lr]
    metrics: [metrics.json]
"""
CONFLICT = b"train:\n<<<<<<< ours\n  lr: 1\n=======\n  lr: 2\n>>>>>>> theirs\n"


@pytest.mark.parametrize("file", ["params.yaml", "more.yaml"])
@pytest.mark.parametrize("bad", [b"train:\n  lr: [1\n", CONFLICT], ids=["broken", "conflict"])
def test_it_is_named_itself(tmp_path: Path, file: str, bad: bytes) -> None:
    repo: Project = pipeline(tmp_path)
    repo.write({"weft.yaml": TEXT, "more.yaml": b"size: 1\n"})
    repo.weft("repro")
    repo.commit("more")
    repo.weft("install")
    repo.write({file: bad})
    status = repo.weft("status", code=None)
    assert f"which stages are stale cannot be told from here: {file}:" in status.err + status.out
    for said in (repo.weft("repro", code=None).err, repo.weft("repro", "-n", code=None).err):
        assert f"{file}" in said
        assert "weft.yaml" not in said
    repo.git("add", file)
    ran = repo.git("commit", "-m", "x", code=1)
    assert f"{file}:" in ran.err
    assert "weft.yaml" not in ran.err
