"""Repositories are found as Git finds them, by a Git that no repository can replace."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from weft.errors import GitFailed, NotARepository
from weft.gitio import staging, trees
from weft.gitio.repo import discover


def test_discover_from_root_subdirectory_and_file(work):
    work.write("a/b/file")
    for start in ("", "a", "a/b", "a/b/file", "a/b/not-there"):
        repo = discover(os.path.join(work.path, start))
        assert repo.root == work.path
        assert repo.git_dir == repo.common_dir == os.path.join(work.path, ".git")
        assert os.path.isabs(repo.program)


def test_discover_takes_relative_starts_and_resolves_links(work, tmp_path, monkeypatch):
    work.write("sub/file")
    monkeypatch.chdir(os.path.join(work.path, "sub"))
    assert discover(".").root == work.path
    (tmp_path / "link").symlink_to(work.path)
    assert discover(str(tmp_path / "link")).root == work.path


@pytest.mark.parametrize(
    "name", ["with space", "ünïcødé 数据", "quo'te\"d", "-dash", "$HOME;x", "tab\there", "b\udcff"]
)
def test_discover_odd_directory_names(new_work, name):
    work = new_work(f"{name}")
    repo = discover(work.path)
    assert repo.root == work.path
    assert repo.git("rev-parse", "--show-prefix") == b"\n"


def test_line_feed_in_the_path_is_refused_not_misread(new_work):
    with pytest.raises(GitFailed, match="line feed"):
        discover(new_work("two\nlines").path)


def test_no_repository(tmp_path):
    with pytest.raises(NotARepository) as caught:
        discover(str(tmp_path))
    assert "git init" in caught.value.hint
    assert caught.value.path == str(tmp_path)
    with pytest.raises(NotARepository):
        discover(str(tmp_path / "none" / "none"))


def test_bare_repository(new_work):
    bare = new_work("bare.git", "--bare")
    with pytest.raises(NotARepository, match="bare"):
        discover(bare.path)


def test_inside_the_git_directory(work):
    with pytest.raises(NotARepository, match="work tree"):
        discover(os.path.join(work.path, ".git", "objects"))


def test_broken_repository_is_not_called_absent(work):
    with open(os.path.join(work.path, ".git", "config"), "w") as file:
        file.write("[core\n")
    with pytest.raises(GitFailed, match="config"):
        discover(work.path)


def test_linked_work_trees_share_the_common_directory(work, tmp_path, open_work):
    work.commit()
    work.git("worktree", "add", "-q", str(tmp_path / "other"), "-b", "side")
    repo = discover(str(tmp_path / "other"))
    assert repo.root == str(tmp_path / "other")
    assert repo.common_dir == os.path.join(work.path, ".git")
    assert repo.git_dir == os.path.join(work.path, ".git", "worktrees", "other")
    other = open_work(repo.root)
    commit = other.commit({"x.weft": b"side"})
    assert trees.head(repo) == commit != trees.head(work.repo)
    assert list(trees.staged_pointers(repo)) == ["x.weft"]
    assert trees.staged_pointers(work.repo) == {}


def test_work_tree_of_a_bare_repository(new_work, work, tmp_path):
    work.commit()
    subprocess.run(["git", "clone", "-q", "--bare", work.path, str(tmp_path / "bare")], check=True)
    subprocess.run(["git", "-C", str(tmp_path / "bare"), "worktree", "add", "-q", str(tmp_path / "tree")], check=True)
    repo = discover(str(tmp_path / "tree"))
    assert (repo.root, repo.common_dir) == (str(tmp_path / "tree"), str(tmp_path / "bare"))


def test_submodule_is_a_repository_of_its_own(work, new_work, open_work):
    inner = new_work("inner")
    inner.commit({"in.weft": b"in"})
    work.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", inner.path, "mod")
    work.commit({"out.weft": b"out"})
    repo = discover(os.path.join(work.path, "mod"))
    assert repo.root == os.path.join(work.path, "mod")
    assert repo.git_dir == repo.common_dir == os.path.join(work.path, ".git", "modules", "mod")
    assert list(trees.pointer_files(repo)) == ["in.weft"]
    assert list(trees.pointer_files(work.repo)) == ["out.weft"]


def test_separate_git_directory(new_work, tmp_path):
    work = new_work("work", "--separate-git-dir", str(tmp_path / "elsewhere"))
    assert work.repo.git_dir == str(tmp_path / "elsewhere")
    work.commit({"a.weft": b"a"})
    assert list(trees.pointer_files(work.repo)) == ["a.weft"]


def test_repository_of_another_owner_gives_the_advice_of_git(work, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(GitFailed) as caught:
        discover(work.path)
    assert "another owner" in caught.value.message
    assert f"git config --global --add safe.directory {work.path}" in caught.value.hint


def test_no_git(work, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitFailed, match="not installed") as caught:
        discover(work.path)
    assert "install Git" in caught.value.hint


def test_too_old_git(work, monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text('#!/bin/sh\nfor arg; do echo "$arg"; done\n')
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(GitFailed, match="too old"):
        discover(work.path)


def test_git_reports_failures_with_reason_and_advice(work):
    with pytest.raises(GitFailed, match="git ls-files failed: ") as caught:
        work.repo.git("ls-files", "--", "../outside")
    assert "outside repository" in caught.value.message
    assert "fatal:" not in caught.value.message
    assert work.repo.git("ls-files", "--", "../outside", check=False) == b""


def test_stream_reports_failures(work):
    with pytest.raises(GitFailed, match="unknown option"), work.repo.stream("cat-file", "--no-such-option") as out:
        assert out.read() == b""


# --- which program runs, and with which arguments ---------------------------------------------------------------------


@pytest.fixture
def logged_git(tmp_path, monkeypatch):
    """A ``git`` first on the PATH that notes its arguments, one call a line, and runs the real one."""
    real = shutil.which("git")
    log = tmp_path / "argv.log"
    (tmp_path / "bin").mkdir()
    script = f'#!/bin/sh\nfor arg; do printf "%s\\t" "$arg"; done >> "{log}"\necho >> "{log}"\nexec {real} "$@"\n'
    (tmp_path / "bin" / "git").write_text(script)
    (tmp_path / "bin" / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def calls():
        return [line.rstrip("\t").split("\t") for line in log.read_text().splitlines()]

    return calls


def test_git_in_the_repository_is_never_run(work, tmp_path, monkeypatch):
    for name in ("git", "git.exe", "sub/git"):
        os.chmod(work.write(name, f"#!/bin/sh\ntouch {tmp_path}/executed\n".encode()), 0o755)
    monkeypatch.chdir(work.path)
    monkeypatch.setenv("PATH", f".:{os.pathsep}sub{os.pathsep}{os.environ['PATH']}")
    repo = discover(".")
    trees.pointer_files(repo)
    staging.stage(repo, ["git"])
    assert os.path.dirname(repo.program) != work.path
    assert os.path.isabs(repo.program)
    assert not (tmp_path / "executed").exists()


def test_names_reach_git_only_after_the_dashes_or_on_stdin(work, logged_git):
    names = ["-rf", "--exec=x", "-x.weft", "*", ":(top)x"]
    repo = work.repo
    commit = work.commit(dict.fromkeys(names, b"data"))
    before = len(logged_git())
    assert trees.is_tracked(repo, "-rf", "--exec=x", "*") == ["*", "--exec=x", "-rf"]
    assert trees.file_at(repo, commit, "--exec=x") == b"data"
    assert trees.pointer_blobs(repo, commit) == {"-x.weft": b"data"}
    staging.stage(repo, names)
    staging.unstage_remove(repo, ["-rf", "*"])
    calls = logged_git()[before:]
    assert len(calls) == 7
    for call in calls:
        assert "--literal-pathspecs" in call
        options = call[: call.index("--")] if "--" in call else call
        assert not set(names) & set(options), call
    assert trees.is_tracked(repo, ".") == ["--exec=x", ":(top)x"]


def test_hostile_revisions_are_not_options(work, logged_git, tmp_path):
    work.commit()
    repo = work.repo
    before = len(logged_git())
    for rev in ("--output=" + str(tmp_path / "pwned"), "-h", "--all", "^HEAD", ""):
        with pytest.raises(Exception, match="names no commit"):
            trees.resolve(repo, rev)
    assert len(logged_git()) == before, "Git was asked about something that is no revision"
    with pytest.raises(Exception, match="names no commit"):
        trees.commits(repo, "--output=x..HEAD")
    assert not (tmp_path / "pwned").exists()


def test_readers_take_no_optional_locks(work, logged_git):
    repo = work.repo
    trees.pointer_files(repo)
    assert re.match("-c safe.bareRepository=explicit -C .* --no-optional-locks .*ls-files", " ".join(logged_git()[-1]))


def test_ten_thousand_files_are_one_process(work, logged_git):
    blob = work.git("hash-object", "-w", "--stdin").decode().strip()
    rows = "".join(f"100644 {blob} 0\tdir{n % 100}/file{n}{'.weft' if n % 2 else ''}\n" for n in range(10_000))
    work.git("update-index", "--index-info", stdin=rows.encode())
    commit = work.commit()
    repo = work.repo
    before = len(logged_git())
    assert len(trees.pointer_files(repo)) == 5000
    assert len(logged_git()) == before + 1
    assert len(trees.staged_pointers(repo)) == 5000
    assert len(logged_git()) == before + 2
    assert len(trees.pointer_blobs(repo, commit)) == 5000
    assert len(logged_git()) == before + 4
