"""What Git holds on to: each place where the only trace of a pointer may be is a test of its own."""

from __future__ import annotations

import os

import pytest

from weft.gitio.history import all_pointer_blobs
from weft.gitio.kept import kept, loose_pointers


def names(work):
    return {path for path, _blob in kept(work.repo).blobs}


def test_commits_of_every_ref_and_of_the_past(new_work):
    work = new_work()
    work.commit({"old.weft": b"1"})
    work.git("rm", "-q", "old.weft")
    work.commit({"new.weft": b"2"})
    work.git("checkout", "-q", "-b", "other")
    work.commit({"deep/side.weft": b"3"})
    work.git("update-ref", "refs/weft/runs/r1", "HEAD")
    work.git("checkout", "-q", "main")
    work.git("branch", "-q", "-D", "other")
    work.git("reflog", "expire", "--expire=all", "--all")
    assert names(work) == {"old.weft", "new.weft", "deep/side.weft"}


def test_what_only_a_reflog_holds(new_work):
    work = new_work()
    work.commit({"a.weft": b"1"})
    work.commit({"b.weft": b"2"})
    work.git("reset", "-q", "--hard", "HEAD~1")
    os.unlink(os.path.join(work.path, ".git/ORIG_HEAD"))
    assert names(work) == {"a.weft", "b.weft"}
    work.git("reflog", "expire", "--expire=all", "--all")
    assert names(work) == {"a.weft"}


UNFINISHED = {
    "rebase --autostash": ("rebase", "--autostash", "main"),
    "rebase --apply --autostash": ("rebase", "--apply", "--autostash", "main"),
    "merge --autostash": ("merge", "--autostash", "main"),
    "pull --rebase --autostash": ("pull", "--rebase", "--autostash", ".", "main"),
}


def forget_the_past(work):
    work.git("reflog", "expire", "--expire=all", "--all")


@pytest.mark.parametrize(
    ("how", "linked"),
    [*((how, False) for how in UNFINISHED), ("rebase --autostash", True), ("merge --autostash", True)],
)
def test_what_a_stopped_rebase_or_merge_has_put_away(new_work, tmp_path, how, linked):
    base = new_work()
    base.commit({"code": b"0"})
    base.git("branch", "side")
    base.commit({"code": b"1"})
    work = base
    if linked:
        work = type(base)(tmp_path / "linked")
        base.git("worktree", "add", "-q", work.path, "side")
    else:
        base.git("checkout", "-q", "side")
    work.commit({"code": b"2"})
    work.write("away.weft", b"precious")
    work.git("add", "away.weft")
    work.git(*UNFINISHED[how], check=False)
    assert not os.path.exists(os.path.join(work.path, "away.weft"))
    forget_the_past(base)
    assert names(base) - {""} == {"away.weft"}  # a patch of a rebase names the blobs that it changes


def test_the_commits_that_a_rebase_has_taken_apart_and_those_still_to_come(new_work):
    work = new_work()
    work.commit({"code": b"0"})
    work.git("checkout", "-q", "-b", "side")
    work.commit({"first.weft": b"1"})
    work.commit({"code": b"1"})
    work.commit({"last.weft": b"2"})
    work.git("checkout", "-q", "main")
    work.commit({"code": b"2"})
    work.git("checkout", "-q", "--detach", "side")
    work.git("branch", "-q", "-D", "side")
    work.git("rebase", "main", check=False)
    forget_the_past(work)
    state = os.path.join(work.path, ".git/rebase-merge")
    for name in ("orig-head", "done", "git-rebase-todo"):  # each file alone is enough
        kept_files = {"orig-head", "git-rebase-todo"} - {name}
        assert kept_files <= set(os.listdir(state))
    os.unlink(os.path.join(work.path, ".git/ORIG_HEAD"))
    os.unlink(os.path.join(state, "orig-head"))
    assert names(work) == {"first.weft", "last.weft"}
    os.unlink(os.path.join(state, "git-rebase-todo"))
    os.unlink(os.path.join(state, "git-rebase-todo.backup"))
    assert names(work) == {"first.weft"}


def test_the_commit_that_a_pick_or_a_revert_stopped_at(new_work):
    work = new_work()
    work.commit({"code": b"0"})
    work.commit({"code": b"1", "picked.weft": b"1"})
    picked = work.git("rev-parse", "HEAD").decode().strip()
    work.git("reset", "-q", "--hard", "HEAD~1")
    work.commit({"code": b"2"})
    os.unlink(os.path.join(work.path, ".git/ORIG_HEAD"))
    work.git("cherry-pick", picked, check=False)
    work.git("rm", "-q", "--cached", "-f", "picked.weft")
    forget_the_past(work)
    assert names(work) == {"picked.weft"}


