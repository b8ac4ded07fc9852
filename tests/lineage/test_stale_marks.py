"""Results of stale stages are marked wherever they are shown, exactly where `weft validate --strict` finds them stale or an
input of the run is not there any more, and params and data of a result are those of its record, whatever lies beside it."""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from kit import Repo
from lineagekit import Lineage, make
from weft.errors import WeftError
from weft.formats import lineage, paramfiles, stagefile
from weft.gitio.repo import discover
from weft.model.lineage import record_path
from weft.workflows.compare import compare
from weft.workflows.log import collect, open_log
from weft.workflows.results_status import StaleStage
from weft.workflows.show import show
from weft.workflows.stale import marked_here
from weft.workflows.validate import validate_revision

STAGES = """\
stages:
  prepare:
    cmd: python src/prepare.py
    deps: [data/raw, src/prepare.py, lib]
    outs: [data/prepared]
  train:
    cmd: python src/train.py
    deps: [data/prepared, src/train.py]
    params: [train.lr, train.epochs]
    outs: [models/clf.pkl]
    metrics: [metrics.json]
    plots: [roc.csv]
    env: {lockfile: requirements.lock}
  score:
    cmd: [python, src/score.py]
    deps: [models/clf.pkl, lib/common.py]
    params: [{other.toml: []}]
    metrics: [scores.json]
"""
FILES = {
    "weft.yaml": STAGES,
    "lib/common.py": "A = 1\n",
    "lib/more.py": "B = 1\n",
    "src/score.py": "print('score')\n",
    "other.toml": "a = 1\n",
    "scores.json": '{"f1": 0.5}\n',
    "roc.csv": "x,y\n0,0\n",
}
FITS = """\
  fit:
    foreach: ${models}
    do:
      cmd: python src/score.py --lr ${item.lr}
      deps: [src/score.py]
"""
MODELS = "models:\n  small: {lr: 0.1}\n  large: {lr: 0.2}\n"


@pytest.fixture
def repo(tmp_path: Path) -> Lineage:
    made = make(tmp_path / "repo")
    (made.root / ".git" / "hooks" / "pre-commit").unlink()
    for name, text in FILES.items():
        made.write(name, text)
    for name in made.stages():
        made.record(name)
    made.commit()
    return made


def weft(made: Lineage, *args: str, code: int = 0) -> Any:
    return Repo(made.root).weft(*args, code=code)


def lies_there(repo: Lineage, path: str) -> bool:
    return any((repo.root / name).exists() for name in (path, f"{path}.weft"))


def head(repo: Lineage) -> str:
    return repo.git("rev-parse", "HEAD").strip()


def false(repo: Lineage) -> set[str]:
    """The results and records of which the whole commit has a false rule that guards them."""
    # Of a commit that changes nothing, for what a commit deletes has rules of its own.
    again = repo.git("commit-tree", "-p", "HEAD", "-m", "again", "HEAD^{tree}").strip()
    found = validate_revision(str(repo.root), again)
    stages = repo.stages()
    errors = [one for one in found.violations if one.severity == "error"]
    outs = {path for stage in stages.values() for path in [*(out.path for out in stage.outs)]}
    results = {one.result for one in errors if one.result in outs}
    own = {f"lineage/{name}.yaml" for name in stages}
    broken = [stage for name, stage in stages.items() if any(one.path == record_path(name) for one in errors)]
    results |= {out.path for stage in broken if not readable(repo, stage.name) for out in stage.outs}
    return results | {one.path for one in errors if one.path in own and not one.result and not one.cause}


def readable(repo: Lineage, stage: str) -> bool:
    path = record_path(stage)
    with contextlib.suppress(OSError, WeftError):
        return bool(lineage.decode(repo.read(path), what=path))
    return False


def strictly(repo: Lineage) -> set[str]:
    """The stages for which the whole commit has a stale rule, also where an ignore covers it; but no frozen ones."""
    found = validate_revision(str(repo.root), "HEAD", strict=True)
    frozen = {name for name, stage in repo.stages().items() if stage.frozen}
    return {one.stage for one in (*found.violations, *(one.violation for one in found.ignored)) if one.stage} - frozen


