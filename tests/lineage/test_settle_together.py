"""A record and what its run made are settled together, and a mixture is named where Git calls no hook before a commit."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from kit import Repo

RUN = ("run", "-q", "-n", "s", "-d", "n", "-o", "out.txt", "-m", "m.json", "--",
       'cat n > out.txt; echo "{\\"x\\": $(cat n)}" > m.json')  # fmt: skip
RESULTS = ["lineage/s.yaml", "m.json", "out.txt.weft"]


def both_ran(repo: Repo, run: tuple[str, ...]) -> None:
    """Both branches ran the stage that ``run`` declares, main with 3 and side with 2; side is checked out."""
    repo.weft("install")
    repo.write({"n": b"1\n"})
    repo.git("add", "n")
    repo.weft(*run)
    repo.commit("base")
    for branch, text in (("main", b"3\n"), ("side", b"2\n")):
        repo.git("switch", "-q", *(["-c", branch, "main~1"] if branch == "side" else [branch]))
        repo.write({"n": text})
        repo.git("add", "n")
        repo.weft("repro", "-q")
        repo.commit(branch)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both branches ran the stage s, main with 3 and side with 2; side is checked out."""
    root = tmp_path_factory.mktemp("together")
    repo = Repo.make(root / "repo", str(root / "store"))
    both_ran(repo, RUN)
    return root


@pytest.fixture
def repo(base: Path, tmp_path: Path) -> Repo:
    shutil.copytree(base, tmp_path, dirs_exist_ok=True, symlinks=True)
    return Repo(tmp_path / "repo")


def conflicts(repo: Repo) -> list[str]:
    return repo.git("diff", "--name-only", "--diff-filter=U").out.split()


def rebase(repo: Repo) -> None:
    """A rebase that stopped with nothing but results in conflict."""
    repo.git("rebase", "main", code=1)
    assert set(conflicts(repo)) >= set(RESULTS)
    repo.write({"n": b"2\n"})
    repo.git("add", "n")


def mix(repo: Repo) -> None:
    """The record of their run beside the results of ours, as Git alone settles them."""
    rebase(repo)
    repo.git("checkout", "--theirs", "lineage/s.yaml")
    repo.git("checkout", "--ours", "out.txt.weft", "m.json")
    repo.git("add", *RESULTS)


@pytest.mark.parametrize("named", ["lineage/s.yaml", "out.txt", "m.json"])
@pytest.mark.parametrize(("side", "value"), [("ours", b"3\n"), ("theirs", b"2\n")])
def test_all_results_of_a_run_are_of_the_side_that_one_of_them_was_settled_with(
    repo: Repo, named: str, side: str, value: bytes
) -> None:
    rebase(repo)
    ran = repo.weft("resolve", f"--{side}", named)
    for name in RESULTS:
        assert f"settled  {name}" in ran.out
    assert "a record and what its run made are of one side" in ran.out
    assert conflicts(repo) == []
    assert (repo.root / "out.txt").read_bytes() == value
    assert "next: git rebase --continue" in ran.err
    assert "WEFT" not in repo.weft("validate", "--staged").out
    ran = repo.git("-c", "core.editor=true", "rebase", "--continue")
    assert "contradicts" not in ran.err
    # Nothing is false of either side; the results of ours were made with another n.
    said = repo.weft("validate", "--range", "main..HEAD").out
    assert said.endswith("1 stage stale\n") is (side == "ours")
    assert "WEFT" not in said


def test_a_generated_file_is_never_to_be_edited(repo: Repo) -> None:
    rebase(repo)
    repo.git("checkout", "--theirs", "lineage/s.yaml", "out.txt.weft")
    repo.git("add", "lineage/s.yaml", "out.txt.weft")
    assert conflicts(repo) == ["m.json"]
    assert "next: weft resolve --theirs m.json, or --ours, or --base" in repo.weft("status").err
    repo.weft("resolve", "--theirs", "m.json")
    assert (repo.root / "m.json").read_bytes() == b'{"x": 2}\n'
    assert "next: git rebase --continue" in repo.weft("status").err


EDITED = b'{"x": 2.5, "by": "hand"}\n'


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_result_that_was_edited_by_hand_does_not_go_along_unnamed(repo: Repo, side: str) -> None:
    rebase(repo)
    repo.write({"m.json": EDITED})
    ran = repo.weft("resolve", f"--{side}", "lineage/s.yaml", code=1)
    assert (repo.root / "m.json").read_bytes() == EDITED
    assert "m.json: edited here: git add it, or name it too" in ran.out
    assert conflicts(repo) == ["m.json"]
    assert "next: git add m.json, or weft resolve --ours m.json, or --theirs, which saves it" in ran.err


