"""What a push sends, from what Git tells its hook."""

from __future__ import annotations

import subprocess

import pytest

from weft.errors import GitFailed
from weft.gitio.pushes import Outgoing, Update, changes_of, outgoing, parse_updates, pointer_blobs_of

ZEROS = "0" * 40


def one(local, remote=ZEROS):
    return [Update("refs/heads/main", local, "refs/heads/main", remote)]


def blobs(work, updates, remote="origin"):
    return sorted(path for path, _ in pointer_blobs_of(work.repo, outgoing(work.repo, updates, remote)))


def test_lines_are_parsed():
    a, b = "a" * 40, "b" * 64
    assert parse_updates([f"refs/heads/x {a} refs/heads/y {b}", "", f"(delete) {ZEROS} refs/heads/z {a}"]) == [
        Update("refs/heads/x", a, "refs/heads/y", b),
        Update("(delete)", ZEROS, "refs/heads/z", a),
    ]
    assert parse_updates([f"HEAD@{{2 days ago}} {a} refs/heads/y {a}"])[0].local_ref == "HEAD@{2 days ago}"
    for line in ("x", f"a {a} b", f"a {a} b c", f"a ; b {a[:-1]}"):
        with pytest.raises(GitFailed):
            parse_updates([line])


def test_all_of_history_to_an_empty_remote(any_work):
    first = any_work.commit({"a.weft": b"1", "x": b"1"})
    second = any_work.commit({"a.weft": b"2"})
    sent = outgoing(any_work.repo, one(second), "origin")
    assert sent.commits == {first: (), second: (first,)}
    assert sent.edges() == []
    assert len(pointer_blobs_of(any_work.repo, sent)) == 2, "both versions of one path"


def test_only_what_the_remote_has_not(work):
    first = work.commit({"a.weft": b"1"})
    second = work.commit({"b.weft": b"2"})
    assert list(outgoing(work.repo, one(second, first), "origin").commits) == [second]
    work.git("update-ref", "refs/remotes/origin/dev", first)
    assert list(outgoing(work.repo, one(second), "origin").commits) == [second]
    assert list(outgoing(work.repo, one(second), "other").commits) == [first, second], "another remote has nothing"
    assert list(outgoing(work.repo, one(second), "https://host/o*").commits) == [first, second]
    assert outgoing(work.repo, one(first, second), "origin").commits == {}, "a forced push back sends nothing"


def test_a_remote_that_went_back_behind_what_we_remember_is_believed(work):
    """As after a restored backup: Git says what it has of one branch, and what was remembered of others may be gone too."""
    first = work.commit({"a.weft": b"1"})
    second = work.commit({"b.weft": b"2"})
    third = work.commit({"c.weft": b"3"})
    work.git("update-ref", "refs/remotes/origin/main", second)
    work.git("update-ref", "refs/remotes/origin/other", second)
    assert list(outgoing(work.repo, one(third, first), "origin").commits) == [second, third]
    assert list(outgoing(work.repo, one(third, second), "origin").commits) == [third]
    assert list(outgoing(work.repo, one(third, "1" * 40), "origin").commits) == [first, second, third]


def test_a_branch_that_is_gone_or_further_on_there_says_nothing_of_the_others(work):
    first = work.commit({"a.weft": b"1"})
    second = work.commit({"b.weft": b"2"})
    work.git("update-ref", "refs/remotes/origin/other", first)
    work.git("update-ref", "refs/remotes/origin/main", second)
    work.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    assert list(outgoing(work.repo, one(second), "origin").commits) == [second], "deleted there"
    work.git("update-ref", "refs/remotes/origin/main", first)
    third = work.commit({"c.weft": b"3"})
    assert list(outgoing(work.repo, one(third, second), "origin").commits) == [third], "others have pushed"


def test_a_replaced_commit_that_is_not_here_is_left_out(work):
    first = work.commit({"a.weft": b"1"})
    assert list(outgoing(work.repo, one(first, "1" * 40), "origin").commits) == [first]