def deprived(repo: Lineage) -> set[str]:
    """The stages of whose recorded inputs HEAD has not all as a file that can be read; no frozen ones."""
    there = set(repo.git("ls-tree", "-r", "-z", "--name-only", "HEAD").split("\0"))
    found = set()
    for name, stage in repo.stages().items():
        path = record_path(name)
        with contextlib.suppress(OSError, WeftError):
            record = lineage.decode(repo.read(path), what=path)
            wanted = {*record.code, *(f"{ref.path}.weft" for ref in record.deps), *filter(None, [stage.env.lockfile])}
            unread = [one.file for one in stage.params if not parses(repo, one.file)]
            found |= {name} if not stage.frozen and (unread or wanted - there) else set()
    return found


def caused(stale: Iterable[StaleStage]) -> set[str]:
    """The stages that are stale for an input of their own, and not only since they read from a stale one; no frozen ones."""
    return {one.stage for one in stale if one.causes and not one.frozen}


def parses(repo: Lineage, path: str) -> bool:
    with contextlib.suppress(OSError, WeftError):
        return bool(paramfiles.read(repo.read(path), path))
    return False


# --- everywhere, and only where validate says so ---------------------------------------------------------------------


class Edits:
    """Changes of a project that make stages stale, fresh, or neither, by a seed."""

    def __init__(self, repo: Lineage, seed: int) -> None:
        self.repo = repo
        self.random = random.Random(seed)
        self.number = 0
        self.first = head(repo)

    def some(self) -> str:
        kinds = [
            *(self.code, self.params, self.data, self.declaration, self.rerun, self.kind, self.gone, self.back),
            *(self.result, self.values),
        ]
        chosen = self.random.choices(kinds, [5, 5, 4, 5, 5, 2, 2, 2, 2, 4], k=self.random.randint(1, 2))
        return ", ".join(edit() for edit in chosen)

    def text(self) -> str:
        self.number += 1
        return str(self.number)

    def there(self, *names: str) -> str:
        found = [name for name in names if (self.repo.root / name).is_file()]
        return self.random.choice(found or ["README.md"])

    def code(self) -> str:
        name = self.there(
            "src/train.py", "src/score.py", "lib/common.py", "lib/more.py", "requirements.lock", "README.md"
        )
        self.repo.write(name, f"# {self.text()}\n")
        return f"edit {name}"

    def params(self) -> str:
        lr, epochs = self.random.choice(["0.1", "0.2", "no", "1e-1"]), self.random.choice(["3", "3.0", "4"])
        self.repo.write("params.yaml", f"train:\n  lr: {lr}\n  epochs: {epochs}\nother: {self.text()}\n")
        self.repo.write("other.toml", self.random.choice(["a = 1\n", "a = 1 # same\n", "a = 2\n", "b = 1\n", "a = ["]))
        return f"params {lr} {epochs}"

    def data(self) -> str:
        path = self.random.choice(["data/raw", "data/prepared", "models/clf.pkl"])
        self.repo.point(path, self.random.choice(["1", "2"]), **self.random.choice([{}, {}, {"size": 101}]))
        return f"point {path}"

    def declaration(self) -> str:
        old, new = self.random.choice(
            [
                ("python src/train.py", "python src/train.py --fast"),
                ("--fast", "--slow"),
                ("[train.lr, train.epochs]", "[train.lr]"),
                ("[train.lr]", "[train.lr, train.epochs]"),
                ("src/train.py]", "src/train.py, lib]"),
                ("src/prepare.py, lib]", "src/prepare.py]"),
                ("    plots: [roc.csv]\n", ""),
                ("  score:\n", "  score:\n    frozen: true\n"),
                ("    frozen: true\n", ""),
                ("  score:\n", "  grade:\n"),
                ("  grade:\n", "  score:\n"),
                ("stages:\n", "# a remark\nstages:\n"),
                ("  train:\n", "  train:\n    seed: 7\n"),
                (
                    "stages:\n",
                    "validate: {ignore: [{rule: WEFT013, path: lineage/train.yaml, reason: style}]}\nstages:\n",
                ),
            ]
        )
        text = self.repo.read("weft.yaml").decode().replace(old, new, 1)
        with contextlib.suppress(WeftError):
            stagefile.decode(text.encode(), read=self.repo.values)
            self.repo.write("weft.yaml", text)
        return f"declare {new!r}"

    def rerun(self) -> str:
        name = self.random.choice(list(self.repo.stages()))
        try:
            self.repo.record(name)
        except (WeftError, OSError) as error:
            return f"{name} cannot run: {error}"
        return f"run {name}"

    def kind(self) -> str:
        name = self.there("src/train.py", "lib/more.py")
        path = self.repo.root / name
        if self.random.random() < 0.5:
            path.chmod(path.stat().st_mode ^ 0o111)
            return f"chmod {name}"
        path.unlink()
        path.symlink_to(self.random.choice(["../README.md", "prepare.py", "/etc/hosts", "nowhere"]))
        return f"link {name}"

    def gone(self) -> str:
        code, values = (
            ("src/train.py", "lib/more.py", "requirements.lock"),
            ("params.yaml", "other.toml", "metrics.json"),
        )
        name = self.there(*code, *values, "data/raw.weft", "lineage/train.yaml", "roc.csv")
        (self.repo.root / name).unlink()
        return f"delete {name}"

    def result(self) -> str:
        name, text = self.random.choice(
            [
                ("metrics.json", '{"auc": 0.99}\n'),
                ("scores.json", '{"f1": NaN}\n'),
                ("roc.csv", "x,y\n1,1\n"),
                ("lineage/score.yaml", None),
            ]
        )
        if text is None:
            path = self.repo.root / name
            text = path.read_text().replace("author:", "author: x", 1) if path.is_file() else ""
        if text:
            self.repo.write(name, text)
        return f"lie in {name}"

    def values(self) -> str:
        old, new = self.random.choice(
            [("lr: 0.1", "lr: 0.3"), ("lr: 0.3", "lr: 0.1"), ("lr: 0.2", "lr: 0.4"), ("lr: 0.4", "lr: 0.2")]
        )
        self.repo.write("conf.yaml", self.repo.read("conf.yaml").decode().replace(old, new))
        return f"value {new}"

    def back(self) -> str:
        shutil.rmtree(self.repo.root / "lib", ignore_errors=True)
        self.repo.git("checkout", "-q", self.first, "--", ".")
        return "back"


