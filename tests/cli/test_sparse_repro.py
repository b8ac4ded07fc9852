"""Stages of a repository with several projects, of which a sparse checkout has one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kit import BASE_ENV, Repo

STAGES = b"""stages:
  nlp-train:
    cmd: |
      mkdir -p out
      cat params.yaml words > out/model
      echo '{"n": 1}' > metrics.json
    wdir: nlp
    deps: [words]
    params: [params.yaml: [lr]]
    outs: [out/model]
    metrics: [metrics.json: {cache: false}]
  vision-train:
    cmd: cat train.txt images params.yaml > model
    wdir: vision
    deps: [train.txt, images]
    params: [params.yaml: [lr]]
    outs: [model]
  vision-report:
    cmd: wc -c < vision/model > vision/report.txt
    deps: [vision/model]
    outs: [vision/report.txt: {cache: false}]
"""


def made(tmp_path: Path) -> Repo:
    """Two projects whose stages have run, all committed, in a work tree that has the folder nlp alone."""
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    repo.write({"weft.yaml": STAGES, "vision/train.txt": b"train\n", "vision/images": b"i\n", "nlp/words": b"w\n"})
    repo.write({"nlp/params.yaml": b"lr: 1\n", "vision/params.yaml": b"lr: 1\n", "vision/.gitignore": b"/mine\n"})
    repo.weft("add", "vision/images", "nlp/words")
    repo.weft("repro")
    repo.weft("install")
    repo.commit("ran")
    repo.git("sparse-checkout", "set", "--cone", "nlp")
    assert sorted(name for name in os.listdir(repo.root) if not name.startswith(".")) == ["nlp", "weft.yaml"]
    return repo


def clean(repo: Repo) -> bool:
    return repo.git("status", "--porcelain").out == ""


def left(repo: Repo) -> list[str]:
    rows = repo.git("ls-files", "-t").out.splitlines()
    return [row[2:] for row in rows if row.startswith("S ")]


def test_a_dry_run_knows_what_a_sparse_checkout_leaves_out(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    repo.write({"data/raw": b"raw\n", "src/x": b"x\n"})
    repo.weft("add", "data/raw")
    repo.weft("run", "-n", "s", "-d", "data/raw", "-o", "out/o", "--", "mkdir -p out; cp data/raw out/o")
    repo.commit("ran")
    repo.git("sparse-checkout", "set", "--cone", "src")
    assert not (repo.root / "data/raw.weft").exists()
    assert not (repo.root / "lineage").exists()
    assert "0 of 1 stage stale" in repo.weft("repro", "--dry-run").err
    ran = repo.weft("repro", "-f", "s", code=3)
    assert "a sparse checkout leaves data/raw" in ran.err
    assert "[E_LEFT_OUT]" in ran.err
    assert "git sparse-checkout add data, then weft pull data/raw" in ran.err
    assert "hint: git sparse-checkout add data, then weft pull data/raw" in repo.weft("repro", "-f").err
    assert not (repo.root / "out").exists()


def test_a_stage_in_the_cone_is_run_staged_and_committed(tmp_path: Path) -> None:
    repo = made(tmp_path)
    repo.write({"nlp/params.yaml": b"lr: 2\n"})
    assert "nlp-train: ran" in repo.weft("repro", "nlp-train").out
    assert "lineage/nlp-train.yaml" in repo.git("diff", "--cached", "--name-only").out
    repo.git("commit", "-q", "-am", "Another rate")
    assert clean(repo)
    assert (repo.root / "lineage/nlp-train.yaml").exists()
    assert "lineage/nlp-train.yaml" not in left(repo)
    assert "lineage/vision-train.yaml" in left(repo)
    assert "up to date" in repo.weft("repro", "nlp-train").out
    repo.git("sparse-checkout", "reapply")
    assert not (repo.root / "lineage").exists()
    assert clean(repo)
    assert "up to date" in repo.weft("repro", "nlp-train").out


def test_run_and_the_verbs_of_stages_stage_what_lies_outside(tmp_path: Path) -> None:
    repo = made(tmp_path)
    repo.weft("run", "-n", "count", "-d", "nlp/words", "-o", "nlp/n", "--", "wc -c < nlp/words > nlp/n")
    assert "A  lineage/count.yaml" in repo.git("status", "--porcelain").out
    repo.git("commit", "-q", "-am", "Count")
    assert clean(repo)
    repo.write({"nlp/params.yaml": b"lr: 3\n"})
    repo.weft("stage", "accept", "nlp-train", "-m", "by hand")
    repo.git("commit", "-q", "-am", "Accepted")
    assert clean(repo)
    repo.weft("stage", "freeze", "nlp-train")
    repo.weft("stage", "add", "-n", "none", "-d", "nlp/words", "-o", "nlp/none", "--", "cp nlp/words nlp/none")
    repo.weft("stage", "remove", "none")
    repo.weft("stage", "remove", "vision-report")
    repo.git("sparse-checkout", "reapply")
    repo.weft("stage", "remove", "vision-train")
    staged = repo.git("diff", "--cached", "--name-status").out
    assert "D\tlineage/vision-train.yaml" in staged
    assert "D\tvision/model.weft" in staged
    repo.git("commit", "-q", "-am", "Less")
    assert clean(repo)
    assert repo.git("show", "HEAD:vision/.gitignore").out == "/mine\n/images\n"


def test_status_list_and_graph_judge_what_is_left_out(tmp_path: Path) -> None:
    repo = made(tmp_path)
    assert "all as recorded" in repo.weft("status").out
    assert "fresh" in repo.weft("stage", "list", "nlp-train").out
    assert "never run" not in repo.weft("stage", "list").out
    assert "never" not in repo.weft("lineage", "graph").out
    repo.write({"nlp/params.yaml": b"lr: 2\n"})
    assert [one["stage"] for one in repo.weft("status", "--json").json["data"]["stale"]] == ["nlp-train"]
    listed = repo.weft("stage", "list", "--json").json["data"]["stages"]
    assert [(one["name"], one["state"]) for one in listed] == [
        ("nlp-train", "stale"),
        ("vision-train", "fresh"),
        ("vision-report", "fresh"),
    ]
    repo.git("reset", "-q", "--hard")
    repo.git("sparse-checkout", "disable")
    repo.write({"vision/params.yaml": b"lr: 2\n"})
    repo.git("commit", "-q", "-am", "A rate that was not used", "--no-verify")
    repo.git("sparse-checkout", "set", "--cone", "nlp")
    assert [one["stage"] for one in repo.weft("status", "--json").json["data"]["stale"]] == [
        "vision-train",
        "vision-report",
    ]


@pytest.mark.parametrize("how", ["set", "clone"])
def test_without_names_what_is_in_the_cone_is_run_and_the_rest_is_named(tmp_path: Path, how: str) -> None:
    repo = made(tmp_path)
    repo.git("sparse-checkout", "disable")
    repo.write({"vision/params.yaml": b"lr: 2\n", "nlp/params.yaml": b"lr: 2\n"})
    repo.git("commit", "-q", "-am", "Rates", "--no-verify")
    if how == "clone":
        repo.weft("push")
        repo.git("clone", "-q", "--sparse", str(repo.root), str(tmp_path / "clone"))
        repo = Repo(tmp_path / "clone")
        repo.git("sparse-checkout", "add", "nlp")
        repo.weft("pull", "nlp")
    else:
        repo.git("sparse-checkout", "set", "--cone", "nlp")
    planned = repo.weft("repro", "--dry-run", code=0)
    assert "write vision/params.yaml" not in planned.out + planned.err
    assert "hint: git sparse-checkout add vision, then weft pull vision/images" in planned.err
    assert "3 of 3 stages stale" in planned.err
    named = repo.weft("repro", "vision-train", code=3)
    assert "git sparse-checkout add vision, then weft pull vision/images" in named.err
    assert not (repo.root / "vision").exists()
    ran = repo.weft("repro")
    assert "nlp-train: ran" in ran.out
    assert "vision-train: skipped: a sparse checkout leaves vision/" in ran.out
    assert "vision-report: skipped: vision-train was skipped" in ran.out
    assert "hint: git sparse-checkout add vision, then weft pull vision/images" in ran.err
    assert not (repo.root / "vision").exists()
    repo.git("commit", "-q", "-am", "Trained")
    assert clean(repo)
    repo.git("sparse-checkout", "add", "vision")
    repo.weft("pull", "vision/images")
    assert "vision-report: ran" in repo.weft("repro").out


def test_data_outside_of_the_cone_keeps_the_other_lines_of_gitignore(tmp_path: Path) -> None:
    repo = made(tmp_path)
    repo.write({"vision/new": b"n\n"})
    repo.weft("add", "vision/new")
    assert repo.git("show", ":vision/.gitignore").out.splitlines() == ["/mine", "/images", "/model", "/new"]
    repo.weft("mv", "vision/new", "vision/other")
    repo.weft("rm", "--force", "vision/other")
    assert repo.git("show", ":vision/.gitignore").out.splitlines() == ["/mine", "/images", "/model"]
    for words in (("rm", "vision/images"), ("mv", "nlp/words", "vision/images"), ("mv", "vision/images", "nlp/i")):
        assert "git sparse-checkout add vision" in repo.weft(*words, code=3).err
    repo.weft("checkout", "HEAD", "vision/images")
    assert clean(repo)
    assert (repo.root / "vision/images").read_bytes() == b"i\n"


def test_a_conflict_outside_of_the_cone_is_resolved(tmp_path: Path) -> None:
    repo = made(tmp_path)
    repo.git("sparse-checkout", "disable")
    for branch, data in (("one", b"1\n"), ("two", b"2\n")):
        repo.git("switch", "-q", "-C", branch, "main")
        repo.write({"vision/extra": data})
        repo.weft("add", "vision/extra")
        repo.git("commit", "-q", "-am", branch)
    repo.git("sparse-checkout", "set", "--cone", "nlp")
    repo.git("merge", "-q", "one", code=1)
    repo.weft("resolve", "--ours", "vision/extra")
    repo.git("commit", "-q", "-am", "merged")
    assert clean(repo)


def test_a_git_that_does_not_know_the_option_is_asked_without_it(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    real = repo.run("sh", "-c", "command -v git").out.strip()
    git.write_text(f'#!/bin/sh\nfor word; do [ "$word" = --sparse ] && exit 129; done\nexec {real} "$@"\n')
    git.chmod(git.stat().st_mode | stat.S_IXUSR)
    old = {"PATH": f"{git.parent}:{os.environ['PATH']}", **BASE_ENV}
    repo.write({"data": b"d\n"})
    repo.weft("add", "data", env=old)
    assert "A  data.weft" in repo.git("status", "--porcelain").out
    repo.weft("rm", "--force", "data", env=old)
    assert "data.weft" not in repo.git("status", "--porcelain").out
