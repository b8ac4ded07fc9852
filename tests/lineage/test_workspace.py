"""Phase C over real data: what is on disk beside the staged pointers, and what the local store holds."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from kit import Repo, pseudo_random
from lineagekit import HOOK
from weft.formats import lineage, pointer, stagefile
from weft.gitio.blobs import blob_id
from weft.model.lineage import DataRef, Record, RunFacts
from weft.model.oid import Oid
from weft.workflows import validate_workspace
from weft.workflows.validate import hook_validate, validate_range, validate_revision


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repo = Repo.make(tmp_path_factory.mktemp("c") / "base", "../remote")
    repo.write({"data/a.bin": pseudo_random(50_000, 1), "data/sub/b.bin": b"b\n", "one.bin": pseudo_random(9_000, 2)})
    repo.weft("add", "data", "one.bin")
    hook = repo.root / ".git" / "hooks" / "pre-commit"
    hook.write_text(HOOK.format(python=sys.executable))
    hook.chmod(0o755)
    repo.commit()
    repo.weft("push")
    return repo.root


@pytest.fixture
def repo(base: Path, tmp_path: Path) -> Repo:
    shutil.copytree(base.parent / "remote", tmp_path / "remote")
    return Repo(Path(shutil.copytree(base, tmp_path / "repo", symlinks=True)))


def said(repo: Repo) -> set[str]:
    ran = repo.git("commit", "-q", "-m", "change", code=None)
    found = {line.split()[0] for line in (ran.out + ran.err).splitlines() if line.startswith("WEFT")}
    assert bool(found) == (ran.code == 1), ran
    return found


def test_data_that_changed_after_it_was_added(repo: Repo) -> None:
    repo.write({"data/a.bin": pseudo_random(50_000, 3)})
    repo.weft("add", "data")
    repo.write({"data/a.bin": pseudo_random(50_000, 4)})
    assert said(repo) == {"WEFT024"}
    repo.weft("add", "data")
    assert said(repo) == set()


@pytest.mark.parametrize("name", ["data/new.bin", "data/sub/b.bin"])
def test_files_that_came_or_went_after_the_add(name: str, repo: Repo) -> None:
    repo.write({"data/a.bin": b"other"})
    repo.weft("add", "data")
    if os.path.exists(repo.root / name):
        os.unlink(repo.root / name)
    else:
        repo.write({name: b"x"})
    assert said(repo) == {"WEFT024"}


def test_data_that_this_commit_is_not_about_may_differ(repo: Repo) -> None:
    repo.write({"one.bin": b"work in progress", "data/a.bin": b"other"})
    repo.weft("add", "data")
    assert said(repo) == set()


def test_data_that_is_not_checked_out_differs_from_nothing(repo: Repo) -> None:
    repo.write({"data/a.bin": b"other"})
    repo.weft("add", "data")
    shutil.rmtree(repo.root / "data")
    assert said(repo) == set()


def test_a_pointer_to_bytes_that_are_nowhere(repo: Repo) -> None:
    made = pointer.decode((repo.root / "one.bin.weft").read_bytes(), name="one.bin.weft")
    other = pointer.encode(type(made)("file", "two.bin", Oid.of(b"never stored"), 12))
    (repo.root / "two.bin.weft").write_bytes(other)
    repo.git("add", "two.bin.weft")
    assert said(repo) == {"WEFT025"}
    repo.write({"two.bin": b"never stored"})
    repo.weft("add", "two.bin")
    assert said(repo) == set()


def test_a_pointer_whose_data_is_only_on_the_remote(repo: Repo) -> None:
    text = (repo.root / "data.weft").read_text()
    repo.weft("rm", "data")
    repo.git("add", "-A")
    assert said(repo) == set()
    shutil.rmtree(repo.root / ".git" / "weft" / "store")
    os.unlink(repo.root / ".git" / "weft" / "catalog.sqlite")
    (repo.root / "data.weft").write_text(text)
    repo.git("add", "data.weft")
    assert said(repo) == {"WEFT025"}
    repo.weft("fetch", "data")
    assert said(repo) == set()


def test_a_merge_in_progress_is_not_compared(repo: Repo) -> None:
    """The other side's pointers come before their data: that follows with a checkout after the merge."""
    repo.git("checkout", "-q", "-b", "other")
    repo.write({"data/a.bin": b"theirs"})
    repo.weft("add", "data")
    repo.git("commit", "-q", "-m", "theirs")
    repo.git("checkout", "-q", "main")
    repo.weft("checkout")
    repo.write({"README": b"ours"})
    repo.git("add", "README")
    repo.git("commit", "-q", "-m", "ours")
    repo.git("merge", "-q", "--no-ff", "--no-commit", "other")
    result = hook_validate(str(repo.root))
    assert result.passed
    assert any("MERGE_HEAD" in note for note in result.notes)


