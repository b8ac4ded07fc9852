"""After Git has changed the pointers the data follows: what is here, nothing that is not saved, and never in the middle."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from hooks_kit import Hooked
from kit import Repo, snapshot


@pytest.fixture
def branches(repo: Hooked) -> Hooked:
    """``main`` with one version of the data, ``side`` with another and a second path."""
    repo.data({"a": "one", "same": "same"})
    repo.git("switch", "-q", "-c", "side")
    repo.data({"a": "two", "b": "new"})
    repo.data({"x": "x"}, path="extra")
    repo.git("switch", "-q", "main")
    return repo


def clean(repo: Repo) -> bool:
    return repo.weft("status", "--exit-code", code=None).code == 0 and repo.git("status", "--short").out == ""


def test_a_switch_brings_the_data_of_the_branch(branches: Hooked) -> None:
    assert snapshot(branches.root / "data").keys() == {"a", "same"}
    assert not (branches.root / "extra").exists()
    said = branches.git("switch", "side").err
    assert "weft: wrote" in said
    assert [branches.read(f"data/{name}") for name in ("a", "b", "same")] == ["two", "new", "same"]
    assert branches.read("extra/x") == "x"
    assert clean(branches)
    assert "removed" in branches.git("checkout", "main").err
    assert branches.read("data/a") == "one"
    assert not (branches.root / "extra").exists()
    assert clean(branches)


def test_quiet_hooks_tell_only_what_is_left_to_do(branches: Hooked) -> None:
    branches.weft("config", "set", "--private", "hooks.quiet", "true")
    assert "weft" not in branches.git("switch", "side").err
    assert branches.read("data/a") == "two"
    assert "weft" not in branches.git("push", "origin", "side").err
    branches.write({"data/a": b"precious"})
    assert "left alone" in branches.git("switch", "main").err


def test_the_same_branch_again_says_nothing(branches: Hooked) -> None:
    assert "weft" not in branches.git("switch", "main").err
    assert "weft" not in branches.git("switch", "-c", "new").err


def test_what_no_store_holds_is_left_and_the_rest_follows(branches: Hooked) -> None:
    branches.write({"data/a": b"precious", "data/mine": b"mine"})
    said = branches.git("switch", "side").err
    assert "left alone" in said
    assert "data" in said
    assert branches.read("data/a") == "precious"
    assert branches.read("data/mine") == "mine"
    assert branches.read("extra/x") == "x", "the path that can follow does"
    assert branches.git("rev-parse", "--abbrev-ref", "HEAD").out == "side\n"


def test_data_whose_pointer_is_gone_stays_while_it_is_changed(branches: Hooked) -> None:
    branches.git("switch", "-q", "side")
    branches.write({"extra/x": b"precious"})
    assert "left alone" in branches.git("switch", "main").err
    assert branches.read("extra/x") == "precious"


def test_data_of_an_unchanged_pointer_is_the_users(branches: Hooked) -> None:
    """Git does not bring back a deleted file on a switch that does not concern it; nor does the hook."""
    branches.git("switch", "-q", "-c", "code")
    branches.write({"code.py": b"1"})
    branches.git("add", "code.py")
    branches.git("commit", "-q", "-m", "code")
    (branches.root / "data/same").unlink()
    branches.git("switch", "-q", "main")
    assert not (branches.root / "data/same").exists()


def test_a_file_taken_from_another_branch_moves_no_data(branches: Hooked) -> None:
    """``git checkout REV -- PATH`` is no switch."""
    branches.git("checkout", "side", "--", "data.weft")
    assert branches.read("data/a") == "one"


@pytest.mark.parametrize("options", [("--ff-only",), ("--no-ff", "-m", "merge"), ("--squash",)], ids=lambda o: o[0])
def test_a_merge_brings_the_data(branches: Hooked, options: tuple[str, ...]) -> None:
    branches.git("merge", "-q", *options, "side")
    assert branches.read("data/a") == "two"
    assert branches.read("extra/x") == "x"


def test_a_pull_brings_what_is_here_and_names_the_rest(branches: Hooked, second: Hooked) -> None:
    branches.git("push", "-q", "origin", "side:main")
    said = second.git("pull").err
    assert "not in the local store: data, extra; next: weft pull" in said
    assert not (second.root / "data").exists()
    second.weft("pull")
    assert second.read("data/b") == "new"


def test_a_pull_with_the_data_already_fetched(branches: Hooked, second: Hooked) -> None:
    branches.git("push", "-q", "origin", "side:main")
    second.git("fetch", "-q")
    second.weft("fetch", "--rev", "origin/main")
    second.git("pull", "-q", "--rebase")
    assert second.read("data/b") == "new"


def test_a_rebase_moves_data_once_at_its_end(branches: Hooked) -> None:
    branches.data({"z": "main's own"}, path="deep/mine")
    branches.data({"y": "more of it"}, path="deep/mine")
    log = branches.root.parent / "log"
    branches.git("rebase", "-q", "--exec", f"cat data/a >> {log}; test ! -e extra", "side")
    assert log.read_text() == "oneone", "in the middle the data is as it was"
    assert branches.read("data/a") == "two"
    assert branches.read("extra/x") == "x"
    assert branches.read("deep/mine/y") == "more of it"
    assert clean(branches)


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_that_only_moves_forward(branches: Hooked, backend: str) -> None:
    branches.git("rebase", "-q", backend, "side")
    assert branches.read("data/a") == "two"


def test_a_rebase_that_is_given_up_leaves_the_data(branches: Hooked) -> None:
    branches.data({"z": "z"}, path="deep/mine")
    branches.git("rebase", "-q", "--exec", "false", "side", code=1)
    assert branches.read("data/a") == "one"
    assert branches.read("data/b") == ""
    branches.git("rebase", "--abort")
    assert branches.read("data/a") == "one"
    assert clean(branches)


def test_a_bisect_moves_no_data(branches: Hooked) -> None:
    branches.git("switch", "-q", "side")
    branches.git("bisect", "start", "side", "side~2")
    assert branches.git("ls-files", "extra.weft").out == "", "a commit before the one that is checked out"
    assert branches.read("extra/x") == "x"
    branches.git("bisect", "reset")
    assert branches.read("data/b") == "new"
    assert clean(branches)


def test_a_conflict_moves_no_data_and_a_checkout_does_after_it(branches: Hooked) -> None:
    branches.data({"a": "three"})
    branches.git("merge", "side", code=None)
    assert branches.read("data/a") == "three"
    branches.git("checkout", "--theirs", "--", "data.weft", code=None)
    assert branches.read("data/a") == "three"
    branches.git("merge", "--abort", code=None)
    assert branches.read("data/a") == "three"


def test_amending_moves_no_data(branches: Hooked) -> None:
    branches.write({"data/a": b"changed and not added"})
    branches.git("commit", "-q", "--amend", "-m", "other words")
    assert branches.read("data/a") == "changed and not added"


def test_a_new_work_tree_is_filled_from_the_local_store(branches: Hooked, tmp_path: Path) -> None:
    branches.git("worktree", "add", "-q", str(tmp_path / "linked"), "side")
    linked = Repo(tmp_path / "linked")
    assert (tmp_path / "linked/data/b").read_text() == "new"
    assert clean(linked)
    assert branches.read("data/a") == "one", "the other work tree is not concerned"
    linked.git("switch", "-q", "-c", "third", "main~1")
    assert not (tmp_path / "linked/data").exists()


def test_what_a_skipped_step_left_behind_is_caught_up_with(branches: Hooked) -> None:
    """Git runs no hook after a reset; the next switch brings the data to the pointers."""
    branches.git("reset", "-q", "--hard", "side")
    assert branches.read("data/a") == "one"
    branches.git("switch", "-q", "-c", "new")
    assert branches.read("data/a") == "two"
    assert clean(branches)


def test_a_hook_that_cannot_do_its_work_never_fails_git(branches: Hooked) -> None:
    store = branches.root / ".git/weft/store"
    shutil.rmtree(store)
    store.write_text("no store")
    said = branches.git("switch", "side").err
    assert "error:" in said
    assert branches.git("rev-parse", "--abbrev-ref", "HEAD").out == "side\n"


def test_a_broken_pointer_never_fails_git(branches: Hooked) -> None:
    branches.git("switch", "-q", "-c", "broken")
    branches.write({"extra.weft": b"<<<<<<< ours\n"})
    branches.git("add", "-f", "extra.weft")
    branches.git("commit", "-q", "--no-verify", "-m", "broken")
    branches.git("switch", "-q", "main")
    assert "extra.weft" in branches.git("switch", "broken").err


def test_started_from_everywhere(branches: Hooked, tmp_path: Path) -> None:
    os.makedirs(branches.root / "deep/er")
    branches.write({"deep/er/file": b"x"})
    branches.git("add", "deep")
    branches.git("commit", "-q", "-m", "deep")
    Repo(branches.root / "deep/er").git("switch", "-q", "side")
    assert branches.read("data/b") == "new"
    Repo(tmp_path).git("-C", "repo", "switch", "-q", "main")
    assert branches.read("data/a") == "one"
    Repo(tmp_path).git("--git-dir=repo/.git", "--work-tree=repo", "checkout", "-q", "side")
    assert branches.read("data/b") == "new"


def test_committed_configuration_decides_nothing_that_runs(branches: Hooked) -> None:
    """A branch of a stranger's that names programs is refused by weft, and Git goes on."""
    branches.git("switch", "-q", "-c", "hostile")
    with (branches.root / ".weft/config.yaml").open("a") as file:
        file.write("hooks: {post-checkout: touch ran}\n")
    branches.git("commit", "-q", "--no-verify", "-a", "-m", "hostile")
    branches.git("switch", "-q", "side")
    said = branches.git("switch", "hostile").err
    assert "error:" in said
    assert not (branches.root / "ran").exists()
