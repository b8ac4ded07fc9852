"""`weft validate`, the marks of shown results and the plan of `weft repro` agree on which stages are not as their records
tell, over a table of edits.

Each says it in its own way, and that is wanted: where a result is what is odd, or the record, `validate` and the marks call
it false; where an input is gone, `validate` refuses, the marks say stale; of what a stale stage will write, only the plan
says what is stale behind it; and a frozen stage is excused by `validate`, left alone by `repro`, and marked as frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from kit import Repo
from lineagekit import Lineage, make
from weft.gitio.repo import discover
from weft.model.lineage import record_path
from weft.model.pointer import SUFFIX
from weft.pipeline.plan import UPSTREAM
from weft.pipeline.validate.scope import participants
from weft.workflows.project import open_project
from weft.workflows.repro import repro
from weft.workflows.results_status import Marked
from weft.workflows.show import show
from weft.workflows.stage_results import CURRENT, FROZEN, RunOptions
from weft.workflows.stale import marked_here
from weft.workflows.validate import validate_revision

STAGES = """\
vars: [conf.yaml]
stages:
  prepare:
    cmd: python src/prepare.py
    deps: [data/raw, src/prepare.py]
    outs: [data/prepared]
  train:
    cmd: python src/train.py --size ${size}
    deps: [data/prepared, src/train.py]
    params: [train.lr, train.epochs, {other.toml: [a]}]
    outs: [models/clf.pkl]
    metrics: [metrics.json]
    env: {lockfile: requirements.lock}
