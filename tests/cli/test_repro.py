"""`weft repro`: what is stale runs, in order, and only that."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit import environment
from stagekit import FIGURE, Project, clone_of, done, empty, forged, pipeline, runs


def test_all_run_once_in_order_and_then_nothing_does(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    assert repo.actions() == {"prepare": "ran", "train": "ran", "score": "ran"}
    assert repo.ran() == ["prepare", "train", "score"]
    assert repo.unstaged() == [], "pointers, records, ignore rules and metrics are staged"
    assert runs(repo) == [], "all was committed when it began"
    assert not any(repo.record(name).dirty for name in ("prepare", "train", "score"))
    assert repo.actions() == {"prepare": "up-to-date", "train": "up-to-date", "score": "up-to-date"}
    assert repo.ran() == []


def test_a_record_names_everything_by_what_it_is(tmp_path: Path) -> None:
    repo = done(tmp_path)
    head = repo.git("rev-parse", "HEAD~1").out.strip()
    prepare, train, score = (repo.record(name) for name in ("prepare", "train", "score"))
    assert prepare.code == {"prepare.sh": repo.git("rev-parse", "HEAD:prepare.sh").out.strip()}
    assert prepare.base == train.base == head
    assert [(ref.path, ref.type, ref.stage) for ref in prepare.deps] == [("data/raw.csv", "file", "")]
    assert [(ref.path, ref.stage) for ref in train.deps] == [("data/prepared.csv", "prepare")]
    assert train.deps[0].oid == prepare.outs[0].oid
    assert f"oid: {prepare.outs[0].oid}" in (repo.root / "data/prepared.csv.weft").read_text()
    assert train.params == {"params.yaml": {"train.lr": 0.1}}
    assert score.metrics == {"metrics.json": {"size": 61, "deep.x": 0.5}}
    assert score.files == {"metrics.json": repo.git("rev-parse", "HEAD:metrics.json").out.strip()}
    assert score.author == "Test <test@example.invalid>"
    assert score.run is not None
    assert score.run.exit == 0
    assert score.run.resources["max_rss"] > 0
    for name in ("prepare", "train", "score"):
        text = (repo.root / f"lineage/{name}.yaml").read_text()
        for private in (str(tmp_path), os.uname().nodename, os.path.expanduser("~") + "/"):
            assert private not in text


CHANGES = {
    "code": ({"prepare.sh": b"tr a-z A-Z | sed s/A/Z/\n"}, (), ("code-changed", "prepare.sh"), "prepare"),
    "param": ({"params.yaml": b"train: {lr: 0.2}\n"}, (), ("param-changed", "params.yaml:train.lr"), "train"),
    "data": ({"data/raw.csv": b"other\n"}, ("add", "data/raw.csv"), ("dep-changed", "data/raw.csv"), "prepare"),
    "metrics": ({"metrics.json": b"{}"}, (), ("out-changed", "metrics.json"), "score"),
    "out": ({"model/weights": b"mine"}, (), ("out-changed", "model"), "train"),
    "pointer": ({"model/weights": b"mine"}, ("add", "model"), ("out-changed", "model"), "train"),
    "record": ({"lineage/train.yaml": b"stage: train\n"}, (), ("record-invalid", "train"), "train"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_changed_is_told_and_runs_with_what_follows(tmp_path: Path, case: str) -> None:
    files, also, reason, stage = CHANGES[case]
    repo = done(tmp_path)
    repo.write(files)
    if also:
        repo.weft(*also)
    before = repo.git("status", "--porcelain").out
    assert reason in repo.why(stage)
    assert repo.ran() == [], "a dry run runs nothing"
    assert repo.git("status", "--porcelain").out == before
    assert repo.weft("repro", "-n", "--exit-code", code=1).code == 1
    repo.weft("repro", "--force") if case in ("metrics", "out", "pointer", "record") else repo.weft("repro")
    assert stage in repo.ran()
    assert set(repo.actions().values()) == {"up-to-date"}


def test_what_differs_in_no_input_is_no_reason(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.write({"params.yaml": b"train:\n  lr: 0.1\n  other: 2\n", "README": b"text"})
    text = (repo.root / "weft.yaml").read_bytes()
    repo.write({"weft.yaml": text.replace(b"    params: [train.lr]", b"    params: [train.lr]\n    desc: Trains.")})
    os.utime(repo.root / "prepare.sh")
    assert set(repo.actions().values()) <= {"up-to-date", "refreshed"}
    assert repo.ran() == []


def test_an_old_commit_is_up_to_date_and_so_is_a_fresh_clone_without_data(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.git("tag", "old")
    repo.write({"params.yaml": b"train: {lr: 0.5}\n"})
    repo.weft("repro")
    repo.commit("new")
    repo.ran()
    repo.git("checkout", "-q", "old")
    assert set(repo.actions("-n").values()) == {"up-to-date"}, "even before the data is checked out"
    repo.weft("checkout")
    assert set(repo.actions().values()) == {"up-to-date"}
    for name, options in (("clone", ()), ("shallow", ("--depth", "1"))):
        clone = clone_of(repo, tmp_path / name, *options)
        assert set(clone.actions().values()) == {"up-to-date"}
        assert not (clone.root / "model").exists()
        assert clone.unstaged() == []
    assert repo.ran() == []


def test_a_clone_pulls_what_a_stale_stage_reads(tmp_path: Path) -> None:
    repo = done(tmp_path, remote=True)
    repo.weft("push")
    clone = clone_of(repo, tmp_path / "clone")
    clone.write({"params.yaml": b"train: {lr: 0.7}\n"})
    failed = clone.weft("repro", code=3)
    assert "E_DEP" in failed.err
    assert "weft pull data/prepared.csv" in failed.err
    assert clone.ran() == []
    assert clone.actions("--pull") == {"prepare": "up-to-date", "train": "ran", "score": "ran"}
    assert not (clone.root / "data/raw.csv").exists(), "what no stale stage reads stays where it is"


def test_outs_that_were_deleted_are_put_back_without_running(tmp_path: Path) -> None:
    repo = done(tmp_path)
    (repo.root / "model/weights").unlink()
    (repo.root / "model").rmdir()
    (repo.root / "metrics.json").unlink()
    assert repo.why("train") == [("out-deleted", "model")]
    assert repo.actions() == {"prepare": "up-to-date", "train": "restored", "score": "restored"}
    assert repo.ran() == []
    assert (repo.root / "model/weights").exists()
    assert repo.git("status", "--porcelain").out == ""


def test_going_back_takes_the_outs_of_the_earlier_run(tmp_path: Path) -> None:
    repo = done(tmp_path)
    first = repo.record("train")
    weights = (repo.root / "model/weights").read_bytes()
    repo.weft("repro", "-S", "train.lr=0.9")
    assert b"lr: 0.9  # small" in (repo.root / "params.yaml").read_bytes()
    assert repo.ran() == ["train", "score"]
    repo.commit("0.9")
    assert repo.actions("-S", "train.lr=0.1") == {"prepare": "up-to-date", "train": "reused", "score": "reused"}
    assert repo.ran() == []
    assert (repo.root / "model/weights").read_bytes() == weights
    assert first.run is not None
    assert repo.record("train").reused_run == first.run.id
    assert repo.record("train").outs == first.outs
    assert repo.unstaged() == []
    assert set(repo.actions().values()) == {"up-to-date"}
    repo.weft("repro", "--force", "train")
    assert repo.ran() == ["prepare", "train"], "force takes nothing from earlier runs"


def test_runs_that_were_never_committed_are_found_in_their_snapshots(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.weft("repro", "-S", "train.lr=0.2")
    repo.weft("repro", "-S", "train.lr=0.3")
    repo.ran()
    repo.git("reset", "-q", "--hard")
    repo.weft("checkout", "--force")
    assert repo.actions("-S", "train.lr=0.2")["train"] == "reused"
    assert repo.ran() == []


def test_a_run_on_a_branch_that_was_merged_away_is_found(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.git("checkout", "-q", "-b", "side")
    repo.weft("repro", "-S", "train.lr=0.2")
    repo.commit("side")
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "-s", "ours", "-m", "not theirs", "side")
    repo.git("branch", "-q", "-D", "side")
    for ref in runs(repo):
        repo.git("update-ref", "-d", ref)
    repo.weft("checkout", "--force")
    repo.ran()
    assert repo.actions("-S", "train.lr=0.2")["train"] == "reused"


def test_a_record_that_was_only_fetched_stands_in_for_no_run(tmp_path: Path) -> None:
    repo = forged(tmp_path)
    assert repo.actions("-S", "train.lr=0.2") == {"score": "ran"}
    assert repo.ran() == ["score"]
    assert "other: 1" in (repo.root / "metrics.yaml").read_text()
    repo.git("reset", "-q", "--hard")
    repo.weft("config", "set", "--private", "reuse.from", "origin/stranger, no/such")
    (repo.root / ".git/weft/own-runs").unlink()
    said = repo.weft("repro", "-S", "train.lr=0.2")
    assert "by Mallory <mallory@example.invalid>, from commit " in said.out
    assert "no/such" in said.err
    reused, record = repo.record("score").reused, repo.record("score")
    assert reused is not None
    assert reused.author == "Mallory <mallory@example.invalid>"
    assert reused.commit == repo.git("rev-parse", "stranger").out.strip()
    assert record.author == "Test <test@example.invalid>"
    repo.git("reset", "-q", "--hard")
    assert repo.actions("--no-reuse", "-S", "train.lr=0.2") == {"score": "ran"}
    assert repo.ran() == ["score"]


def test_taking_a_run_of_others_does_not_make_it_our_own(tmp_path: Path) -> None:
    repo = forged(tmp_path)
    (repo.root / ".git/weft/own-runs").unlink()
    repo.git("checkout", "-q", "-b", "review", "stranger~1")
    repo.git("merge", "-q", "stranger")
    repo.write({"params.yaml": b"train: {lr: 0.1}\n", "weft.yaml": FIGURE + b"    desc: more words\n"})
    repo.weft("repro", "--force")
    repo.commit("looked at it")
    own = (repo.root / ".git/weft/own-runs").read_text()
    assert repo.actions("-S", "train.lr=0.2") == {"score": "reused"}
    repo.commit("taken from the stranger")
    repo.ran()
    repo.git("checkout", "-q", "main")
    assert (repo.root / ".git/weft/own-runs").read_text() == own
    assert repo.actions("-S", "train.lr=0.2") == {"score": "ran"}


def test_a_run_of_this_clone_on_a_branch_is_found_from_another(tmp_path: Path) -> None:
    repo = done(tmp_path, text=FIGURE)
    repo.git("checkout", "-q", "-b", "side")
    repo.weft("repro", "-S", "train.lr=0.2")
    repo.commit("side")
    repo.git("checkout", "-q", "main")
    assert repo.actions("-S", "train.lr=0.2") == {"score": "reused"}


def test_no_outs_are_reused_that_are_not_here_or_of_another_command(tmp_path: Path) -> None:
    repo = done(tmp_path, remote=True)
    repo.weft("push")
    repo.weft("repro", "-S", "train.lr=0.2")
    repo.commit("0.2")
    repo.weft("push")
    repo.ran()
    clone = clone_of(repo, tmp_path / "clone")
    clone.weft("pull", "data")
    assert clone.actions("train", "-S", "train.lr=0.1")["train"] == "ran", "the outs of then were never fetched"
    clone.git("checkout", "-q", ".")
    other = clone_of(repo, tmp_path / "other")
    assert other.actions("--pull", "train", "-S", "train.lr=0.1")["train"] == "reused"
    text = (other.root / "weft.yaml").read_bytes()
    other.write(
        {"weft.yaml": text.replace(b"mkdir model &&", b"mkdir -p model &&"), "params.yaml": b"train: {lr: 0.2}"}
    )
    assert other.actions("--pull", "train")["train"] == "ran"


# --- bad pipelines ----------------------------------------------------------------------------------------------------


BAD = {
    "cycle": (b"stages:\n  a: {cmd: x, deps: [o2], outs: [o1]}\n  b: {cmd: x, deps: [o1], outs: [o2]}\n", "E_GRAPH"),
    "two producers": (b"stages:\n  a: {cmd: x, outs: [o]}\n  b: {cmd: x, outs: [o]}\n", "E_GRAPH"),
    "overlap": (b"stages:\n  a: {cmd: x, outs: [o]}\n  b: {cmd: x, outs: [o/p]}\n", "E_GRAPH"),
    "missing dep": (b"stages:\n  a: {cmd: x, deps: [none], outs: [o]}\n", "E_DEP"),
    "missing lock file": (b"stages:\n  a: {cmd: x, outs: [o], env: {lockfile: none.lock}}\n", "E_DEP"),
    "missing params": (b"stages:\n  a: {cmd: x, params: [{none.yaml: [k]}], outs: [o]}\n", "E_VALUES"),
    "missing key": (b"stages:\n  a: {cmd: x, params: [train.none], outs: [o]}\n", "E_VALUES"),
    "no mapping": (b"stages:\n  a: {cmd: x, params: [{list.yaml: [k]}], outs: [o]}\n", "E_VALUES"),
    "no directory": (b"stages:\n  a: {cmd: x, wdir: none, outs: [o]}\n", "E_STAGE"),
    "secret": (b"stages:\n  a: {cmd: x, outs: [o], env: {vars: [MY_TOKEN]}}\n", "E_SECRET"),
    "in Git": (b"stages:\n  a: {cmd: x, outs: [prepare.sh]}\n", "E_TRACKED_BY_GIT"),
    "ignored": (b"stages:\n  a: {cmd: x, metrics: [ignored.json]}\n", "E_STAGE"),
    "inside data": (b"stages:\n  a: {cmd: x, outs: [tracked/part]}\n", "E_PATH_OVERLAP"),
    "around data": (b"stages:\n  a: {cmd: x, outs: [data]}\n", "E_PATH_OVERLAP"),
    "neither keeps it": (b"stages:\n  a: {cmd: x, deps: [ignored.json], outs: [o]}\n", "E_DEP"),
    "no stage": (b"stages: {}\n", "E_NO_STAGE"),
    "not yaml": (b"stages: [\n", "E_SCHEMA"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_pipeline_is_refused_before_anything_runs(tmp_path: Path, case: str) -> None:
    text, code = BAD[case]
    repo = pipeline(tmp_path)
    repo.write({"list.yaml": b"[1]\n", ".gitignore": b"/ignored.json\n", "ignored.json": b"{}", "tracked/f": b"1"})
    repo.weft("add", "tracked")
    repo.write({"weft.yaml": text.replace(b"cmd: x", b"cmd: echo ran >> $COUNT")})
    before = repo.git("status", "--porcelain", "-uall").out
    refused = repo.weft("repro", "a", code=3)
    assert f"[{code}]" in refused.err
    assert "hint:" in refused.err
    assert repo.ran() == []
    assert repo.git("status", "--porcelain", "-uall").out == before


def test_without_a_stage_file(tmp_path: Path) -> None:
    refused = empty(tmp_path).weft("repro", code=3)
    assert "weft run -n" in refused.err


def test_changed_data_that_was_not_added_is_refused(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.write({"data/raw.csv": b"changed"})
    refused = repo.weft("repro", code=3)
    assert "E_STALE" in refused.err
    assert "weft add data/raw.csv" in refused.err
    assert repo.ran() == []
    assert next(stage["code"] for stage in repo.stages("-n", code=3)) == "E_STALE"


# --- several at once --------------------------------------------------------------------------------------------------

WAITING = b"""\
stages:
  a: {cmd: 'touch ../a.here; while [ ! -e ../b.here ]; do sleep 0.05; done; echo a > a', outs: [a]}
  b: {cmd: 'touch ../b.here; while [ ! -e ../a.here ]; do sleep 0.05; done; echo b > b', outs: [b]}
  c: {cmd: cat a b > c, deps: [a, b], outs: [c]}
