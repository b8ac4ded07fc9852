"""Each rule over a real commit: what only this rule catches is refused, and its honest twin goes through.

The hook is a plain script that Git itself starts, so what is validated is what Git would commit.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lineagekit import Lineage, make
from weft.formats import lineage as lineage_format
from weft.model.lineage import Hidden, RunFacts, record_path
from weft.model.oid import Oid
from weft.workflows.validate import hook_validate, validate_range, validate_revision, validate_staged
from weft.workflows.validate_rules import RULES

Change = Callable[[Lineage], None]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("lineage") / "base").root


@pytest.fixture
def repo(base: Path, tmp_path: Path) -> Lineage:
    return Lineage(Path(shutil.copytree(base, tmp_path / "repo", symlinks=True)))


def edit(repo: Lineage, stage: str, old: str, new: str) -> None:
    """Change the text of a record and give it the digest that its new text must have."""
    path = record_path(stage)
    repo.replace(path, old, new)
    text = repo.read(path)
    before = lineage_format.decode(text, what=path).digest
    repo.replace(path, str(before), str(lineage_format.digest_of_text(text)))


# --- hostile commits and their twins, by rule -------------------------------------------------------------------------


def conflict_marks(repo: Lineage) -> None:
    repo.write(
        "params.yaml", "train:\n<<<<<<< ours\n  lr: 0.1\n=======\n  lr: 0.2\n>>>>>>> theirs\n  epochs: 3\nother: 1\n"
    )


def other_param(repo: Lineage) -> None:
    repo.replace("params.yaml", "other: 1", "other: 2")


def large_file(repo: Lineage) -> None:
    repo.write("video.bin", b"x" * (6 << 20))


def small_file(repo: Lineage) -> None:
    repo.write("video.bin", b"x" * (4 << 20))


def data_as_bytes(repo: Lineage) -> None:
    repo.write("data/raw/part-0.csv", "1,2\n")


def data_elsewhere(repo: Lineage) -> None:
    repo.write("data/notes.md", "1,2\n")


def linked_pointer(repo: Lineage) -> None:
    os.symlink("raw.weft", repo.root / "data" / "extra.weft")


def plain_pointer(repo: Lineage) -> None:
    repo.point("data/extra")


def nested_pointer(repo: Lineage) -> None:
    repo.point("data/raw/inner")


def same_but_case(repo: Lineage) -> None:
    repo.point("data/RAW", type="dir", files=7)


def other_case(path: str, text: str = "x: 1\n") -> Change:
    """A new file that differs from one that weft reads in the spelling of its path alone."""

    def write(repo: Lineage) -> None:
        repo.write(path, text)

    write.__name__ = path
    return write


def two_spellings_declared(repo: Lineage) -> None:
    new_stage(repo, out="Models/CLF.pkl")


def unreadable(repo: Lineage) -> None:
    repo.write("data/extra.weft", "weft: [1\n")


def unknown_key(repo: Lineage) -> None:
    repo.point("data/extra")
    repo.replace("data/extra.weft", "size: 100", "sizes: 100\nsize: 100")


def bare_ignore(repo: Lineage) -> None:
    repo.write("weft.yaml", repo.read("weft.yaml") + b"validate:\n  - rule: WEFT003\n    path: '*.bin'\n")


def full_ignore(repo: Lineage) -> None:
    bare_ignore(repo)
    repo.write("weft.yaml", repo.read("weft.yaml") + b"    reason: test data of a codec\n")


def upper_case_oid(repo: Lineage) -> None:
    oid = repo.point("data/extra").oid.hex()
    repo.replace("data/extra.weft", oid, oid.upper())


def size_of_nothing(repo: Lineage) -> None:
    repo.point("data/extra", oid=Oid.of(b""), size=100)


def nothing(repo: Lineage) -> None:
    repo.point("data/extra", oid=Oid.of(b""), size=0)


def other_author(repo: Lineage) -> None:
    repo.replace(record_path("train"), "Ada <ada@", "Eve <eve@")


def other_author_run(repo: Lineage) -> None:
    repo.record("train", author="Eve <eve@example.org>")


def param_changed(repo: Lineage) -> None:
    repo.replace("params.yaml", "lr: 0.1", "lr: 0.2")


def param_run(repo: Lineage) -> None:
    param_changed(repo)
    repo.record("train")


def param_other_type(repo: Lineage) -> None:
    repo.replace("params.yaml", "epochs: 3", "epochs: 3.0")


def metric_changed(repo: Lineage) -> None:
    repo.write("metrics.json", '{"auc": 0.99}\n')


def metric_run(repo: Lineage) -> None:
    metric_changed(repo)
    repo.record("train")


def metric_nan(repo: Lineage) -> None:
    repo.write("metrics.json", '{"auc": NaN}\n')
    repo.record("train")


def dep_changed(repo: Lineage) -> None:
    repo.point("data/raw", "2")


def out_changed(repo: Lineage) -> None:
    repo.point("models/clf.pkl", "2")


def out_run(repo: Lineage) -> None:
    out_changed(repo)
    repo.record("train")


def dep_run(repo: Lineage) -> None:
    dep_changed(repo)
    repo.record("prepare")


def foreign_size(repo: Lineage) -> None:
    record = repo.record_of("prepare")
    repo.record("prepare", deps=(replace(record.deps[0], size=101),))


def read_what_is_nowhere(repo: Lineage) -> None:
    new_stage(repo, dep="other.pkl")
    repo.write("weft.yaml", repo.read("weft.yaml") + MAKE.encode())
    repo.point("scores.csv")
    repo.point("other.pkl")
    repo.record("evaluate")
    (repo.root / "other.pkl.weft").unlink()


def read_what_was_made(repo: Lineage) -> None:
    read_what_is_nowhere(repo)
    repo.point("other.pkl")
    repo.record("make")


def absolute_path(repo: Lineage) -> None:
    repo.record("train", env={**repo.record_of("train").env, "vars": {"CACHE": "/home/alice/cache"}})


def relative_path(repo: Lineage) -> None:
    repo.record("train", env={**repo.record_of("train").env, "vars": {"CACHE": "alice/cache"}})


def code_changed(repo: Lineage) -> None:
    repo.write("src/train.py", "print('better')\n")


def code_run(repo: Lineage) -> None:
    code_changed(repo)
    repo.record("train")


def command_changed(repo: Lineage) -> None:
    repo.replace("weft.yaml", "python src/train.py", "python -O src/train.py")


def other_spec(repo: Lineage) -> None:
    """The digest of what was declared at the run is another one, and all else in the record is as it was."""
    repo.record("train", spec="1" * 40)


def command_run(repo: Lineage) -> None:
    command_changed(repo)
    repo.record("train")


def stage_gone(repo: Lineage) -> None:
    text = repo.read("weft.yaml").decode()
    repo.write("weft.yaml", text[: text.index("  train:")])


def stage_and_record_gone(repo: Lineage) -> None:
    stage_gone(repo)
    (repo.root / record_path("train")).unlink()


MAKE = "  make:\n    cmd: python src/make.py\n    deps: [src/prepare.py]\n    outs: [other.pkl]\n"
EVALUATE = "  evaluate:\n    cmd: python src/eval.py\n    deps: [{dep}]\n    outs: [{out}]\n"


def new_stage(repo: Lineage, dep: str = "models/clf.pkl", out: str = "scores.csv") -> None:
    repo.write("weft.yaml", repo.read("weft.yaml") + EVALUATE.format(dep=dep, out=out).encode())


def made_by_hand(repo: Lineage) -> None:
    new_stage(repo)
    repo.point("scores.csv")


def made_by_a_run(repo: Lineage) -> None:
    made_by_hand(repo)
    repo.record("evaluate")


PLOTS = "  draw:\n    cmd: python src/draw.py\n    deps: [src/prepare.py]\n    {}\n"


def drawn_by_hand(repo: Lineage, outs: str = "plots: [plots]") -> None:
    """A stage that never ran, and files where it writes them."""
    repo.write("weft.yaml", repo.read("weft.yaml") + PLOTS.format(outs).encode())
    repo.write("plots/roc.csv", "0,1\n")


def drawn_small_out(repo: Lineage) -> None:
    drawn_by_hand(repo, "outs: [{plots/roc.csv: {cache: false}}]")


def drawn_frozen(repo: Lineage) -> None:
    drawn_by_hand(repo, "metrics: [plots/roc.csv]\n    frozen: true")


def not_drawn_yet(repo: Lineage) -> None:
    drawn_by_hand(repo)
    (repo.root / "plots" / "roc.csv").unlink()
    repo.write("plots/.gitignore", "*.tmp\n")


def claimed(repo: Lineage) -> None:
    """What was there before is now said to be made by a stage."""
    new_stage(repo, out="README.md")
    repo.replace("weft.yaml", "outs: [README.md]", "plots: [README.md]")


def claimed_and_run(repo: Lineage) -> None:
    claimed(repo)
    repo.record("evaluate")


def renamed_stage(repo: Lineage) -> None:
    repo.replace("weft.yaml", "  train:", "  fit:")
    (repo.root / record_path("train")).unlink()


def renamed_stage_run(repo: Lineage) -> None:
    renamed_stage(repo)
    repo.record("fit")


def cycle(repo: Lineage) -> None:
    new_stage(repo, dep="b.csv", out="a.csv")
    text = EVALUATE.format(dep="a.csv", out="b.csv").replace("evaluate", "again")
    repo.write("weft.yaml", repo.read("weft.yaml") + text.encode())


def two_producers(repo: Lineage) -> None:
    new_stage(repo, out="data/prepared/more")


def dangling(repo: Lineage) -> None:
    new_stage(repo, dep="nobody/keeps.csv")


def not_run_yet(repo: Lineage) -> None:
    new_stage(repo)


def other_origin(repo: Lineage) -> None:
    record = repo.record_of("train")
    repo.record("train", deps=(replace(record.deps[0], stage=""),))


def used_code_deleted(repo: Lineage) -> None:
    (repo.root / "src" / "prepare.py").unlink()


def used_data_deleted(repo: Lineage) -> None:
    (repo.root / "data" / "raw.weft").unlink()


def used_record_deleted(repo: Lineage) -> None:
    (repo.root / record_path("train")).unlink()


def record_deleted_beside_metrics(repo: Lineage) -> None:
    """A stage whose outs Git keeps, and which is frozen."""
    drop_data(repo)
    repo.replace("weft.yaml", "    metrics:", "    frozen: true\n    metrics:")
    repo.record("train")
    repo.commit()
    used_record_deleted(repo)
    metric_changed(repo)


def record_and_outs_deleted(repo: Lineage) -> None:
    used_record_deleted(repo)
    (repo.root / "metrics.json").unlink()
    (repo.root / "models" / "clf.pkl.weft").unlink()


def drop_data(repo: Lineage) -> None:
    (repo.root / "models" / "clf.pkl.weft").unlink()
    repo.replace("weft.yaml", "    outs: [models/clf.pkl]\n", "")
    repo.record("train")


def outs_taken_from_the_stage(repo: Lineage) -> None:
    """The record goes, and so do the declarations of its outs; the outs stay, and so does the stage."""
    used_record_deleted(repo)
    repo.replace("weft.yaml", "    outs: [models/clf.pkl]\n    metrics: [metrics.json]\n", "")


def outs_given_up(repo: Lineage) -> None:
    outs_taken_from_the_stage(repo)
    repo.record("train")


def unused_deleted(repo: Lineage) -> None:
    (repo.root / "README.md").unlink()


def lock_changed(repo: Lineage) -> None:
    repo.write("requirements.lock", "numpy==2.1\n")


def lock_as_link(repo: Lineage) -> None:
    repo.write("real.lock", repo.read("requirements.lock"))
    (repo.root / "requirements.lock").unlink()
    (repo.root / "requirements.lock").symlink_to("real.lock")
    repo.record("train")


def lock_run(repo: Lineage) -> None:
    lock_changed(repo)
    repo.record("train")


def image_by_tag(repo: Lineage, image: str = "python:3.12") -> None:
    repo.replace("weft.yaml", "requirements.lock}", f"requirements.lock, image: '{image}'}}")
    repo.record("train", env={**repo.record_of("train").env, "image": image})


def image_by_digest(repo: Lineage) -> None:
    image_by_tag(repo, "python@sha256:" + "a" * 64)


def dirty(repo: Lineage) -> None:
    repo.record("train", dirty=True)


def dirty_and_saved(repo: Lineage) -> None:
    repo.record("train", dirty=True, snapshot="refs/weft/runs/r1")


def input_changed(repo: Lineage) -> None:
    repo.record("train", changed=("src/train.py",))


def older_schema(repo: Lineage) -> None:
    repo.record("train", schema=1, params_files={}, author="Eve <eve@example.org>")


def failed_run(repo: Lineage) -> None:
    repo.record("train", run=RunFacts("r2", "2026-01-31T12:00:00Z", "2026-01-31T12:00:02Z", 2.0, 137))


def no_run(repo: Lineage) -> None:
    repo.record("train", run=None)


def later_run(repo: Lineage) -> None:
    repo.record("train", run=RunFacts("r2", "2026-01-31T12:00:00Z", "2026-01-31T12:00:02Z", 2.0))


def other_run_id(repo: Lineage) -> None:
    repo.replace(record_path("train"), "id: r1", "id: r2")


def token(repo: Lineage) -> None:
    repo.replace("params.yaml", "other: 1", "other: AKIA" + "IOSFODNN7EXAMPL3")


def password(repo: Lineage) -> None:
    repo.replace("params.yaml", "other: 1", "db_password: hunter2")


def listed_secret(repo: Lineage, value: str = "q7Zx0Lm2Rt9Kp4" + "Vb8N") -> None:
    new_stage(repo)
    repo.replace("weft.yaml", "cmd: python src/eval.py", f"cmd:\n    - curl\n    - --token\n    - '{value}'")


def listed_variable(repo: Lineage) -> None:
    listed_secret(repo, "$API_TOKEN")


def harmless_words(repo: Lineage) -> None:
    repo.replace("params.yaml", "other: 1", "max_tokens: 4096\ntokenizer: bert-base-uncased\npassword: ${DB_PASSWORD}")


HOSTILE: list[tuple[int, Change, Change]] = [
    (2, conflict_marks, other_param),
    (3, large_file, small_file),
    (3, data_as_bytes, data_elsewhere),
    (4, linked_pointer, plain_pointer),
    (4, nested_pointer, plain_pointer),
    (4, same_but_case, plain_pointer),
    (4, other_case("Weft.yaml"), other_case("docs/Weft.yaml")),
    (4, other_case("Lineage/other.md"), other_case("docs/Lineage/other.md")),
    (4, other_case(".we\u200cft/config.yaml"), other_case("docs/a\u200cb")),
    (4, other_case("\u017frc/train.py"), other_case("docs/\u017frc/train.py")),
    (4, other_case("data/Raw/part-0.csv"), other_case("data/other/part-0.csv")),
    (4, two_spellings_declared, new_stage),
    (5, unreadable, plain_pointer),
    (6, unknown_key, plain_pointer),
    (6, bare_ignore, full_ignore),
    (6, older_schema, other_author_run),
    (7, upper_case_oid, plain_pointer),
    (7, size_of_nothing, nothing),
    (8, other_author, other_author_run),
    (8, other_run_id, later_run),
    (9, param_changed, param_run),
    (9, param_other_type, other_param),
    (10, metric_changed, metric_run),
    (10, metric_nan, metric_run),
    (11, dep_changed, dep_run),
    (11, out_changed, out_run),
    (11, foreign_size, dep_run),
    (11, read_what_is_nowhere, read_what_was_made),
    (12, absolute_path, relative_path),
    (13, code_changed, code_run),
    (14, command_changed, command_run),
    (14, other_spec, command_run),
    (14, stage_gone, stage_and_record_gone),
    (15, made_by_hand, made_by_a_run),
    (15, drawn_by_hand, not_drawn_yet),
    (15, drawn_small_out, not_drawn_yet),
    (15, drawn_frozen, not_drawn_yet),
    (15, claimed, claimed_and_run),
    (15, renamed_stage, renamed_stage_run),
    (16, cycle, not_run_yet),
    (16, two_producers, not_run_yet),
    (16, dangling, not_run_yet),
    (17, other_origin, param_run),
    (18, used_code_deleted, unused_deleted),
    (18, used_data_deleted, unused_deleted),
    (18, used_record_deleted, record_and_outs_deleted),
    (18, record_deleted_beside_metrics, record_and_outs_deleted),
    (18, outs_taken_from_the_stage, outs_given_up),
    (19, lock_changed, lock_run),
    (19, lock_as_link, lock_run),
    (19, image_by_tag, image_by_digest),
    (20, dirty, dirty_and_saved),
    (20, input_changed, param_run),
    (20, failed_run, later_run),
    (20, no_run, later_run),
    (21, token, harmless_words),
    (21, password, harmless_words),
    (21, listed_secret, listed_variable),
]


STALE: set[Change] = {
    param_changed,
    param_other_type,
    dep_changed,
    code_changed,
    command_changed,
    other_spec,
    other_origin,
    lock_changed,
}
"""What says nothing false of a result: it passes with a word, and is refused where that is asked for."""


def rules_in(said: str) -> set[str]:
    return {rule for rule, _ in marks_in(said)}


def marks_in(said: str) -> set[tuple[str, str]]:
    """The rules that are named, each with how it is taken: stale, error or warning."""
    lines = (line.split() for line in said.splitlines() if line.startswith("WEFT"))
    return {(words[0], words[1]) for words in lines}


@pytest.mark.parametrize(("number", "hostile", "honest"), HOSTILE, ids=[f"{n}-{h.__name__}" for n, h, _ in HOSTILE])
def test_only_this_rule_refuses_the_commit_and_its_twin_passes(
    number: int, hostile: Change, honest: Change, repo: Lineage, base: Path, tmp_path: Path
) -> None:
    hostile(repo)
    before = repo.git("rev-parse", "HEAD")
    if hostile in STALE:
        repo.git("add", "-A")
        strict = hook_validate(str(repo.root), strict=True)
        assert {(one.rule, one.severity) for one in strict.violations} == {(f"WEFT{number:03d}", "error")}
    said = repo.commit(code=int(hostile not in STALE))
    assert marks_in(said) == {(f"WEFT{number:03d}", "stale" if hostile in STALE else "error")}, said
    assert (repo.git("rev-parse", "HEAD") == before) == (hostile not in STALE)
    twin = Lineage(Path(shutil.copytree(base, tmp_path / "twin", symlinks=True)))
    honest(twin)
    before = twin.git("rev-parse", "HEAD")
    assert not rules_in(twin.commit())
    assert twin.git("rev-parse", "HEAD") != before


@pytest.mark.parametrize(("number", "hostile", "honest"), HOSTILE, ids=[f"{n}-{h.__name__}" for n, h, _ in HOSTILE])
def test_around_the_hook_it_is_found_in_the_range_and_in_the_whole(
    number: int, hostile: Change, honest: Change, repo: Lineage
) -> None:
    hostile(repo)
    repo.commit("--no-verify")
    assert not validate_revision(str(repo.root), "HEAD~1").violations
    found = validate_range(str(repo.root), "HEAD~1..HEAD")
    rule = f"WEFT{number:03d}"
    assert {one.rule for one in found.violations} == ({rule} if hostile in STALE else {rule, "WEFT027"})
    whole = validate_revision(str(repo.root), "HEAD")
    assert {one.rule for one in whole.violations} == {rule}
    assert found.passed is whole.passed is (hostile in STALE)
    assert not validate_range(str(repo.root), "HEAD~1..HEAD", fresh="last").passed


NOTEBOOK = {"cells": [{"cell_type": "code", "source": "1+1", "outputs": [{"text": "2"}]}], "nbformat": 4}


def notebook(repo: Lineage) -> None:
    repo.write("src/look.ipynb", json.dumps(NOTEBOOK))
    new_stage(repo, dep="src/look.ipynb")


def registered(repo: Lineage) -> None:
    repo.point("models/clf.pkl", meta={"registered": "classifier"})


FORGED: dict[str, dict[str, object]] = {
    "cmd": {"cmd": "python src/other.py"},
    "cmd-as-words": {"cmd": ("python", "src/train.py")},
    "wdir": {"wdir": "src"},
    "seed": {"determinism": {"seed": 7}},
    "no-params": {"params": {}},
    "more-params": {"params": {"params.yaml": {"train.lr": 0.1, "train.epochs": 3}, "more.yaml": {"a": 1}}},
    "no-outs": {"outs": ()},
    "no-deps": {"deps": ()},
    "metrics-of-no-file": {"metrics": {"metrics.json": {"auc": 0.9}, "nowhere.json": {"auc": 1.0}}},
    "metrics-of-a-dependency": {"metrics": {"metrics.json": {"auc": 0.9}, "data/prepared": {"auc": 1.0}}},
}


@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_record_with_the_right_spec_must_still_tell_of_that_stage(change: dict[str, object], repo: Lineage) -> None:
    """Whoever writes a record by hand can copy any one field, and its digest."""
    repo.record("train", **change)
    assert rules_in(repo.commit(code=1)) == {"WEFT014"}


def test_metrics_that_weft_keeps_are_told(repo: Lineage) -> None:
    repo.replace("weft.yaml", "metrics: [metrics.json]", "metrics: [{metrics.json: {cache: true}}]")
    repo.point("metrics.json")
    values = {"metrics.json": {"auc": 0.9}}
    repo.record("train", metrics={})
    (repo.root / "metrics.json").unlink()
    said = repo.commit(code=1)
    assert rules_in(said) == {"WEFT014"}
    assert "it says nothing of the values in metrics.json" in said
    repo.write("metrics.json", '{"auc": 0.9}\n')
    repo.record("train", metrics=values)
    (repo.root / "metrics.json").unlink()
    repo.commit()


def test_a_record_of_another_stage_under_this_name(repo: Lineage) -> None:
    repo.write(record_path("train"), repo.read(record_path("prepare")))
    said = repo.commit(code=1)
    assert rules_in(said) == {"WEFT010", "WEFT013", "WEFT014", "WEFT019"}
    assert "it is the record of the stage 'prepare'" in said


def test_every_path_that_weft_reads_has_one_spelling(repo: Lineage) -> None:
    alike = [".Weft/config.yaml", "weft~1/config.yaml", "weft.yaml.", "Lineage/train.yaml", "LINEAGE", "PARAMS.yaml"]
    alike += ["metrics.JSON", "src/Train.py", "Requirements.lock", "Data/raw.weft", "models/CLF.pkl", ".WeftIgnore"]
    others = ["docs/Weft.yaml", "docs/lineage/a", "docs/A", "docs/a", "Models/README.md", "weft", "Params.yml"]
    for path in alike + others:
        if path != "LINEAGE":
            repo.write(path, "x: 1\n")
    os.symlink("lineage", repo.root / "LINEAGE")
    repo.git("add", "-f", "-A")
    told = validate_staged(str(repo.root)).violations
    assert {one.path for one in told if "in case or Unicode form" in one.message} == set(alike)


def test_a_directory_of_code_is_proved_file_by_file(repo: Lineage) -> None:
    """A file that was added to it after the run is code that the run did not see, and a pointer data; what says what Git and
    weft keep there is none."""
    repo.write("lib/a.py", "1\n")
    new_stage(repo, dep="lib")
    repo.replace("weft.yaml", "    outs: [scores.csv]\n", "")
    repo.record("evaluate")
    repo.write("lib/.gitignore", "/data\n")
    assert not rules_in(repo.commit())
    repo.point("lib/data")
    assert marks_in(repo.commit()) == {("WEFT011", "stale")}
    repo.record("evaluate")
    assert not rules_in(repo.commit())
    repo.write("lib/b.py", "2\n")
    assert marks_in(repo.commit()) == {("WEFT013", "stale")}
    repo.record("evaluate", code={**repo.record_of("evaluate").code, "lib/c.py": "1" * 40})
    said = repo.commit(code=1)
    assert marks_in(said) == {("WEFT013", "error")}
    assert "lib/c.py was used, and is not staged" in said


def ignored_input(repo: Lineage) -> None:
    repo.record("train", hidden=Hidden(2, ("src/local_conf.py",)))


@pytest.mark.parametrize(
    ("number", "change"),
    [(22, notebook), (23, registered), (33, ignored_input)],
    ids=["22-notebook", "23-registered", "33-hidden"],
)
def test_a_warning_blocks_nothing(number: int, change: Change, repo: Lineage) -> None:
    before = repo.git("rev-parse", "HEAD")
    change(repo)
    assert rules_in(repo.commit()) == {f"WEFT{number:03d}"}
    assert repo.git("rev-parse", "HEAD") != before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("url: s3://ours", "url: s3://theirs", "the url of the remote origin is s3://theirs now, and was s3://ours"),
        ("url: s3://ours", "url: s3://ours\n    endpoint: https://e.example", "the endpoint of the remote origin"),
        ("store: " + "a" * 32, "store: " + "b" * 32, "the store of the remote origin"),
        ("    store: " + "a" * 32 + "\n", "", "the store of the remote origin is none now"),
        ("remote: origin", "remote: backup", "the default remote is backup now, and was origin"),
        ("  backup:\n    url: ../b\n", "", "the remote backup is gone, which was ../b"),
        ("remotes:", "remotes: &", "cannot be read"),
    ],
)
def test_a_commit_that_leads_data_elsewhere_is_warned_of(old: str, new: str, said: str, repo: Lineage) -> None:
    name = ".weft/config.yaml"
    start = f'weft: 1\nrepo: "{"0" * 32}"\nremote: origin\nremotes:\n'
    first = "  backup:\n    url: ../b\n  origin:\n    url: s3://ours\n"
    repo.write(name, start + first)
    assert not rules_in(repo.commit()), "the first remotes of all"
    repo.write(name, start + first + f"    store: {'a' * 32}\n")
    assert not rules_in(repo.commit()), "the pin of a first push"
    repo.replace(name, old, new)
    told = repo.commit()
    assert rules_in(told) == {"WEFT032"}
    assert said in told


def test_notebooks_without_outputs_and_reasons_are_not_warned_of(repo: Lineage) -> None:
    repo.write("src/look.ipynb", json.dumps(NOTEBOOK).replace('[{"text": "2"}]', "[]"))
    new_stage(repo, dep="src/look.ipynb")
    repo.replace(
        "weft.yaml", "    metrics: [metrics.json]\n", "    metrics: [metrics.json]\n    rationale: best so far\n"
    )
    registered(repo)
    repo.record("train")
    assert not rules_in(repo.commit())


def test_a_record_of_schema_1_that_was_there_before_is_judged_by_what_it_tells(base: Path, tmp_path: Path) -> None:
    """It is refused in the commit that brings it, and serves afterwards as long as nothing that it tells of changes."""
    repo = Lineage(Path(shutil.copytree(base, tmp_path / "old", symlinks=True)))
    for name in repo.stages():
        repo.record(name, schema=1, params_files={}, author="An older weft <old@example.org>")
    assert rules_in(repo.commit(code=1)) == {"WEFT006"}
    repo.commit("--no-verify")
    assert {one.rule for one in validate_range(str(repo.root), "HEAD~1..HEAD").violations} == {"WEFT006", "WEFT027"}
    other_param(repo)
    assert not rules_in(repo.commit())
    assert not validate_revision(str(repo.root), "HEAD").violations
    (repo.root / "src/train.py").chmod(0o755)  # it tells nothing of modes
    assert not rules_in(repo.commit())
    repo.write("metrics.json", '{"auc": 0.99}\n')
    assert rules_in(repo.commit(code=1)) == {"WEFT010"}
    repo.git("reset", "-q", "--hard")
    # It tells nothing of bytes, so the last is another value too.
    for rule, change in (
        ("WEFT009", param_changed),
        ("WEFT013", code_changed),
        ("WEFT009", lambda repo: repo.replace("params.yaml", "epochs: 3", "epochs: 03")),
    ):
        change(repo)
        assert marks_in(repo.commit()) == {(rule, "stale")}
        repo.git("reset", "-q", "--hard", "HEAD~1")


def frozen(repo: Lineage) -> None:
    repo.replace("weft.yaml", "    metrics:", "    frozen: true\n    metrics:")


def test_frozen_excuses_what_is_stale_and_nothing_false(repo: Lineage) -> None:
    frozen(repo)
    repo.record("train")
    repo.commit()
    code_changed(repo)
    param_changed(repo)
    assert not rules_in(repo.commit())
    assert validate_range(str(repo.root), "HEAD~1..HEAD", fresh="each").passed
    metric_changed(repo)
    assert rules_in(repo.commit(code=1)) == {"WEFT010"}


def test_an_out_that_is_there_and_in_no_record_is_false_whatever_else_changed(repo: Lineage) -> None:
    repo.replace("weft.yaml", "outs: [models/clf.pkl]", "outs: [models/clf.pkl, models/extra.pkl]")
    assert marks_in(repo.commit()) == {("WEFT014", "stale")}
    repo.point("models/extra.pkl")
    assert marks_in(repo.commit(code=1)) == {("WEFT014", "error")}


def test_a_range_may_be_stale_before_its_last_commit(repo: Lineage) -> None:
    root = str(repo.root)
    repo.git("tag", "good")
    code_changed(repo)
    repo.commit()
    repo.write("README.md", "more\n")
    repo.commit()
    assert validate_range(root, "good..HEAD").stale == ("train",)
    # The last commit touches nothing of the stage, and still is not fresh.
    assert [
        one.commit for one in validate_range(root, "good..HEAD", fresh="last").violations if one.severity == "error"
    ] == [repo.git("rev-parse", "HEAD").strip()]
    repo.record("train")
    repo.commit()
    assert validate_range(root, "good..HEAD", fresh="last").passed
    each = validate_range(root, "good..HEAD", fresh="each")
    assert [one.rule for one in each.violations if one.severity == "error"] == ["WEFT013"]


@pytest.mark.parametrize("brings", [True, False])
def test_the_stage_file_can_ask_for_fresh_commits_and_a_commit_does_not_excuse_itself(
    brings: bool, repo: Lineage
) -> None:
    before = repo.read("weft.yaml")
    repo.write("weft.yaml", before + b"validate: {stale: error}\n")
    if not brings:
        repo.commit()
        repo.write("weft.yaml", before)
    code_changed(repo)
    assert marks_in(repo.commit(code=1)) == {("WEFT013", "error")}
    repo.commit("--no-verify")
    assert {one.rule for one in validate_range(str(repo.root), "HEAD~1..HEAD").violations} == {"WEFT013", "WEFT027"}


def test_every_rule_that_is_checked_here_has_a_case() -> None:
    covered = {number for number, _, _ in HOSTILE} | {1, 22, 23, 24, 25, 27, 32, 33}
    assert covered == {rule.number for rule in RULES.values() if not rule.elsewhere}
