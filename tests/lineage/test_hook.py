"""The hook under every way in which Git makes a commit: it sees what that commit would hold, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lineagekit import HOOK, Lineage, make
from weft.model.lineage import record_path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("lineage") / "base").root


@pytest.fixture
def repo(base: Path, tmp_path: Path) -> Lineage:
    return Lineage(Path(shutil.copytree(base, tmp_path / "repo", symlinks=True)))


def head(repo: Lineage) -> str:
    return repo.git("rev-parse", "HEAD")


def lie(repo: Lineage) -> None:
    repo.replace("metrics.json", "0.9", "0.99")


def test_the_work_tree_counts_for_nothing(repo: Lineage) -> None:
    lie(repo)
    repo.write("README.md", "more\n")
    repo.git("add", "README.md")
    repo.git("commit", "-q", "-m", "honest, whatever lies about in the work tree")
    repo.git("add", "metrics.json")
    repo.replace("metrics.json", "0.99", "0.9")
    assert "WEFT010" in repo.git("commit", "-q", "-m", "staged is what counts", code=1)


def test_commit_all(repo: Lineage) -> None:
    lie(repo)
    assert "WEFT010" in repo.git("commit", "-q", "-a", "-m", "a lie", code=1)
    repo.record("train")
    repo.git("commit", "-q", "-a", "-m", "the truth")


def test_commit_of_a_path_takes_that_path_alone(repo: Lineage) -> None:
    lie(repo)
    repo.record("train")
    repo.write("README.md", "more\n")
    repo.git("add", "-A")
    before = head(repo)
    # Half of what is staged: the metrics without the record that belongs to them, and the other way round.
    assert "WEFT010" in repo.git("commit", "-q", "-m", "half", "metrics.json", code=1)
    assert "WEFT010" in repo.git("commit", "-q", "-m", "half", "lineage", code=1)
    assert head(repo) == before
    repo.git("commit", "-q", "-m", "unrelated", "README.md")
    repo.git("commit", "-q", "-m", "both", "metrics.json", "lineage")
    assert repo.git("status", "--porcelain") == ""


def test_a_commit_that_only_deletes(repo: Lineage) -> None:
    repo.git("rm", "-q", "src/train.py")
    assert "WEFT018" in repo.git("commit", "-q", "-m", "delete", code=1)
    repo.git("reset", "-q", "--hard")
    repo.git("rm", "-q", "README.md")
    repo.git("commit", "-q", "-m", "delete")


def test_amend_is_validated_against_the_commit_it_replaces(repo: Lineage) -> None:
    lie(repo)
    repo.git("add", "-A")
    assert "WEFT010" in repo.git("commit", "-q", "--amend", "--no-edit", code=1)
    repo.record("train")
    repo.git("add", "-A")
    repo.git("commit", "-q", "--amend", "--no-edit")
    assert repo.git("rev-list", "--count", "HEAD").strip() == "1"
    repo.git("commit", "-q", "--amend", "-m", "another message")


def test_the_first_commit_of_all(repo: Lineage) -> None:
    shutil.rmtree(repo.root / ".git")
    repo.git("init", "-q", "-b", "main")
    repo.hook()
    lie(repo)
    assert "WEFT010" in repo.commit(code=1)
    repo.record("train")
    repo.commit()


def two_branches(repo: Lineage) -> None:
    """On ``other`` another metric and its run, on ``main`` another code of the same stage and its run."""
    repo.git("checkout", "-q", "-b", "other")
    lie(repo)
    repo.record("train")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write("src/train.py", "print('better')\n")
    repo.record("train")
    repo.commit()


def test_a_merge_that_mixes_two_runs_is_refused(repo: Lineage) -> None:
    hooks = repo.root / ".git" / "hooks"
    shutil.copy(hooks / "pre-commit", hooks / "pre-merge-commit")
    two_branches(repo)
    assert "CONFLICT" in repo.git("merge", "other", code=1)
    assert "WEFT002" not in repo.git("status")
    # Taking the record of one side leaves the metrics and code of both.
    repo.git("checkout", "--ours", "--", record_path("train"))
    said = repo.commit(code=1)
    assert {line.split()[0] for line in said.splitlines() if line.startswith("WEFT")} == {"WEFT010"}
    repo.record("train")
    repo.commit()
    assert repo.git("rev-list", "--count", "--merges", "HEAD").strip() == "1"


def test_a_merge_without_conflicts_is_validated_too(repo: Lineage) -> None:
    """Two honest branches whose sum is none: one adds a stage that reads a file, the other deletes that file."""
    repo.write("src/shared.py", "1\n")
    repo.commit()
    hooks = repo.root / ".git" / "hooks"
    shutil.copy(hooks / "pre-commit", hooks / "pre-merge-commit")
    repo.git("checkout", "-q", "-b", "other")
    repo.write("weft.yaml", repo.read("weft.yaml") + b"  third:\n    cmd: x\n    deps: [src/shared.py]\n")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.git("rm", "-q", "src/shared.py")
    repo.git("commit", "-q", "-m", "delete")
    before = head(repo)
    assert "WEFT016" in repo.git("merge", "-q", "--no-edit", "other", code=1)
    assert head(repo) == before


def test_unmerged_paths_are_named(repo: Lineage) -> None:
    two_branches(repo)
    repo.git("merge", "other", code=1)
    said = repo.git("hook", "run", "pre-commit", code=1)
    assert f"WEFT002 error {record_path('train')}:0" in said


@pytest.mark.parametrize(
    "replay", [("cherry-pick", "other"), ("rebase", "-x", ".git/hooks/pre-commit", "main", "other")]
)
def test_commits_made_anew_from_others(replay: tuple[str, ...], repo: Lineage) -> None:
    repo.git("checkout", "-q", "-b", "other")
    lie(repo)
    repo.record("train")
    repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write("README.md", "main goes on\n")
    repo.commit()
    repo.git(*replay)
    assert "0.99" in repo.read("metrics.json").decode()


def test_from_a_directory_and_from_another_work_tree(repo: Lineage, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", str(tmp_path / "second"))
    second = Lineage(tmp_path / "second")
    lie(second)
    second.git("add", "-A")
    assert "WEFT010" in second.git("-C", "src", "commit", "-q", "-m", "a lie", code=1)
    second.record("train")
    second.git("add", "-A")
    second.git("-C", "src", "commit", "-q", "-m", "the truth")


def test_a_repository_of_the_other_object_format(tmp_path: Path) -> None:
    repo = Lineage(tmp_path / "repo")
    repo.root.mkdir()
    repo.git("init", "-q", "-b", "main", "--object-format=sha256")
    repo.hook()
    repo.write("weft.yaml", "stages:\n  one:\n    cmd: x\n    deps: [code.py]\n")
    repo.write("code.py", "1\n")
    repo.record("one", algorithm="sha256")
    repo.commit()
    repo.write("code.py", "2\n")
    assert "WEFT013 stale" in repo.commit()
    repo.replace("lineage/one.yaml", "3.11.7", "3.11.8")
    assert "WEFT008 error" in repo.commit(code=1)


Damage = Callable[[Path], None]


def garbage(path: Path) -> None:
    path.write_bytes(b"\0garbage")


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def other_shape(path: Path) -> None:
    text = path.read_text().replace('"record ', '"values ')
    path.write_text(text.replace('"stages ', '"record '))


def a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [garbage, emptied, other_shape, a_link, a_directory])
def test_a_damaged_cache_is_no_cache(damage: Damage, repo: Lineage) -> None:
    cache = repo.root / ".git" / "weft" / "validate-cache.json"
    assert cache.exists()
    damage(cache)
    lie(repo)
    assert "WEFT010" in repo.commit(code=1)
    repo.record("train")
    repo.commit()


def test_the_cache_says_nothing_of_other_bytes(repo: Lineage) -> None:
    """What was parsed once is taken for that blob alone, so a lie after a hundred truths is still one."""
    for number in range(3):
        repo.replace("params.yaml", "lr: 0.", "lr: 0.1")
        repo.record("train")
        repo.commit()
        repo.write("metrics.json", f'{{"auc": 0.{number}}}\n')
        assert "WEFT010" in repo.commit(code=1)
        repo.record("train")
        repo.commit()


def test_the_hook_of_these_tests_is_the_real_thing() -> None:
    assert "hook_validate" in HOOK
