"""Locks exclude other processes, name their holder, and die with it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time

import pytest

from weft.errors import EnvironmentFault, LockTimeout, SymlinkRefused
from weft.util.locks import PATIENCE, FileLock
from weft.util.progress import SilentProgress

HOLDER = """
import sys
from weft.util.locks import FileLock
with FileLock(sys.argv[1], purpose="weft add data", shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    sys.stdin.read(1)
"""


@contextlib.contextmanager
def held_elsewhere(path, shared=False):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), "shared" if shared else "exclusive"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.stdin.close()
        process.stdout.close()
        process.kill()
        process.wait()


def test_another_process_excludes_and_is_named(tmp_path):
    path = tmp_path / "state" / "lock"
    with held_elsewhere(path) as process:
        start = time.monotonic()
        with pytest.raises(LockTimeout) as caught, FileLock(str(path), purpose="weft rm", timeout=0.2):
            pass
        assert 0.2 <= time.monotonic() - start < 2
        assert f"process {process.pid} (weft add data)" in caught.value.message
        assert caught.value.path == str(path)
        assert caught.value.hint


def test_who_waits_is_told_for_whom_once(tmp_path):
    path, progress = str(tmp_path / "lock"), SilentProgress()
    with held_elsewhere(path) as process:
        lock = FileLock(path, purpose="weft rm", timeout=PATIENCE + 0.3, progress=progress)
        with pytest.raises(LockTimeout):
            lock.__enter__()
        assert [warning.partition(",")[0] for warning in progress.warnings] == [
            f"waiting for process {process.pid} (weft add data) to finish"
        ]
    with lock:  # at once, and without a word
        assert len(progress.warnings) == 1


def test_lock_is_free_once_the_holder_is_killed(tmp_path):
    path = str(tmp_path / "lock")
    with held_elsewhere(path) as process:
        process.kill()
        process.wait()
        with FileLock(path, purpose="x", timeout=1):
            pass


def test_waiting_lock_is_got_when_released(tmp_path):
    path = str(tmp_path / "lock")
    with held_elsewhere(path) as process:
        threading.Timer(0.2, process.stdin.close).start()
        with FileLock(path, purpose="x", timeout=10):
            pass


def test_shared_locks_share_and_exclude_the_exclusive(tmp_path):
    path = str(tmp_path / "lock")
    with held_elsewhere(path, shared=True):
        with FileLock(path, purpose="reader", timeout=0, shared=True):
            pass
        with pytest.raises(LockTimeout), FileLock(path, purpose="writer", timeout=0):
            pass
    with held_elsewhere(path), pytest.raises(LockTimeout), FileLock(path, purpose="r", timeout=0, shared=True):
        pass


def test_two_objects_of_one_process_exclude_each_other(tmp_path):
    path = str(tmp_path / "lock")
    inner = FileLock(path, purpose="inner", timeout=0)
    with FileLock(path, purpose="outer"), pytest.raises(LockTimeout, match=rf"process {os.getpid()} \(outer\)"):
        inner.__enter__()
    with FileLock(path, purpose="again", timeout=0):
        pass


def test_one_object_is_not_entered_twice_but_can_be_used_again(tmp_path):
    lock = FileLock(str(tmp_path / "lock"), purpose="x", timeout=0)
    with lock, pytest.raises(RuntimeError, match="already held"):
        lock.__enter__()
    with lock:
        pass


def test_a_shorter_note_replaces_a_longer_one(tmp_path):
    path = tmp_path / "lock"
    for purpose in ("y" * 1000, "short"):
        with FileLock(str(path), purpose=purpose):
            pass
    assert path.read_bytes().split() == [str(os.getpid()).encode(), b"short"]
    assert path.stat().st_size == 256


@pytest.mark.parametrize("note", [b"", b"garbage\xff", b"999999999999999999999 x", "٣ x".encode()])
def test_a_note_that_is_no_note_names_nobody(tmp_path, note):
    path = str(tmp_path / "lock")
    with held_elsewhere(path):
        with open(path, "wb") as file:
            file.write(note)
        with pytest.raises(LockTimeout, match=r"^another process holds"):
            FileLock(path, purpose="x", timeout=0).__enter__()


def test_a_symlink_is_not_followed(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SymlinkRefused):
        FileLock(str(tmp_path / "lock"), purpose="x").__enter__()
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_in_the_way_of_the_directory(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EnvironmentFault):
        FileLock(str(tmp_path / "file" / "lock"), purpose="x").__enter__()