"""


def test_independent_stages_run_at_the_same_time_and_others_wait(tmp_path: Path) -> None:
    repo = pipeline(tmp_path, text=WAITING)
    assert repo.actions("-j", "2") == {"a": "ran", "b": "ran", "c": "ran"}
    assert (repo.root / "c").read_text() == "a\nb\n"
    assert repo.unstaged() == []
    assert set(repo.actions().values()) == {"up-to-date"}


def _start(repo: Project, *args: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "weft", *args],
        cwd=repo.root,
        env=environment({"COUNT": str(repo.counter)}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_two_processes_wait_for_each_other_and_say_for_whom(tmp_path: Path) -> None:
    text = (
        b"stages:\n  slow:\n    outs: [o]\n    cmd: echo slow >> $COUNT; touch ../on; while [ ! -e ../go ];"
        b" do sleep 0.05; done; echo 1 > o\n"
    )
    repo = pipeline(tmp_path, text=text)
    first = _start(repo, "repro")
    while not (tmp_path / "on").exists():
        time.sleep(0.02)
    second = _start(repo, "repro")
    assert second.stderr is not None
    said = second.stderr.readline().decode()
    assert f"process {first.pid}" in said
    assert "slow" in said
    (tmp_path / "go").touch()
    for process in (first, second):
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert repo.ran() == ["slow"], "the second one found it done"


FAILING = b"""\
stages:
  bad: {cmd: 'echo bad >> $COUNT; exit 7', outs: [bad]}
  after: {cmd: 'echo after >> $COUNT; cp bad after', deps: [bad], outs: [after]}
  other: {cmd: 'echo other >> $COUNT; echo 1 > other', outs: [other]}
