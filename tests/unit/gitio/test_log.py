"""Commits one after the other, with what they changed."""

from __future__ import annotations

import pytest

from weft.errors import NoSuchRevision
from weft.gitio.log import commit_facts, span, walk


def test_the_newest_first_with_what_each_changed(work) -> None:
    first = work.commit({"a": b"1", "odd\nname": b"1"}, "one")
    second = work.commit({"a": b"2"}, "two")
    found = list(walk(work.repo, span(work.repo, "HEAD")))
    assert [(commit.commit, commit.parents, commit.subject) for commit, _ in found] == [
        (second, (first,), "two"),
        (first, (), "one"),
    ]
    assert [[(one.status, one.path) for one in changes] for _, changes in found] == [
        [("M", "a")],
        [("A", "a"), ("A", "odd\nname")],
    ]
    assert commit_facts(work.repo, second) == found[0][0]


def test_a_subject_that_looks_like_the_mark_of_a_commit_is_a_subject(work) -> None:
    work.commit({"a": b"1"}, "\x02:100644")
    ((commit, changes),) = walk(work.repo, span(work.repo, "HEAD"))
    assert commit.subject == "\x02:100644"
    assert len(changes) == 1


def test_a_walk_may_be_left(work) -> None:
    for number in range(3):
        work.commit({"a": b"%d" % number})
    commits = walk(work.repo, span(work.repo, "HEAD"))
    next(commits)
    commits.close()


def test_ranges_are_made_of_full_ids(work) -> None:
    first = work.commit({"a": b"1"})
    second = work.commit({"a": b"2"})
    assert span(work.repo, "HEAD~1..") == f"{first}..{second}"
    assert len(list(walk(work.repo, span(work.repo, "HEAD~1..HEAD")))) == 1
    with pytest.raises(NoSuchRevision):
        span(work.repo, "--all")
