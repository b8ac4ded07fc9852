"""``git commit`` in all its forms with the hooks in place: what is wrong is refused, what is right is not disturbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hooks_kit import Hooked
from kit import Ran, Repo, environment

MARKERS = b"<<<<<<< ours\n"


@pytest.fixture
def work(repo: Hooked) -> Hooked:
    """One tracked path, one file of code, both committed."""
    repo.write({"code.py": b"1\n"})
    repo.git("add", "code.py")
    repo.data({"a": "one"})
    return repo


def refused(repo: Repo, *args: str) -> Ran:
    """Run ``git ARGS``, which must make no commit."""
    before = repo.git("rev-parse", "HEAD").out
    ran = repo.git(*args, code=1)
    assert "WEFT002" in ran.err
    assert "data.weft" in ran.err
    assert repo.git("rev-parse", "HEAD").out == before
    return ran


def test_what_is_staged_counts_and_not_the_file(work: Hooked) -> None:
    good = (work.root / "data.weft").read_bytes()
    work.write({"data.weft": MARKERS})
    work.git("add", "data.weft")
    work.write({"data.weft": good})
    ran = refused(work, "commit", "-m", "bad")
    assert "mend:" in ran.err
    assert ran.out == ""
    work.git("add", "data.weft")
    work.write({"data.weft": MARKERS, "code.py": b"2\n"})
    work.git("add", "code.py")
    work.git("commit", "-q", "-m", "good")


def test_commit_all(work: Hooked) -> None:
    work.write({"data.weft": MARKERS})
    refused(work, "commit", "-a", "-m", "bad")
    work.weft("add", "--force", "data", code=None)
    work.git("checkout", "--", "data.weft")
    work.write({"code.py": b"2\n"})
    work.git("commit", "-q", "-a", "-m", "good")


def test_commit_of_a_path_is_about_that_path(work: Hooked) -> None:
    work.write({"data.weft": MARKERS, "code.py": b"2\n"})
    work.git("add", "data.weft")
    work.git("commit", "-q", "-m", "only the code", "code.py")
    assert work.git("status", "--short").out == "M  data.weft\n"
    work.write({"code.py": b"3\n"})
    work.git("add", "code.py")
    refused(work, "commit", "-m", "only the pointer", "data.weft")


def test_from_everywhere(work: Hooked, tmp_path: Path) -> None:
    work.write({"data.weft": MARKERS, "deep/er/x": b"x"})
    work.git("add", "data.weft", "deep")
    refused(Repo(work.root / "deep/er"), "commit", "-m", "bad")
    refused(Hooked(tmp_path / "repo"), "-C", str(work.root), "commit", "-m", "bad")
    places = (f"--git-dir={work.root}/.git", f"--work-tree={work.root}")
    ran = Repo(tmp_path).git(*places, "commit", "-m", "bad", code=1)
    assert "WEFT002" in ran.err
    work.git("checkout", "HEAD", "--", "data.weft")
    Repo(work.root / "deep").git("commit", "-q", "-m", "good")


def test_in_a_linked_work_tree(work: Hooked, tmp_path: Path) -> None:
    work.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "linked"))
    linked = Hooked(tmp_path / "linked")
    linked.write({"data.weft": MARKERS})
    refused(linked, "commit", "-a", "-m", "bad")
    linked.git("checkout", "--", "data.weft")
    linked.data({"b": "two"})
    assert work.read("data/b") == ""


def test_amending(work: Hooked) -> None:
    work.write({"data.weft": MARKERS})
    refused(work, "commit", "-a", "--amend", "-m", "bad")
    work.git("checkout", "--", "data.weft")
    work.git("commit", "-q", "--amend", "-m", "other words")


def test_the_first_commit_of_all(tmp_path: Path) -> None:
    repo = Hooked(tmp_path / "new")
    repo.root.mkdir()
    repo.git("init", "-q", "-b", "main")
    repo.weft("init")
    repo.weft("install")
    repo.write({"data.weft": MARKERS})
    repo.git("add", "-A")
    assert "WEFT002" in repo.git("commit", "-m", "bad", code=1).err
    repo.git("rm", "-q", "--cached", "data.weft")
    repo.git("commit", "-q", "-m", "good")


def test_a_commit_that_only_deletes(work: Hooked) -> None:
    work.git("rm", "-q", "code.py")
    work.git("commit", "-q", "-m", "without")
    work.weft("rm", "data")
    work.git("commit", "-q", "-a", "-m", "without data")


def test_the_commit_of_a_merge(work: Hooked) -> None:
    """Git does not say which side is wrong: the commit of the merge is what counts."""
    work.git("switch", "-q", "-c", "side")
    work.write({"data.weft": MARKERS})
    work.git("commit", "-q", "-a", "--no-verify", "-m", "past the hook")
    work.git("switch", "-q", "main")
    work.write({"code.py": b"2\n"})
    work.git("commit", "-q", "-a", "-m", "code")
    before = work.head
    assert "WEFT002" in work.git("merge", "-m", "merge", "side", code=1).err
    assert work.head == before
    work.git("merge", "--abort")
    work.git("switch", "-q", "side")
    work.git("reset", "-q", "--hard", "HEAD~1")
    work.data({"b": "b"}, path="deep/other")
    work.git("switch", "-q", "main")
    work.git("merge", "-q", "-m", "merge", "side")
    assert work.read("deep/other/b") == "b"


def test_cherry_picks_and_reverts(work: Hooked) -> None:
    work.git("switch", "-q", "-c", "side")
    tip = work.data({"b": "b"}, path="deep/other")
    work.git("switch", "-q", "main")
    work.git("cherry-pick", tip)
    work.git("revert", "--no-edit", "HEAD")
    assert work.git("ls-files", "deep").out == ""


def test_commits_within_a_rebase(work: Hooked) -> None:
    work.write({"code.py": b"2\n"})
    work.git("commit", "-q", "-a", "-m", "two")
    work.write({"code.py": b"3\n"})
    work.git("commit", "-q", "-a", "-m", "three")
    change = "echo more >> extra.py; git add extra.py; git commit -q --amend --no-edit"
    work.git("rebase", "-q", "--exec", change, "HEAD~2")
    assert (work.root / "extra.py").read_text() == "more\nmore\n"
    spoil = "printf '<<<<<<< ours\\n' > data.weft; git commit -q -a --amend --no-edit"
    assert "WEFT002" in work.git("rebase", "-q", "--exec", spoil, "HEAD~1", code=1).err
    work.git("checkout", "HEAD", "--", "data.weft")
    work.git("rebase", "--continue")


def test_past_the_hook_and_found_at_the_push(work: Hooked) -> None:
    work.git("push", "-q", "origin", "main")
    before = work.there("main")
    good = (work.root / "data.weft").read_bytes()
    work.write({"data.weft": MARKERS})
    work.git("commit", "-q", "-a", "--no-verify", "-m", "past the hook")
    work.write({"data.weft": good})
    work.git("commit", "-q", "-a", "-m", "mended")
    ran = work.refused("origin", "main")
    assert "WEFT027" in ran.err
    assert "WEFT002" in ran.err
    assert work.there("main") == before
    work.git("reset", "-q", "--soft", before)
    work.git("commit", "-q", "--allow-empty", "-m", "squashed")
    work.git("push", "-q", "origin", "main")


def test_commits_of_no_project_are_not_looked_at(work: Hooked) -> None:
    """A branch from before weft, or beside it, may hold whatever it likes."""
    work.git("switch", "-q", "--orphan", "pages")
    work.write({"note.weft": MARKERS})
    work.git("add", "-f", "note.weft")
    work.git("commit", "-q", "-m", "not a project of weft's")
    work.git("rm", "-q", "note.weft")
    work.git("commit", "-q", "--allow-empty", "-m", "empty")
    assert "WEFT" not in work.git("push", "origin", "pages", code=None).err


def test_a_configuration_deleted_from_disk_alone_is_no_way_around(work: Hooked) -> None:
    os.unlink(work.root / ".weft/config.yaml")
    work.write({"data.weft": MARKERS})
    work.git("add", "data.weft")
    refused(work, "commit", "-m", "bad")


def test_a_good_commit_is_silent(work: Hooked) -> None:
    work.write({"data/a": b"two"})
    work.weft("add", "data")
    ran = work.git("commit", "-q", "-m", "good")
    assert (ran.out, ran.err) == ("", "")


def test_large_files_alone(work: Hooked) -> None:
    def look() -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-P", "-m", "weft.cli.hook", "large-files"]
        return subprocess.run(argv, cwd=work.root, env=environment(), capture_output=True, text=True, check=False)

    work.write({"data.weft": MARKERS})
    work.git("add", "data.weft")
    assert look().returncode == 0, "that is another rule"
    work.git("add", "-f", "data/a")
    done = look()
    assert done.returncode == 1
    assert "WEFT003" in done.stderr
    assert "WEFT002" not in done.stderr


def test_the_hook_loads_no_command_line_and_no_cloud(work: Hooked) -> None:
    """For a commit that passes A and B and touches no data; phase C needs the store."""
    work.write({"code.py": b"2\n"})
    work.git("add", "code.py")
    code = (
        "import json, sys\nfrom weft.cli.hook import main\ncode = main(['pre-commit'])\n"
        "print(json.dumps([code, sorted(sys.modules)]))"
    )
    plain = {name: value for name, value in environment().items() if not name.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", code], cwd=work.root, env=plain, capture_output=True, check=True)
    status, modules = json.loads(done.stdout)
    assert status == 0
    assert not {"click", "fsspec", "rich", "s3fs", "gcsfs", "botocore", "sqlite3"} & set(modules)


def test_a_commit_that_takes_the_configuration_away_is_looked_at(work: Hooked) -> None:
    """It would switch the hooks off for itself, and for all that follows."""
    work.git("rm", "-q", ".weft/config.yaml")
    work.write({"data.weft": MARKERS})
    work.git("add", "data.weft")
    refused(work, "commit", "-m", "bad")
    work.git("checkout", "HEAD", "--", "data.weft")
    ran = work.git("commit", "-m", "off", code=1)
    assert ".weft/config.yaml: WEFT018" in ran.err
    work.git("commit", "-q", "--no-verify", "-m", "off")
    assert "WEFT018" in work.refused("origin", "main").err
    work.git("reset", "-q", "--hard", "HEAD~1")
    work.git("rm", "-q", "-r", ".weft", "data.weft", ".gitignore")
    work.git("commit", "-q", "-m", "Do without weft")
