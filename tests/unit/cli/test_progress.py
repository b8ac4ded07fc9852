import io
import os
import pty
import re
import subprocess
import sys
import threading

import pytest

from weft.cli import display, progress
from weft.cli.context import Session
from weft.cli.progress import TerminalProgress
from weft.cli.streams import Output
from weft.cli.text import Paint


@pytest.fixture
def board(session):
    made = TerminalProgress(session.err, Paint(False), visible=True)
    yield made
    made.close()


def test_nobody_looks_nothing_is_shown(session):
    board = TerminalProgress(session.err, Paint(False), visible=False)
    with board.task("hashing", 10, 1) as task:
        task.grow(5, 1)
        task.advance(15, 2)
    assert session.err_text == ""


def test_a_warning_is_told_and_kept(session):
    board = TerminalProgress(session.err, Paint(False), visible=False)
    board.warn("name\x1b[2J", "weft doctor")
    assert session.err_text == "warning: name\\x1b[2J\nhint: weft doctor\n"
    assert board.warnings == [{"message": "name\x1b[2J", "hint": "weft doctor"}]


def test_a_short_task_is_never_drawn(session, board):
    with board.task("hashing", 10) as task:
        task.advance(10)
    assert session.err_text == ""


class Recorder:
    """A display that keeps what it is told."""

    def __init__(self):
        self.seen = []
        self.rests = threading.Event()

    def show(self, task):
        self.seen.append(("show", task.label, task.done_size, task.size, task.done_items, task.items))

    def rest(self, label):
        self.seen.append(("rest", label))
        self.rests.set()

    def drop(self, task):
        self.seen.append(("drop", task.label))

    def write(self, text):
        self.seen.append(("write", text))

    def stop(self):
        self.seen.append(("stop",))


@pytest.fixture
def recorder(monkeypatch):
    made = Recorder()
    monkeypatch.setattr(display, "make", lambda *, colour: made)
    monkeypatch.setattr(progress, "DELAY", 0.0)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    return made


def test_a_long_task_is_drawn_and_taken_away(board, recorder):
    with board.task("push\x07ing", 100, 2) as task:
        task.advance(40, 1)
        task.grow(100)
        board.warn("careful")
        task.advance(10)
    task.advance(1)
    assert recorder.seen == [
        ("show", "push\\x07ing", 40, 100, 1, 2),
        ("write", "warning: careful\n"),
        ("show", "push\\x07ing", 50, 200, 1, 2),
        ("drop", "push\\x07ing"),
        ("stop",),
    ]


def test_what_takes_long_shows_that_it_is_at_work(board, recorder):
    board.busy("push")
    assert recorder.rests.wait(60)
    with board.task("push", 10, noun="pack") as task:
        task.advance(10)
    board.close()
    assert recorder.seen == [
        ("rest", "push"),
        ("show", "push", 10, 10, 0, 0),
        ("drop", "push"),
        ("rest", "push"),
        ("stop",),
    ]


def test_a_quick_command_shows_nothing(session, board):
    board.busy("push")
    timer = board._timer
    board.close()
    timer.join(60)
    assert not timer.is_alive()
    assert session.err_text == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("quiet", "drawn"), [(False, True), (True, False)])
def test_quiet_means_no_progress(recorder, quiet, drawn):
    session = Session(Output(io.StringIO()), Output(Terminal()), {})
    session.quiet = quiet
    with session.progress.task("hashing") as task:
        task.advance(1)
    assert bool(recorder.seen) is drawn