def test_the_look_stops_at_its_budget_and_says_so(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate_workspace, "HASH_BYTES", 1000)
    repo.write({"data/a.bin": pseudo_random(50_000, 3), "one.bin": b"short"})
    repo.weft("add", "data", "one.bin")
    repo.write({"data/a.bin": pseudo_random(50_000, 4), "one.bin": b"SHORT"})
    result = hook_validate(str(repo.root))
    assert [one.path for one in result.violations] == ["one.bin.weft"]
    assert any(note.startswith("data was not hashed") for note in result.notes)
    # Another size is seen without a hash.
    repo.write({"data/a.bin": pseudo_random(50_001, 4)})
    assert {one.path for one in hook_validate(str(repo.root)).violations} == {"data.weft", "one.bin.weft"}


def test_the_look_stops_after_its_time(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate_workspace, "SECONDS", -1.0)
    repo.write({"data/a.bin": b"other"})
    repo.weft("add", "data")
    repo.write({"data/a.bin": b"OTHER"})
    result = hook_validate(str(repo.root))
    assert result.passed
    assert any("not looked at" in note for note in result.notes)


def stage_on_part(
    repo: Repo, oid: Oid, size: int, path: str = "data/sub/b.bin", whole: str = "", schema: int = 2
) -> None:
    """A stage that reads one file of the tracked directory, and a record that says it was ``oid``, in what is there or in
    another ``whole``."""
    text = f"stages:\n  part:\n    cmd: wc {path}\n    deps: [{path}]\n    metrics: [count.json]\n"
    metrics = b'{"lines": 1}\n'
    repo.write({"weft.yaml": text.encode(), "count.json": metrics})
    top = (
        Oid.of(whole.encode())
        if whole
        else pointer.decode((repo.root / "data.weft").read_bytes(), name="data.weft").oid
    )
    spec = blob_id(f"cmd: wc {path}\ndeps:\n  - {path}\nmetrics:\n  - count.json\n".encode())
    record = Record(
        "part",
        f"wc {path}",
        spec,
        deps=(DataRef(path, "file", oid, size, inside="data", whole=top if schema > 1 else None),),
        metrics={"count.json": {"lines": 1}},
        files={"count.json": blob_id(metrics)},
        run=RunFacts("r1", "2026-01-31T12:00:00Z", "2026-01-31T12:00:02Z", 2.0),
        schema=schema,
    )
    repo.write({"lineage/part.yaml": lineage.encode(lineage.with_digest(record))})
    repo.git("add", "-A")


def test_a_part_of_a_tracked_directory_is_proved_by_its_manifests(repo: Repo) -> None:
    def found() -> list[tuple[str, str]]:
        return [(one.rule, one.severity) for one in hook_validate(str(repo.root)).violations]

    stage_on_part(repo, Oid.of(b"other"), 5, whole="another")
    assert found() == [("WEFT011", "stale")]
    stages = (repo.root / "weft.yaml").read_bytes()
    repo.write({"weft.yaml": stages + b"    frozen: true\n"})
    repo.git("add", "weft.yaml")
    assert found() == []
    stage_on_part(repo, Oid.of(b"b\n"), 2, whole="another")  # something else in the directory changed
    assert found() == []
    for whole in ("", "another"):
        stage_on_part(repo, Oid.of(b"b\n"), 3, whole=whole)  # the same bytes cannot have another size
        assert found() == [("WEFT011", "error")]
    stage_on_part(repo, Oid.of(b"other"), 5)  # nor one directory two parts of one name
    repo.write({"weft.yaml": (repo.root / "weft.yaml").read_bytes() + b"    frozen: true\n"})
    repo.git("add", "weft.yaml")
    assert found() == [("WEFT011", "error")]
    stage_on_part(repo, Oid.of(b"b\n"), 2, "data/sub/none.bin")
    assert said(repo) == {"WEFT011"}
    stage_on_part(repo, Oid.of(b"b\n"), 2)
    assert said(repo) == set()


def test_the_stage_of_a_folder_is_named_with_it(repo: Repo) -> None:
    stage_on_part(repo, Oid.of(b"other"), 5)
    text = (repo.root / "weft.yaml").read_bytes().replace(b"[data/", b"[../data/").replace(b"[count", b"[../count")
    repo.write({"weft.yaml": b"projects: [proj]\n", "proj/weft.yaml": text})
    repo.write(
        {"lineage/proj/part.yaml": (repo.root / "lineage/part.yaml").read_bytes().replace(b": part", b": proj/part")}
    )
    (repo.root / "lineage/part.yaml").unlink()
    repo.git("add", "-A")
    repo.git("commit", "-q", "--no-verify", "-m", "around")
    found = validate_revision(str(repo.root), "HEAD").violations
    assert [one.mend for one in found if "is not what data held" in one.message] == ["weft repro proj/part"]


