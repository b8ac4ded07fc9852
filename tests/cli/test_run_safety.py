"""Whatever a command does, and however it ends: nothing of the user's is lost, and nothing false is recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kit import environment, pseudo_random
from stagekit import Project, clone_of, done, pipeline
from users import mounts
from weft.pipeline.plan import Reason
from weft.workflows.project import open_project
from weft.workflows.repro import repro
from weft.workflows.stage_results import Deaf, RunOptions

ONE = b"""\
stages:
  s:
    cmd: |
      echo s >> $COUNT
      %s
    deps: [data/raw.csv, prepare.sh]
    params: [train.lr]
    outs: [o]
"""


def one(tmp_path: Path, script: str) -> Project:
    return pipeline(tmp_path, text=ONE % script.encode().replace(b"\n", b"\n      "))


def rescript(repo: Project, script: str) -> None:
    repo.write({"weft.yaml": ONE % script.encode().replace(b"\n", b"\n      ")})


@pytest.mark.parametrize(
    ("script", "changed"),
    [
        ("echo 1 > o; echo more >> data/raw.csv", "data/raw.csv"),
        ("echo 1 > o; rm data/raw.csv", "data/raw.csv"),
        ("echo 1 > o; echo cat > prepare.sh", "prepare.sh"),
        ("echo 1 > o; rm prepare.sh", "prepare.sh"),
        ("echo 1 > o; echo 'train: {lr: 9}' > params.yaml", "params.yaml"),
    ],
)
def test_inputs_that_change_while_it_runs_are_named_and_recorded(tmp_path: Path, script: str, changed: str) -> None:
    repo = one(tmp_path, script)
    lr = repo.record("s").params if (repo.root / "lineage/s.yaml").exists() else None
    assert lr is None
    failed = repo.weft("run", "s", code=5)
    assert "[E_INPUT_CHANGED]" in failed.err
    assert changed in failed.err
    record = repo.record("s")
    assert record.changed == (changed,)
    assert record.params == {"params.yaml": {"train.lr": 0.1}}, "what it was when the command began"
    repo.git("checkout", "-q", ".")
    repo.weft("checkout", "--force")
    assert ("record-invalid", "s") in repo.why("s")


def test_a_touched_input_is_no_changed_one(tmp_path: Path) -> None:
    repo = one(tmp_path, "echo 1 > o; touch data/raw.csv prepare.sh params.yaml")
    repo.weft("run", "s")
    assert repo.record("s").changed == ()


def test_old_outs_come_back_when_a_failed_command_left_none(tmp_path: Path) -> None:
    repo = one(tmp_path, "mkdir o; echo good > o/f")
    repo.weft("run", "s")
    repo.commit("good")
    inode = (repo.root / "o").stat().st_ino
    rescript(repo, "[ ! -e o ] || echo it is still here; exit 1")
    failed = repo.weft("run", "s", code=6)
    assert "still here" not in failed.out, "the command starts without them"
    assert "o; weft checkout --force o" in failed.err
    assert (repo.root / "o/f").read_text() == "good\n"
    assert (repo.root / "o").stat().st_ino == inode, "moved, not copied"
    assert repo.weft("status", "--exit-code").code == 0


def test_what_a_failed_command_left_stays_and_the_old_can_be_had(tmp_path: Path) -> None:
    repo = one(tmp_path, "echo good > o")
    repo.weft("run", "s")
    repo.commit("good")
    pointer, record = (repo.root / "o.weft").read_bytes(), (repo.root / "lineage/s.yaml").read_bytes()
    rescript(repo, "echo half > o; exit 1")
    assert "not recorded: o" in repo.weft("run", "s", code=6).err
    assert (repo.root / "o").read_text() == "half\n"
    assert (repo.root / "o.weft").read_bytes() == pointer
    assert (repo.root / "lineage/s.yaml").read_bytes() == record
    repo.weft("checkout", "--force", "o")
    assert (repo.root / "o").read_text() == "good\n"


def test_outs_changed_by_hand_are_kept_before_they_are_replaced(tmp_path: Path) -> None:
    repo = one(tmp_path, "echo good > o")
    repo.write({"o": b"never added"})
    first = repo.weft("run", "s")
    oid = next(word for word in first.err.split() if word.startswith("blake3:"))
    assert repo.weft("cat", oid).out == "never added"
    repo.commit("good")
    repo.write({"o": b"edited by hand"})
    again = repo.weft("run", "--force", "s")
    oid = next(word for word in again.err.split() if word.startswith("blake3:"))
    assert repo.weft("cat", oid).out == "edited by hand"
    assert (repo.root / "o").read_text() == "good\n"
    assert "blake3:" not in repo.weft("run", "--force", "s").err, "what is recorded is not told"


def test_data_of_another_pointer_is_kept_before_it_is_replaced(tmp_path: Path) -> None:
    """After a switch of branches the workspace may hold data of another pointer, and edits of that on top."""
    repo = one(tmp_path, "echo good > o")
    repo.weft("run", "s")
    repo.commit("one")
    repo.weft("run", "s", "-S", "train.lr=0.3", "--force")
    rescript(repo, "echo better > o")
    repo.weft("run", "s")
    repo.commit("two")
    repo.git("checkout", "-q", "HEAD~1")
    repo.write({"o": b"precious edit"})
    shown = repo.weft("run", "--force", "s")
    oid = next(word for word in shown.err.split() if word.startswith("blake3:"))
    assert repo.weft("cat", oid).out == "precious edit"


def test_metrics_changed_by_hand_are_in_the_snapshot(tmp_path: Path) -> None:
    repo = done(tmp_path)
    repo.write({"metrics.json": b'{"mine": 1}'})
    repo.weft("run", "--force", "score")
    snapshot = repo.record("score").snapshot
    assert repo.git("show", f"{snapshot}:metrics.json").out == '{"mine": 1}'


def test_outs_that_persist_stay_in_place(tmp_path: Path) -> None:
    repo = pipeline(
        tmp_path, text=b"stages:\n  s: {cmd: 'echo x >> o', outs: [{o: {persist: true}}], always_changed: true}\n"
    )
    repo.weft("repro")
    repo.weft("repro")
    assert (repo.root / "o").read_text() == "x\nx\n"


# --- writing what belongs to others -----------------------------------------------------------------------------------

TWO = b"""\
stages:
  a: {cmd: 'echo 1 > a; echo {} > a.json', outs: [a], metrics: [a.json]}
  b: {cmd: 'echo b >> $COUNT; %s; echo 2 > b', outs: [b]}