"""


def gone(path: str) -> Callable[[Lineage], None]:
    return lambda repo: (repo.root / path).unlink()


def text(path: str, content: str) -> Callable[[Lineage], None]:
    return lambda repo: repo.write(path, content)


def edit(path: str, old: str, new: str) -> Callable[[Lineage], None]:
    return lambda repo: repo.replace(path, old, new)


def point(path: str) -> Callable[[Lineage], None]:
    return lambda repo: repo.point(path, "2") and None


def link(path: str, target: str) -> Callable[[Lineage], None]:
    def change(repo: Lineage) -> None:
        (repo.root / path).unlink()
        (repo.root / path).symlink_to(target)

    return change


def run_again(repo: Lineage) -> None:
    repo.point("data/prepared", "2")
    repo.record("prepare")


def lie(repo: Lineage) -> None:
    repo.record("train", metrics={"metrics.json": {"auc": 0.99}})


def disown(repo: Lineage) -> None:
    """A record that contradicts the pointer of the very data that it names."""
    made = repo.record_of("train")
    repo.record("train", deps=(replace(made.deps[0], size=7),))


PREPARE, TRAIN, BOTH = {"prepare"}, {"train"}, {"prepare", "train"}
NONE: set[str] = set()
CODE, RECORD = "src/train.py", "lineage/train.yaml"
EDITS: dict[str, tuple[Callable[[Lineage], None], set[str]]] = {
    "nothing": (lambda repo: None, NONE),
    "a file of no stage": (text("README.md", "other\n"), NONE),
    "a param of no stage": (edit("params.yaml", "other: 1", "other: 2"), NONE),
    "a description": (edit("weft.yaml", "  train:\n", "  train:\n    desc: fits\n"), NONE),
    "data changed": (point("data/raw"), PREPARE),
    "data gone": (gone("data/raw.weft"), PREPARE),
    "pointer unparsable": (text("data/raw.weft", "odd: [\n"), PREPARE),
    "code changed": (text(CODE, "print('other')\n"), TRAIN),
    "code gone": (gone(CODE), TRAIN),
    "code a link": (link(CODE, "prepare.py"), TRAIN),
    "code executable": (lambda repo: (repo.root / CODE).chmod(0o755), TRAIN),
    "param changed": (edit("params.yaml", "lr: 0.1", "lr: 0.2"), TRAIN),
    "param gone": (edit("params.yaml", "  lr: 0.1\n", ""), TRAIN),
    "params file gone": (gone("params.yaml"), TRAIN),
    "params file unparsable": (text("other.toml", "a = [\n"), TRAIN),
    "lock file changed": (text("requirements.lock", "numpy==2.1\n"), TRAIN),
    "lock file gone": (gone("requirements.lock"), TRAIN),
    "command changed": (edit("weft.yaml", "python src/prepare.py", "python -O src/prepare.py"), PREPARE),
    "directory changed": (edit("weft.yaml", "  train:\n", "  train:\n    wdir: src\n"), TRAIN),
    "seed changed": (edit("weft.yaml", "  train:\n", "  train:\n    determinism: {seed: 3}\n"), TRAIN),
    "equality changed": (edit("weft.yaml", "  train:\n", "  train:\n    determinism: {equal: close}\n"), TRAIN),
    "variable more": (edit("weft.yaml", "{lock", "{vars: [HOME], lock"), TRAIN),
    "image changed": (edit("weft.yaml", "{lock", "{image: 'a@sha256:" + "0" * 64 + "', lock"), TRAIN),
    "dependency more": (edit("weft.yaml", "src/train.py]", "src/train.py, src/prepare.py]"), TRAIN),
    "dependency less": (edit("weft.yaml", "[data/prepared, src/train.py]", "[data/prepared]"), TRAIN),
    "param more": (edit("weft.yaml", "train.epochs,", "train.epochs, other,"), TRAIN),
    "out more": (edit("weft.yaml", "[data/prepared]\n  train", "[data/prepared, data/more]\n  train"), PREPARE),
    "values file changed": (text("conf.yaml", "size: 2\n"), TRAIN),
    "record gone": (gone(RECORD), TRAIN),
    "record unparsable": (text(RECORD, "stage: train\nodd: 1\n"), TRAIN),
    "record of another digest": (edit(RECORD, "epochs: 3", "epochs: 4"), TRAIN),
    "record that lies of a result": (lie, TRAIN),
    "record that contradicts itself": (disown, TRAIN),
    "result changed": (text("metrics.json", '{"auc": 0.99}\n'), TRAIN),
    "result gone": (gone("metrics.json"), TRAIN),
    "result in another version": (point("models/clf.pkl"), TRAIN),
    "pointer of a result gone": (gone("models/clf.pkl.weft"), TRAIN),
    "pointer of a result unparsable": (text("models/clf.pkl.weft", "odd: [\n"), TRAIN),
    "an out that the next one read": (point("data/prepared"), BOTH),
    "a stage above ran again": (run_again, TRAIN),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Lineage:
    repo = make(tmp_path_factory.mktemp("agree") / "repo")
    (repo.root / ".git" / "hooks" / "pre-commit").unlink()
    Repo(repo.root).weft("init")
    repo.write("weft.yaml", STAGES)
    repo.write("conf.yaml", "size: 1\n")
    repo.write("other.toml", "a = 1\n")
    for name in repo.stages():
        repo.record(name)
    repo.git("add", "-A")
    repo.git("commit", "-q", "--no-verify", "-m", "all agree")
    repo.git("tag", "good")
    return repo


@pytest.fixture
def repo(made: Lineage) -> Iterator[Lineage]:
    yield made
    made.git("reset", "-q", "--hard", "good")
    made.git("clean", "-q", "-d", "-f")


def by_validate(repo: Lineage) -> set[str]:
    """Stages that the whole commit has a violation for, but for warnings: of an input, the record, or a result."""
    # Of a commit that changes nothing, for what a commit deletes has rules of its own.
    again = repo.git("commit-tree", "-p", "HEAD", "-m", "again", "HEAD^{tree}").strip()
    found = [one for one in validate_revision(str(repo.root), again, strict=True).violations if one.severity == "error"]
    stages = repo.stages()
    names = {one.stage for one in found if one.stage}
    for name, stage in stages.items():
        own = {record_path(name), *participants(stage)}
        names |= {name for one in found if one.path.removesuffix(SUFFIX) in own or one.result in own}
    return names


def by_marks(marked: Marked) -> set[str]:
    assert marked.stale is not None
    return {one.stage for one in (*marked.stale, *marked.wrong)}


def by_plan(repo: Lineage) -> set[str]:
    """Stages that would run for reasons of their own, or cannot."""
    with open_project(str(repo.root)) as project:
        told = repro(project, (), RunOptions(dry_run=True)).stages
    return {
        one.stage
        for one in told
        if one.action not in (CURRENT, FROZEN)
        and not (one.reasons and all(why.kind == UPSTREAM for why in one.reasons))
    }


@pytest.mark.parametrize("name", EDITS)
def test_all_agree_on_which_stages_are_not_as_recorded(repo: Lineage, name: str) -> None:
    change, expected = EDITS[name]
    change(repo)
    said = {"plan": by_plan(repo), "marks of the work tree": by_marks(marked_here(discover(str(repo.root))))}
    repo.git("add", "-A")
    repo.git("commit", "-q", "--allow-empty", "--no-verify", "-m", name)
    shown = show(str(repo.root))
    said |= {"marks of the commit": by_marks(Marked(shown.stale, shown.false)), "validate": by_validate(repo)}
    assert said == dict.fromkeys(said, expected)