@pytest.mark.parametrize("seed", range(3))
def test_a_stage_is_marked_exactly_where_validate_finds_it_stale_or_an_input_is_gone(repo: Lineage, seed: int) -> None:
    repo.write("conf.yaml", MODELS)
    repo.write("weft.yaml", "vars: [conf.yaml]\n" + STAGES + FITS)
    for name in repo.stages():
        repo.record(name)
    repo.commit()
    edits, start = Edits(repo, seed), str(repo.root)
    told: dict[str, tuple[set[str], str]] = {}
    lies: dict[str, set[str]] = {}
    for _ in range(20):
        did = edits.some()
        before = marked_here(discover(start))
        repo.git("add", "-A")
        repo.git("commit", "-q", "--allow-empty", "-m", "change")
        expected = strictly(repo) | deprived(repo)
        told[head(repo)] = expected, did
        for found in (before, marked_here(discover(start))):
            assert found.stale is not None
            assert caused(found.stale) == expected, did
        wrong = false(repo)
        lies[head(repo)] = wrong
        assert {one.path for one in found.wrong} <= wrong, did
        assert {one.path for one in found.wrong} >= {path for path in wrong if lies_there(repo, path)}, did
        assert {one.path for one in show(start).false} == wrong, did
        shown = {one.name: one.stale for one in show(start).stages if not one.frozen}
        assert {name for name, causes in shown.items() if causes} == expected, did
        column = compare(start, ["HEAD~1", "HEAD"]).stale[1]
        assert column is not None
        assert caused(column) == expected, did
    assert sum(bool(stages) for stages, _ in told.values()) > 5, "the edits make stages stale"
    assert sum(not stages for stages, _ in told.values()) >= 1, "and some do not"
    assert sum(map(bool, lies.values())) > 2, "some make results false"
    with open_log(start) as log:
        entries = {one.commit: one for one in collect(log, "", everything=True).commits}
    for commit, (expected, did) in told.items():
        assert {one.path for one in entries[commit].wrong} == lies[commit], did
        stale = entries[commit].stale
        assert stale is not None
        assert caused(stale) == expected, did
        # That it was remembered from another commit changes nothing.
        alone = compare(start, [commit, commit]).stale[0]
        assert stale == alone, did


