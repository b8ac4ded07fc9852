"""`weft validate`, the marks of shown results, `weft stage list` and the plan of `weft repro` agree on which stages are not
as their records tell, over a table of edits.

Each says it in its own way, and that is wanted: where a result is what is odd, or the record, `validate` and the marks call
it false; where an input is gone, `validate` refuses, the marks say stale; what reads from a stale stage is stale for the
marks, the list and the plan, and for `validate` only once it reads something else than it did; and a frozen stage is excused
by `validate`, left alone by `repro`, and marked as frozen.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from kit import Repo
from lineagekit import Lineage, make
from weft.errors import ObjectMissing
from weft.formats import pointer
from weft.gitio.repo import discover
from weft.model.lineage import DataRef, record_path
from weft.model.pointer import SUFFIX
from weft.pipeline.plan import UPSTREAM
from weft.pipeline.validate.scope import participants
from weft.workflows.parts import Parts
from weft.workflows.project import open_project
from weft.workflows.repro import repro
from weft.workflows.results_status import Marked
from weft.workflows.show import show
from weft.workflows.stage_declare import FRESH, list_stages
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
  pick:
    cmd: wc parts/one parts/sub
    deps: [parts/one, parts/sub]
    metrics: [picked.json]
"""
PARTS = {"one": "1\n", "two": "2\n", "sub/three": "3\n"}
"""What is in a tracked directory, of which a stage reads two parts."""
KEPT = ".git/parts"
"""Where pointers of versions of that directory are kept, whose manifests are in the local store."""


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


def version(name: str, **changes: str) -> Callable[[Lineage], None]:
    """Another version of the directory that is read in parts, as ``weft add`` makes it."""
    VERSIONS[name] = {**PARTS, **{path.replace("_", "/"): text for path, text in changes.items()}}
    return lambda repo: repo.write("parts.weft", repo.read(f"{KEPT}/{name}"))


def no_manifests(repo: Lineage) -> None:
    repo.point("parts", "2", type="dir", files=3)


UNLISTED = {"pointer unparsable", "pointer of a result unparsable", "record that lies of a result"}
"""Of what cannot be read `weft stage list` says that alone; and it has the state of stages, not what is false of results."""
VERSIONS: dict[str, dict[str, str]] = {}
PREPARE, TRAIN, BOTH, PICK = {"prepare"}, {"train"}, {"prepare", "train"}, {"pick"}
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
    "a part changed": (version("part", one="other\n"), PICK),
    "below a part changed": (version("below", sub_three="other\n"), PICK),
    "below a part more": (version("more", sub_four="4\n"), PICK),
    "a part of another type": (version("type", one_more="1\n"), PICK),
    "a part gone": (version("gone", one=""), PICK),
    "another part changed": (version("other", two="other\n"), NONE),
    "another part gone": (version("less", two=""), NONE),
    "manifests of a part gone": (no_manifests, PICK),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Lineage:
    repo = make(tmp_path_factory.mktemp("agree") / "repo")
    (repo.root / ".git" / "hooks" / "pre-commit").unlink()
    Repo(repo.root).weft("init")
    repo.write("weft.yaml", STAGES)
    repo.write("conf.yaml", "size: 1\n")
    repo.write("other.toml", "a = 1\n")
    repo.write("picked.json", '{"lines": 2}\n')
    for name, files in {**VERSIONS, "": PARTS}.items():
        keep_version(repo, name, files)
    for name in repo.stages():
        repo.record(name, **({"code": {}, "modes": {}, "deps": read_in_parts(repo)} if name == "pick" else {}))
    repo.git("add", "-A")
    repo.git("commit", "-q", "--no-verify", "-m", "all agree")
    repo.git("tag", "good")
    return repo


def keep_version(repo: Lineage, name: str, files: dict[str, str]) -> None:
    shutil.rmtree(repo.root / "parts", ignore_errors=True)
    names = {path.partition("/")[0] for path in files if "/" in path}
    for path, text in files.items():
        if text and path not in names:
            repo.write(f"parts/{path}", text)
    Repo(repo.root).weft("add", "parts")
    repo.write(f"{KEPT}/{name or 'as run'}", repo.read("parts.weft"))


def read_in_parts(repo: Lineage) -> tuple[DataRef, ...]:
    known = pointer.decode(repo.read("parts.weft"), name="parts.weft")
    with Parts(discover(str(repo.root))) as parts:
        found = [parts.find(known, "parts", path) for path in ("parts/one", "parts/sub")]
    return tuple(ref for ref in found if ref is not None)


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
    """Stages that are not as recorded for reasons of their own."""
    assert marked.stale is not None
    return {one.stage for one in marked.stale if one.causes} | {one.stage for one in marked.wrong}


def by_plan(repo: Lineage) -> set[str]:
    """Stages that would run for reasons of their own, or cannot."""
    with open_project(str(repo.root)) as project:
        try:
            told = repro(project, (), RunOptions(dry_run=True)).stages
        except ObjectMissing:
            return PICK  # it has to know, and there is no remote to ask
    return {
        one.stage
        for one in told
        if one.action not in (CURRENT, FROZEN)
        and not (one.reasons and all(why.kind == UPSTREAM for why in one.reasons))
    }