def test_a_part_is_proved_in_commits_too(repo: Repo) -> None:
    stage_on_part(repo, Oid.of(b"other"), 5, whole="another")
    repo.git("commit", "-q", "--no-verify", "-m", "around")
    root = str(repo.root)
    assert [one.rule for one in validate_revision(root, "HEAD").violations] == ["WEFT011"]
    assert [(one.rule, one.severity) for one in validate_range(root, "HEAD~1..HEAD").violations] == [
        ("WEFT011", "stale")
    ]
    stage_on_part(repo, Oid.of(b"b\n"), 2, whole="another")
    repo.git("commit", "-q", "--no-verify", "-m", "another")
    assert validate_revision(root, "HEAD", strict=True).violations == ()
    # A server that checks pull requests has neither store nor catalog, and is given none: it compares the whole.
    shutil.rmtree(repo.root / ".git" / "weft")
    found = validate_revision(root, "HEAD", strict=True).violations
    assert [(one.severity, one.cause) for one in found] == [("error", "data (perhaps not data/sub/b.bin in it)")]
    stage_on_part(repo, Oid.of(b"b\n"), 2)
    repo.git("commit", "-q", "--no-verify", "-m", "the same whole")
    assert (validate_revision(root, "HEAD").passed, validate_revision(root, "HEAD").notes) == (True, ())
    assert not (repo.root / ".git" / "weft").exists()


def measured_stage(repo: Repo, **told: object) -> None:
    """A stage whose metrics weft keeps, and its record; ``told`` are the values that it says."""
    text = b"stages:\n  score:\n    cmd: python score.py\n    metrics: [{scores.json: {cache: true}}]\n"
    repo.write({"weft.yaml": text, "scores.json": b'{"acc": 0.5, "n": 3}\n'})
    repo.weft("add", "scores.json")
    made = pointer.decode((repo.root / "scores.json.weft").read_bytes(), name="scores.json.weft")
    record = Record(
        "score",
        "python score.py",
        blob_id(stagefile.stage_text(stagefile.decode(text)["score"])),
        outs=(DataRef("scores.json", "file", made.oid, made.size),),
        metrics={"scores.json": told},
        run=RunFacts("r1", "2026-01-31T12:00:00Z", "2026-01-31T12:00:02Z", 2.0),
    )
    repo.write({"lineage/score.yaml": lineage.encode(lineage.with_digest(record))})
    repo.git("add", "-A")


@pytest.mark.parametrize(
    "told", [{"acc": 0.99, "n": 3}, {"acc": 0.5}, {"acc": 0.5, "n": 3, "f1": 1.0}, {"acc": 0.5, "n": 3.0}]
)
def test_metrics_that_weft_keeps_are_compared_with_their_data(told: dict[str, object], repo: Repo) -> None:
    measured_stage(repo, **told)
    assert said(repo) == {"WEFT010"}
    repo.git("commit", "-q", "--no-verify", "-m", "around")
    root = str(repo.root)
    assert [one.rule for one in validate_revision(root, "HEAD").violations] == ["WEFT010"]
    assert {one.rule for one in validate_range(root, "HEAD~1..HEAD").violations} == {"WEFT010", "WEFT027"}
    measured_stage(repo, acc=0.5, n=3)
    assert said(repo) == set()


@pytest.mark.parametrize("whole", [True, False])
def test_without_their_data_metrics_are_unproved(whole: bool, repo: Repo) -> None:
    measured_stage(repo, acc=0.99, n=3)
    repo.git("commit", "-q", "--no-verify", "-m", "around")
    shutil.rmtree(repo.root / ".git" / "weft" / "store")
    if whole:
        shutil.rmtree(repo.root / ".git" / "weft")
    else:
        os.unlink(repo.root / ".git" / "weft" / "catalog.sqlite")
        repo.weft("fetch", "data")
    result = validate_range(str(repo.root), "HEAD~1..HEAD")
    assert result.passed
    assert any("scores.json in lineage/score.yaml are unproved" in note for note in result.notes)


def test_without_manifests_a_part_in_a_record_of_schema_1_is_noted(repo: Repo) -> None:
    stage_on_part(repo, Oid.of(b"b\n"), 2, schema=1)
    repo.git("commit", "-q", "--no-verify", "-m", "an older weft")
    shutil.rmtree(repo.root / ".git" / "weft")
    repo.git("commit", "-q", "--allow-empty", "-m", "later")
    result = validate_revision(str(repo.root), "HEAD")
    assert result.passed
    assert any("manifests of data are not here" in note for note in result.notes)