def test_the_refs_that_a_linked_work_tree_has_of_its_own(new_work, tmp_path):
    work = new_work()
    work.commit({"code": b"0"})
    work.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    linked = type(work)(tmp_path / "linked")
    linked.commit({"bad.weft": b"1"})
    linked.git("bisect", "start")
    linked.git("bisect", "bad")
    linked.git("checkout", "-q", "main~0")
    linked.git("rev-parse", "HEAD")
    linked.commit({"marked.weft": b"1"})
    linked.git("update-ref", "refs/worktree/mark", "HEAD")
    linked.git("checkout", "-q", "--detach", "main")
    forget_the_past(work)
    assert names(work) == names(linked) == {"bad.weft", "marked.weft"}


def test_a_partial_clone_is_not_made_to_fetch_what_such_a_file_names(new_work, tmp_path):
    work = new_work()
    work.commit({"a.weft": b"1"})
    work.git("config", "uploadpack.allowFilter", "true")
    work.git("clone", "-q", "--filter=blob:none", "file://" + work.path, str(tmp_path / "part"))
    part = type(work)(tmp_path / "part")
    part.git("checkout", "-q", "--detach")
    lost = part.commit({"b.weft": b"2"})
    part.git("checkout", "-q", "main")
    forget_the_past(part)
    part.git("remote", "set-url", "origin", str(tmp_path / "nowhere"))
    part.write(".git/ORIG_HEAD", f"{lost[:9]}\n{'0123456789' * 4}\n".encode())
    assert names(part) == {"a.weft", "b.weft"}


def test_words_that_name_nothing_and_commits_that_are_gone_do_no_harm(new_work):
    work = new_work()
    work.commit({"a.weft": b"1"})
    with open(os.path.join(work.path, ".git/ORIG_HEAD"), "w", encoding="ascii") as file:
        file.write("0123456789" * 4 + "\n")
    work.write(".git/BISECT_LOG", b"deadbeef cafe HEAD refs/heads/main\n\xff\0\n")
    assert names(work) == {"a.weft"}


def test_a_variable_that_names_one_index_does_not_hide_the_others(new_work, tmp_path, monkeypatch):
    work = new_work()
    work.commit({"a.weft": b"1"})
    work.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    for one, name in ((work, "here.weft"), (type(work)(tmp_path / "linked"), "there.weft")):
        one.write(name, name.encode())
        one.git("add", name)
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "own"))
    work.write("own.weft", b"own")
    work.git("add", "own.weft")
    assert names(work) == {"a.weft", "here.weft", "there.weft", "own.weft"}


def test_both_of_two_stashes_and_what_was_untracked_in_one(new_work):
    work = new_work()
    work.commit({"a.weft": b"1"})
    for name in ("first.weft", "second.weft"):
        work.write(name, b"x")
        work.git("stash", "-q", "-u")
    assert names(work) == {"a.weft", "first.weft", "second.weft"}


def test_the_index_and_all_sides_of_a_conflict(new_work):
    work = new_work()
    work.commit({"a.weft": b"base"})
    work.git("checkout", "-q", "-b", "other")
    work.commit({"a.weft": b"theirs"})
    work.git("checkout", "-q", "main")
    work.commit({"a.weft": b"ours"})
    work.git("merge", "-q", "other", check=False)
    work.write("staged.weft", b"staged")
    work.git("add", "staged.weft")
    blobs = {blob for _path, blob in kept(work.repo).blobs}
    for data in (b"base", b"ours", b"theirs", b"staged"):
        assert work.git("hash-object", "--stdin", stdin=data).decode().strip() in blobs


def test_an_index_before_the_first_commit(new_work):
    work = new_work()
    work.write("a.weft", b"1")
    work.git("add", "a.weft")
    assert names(work) == {"a.weft"}


def test_linked_work_trees_with_their_head_reflog_and_index(new_work, tmp_path):
    work = new_work()
    work.commit({"a.weft": b"1"})
    work.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    linked = type(work)(tmp_path / "linked")
    linked.commit({"past.weft": b"2"})
    linked.git("reset", "-q", "--hard", "HEAD~1")
    linked.commit({"head.weft": b"3"})
    linked.write("staged.weft", b"4")
    linked.git("add", "staged.weft")
    linked.write("loose.weft", b"5")
    wanted = {"a.weft", "past.weft", "head.weft", "staged.weft"}
    assert names(work) == names(linked) == wanted
    for one, other in ((work, linked), (linked, work)):
        trees = kept(one.repo).trees
        assert [tree.root for tree in trees] == [one.path, other.path]
        found = [os.path.basename(path) for tree in trees for path in loose_pointers(tree)]
        assert "loose.weft" in found
    os.rename(linked.path, linked.path + "-away")
    assert names(work) == wanted
    assert kept(work.repo).lost == (linked.path,)