"""


@pytest.mark.parametrize("write", ["echo spoiled > a", "rm a", "echo 2 > a.json", "rm a.json"])
def test_writing_an_out_of_another_stage_is_refused(tmp_path: Path, write: str) -> None:
    repo = pipeline(tmp_path, text=TWO % write.encode())
    repo.weft("repro", "a")
    repo.commit("a")
    failed = repo.weft("run", "b", code=6)
    assert "[E_RUN]" in failed.err
    assert "stage a" in failed.err
    assert not (repo.root / "b.weft").exists()
    assert not (repo.root / "lineage/b.yaml").exists()
    assert (repo.root / "b").read_text() == "2\n"


def test_other_strange_writes_are_named(tmp_path: Path) -> None:
    write = b"echo 1 > stray.txt; echo 1 >> prepare.sh; echo 1 >> data/raw.csv; echo 1 > ignored.log"
    repo = pipeline(tmp_path, text=TWO % write)
    repo.write({".gitignore": b"*.log\n", "edited.txt": b"before"})
    warned = repo.weft("run", "b")
    for name in ("stray.txt", "prepare.sh", "data/raw.csv"):
        assert name in warned.err
    for name in ("ignored.log", "edited.txt"):
        assert name not in warned.err.partition("warning:")[2]
    assert "declare them as outs" in warned.err
    assert (repo.root / "b.weft").exists()


def test_stages_that_run_at_the_same_time_are_not_blamed_for_each_other(tmp_path: Path) -> None:
    text = (
        b"stages:\n  a: {cmd: 'while [ ! -e ../b.done ]; do sleep 0.05; done; echo 1 > a; echo {} > a.json', outs: [a],"
        b" metrics: [a.json]}\n  b: {cmd: 'echo 2 > b; echo {} > b.json; touch ../b.done', outs: [b], metrics: [b.json]}\n"
    )
    repo = pipeline(tmp_path, text=text)
    ran = repo.weft("repro", "-j", "2")
    assert "warning" not in ran.err
    repo.commit("both")
    (tmp_path / "b.done").unlink()
    ran = repo.weft("repro", "-j", "2", "--force")
    assert "warning" not in ran.err


# --- being stopped ----------------------------------------------------------------------------------------------------

SLOW = "echo $$ > ../pid; echo half > o; echo on > ../on; while :; do sleep 0.2; done"


def _begin(repo: Project, *args: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "weft", *args],
        cwd=repo.root,
        env=environment({"COUNT": str(repo.counter)}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not (repo.root.parent / "on").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    return process


def test_a_stage_is_named_before_its_command_says_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a quick command prints above its own name, and whoever interrupts it reads of a stage that was never named."""
    repo = one(tmp_path, "echo good > o; echo on > ../on")
    monkeypatch.setenv("COUNT", str(repo.counter))
    heard: list[tuple[str, bool]] = []

    class Slow(Deaf):
        def starting(self, stage: str, cmd: str, reasons: tuple[Reason, ...]) -> None:
            time.sleep(0.5)
            heard.append((stage, (tmp_path / "on").exists()))

    with open_project(str(repo.root)) as project:
        repro(project, ("s",), RunOptions(listener=Slow()))
    assert heard == [("s", False)]
    assert (tmp_path / "on").exists()


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("deaf", ["", "trap '' INT; "])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_command_and_all_it_started(tmp_path: Path, number: signal.Signals, deaf: str) -> None:
    repo = one(tmp_path, "echo good > o")
    repo.weft("run", "s")
    repo.commit("good")
    rescript(repo, deaf + SLOW)
    process = _begin(repo, "run", "s")
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 2.5
    assert process.returncode == 130
    assert err.startswith(b"running s: ")
    assert b"\ninterrupted: stage s was interrupted; left as they are, and not recorded: o" in err
    assert b"nothing half-written" not in err
    assert _is_gone(int((tmp_path / "pid").read_text()))
    assert repo.git("diff", "--name-only").out.split() == ["weft.yaml"]
    rescript(repo, "echo good > o")
    repo.weft("repro", "--force")
    assert repo.weft("status", "--exit-code").code == 0


