"""Versions of one file, and the commits that brought them in."""

from __future__ import annotations

import subprocess

from weft.gitio.repo import discover
from weft.gitio.versions import brought_in, cut_commits, file_versions


def test_all_versions_of_all_branches_the_newest_first(work) -> None:
    first = work.commit({"a": b"1", "b": b"1"})
    second = work.commit({"a": b"2"})
    work.git("checkout", "-q", "-b", "side", first)
    third = work.commit({"a": b"3"})
    found = file_versions(work.repo, "a")
    blob = {text: work.git("hash-object", "--stdin", stdin=text).decode().strip() for text in (b"1", b"2", b"3")}
    assert found == {blob[b"1"]: first, blob[b"2"]: second, blob[b"3"]: third}
    assert list(found)[-1] == blob[b"1"]
    assert file_versions(work.repo, "none") == {}


def test_the_commit_that_brought_a_version_in(work) -> None:
    first = work.commit({"a": b"1"}, "the first one")
    work.commit({"b": b"1"})
    found = brought_in(work.repo, "HEAD", "a")
    assert found is not None
    assert (found.commit, found.subject, found.author, found.cut) == (
        first,
        "the first one",
        "Ada <ada@example.org>",
        False,
    )
    assert brought_in(work.repo, "HEAD", "none") is None


def test_a_shallow_clone_says_that_history_is_cut(work, tmp_path) -> None:
    work.commit({"a": b"1"})
    second = work.commit({"b": b"1"})
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{work.path}", str(tmp_path / "clone")], check=True)
    clone = discover(str(tmp_path / "clone"))
    found = brought_in(clone, "HEAD", "a")
    assert found is not None
    assert found.cut
    assert cut_commits(clone) == {second}
    assert cut_commits(work.repo) == frozenset()
