"""Bad input and unusual places of pipelines, as far as no other test has them.

| what | where it is tested |
|---|---|
| a command that fails, is killed, finds no room, changes its inputs, writes elsewhere | ``tests/cli/test_run_safety.py`` |
| a cycle, a missing dep, two producers, params missing or no mapping | ``tests/cli/test_repro.py`` |
| a record edited by hand | ``test_rules.py`` |
| a shallow clone, a detached HEAD, a linked work tree, an unborn branch | ``tests/cli/test_{repro,run_safety,log}.py`` |
| 10,000 commits | ``tests/counts/test_{lineage,log}_counts.py`` |
| commits in a rebase, a cherry-pick, a merge, --amend, -a, PATH, that only delete | ``tests/hooks/test_commit.py`` |
| a notebook as a stage, a submodule | here |
"""

from __future__ import annotations

import json
from pathlib import Path

from stagekit import Project, empty, pipeline

RUNNER = b"""\
import json, pathlib, sys
book = json.loads(pathlib.Path(sys.argv[1]).read_text())
for cell in book["cells"]:
    exec("".join(cell["source"]))
    cell["outputs"], cell["execution_count"] = [{"output_type": "stream", "text": ["done"]}], 1
if "--inplace" in sys.argv:
    pathlib.Path(sys.argv[1]).write_text(json.dumps(book))
"""
BOOK = {
    "cells": [
        {"cell_type": "code", "source": ["open('out.txt', 'w').write('42')"], "outputs": [], "execution_count": None}
    ],
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
}
STAGE = """\
stages:
  book:
    cmd: python3 run_book.py look.ipynb{}
    deps: [look.ipynb, run_book.py]
    outs: [out.txt]
"""


def _with_book(tmp_path: Path, option: str = "") -> Project:
    repo = empty(tmp_path)
    repo.write(
        {
            "look.ipynb": json.dumps(BOOK).encode(),
            "run_book.py": RUNNER,
            "weft.yaml": STAGE.format(option).encode(),
        }
    )
    repo.weft("install")
    repo.commit("a notebook")
    return repo


def test_a_notebook_is_a_stage_like_any_other(tmp_path: Path) -> None:
    repo = _with_book(tmp_path)
    repo.weft("repro")
    assert (repo.root / "out.txt").read_text() == "42"
    repo.commit("results")
    repo.weft("validate", "--rev", "HEAD")
    assert repo.actions("--dry-run") == {"book": "up-to-date"}


def test_a_notebook_that_is_run_in_place_changes_its_own_input(tmp_path: Path) -> None:
    """Its outputs are then part of the code that the record claims to have run: that is said, and refused."""
    repo = _with_book(tmp_path, " --inplace")
    ran = repo.weft("repro", code=None)
    assert "look.ipynb" in ran.err + ran.out
    assert "changed while" in ran.err + ran.out
    repo.git("add", "-A")
    refused = repo.git("commit", "-q", "-m", "results", code=1)
    assert "WEFT0" in refused.err
    assert repo.git("log", "--format=%s", "-1").out == "a notebook\n"


def test_a_pipeline_in_a_submodule_is_its_own_project(tmp_path: Path) -> None:
    inner = pipeline(tmp_path / "inner")
    outer = empty(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.root), "part")
    outer.commit("a part")
    part = Project(outer.root / "part")
    part.env = {"COUNT": str(tmp_path / "count.txt")}
    (part.root / "data" / "raw.csv").write_bytes((inner.root / "data" / "raw.csv").read_bytes())
    part.weft("add", "data/raw.csv")
    part.weft("install")
    part.weft("repro")
    part.commit("results")
    part.weft("validate", "--rev", "HEAD")
    assert set(part.actions("--dry-run").values()) == {"up-to-date"}
    (part.root / "metrics.json").write_text('{"size": 1, "deep": {"x": 0.5}}')
    assert "WEFT010" in part.git("commit", "-q", "-a", "-m", "false", code=1).err
    assert outer.weft("status").code == 0
    outer.commit("the part has results")
    assert outer.git("status", "--porcelain").out == " M part\n"  # the number that was typed there, and nothing of ours