def test_a_killed_weft_leaves_nothing_that_the_next_run_does_not_mend(tmp_path: Path) -> None:
    repo = one(tmp_path, "echo good > o")
    repo.weft("run", "s")
    repo.commit("good")
    rescript(repo, SLOW.replace("echo half > o; ", ""))
    process = _begin(repo, "run", "s")
    assert not (repo.root / "o").exists()
    process.kill()
    os.killpg(int((tmp_path / "pid").read_text()), signal.SIGKILL)  # nobody can do that for a killed weft
    process.communicate()
    rescript(repo, "exit 1")
    repo.weft("run", "s", code=6)
    assert (repo.root / "o").read_text() == "good\n", "the next run found it aside and put it back"
    repo.git("checkout", "-q", "weft.yaml")
    assert set(repo.actions().values()) == {"up-to-date"}
    assert not list((repo.root / ".git/weft/stages").glob("*.aside"))


# --- no room ----------------------------------------------------------------------------------------------------------


def test_a_store_that_cannot_take_the_outs_records_nothing(tmp_path: Path) -> None:
    repo = one(tmp_path, "mkdir o; for i in 1 2 3 4; do cp ../noise$i o/$i; done")
    for number in range(1, 5):
        (tmp_path / f"noise{number}").write_bytes(pseudo_random(40_000, number))
    limited = f"ulimit -f 100; exec {sys.executable} -m weft run s"
    failed = repo.run("sh", "-c", limited, code=6, env={"COUNT": str(repo.counter)})
    assert "File too large" in failed.err
    assert "not recorded: o" in failed.err
    assert not (repo.root / "o.weft").exists()
    assert not (repo.root / "lineage").exists()
    repo.weft("run", "s")
    assert repo.weft("status", "--exit-code").code == 0


def test_a_full_disk_is_named_and_outs_on_another_file_system_are_moved_within_it(tmp_path: Path) -> None:
    text = b"stages:\n  s: {cmd: 'ls -A big; head -c $SIZE /dev/zero > big/o', outs: [big/o]}\n"
    repo = pipeline(tmp_path, text=text)
    (repo.root / "big").mkdir()
    weft = f"{sys.executable} -m weft run s --force"
    script = f"mount -t tmpfs -o size=1m tmpfs big; cd .; SIZE=1000 {weft} && SIZE=1001 {weft} && SIZE=9000000 {weft}"
    done_ = repo.run(*mounts(), "sh", "-c", script, code=6, env={"COUNT": str(repo.counter)})
    assert "s: ran" in done_.out
    assert "the disk is full" in done_.err
    assert "\no\n" not in done_.out.replace("o.weft", ""), "the old out was out of the way"


def test_a_shallow_clone_runs_and_finds_what_it_has(tmp_path: Path) -> None:
    repo = done(tmp_path)
    for value in ("0.2", "0.3"):
        repo.weft("repro", "-S", f"train.lr={value}")
        repo.commit(value)
    clone = clone_of(repo, tmp_path / "shallow", "--depth", "1")
    clone.write({"data/raw.csv": (repo.root / "data/raw.csv").read_bytes()})
    clone.weft("add", "data/raw.csv")
    clone.ran()
    assert clone.actions("--force", "train") == {"prepare": "ran", "train": "ran"}
    assert set(clone.actions("train").values()) == {"up-to-date"}