"""


def test_after_a_failure_nothing_else_starts(tmp_path: Path) -> None:
    repo = pipeline(tmp_path, text=FAILING)
    failed = repo.weft("repro", code=6)
    assert "ended with status 7" in failed.err
    assert "[E_RUN]" in failed.err
    assert repo.ran() == ["bad"]
    assert not (repo.root / "lineage").exists()


def test_keep_going_runs_what_does_not_depend_on_it(tmp_path: Path) -> None:
    repo = pipeline(tmp_path, text=FAILING)
    assert repo.actions("-k", code=6) == {"bad": "failed", "after": "skipped", "other": "ran"}
    assert repo.ran() == ["bad", "other"]
    assert sorted(path.name for path in (repo.root / "lineage").iterdir()) == ["other.yaml"]


def test_downstream_runs_a_stage_and_what_follows_and_nothing_above(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.write({"prepare.sh": b"tr a-z A-Z | sed s/A/Z/\n", "params.yaml": b"train: {lr: 0.2}\n"})
    assert repo.actions("--downstream", "train") == {"train": "ran", "score": "ran"}
    assert repo.ran() == ["train", "score"]
    assert repo.actions("-n")["prepare"] == "stale"
    assert "weft repro --downstream STAGE" in repo.weft("repro", "--downstream", code=2).err


def test_a_pattern_names_stages(tmp_path: Path) -> None:
    repo = done(tmp_path)
    assert set(repo.actions("-n", "pre*")) == {"prepare"}
    assert set(repo.actions("-n", "--downstream", "t*")) == {"train", "score"}
    assert "there is no stage 'q*'" in repo.weft("repro", "q*", code=3).err


def test_frozen_and_always(tmp_path: Path) -> None:
    text = (
        b"stages:\n  f: {cmd: 'echo f >> $COUNT; echo 1 > f', outs: [f], frozen: true}\n"
        b"  a: {cmd: 'echo a >> $COUNT; echo 1 > a', outs: [a], always_changed: true}\n"
    )
    repo = pipeline(tmp_path, text=text)
    assert repo.actions() == {"f": "frozen", "a": "ran"}
    assert repo.actions() == {"f": "frozen", "a": "ran"}
    repo.ran()
    repo.weft("run", "f")
    assert repo.ran() == ["f"], "who names it means it"


def test_foreach_stages_by_their_common_name(tmp_path: Path) -> None:
    text = (
        b"stages:\n  one:\n    foreach: [x, y]\n    do:\n      cmd: echo ${item} > ${item}.txt; echo ${item} >> $COUNT\n"
        b"      outs: ['${item}.txt']\n  two: {cmd: 'echo two >> $COUNT; echo 1 > two', outs: [two]}\n"
    )
    repo = pipeline(tmp_path, text=text)
    assert repo.actions("one") == {"one@x": "ran", "one@y": "ran"}
    assert sorted(repo.ran()) == ["x", "y"]
    assert (repo.root / "lineage/one@x.yaml").exists()


def test_a_part_of_a_tracked_directory_is_a_dependency(tmp_path: Path) -> None:
    text = b"stages:\n  s: {cmd: 'echo s >> $COUNT; cat tree/a/f > o', deps: [tree/a], outs: [o]}\n"
    repo = pipeline(tmp_path, text=text)
    repo.write({"tree/a/f": b"1", "tree/b/f": b"1"})
    repo.weft("add", "tree")
    repo.commit("tree")
    repo.weft("repro")
    repo.commit("s")
    (ref,) = repo.record("s").deps
    assert (ref.path, ref.inside, ref.type, ref.files) == ("tree/a", "tree", "dir", 1)
    clone = clone_of(repo, tmp_path / "clone")
    assert clone.actions() == {"s": "up-to-date"}, "the commit itself proves it, with no data here"
    repo.ran()
    repo.write({"tree/b/f": b"2"})
    assert repo.actions() == {"s": "up-to-date"}, "another part may change"
    repo.weft("add", "tree")
    assert repo.actions() == {"s": "refreshed"}, "the record tells of the whole"
    assert repo.actions() == {"s": "up-to-date"}
    repo.write({"tree/a/f": b"2"})
    assert "E_STALE" in repo.weft("repro", code=3).err
    repo.weft("add", "tree")
    assert repo.why("s") == [("dep-changed", "tree/a")]
    assert repo.actions() == {"s": "ran"}


def test_a_directory_of_code_is_known_by_its_files(tmp_path: Path) -> None:
    cmd = b"mkdir -p src/__pycache__; echo x > src/__pycache__/x.pyc; echo 1 > o"
    text = b"stages:\n  s: {cmd: '" + cmd + b"', deps: [src], outs: [o]}\n"
    repo = pipeline(tmp_path, text=text)
    repo.write({"src/a.py": b"1", "src/sub/b.py": b"1", "src/.gitignore": b"*.log\n", "src/x.log": b"1"})
    repo.commit("src")
    repo.weft("repro")
    assert set(repo.record("s").code) == {"src/a.py", "src/sub/b.py"}
    repo.write({"src/new.py": b"1"})
    assert repo.why("s") == [("code-changed", "src/new.py")]
    (repo.root / "src/new.py").unlink()
    (repo.root / "src/a.py").unlink()
    assert repo.why("s") == [("code-changed", "src/a.py")]


@pytest.mark.parametrize("place", ["unborn", "detached", "linked"])
def test_wherever_head_is(tmp_path: Path, place: str) -> None:
    repo = pipeline(tmp_path)
    if place == "unborn":
        repo.git("checkout", "-q", "--orphan", "fresh")
    elif place == "detached":
        repo.git("checkout", "-q", "--detach")
    else:
        repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
        repo = Project(tmp_path / "linked")
        repo.weft("checkout")
    repo.weft("repro")
    record = repo.record("train")
    assert (record.base == "") == (place == "unborn")
    assert record.dirty == (place == "unborn")
    repo.commit("results")
    assert set(repo.actions().values()) == {"up-to-date"}
    repo.git("status")


def test_nothing_is_staged_where_that_is_switched_off(tmp_path: Path) -> None:
    repo = pipeline(tmp_path)
    repo.weft("config", "set", "--private", "stage", "false")
    repo.weft("repro")
    assert "?? lineage/train.yaml" in repo.git("status", "--porcelain", "-uall").out
    assert set(repo.actions().values()) == {"up-to-date"}
