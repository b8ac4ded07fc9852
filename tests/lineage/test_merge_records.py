"""Merges of records and stage files by the real Git with weft's drivers, and what validate says of the outcome."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lineagekit import Lineage, make
from stagekit import Project, done
from weft.cli import hook, registry
from weft.cli.hooks import mergetext
from weft.formats import lineage, stagefile
from weft.model.lineage import DataRef, Hidden, ParamsFile, Reused, RunFacts, record_path
from weft.model.oid import Oid
from weft.workflows import merge_text
from weft.workflows.merge_text import merge_record, settle

EXTRA = "  {name}:\n    # of {name}\n    cmd: echo {name} > {name}.txt\n    outs: [{name}.txt]\n"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return done(tmp_path_factory.mktemp("merge")).root


@pytest.fixture
def repo(base: Path, tmp_path: Path) -> Project:
    made = Project(Path(shutil.copytree(base, tmp_path / "repo", symlinks=True)))
    made.weft("install")
    made.git("branch", "other")
    return made


def edit(repo: Project, name: str, old: str, new: str) -> None:
    text = (repo.root / name).read_text()
    assert old in text
    repo.write({name: text.replace(old, new).encode()})


def add_stage(repo: Project, name: str) -> None:
    repo.write({"weft.yaml": (repo.root / "weft.yaml").read_bytes() + EXTRA.format(name=name).encode()})
    repo.weft("repro", name)
    repo.commit(name)


def stage_file(repo: Project) -> str:
    return (repo.root / "weft.yaml").read_text()


def test_the_drivers_are_the_module_that_is_registered() -> None:
    for name in ("merge-record", "merge-stagefile"):
        assert registry.hook_handler(hook.HANDLERS[name]) is mergetext


def test_each_branch_adds_a_stage(repo: Project) -> None:
    before = stage_file(repo)
    add_stage(repo, "mine")
    repo.git("switch", "-q", "other")
    add_stage(repo, "yours")
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "-m", "both", "other")
    assert stage_file(repo) == before + EXTRA.format(name="mine") + EXTRA.format(name="yours")
    repo.weft("validate", "--rev", "HEAD")
    assert set(repo.actions("-n").values()) == {"up-to-date"}


def test_without_the_drivers_git_finds_a_conflict(repo: Project) -> None:
    """The drivers are what merges, not Git's comparison of lines."""
    repo.weft("uninstall")
    add_stage(repo, "mine")
    repo.git("switch", "-q", "other")
    add_stage(repo, "yours")
    assert "weft.yaml" in repo.git("merge", "main", code=1).out


def test_each_branch_changes_another_stage(repo: Project) -> None:
    edit(repo, "weft.yaml", "deps: [data/raw.csv, prepare.sh]", "deps: [prepare.sh, data/raw.csv]")
    edit(repo, "weft.yaml", "  train:   # reads params", "  train:   # reads all params")
    repo.commit("one")
    repo.git("switch", "-q", "other")
    edit(repo, "weft.yaml", "metrics: [metrics.json]", "metrics: [metrics.json]\n    desc: scores")
    edit(repo, "weft.yaml", "  train:   # reads params", "  train:   # reads the params")
    repo.commit("other")
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "-m", "both", "other")
    assert "# reads all params" in stage_file(repo)
    stages = stagefile.decode(stage_file(repo).encode())
    assert stages["score"].desc == "scores"
    assert stages["prepare"].deps == ("prepare.sh", "data/raw.csv")


