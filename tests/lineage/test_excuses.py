"""What is stale cannot be excused in the commit, or range, that makes it, where that is refused; it is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kit import Repo
from lineagekit import Lineage, make
from weft.gitio.repo import discover
from weft.model.lineage import Accepted, RunFacts
from weft.workflows.stale import marked_here
from weft.workflows.validate import hook_validate, validate_range, validate_revision

STRICT = b"validate:\n  stale: error\n"
IGNORE = b'  ignore: [{rule: WEFT009, path: "**", reason: later}]\n'


@pytest.fixture
def repo(tmp_path: Path) -> Lineage:
    made = make(tmp_path / "repo")
    (made.root / ".git" / "hooks" / "pre-commit").unlink()
    return made


def commit(repo: Lineage, text: str = "x") -> None:
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", text)


def make_stale(repo: Lineage) -> None:
    repo.replace("params.yaml", "lr: 0.1", "lr: 0.5")


def ignore(repo: Lineage) -> None:
    text = repo.read("weft.yaml")
    repo.write("weft.yaml", text + (IGNORE if b"validate:" in text else b"validate:\n" + IGNORE))


def freeze(repo: Lineage) -> None:
    repo.replace("weft.yaml", "    metrics:", "    frozen: true\n    metrics:")


def rules(found: object) -> set[str]:
    return {one.rule for one in found.violations if one.severity == "error"}  # type: ignore[attr-defined]


@pytest.mark.parametrize("excuse", [ignore, freeze])
@pytest.mark.parametrize("told", ["weft.yaml", "--strict"])
def test_a_commit_does_not_excuse_what_it_makes_stale(
    repo: Lineage, excuse: Callable[[Lineage], None], told: str
) -> None:
    start, strict = str(repo.root), told == "--strict"
    if not strict:
        repo.write("weft.yaml", repo.read("weft.yaml") + STRICT)
        commit(repo, "strict")
    make_stale(repo)
    excuse(repo)
    repo.git("add", "-A")
    hook = hook_validate(start, strict=strict)
    assert rules(hook) == {"WEFT009"}
    assert (excuse is ignore) == ("an ignore of WEFT009 does not count" in hook.violations[0].mend)
    commit(repo)
    assert "WEFT009" in rules(validate_range(start, "HEAD~1..HEAD", fresh="last"))
    assert "WEFT009" in rules(validate_range(start, "HEAD~1..HEAD", fresh="each"))
    assert rules(validate_revision(start, "HEAD", strict=strict)) == {"WEFT009"}
    if strict:
        assert not rules(validate_range(start, "HEAD~1..HEAD")), "nobody asks for fresh results"
        assert "WEFT027" not in rules(validate_range(start, "HEAD~1..HEAD", fresh="each"))


@pytest.mark.parametrize("excuse", [ignore, freeze])
def test_an_excuse_counts_from_the_base_of_the_range_on(repo: Lineage, excuse: Callable[[Lineage], None]) -> None:
    start = str(repo.root)
    repo.write("weft.yaml", repo.read("weft.yaml") + STRICT)
    commit(repo, "strict")
    excuse(repo)
    commit(repo, "excuse")
    make_stale(repo)
    repo.git("add", "-A")
    assert not rules(hook_validate(start)), "the commit before has the excuse"
    commit(repo, "stale")
    assert not rules(validate_range(start, "HEAD~1..HEAD", fresh="last"))
    assert "WEFT009" in rules(validate_range(start, "HEAD~2..HEAD"))
    assert "WEFT009" in rules(validate_range(start, "HEAD~2..HEAD", fresh="last"))


def test_that_stale_is_refused_counts_from_the_base_of_the_range_too(repo: Lineage) -> None:
    start, text = str(repo.root), repo.read("weft.yaml")
    repo.write("weft.yaml", text + STRICT)
    commit(repo, "strict")
    repo.write("weft.yaml", text)
    commit(repo, "not strict")
    make_stale(repo)
    commit(repo, "stale")
    assert "WEFT009" in rules(validate_range(start, "HEAD~2..HEAD"))
    assert not rules(validate_range(start, "HEAD~1..HEAD"))


def test_a_frozen_stage_that_is_stale_is_shown_to_be_both(repo: Lineage) -> None:
    make_stale(repo)
    freeze(repo)
    assert marked_here(discover(str(repo.root))).stale[0].frozen  # type: ignore[index]
    weft = Repo(repo.root).weft
    commit(repo)
    line = "train: train.lr of params.yaml changed since the run"
    shown = weft("show")
    assert f"frozen, stale: {line}" in shown.out
    assert "metrics.json:auc = 0.9  stale" in shown.out
    assert f"frozen, stale  {line}" in weft("log", "-n", "1").out
    assert f"frozen, stale in HEAD: {line}" in weft("compare", "HEAD~1", "HEAD", "--all").err
    graph = weft("lineage", "graph")
    assert "(frozen, stale)" in graph.out
    assert "train is frozen, stale: " in graph.err
    assert "(frozen, stale)" in weft("lineage", "show", "models/clf.pkl").out
    weft("init")
    status = weft("status").out
    assert f"frozen, stale: {line}" in status
    assert "next: weft repro" not in status


def test_tables_mark_what_is_stale_and_what_was_accepted_by_hand(repo: Lineage) -> None:
    weft = Repo(repo.root).weft
    weft("init")
    commit(repo, "init")
    make_stale(repo)
    commit(repo, "stale")
    table = weft("show", "--format", "csv").out.splitlines()
    assert table[0] == "section,stage,path,key,value,stale,accepted"
    assert "metrics,,metrics.json,auc,0.9,stale," in table
    assert "params of no run yet,,params.yaml,train.lr,0.5,," in table
    assert any(line.startswith("command,train,") and line.endswith(",stale,") for line in table)
    assert any(line.startswith("data,,models/clf.pkl,") and line.endswith(",stale,") for line in table)
    assert any(line.startswith("data,,data/raw,") and line.endswith(",,") for line in table)
    assert "| metrics |  | metrics.json | auc | 0.9 | stale |  |" in weft("show", "--format", "md").out
    compared = weft("compare", "HEAD~1", "HEAD", "--format", "csv").out.splitlines()
    assert compared[0] == "section,key,HEAD~1,HEAD,delta,stale,accepted,not right"
    assert "metrics,metrics.json:auc,0.9,0.9,0.0,HEAD,," in compared, "equal, and yet not the same"
    assert "| metrics | metrics.json:auc | 0.9 | 0.9 stale |" in weft("compare", "HEAD~1", "HEAD", "--format", "md").out
    repo.write("metrics.json", '{"auc": 0.99}')
    run = RunFacts(
        "r2", "2026-02-01T12:00:00Z", "2026-02-01T12:00:02Z", 2.0, accepted=Accepted("from the cluster", "a")
    )
    repo.record("train", run=run)
    commit(repo, "by hand")
    shown = weft("show")
    assert "metrics.json:auc = 0.99  accepted by hand" in shown.out
    assert "metrics,,metrics.json,auc,0.99,,by hand" in weft("show", "--format", "csv").out
    assert "0.99 accepted by hand" in weft("compare", "HEAD~1", "HEAD").out
    assert "(accepted by hand)" in weft("lineage", "graph").out
