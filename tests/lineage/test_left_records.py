"""A member that is taken out of a foreach leaves its record and what it made: that is said before the commit, and once."""

from __future__ import annotations

from pathlib import Path

from stagekit import pipeline

TEXT = b"""\
stages:
  fit:
    foreach: [a, b, c, d]
    do:
      cmd: echo ${item} > model-${item} && echo 1 > m-${item}.json
      outs: ['model-${item}']
      metrics: ['m-${item}.json']
"""


def test_members_that_are_taken_out(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    repo.write({"weft.yaml": TEXT})
    repo.weft("repro")
    repo.commit("four")
    repo.weft("install")
    assert "no longer declares" not in repo.weft("status").err + repo.weft("repro").err
    repo.write({"weft.yaml": TEXT.replace(b", b, c, d", b", d")})
    wanted = "next: git rm -f lineage/fit@b.yaml lineage/fit@c.yaml, left of 2 stages that weft.yaml no longer declares"
    assert wanted in repo.weft("status").err
    assert wanted in repo.weft("repro").err
    repo.git("add", "weft.yaml")
    ran = repo.git("commit", "-m", "two", code=1)
    assert ran.err.count("WEFT014 ") == 1 + ran.err.count("--explain WEFT014 ")
    assert "what was made stays, as a source: m-b.json, m-c.json, model-b" in ran.err
    assert "mend: git rm -f lineage/fit@b.yaml lineage/fit@c.yaml, or declare the stages" in ran.err
    repo.git("rm", "-q", "-f", "lineage/fit@b.yaml", "lineage/fit@c.yaml")
    repo.git("commit", "-q", "-m", "two")
    assert "no longer declares" not in repo.weft("status").err


def test_a_stage_file_that_was_forgotten_is_to_be_added(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    repo.weft("install")
    repo.write({"weft.yaml": TEXT})
    repo.weft("repro")
    refused = repo.git("commit", "-m", "four", code=1).err
    assert "mend: git add weft.yaml, then: git commit" in refused
    assert "git rm -f" not in refused
    repo.git("add", "weft.yaml")
    repo.git("commit", "-q", "-m", "four")