# --- how it is shown -------------------------------------------------------------------------------------------------

SCORE = {"stage": "score", "causes": [], "frozen": False, "above": ["train"]}
"""What reads from `train`, as JSON tells of it where that is stale."""
LINE = "train: train.lr of params.yaml, src/train.py changed since the run"


@pytest.fixture
def late(repo: Lineage) -> Lineage:
    """A project of weft whose last commit changed a param and the code of `train` after its run."""
    weft(repo, "init")
    repo.commit()
    repo.replace("params.yaml", "lr: 0.1", "lr: 0.2")
    repo.write("src/train.py", "print('more')\n")
    repo.commit()
    return repo


def test_show_marks_results_and_takes_params_of_the_record(late: Lineage) -> None:
    found = weft(late, "show", "--json").json["data"]
    stages = {one["name"]: one for one in found["stages"]}
    assert stages["train"]["stale"] == ["train.lr of params.yaml", "src/train.py"]
    assert stages["prepare"]["stale"] == []
    assert found["stale"] == [
        {"stage": "train", "causes": stages["train"]["stale"], "frozen": False, "above": []},
        SCORE,
    ]
    assert found["stale_paths"] == ["models/clf.pkl", "metrics.json", "roc.csv", "scores.json"]
    assert found["params"]["params.yaml"]["train.lr"] == stages["train"]["params"]["params.yaml"]["train.lr"] == 0.1
    assert found["not_run"] == {"params.yaml": {"train.lr": 0.2}}
    assert stages["train"]["plots"] == {"roc.csv": late.git("rev-parse", "HEAD:roc.csv").strip()}
    text = weft(late, "show").out
    assert f"\nstale: {LINE}\n" in text
    assert "models/clf.pkl  stale\n" in text
    assert "metrics.json:auc = 0.9  stale\n" in text
    assert "scores.json:f1 = 0.5  stale\n" in text
    assert "    params.yaml:train.lr = 0.1\n" in text
    assert "plots     " in text
    assert "not right" not in text
    assert weft(late, "show", "HEAD~1").out.count("stale") == 0


def test_log_says_what_is_stale_and_which_params_no_run_had(late: Lineage) -> None:
    newest = weft(late, "log", "-n", "1", "--json").json["data"]["commits"][0]
    assert [one["stage"] for one in newest["stale"]] == ["train", "score"]
    assert [(one["new"], one["not_run"]) for one in newest["params"]] == [(0.2, ["train"])]
    text = weft(late, "log", "-n", "1").out
    assert "params.yaml:train.lr  0.1 -> 0.2  (no run of train had it yet)\n" in text
    assert f"    stale    {LINE}\n" in text
    assert f"- stale: {LINE}\n" in weft(late, "log", "-n", "1", "--format", "md").out
    assert ',stale,train,,,"train.lr of params.yaml, src/train.py",\n' in weft(late, "log", "--format", "csv").out
    assert "stale" not in weft(late, "log", "HEAD", "--", "lineage/score.yaml").out, "of others nobody asked"
    # The run that comes later is where the value was used first, whenever its file was changed.
    late.record("train")
    late.commit()
    ran = weft(late, "log", "-n", "1", "--json").json["data"]["commits"][0]
    assert (ran["stale"], [(one["key"], one["old"], one["new"], one["not_run"]) for one in ran["params"]]) == (
        [],
        [("train.lr", 0.1, 0.2, [])],
    )


