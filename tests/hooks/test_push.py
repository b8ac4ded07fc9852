"""``git push`` with the hook: the data is on its remote before any commit is on Git's, or nothing is pushed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from hooks_kit import Hooked
from kit import Repo
from weft.errors import NotOnRemote
from weft.workflows import prepush
from weft.workflows.prepush_data import prove
from weft.workflows.project import open_project
from weft.workflows.targets import workspace_pointers


def packs(store: Path) -> list[Path]:
    return sorted(path for path in (store / "packs").rglob("*") if path.is_file())


def test_a_plain_push_is_enough_for_a_colleague(repo: Hooked, second: Hooked) -> None:
    repo.data({"a": "one", "b": "two"})
    ran = repo.git("push", "origin", "main")
    assert "weft: pushed 1 path to origin" in ran.err
    second.git("pull", "-q")
    second.weft("pull")
    assert second.read("data/a") == "one"
    assert second.read("data/b") == "two"
    assert repo.git("push", "origin", "main").err == "Everything up-to-date\n"


def test_every_version_that_is_pushed_is_complete(repo: Hooked, second: Hooked) -> None:
    first = repo.data({"a": "one"})
    repo.data({"a": "two"})
    repo.git("push", "-q", "origin", "main")
    second.git("pull", "-q")
    for commit, text in ((first, "one"), ("main", "two")):
        assert second.weft("cat", f"{commit}:data/a").out == text


def test_data_that_is_nowhere_stops_the_push(repo: Hooked) -> None:
    before = repo.there("main")
    repo.data({"a": "one"})
    repo.wipe("data")
    ran = repo.refused("origin", "main")
    assert "neither here nor on" in ran.err
    assert "data" in ran.err
    assert repo.there("main") == before
    repo.git("push", "-q", "--no-verify", "origin", "main")
    assert repo.there("main") == repo.head


def test_data_missing_in_an_older_commit_of_the_push_stops_it(repo: Hooked) -> None:
    """The tip is fine; a colleague who goes back one commit would find nothing."""
    repo.data({"a": "lost"})
    repo.wipe("data")
    repo.git("rm", "-q", "data.weft")
    repo.git("commit", "-q", "-m", "without")
    repo.data({"b": "kept"}, path="other")
    repo.refused("origin", "main")
    repo.git("reset", "-q", "--hard", "origin/main")
    repo.data({"b": "kept"}, path="other")
    repo.git("push", "-q", "origin", "main")


def test_data_that_a_colleague_kept_names_the_commit(repo: Hooked, second: Hooked) -> None:
    repo.env = {**repo.env, "GIT_AUTHOR_NAME": "Bob"}
    bad = repo.data({"a": "one"})
    repo.data({"a": "two"})
    repo.git("push", "-q", "--no-verify", "origin", "main")
    second.git("pull", "-q")
    second.weft("remote", "trust", "origin")
    second.git("switch", "-q", "-c", "side", bad)
    second.git("commit", "-q", "--allow-empty", "-m", "mine")
    ran = second.git("push", str(repo.hub), "side", code=1)
    assert f"the pointer came with {bad[:7]} of Bob (" in ran.err
    said = second.weft("push", code=4).err
    assert f"the pointer came with {bad[:7]} of Bob (" in said


def test_an_unreachable_remote_stops_the_push_and_says_so(repo: Hooked) -> None:
    repo.data({"a": "one"})
    shutil.rmtree(repo.store)
    repo.store.write_text("a file stands here now")
    before = repo.there("main")
    repo.refused("origin", "main")
    assert repo.there("main") == before


def test_without_a_remote_for_data_only_code_is_pushed(bare: Hooked) -> None:
    bare.write({"code.py": b"1"})
    bare.commit()
    bare.git("push", "-q", "origin", "main")
    bare.data({"a": "one"})
    ran = bare.refused("origin", "main")
    assert "E_NO_REMOTE" in ran.err
    assert "weft remote add origin URL" in ran.err
    assert "1 pointer" in ran.err


def test_a_git_remote_that_went_back_gets_nothing_without_its_data(repo: Hooked, tmp_path: Path) -> None:
    before = repo.there("main")
    first = repo.data({"a": "one"})
    repo.git("push", "-q", "--no-verify", "origin", "main")
    repo.git("--git-dir", str(repo.hub), "update-ref", "refs/heads/main", before)
    store = repo.root / ".git/weft/store"
    store.rename(tmp_path / "away")
    repo.refused("origin", "main")
    assert repo.there("main") == before
    shutil.rmtree(store, ignore_errors=True)
    (tmp_path / "away").rename(store)
    repo.git("push", "-q", "origin", "main")
    assert repo.there("main") == first


def test_a_replaced_commit_is_sent_as_it_is_and_so_is_its_data(repo: Hooked, second: Hooked) -> None:
    repo.data({"a": "one"})
    repo.data({"a": "two"})
    repo.git("replace", "HEAD", "HEAD~1")
    repo.git("push", "-q", "origin", "main")
    second.git("pull", "-q")
    second.weft("pull")
    assert second.read("data/a") == "two"


def test_deleting_a_branch_asks_nobody(repo: Hooked) -> None:
    repo.data({"a": "one"})
    repo.git("push", "-q", "origin", "main", "main:side")
    shutil.rmtree(repo.store)
    repo.git("push", "-q", "origin", ":side")
    assert repo.there("side") == ""


def test_new_branches_tags_and_several_refs_at_once(repo: Hooked, second: Hooked) -> None:
    repo.git("switch", "-q", "-c", "one")
    repo.data({"a": "one"})
    repo.git("tag", "-a", "-m", "x", "v1")
    repo.git("switch", "-q", "-c", "two", "main")
    repo.data({"b": "two"}, path="other")
    repo.git("tag", "light")
    repo.git("push", "-q", "origin", "two", "v1", "light")
    second.git("fetch", "-q", "--tags")
    assert second.weft("cat", "v1:data/a").out == "one"
    assert second.weft("cat", "light:other/b").out == "two"
    assert repo.there("refs/tags/v1")
    assert repo.there("one") == "", "the branch itself was not asked for"


def test_a_push_of_everything_is_stopped_by_one_bad_branch(repo: Hooked) -> None:
    repo.git("switch", "-q", "-c", "bad")
    repo.data({"a": "lost"})
    repo.wipe("data")
    repo.git("switch", "-q", "main")
    repo.data({"b": "fine"}, path="other")
    repo.refused("--all", "origin")
    assert repo.there("bad") == ""
    repo.git("push", "-q", "origin", "main")


def test_a_forced_push_looks_at_the_new_commits(repo: Hooked, second: Hooked) -> None:
    repo.data({"a": "one"})
    repo.git("push", "-q", "origin", "main")
    repo.write({"data/a": b"other"})
    repo.weft("add", "data")
    repo.git("commit", "-q", "--amend", "-m", "again")
    repo.git("push", "-q", "--force", "origin", "main")
    second.git("pull", "-q")
    second.weft("pull")
    assert second.read("data/a") == "other"


def test_code_is_pushed_from_a_clone_that_never_had_the_data(repo: Hooked, second: Hooked) -> None:
    repo.data({"a": "one"})
    repo.git("push", "-q", "origin", "main")
    second.git("pull", "-q")
    second.write({"code.py": b"1"})
    second.commit()
    second.git("push", "-q", "origin", "main")
    assert second.there("main") == second.head


@pytest.mark.parametrize("has_data", [True, False])
def test_what_the_remote_lost_is_sent_again_or_stops_the_push(repo: Hooked, second: Hooked, has_data: bool) -> None:
    """The pointer is not of this push: the commit still needs its data."""
    repo.data({"a": "one"})
    repo.git("push", "-q", "origin", "main")
    second.git("pull", "-q")
    for pack in packs(repo.store):
        pack.unlink()
    who = repo if has_data else second
    who.write({"code.py": b"1"})
    who.commit()
    if has_data:
        assert "repaired" in who.git("push", "origin", "main").err
        assert packs(repo.store)
    else:
        who.refused("origin", "main")


def test_what_the_git_remote_has_already_is_not_asked_for_again(repo: Hooked) -> None:
    """A colleague pushed past the hook, and took the pointer back: that mends it."""
    repo.data({"a": "lost"})
    repo.wipe("data")
    repo.git("push", "-q", "--no-verify", "origin", "main")
    repo.git("rm", "-q", "data.weft")
    repo.git("commit", "-q", "-m", "take it back")
    repo.git("push", "-q", "origin", "main")
    assert repo.there("main") == repo.head


def test_a_pointer_that_cannot_be_read_stops_the_push(repo: Hooked) -> None:
    repo.write({"bad.weft": b"nonsense\n"})
    repo.git("add", "-f", "bad.weft")
    repo.git("commit", "-q", "--no-verify", "-m", "bad")
    assert "bad.weft" in repo.refused("origin", "main").err


def test_a_branch_without_weft_is_checked_out(repo: Hooked) -> None:
    repo.data({"a": "one"})
    repo.git("switch", "-q", "--orphan", "pages")
    repo.write({"index.html": b"x"})
    repo.git("add", "index.html")
    repo.git("commit", "-q", "-m", "pages")
    repo.git("push", "-q", "origin", "pages")
    assert ".weft/config.yaml" in repo.refused("origin", "main").err
    repo.git("switch", "-q", "main")
    repo.git("push", "-q", "origin", "main")


def test_a_store_id_that_was_never_learned_is_pinned_and_told(bare: Hooked) -> None:
    bare.weft("remote", "add", "--no-check", "origin", str(bare.store))
    bare.data({"a": "one"})
    ran = bare.git("push", "origin", "main")
    assert "git commit .weft/config.yaml" in ran.err
    assert bare.git("status", "--short").out.split() == ["M", ".weft/config.yaml"]


# --- from everywhere that Git can be started ----------------------------------------------------------------------------


def test_from_a_folder_below_by_path_and_by_url(repo: Hooked, tmp_path: Path) -> None:
    repo.data({"a": "one"})
    below = Repo(repo.root / "data")
    below.git("push", "-q", str(repo.hub), "main:one")
    Repo(tmp_path).git("-C", "repo", "push", "-q", f"file://{repo.hub}", "main:two")
    Repo(tmp_path).git("--git-dir", "repo/.git", "--work-tree", "repo", "push", "-q", "origin", "main:three")
    assert {repo.there(name) for name in ("one", "two", "three")} == {repo.head}
    assert len(packs(repo.store)) > 0


def test_from_a_linked_work_tree(repo: Hooked, tmp_path: Path, second: Hooked) -> None:
    repo.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    linked = Hooked(tmp_path / "linked")
    linked.data({"a": "one"})
    linked.git("push", "-q", "origin", "side")
    second.git("fetch", "-q")
    assert second.weft("cat", "origin/side:data/a").out == "one"


def test_detached_and_shallow(repo: Hooked, tmp_path: Path) -> None:
    repo.data({"a": "one"})
    repo.data({"a": "two"})
    repo.git("push", "-q", "origin", "main")
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.hub}", str(tmp_path / "shallow"))
    shallow = Hooked(tmp_path / "shallow")
    shallow.weft("install")
    shallow.git("checkout", "-q", "--detach")
    shallow.data({"c": "three"}, path="more")
    shallow.git("push", "-q", "origin", "HEAD:refs/heads/side")
    assert repo.there("side") == shallow.head


def test_a_hook_that_was_there_sees_the_same_refs(repo: Hooked) -> None:
    hook = repo.root / ".git/hooks/pre-push"
    hook.with_name("pre-push.before-weft").write_text('#!/bin/sh\necho "$1" > ../seen; cat >> ../seen\n')
    os.chmod(hook.with_name("pre-push.before-weft"), 0o755)
    repo.data({"a": "one"})
    before = repo.there("main")
    repo.git("push", "-q", "origin", "main")
    seen = (repo.root.parent / "seen").read_text()
    assert seen == f"origin\nrefs/heads/main {repo.head} refs/heads/main {before}\n"
    assert packs(repo.store)


def test_many_commits_are_validated_some_at_a_time(repo: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(prepush, "_AT_ONCE", 2)
    for number in range(5):
        repo.write({"code.py": b"%d" % number, "bad.weft": b"<<<<<<< ours\n" if number == 3 else b""})
        repo.git("add", "-f", "code.py", *(["bad.weft"] if number == 3 else []))
        repo.git("commit", "-q", "--no-verify", "-m", f"{number}")
        if number == 3:
            bad = repo.head
            repo.git("rm", "-q", "bad.weft")
    line = f"refs/heads/main {repo.head} refs/heads/main {repo.there('main')}"
    result = prepush.prepush(str(repo.root), prepush.Pushing("origin", (line,)))
    assert result.validated is not None
    assert {one.commit for one in result.validated.violations} == {bad}
    before = repo.git("rev-parse", f"{bad}~1").out.strip()
    good = f"refs/heads/main {before} refs/heads/main {repo.there('main')}"
    passed = prepush.prepush(str(repo.root), prepush.Pushing("origin", (good,)))
    assert passed.validated is not None
    assert (passed.validated.passed, passed.commits, passed.pushed) == (True, 3, None)


# --- the proof --------------------------------------------------------------------------------------------------------


def test_the_proof_asks_the_remote_and_not_the_push(repo: Hooked) -> None:
    repo.data({"a": "one"})
    with open_project(str(repo.root)) as project, pytest.raises(NotOnRemote, match="data"):
        prove(project, workspace_pointers(project))
    repo.weft("push")
    with open_project(str(repo.root)) as project:
        prove(project, workspace_pointers(project))
    packs(repo.store)[0].unlink()
    with open_project(str(repo.root)) as project, pytest.raises(NotOnRemote):
        prove(project, workspace_pointers(project))


def test_a_stale_stage_is_committed_and_pushed_with_a_line(repo: Hooked) -> None:
    repo.write({"train.py": b"1\n"})
    repo.weft("run", "-q", "-n", "train", "-d", "train.py", "-o", "model", "--", "cp train.py model")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "run")
    repo.write({"train.py": b"1  # one\n"})
    line = "stale: train, for train.py changed since its run; next: weft repro train\n"
    assert repo.git("commit", "-q", "-a", "-m", "comment").err == line
    repo.write({"README.md": b"more\n"})
    repo.git("add", "-A")
    assert repo.git("commit", "-q", "-m", "beside it").err == ""
    assert line in repo.git("push", "-q", "origin", "main").err
    assert repo.there("main") == repo.head
