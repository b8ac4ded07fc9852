"""Ten commits of a pipeline, then clones of it: each commit holds data, code, params and metrics that belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from stagekit import Project, clone_of, done

COMMITS = 10


def commit(repo: Project, message: str, *, repro: bool = True) -> None:
    """Run what is stale and commit everything, past no hook."""
    if repro:
        repo.weft("repro")
    repo.commit(message)


def edit(repo: Project, name: str, old: str, new: str) -> None:
    text = (repo.root / name).read_text()
    assert old in text
    repo.write({name: text.replace(old, new).encode()})


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Ten commits with hooks installed: data, params and code change, apart and together, and the pipeline itself."""
    repo = done(tmp_path_factory.mktemp("story"), remote=True)
    repo.git("reset", "-q", "--soft", repo.git("rev-list", "--max-parents=0", "HEAD").out.strip())
    repo.git("commit", "-q", "-m", "1: the first results")
    repo.weft("install")
    repo.write({"data/raw.csv": b"a,b\n1,2\n3,4\n"})
    repo.weft("add", "data/raw.csv")
    commit(repo, "2: more data")
    edit(repo, "params.yaml", "lr: 0.1", "lr: 0.01")
    commit(repo, "3: a lower rate")
    repo.write({"prepare.sh": b"tr a-z A-Z | sort\n"})
    commit(repo, "4: sort")
    repo.write({"README.md": b"words\n"})
    commit(repo, "5: words", repro=False)
    repo.write({"data/raw.csv": b"a,b\n9,9\n"})
    repo.weft("add", "data/raw.csv")
    edit(repo, "params.yaml", "lr: 0.01", "lr: 0.5")
    commit(repo, "6: data and params")
    edit(repo, "weft.yaml", "params: [train.lr]", "params: [train.lr, train.other]")
    commit(repo, "7: one more parameter")
    edit(repo, "params.yaml", "other: 1", "other: 2")
    repo.git("mv", "prepare.sh", "clean.sh")
    edit(repo, "weft.yaml", "prepare.sh", "clean.sh")
    commit(repo, "8: another name")
    repo.write({"data/raw.csv": b"a,b\n1,2\n"})
    repo.weft("add", "data/raw.csv")
    commit(repo, "9: the old data again")
    edit(repo, "params.yaml", "other: 2", "other: 3")
    commit(repo, "10: the last")
    repo.weft("push", "--all")
    repo.ran()
    return repo


def history(repo: Project, rev: str = "HEAD") -> list[str]:
    return repo.git("rev-list", "--reverse", rev).out.split()


def holds(repo: Project, rev: str) -> None:
    """At ``rev`` the data can be brought here, nothing is stale, and every claim is proved; and nothing had to run."""
    repo.git("checkout", "-q", "--detach", rev)
    repo.weft("pull")
    assert repo.weft("status", "--exit-code").code == 0
    assert set(repo.actions("--dry-run").values()) == {"up-to-date"}, rev
    repo.weft("validate", "--rev", rev)
    repo.weft("validate")
    assert repo.git("status", "--porcelain").out == ""
    assert repo.ran() == []


def clone_at(story: Project, target: Path) -> Project:
    clone = clone_of(story, target)
    clone.find_remote_at(story.root.parent / "remote")
    return clone


def test_every_commit_holds_in_a_fresh_clone(story: Project, tmp_path: Path) -> None:
    clone = clone_at(story, tmp_path / "clone" / "repo")
    commits = history(clone)
    assert len(commits) == COMMITS + 1  # and the one before there was anything
    for rev in reversed(commits[1:]):
        holds(clone, rev)
    for rev in commits[1:]:
        clone.git("checkout", "-q", "--detach", rev)
        clone.weft("checkout")
        assert set(clone.actions("--dry-run").values()) == {"up-to-date"}
    metrics = {clone.git("show", f"{rev}:metrics.json").out for rev in commits[1:]}
    assert len(metrics) > 2, "the commits differ in what they claim"


def test_every_commit_is_proved_without_its_data(story: Project, tmp_path: Path) -> None:
    clone = clone_at(story, tmp_path / "clone" / "repo")
    for rev in history(clone)[1:]:
        clone.weft("validate", "--rev", rev)
    first = history(clone)[1]
    clone.weft("validate", "--range", f"{first}..HEAD")
    assert not (clone.root / "model").exists()


def test_a_commit_that_is_false_is_found_among_them(story: Project, tmp_path: Path) -> None:
    """What the tests above prove can fail: the same history with one metric changed by hand."""
    clone = clone_at(story, tmp_path / "clone" / "repo")
    edit(clone, "metrics.json", '"x": 0.5', '"x": 0.9')
    clone.git("commit", "-q", "-a", "--no-verify", "-m", "better")
    clone.write({"README.md": b"more words\n"})
    clone.commit("words")
    assert "WEFT010" in clone.weft("validate", "--range", "HEAD~3..HEAD", code=1).out
    clone.weft("pull")
    assert set(clone.actions("--dry-run").values()) != {"up-to-date"}


@pytest.fixture
def branches(story: Project, tmp_path: Path) -> Project:
    """A clone with hooks in which ``feature`` has two runs, and main has moved on by other files since."""
    clone = clone_at(story, tmp_path / "branches" / "repo")
    clone.weft("pull")
    clone.weft("install")
    clone.git("switch", "-q", "-c", "feature")
    edit(clone, "params.yaml", "lr: 0.5", "lr: 0.25")
    commit(clone, "feature: a rate")
    clone.write({"clean.sh": b"tr a-z A-Z | sort -r\n"})
    commit(clone, "feature: order")
    clone.git("switch", "-q", "main")
    clone.write({"notes.txt": b"meanwhile\n"})
    clone.commit("main: notes")
    clone.write({"extra/more.csv": b"1\n"})
    clone.weft("add", "extra/more.csv")
    clone.commit("main: other data")
    clone.ran()
    return clone


def test_every_commit_holds_after_a_rebase(branches: Project) -> None:
    branches.git("switch", "-q", "feature")
    branches.git("rebase", "-q", "main")
    moved = history(branches, "main..feature")
    assert len(moved) == 2
    for rev in [*moved, *history(branches, "main")[-2:]]:
        holds(branches, rev)
    branches.weft("validate", "--range", "main..feature")


def test_a_squash_merge_holds(story: Project, branches: Project, tmp_path: Path) -> None:
    branches.git("merge", "-q", "--squash", "feature")
    branches.git("commit", "-q", "-m", "the feature as one")
    branches.weft("push", "--all")
    branches.git("branch", "-q", "-D", "feature")
    squashed = branches.git("rev-parse", "HEAD").out.strip()
    holds(branches, squashed)
    fresh = clone_of(branches, tmp_path / "fresh" / "repo")
    fresh.find_remote_at(story.root.parent / "remote")
    holds(fresh, squashed)
    for rev in history(fresh)[1:]:
        fresh.weft("validate", "--rev", rev)