def test_compare_and_diff_mark_values_and_keep_what_is_beside_apart(late: Lineage) -> None:
    found = weft(late, "compare", "HEAD~1", "HEAD", "--all", "--json").json["data"]
    rows = {(one["section"], one["key"]): one for one in found["rows"]}
    assert [[one["stage"] for one in column] for column in found["stale"]] == [[], ["train", "score"]]
    assert rows["params", "params.yaml:train.lr"]["values"] == [0.1, 0.1]
    assert rows["params", "params.yaml:train.lr (not of the run)"]["values"] == [0.1, 0.2]
    assert rows["code", "src/train.py"]["values"][0] == rows["code", "src/train.py"]["values"][1]
    assert rows["metrics", "metrics.json:auc"]["stale"] == [False, True]
    assert rows["data", "models/clf.pkl"]["stale"] == [False, True]
    assert rows["metrics", "scores.json:f1"]["stale"] == [False, True]
    shown = weft(late, "compare", "HEAD~1", "HEAD", "--all", "--format", "md")
    assert "| metrics | metrics.json:auc | 0.9 | 0.9 stale | +0 |\n" in shown.out
    assert f"stale in HEAD: {LINE}\n" in shown.err
    assert (
        "metrics,metrics.json:auc,0.9,0.9,0.0,HEAD,,\n"
        in weft(late, "compare", "HEAD~1", "HEAD", "--all", "--format", "csv").out
    )
    shown = weft(late, "diff", "HEAD~1", "HEAD")
    assert "params   params.yaml:train.lr (not of the run)  0.1 -> 0.2\n" in shown.out
    assert f"stale in HEAD: {LINE}\n" in shown.err


def test_data_of_a_result_is_that_of_its_record(repo: Lineage) -> None:
    old = repo.point("data/raw", "1").oid
    new = repo.point("data/raw", "2").oid
    repo.commit()
    rows = {one.key: one for one in compare(str(repo.root), ["HEAD~1", "HEAD"], everything=True).rows}
    assert rows["data/raw"].values == (str(old), str(old))
    assert rows["data/raw (not of the run)"].values == (str(old), str(new))
    assert (rows["data/prepared"].stale, rows["data/raw"].stale) == ((False, True), ())


def test_what_two_runs_used_is_told_of_both(repo: Lineage) -> None:
    repo.write("lib/common.py", "A = 2\n")
    repo.record("score")
    repo.commit()
    rows = {one.key: one for one in compare(str(repo.root), ["HEAD~1", "HEAD"], everything=True).rows}
    old, new = (repo.git("rev-parse", f"{rev}:lib/common.py").strip() for rev in ("HEAD~1", "HEAD"))
    assert rows["lib/common.py"].values == (old, new)
    assert rows["lib/common.py (prepare)"].values == (old, old)
    assert "lib/common.py (not of the run)" not in rows


def test_status_has_a_line_for_each_stale_stage(late: Lineage) -> None:
    found = weft(late, "status", "--json").json["data"]
    assert found["stale"] == [
        {"stage": "train", "causes": ["train.lr of params.yaml", "src/train.py"], "frozen": False, "above": []},
        SCORE,
    ]
    assert f"stale: {LINE}\n" in weft(late, "status").out
    assert "weft repro" in weft(late, "status").err
    assert "stale" not in weft(late, "status", "data/raw").out
    assert f"stale: {LINE}\n" in weft(late, "status", "models").out
    weft(late, "status", "--exit-code")
    late.write("weft.yaml", "stages: [")
    unknown = weft(late, "status", "--json").json["data"]["stale"]
    assert unknown is None
    assert "which stages are stale cannot be told" in weft(late, "status").err


@pytest.mark.parametrize(
    ("path", "stage", "cause"),
    [
        ("src/train.py", "train", "src/train.py"),
        ("data/raw.weft", "prepare", "data/raw"),
        ("params.yaml", "train", "params.yaml"),
        ("requirements.lock", "train", "requirements.lock"),
    ],
)
def test_an_input_that_was_deleted_makes_its_stage_stale(repo: Lineage, path: str, stage: str, cause: str) -> None:
    weft(repo, "init")
    repo.commit()
    repo.git("rm", "-q", path)
    expected = [{"stage": stage, "causes": [cause], "frozen": False, "above": []}]
    expected += [{**SCORE, "stage": "train", "above": ["prepare"]}] if stage == "prepare" else []
    expected.append(SCORE)
    assert weft(repo, "status", "--json").json["data"]["stale"] == expected
    repo.git("commit", "-q", "--no-verify", "-m", "deleted")
    assert weft(repo, "show", "--json").json["data"]["stale"] == expected
    assert weft(repo, "log", "-n", "1", "--all", "--json").json["data"]["commits"][0]["stale"] == expected


