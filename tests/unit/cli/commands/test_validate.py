"""``weft validate``: what it prints, in every form, and how it exits."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lineagekit import Lineage, make
from weft.cli import main
from weft.cli.hooks import commit


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("lineage") / "base").root


@pytest.fixture
def repo(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lineage:
    made = Lineage(Path(shutil.copytree(base, tmp_path / "repo", symlinks=True)))
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture
def lie(repo: Lineage) -> Lineage:
    """A params file staged without the run that belongs to it, and a large file that is declared to be right."""
    ignore = "validate:\n  - rule: WEFT003\n    path: '*.pdf'\n    reason: printed, and never changed\n"
    repo.write("weft.yaml", repo.read("weft.yaml") + ignore.encode())
    repo.commit()
    repo.replace("params.yaml", "lr: 0.1", "lr: 0.2")
    repo.write("poster.pdf", bytes(6 << 20))
    repo.git("add", "-A")
    return repo


LINE = 32
"""Where the record of train has its learning rate."""
Cli = Callable[..., Any]


def test_nothing_staged_is_valid(repo: Lineage, cli: Cli) -> None:
    assert cli("validate").out == "valid: 0 stages, 0 pointers checked\n"
    assert cli("validate", "-q").out == ""


def test_a_violation_is_told_with_place_and_mend(lie: Lineage, cli: Cli) -> None:
    ran = cli("validate", "--strict", code=1)
    assert ran.out.splitlines() == [
        f"lineage/train.yaml:{LINE}: WEFT009 train.lr of params.yaml is 0.2 as staged, and was 0.1 in the run",
        "    mend: weft repro train",
        "ignored: WEFT003 poster.pdf: printed, and never changed",
        "1 violation; 1 stage, 0 pointers checked",
    ]
    assert ran.err == "weft validate --explain WEFT009 tells more of a rule\n"
    line = (lie.root / "lineage" / "train.yaml").read_text().splitlines()[LINE - 1]
    assert line.strip() == "train.lr: 0.1"


def test_what_is_stale_passes_with_a_line(lie: Lineage, cli: Cli) -> None:
    lie.write("src/train.py", "print('better')\n")
    lie.git("add", "-A")
    assert cli("validate").out.splitlines() == [
        "stale: train, for src/train.py, train.lr of params.yaml changed since its run; next: weft repro train",
        "ignored: WEFT003 poster.pdf: printed, and never changed",
        "valid: 1 stage, 0 pointers checked, 1 stage stale",
    ]
    data = cli("validate", "--json").data
    assert (data["passed"], data["errors"], data["stale"]) == (True, 0, ["train"])
    first = data["violations"][0]
    assert (first["severity"], first["stage"], first["cause"]) == ("stale", "train", "src/train.py")
    (run,) = json.loads(cli("validate", "--sarif", "-").out)["runs"]
    assert [one["level"] for one in run["results"]] == ["note", "note", "error"], "the last is ignored"


def test_json(lie: Lineage, cli: Cli) -> None:
    data = cli("validate", "--staged", "--strict", "--json", code=1).data
    assert data["scope"] == "staged"
    assert data["passed"] is False
    assert data["errors"] == 1
    (found,) = data["violations"]
    assert (found["rule"], found["severity"], found["path"], found["line"]) == (
        "WEFT009",
        "error",
        "lineage/train.yaml",
        LINE,
    )
    assert data["ignored"][0]["reason"] == "printed, and never changed"
    assert data["ignored"][0]["violation"]["rule"] == "WEFT003"


def test_one_commit_and_a_range(lie: Lineage, cli: Cli) -> None:
    lie.git("commit", "-q", "--no-verify", "-m", "around")
    commit = lie.git("rev-parse", "HEAD").strip()
    assert "WEFT009" in cli("validate", "--rev", "HEAD", "--strict", code=1).out
    assert cli("validate", "--rev", "HEAD~2").out == "valid: 1 commit, 2 stages, 3 pointers checked\n"
    ran = cli("validate", "--range", "HEAD~1..HEAD", "--strict-each", code=1)
    assert ran.out.splitlines()[0] == f"commit {commit}"
    assert "WEFT027" not in ran.out, "the hook lets it pass"
    lie.write("metrics.json", '{"auc": 0.99}\n')
    lie.commit("--no-verify")
    commit = lie.git("rev-parse", "HEAD").strip()
    ran = cli("validate", "--range", "HEAD~1..HEAD", code=1)
    assert ran.out.splitlines()[0] == f"commit {commit}"
    assert f"WEFT027 the commit {commit[:12]} does not pass" in ran.out
    assert cli("validate").out.startswith("valid"), "nothing is staged any more"


@pytest.mark.parametrize(
    "words",
    [
        ("--range", "HEAD"),
        ("--range", ""),
        ("--range", "..HEAD"),
        ("--range", "HEAD.."),
        ("--range", "HEAD..HEAD"),
        ("--explain", ""),
        ("--rev", "HEAD", "--staged"),
        ("--strict-each",),
        ("--explain", "WEFT099"),
        ("--explain", "x"),
        ("--rev=", "--range=a..b", "--staged"),
    ],
)
def test_what_makes_no_sense(words: tuple[str, ...], repo: Lineage, cli: Cli) -> None:
    assert cli("validate", *words, code=2).err.startswith("error: ")


def test_a_revision_that_is_none(repo: Lineage, cli: Cli) -> None:
    assert "names no commit" in cli("validate", "--rev", "nosuch", code=3).err
    assert "names no commit" in cli("validate", "--range", "nosuch..HEAD", code=3).err
    assert "names no commit" in cli("validate", "--rev", "", code=3).err, "an unset variable names nothing"


@pytest.mark.parametrize(
    ("value", "in_ci"), [(None, False), ("", False), ("false", False), ("true", True), ("1", True)]
)
def test_in_ci_nothing_is_taken_from_earlier_runs(
    value: str | None, in_ci: bool, lie: Lineage, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    if value is not None:
        monkeypatch.setenv("CI", value)
    kept = lie.root / ".git" / "weft" / "validate-cache.json"
    kept.unlink()
    for name in ("pre-commit", "large-files", "pre-merge-commit"):
        commit.run(name, (), main.application().open_session((), os.environ))
    cli("validate")
    assert kept.exists() is not in_ci


def test_outside_of_git(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "E_NO_REPO" in cli("validate", code=6).err


@pytest.mark.parametrize("name", ["WEFT013", "weft13", "13"])
def test_explain(name: str, cli: Cli) -> None:
    out = cli("validate", "--explain", name).out
    assert out.startswith("WEFT013: code\n")
    assert "blob id" in out
    assert "To mend: " in out
    assert cli("validate", "--explain", name, "--json").data["number"] == 13


def test_explain_of_rules_that_warn_or_are_checked_elsewhere(cli: Cli) -> None:
    assert "(a warning)" in cli("validate", "--explain", "22").out
    assert "Checked by: the pre-push hook." in cli("validate", "--explain", "26").out


def test_sarif(lie: Lineage, cli: Cli) -> None:
    written = cli("validate", "--strict", "--sarif", "-", code=1).out
    document = json.loads(written)
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    found, ignored = run["results"]
    assert found["ruleId"] == "WEFT009"
    assert run["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == "WEFT009"
    place = found["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "lineage/train.yaml"
    assert place["region"]["startLine"] == LINE
    assert ignored["suppressions"] == [{"kind": "inSource", "justification": "printed, and never changed"}]
    ran = cli("validate", "--strict", "--sarif", "out.sarif", code=1)
    assert "WEFT009" in ran.out, "the text is there beside a file"
    assert json.loads(Path("out.sarif").read_text()) == document


def test_sarif_of_odd_names_and_of_commits(repo: Lineage, cli: Cli) -> None:
    repo.write("ünï %.bin", bytes(6 << 20))
    repo.commit("--no-verify")
    (run,) = json.loads(cli("validate", "--range", "HEAD~1..HEAD", "--sarif", "-", code=1).out)["runs"]
    large, around = run["results"]
    assert large["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "%C3%BCn%C3%AF%20%25.bin", "uriBaseId": "REPOSITORY"}
    }
    assert around["ruleId"] == "WEFT027"
    assert "locations" not in around
    assert large["properties"]["commit"] == repo.git("rev-parse", "HEAD").strip()


def test_names_cannot_act_on_the_terminal(repo: Lineage, cli: Cli) -> None:
    repo.write("bad\x1b[31m.bin", bytes(6 << 20))
    repo.git("add", "-A")
    assert "\x1b" not in cli("validate", code=1).out
