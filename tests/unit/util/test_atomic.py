"""Files are replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import time

import pytest

from weft.errors import DiskFull, EnvironmentFault, PermissionFault, SymlinkRefused
from weft.util.atomic import (
    TEMP_PREFIX,
    fsync_dir,
    is_abandoned,
    os_errors,
    publish,
    reap_temps,
    temp_name,
    translate_os_error,
    write_all,
    write_atomic,
)


def _write_half(monkeypatch, largest=3):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[: max(1, min(largest, len(data) // 2))]))


def test_write_atomic_creates_and_replaces(tmp_path):
    path = tmp_path / "file"
    write_atomic(str(path), b"one")
    first = path.stat().st_ino
    reader = path.open("rb")
    write_atomic(str(path), b"two")
    with reader:
        assert reader.read() == b"one", "a reader that had the old file open must keep it whole"
    assert path.read_bytes() == b"two"
    assert path.stat().st_ino != first
    assert os.listdir(tmp_path) == ["file"]


def test_write_atomic_in_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_atomic("bare", b"x")
    assert (tmp_path / "bare").read_bytes() == b"x"


def test_write_atomic_applies_mode_and_umask(tmp_path):
    old = os.umask(0o027)
    try:
        write_atomic(str(tmp_path / "a"), b"")
        write_atomic(str(tmp_path / "b"), b"", mode=0o444)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o440


def test_write_atomic_survives_short_writes(tmp_path, monkeypatch):
    _write_half(monkeypatch)
    write_atomic(str(tmp_path / "file"), bytes(range(256)) * 5)
    assert (tmp_path / "file").read_bytes() == bytes(range(256)) * 5


def test_write_all_takes_wide_memoryviews(tmp_path, monkeypatch):
    _write_half(monkeypatch)
    wide = memoryview(bytes(range(64))).cast("Q")
    with (tmp_path / "file").open("wb") as file:
        write_all(file.fileno(), wide)
    assert (tmp_path / "file").read_bytes() == bytes(range(64))


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
def test_failure_keeps_old_content_and_no_temp_file(tmp_path, monkeypatch, call):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    real_write = os.write
    calls = []

    def fail(*args, **options):
        calls.append(args)
        if call == "write" and len(calls) == 1:
            return real_write(args[0], args[1][:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(DiskFull) as caught:
        write_atomic(str(path), b"new content")
    assert caught.value.path == str(path)
    assert len(calls) == (2 if call == "write" else 1), "a failed fsync must not be repeated"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_interrupt_leaves_no_temp_file(tmp_path, monkeypatch):
    def interrupt(fd):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(str(tmp_path / "file"), b"new")
    assert os.listdir(tmp_path) == []


def test_write_atomic_replaces_the_symlink_not_its_target(tmp_path):
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(target)
    write_atomic(str(tmp_path / "link"), b"new")
    assert target.read_bytes() == b"precious"
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_bytes() == b"new"


def test_write_atomic_syncs_file_before_rename_and_directory_after(tmp_path, monkeypatch):
    log = []
    real_fsync, real_rename = os.fsync, os.rename

    def fsync(fd):
        log.append("dir" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
        real_fsync(fd)

    def rename(source, target, **options):
        log.append("rename")
        real_rename(source, target, **options)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    write_atomic(str(tmp_path / "file"), b"x")
    assert log == ["file", "rename", "dir"]


def test_write_atomic_into_a_missing_directory(tmp_path):
    with pytest.raises(EnvironmentFault) as caught:
        write_atomic(str(tmp_path / "no" / "file"), b"")
    assert "No such file" in caught.value.message


def test_write_atomic_over_a_directory(tmp_path):
    (tmp_path / "dir").mkdir()
    with pytest.raises(EnvironmentFault):
        write_atomic(str(tmp_path / "dir"), b"")
    assert os.listdir(tmp_path) == ["dir"]


@pytest.fixture
def folder(tmp_path):
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_publish_moves_once_and_keeps_the_first(tmp_path, folder):
    for name, data in (("t1", b"first"), ("t2", b"second")):
        write_atomic(name, data, dir_fd=folder)
    assert publish(folder, "t1", folder, "final") is True
    assert publish(folder, "t2", folder, "final") is False
    assert os.listdir(tmp_path) == ["final"]
    assert (tmp_path / "final").read_bytes() == b"first"


@pytest.mark.parametrize("exists", [False, True])
def test_publish_without_hard_links(tmp_path, folder, monkeypatch, exists):
    def link(*args, **kwargs):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    temp, final = tmp_path / "temp", tmp_path / "final"
    temp.write_bytes(b"new")
    if exists:
        final.write_bytes(b"old")
    assert publish(folder, "temp", folder, "final") is not exists
    assert final.read_bytes() == (b"old" if exists else b"new")
    assert os.listdir(tmp_path) == ["final"]


def test_publish_failure_leaves_the_temp_file_to_the_caller(tmp_path, folder):
    (tmp_path / "temp").write_bytes(b"x")
    with pytest.raises(FileNotFoundError):
        publish(folder, "temp", folder, "missing/final")
    assert (tmp_path / "temp").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EACCES, PermissionFault),
        (errno.EPERM, PermissionFault),
        (errno.EROFS, PermissionFault),
        (errno.ELOOP, SymlinkRefused),
        (errno.EIO, EnvironmentFault),
    ],
)
def test_translation(number, expected):
    error = translate_os_error(OSError(number, os.strerror(number)), "read", "some/\u202epath")
    assert type(error) is expected
    assert error.path == "some/\u202epath"
    assert "\u202e" not in error.message
    assert error.message.startswith("cannot read ")


def test_os_errors_chains_and_lets_others_pass():
    with pytest.raises(PermissionFault) as caught, os_errors("open", "x"):
        raise PermissionError(errno.EACCES, "Permission denied")
    assert isinstance(caught.value.__cause__, PermissionError)
    with pytest.raises(ValueError, match="other"), os_errors("open", "x"):
        raise ValueError("other")


def test_fsync_dir_of_something_else(tmp_path):
    fsync_dir(str(tmp_path))
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EnvironmentFault):
        fsync_dir(str(tmp_path / "file"))


# --- temporary names and what is left of them -------------------------------------------------------------------------

_DAY = 86_400
_KILLED = """
import os, signal, sys
from weft.util import atomic
os.fsync = lambda fd: os.kill(os.getpid(), signal.SIGKILL)
atomic.write_atomic(sys.argv[1], b"never seen")
"""


def _name_of_the_dead():
    code = "from weft.util.atomic import temp_name; print(temp_name())"
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path):
    path = tmp_path / "data.weft"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", _KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    left = [name for name in os.listdir(tmp_path) if name.startswith(TEMP_PREFIX)]
    assert len(left) == 1
    assert reap_temps(str(tmp_path), time.time()) == 1
    assert os.listdir(tmp_path) == ["data.weft"]
    assert path.read_bytes() == b"old"


def test_only_our_abandoned_files_are_removed(tmp_path):
    dead = _name_of_the_dead()
    living = temp_name()
    foreign = dead.replace(dead.split("-")[4], "0badcafe")
    odd = [".weft-tmp-notes", ".weft-tmp-1-2", f"{dead}.txt", f"{dead}-x", dead.replace(dead.split("-")[4], "0BADCAFE")]
    for name in (dead, living, foreign, "mine", ".weft-tmp", f"a{dead}", *odd):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "link-target").write_bytes(b"x")
    (tmp_path / f"{dead}1").symlink_to("link-target")
    (tmp_path / f"{dead}2").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / dead).write_bytes(b"below")
    kept = {living, foreign, "mine", ".weft-tmp", f"a{dead}", "link-target", f"{dead}2", "sub", *odd}
    if os.geteuid() == 0:
        (tmp_path / f"{dead}3").write_bytes(b"another user's")
        os.chown(tmp_path / f"{dead}3", 2001, -1)
        kept.add(f"{dead}3")
    assert reap_temps(str(tmp_path), time.time()) == 2
    assert set(os.listdir(tmp_path)) == kept
    assert reap_temps(str(tmp_path), time.time() + _DAY + 60) == 1, "a sleeping writer may still go on"
    assert set(os.listdir(tmp_path)) == kept - {foreign}
    assert os.listdir(tmp_path / "sub") == [dead]


def test_reaping_where_nothing_is(tmp_path):
    assert reap_temps(str(tmp_path / "missing"), time.time()) == 0
    assert reap_temps(str(tmp_path), time.time()) == 0


@pytest.mark.parametrize("part", ["7-8", "x", "", "0123456789abcdef", "99999999999999999999-1-{machine}-0-0", "-1-1"])
def test_names_that_tell_no_process_of_this_machine_are_left_for_a_day(part):
    name = TEMP_PREFIX + part.format(machine=temp_name().split("-")[4])
    assert not is_abandoned(name, 0)
    assert not is_abandoned(name, -1000)
    assert not is_abandoned(name, _DAY - 1)
    assert is_abandoned(name, _DAY + 1)


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="tells no start of a process")
def test_a_process_number_that_was_given_anew_is_not_the_writer():
    fields = temp_name().split("-")
    assert fields[2] == str(os.getpid())
    assert not is_abandoned("-".join(fields), 0)
    fields[3] = str(int(fields[3]) - 1)
    assert is_abandoned("-".join(fields), 0)
    fields[3] = "0"
    assert not is_abandoned("-".join(fields), 0), "a writer that does not know its start is believed to live"


@pytest.mark.skipif(not os.path.exists("/proc/1/stat"), reason="tells no start of a process")
def test_a_living_process_of_somebody_else_is_left_alone():
    machine = temp_name().split("-")[4]
    with open("/proc/1/stat", "rb") as file:
        started = file.read().rpartition(b")")[2].split()[19].decode()
    assert not is_abandoned(f"{TEMP_PREFIX}1-{started}-{machine}-0-0", 0)


def test_names_are_never_repeated_not_even_after_a_fork():
    names = {temp_name() for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith(TEMP_PREFIX) and "/" not in name and len(name) < 100 for name in names)
    code = (
        "import os; from weft.util.atomic import temp_name; temp_name(); child = os.fork();"
        "os.write(1, temp_name().encode() + b'\\n'); child and os.wait()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    first, second = done.stdout.split()
    assert first.split("-")[2] != second.split("-")[2]
    assert first.split("-")[5] != second.split("-")[5]