def test_a_result_that_one_side_removed_and_that_was_edited_by_hand_stays(repo: Repo) -> None:
    repo.git("switch", "-q", "main")
    repo.git("rm", "-q", "--cached", "m.json")
    repo.git("commit", "-q", "--no-verify", "-m", "without the metrics")
    repo.git("switch", "-q", "-f", "side")
    repo.git("merge", "main", code=1)
    repo.write({"m.json": EDITED})
    repo.weft("resolve", "--theirs", "lineage/s.yaml", code=1)
    assert (repo.root / "m.json").read_bytes() == EDITED


def test_a_file_that_is_named_and_was_edited_by_hand_is_saved_first(repo: Repo) -> None:
    rebase(repo)
    repo.write({"m.json": EDITED})
    ran = repo.weft("resolve", "-q", "--theirs", "lineage/s.yaml", "m.json")
    assert (repo.root / "m.json").read_bytes() == b'{"x": 2}\n'
    command = re.search(r"saved m.json; to have it back: weft (cat \S+) > FILE", ran.err)
    assert command, ran.err
    assert repo.weft(*command[1].split()).out.encode() == EDITED


def test_what_is_left_is_of_the_side_of_the_record(repo: Repo) -> None:
    rebase(repo)
    repo.git("checkout", "--theirs", "lineage/s.yaml")
    repo.git("add", "lineage/s.yaml")
    repo.git("checkout", "--theirs", "m.json")
    repo.git("add", "m.json")
    assert "next: weft resolve --theirs out.txt, or --ours, or --base" in repo.weft("status", code=3).err


def test_a_mixture_is_named_before_git_goes_on(repo: Repo) -> None:
    mix(repo)
    status = repo.weft("status", code=None).err
    assert "what is staged contradicts itself: lineage/s.yaml: WEFT011" in status
    assert "next: git rebase --continue" not in status
    assert "next: weft repro s" in status
    assert "weft repro s; or git rebase --abort" in repo.weft("doctor", code=None).out
    repo.weft("checkout")
    repo.weft("repro", "s")
    assert "next: git rebase --continue" in repo.weft("status").err
    repo.git("-c", "core.editor=true", "rebase", "--continue")
    repo.weft("validate", "--range", "main..HEAD")


def test_the_last_step_of_resolve_is_the_mend(repo: Repo) -> None:
    rebase(repo)
    repo.git("checkout", "--theirs", "lineage/s.yaml", "m.json")
    repo.git("add", "lineage/s.yaml", "m.json")
    ran = repo.weft("resolve", "--ours", "out.txt")
    assert "what is staged contradicts itself: lineage/s.yaml: WEFT01" in ran.err
    assert "next: weft repro s" in ran.err


def test_a_rebase_that_made_a_false_commit_says_so_and_the_mend_of_a_push_helps(repo: Repo) -> None:
    mix(repo)
    ran = repo.git("-c", "core.editor=true", "rebase", "--continue")
    false = repo.git("rev-parse", "HEAD").out.strip()
    assert f"weft: a commit of this rebase contradicts itself, {false[:12]}: lineage/s.yaml: WEFT01" in ran.err
    repo.git("commit", "-q", "--allow-empty", "-m", "later", "--no-verify")
    out = repo.weft("validate", "--range", "main..HEAD", code=1).out
    command = re.search(r"git rebase --continue: (git rebase -i \S+)$", out, re.M)
    assert command, out
    editor = "sequence.editor=sed -i -e '1s/^pick/edit/'"
    repo.git("-c", editor, *command[1].split()[1:])
    repo.weft("checkout")
    repo.weft("repro", "s")
    repo.git("add", "-A")
    repo.git("commit", "-q", "--amend", "--no-edit")
    assert "contradicts" not in repo.git("rebase", "--continue").err
    repo.weft("validate", "--range", "main..HEAD")


def test_after_a_pull_the_other_side_is_a_branch(repo: Repo, tmp_path: Path) -> None:
    other = repo.clone(tmp_path / "other")
    other.weft("install")
    other.git("switch", "-q", "--detach", "origin/side")
    other.git("switch", "-q", "-C", "mine")
    ran = other.git("pull", "--no-rebase", "origin", "main", code=1)
    assert not re.search(r"[0-9a-f]{40}", ran.err)
    assert "ours is mine, theirs is " in ran.err
    assert not re.search(r"(<<<<<<<|>>>>>>>).*[0-9a-f]{40}", (other.root / "lineage/s.yaml").read_text())


