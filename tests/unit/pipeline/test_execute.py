"""Commands run in a group of their own, are waited for, and are ended with all they started."""

from __future__ import annotations

import os
import signal
import time
from queue import SimpleQueue

import pytest

from weft.errors import StageFailed
from weft.pipeline.execute import Child, Outcome, describe, stop


def run(cmd, directory, **options):
    ended: SimpleQueue[Outcome] = SimpleQueue()
    child = Child(cmd, str(directory), ended.put, **options)
    child.start()
    return child, ended


def outcome(cmd, directory):
    return run(cmd, directory)[1].get(timeout=60)


def test_a_string_goes_to_the_shell_and_words_do_not(tmp_path):
    assert outcome("echo $((1+1)) > a && pwd > b", tmp_path).exit == 0
    assert (tmp_path / "a").read_text() == "2\n"
    assert (tmp_path / "b").read_text().strip() == os.path.realpath(tmp_path)
    assert outcome(("sh", "-c", 'printf "%s" "$1" > c', "x", "$HOME *"), tmp_path).exit == 0
    assert (tmp_path / "c").read_text() == "$HOME *"


@pytest.mark.parametrize(
    ("cmd", "status"), [("true\nfalse\ntouch p\n", 1), ("\nfalse; touch p\n", 0), ("false; touch p", 0)]
)
def test_a_command_of_several_lines_stops_at_the_first_that_fails(cmd, status, tmp_path):
    assert outcome(cmd, tmp_path).exit == status
    assert (tmp_path / "p").exists() == (status == 0)


def test_how_it_ended_and_what_it_took(tmp_path):
    done = outcome("exit 3", tmp_path)
    assert done.exit == 3
    assert describe(done) == "ended with status 3"
    assert set(done.resources) == {"max_rss", "cpu_user", "cpu_system"}
    assert done.resources["max_rss"] > 100_000
    assert done.started <= done.finished
    assert "no such command" in describe(outcome("no-such-command-here", tmp_path))


@pytest.mark.parametrize(("name", "words"), [("KILL", "memory"), ("XFSZ", "ulimit -f"), ("USR1", "SIGUSR1")])
def test_a_signal_is_named(name, words, tmp_path):
    done = outcome(f"kill -{name} $$", tmp_path)
    assert done.exit == -getattr(signal, f"SIG{name}")
    assert f"killed by SIG{name}" in describe(done)
    assert words in describe(done)


def test_what_cannot_be_started_is_named(tmp_path):
    with pytest.raises(StageFailed, match="no-such-program"):
        run(("no-such-program", "x"), tmp_path)
    with pytest.raises(StageFailed):
        run(("sh", "a\0b"), tmp_path)


def test_a_command_that_was_never_started_can_be_stopped(tmp_path):
    child = Child("touch here", str(tmp_path), lambda outcome: None)
    stop([child])
    assert not child.lives()


def test_it_has_no_standard_input(tmp_path):
    assert outcome("if read line; then exit 1; fi", tmp_path).exit == 0


def test_standard_output_can_be_sent_to_standard_error(tmp_path, capfd):
    run("echo shown", tmp_path, quiet=True)[1].get(timeout=60)
    run("echo plain", tmp_path)[1].get(timeout=60)
    out, err = capfd.readouterr()
    assert (out, err) == ("plain\n", "shown\n")


def test_processes_that_outlive_the_command_are_told(tmp_path):
    child, ended = run("sleep 60 & echo $! > pid", tmp_path)
    assert ended.get(timeout=60).lingering
    assert not outcome("true", tmp_path).lingering
    stop([child])
    with pytest.raises(ProcessLookupError):
        _wait_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("deaf", ["", "trap '' INT;", "trap '' INT TERM;"])
def test_stop_reaches_the_whole_group_however_deaf(deaf, tmp_path):
    child, ended = run(f"{deaf} sleep 60 & echo $! > pid; {deaf} while :; do sleep 60; done", tmp_path)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        time.sleep(0.01)
    stop([child])
    assert ended.get(timeout=60).exit < 0
    assert not child.lives()
    with pytest.raises(ProcessLookupError):
        _wait_gone(int((tmp_path / "pid").read_text()))


def _wait_gone(pid):
    """Raises when the process is gone; an orphan is only gone once the first process has reaped it."""
    for _ in range(500):
        with open(f"/proc/{pid}/stat", encoding="utf-8") if os.path.exists(f"/proc/{pid}/stat") else _gone() as stream:
            if stream.read().rpartition(") ")[2][:1] == "Z":
                raise ProcessLookupError
        time.sleep(0.01)


def _gone():
    raise ProcessLookupError