def test_deletions_and_tags_of_other_things_send_nothing(work):
    first = work.commit({"a.weft": b"1"})
    blob = work.git("rev-parse", "HEAD:a.weft").decode().strip()
    assert outgoing(work.repo, one(ZEROS, first), "origin").commits == {}
    assert outgoing(work.repo, one(blob), "origin").commits == {}
    work.git("tag", "-a", "-m", "x", "v1")
    tag = work.git("rev-parse", "v1").decode().strip()
    assert list(outgoing(work.repo, one(tag), "origin").commits) == [first]


def test_pointers_that_a_commit_took_over_count_and_those_it_dropped_do_not(work):
    base = work.commit({"a.weft": b"1", "b.weft": b"2", "d/c.weft": b"3", ".weft/x.weft": b"4", "link.weft": b"5"})
    work.git("rm", "-q", "b.weft", "link.weft")
    first = work.commit({"code.py": b"x"})
    second = work.commit({"new.weft": b"5"})
    assert blobs(work, one(second, base)) == ["a.weft", "d/c.weft", "new.weft"]
    assert blobs(work, one(first, base)) == ["a.weft", "d/c.weft"]


def test_what_comes_by_a_merge_and_is_gone_at_the_tip_counts(work):
    base = work.commit({"a.weft": b"1"})
    work.git("switch", "-q", "-c", "side")
    work.commit({"side.weft": b"2"})
    work.git("rm", "-q", "side.weft")
    work.commit({"code": b"x"})
    work.git("switch", "-q", "main")
    work.commit({"main.weft": b"3"})
    work.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    tip = work.git("rev-parse", "HEAD").decode().strip()
    assert blobs(work, one(tip, base)) == ["a.weft", "main.weft", "side.weft"]


def test_a_shallow_clone_counts_what_it_has(work, tmp_path, open_work):
    work.commit({"a.weft": b"1"})
    work.commit({"b.weft": b"2"})
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{work.path}", str(tmp_path / "s")], check=True)
    shallow = open_work(tmp_path / "s")
    tip = shallow.git("rev-parse", "HEAD").decode().strip()
    assert blobs(shallow, one(tip), "elsewhere") == ["a.weft", "b.weft"]


def test_processes_do_not_grow_with_history(work, monkeypatch):
    base = work.commit({"a.weft": b"1"})
    for number in range(12):
        tip = work.commit({"a.weft": b"%d" % number, f"d{number}.weft": b"x"})
    trace = work.path + "-trace"
    repo = work.repo
    monkeypatch.setenv("GIT_TRACE2_EVENT", trace)
    sent = outgoing(repo, one(tip, base), "origin")
    found = pointer_blobs_of(repo, sent)
    monkeypatch.delenv("GIT_TRACE2_EVENT")
    with open(trace) as file:
        started = sum('"event":"version"' in line for line in file)
    assert len(sent.commits) == 12
    assert len(found) == 24
    assert started <= 6


def test_no_commits_no_questions(work):
    assert pointer_blobs_of(work.repo, Outgoing({})) == []


def test_what_commits_change_and_merges_only_what_is_in_none_of_their_parents(any_work):
    work = any_work
    first = work.commit({"a": b"1", "b": b"1", "c": b"1"})
    work.git("switch", "-q", "-c", "side")
    work.commit({"a": b"side"})
    work.git("switch", "-q", "main")
    second = work.commit({"b": b"main"})
    work.git("merge", "-q", "--no-commit", "side")
    merge = work.commit({"c": b"merge"})
    ours = changes_of(work.repo, Outgoing({merge: (second,)}))
    assert [(one.path, len(one.olds)) for one in ours] == [("c", 2)]
    assert ours[0].olds[0] == ours[0].olds[1] != ours[0].new
    root = changes_of(work.repo, Outgoing({first: ()}))
    assert [(one.path, set("".join(one.olds))) for one in root] == [(path, {"0"}) for path in "abc"]
    work.git("rm", "-q", "a")
    gone = changes_of(work.repo, Outgoing({work.commit({}): (merge,)}))
    assert [(one.path, set(one.new)) for one in gone] == [("a", {"0"})]
    assert changes_of(work.repo, Outgoing({})) == []
