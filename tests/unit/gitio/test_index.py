"""The index and the trees of commits, and what differs, are read as Git holds them."""

from __future__ import annotations

import os

import pytest

from weft.errors import GitFailed
from weft.gitio.index import (
    Change,
    commit_changes,
    first_parents,
    read_index,
    read_staged,
    tree_entries,
)

ODD = ["with space", "tab\tin", "ünï", "new\nline", "not-utf8-\udcff", "a/b/c", "a0", "a.b", "-dash"]


def facts(work, *, path):
    mode, blob, _ = work.git("ls-files", "-s", "--", path).decode().split("\t")[0].split(" ")
    return mode, blob


@pytest.fixture
def filled(any_work):
    any_work.commit({name: name.encode("utf-8", "surrogateescape") for name in ODD})
    return any_work


def test_the_index_holds_every_name_with_its_mode_and_blob(filled):
    os.chmod(f"{filled.path}/a0", 0o755)
    os.symlink("a0", f"{filled.path}/link")
    filled.git("add", "-A")
    index = read_index(filled.repo)
    assert set(index) == {*ODD, "link"}
    assert len(index) == len(ODD) + 1
    assert tuple(index.get("a0")) == facts(filled, path="a0")
    assert index.get("a0").mode == "100755"
    assert index.get("a0").regular
    assert index.get("link").mode == "120000"
    assert not index.get("link").regular
    assert index.get("none") is None
    assert "a/b/c" in index
    assert index.unmerged == ()


def test_a_tree_is_read_like_the_index(filled):
    tree, index = tree_entries(filled.repo, "HEAD"), read_index(filled.repo)
    assert {path: tree.get(path) for path in tree} == {path: index.get(path) for path in index}


def test_below_a_directory_are_its_files_and_no_neighbours(filled):
    assert read_index(filled.repo).below("a") == ["a/b/c"]
    assert read_index(filled.repo).below("a/b") == ["a/b/c"]
    assert read_index(filled.repo).below("b") == []


def test_what_is_staged_tells_both_sides(filled):
    before = facts(filled, path="a0")
    filled.write("a0", b"changed")
    filled.write("fresh", b"new")
    os.unlink(f"{filled.path}/ünï")
    filled.git("add", "-A")
    filled.write("unstaged", b"not told")
    changes = {change.path: change for change in read_staged(filled.repo)[1]}
    assert changes["a0"] == Change("M", "a0", "a0", *facts(filled, path="a0"), *before)
    assert changes["fresh"] == Change("A", "fresh", "fresh", *facts(filled, path="fresh"))
    assert (changes["ünï"].status, changes["ünï"].mode, changes["ünï"].blob) == ("D", "", "")
    assert changes["ünï"].old_blob
    assert len(changes) == 3


def test_before_the_first_commit_everything_is_new(any_work):
    any_work.write("f")
    any_work.git("add", "f")
    index, changes = read_staged(any_work.repo)
    assert [(change.status, change.path) for change in changes] == [("A", "f")]
    assert list(index) == ["f"]
    assert read_index(any_work.repo).get("f") == index.get("f")


def test_another_index_is_honoured(filled, monkeypatch):
    monkeypatch.setenv("GIT_INDEX_FILE", f"{filled.path}/.git/other")
    filled.git("read-tree", "HEAD")
    filled.git("rm", "-q", "--cached", "a0")
    index, changes = read_staged(filled.repo)
    assert "a0" not in index
    assert [(change.status, change.path) for change in changes] == [("D", "a0")]
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert "a0" in read_index(filled.repo)


def test_unmerged_paths_are_named(work):
    work.commit({"f": b"base", "same": b"x"})
    work.git("checkout", "-q", "-b", "other")
    work.commit({"f": b"theirs"})
    work.git("checkout", "-q", "main")
    work.commit({"f": b"ours"})
    work.git("merge", "other", check=False)
    assert read_index(work.repo).unmerged == ("f",)


def test_the_settings_of_the_user_change_nothing(filled):
    for key, value in {"diff.renames": "copies", "diff.external": "false", "diff.noprefix": "true"}.items():
        filled.git("config", key, value)
    filled.git("mv", "a0", "moved")
    assert sorted((change.status, change.path) for change in read_staged(filled.repo)[1]) == [
        ("A", "moved"),
        ("D", "a0"),
    ]


def test_commits_are_compared_with_a_parent_or_with_nothing(filled):
    first = filled.git("rev-parse", "HEAD").decode().strip()
    second = filled.commit({"fresh": b"1", "a0": b"2"})
    empty = filled.commit()
    filled.git("rm", "-q", "tab\tin")
    fourth = filled.commit()
    commits = first_parents(filled.repo, fourth)
    assert commits == [(first, ""), (second, first), (empty, second), (fourth, empty)]
    assert first_parents(filled.repo, f"{first}..{fourth}") == commits[1:]
    assert first_parents(filled.repo, fourth, count=1) == commits[3:]
    changes = commit_changes(filled.repo, commits)
    told = {commit: sorted((change.status, change.path) for change in some) for commit, some in changes.items()}
    assert told[first] == sorted(("A", name) for name in ODD)
    assert told[second] == [("A", "fresh"), ("M", "a0")]
    assert told[empty] == []
    assert told[fourth] == [("D", "tab\tin")]
    assert commit_changes(filled.repo, []) == {}
    index = tree_entries(filled.repo, first)
    for commit, _ in commits[1:]:
        index = index.changed(changes[commit])
        tree = tree_entries(filled.repo, commit)
        assert {path: index.get(path) for path in index} == {path: tree.get(path) for path in tree}


def test_a_merge_is_compared_with_its_first_parent_alone(work):
    base = work.commit({"f": b"1"})
    work.git("checkout", "-q", "-b", "side")
    side = work.commit({"side": b"1"})
    work.git("checkout", "-q", "main")
    main = work.commit({"main": b"1"})
    work.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    merge = work.git("rev-parse", "HEAD").decode().strip()
    assert set(first_parents(work.repo, f"{base}..{merge}")) == {(side, base), (main, base), (merge, main)}
    assert [change.path for change in commit_changes(work.repo, [(merge, main)])[merge]] == ["side"]


def test_what_git_says_of_a_broken_index_is_passed_on(work):
    work.commit({"f": b"x"})
    work.write(".git/index", b"no index")
    with pytest.raises(GitFailed, match="index"):
        read_staged(work.repo)
