"""The command that `weft validate` names puts right what it was named for, in the state in which it was named."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kit import Ran
from stagekit import PIPELINE, Project, done


def _violations(repo: Project) -> dict[tuple[str, str], str]:
    """The commands that are named, by rule and what is wrong."""
    ran: Ran = repo.weft("validate", "--json", code=None)
    return {(one["rule"], f"{one['path']}: {one['message']}"): one["mend"] for one in ran.json["data"]["violations"]}


def _follow(repo: Project, mend: str) -> None:
    """Run the first of the ways that ``mend`` names."""
    path = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
    for command in mend.partition(", or")[0].split(", then: "):
        if command == "git commit":
            continue  # it is what is to be committed then
        repo.run("sh", "-c", command, env={"PATH": path, "COUNT": str(repo.counter)})


def tampered_metrics(repo: Project) -> None:
    repo.write({"metrics.json": b'{"size": 1, "deep": {"x": 0.5}}'})
    repo.git("add", "metrics.json")


def tampered_metrics_of_a_new_run(repo: Project) -> None:
    repo.weft("repro", "-S", "train.lr=0.25")
    tampered_metrics(repo)


def metrics_that_were_not_staged(repo: Project) -> None:
    right = (repo.root / "metrics.json").read_bytes()
    tampered_metrics(repo)
    repo.git("commit", "-q", "--no-verify", "-m", "tampered")
    repo.write({"metrics.json": right, "params.yaml": b"train:\n  lr: 0.1\n  other: 3\n"})
    repo.git("add", "params.yaml")


def another_out(repo: Project) -> None:
    repo.write({"model/weights": b"made by hand"})
    repo.weft("add", "--force", "model")


def new_data(repo: Project) -> None:
    repo.write({"data/raw.csv": b"a,b\n7,8\n"})
    repo.weft("add", "data/raw.csv")


def another_param(repo: Project) -> None:
    repo.write({"params.yaml": b"train:\n  lr: 0.3\n  other: 1\n"})
    repo.git("add", "params.yaml")


def a_param_that_was_not_staged(repo: Project) -> None:
    repo.write({"params.yaml": b"train:\n  lr: 0.3\n  other: 1\n"})
    repo.weft("repro")


def other_code(repo: Project) -> None:
    repo.write({"prepare.sh": b"tr a-z A-Z # loud\n"})
    repo.git("add", "prepare.sh")


def code_that_was_not_staged(repo: Project) -> None:
    repo.write({"prepare.sh": b"tr a-z A-Z # loud\n"})
    repo.weft("repro")


def another_command(repo: Project) -> None:
    text = (repo.root / "weft.yaml").read_bytes()
    repo.write({"weft.yaml": text.replace(b"echo prepare", b"echo  prepare")})
    repo.git("add", "weft.yaml")


def a_stage_file_that_was_not_staged(repo: Project) -> None:
    text = (repo.root / "weft.yaml").read_bytes()
    repo.write({"weft.yaml": text.replace(b"echo prepare", b"echo  prepare")})
    repo.weft("repro")


def an_input_taken_out_of_a_stage_file_that_was_not_staged(repo: Project) -> None:
    text = (repo.root / "weft.yaml").read_bytes()
    text = text.replace(b"sh prepare.sh <", b"cat").replace(b", prepare.sh]", b"]")
    repo.write({"weft.yaml": text})
    repo.weft("repro")
    repo.git("rm", "-q", "prepare.sh")


def an_edited_record(repo: Project) -> None:
    name = "lineage/train.yaml"
    repo.write({name: (repo.root / name).read_bytes().replace(b"lr: 0.1", b"lr: 0.2")})
    repo.git("add", name)


def a_stage_that_is_gone(repo: Project) -> None:
    text = (repo.root / "weft.yaml").read_bytes()
    repo.write({"weft.yaml": text[: text.index(b"  score:")]})
    repo.git("rm", "-q", "metrics.json")
    repo.git("add", "weft.yaml")


def a_record_that_is_gone(repo: Project) -> None:
    repo.git("rm", "-q", "lineage/train.yaml")


def a_dependency_that_is_gone(repo: Project) -> None:
    repo.git("rm", "-q", "prepare.sh")


def data_that_is_gone(repo: Project) -> None:
    repo.weft("rm", "data/raw.csv")


def a_dependency_that_nobody_keeps(repo: Project) -> None:
    repo.write({"more.csv": b"1\n", "weft.yaml": PIPELINE.replace(b"deps: [model]", b"deps: [model, more.csv]")})
    repo.git("add", "weft.yaml")


def code_that_nobody_keeps(repo: Project) -> None:
    repo.write({"more.py": b"1\n", "weft.yaml": PIPELINE.replace(b"deps: [model]", b"deps: [model, more.py]")})
    repo.git("add", "weft.yaml")


def data_as_bytes(repo: Project) -> None:
    repo.git("add", "-f", "data/raw.csv")


CASES: dict[Callable[[Project], None], str] = {
    data_as_bytes: "WEFT003",
    an_edited_record: "WEFT008",
    another_param: "WEFT009",
    a_param_that_was_not_staged: "WEFT009",
    tampered_metrics: "WEFT010",
    tampered_metrics_of_a_new_run: "WEFT010",
    metrics_that_were_not_staged: "WEFT010",
    another_out: "WEFT011",
    new_data: "WEFT011",
    other_code: "WEFT013",
    code_that_was_not_staged: "WEFT013",
    another_command: "WEFT014",
    a_stage_file_that_was_not_staged: "WEFT014",
    an_input_taken_out_of_a_stage_file_that_was_not_staged: "WEFT018",
    a_stage_that_is_gone: "WEFT014",
    a_dependency_that_nobody_keeps: "WEFT016",
    code_that_nobody_keeps: "WEFT016",
    a_record_that_is_gone: "WEFT018",
    a_dependency_that_is_gone: "WEFT018",
    data_that_is_gone: "WEFT018",
}


@pytest.mark.parametrize("change", CASES, ids=[change.__name__ for change in CASES])
def test_the_command_that_is_named_puts_it_right(tmp_path: Path, change: Callable[[Project], None]) -> None:
    repo = done(tmp_path)
    change(repo)
    found = [(wrong, mend) for wrong, mend in _violations(repo).items() if wrong[0] == CASES[change]]
    assert found
    for wrong, mend in found:
        _follow(repo, mend)
        after = _violations(repo)
        assert wrong not in after, f"{mend} left {after}"


def test_a_params_file_that_weft_wrote_is_staged_with_the_record(tmp_path: Path) -> None:
    repo = done(tmp_path)
    assert "next: git commit" in repo.weft("repro", "-S", "train.lr=0.25").err
    assert repo.unstaged() == []
    assert _violations(repo) == {}
