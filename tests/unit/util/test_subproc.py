"""Programs are found by absolute path, run without a shell, and fail with what they said."""

from __future__ import annotations

import os
import sys
import time

import pytest

from weft.errors import DependencyMissing, EnvironmentFault
from weft.util.subproc import find_program, run, stream

PYTHON = os.path.abspath(sys.executable)


def _program(directory, name, mode=0o755):
    directory.mkdir(exist_ok=True)
    (directory / name).write_text("#!/bin/sh\necho decoy\n")
    (directory / name).chmod(mode)


@pytest.mark.parametrize("path", ["", ".", "bin", ":", "./bin:."])
def test_relative_path_entries_and_the_current_directory_are_not_searched(tmp_path, monkeypatch, path):
    _program(tmp_path, "tool")
    _program(tmp_path / "bin", "tool")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", path)
    with pytest.raises(DependencyMissing) as caught:
        find_program("tool")
    assert "'tool'" in caught.value.message


def test_find_program_takes_the_first_executable_file(tmp_path, monkeypatch):
    _program(tmp_path / "plain", "tool", mode=0o644)
    (tmp_path / "folder" / "tool").mkdir(parents=True)
    _program(tmp_path / "good", "tool")
    _program(tmp_path / "late", "tool")
    monkeypatch.setenv("PATH", os.pathsep.join(str(tmp_path / name) for name in ("plain", "folder", "good", "late")))
    assert find_program("tool") == str(tmp_path / "good" / "tool")


@pytest.mark.parametrize("name", ["", "./tool", "/bin/sh", "a/b"])
def test_find_program_wants_a_name(name):
    with pytest.raises(ValueError, match="program name"):
        find_program(name)


@pytest.mark.parametrize("argv", [[], ["git"], ["./git"]])
def test_only_absolute_programs_run(tmp_path, argv):
    with pytest.raises(ValueError, match="absolute"):
        run(argv, cwd=str(tmp_path))
    with pytest.raises(ValueError, match="absolute"), stream(argv, cwd=str(tmp_path)):
        pass


def test_run_passes_bytes_both_ways_without_a_shell(tmp_path):
    code = "import sys, os; sys.stdout.buffer.write(sys.stdin.buffer.read()); print(sys.argv[1], os.getcwd())"
    done = run([PYTHON, "-c", code, "$HOME;*"], cwd=str(tmp_path), stdin=b"\x00\xff")
    assert done == (0, b"\x00\xff" + f"$HOME;* {os.path.realpath(tmp_path)}\n".encode(), b"")


def test_stdin_is_empty_by_default_and_env_replaces(tmp_path):
    code = "import sys, os; print(repr(sys.stdin.read()), os.environ.get('HOME'), os.environ['X'])"
    assert run([PYTHON, "-c", code], cwd=str(tmp_path), env={"X": "1"}).stdout == b"'' None 1\n"


def test_failure_is_raised_with_stderr_or_returned(tmp_path):
    argv = [PYTHON, "-c", "import sys; sys.stderr.write('it broke'); sys.exit(3)"]
    with pytest.raises(EnvironmentFault, match="status 3: it broke"):
        run(argv, cwd=str(tmp_path))
    assert run(argv, cwd=str(tmp_path), check=False) == (3, b"", b"it broke")


def test_timeout(tmp_path):
    start = time.monotonic()
    with pytest.raises(EnvironmentFault, match=r"within 0\.2 seconds"):
        run([PYTHON, "-c", "import time; time.sleep(30)"], cwd=str(tmp_path), timeout=0.2)
    assert time.monotonic() - start < 5


def test_program_that_cannot_start(tmp_path):
    argv = [str(tmp_path / "none")]
    with pytest.raises(EnvironmentFault, match="cannot run"):
        run(argv, cwd=str(tmp_path))
    with pytest.raises(EnvironmentFault, match="cannot run"), stream(argv, cwd=str(tmp_path)):
        pass


def test_stream_gives_output_larger_than_any_pipe(tmp_path):
    code = "import sys; d = sys.stdin.buffer.read(); sys.stderr.write('e' * 300000); sys.stdout.buffer.write(d)"
    data = os.urandom(1 << 20)
    with stream([PYTHON, "-c", code], cwd=str(tmp_path), stdin=data) as output:
        assert output.read(10) == data[:10]
        assert output.read() == data[10:]


def test_stream_failure(tmp_path):
    argv = [PYTHON, "-c", "import sys; sys.stderr.write('late'); sys.exit(2)"]
    with pytest.raises(EnvironmentFault, match="status 2: late"), stream(argv, cwd=str(tmp_path)) as output:
        assert output.read() == b""


def test_stream_kills_the_program_when_the_block_fails(tmp_path):
    argv = [PYTHON, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"]
    output_pid = 0

    def read_and_fail():
        nonlocal output_pid
        with stream(argv, cwd=str(tmp_path)) as output:
            output_pid = int(output.readline())
            raise KeyError

    start = time.monotonic()
    with pytest.raises(KeyError):
        read_and_fail()
    assert time.monotonic() - start < 10
    with pytest.raises(ProcessLookupError):
        os.kill(output_pid, 0)


def test_stream_without_a_place_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(EnvironmentFault, match="cannot make a temporary file"), stream([sys.executable], cwd="/"):
        pytest.fail("it was started")
