"""Ways around the rules that leave the rules alone: excuses, replaced objects, poisoned caches, ranges of nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lineagekit import Lineage, make
from weft.errors import NoSuchRevision, UsageFault
from weft.formats import lineage, stagefile
from weft.gitio.blobs import blob_id
from weft.gitio.index import commit_changes
from weft.gitio.repo import discover
from weft.gitio.trees import read_blobs
from weft.model.lineage import DataRef, record_path
from weft.model.oid import Oid
from weft.workflows.validate import ValidateResult, validate_commits, validate_range, validate_revision, validate_staged

FALSE = b'{"auc": 0.99}\n'
EXCUSE = b'validate:\n  - {rule: WEFT010, path: "**", reason: rounded}\n'


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make(tmp_path_factory.mktemp("lineage") / "base")
    made.git("tag", "good")
    return made.root


@pytest.fixture
def repo(base: Path, tmp_path: Path) -> Lineage:
    return Lineage(Path(shutil.copytree(base, tmp_path / "repo", symlinks=True)))


def lie(repo: Lineage) -> None:
    repo.write("metrics.json", FALSE)


def excuse(repo: Lineage) -> None:
    repo.write("weft.yaml", repo.read("weft.yaml") + EXCUSE)


def rules(result: ValidateResult) -> set[str]:
    return {one.rule for one in result.violations}


def in_range(repo: Lineage, span: str) -> set[str]:
    return rules(validate_range(str(repo.root), span))


# --- excuses ---


def test_a_commit_does_not_excuse_itself(repo: Lineage) -> None:
    excuse(repo)
    lie(repo)
    assert "WEFT010" in repo.commit(code=1)
    repo.commit("--no-verify")
    assert in_range(repo, "good..HEAD") == {"WEFT010", "WEFT027"}
    assert rules(validate_revision(str(repo.root), "HEAD")) == {"WEFT010"}


def test_an_excuse_that_came_before_counts_from_there_on(repo: Lineage) -> None:
    excuse(repo)
    repo.commit()
    repo.git("tag", "excused")
    lie(repo)
    assert "WEFT" not in repo.commit()
    assert in_range(repo, "excused..HEAD") == set()
    assert rules(validate_revision(str(repo.root), "HEAD")) == set()
    assert in_range(repo, "good..HEAD") == {"WEFT010", "WEFT027"}, "the range brings both"
    assert in_range(repo, "good...HEAD") == {"WEFT010", "WEFT027"}


def test_a_merge_does_not_bring_back_what_an_old_parent_claims(repo: Lineage) -> None:
    """The first parent lies before the range, where a false commit was taken back."""
    lie(repo)
    repo.commit("--no-verify")
    bad = repo.git("rev-parse", "HEAD").strip()
    repo.git("revert", "--no-edit", "HEAD")
    repo.git("tag", "honest")
    tree = repo.git("rev-parse", f"{bad}^{{tree}}").strip()
    merge = repo.git("commit-tree", "-p", bad, "-p", "honest", "-m", "merge", tree).strip()
    repo.git("reset", "-q", "--hard", merge)
    assert in_range(repo, "honest..HEAD") == {"WEFT010", "WEFT027"}


def test_a_submodule_that_git_was_told_to_pass_over_is_seen(repo: Lineage) -> None:
    repo.write(".gitmodules", b'[submodule "x"]\n\tpath = src/x\n\turl = ./x\n\tignore = all\n')
    repo.git("add", ".gitmodules")
    head = repo.git("rev-parse", "HEAD").strip()
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{head},src/x")
    repo.git("commit", "-q", "--no-verify", "-m", "a submodule beside the code")
    made = repo.git("rev-parse", "HEAD").strip()
    changes = commit_changes(discover(str(repo.root)), [(made, head)])[made]
    assert "src/x" in {change.path for change in changes}


def test_an_excuse_and_a_lie_made_one_by_amending(repo: Lineage) -> None:
    """The hook compares with the commit that is replaced; what is pushed is compared with what was there before."""
    excuse(repo)
    repo.commit()
    lie(repo)
    repo.commit("--amend")
    assert in_range(repo, "good..HEAD") == {"WEFT010", "WEFT027"}
    made, before = repo.git("rev-parse", "HEAD", "good").split()
    # As before a push, where each commit is compared with its first parent.
    assert rules(validate_commits(discover(str(repo.root)), [(made, before)])) == {"WEFT010", "WEFT027"}


@pytest.mark.parametrize("verb", ["merge", "cherry-pick", "revert"])
def test_an_excuse_that_comes_with_the_lie_by_another_verb(verb: str, repo: Lineage) -> None:
    hooks = repo.root / ".git" / "hooks"
    shutil.copy(hooks / "pre-commit", hooks / "pre-merge-commit")
    repo.git("switch", "-q", "-c", "side")
    excuse(repo)
    lie(repo)
    repo.commit("--no-verify")
    repo.git("switch", "-q", "main")
    if verb == "merge":
        repo.write("README.md", "main goes on\n")
        repo.commit()
        assert "WEFT010" in repo.git("merge", "-q", "--no-edit", "side", code=1)
        repo.git("commit", "-q", "--no-verify", "-m", "merge")
    elif verb == "cherry-pick":
        repo.git("cherry-pick", "side")  # Git calls no hook of weft's for it
    else:
        repo.git("merge", "-q", "--ff-only", "side")
        repo.git("revert", "--no-edit", "HEAD")
        repo.git("revert", "--no-edit", "HEAD")
    found = validate_range(str(repo.root), "good..HEAD")
    head = repo.git("rev-parse", "HEAD").strip()
    assert {one.rule for one in found.violations if one.commit == head} == {"WEFT010", "WEFT027"}


@pytest.mark.parametrize("path", ["data/raw", "models/clf.pkl"])
def test_rules_about_what_is_stale_and_seen_are_ignored_at_once(path: str, repo: Lineage) -> None:
    """Of rule 11 those are what it says of dependencies; an out is a result."""
    repo.write("weft.yaml", repo.read("weft.yaml") + EXCUSE.replace(b"WEFT010", b"WEFT011"))
    repo.point(path, "2")
    repo.commit("--no-verify")
    assert in_range(repo, "good..HEAD") == (set() if path == "data/raw" else {"WEFT011", "WEFT027"})


def test_a_base_whose_stage_file_cannot_be_read_excuses_nothing(repo: Lineage) -> None:
    text = repo.read("weft.yaml")
    excuse(repo)
    repo.write("weft.yaml", repo.read("weft.yaml") + b"{")
    repo.commit("--no-verify")
    repo.git("tag", "broken")
    repo.write("weft.yaml", text + EXCUSE)
    lie(repo)
    repo.commit("--no-verify")
    assert in_range(repo, "broken..HEAD") == {"WEFT010", "WEFT027"}


# --- outs inside of tracked directories ---

INNER = b"  split:\n    cmd: python src/prepare.py\n    outs: [data/kept/part]\n"


@pytest.fixture
def kept(repo: Lineage) -> Lineage:
    repo.point("data/kept", type="dir", files=7)
    repo.commit()
    repo.git("tag", "-f", "good")
    return repo


def test_an_out_declared_inside_a_tracked_directory_needs_a_record(kept: Lineage) -> None:
    """The pointer around it is what stands for the out, whether the commit touches it or not."""
    kept.write("weft.yaml", kept.read("weft.yaml") + INNER)
    assert "WEFT015" in kept.commit(code=1)
    kept.commit("--no-verify")
    assert in_range(kept, "good..HEAD") == {"WEFT015", "WEFT027"}
    kept.write("README.md", "what was declared before stands in nobody's way\n")
    kept.commit()


def test_an_out_declared_over_a_pointer_with_another_note_needs_a_record(kept: Lineage) -> None:
    kept.write("weft.yaml", kept.read("weft.yaml") + INNER.replace(b"/part", b""))
    kept.point("data/kept", type="dir", files=7, meta={"note": "raw"})
    assert "WEFT015" in kept.commit(code=1)


def test_the_record_of_an_out_inside_a_tracked_directory_is_not_taken_away(kept: Lineage) -> None:
    kept.write("weft.yaml", kept.read("weft.yaml") + INNER)
    whole = kept.point("data/kept", type="dir", files=7).oid
    part = DataRef("data/kept/part", "file", Oid.of(b"part"), 4, inside="data/kept", whole=whole)
    stage = replace(kept.stages()["split"], outs=())
    kept.record("split", stage, spec=blob_id(stagefile.stage_text(kept.stages()["split"])), outs=(part,))
    kept.commit()
    kept.git("tag", "ran")
    (kept.root / record_path("split")).unlink()
    assert "WEFT018" in kept.commit(code=1)
    kept.commit("--no-verify")
    assert in_range(kept, "ran..HEAD") == {"WEFT018", "WEFT027"}


def test_a_second_out_inside_a_tracked_directory_is_no_result_of_the_first_run(kept: Lineage) -> None:
    kept.replace("weft.yaml", "outs: [data/prepared]", "outs: [data/prepared, data/kept/part]")
    kept.commit("--no-verify")
    found = validate_range(str(kept.root), "good..HEAD").violations
    assert any(one.rule == "WEFT014" and one.severity == "error" and "data/kept/part" in one.message for one in found)


# --- ranges of nothing ---


@pytest.mark.parametrize("span", ["", "..", "...", "..HEAD", "good..", "...HEAD", "good", "HEAD..good", "good..good"])
def test_a_range_without_a_commit_or_an_end_is_an_error(span: str, repo: Lineage) -> None:
    repo.write("README.md", "more\n")
    repo.commit()
    with pytest.raises(UsageFault):
        validate_range(str(repo.root), span)


@pytest.mark.parametrize("span", ["nowhere..HEAD", "good..nowhere", f"{'0' * 40}..HEAD", "good....HEAD", "-x..HEAD"])
def test_a_range_from_or_to_what_is_unknown_is_an_error(span: str, repo: Lineage) -> None:
    with pytest.raises(NoSuchRevision):
        validate_range(str(repo.root), span)


def test_no_revision_is_none(repo: Lineage) -> None:
    with pytest.raises(NoSuchRevision):
        validate_revision(str(repo.root), "")


def test_a_range_that_a_shallow_clone_has_a_part_of_is_an_error(repo: Lineage, tmp_path: Path) -> None:
    lie(repo)
    repo.commit("--no-verify")
    repo.write("metrics.json", '{"auc": 0.9}\n')
    repo.commit()
    source = f"file://{repo.root}"
    repo.git("clone", "-q", "--depth", "1", source, str(tmp_path / "job"))
    job = Lineage(tmp_path / "job")
    job.git("fetch", "-q", "--depth", "1", "origin", "tag", "good")
    with pytest.raises(UsageFault, match="shallow"):
        validate_range(str(job.root), "good..HEAD")
    assert not validate_revision(str(job.root), "HEAD").violations
    job.git("fetch", "-q", "--unshallow", "origin")
    assert in_range(job, "good..HEAD") == {"WEFT010", "WEFT027"}


# --- objects in the place of others ---


def forged(repo: Lineage) -> str:
    """A record, in Git and in no tree, that says what the false metrics say."""
    record = lineage.decode(repo.read(record_path("train")), what="train")
    told = replace(record, metrics={"metrics.json": {"auc": 0.99}}, files={"metrics.json": blob_id(FALSE)})
    repo.write("../forged.yaml", lineage.encode(lineage.with_digest(told)))
    return repo.git("hash-object", "-w", "../forged.yaml").strip()


def replace_record(repo: Lineage) -> None:
    repo.git("replace", repo.git("rev-parse", f"HEAD:{record_path('train')}").strip(), forged(repo))
    lie(repo)


def replace_metrics(repo: Lineage) -> None:
    lie(repo)
    repo.git("add", "metrics.json")
    repo.git(
        "replace", repo.git("rev-parse", ":metrics.json").strip(), repo.git("rev-parse", "good:metrics.json").strip()
    )


def replace_ignores(repo: Lineage) -> None:
    """The stage file of the commit before is said to have excused it."""
    before = repo.git("rev-parse", "good:weft.yaml").strip()
    excuse(repo)
    repo.git("add", "weft.yaml")
    repo.git("replace", before, repo.git("rev-parse", ":weft.yaml").strip())
    lie(repo)


def replace_tree_of_head(repo: Lineage) -> None:
    """HEAD is said to hold the lie already, so that nothing seems to change."""
    lie(repo)
    repo.git("add", "-A")
    repo.git("replace", repo.git("rev-parse", "HEAD^{tree}").strip(), repo.git("write-tree").strip())


@pytest.mark.parametrize("trick", [replace_record, replace_metrics, replace_ignores, replace_tree_of_head])
def test_replaced_objects_are_judged_as_they_were_committed(trick: Callable[[Lineage], None], repo: Lineage) -> None:
    trick(repo)
    shutil.rmtree(repo.root / ".git" / "weft")
    assert "WEFT010" in repo.commit("--allow-empty", code=1)
    # As a commit of this index, whatever is replaced in this clone.
    repo.git("--no-replace-objects", "commit", "-q", "--no-verify", "-m", "a lie")
    assert "WEFT010" in in_range(repo, "good..HEAD")
    assert "WEFT010" in rules(validate_revision(str(repo.root), "HEAD"))


def test_a_replaced_commit_is_judged_as_it_was_committed(repo: Lineage) -> None:
    lie(repo)
    repo.commit("--no-verify")
    made = repo.git("commit-tree", "good^{tree}", "-p", "good", "-m", "nothing to see").strip()
    repo.git("replace", "HEAD", made)
    assert "WEFT010" in in_range(repo, "good..HEAD")
    assert "WEFT010" in rules(validate_revision(str(repo.root), "HEAD"))


def test_the_bytes_of_a_blob_are_its_own(repo: Lineage) -> None:
    old = repo.git("rev-parse", "HEAD:metrics.json").strip()
    repo.git("replace", old, repo.git("rev-parse", "HEAD:README.md").strip())
    assert read_blobs(discover(str(repo.root)), [old])[old] == b'{"auc": 0.9}\n'


# --- entries that no commit holds ---


def empty_code(repo: Lineage) -> None:
    """A run that reads a folder with an empty file in it."""
    repo.write("lib/__init__.py", "")
    repo.write("lib/a.py", "1\n")
    repo.write("weft.yaml", repo.read("weft.yaml") + b"  third:\n    cmd: x\n    deps: [lib]\n")
    repo.record("third")


def test_an_entry_that_is_only_intended_is_in_no_commit(repo: Lineage) -> None:
    empty_code(repo)
    repo.git("add", "weft.yaml", "lineage", "lib/a.py")
    repo.git("add", "--intent-to-add", "lib/__init__.py")
    said = repo.git("commit", "-q", "-m", "half", code=1)
    assert "lib/__init__.py was used, and is not staged" in said
    repo.git("commit", "-q", "--no-verify", "-m", "half")
    assert in_range(repo, "good..HEAD") == {"WEFT013", "WEFT027"}
    repo.git("add", "lib/__init__.py")
    repo.git("commit", "-q", "-m", "whole")


def test_an_entry_that_takes_the_place_of_a_committed_one(repo: Lineage) -> None:
    """The commit will not hold it, although Git lists it."""
    empty_code(repo)
    repo.commit()
    repo.git("rm", "-q", "--cached", "lib/__init__.py", "src/train.py")
    repo.git("add", "--intent-to-add", "lib/__init__.py", "src/train.py")
    said = repo.git("commit", "-q", "-m", "gone", code=1)
    assert "lib/__init__.py:0 it is deleted" in said
    assert "src/train.py:0 it is deleted" in said


# --- what earlier runs left ---


def poison(repo: Lineage) -> Path:
    """Let the kept record say what the false metrics say, as a folder restored from a job of a stranger can."""
    path = repo.root / ".git" / "weft" / "validate-cache.json"
    kept = json.loads(path.read_text())
    records = [row for key, row in kept["parsed"].items() if key.startswith("record ") and row["stage"] == "train"]
    for row in records:
        row["metrics"] = {"metrics.json": {"auc": 0.99}}
        row["files"] = {"metrics.json": blob_id(FALSE)}
    assert records
    path.write_text(json.dumps(kept))
    return path


def test_commits_are_judged_without_what_earlier_runs_left(repo: Lineage) -> None:
    kept = poison(repo)
    before = kept.read_bytes()
    lie(repo)
    repo.git("add", "-A")
    assert rules(validate_staged(str(repo.root), cached=False)) == {"WEFT010"}, "as in CI"
    repo.git("commit", "-q", "--no-verify", "-m", "a lie")
    assert in_range(repo, "good..HEAD") == {"WEFT010", "WEFT027"}
    assert rules(validate_revision(str(repo.root), "HEAD")) == {"WEFT010"}
    assert kept.read_bytes() == before
    shutil.rmtree(repo.root / ".git" / "weft")
    in_range(repo, "good..HEAD")
    validate_revision(str(repo.root), "HEAD")
    validate_staged(str(repo.root), cached=False)
    assert not (repo.root / ".git" / "weft").exists()