def test_both_change_one_key(repo: Project) -> None:
    add_stage(repo, "mine")
    edit(repo, "weft.yaml", "echo prepare", "echo 'mine' prepare")
    repo.git("commit", "-q", "-a", "--no-verify", "-m", "one")
    repo.git("switch", "-q", "other")
    add_stage(repo, "yours")
    edit(repo, "weft.yaml", "echo prepare", "echo 'yours' prepare")
    repo.git("commit", "-q", "-a", "--no-verify", "-m", "other")
    repo.git("switch", "-q", "main")
    said = repo.git("merge", "other", code=1)
    assert "weft: weft.yaml: both sides changed 1 stage: prepare" in said.err
    text = stage_file(repo)
    marked = text[text.index("<<<<<<<") : text.index(">>>>>>>")]
    assert ("'mine'" in marked, "'yours'" in marked) == (True, True)
    assert "train" not in marked
    assert EXTRA.format(name="yours") in text
    assert "WEFT002" in repo.weft("validate", "--staged", code=1).out
    sides = [repo.git("show", f":{number}:weft.yaml").out.encode() for number in (1, 2, 3)]
    settled = stagefile.decode(settle("weft.yaml", sides[0], sides[1], sides[2], "theirs"))
    assert "'yours'" in str(settled["prepare"].cmd)
    assert {"mine", "yours"} <= settled.keys()


def test_both_run_one_stage_with_other_params(repo: Project) -> None:
    for branch, value in (("main", "0.2"), ("other", "0.3")):
        repo.git("switch", "-q", branch)
        edit(repo, "params.yaml", "lr: 0.1", f"lr: {value}")
        repo.weft("repro")
        repo.commit(branch)
    ours = (repo.root / "lineage/train.yaml").read_bytes()
    said = repo.git("merge", "main", code=1)
    assert "lineage/train.yaml: both sides ran train; take one side, then: weft repro train" in said.err
    text = (repo.root / "lineage/train.yaml").read_bytes()
    assert text.startswith(b"# Both sides hold a run of train, and no record can tell of both.\n")
    assert b"<<<<<<< ours (other)\n" + ours + b"=======\n" in text
    assert repo.git("diff", "--name-only", "--diff-filter=U").out.split()[:2] == [
        "lineage/score.yaml",
        "lineage/train.yaml",
    ]
    assert "WEFT002" in repo.weft("validate", "--staged", code=1).out


def test_both_run_one_stage_alike(repo: Project) -> None:
    for branch in ("main", "other"):
        repo.git("switch", "-q", branch)
        repo.write({f"{branch}.txt": b"another base for each run\n"})
        repo.commit(branch)
        edit(repo, "params.yaml", "lr: 0.1", "lr: 0.2")
        repo.weft("repro", "--force", "train", "score")
        repo.commit("run")
    assert repo.git("diff", "--name-only", "main", "other", "--", "lineage").out.split()
    repo.git("merge", "-q", "-m", "both", "main")
    repo.weft("validate", "--rev", "HEAD")
    assert set(repo.actions("-n").values()) == {"up-to-date"}


def test_a_consumer_that_is_stale_after_a_merge_is_named(repo: Project) -> None:
    """One side made the input of train anew, the other one ran train with the old one."""
    edit(repo, "prepare.sh", "tr a-z A-Z", "tr a-z A-Z | tr 1 9")
    repo.weft("repro", "prepare")
    repo.git("add", "-A")
    repo.git("commit", "-q", "--no-verify", "-m", "upstream alone")
    repo.git("switch", "-q", "other")
    edit(repo, "params.yaml", "lr: 0.1", "lr: 0.2")
    repo.weft("repro")
    repo.commit("downstream alone")
    said = repo.git("merge", "main")
    assert "stale: train, for data/prepared.csv changed since its run; next: weft repro train\n" in said.err
    strict = repo.weft("validate", "--rev", "HEAD", "--strict", code=1).out
    assert "in the run: prepare made it anew, and train has not run since\n    mend: weft repro train\n" in strict
    assert strict.count("WEFT") == 1
    repo.weft("repro")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "train again")
    repo.weft("validate", "--rev", "HEAD", "--strict")


# --- records alone ---------------------------------------------------------------------------------------------------


def part(top: str) -> tuple[DataRef, ...]:
    """A part of a directory, all of which was ``top``."""
    return (DataRef("data/raw/x", "file", Oid.of(b"x"), 1, inside="data/raw", whole=Oid.of(top.encode())),)


