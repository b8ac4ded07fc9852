"""Only the named paths enter and leave the index."""

from __future__ import annotations

import os
import threading

import pytest

from weft.errors import GitFailed, LockTimeout
from weft.gitio import staging


def staged(work):
    return [os.fsdecode(name) for name in work.git("ls-files", "-z").split(b"\0") if name]


def test_stage_takes_exactly_the_named_paths(work):
    for name in ("a.weft", "b.weft", "*.weft", "d/c.weft"):
        work.write(name)
    staging.stage(work.repo, ["*.weft"])
    assert staged(work) == ["*.weft"]
    staging.stage(work.repo, ["a.weft", "d/c.weft"])
    assert staged(work) == ["*.weft", "a.weft", "d/c.weft"]


def test_stage_takes_ignored_and_odd_names(any_work):
    names = ["-n.weft", "sp ace.weft", "ü'\".weft", ":x.weft", "new\nline.weft", "tab\t.weft"]
    any_work.write(".gitignore", b"*\n")
    for name in names:
        any_work.write(name)
    staging.stage(any_work.repo, names)
    assert sorted(staged(any_work)) == sorted(names)


def test_git_set_to_refuse_line_ends_that_it_would_change(work):
    work.git("config", "core.autocrlf", "true")
    work.git("config", "core.safecrlf", "true")
    work.write(".gitignore", b"/data\n")
    staging.stage(work.repo, [".gitignore"])
    assert staged(work) == [".gitignore"]


def test_stage_of_nothing_does_nothing(work):
    work.write("a")
    staging.stage(work.repo, [])
    staging.unstage_remove(work.repo, [])
    assert staged(work) == []


def test_stage_records_that_a_file_is_gone(work):
    work.commit({"gone.weft": b"1", "stays.weft": b"1"})
    os.unlink(os.path.join(work.path, "gone.weft"))
    work.write("new.weft")
    staging.stage(work.repo, ["gone.weft", "new.weft", "never-there.weft"])
    assert staged(work) == ["new.weft", "stays.weft"]


def test_stage_failure_names_the_reason(work, new_work):
    inner = new_work("inner")
    inner.commit({"f": b"1"})
    work.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.path, "mod")
    with pytest.raises(GitFailed, match=r"git add failed: .*submodule"):
        staging.stage(work.repo, ["mod/f"])


def test_unstage_remove_keeps_the_files(work):
    work.commit({"a.weft": b"1", "b.weft": b"1"})
    work.write("a.weft", b"staged")
    work.git("add", "a.weft")
    work.write("a.weft", b"newer")
    staging.unstage_remove(work.repo, ["a.weft", "untracked", "*"])
    assert staged(work) == ["b.weft"]
    with open(os.path.join(work.path, "a.weft"), "rb") as file:
        assert file.read() == b"newer"


def test_unstage_remove_takes_no_directory(work):
    work.commit({"d/a": b"1"})
    with pytest.raises(GitFailed):
        staging.unstage_remove(work.repo, ["d"])
    assert staged(work) == ["d/a"]


def test_stage_uses_the_index_of_the_environment(work, tmp_path, monkeypatch):
    work.write("a.weft")
    with monkeypatch.context() as patch:
        patch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
        staging.stage(work.repo, ["a.weft"])
        assert staged(work) == ["a.weft"]
    assert staged(work) == []


def test_stage_waits_for_another_git_command(work):
    work.write("a.weft")
    lock = work.write(".git/index.lock", b"")
    timer = threading.Timer(0.3, os.unlink, [lock])
    timer.start()
    staging.stage(work.repo, ["a.weft"])
    timer.join()
    assert staged(work) == ["a.weft"]


def test_stage_gives_up_on_a_lock_that_stays(work, monkeypatch):
    monkeypatch.setattr(staging, "INDEX_LOCK_SECONDS", 0.2)
    work.write("a.weft")
    work.write(".git/index.lock", b"")
    with pytest.raises(LockTimeout):
        staging.stage(work.repo, ["a.weft"])
    assert os.path.exists(os.path.join(work.path, ".git/index.lock"))


def test_a_lock_that_cannot_be_made_is_no_other_command(work, tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "_POLL_SECONDS", 0.0)
    work.write("a.txt", b"a")
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nowhere" / "index"))
    with pytest.raises(GitFailed, match="No such file"):
        staging.stage(work.repo, ["a.txt"])