def by_list(repo: Lineage) -> set[str]:
    """Stages that ``weft stage list`` has as stale for reasons of their own."""
    told = list_stages(str(repo.root)).stages
    return {
        one.name
        for one in told
        if one.state not in (FRESH, FROZEN) and not (one.reasons and all(why.kind == UPSTREAM for why in one.reasons))
    }


@pytest.mark.parametrize("name", EDITS)
def test_all_agree_on_which_stages_are_not_as_recorded(repo: Lineage, name: str) -> None:
    change, expected = EDITS[name]
    change(repo)
    said = {"list": by_list(repo)} if name not in UNLISTED else {}
    said |= {"plan": by_plan(repo), "marks of the work tree": by_marks(marked_here(discover(str(repo.root))))}
    repo.git("add", "-A")
    repo.git("commit", "-q", "--allow-empty", "--no-verify", "-m", name)
    shown = show(str(repo.root))
    said |= {"marks of the commit": by_marks(Marked(shown.stale, shown.false)), "validate": by_validate(repo)}
    assert said == dict.fromkeys(said, expected)


CHAIN = """\
  show:
    cmd: wc models/clf.pkl
    deps: [models/clf.pkl]
    metrics: [shown.json]
"""
FIRST, SECOND = "  prepare:\n", "  train:\n"
BEHIND: dict[str, tuple[str, str, dict[str, tuple[str, ...]]]] = {
    "one up and two up": ("src/prepare.py", "", {"prepare": (), "train": ("prepare",), "show": ("train",)}),
    "one up": ("src/train.py", "", {"train": (), "show": ("train",)}),
    "frozen two up": ("src/prepare.py", FIRST, {"prepare": ()}),
    "frozen one up": ("src/prepare.py", SECOND, {"prepare": (), "train": ("prepare",)}),
}
"""The code that changes, the stage that is frozen, and the stale stages, each with the stale ones that it reads from."""


@pytest.mark.parametrize("name", BEHIND)
def test_what_reads_from_a_stale_stage_is_stale_wherever_results_are_shown(repo: Lineage, name: str) -> None:
    path, frozen, expected = BEHIND[name]
    repo.write("weft.yaml", repo.read("weft.yaml") + CHAIN.encode())
    repo.write("shown.json", '{"score": 1}\n')
    repo.record("show")
    if frozen:
        repo.replace("weft.yaml", frozen, f"{frozen}    frozen: true\n")
    repo.write(path, "print('other')\n")
    listed = {
        one.name: tuple(why.subject for why in one.reasons if why.kind == UPSTREAM)
        for one in list_stages(str(repo.root)).stages
        if one.reasons
    }
    here = marked_here(discover(str(repo.root))).stale
    alone = marked_here(discover(str(repo.root)), ["shown.json"]).stale or ()
    repo.git("add", "-A")
    repo.git("commit", "-q", "--no-verify", "-m", name)
    shown = show(str(repo.root))
    said = {"here": here, "commit": shown.stale}
    told = {view: {one.stage: one.above for one in found or ()} for view, found in said.items()}
    assert {**told, "list": listed} == dict.fromkeys(["here", "commit", "list"], expected)
    # Also where one result is asked for: what it depends on is looked at, and not told of.
    last = {"show": expected["show"]} if "show" in expected else {}
    assert {one.stage: one.above for one in alone} == last
    part = Repo(repo.root).weft("show", "HEAD:shown.json").out
    assert ("stale: show: train is stale" in part) == ("shown.json:score = 1  stale" in part) == bool(last)
    compared = Repo(repo.root).weft("compare", "HEAD~", "HEAD")
    assert ("stale in HEAD: show: train is stale" in compared.err) == ("1 stale" in compared.out) == bool(last)
    logged = Repo(repo.root).weft("log", "-n", "1").out
    assert ("show: train is stale" in logged) == bool(last)
    judged = validate_revision(str(repo.root), "HEAD").violations
    assert {one.stage for one in judged if one.cause} <= {stage for stage, above in expected.items() if not above}


def test_what_nobody_here_knows_of_a_part_is_said_to_be_unknown(repo: Lineage) -> None:
    no_manifests(repo)
    causes = ("parts (perhaps not parts/one in it)", "parts (perhaps not parts/sub in it)")
    stale = marked_here(discover(str(repo.root))).stale
    assert stale is not None
    assert [one.causes for one in stale] == [causes]
    listed = {one.name: one.reasons for one in list_stages(str(repo.root), ["pick"]).stages}["pick"]
    assert [(one.subject, one.detail.partition(":")[0]) for one in listed] == [
        ("parts", "perhaps not parts/one in it"),
        ("parts", "perhaps not parts/sub in it"),
    ]
    repo.git("add", "-A")
    repo.git("commit", "-q", "--no-verify", "-m", "manifests elsewhere")
    found = validate_revision(str(repo.root), "HEAD").violations
    assert [(one.severity, one.cause) for one in found] == [("stale", cause) for cause in causes]
    assert all("perhaps not" in one.message for one in found)


def test_where_no_store_is_none_is_made_to_look_into_a_directory(repo: Lineage) -> None:
    EDITS["another part changed"][0](repo)
    state = repo.root / ".git" / "weft"
    kept = state.rename(repo.root / ".git" / "weft-away")
    try:
        stale = marked_here(discover(str(repo.root))).stale
        assert stale is not None
        assert [one.stage for one in stale] == ["pick"]
        assert not state.exists()
    finally:
        kept.rename(state)