LATER = RunFacts("r2", "2026-02-01T12:00:00Z", "2026-02-01T12:00:02Z", 2.0)


@pytest.fixture
def plain(tmp_path: Path) -> Lineage:
    return make(tmp_path / "plain")


def versions(plain: Lineage, one: dict[str, object], other: dict[str, object]) -> tuple[bytes, bytes, bytes]:
    path = record_path("train")
    before = plain.read(path)
    plain.record("train", **one)
    ours = plain.read(path)
    plain.record("train", **other)
    return before, ours, plain.read(path)


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        ({"run": LATER}, {"base": "2" * 40}, {"run": LATER}),
        (
            {"run": LATER, "dirty": True, "snapshot": "refs/weft/runs/r2"},
            {"author": "B <b@b.example>"},
            {"dirty": False},
        ),
        ({"rationale": "why"}, {"run": LATER}, {"rationale": "why", "run": LATER}),
        ({"run": LATER, "params_files": {"params.yaml": ParamsFile("2" * 40)}}, {"base": "2" * 40}, {"run": LATER}),
        ({"run": LATER, "hidden": Hidden(1, ("src/x",))}, {"reused": Reused("r0", "3" * 40)}, {"run": LATER}),
        ({"run": LATER, "deps": part("2")}, {"deps": part("3")}, {"run": LATER, "deps": part("2")}),
    ],
)
def test_two_runs_with_one_outcome_are_the_later_run(
    plain: Lineage, one: dict[str, object], other: dict[str, object], kept: dict[str, object]
) -> None:
    before, ours, theirs = versions(plain, one, other)
    for pair in ((ours, theirs), (theirs, ours)):
        merged = merge_record(before, pair[0], pair[1], record_path("train"))
        assert merged.conflict == ""
        record = lineage.decode(merged.data, what="x")
        assert record.digest == lineage.digest(record)
        assert {key: getattr(record, key) for key in kept} == kept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"params": {"params.yaml": {"train.lr": 0.2}}}, {"run": LATER}),
        ({"rationale": "one"}, {"rationale": "other"}),
        ({"outs": ()}, {"author": "B <b@b.example>"}),
        ({"modes": {"src/train.py": "x"}}, {"run": LATER}),
        ({"params_files": {"params.yaml": ParamsFile("2" * 40, ("train.lr",))}}, {"run": LATER}),
        ({"schema": 1, "params_files": {}}, {"run": LATER}),
        ({"metrics": {"metrics.json": {"auc": 0.8}}}, {"metrics": {"metrics.json": {"auc": 0.7}}}),
    ],
)
def test_two_runs_with_two_outcomes_are_a_conflict(
    plain: Lineage, one: dict[str, object], other: dict[str, object]
) -> None:
    before, ours, theirs = versions(plain, one, other)
    merged = merge_record(before, ours, theirs, record_path("train"))
    assert merged.conflict
    assert merged.data.endswith(b"<<<<<<< ours\n" + ours + b"=======\n" + theirs + b">>>>>>> theirs\n")
    assert [settle("lineage/train.yaml", before, ours, theirs, side) for side in ("base", "ours", "theirs")] == [
        before,
        ours,
        theirs,
    ]


def test_a_record_that_was_edited_is_never_merged(plain: Lineage) -> None:
    before, ours, theirs = versions(plain, {"run": LATER}, {"base": "2" * 40})
    edited = theirs.replace(b"2222", b"3333")
    assert merge_record(before, ours, edited, record_path("train")).conflict
    assert merge_record(before, ours, b"nonsense", record_path("train")).conflict
    assert merge_record(b"", ours, theirs, record_path("train")).conflict == ""


def test_one_side_alone(plain: Lineage) -> None:
    before, ours, _ = versions(plain, {"run": LATER}, {})
    for three in ((before, ours, before), (before, before, ours), (b"", ours, ours)):
        assert merge_record(*three, "lineage/train.yaml") == merge_text.TextMerge(ours)
