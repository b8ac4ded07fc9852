"""In the middle of a merge, a rebase or a pick every hint is true, and the sides have names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kit import Repo
from weft.gitio.halfway import Halfway, halfway, side_names
from weft.gitio.repo import discover
from weft.workflows.next_step import next_step


def _repo(tmp_path: Path) -> Repo:
    """Two branches that changed x.txt of data, each its own; only side changed other."""
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    repo.weft("install")
    repo.write({"data/x.txt": b"base\n", "data/y.txt": b"base\n", "other": b"base\n"})
    repo.weft("add", "data", "other")
    repo.commit("base")
    repo.git("switch", "-q", "-c", "side")
    repo.write({"data/x.txt": b"side\n", "other": b"side\n"})
    repo.weft("add", "data", "other")
    repo.commit("side")
    repo.git("switch", "-q", "main")
    repo.write({"data/x.txt": b"main\n"})
    repo.weft("add", "data")
    repo.commit("main")
    return repo


def test_a_merge_names_branches_and_ends_in_a_checkout_of_what_merged_by_itself(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    said = repo.git("merge", "side", code=1).err
    assert "ours is main, theirs is side" in said
    text = (repo.root / "data.weft").read_text()
    assert "<<<<<<< ours (main)\n" in text
    assert ">>>>>>> theirs (side)\n" in text
    assert "conflict of a merge between 'ours (main)' and 'theirs (side)'" in repo.weft("checkout", code=3).err
    status = repo.weft("status", code=3).err
    assert "next: weft resolve --ours data, or --theirs" in status
    assert "git commit" not in status
    left = repo.weft("resolve", "data", code=1).err
    assert "ours is main, theirs is side" in left
    assert "<<<<<<< ours (main)\n" in (repo.root / "data.weft").read_text()
    repo.write({"other": b"base\n"})  # the checkout above brought it along
    ran = repo.weft("resolve", "--theirs", "data")
    assert "next: git commit" in ran.err
    assert "next: git commit" in repo.weft("status").err
    repo.git("commit", "-q", "-m", "merged")
    repo.weft("checkout")
    assert "all as recorded" in repo.weft("status").out
    assert (repo.root / "data/x.txt").read_bytes() == b"side\n"


def test_data_that_merged_by_itself_is_told_of_once_nothing_is_in_conflict(tmp_path: Path) -> None:
    repo = _repo(tmp_path)
    repo.git("merge", "side", code=1)
    assert (repo.root / "other").read_bytes() == b"base\n"
    ran = repo.weft("resolve", "--ours", "data")
    assert "next: git commit, then weft checkout, to bring along 1 path that merged by itself" in ran.err
    repo.git("commit", "-q", "-m", "merged")
    repo.weft("checkout")
    assert (repo.root / "other").read_bytes() == b"side\n"


@pytest.mark.parametrize(("start", "ours", "theirs", "go_on"), [
    (["rebase", "main"], "main", "side", "git rebase --continue"),
    (["cherry-pick", "main"], "side", "main", "git cherry-pick --continue"),
    (["revert", "HEAD"], "side", "", "git revert --continue"),
])  # fmt: skip
def test_git_goes_on_by_what_is_said(tmp_path: Path, start: list[str], ours: str, theirs: str, go_on: str) -> None:
    repo = _repo(tmp_path)
    repo.git("switch", "-q", "side")
    if start[0] == "revert":
        repo.write({"data/x.txt": b"later\n"})
        repo.weft("add", "data")
        repo.commit("later")
        start = ["revert", "HEAD~1"]
        theirs = repo.git("rev-parse", "HEAD~1").out[:10]
    repo.git(*start, code=1)
    if start[0] == "rebase":
        assert "<<<<<<< ours (main)\n" in (repo.root / "data.weft").read_text(), "as Git has it in a rebase"
        assert ">>>>>>> theirs (side)\n" in (repo.root / "data.weft").read_text()
    left = repo.weft("resolve", "data", code=1).err
    assert f"ours is {ours}, theirs is {theirs}" in left
    assert "git commit" not in left
    ran = repo.weft("resolve", "--theirs", "data")
    assert f"next: {go_on}" in ran.err
    assert f"next: {go_on}" in repo.weft("status").err
    done = repo.weft("doctor", code=None).out
    assert go_on in done
    repo.git("-c", "core.editor=true", *go_on.split()[1:])
    repo.weft("checkout")
    assert "all as recorded" in repo.weft("status").out


def test_a_merge_of_pointer_record_and_params_by_the_hints_alone(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo", str(tmp_path / "store"))
    repo.weft("install")
    repo.write({"params.yaml": b"lr: 1\n", "raw": b"raw\n", "train.sh": b"cat raw params.yaml > model\n"})
    repo.weft("add", "raw")
    repo.git("add", "params.yaml", "train.sh")
    repo.weft(
        "run",
        "-n",
        "train",
        "-d",
        "raw",
        "-d",
        "train.sh",
        "-p",
        "params.yaml:lr",
        "-o",
        "model",
        "--",
        "sh",
        "train.sh",
    )
    repo.commit("base")

    def change(rate: str) -> None:
        repo.write({"params.yaml": f"lr: {rate}\n".encode()})
        repo.git("add", "params.yaml")
        repo.weft("repro")
        repo.commit(f"lr {rate}")

    repo.git("switch", "-q", "-c", "side")
    change("2")
    repo.git("switch", "-q", "main")
    change("3")
    repo.git("merge", "side", code=1)
    assert "or --theirs" in repo.weft("repro", code=3).err
    steps = []
    for _ in range(5):
        found = re.search(r"next: (weft resolve --ours \S+|edit|git commit)", repo.weft("status", code=None).err)
        assert found
        step = found[1].rstrip(",")
        steps.append(step)
        if step == "edit":
            assert "edit params.yaml, then git add params.yaml" in repo.weft("status").err
            repo.write({"params.yaml": b"lr: 3\n"})
            repo.git("add", "params.yaml")
        elif step == "git commit":
            repo.git("commit", "-q", "-m", "merged")
            break
        else:
            repo.weft(*step.split()[1:])
    assert steps == [
        "weft resolve --ours lineage/train.yaml", "edit", "git commit",
    ]  # fmt: skip
    assert "up to date" in repo.weft("repro").out
    assert "all as recorded" in repo.weft("status").out


def test_a_conflict_in_params_is_for_its_owner_to_settle(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"params.yaml": b"<<<<<<< HEAD\nlr: 1\n=======\nlr: 2\n>>>>>>> side\n", "raw": b"r"})
    ran = repo.weft("run", "-n", "s", "-p", "params.yaml:lr", "-o", "out", "--", "touch out", code=3)
    assert "edit params.yaml, then git add params.yaml" in ran.err


def test_the_next_step_is_a_conflict_before_git_goes_on() -> None:
    now = Halfway("a rebase", "git rebase --continue", "git rebase --abort")
    assert next_step(["z.weft", "a.txt"], now) == "weft resolve --ours z, or --theirs, or --base"
    assert next_step(["lineage/s.yaml"], now) == "weft resolve --ours lineage/s.yaml, or --theirs, or --base"
    assert next_step(["a.txt"], now) == "edit a.txt, then git add a.txt"
    assert next_step([], now) == "git rebase --continue"
    assert next_step([], None) == "git commit"


def test_who_merges_is_told_by_the_variables_of_git(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    git = discover(str(repo.root))
    assert halfway(git) is None
    assert side_names(git) == ("", "")
    assert side_names(git, {"GITHEAD_" + "a" * 40: "feature"}) == ("main", "feature")
    both = {"GITHEAD_" + "a" * 40: "feature", "GITHEAD_" + "b" * 40: "other"}
    assert side_names(git, both) == ("", ""), "nobody can tell which of them"
    odd = {"GITHEAD_" + "a" * 40: "x\n>>>>>>> y\x1b[1m" + "z" * 200}
    assert side_names(git, odd) == ("main", ("x>>>>>>> y[1m" + "z" * 200)[:100]), "it stands in one line of a file"
    repo.git("checkout", "-q", "--detach")
    assert side_names(git, {"GITHEAD_" + "a" * 40: "feature"}) == ("HEAD", "feature")
