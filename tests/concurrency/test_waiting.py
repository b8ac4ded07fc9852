"""A command that meets another one: it waits, says for whom, and goes on or gives up with an error of its own (I9, I10).

The holder is a real command that is stopped by a signal in the middle of its work.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kit import Repo, environment, pseudo_random
from weft.errors import ExitCode, LockTimeout
from weft.objects.catalog_db import Database
from weft.util.locks import FileLock
from weft.workflows.project import alone, open_project


def start(repo: Repo, *words: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    argv = [sys.executable, "-m", "weft", *words]
    return subprocess.Popen(argv, cwd=repo.root, env=environment(), stdout=pipe, stderr=pipe)


def finished(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, err = process.communicate(timeout=200)
    return process.returncode, err.decode()


def until_stopped(pid: int) -> None:
    end = time.monotonic() + 100
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def stopped(repo: Repo, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that is stopped while it holds the lock of the work tree, until the block ends."""
    process = start(repo, *words)
    try:
        end = time.monotonic() + 100
        while not (notes := list((repo.root / ".git/weft").glob("tree-*.lock"))) or not _held_by(notes[0], process.pid):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
        os.kill(process.pid, signal.SIGSTOP)
        until_stopped(process.pid)
        assert _held_by(notes[0], process.pid), "it went on too fast to be stopped in time"
        yield process
    finally:
        process.send_signal(signal.SIGCONT)


def _held_by(lock: Path, pid: int) -> bool:
    if not lock.read_bytes().startswith(b"%d " % pid):
        return False
    return any(os.path.realpath(f"/proc/{pid}/fd/{name}") == str(lock) for name in os.listdir(f"/proc/{pid}/fd"))


@pytest.fixture
def busy(tmp_path: Path) -> Repo:
    """A repository with so much to add that a process can be stopped in the middle of it."""
    repo = Repo.make(tmp_path / "repo")
    repo.write({f"big/{n}": pseudo_random(2_000_000, n) for n in range(40)})
    repo.write({"small": b"small"})
    return repo


def test_it_waits_for_a_stopped_one_and_goes_on(busy: Repo) -> None:
    with stopped(busy, "add", "big") as holder:
        other = start(busy, "add", "small")
        assert other.stderr is not None
        said = other.stderr.readline().decode()
        assert f"waiting for process {holder.pid} (weft add) to finish" in said
        busy.weft("status")  # to look needs no lock
        assert other.poll() is None
    assert finished(holder)[0] == 0
    assert finished(other)[0] == 0
    assert {path.name for path in busy.root.glob("?*.weft")} == {"big.weft", "small.weft"}
    busy.weft("verify", "--full")


def test_it_gives_up_with_the_name_of_the_holder(busy: Repo) -> None:
    with stopped(busy, "add", "big") as holder, open_project(str(busy.root)) as project:
        with pytest.raises(LockTimeout) as caught:
            alone(project, "weft rm", timeout=0.1).__enter__()
        assert f"process {holder.pid} (weft add)" in caught.value.message
        assert (caught.value.code, caught.value.exit_code) == ("E_LOCKED", ExitCode.CONCURRENCY)
        assert caught.value.hint
    assert finished(holder)[0] == 0


def test_a_killed_holder_is_in_nobodys_way(busy: Repo) -> None:
    with stopped(busy, "add", "big") as holder:
        holder.kill()
        holder.communicate()
        busy.weft("add", "small")
    busy.weft("add", "big")
    busy.weft("verify", "--full")


def test_gits_own_lock_is_waited_for_and_named(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/a": b"a"})
    lock = repo.root / ".git/index.lock"
    lock.touch()
    ran = repo.weft("add", "data", code=5)
    assert "[E_LOCKED]" in ran.err
    assert "index" in ran.err
    lock.unlink()
    repo.weft("add", "data")
    assert "A  data.weft" in repo.git("status", "--porcelain").out


def test_a_busy_catalog_is_waited_for(tmp_path: Path) -> None:
    """SQLite's own lock: another process is in the middle of a transaction."""
    repo = Repo.make(tmp_path / "repo")
    repo.write({"data/a": b"a"})
    with Database.open(str(repo.root / ".git/weft/catalog.sqlite")) as base, base.transaction():
        process = start(repo, "add", "data")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
    code, err = finished(process)
    assert code == 0
    assert "locked" not in err
    repo.weft("verify", "--full")


def test_many_that_find_no_catalog_make_one(tmp_path: Path) -> None:
    repo = Repo.make(tmp_path / "repo")
    repo.write({f"data/{n}": pseudo_random(1000, n) for n in range(30)})
    repo.weft("add", "data")
    for _round in range(3):
        for path in (repo.root / ".git/weft").glob("catalog.sqlite*"):
            path.unlink()
        # All at once: each is let go only when it has been started.
        with FileLock(str(repo.root / ".git/weft/catalog.sqlite.lock"), purpose="the test"):
            running = [start(repo, "status") for _ in range(8)]
            time.sleep(0.5)
        ends = [finished(process) for process in running]
        assert [code for code, _ in ends] == [0] * 8, ends
        assert not list((repo.root / ".git/weft").glob("*.damaged*"))
    repo.weft("verify", "--full")