def test_data_that_no_remote_holds_is_told_of_until_it_is_there(tmp_path: Path) -> None:
    store, hub = tmp_path / "store", tmp_path / "hub"
    one = Repo.make(tmp_path / "one", str(store))
    one.git("init", "-q", "--bare", "-b", "main", str(hub))
    one.git("remote", "add", "origin", str(hub))
    one.write({"d/x": b"base\n", "e": b"base\n"})
    one.weft("add", "d", "e")
    one.commit("base")
    one.weft("push")
    one.git("push", "-q", "origin", "main")
    one.git("clone", "-q", str(hub), str(tmp_path / "two"))
    two = Repo(tmp_path / "two")
    two.weft("pull")
    for repo, text in ((two, b"two\n"), (one, b"one\n")):
        repo.write({"d/x": text, "e": text})
        repo.weft("add", "d", "e")
        repo.commit("change")
    two.git("push", "-q", "origin", "main")
    one.weft("install")
    one.git("add", "-A")
    one.git("commit", "-q", "--allow-empty", "-m", "attributes")
    one.git("pull", "--no-rebase", "origin", "main", code=1)
    said = one.weft("status", code=3).err
    assert "d could not be merged: " in said
    assert "does not hold all data of d" in said
    assert "hint: run `weft push` in a clone that has them, then: weft resolve d" in said
    assert "next: weft resolve --ours e" in said, "what can be settled comes first"
    assert "hint: run `weft push` in a clone that has them, then: weft resolve d" in one.weft("pull", code=3).err
    ran = one.weft("resolve", "--ours", "e")
    assert "d could not be merged: " in ran.err
    assert "next: run `weft push` in a clone that has them, then: weft resolve d" in ran.err
    two.weft("push")
    one.weft("resolve", "d", code=1)
    assert "could not be merged" not in one.weft("status", code=3).err
    assert "next: git commit" in one.weft("resolve", "--theirs", "d", code=1).err


def test_who_names_nothing_is_told_what_is_in_conflict(repo: Repo) -> None:
    assert "there is no conflict" in repo.weft("resolve", "--ours", code=3).err
    rebase(repo)
    ran = repo.weft("resolve", code=2)
    assert "name what to settle; in conflict: lineage/s.yaml, m.json, out.txt" in ran.err
    assert "hint: weft resolve --ours lineage/s.yaml, or --theirs, or --base" in ran.err


KEPT = ("run", "-q", "-n", "c", "-d", "n", "-o", "kept.txt", "-P", "plot.csv", "-m", "m.json", "--",
        "test $(cat n) -gt 2 && echo 9 > kept.txt || echo 1 > kept.txt; cp kept.txt plot.csv;"
        ' echo "{\\"x\\": $(cat n)}" > m.json')  # fmt: skip


@pytest.fixture(scope="module")
def one_kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both branches ran the stage c; main changed its outs, side made the same ones as before, and merges main."""
    repo = Repo.make(tmp_path_factory.mktemp("kept") / "repo")
    both_ran(repo, KEPT)
    return repo.root


@pytest.mark.parametrize(
    ("way", "side"), [("merge", "ours"), ("merge", "theirs"), ("rebase", "theirs"), ("rebase", "ours")]
)
def test_results_that_one_side_alone_changed_are_of_the_side_of_the_record(
    one_kept: Path, tmp_path: Path, way: str, side: str
) -> None:
    shutil.copytree(one_kept, tmp_path / "repo", symlinks=True)
    repo = Repo(tmp_path / "repo")
    repo.git(way, "main", code=1)
    assert "kept.txt.weft" not in conflicts(repo), "Git merged it"
    mine = (way, side) in (("merge", "ours"), ("rebase", "theirs"))
    ran = repo.weft("resolve", f"--{side}", "lineage/c.yaml")
    assert ("settled  kept.txt.weft" in ran.out) is mine
    repo.write({"n": b"2\n" if mine else b"3\n"})
    repo.git("add", "n")
    repo.weft("checkout")
    wanted = b"1\n" if mine else b"9\n"
    assert [(repo.root / name).read_bytes() for name in ("kept.txt", "plot.csv")] == [wanted, wanted]
    assert "WEFT" not in repo.weft("validate", "--staged").out
    assert "contradicts" not in repo.weft("status", code=None).err


def test_a_result_that_was_edited_is_left(one_kept: Path, tmp_path: Path) -> None:
    shutil.copytree(one_kept, tmp_path / "repo", symlinks=True)
    repo = Repo(tmp_path / "repo")
    repo.git("merge", "main", code=1)
    repo.write({"plot.csv": b"by hand\n"})
    repo.weft("resolve", "--ours", "lineage/c.yaml")
    assert (repo.root / "plot.csv").read_bytes() == b"by hand\n"
    assert (repo.root / "kept.txt").read_bytes() == b"1\n"