def test_pointers_that_git_ignores_are_found_and_data_is_not_walked(new_work, monkeypatch):
    work = new_work()
    work.write(".gitignore", b"/out/\n/data\n/deep/data\n*.tmp\n/deep/nested/\n")
    work.commit({"data.weft": b"1"})
    for name in (
        "out/a.weft",
        "out/below/b.weft",
        "out/big.weft",
        "x.weft.tmp",
        "deep/data.weft",
        "deep/c.tmp",
        "data/0",
    ):
        work.write(name)
    for name in ("out/big/z.weft", "deep/data/z.weft", "data/sub/z.weft"):
        work.write(name)  # no data holds such a name, so nobody looks for it there
    work.write("out/nested/.git/HEAD", b"ref: refs/heads/main\n")
    work.write("out/nested/other.weft")
    work.write(".weft/ignored.weft")
    listed = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (listed.append(os.fspath(path)), real(path))[1])
    found = {os.path.relpath(path, work.path) for path in loose_pointers(work.repo)}
    assert found == {"data.weft", "deep/data.weft", "out/a.weft", "out/below/b.weft", "out/big.weft"}
    assert not [path for path in listed if path.endswith(("/data", "/sub", "/big"))]


def test_a_commit_that_is_replaced_by_another_counts(new_work):
    work = new_work()
    first = work.commit({"hidden.weft": b"1"})
    work.git("rm", "-q", "hidden.weft")
    second = work.commit({"a.weft": b"2"})
    work.git("replace", "--graft", second)
    work.git("reflog", "expire", "--expire=all", "--all")
    assert first not in work.git("log", "--all", "--format=%H", "--no-notes").decode().split("\n")[:1]
    assert names(work) == {"hidden.weft", "a.weft"}


def test_a_bare_repository_with_work_trees(new_work, tmp_path):
    work = new_work()
    work.commit({"a.weft": b"1"})
    work.git("clone", "-q", "--bare", work.path, str(tmp_path / "bare.git"))
    bare = type(work)(tmp_path / "bare.git")
    bare.git("worktree", "add", "-q", str(tmp_path / "tree"), "main")
    tree = type(work)(tmp_path / "tree")
    tree.write("staged.weft", b"2")
    tree.git("add", "staged.weft")
    found = kept(tree.repo)
    assert {path for path, _blob in found.blobs} == {"a.weft", "staged.weft"}
    assert [one.root for one in found.trees] == [tree.path]
    assert found.lost == ()


TREE = {
    "a tag": ("tag", "t", "HEAD^{tree}"),
    "an annotated tag": ("tag", "-m", "t", "t", "HEAD^{tree}"),
    "a ref": ("update-ref", "refs/keep/t", "HEAD^{tree}"),
    "a replacement": ("replace", "-f", "HEAD~1^{tree}", "HEAD^{tree}"),
}


@pytest.mark.parametrize("how", TREE)
def test_a_tree_that_something_names_beside_commits(new_work, how):
    work = new_work()
    work.commit({"code": b"0"})
    work.commit({"deep/a.weft": b"1"})
    work.git(*TREE[how])
    forget(work)
    assert names(work) == {"deep/a.weft"}
    assert {path for path, _blob in all_pointer_blobs(work.repo)} == {"deep/a.weft"}


def test_a_tag_of_a_tag_of_a_tree_and_one_of_a_blob(new_work):
    work = new_work()
    work.commit({"code": b"0"})
    work.commit({"a.weft": b"1", "b.weft": b"2"})
    work.git("tag", "-m", "inner", "inner", "HEAD:a.weft")
    work.git("tag", "-m", "outer", "outer", "inner")
    work.git("tag", "-d", "inner")
    blob = work.git("rev-parse", "HEAD:a.weft").decode().strip()
    forget(work)
    assert kept(work.repo).blobs == {("", blob)}
    assert not all_pointer_blobs(work.repo)


def test_a_tree_that_was_only_fetched_or_that_one_work_tree_names(new_work, tmp_path):
    work = new_work()
    work.commit({"code": b"0"})
    work.commit({"a.weft": b"1"})
    tree = work.git("rev-parse", "HEAD^{tree}").decode().strip()
    work.git("tag", "t", tree)
    work.git("fetch", "-q", ".", "refs/tags/t")
    work.git("tag", "-d", "t")
    forget(work)
    assert names(work) == {"a.weft"}
    os.unlink(os.path.join(work.path, ".git/FETCH_HEAD"))
    assert not names(work)
    work.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    type(work)(tmp_path / "linked").git("update-ref", "refs/worktree/mark", tree)
    assert names(work) == {"a.weft"}


def forget(work):
    """Let nothing but what the test made name the last commit."""
    work.git("reset", "-q", "--hard", "HEAD~1")
    os.unlink(os.path.join(work.path, ".git/ORIG_HEAD"))
    forget_the_past(work)
