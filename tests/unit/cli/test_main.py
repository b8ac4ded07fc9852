"""How a run ends: every way out of the command, in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from weft import __main__
from weft.cli.context import INTERRUPTED
from weft.cli.interrupts import PATIENCE
from weft.cli.main import entry

CONSOLE_SCRIPT = os.path.join(os.path.dirname(sys.executable), "weft")


def test_an_unknown_error_is_one_line_and_names_the_way_to_the_trace(run_boom):
    done = run_boom("boom", "raise ValueError('one\\ntwo')")
    assert done.returncode == 6
    assert done.stdout == ""
    assert done.stderr == (
        "error: weft met an error of its own, ValueError: one [E_INTERNAL]\n\n"
        "hint: run the same command again with -v to see the trace, and report it\n"
    )


@pytest.mark.parametrize("arguments", [["-v", "boom"], ["boom", "-v"], ["boom", "--verbose"]])
def test_verbose_shows_the_trace(run_boom, arguments):
    done = run_boom(*arguments, "raise ValueError('no')")
    assert done.returncode == 6
    assert "Traceback (most recent call last)" in done.stderr
    assert "E_INTERNAL" in done.stderr


def test_known_errors_show_no_trace_but_their_cause(run_boom):
    code = "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise errors.NotTracked('no', hint='weft add x') from e"
    done = run_boom("boom", code, "-v")
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "caused by ZeroDivisionError: division by zero\n" in done.stderr
    assert done.stderr.endswith("error: no [E_NOT_TRACKED]\n\nhint: weft add x\n")


@pytest.mark.parametrize(
    ("code", "exit_code", "name"),
    [
        ("raise MemoryError", 6, "E_ENVIRONMENT"),
        ("f = lambda g: g(g)\nf(f)", 3, "E_LIMIT"),
        ("raise OSError(28, 'No space left on device', 'pack')", 6, "E_DISK_FULL"),
        ("open('no/such/file')", 3, "E_NO_PATH"),
        ("raise SystemExit(3)", 6, "E_INTERNAL"),
        ("raise errors.HashMismatch('x')", 4, "E_HASH_MISMATCH"),
        ("raise errors.FileChanged('x')", 5, "E_FILE_CHANGED"),
    ],
)
def test_every_failure_has_its_exit_code_in_text_and_json(run_boom, code, exit_code, name):
    done = run_boom("boom", code)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert f"[{name}]" in done.stderr
    done = run_boom("boom", code, "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (exit_code, "")
    assert (document["schema"], document["code"], document["exit_code"]) == ("weft/error/1", name, exit_code)


@pytest.mark.parametrize(
    "arguments", [["--json", "nosuch"], ["status", "--json", "--bad"], ["completion", "tcsh", "--json"]]
)
def test_a_wrong_command_line_as_json(weft, arguments):
    done = weft(*arguments)
    document = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (2, "")
    assert (document["code"], document["exit_code"]) == ("E_USAGE", 2)
    assert document["hint"].endswith("--help")


def test_a_misspelled_command_is_answered_with_the_right_one(weft):
    done = weft("psuh")
    assert done.returncode == 2
    assert "did you mean push?" in done.stderr


def test_json_after_dashes_is_a_name(weft):
    done = weft("status", "--bad", "--", "--json")
    assert done.stdout == ""
    assert "E_USAGE" in done.stderr


def test_no_command_is_answered_with_the_help(weft):
    done = weft()
    assert done.returncode == 0
    assert done.stdout == weft("--help").stdout == weft("-h").stdout


# --- the reader leaves, the disk is full ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "for _ in range(100000): session.out.line('x' * 100)",
        "sink = session.sink()\nwhile True: sink.write(b'x' * 65536)",
    ],
)
def test_a_reader_who_leaves_is_no_error(boom, code):
    writer = subprocess.Popen([*boom, "boom", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    writer.stdout.read(10)
    writer.stdout.close()
    assert writer.wait(30) == 0
    assert writer.stderr.read() == b""
    writer.stderr.close()


def test_help_into_a_closed_pipe_is_quiet():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "weft", "--help"], stdout=stream, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_closed_stdout_is_no_error():
    done = subprocess.run(["sh", "-c", f"{sys.executable} -m weft --version >&-"], stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("words", "said"), [("cat data", "error: standard output is closed"), ("--json cat data", "")])
def test_bytes_that_were_asked_for_need_a_place_to_go(words, said):
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m weft {words} >&-"], stderr=subprocess.PIPE, check=False, text=True
    )
    assert done.returncode == 6
    assert done.stderr[:32] == said


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_stdout_is_told(unbuffered):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "weft", "version"],
            stdout=full,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            text=True,
            check=False,
        )
    assert done.returncode == 6
    assert done.stderr.startswith("error: cannot use 'standard output': No space left on device [E_DISK_FULL]\n")


# --- Ctrl-C -------------------------------------------------------------------------------------------------------------


def interrupt(boom, code, *arguments, times=1):
    process = subprocess.Popen(
        [*boom, *arguments, "boom", "print('ready', flush=True)\n" + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    began = time.monotonic()
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2 if times > 1 else 0)
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err, time.monotonic() - began


@pytest.mark.parametrize(
    ("code", "limit"),
    [
        ("time.sleep(60)", 1),
        ("while True: pass", 1),
        ("threading.Thread(target=lambda: time.sleep(60)).start(); time.sleep(60)", 1),
        ("try:\n    time.sleep(60)\nfinally:\n    time.sleep(60)", 2),
        ("try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    time.sleep(60)", 2),
    ],
    ids=["waiting", "busy", "thread-left", "slow-clean-up", "swallowed"],
)
def test_ctrl_c_ends_within_two_seconds_with_one_line(boom, code, limit):
    returncode, out, err, seconds = interrupt(boom, code)
    assert (returncode, out, err) == (130, "", INTERRUPTED + "\n")
    assert seconds < limit


def test_a_second_ctrl_c_ends_at_once(boom):
    returncode, _, err, seconds = interrupt(boom, "try:\n    time.sleep(60)\nfinally:\n    time.sleep(60)", times=2)
    assert (returncode, err) == (130, INTERRUPTED + "\n")
    assert seconds < PATIENCE


def test_ctrl_c_as_json(boom):
    returncode, out, err, _ = interrupt(boom, "time.sleep(60)", "--json")
    assert (returncode, err) == (130, INTERRUPTED + "\n")
    assert json.loads(out)["code"] == "E_INTERRUPTED"


def test_an_ignored_ctrl_c_stays_ignored(boom):
    """What `nohup` and background jobs of scripts ask for."""
    script = "import signal, os, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", script, *boom, "boom", "print('ready', flush=True)\ntime.sleep(1)"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_module_that_is_imported_runs_nothing():
    assert __main__.entry is entry


@pytest.mark.parametrize("command", [[sys.executable, "-m", "weft"], [CONSOLE_SCRIPT]], ids=["module", "script"])
def test_both_ways_to_start_it(command):
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("weft ")