@pytest.mark.parametrize(
    ("deps", "cause"), [("data/raw, src/prepare.py", "its spec"), ("src/prepare.py, lib", "its deps")]
)
def test_a_dependency_that_is_declared_no_more_is_not_said_to_be_gone(repo: Lineage, deps: str, cause: str) -> None:
    repo.replace("weft.yaml", "[data/raw, src/prepare.py, lib]", f"[{deps}]")
    repo.commit()
    start = str(repo.root)
    found = marked_here(discover(start)).stale
    assert found == show(start).stale
    assert [one.causes for one in found or ()] == [(cause,), (), ()]


def test_many_stale_stages_are_folded(repo: Lineage) -> None:
    weft(repo, "init")
    for number in range(12):
        repo.write(
            "weft.yaml", repo.read("weft.yaml") + f"  s{number:02}:\n    cmd: x\n    deps: [src/score.py]\n".encode()
        )
    for name in repo.stages():
        repo.record(name)
    repo.commit()
    repo.write("src/score.py", "print(2)\n")
    lines = [line for line in weft(repo, "status").out.splitlines() if line.startswith("stale")]
    assert (len(lines), lines[-1]) == (10, "stale: 3 more stages (-v lists them)")
    assert weft(repo, "status", "-v").out.count("stale:") == 12


def test_a_partial_clone_says_that_it_cannot_tell(late: Lineage, tmp_path: Path) -> None:
    late.git("config", "uploadpack.allowFilter", "true")
    late.git("clone", "-q", "--no-checkout", "--filter=blob:none", late.root.as_uri(), str(tmp_path / "partial"))
    partial = Lineage(tmp_path / "partial")
    partial.git("remote", "set-url", "origin", str(tmp_path / "gone"))
    assert weft(partial, "show", "--json").json["data"]["stale"] is None
    assert [one["stale"] for one in weft(partial, "log", "-n", "1", "--all", "--json").json["data"]["commits"]] == [
        None
    ]
    assert weft(partial, "compare", "HEAD~1", "HEAD", "--json").json["data"]["stale"] == [None, None]
    assert "which stages are stale cannot be told from here" in weft(partial, "show").err


def test_values_that_templates_name_and_a_partial_clone_lacks_are_not_wrong(repo: Lineage, tmp_path: Path) -> None:
    repo.write("conf.yaml", MODELS)
    repo.write("weft.yaml", "vars: [conf.yaml]\n" + STAGES + FITS)
    repo.commit()
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("clone", "-q", "--no-checkout", "--filter=blob:none", repo.root.as_uri(), str(tmp_path / "partial"))
    partial = Lineage(tmp_path / "partial")
    partial.git("checkout", "-q", "HEAD", "--", "weft.yaml")
    partial.git("remote", "set-url", "origin", str(tmp_path / "gone"))
    shown = weft(partial, "show", "--json").json["data"]
    assert (shown["wrong"], shown["stale"]) == ({}, None)
    assert "params.yaml" in shown["left_out"], "the first file that templates take values from"


@pytest.mark.parametrize("name", ["params.yaml", "metrics.json"])
def test_values_of_a_file_that_was_deleted_are_gone(late: Lineage, name: str) -> None:
    key, value = ("train.lr", "0.1") if name == "params.yaml" else ("auc", "0.9")
    late.git("checkout", "-q", "HEAD~1", "--", ".")
    late.commit()
    (late.root / name).unlink()
    shown = weft(late, "diff", "HEAD", "--exit-code", code=1).out
    assert f"{name}:{key}  {value} -> -\n" in shown
    late.commit()
    assert f"{name}:{key}  {value} -> -\n" in weft(late, "diff", "HEAD~1", "HEAD", "--exit-code", code=1).out
    rows = {one.key: one.values for one in compare(str(late.root), ["HEAD~1", "HEAD"]).rows}
    assert rows[f"{name}:{key}"] == (float(value), None)
