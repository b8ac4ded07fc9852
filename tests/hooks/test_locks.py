"""Locks of paths on a real Git remote, between two clones of two people, and the pushes that they stop."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hooks_kit import Hooked, hooked
from kit import Repo, environment
from weft.gitio.lockrefs import LOCKS, ref_of

ANN = {"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.org"}
BOB = {"GIT_AUTHOR_NAME": "Bob", "GIT_AUTHOR_EMAIL": "bob@example.org"}


@pytest.fixture
def ann(repo: Hooked) -> Hooked:
    """A clone with a directory, a file and a file of Git's, all pushed."""
    repo.env = ANN
    repo.write({"model.bin": b"model", "notes.txt": b"text"})
    repo.weft("add", "model.bin")
    repo.git("add", "-A")
    repo.data({"a": "one", "b": "two", "sub/c": "three"})
    repo.git("push", "-q", "-u", "origin", "main")
    return repo


@pytest.fixture
def bob(ann: Hooked, tmp_path: Path) -> Hooked:
    ann.git("clone", "-q", str(ann.hub), str(tmp_path / "second"))
    clone = hooked(tmp_path / "second", ann.hub, ann.store)
    clone.env = BOB
    clone.weft("install")
    clone.weft("pull")
    return clone


def listed(repo: Hooked, *args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = repo.weft("locks", *args, "--json").json["data"]["locks"]
    return found


def paths(repo: Hooked, *args: str) -> list[str]:
    return [one["path"] for one in listed(repo, *args)]


def test_a_lock_is_seen_by_all_and_had_by_one(ann: Hooked, bob: Hooked) -> None:
    ran = ann.weft("lock", "model.bin", "notes.txt", "-m", "until Friday")
    assert ran.out.splitlines() == ["locked   model.bin", "locked   notes.txt"]
    assert paths(ann) == paths(bob) == ["model.bin", "notes.txt"]
    (one, _), (same, _) = listed(ann), listed(bob)
    assert (one["owner"], one["reason"], one["branch"]) == ("Ann <ann@example.org>", "until Friday", "main")
    assert (one["mine"], same["mine"]) == (True, False)
    refused = bob.weft("lock", "model.bin", code=3).err
    assert "model.bin is locked by Ann <ann@example.org> since 2" in refused
    assert "(until Friday) [E_PATH_LOCKED]" in refused
    assert "by you already" in ann.weft("lock", "model.bin").out
    assert bob.git("for-each-ref", LOCKS).out == ""


def test_of_several_paths_all_are_locked_or_none(ann: Hooked, bob: Hooked) -> None:
    ann.weft("lock", "notes.txt")
    bob.weft("lock", "model.bin", "notes.txt", code=3)
    assert paths(bob) == ["notes.txt"]


def test_a_lock_of_a_directory_is_one_of_all_below_it_and_a_part_can_be_locked(ann: Hooked, bob: Hooked) -> None:
    ann.weft("lock", "data/sub")
    assert "data/sub is locked by Ann" in bob.weft("lock", "data", code=3).err
    assert "data/sub is locked by Ann" in bob.weft("lock", "data/sub/c", code=3).err
    bob.weft("lock", "data/a")
    assert paths(bob, "data/sub/c") == ["data/sub"]
    assert paths(bob, "data") == ["data/a", "data/sub"]
    assert paths(bob, "model.bin") == []
    ann.weft("lock", "data/sub/c")  # one's own may lie inside one another


def test_only_its_owner_unlocks_and_force_says_whose_it_was(ann: Hooked, bob: Hooked) -> None:
    ann.weft("lock", "model.bin", "data", "-m", "mine")
    assert "weft unlock --force model.bin" in bob.weft("unlock", "model.bin", code=3).err
    assert "which covers it" in ann.weft("unlock", "data/a", code=3).err
    assert "[E_NOT_LOCKED]" in ann.weft("unlock", "notes.txt", code=3).err
    ran = bob.weft("unlock", "--force", "model.bin", "-q")
    assert "unlocked model.bin, which was locked by Ann <ann@example.org> since 2" in ran.out
    assert ann.weft("unlock", "data").out == "unlocked data\n"
    assert paths(ann) == []


def test_another_clone_of_the_same_person_unlocks(ann: Hooked, bob: Hooked) -> None:
    ann.weft("lock", "model.bin")
    bob.env = {**ANN, "GIT_AUTHOR_NAME": "A. on the big machine"}
    bob.weft("unlock", "model.bin")


def test_who_locks_must_have_a_name_and_a_path_that_is_there(ann: Hooked) -> None:
    assert "Git does not know who you are" in ann.weft("lock", "data", env={"GIT_AUTHOR_EMAIL": ""}, code=3).err
    assert "E_NO_PATH" in ann.weft("lock", "nowhere", code=3).err
    assert "whole repository" in ann.weft("lock", ".", code=2).err
    assert "at most 500" in ann.weft("lock", "data", "-m", "x" * 501, code=2).err
    assert "--git-remote" in ann.weft("lock", "data", "--git-remote", "other", code=3).err
    assert ann.weft("lock", "data/not-here-yet").out == "locked   data/not-here-yet\n"


def at_once(*wanted: tuple[Hooked, str]) -> list[int]:
    """Let each lock a path, all at the same moment; their exit codes."""
    argv = [sys.executable, "-m", "weft", "lock", "-q"]
    running = [
        subprocess.Popen([*argv, path], cwd=one.root, env=environment(one.env), stderr=subprocess.PIPE)
        for one, path in wanted
    ]
    said = [process.communicate()[1] for process in running]
    codes = [process.returncode for process in running]
    assert set(codes) <= {0, 3}, said
    return codes


def test_of_two_who_lock_at_the_same_moment_exactly_one_has_it(ann: Hooked, bob: Hooked) -> None:
    ref = ref_of("model.bin")
    for _ in range(20):
        codes = at_once((ann, "model.bin"), (bob, "model.bin"))
        assert sorted(codes) == [0, 3]
        owner = json.loads(ann.git("--git-dir", str(ann.hub), "cat-file", "blob", ref).out)["owner"]
        assert owner.startswith(("Ann", "Bob")[codes.index(0)])
        ann.git("--git-dir", str(ann.hub), "update-ref", "-d", ref)


def test_of_two_who_lock_inside_one_another_never_both_have_it(ann: Hooked, bob: Hooked) -> None:
    for _ in range(6):
        codes = at_once((ann, "data"), (bob, "data/sub"))
        assert codes.count(0) <= 1
        assert [bool(ann.there(ref_of(path))) for path in ("data", "data/sub")] == [code == 0 for code in codes]
        for path in ("data", "data/sub"):
            ann.git("--git-dir", str(ann.hub), "update-ref", "-d", ref_of(path))


def test_who_sees_a_lock_come_in_between_takes_the_own_one_back(ann: Hooked, bob: Hooked) -> None:
    """The other comes after the look of this one and before its push, and looks before that: so this one must go."""
    ann.weft("lock", "data/sub")
    theirs = ann.there(ref_of("data/sub"))
    ann.git("--git-dir", str(ann.hub), "update-ref", "-d", ref_of("data/sub"))
    hook = ann.hub / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\nunset GIT_QUARANTINE_PATH\ngit update-ref {ref_of('data/sub')} {theirs}\n")
    hook.chmod(0o755)
    assert "data/sub is locked by Ann" in bob.weft("lock", "data", code=3).err
    assert paths(ann) == ["data/sub"]


def test_a_push_that_changes_what_another_has_locked_is_stopped(ann: Hooked, bob: Hooked) -> None:
    ann.weft("lock", "model.bin", "notes.txt", "data/sub", "-m", "wait")
    before = bob.there("main")
    bob.data({"a": "changed"})
    bob.git("push", "-q")  # beside what is locked
    assert bob.there("main") != before
    bob.data({"sub/c": "changed"})
    assert "data/sub is locked by Ann" in bob.refused().err
    bob.git("reset", "-q", "--hard", "HEAD~1")
    bob.write({"model.bin": b"other"})
    bob.weft("add", "model.bin")
    bob.git("commit", "-q", "-m", "model")
    ran = bob.refused()
    assert "model.bin is locked by Ann <ann@example.org>" in ran.err
    assert "pushed" not in ran.err  # nor has any data gone
    bob.git("reset", "-q", "--hard", "HEAD~1")
    bob.write({"notes.txt": b"other"})
    bob.commit()
    assert "notes.txt is locked by Ann" in bob.refused().err
    assert "notes.txt is locked" in bob.refused("origin", "HEAD:refs/heads/other").err
    ann.weft("unlock", "notes.txt")
    bob.git("push", "-q")


def test_the_owner_pushes_and_a_merge_of_what_the_owner_pushed_goes(ann: Hooked, bob: Hooked) -> None:
    ann.weft("lock", "notes.txt", "data/sub")
    ann.write({"notes.txt": b"by ann"})
    ann.git("add", "-A")
    ann.data({"sub/c": "by ann"})
    ann.git("push", "-q")
    bob.data({"b": "by bob"})
    bob.git("pull", "-q", "--no-rebase", "--no-edit")
    assert bob.git("show", "-s", "--format=%P").out.count(" ") == 1
    bob.git("push", "-q")
    assert bob.there("main") == bob.head


def test_a_locked_path_that_goes_or_turns_into_a_directory_counts_as_changed(ann: Hooked, bob: Hooked) -> None:
    ann.weft("lock", "data/sub", "notes.txt")
    bob.git("mv", "notes.txt", "moved.txt")
    bob.git("commit", "-q", "-m", "move")
    assert "notes.txt is locked" in bob.refused().err
    bob.git("reset", "-q", "--hard", "HEAD~1")
    bob.weft("rm", "data")
    bob.git("commit", "-q", "-m", "gone")
    assert "data/sub is locked" in bob.refused().err


def test_listings_that_are_not_here_are_fetched(ann: Hooked, bob: Hooked) -> None:
    ann.data({"sub/c": "second"})
    ann.git("push", "-q")
    ann.weft("lock", "data/sub")
    bob.git("pull", "-q")
    shutil.rmtree(bob.root / ".git" / "weft")
    bob.git("checkout", "-q", "HEAD~1", "--", "data.weft")
    bob.git("commit", "-q", "--no-verify", "-m", "back to the first")
    assert "data/sub is locked" in bob.refused().err


def test_what_cannot_be_compared_is_said_and_stops_nothing(ann: Hooked, bob: Hooked) -> None:
    good = ann.read("data.weft")
    ann.write({"data.weft": b"weft: 1\ntype: none\n"})
    ann.git("commit", "-q", "-a", "--no-verify", "-m", "broken")
    ann.git("push", "-q", "--no-verify")
    bob.git("pull", "-q")
    ann.weft("lock", "data/sub")
    bob.write({"data.weft": good.encode()})
    bob.git("commit", "-q", "-a", "-m", "whole again")
    ran = bob.git("push", "-q")
    assert "whether these commits change data/sub cannot be told" in ran.err
    assert bob.there("main") == bob.head


def test_where_the_locks_cannot_be_read_a_push_goes_on_with_one_line(ann: Hooked, bob: Hooked) -> None:
    ann.weft("lock", "notes.txt")
    bob.write({"notes.txt": b"other"})
    bob.commit()
    bob.git("config", "remote.origin.uploadpack", "/bin/false")
    ran = bob.git("push", "-q")
    assert [line for line in ran.err.splitlines() if "locks on origin cannot be read" in line]
    assert bob.there("main") == bob.head
    assert bob.weft("locks", code=6).out == ""


def test_a_server_that_allows_no_such_refs_is_named(ann: Hooked) -> None:
    hook = ann.hub / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/weft/*) echo no; exit 1;; esac\n')
    hook.chmod(0o755)
    ran = ann.weft("lock", "data", code=6)
    assert "origin makes no lock: [remote rejected] (hook declined)" in ran.err
    assert "must allow refs below refs/weft/locks/" in ran.err
    ann.write({"notes.txt": b"other"})
    ann.commit()
    ann.git("push", "-q")


def test_status_and_add_tell_of_locks_without_a_network(ann: Hooked, bob: Hooked) -> None:
    ann.weft("lock", "data/sub", "model.bin")
    assert "locked" not in bob.weft("status").err
    bob.weft("locks")
    bob.git("remote", "set-url", "origin", "/nowhere")
    line = "warning: locked, as far as this clone knows: data/sub by Ann <ann@example.org>"
    assert f"{line}, model.bin by Ann <ann@example.org>\n" in bob.weft("status").err
    assert f"{line}\n" in bob.weft("add", "data").err
    assert "locked" not in ann.weft("status").err
    assert paths(bob, "--cached") == ["data/sub", "model.bin"]
    copy = bob.root / ".git" / "weft" / "locks.json"
    for text in (
        "",
        "[]",
        '{"remotes": 3}',
        '{"remotes": {"origin": {"x": "y"}}}',
        '{"remotes": {"origin": {"x": 1}}}',
    ):
        copy.write_text(text)
        assert "locked" not in bob.weft("status").err


def test_a_ref_that_is_no_lock_is_named_and_stops_no_push(ann: Hooked, bob: Hooked) -> None:
    bob.weft("lock", "notes.txt")
    lock = ann.there(ref_of("notes.txt"))
    ann.git("--git-dir", str(ann.hub), "update-ref", ref_of("data"), lock)  # of another path than it says
    ann.data({"a": "changed"})
    assert "is no lock, and counts for none" in ann.git("push", "-q").err
    assert ann.there("main") == ann.head


def test_a_ref_of_an_object_that_git_itself_refuses_brings_nothing_here(ann: Hooked, bob: Hooked) -> None:
    ann.weft("lock", "model.bin")
    hub = Repo(ann.hub)
    (ann.root / "tree").write_bytes(b"40000 .git\0" + bytes.fromhex(ann.git("rev-parse", "HEAD^{tree}").out.strip()))
    tree = hub.git("hash-object", "-w", "-t", "tree", "--literally", str(ann.root / "tree")).out.strip()
    hub.git("update-ref", ref_of("notes.txt"), tree)
    assert "cannot be fetched" in bob.weft("locks", code=None).err
    assert bob.git("cat-file", "-e", tree, code=None).code != 0


def test_locks_are_kept_where_pushes_go(ann: Hooked, bob: Hooked, tmp_path: Path) -> None:
    bob.git("init", "-q", "--bare", str(tmp_path / "elsewhere.git"))
    bob.git("config", "remote.origin.pushurl", str(tmp_path / "elsewhere.git"))
    bob.weft("lock", "data")
    assert paths(bob) == ["data"]
    assert paths(ann) == []
    ann.weft("lock", "data")


def test_nothing_else_is_left_in_a_clone_and_nothing_else_goes(ann: Hooked, bob: Hooked) -> None:
    ann.git("tag", "-a", "v1", "-m", "v1")
    ann.git("config", "push.followTags", "true")
    ann.weft("lock", "data")
    assert ann.there("refs/tags/v1") == ""
    refs, head = bob.git("for-each-ref").out, bob.read(".git/FETCH_HEAD")
    bob.weft("locks")
    assert (bob.git("for-each-ref").out, bob.read(".git/FETCH_HEAD")) == (refs, head)
    bob.git("push", "-q", "--mirror", code=None)
    assert bob.there(ref_of("data")) == ""  # as the page on locks says: what a clone has no ref of goes with --mirror


def test_a_repository_without_weft_asks_for_no_locks(ann: Hooked, tmp_path: Path) -> None:
    plain = hooked(tmp_path / "plain", tmp_path / "plain.git", ann.store)
    plain.root.mkdir()
    plain.git("init", "-q", "-b", "main")
    plain.git("init", "-q", "--bare", str(plain.hub))
    shutil.copy(ann.root / ".git" / "hooks" / "pre-push", plain.root / ".git" / "hooks" / "pre-push")
    plain.git("remote", "add", "origin", str(plain.hub))
    plain.git("config", "remote.origin.uploadpack", "/bin/false")
    plain.write({"a": b"a"})
    plain.commit()
    assert "locks" not in plain.git("push", "origin", "main").err
    assert "E_NO_REPO" in plain.weft("locks", code=6).err