def test_updates_are_seldom(board, recorder, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL", 60.0)
    with board.task("hashing", 1000) as task:
        for _ in range(1000):
            task.advance(1)
    assert len([entry for entry in recorder.seen if entry[0] == "show"]) == 1


def test_many_threads_lose_no_count(board, recorder):
    with board.task("hashing") as task:
        threads = [threading.Thread(target=lambda: [task.advance(1, 1) for _ in range(500)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert max(entry[2] for entry in recorder.seen if entry[0] == "show") == 2000


class Row:
    def __init__(self, size, items, done_size, done_items, settled=True, noun="file"):
        self.label = "pushing [x]"
        self.size, self.items, self.done_size, self.done_items = size, items, done_size, done_items
        self.settled, self.noun = settled, noun


def test_a_line_tells_bytes_rate_files_and_time_left():
    stream = io.StringIO()
    shown = display.make(colour=False, stream=stream)
    now = [0.0]
    shown._progress.get_time = lambda: now[0]
    row = Row(4 << 20, 8, 1 << 20, 2)
    shown.show(row)
    now[0] = 0.5
    row.done_size, row.done_items = 2 << 20, 4
    shown.show(row)
    shown._progress.refresh()  # what a thread of its own does ten times a second
    shown.write("warning: [bold]careful\n")
    shown.drop(row)
    shown.drop(row)
    shown.stop()
    text = stream.getvalue()
    for part in ("pushing [x]", "2.0/4.0 MiB", "4.0 MiB/s", "4/8 files", "00:0", "50%", "warning: [bold]careful"):
        assert part in text, text


def drawn(row, width):
    """The lines of one row on a terminal of so many columns."""
    stream = io.StringIO()
    console = display.Console(file=stream, force_terminal=True, width=width, no_color=True)
    shown = display.RichDisplay(console)
    shown.show(row)
    shown.stop()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    return {line.rstrip() for line in re.split(r"[\r\n]", plain) if line.strip()}


def test_totals_that_grow_are_never_all_done():
    line = max(drawn(Row(1 << 20, 2560, 1 << 20, 2560, settled=False), 80))
    assert "1.0/1.0+ MiB" in line
    assert "2,560/2,560+ files" in line
    assert "%" not in line
    line = max(drawn(Row(1 << 20, 3, (1 << 20) - 1, 2, noun="pack"), 80))
    assert "99%" in line
    assert "2/3 packs" in line


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100, 200])
def test_a_task_has_one_line_at_any_width(width):
    row = Row(500 << 30, 50_000, 424 << 20, 12_345)
    row.label = "add data/a/very/long/name/of/a/directory/with/measurements.csv"
    lines = drawn(row, width)
    assert all(len(line) <= width for line in lines), lines
    assert len({line.partition(" ")[0] for line in lines}) == 1
    assert all(("/500.0 GiB" in line) == (width >= 30) for line in lines), lines


def test_unknown_totals_are_not_invented():
    stream = io.StringIO()
    shown = display.make(colour=False, stream=stream)
    shown.show(Row(0, 0, 0, 3))
    shown.stop()
    assert "3 files" in stream.getvalue()
    assert "/" not in stream.getvalue().replace("\x1b", "")


WORK = """
import sys
sys.argv[1:] = []
from weft.cli import app, progress
progress.DELAY = progress.INTERVAL = 0.0
session = app.open_session([], dict({environment}))
with session.progress.task("hashing", 8 << 20, 4) as task:
    for _ in range(4):
        task.advance(2 << 20, 1)
session.finish()
print("rich" in sys.modules)
"""


def run_on_terminal(environment):
    master, slave = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-c", WORK.format(environment=environment)], stdout=subprocess.PIPE, stderr=slave, text=True
    )
    os.close(slave)
    shown = b""
    while True:
        try:
            block = os.read(master, 65536)
        except OSError:  # how a terminal says that its other end is closed
            break
        if not block:
            break
        shown += block
    out, _ = done.communicate(timeout=30)
    os.close(master)
    return out.strip(), shown.decode()


def test_progress_on_a_terminal():
    rich, shown = run_on_terminal({"TERM": "xterm"})
    assert rich == "True"
    assert "8.0 MiB" in shown
    assert "files" in shown


def test_no_progress_on_a_dumb_terminal():
    assert run_on_terminal({"TERM": "dumb"}) == ("False", "")


def test_no_progress_and_no_rich_in_a_pipe():
    done = subprocess.run(
        [sys.executable, "-c", WORK.format(environment={"TERM": "xterm"})], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_streams_in_memory_are_no_terminals():
    assert not Output(io.StringIO()).terminal
