"""What Git holds on to: each place where the only trace of a pointer may be is a test of its own."""

from __future__ import annotations

import os

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
    assert names(work) == {"a.weft", "b.weft"}
    work.git("reflog", "expire", "--expire=all", "--all")
    assert names(work) == {"a.weft"}


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
