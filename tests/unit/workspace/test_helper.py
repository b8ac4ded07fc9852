"""A checkout whose files are written by processes of their own."""

import marshal
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from kit import pseudo_random
from localstores import corrupt
from weft.errors import EnvironmentFault, FileChanged, HashMismatch
from weft.objects.catalog import LOCAL
from weft.util import helpers
from weft.util.messages import LENGTH, READY, pack_message
from weft.workspace import fill, helper


@pytest.fixture
def started(monkeypatch):
    """Every checkout is large enough for helpers; the list of those that were started."""
    made = []

    class Seen(helpers.Helpers):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append((self.started, [each.process for each in self._helpers]))

    monkeypatch.setattr(fill, "HELPED_FILES", 1)
    monkeypatch.setattr(fill, "BATCH_FILES", 2)
    monkeypatch.setattr(fill, "Helpers", Seen)
    return made


FILES = {f"d{at % 4}/e/{at:03}": b"content %d" % (at // 2) for at in range(40)}


def emptied(tree, files=FILES):
    tree.fill(files)
    pointer = tree.add()
    before = tree.tree()
    shutil.rmtree(tree.root)
    return pointer, before


def test_they_write_what_threads_write(tree, started, later):
    tree.fill({"run": b"#!", "big/file": pseudo_random(3 << 20, 1)})
    os.chmod(tree.root / "run", 0o755)
    os.symlink("../run", tree.root / "big" / "link")
    pointer, before = emptied(tree)
    assert pointer.layout is not None
    plan = tree.checkout(pointer)
    assert [ok for ok, _ in started] == [True]
    assert (tree.tree(), plan.files) == (before, 43)
    assert os.stat(tree.root / "run").st_mode & 0o100
    assert tree.status(pointer).state == "clean"
    assert all(tree.cache.load("data").rows[path].manifest for path in ("", "big", "d1", "d1/e"))


def test_a_tracked_file_alone(tmp_path, tree, started):
    tree.root.write_bytes(b"alone")
    pointer = tree.add()
    tree.root.unlink()
    tree.checkout(pointer)
    assert (tree.root.read_bytes(), started[0][0]) == (b"alone", True)


def test_damage_is_met_by_the_parent_and_what_was_written_is_known(tree, started, later):
    pointer, before = emptied(tree)
    victim = _entries(tree, pointer, "d3")[5]
    (copy,) = tree.store.catalog.locate([victim.oid], LOCAL)[victim.oid]
    corrupt(tree.store.pack_path(copy.pack), copy.frame.offset)
    with pytest.raises(HashMismatch):
        tree.checkout(pointer)
    written = {name: data for name, data in tree.tree().items() if not name.endswith("/")}
    assert written
    assert all(before[name] == data for name, data in written.items())
    assert all("weft-tmp" not in name for name in written)
    assert not [each for _, each in started if _alive(each)]


def test_nothing_of_the_user_is_replaced(tree, started):
    pointer, _ = emptied(tree)
    plan = tree.plan(pointer)
    (tree.root / "d2" / "e").mkdir(parents=True)
    (tree.root / "d2" / "e" / "006").write_bytes(b"mine")
    with pytest.raises(FileChanged):
        tree.run(plan)
    assert (tree.root / "d2" / "e" / "006").read_bytes() == b"mine"


def test_one_that_is_killed_ends_the_checkout_and_the_next_finishes_it(tree, started, monkeypatch):
    pointer, before = emptied(tree)
    real = fill.Filler._take

    def take(self, batch, reply):
        for each in started[0][1]:
            each._process.kill()
        return real(self, batch, reply)

    with monkeypatch.context() as patch:
        patch.setattr(fill.Filler, "_take", take)
        with pytest.raises(EnvironmentFault, match="ended from outside"):
            tree.checkout(pointer)
    tree.checkout(pointer)
    assert {name: data for name, data in tree.tree().items() if "weft-tmp" not in name} == before


@pytest.mark.parametrize(("name", "value"), [("sys.executable", ""), ("weft.util.helpers._CODE", "1/0")])
def test_where_none_can_be_started_threads_do_the_work(tree, started, monkeypatch, name, value):
    pointer, before = emptied(tree)
    monkeypatch.setattr(name, value)
    tree.checkout(pointer)
    assert (tree.tree(), [ok for ok, _ in started]) == (before, [False])


def test_few_files_need_none(tree, started, monkeypatch):
    monkeypatch.setattr(fill, "HELPED_FILES", len(FILES) + 1)
    pointer, before = emptied(tree)
    tree.checkout(pointer)
    assert (tree.tree(), started) == (before, [])


def test_the_end_of_the_input_ends_it(tree):
    """As when the parent dies."""
    pointer, before = emptied(tree)
    task = [("d1/e", [(e.type, bytes(e.oid), e.size, e.name) for e in _entries(tree, pointer)], {})]
    (tree.root / "d1" / "e").mkdir(parents=True)
    top = os.open(tree.top, os.O_RDONLY)
    given, asks = os.pipe()
    answers, gives = os.pipe()
    setup = (top, "data", tree.store.root, tree.store.catalog.path, b"", "copy", 1)
    os.write(asks, pack_message(setup) + pack_message(task) + pack_message(task) + LENGTH.pack(10) + b"cut")
    os.close(asks)
    helper.serve(given, gives)
    os.close(gives)
    with os.fdopen(answers, "rb") as stream:
        replies = [marshal.loads(stream.read(LENGTH.unpack(head)[0])) for head in iter(lambda: stream.read(4), b"")]
    os.close(given)
    os.close(top)
    assert replies[0] == READY
    assert [(whole, len(done[0])) for whole, done in replies[1:]] == [(True, 10), (False, 0)]  # they stand there now
    assert {name: data for name, data in before.items() if name.startswith("d1/e/")}.items() <= tree.tree().items()


_PARENT = """
import ast, os, signal, sys
from weft.util.helpers import Helpers
top = os.open(sys.argv[1], os.O_RDONLY)
setup, task = ast.literal_eval(sys.argv[2])
helpers = Helpers("weft.workspace.helper", 1, (top, *setup), [top])
pid = helpers._helpers[0].process._process.pid
os.kill(pid, signal.SIGSTOP)
helpers.give(None, task)
print(pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("kind", ["copy", "hard"])
def test_no_file_gets_its_name_when_the_parent_is_dead(tree, kind):
    """It has tasks still, but nobody holds the lock of the work tree for it any more."""
    pointer, _ = emptied(tree)
    task = [("d1/e", [(e.type, bytes(e.oid), e.size, e.name) for e in _entries(tree, pointer)], {})]
    (tree.root / "d1" / "e").mkdir(parents=True)
    setup = ("data", tree.store.root, tree.store.catalog.path, b"", kind, 1)
    argv = [sys.executable, "-c", _PARENT, str(tree.top), repr((setup, task))]
    parent = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    with parent:
        pid = int(parent.stdout.readline())
    assert parent.returncode == -signal.SIGKILL
    os.kill(pid, signal.SIGCONT)
    end = time.monotonic() + 60
    while _runs(pid) and time.monotonic() < end:
        time.sleep(0.01)
    assert not _runs(pid)
    assert os.listdir(tree.root / "d1/e") == []


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except FileNotFoundError:
        return False


def _entries(tree, pointer, top="d1"):
    read = tree.reader(pointer)
    return read(read(read(pointer.oid).by_name()[top].oid).by_name()["e"].oid).entries


def _alive(processes):
    return any(each._process.returncode is None for each in processes)


def test_nothing_is_imported_from_where_the_command_stands(tree, started, monkeypatch, tmp_path):
    (tmp_path / "marshal.py").write_text("1/0")
    (tmp_path / "struct.py").write_text("1/0")
    monkeypatch.chdir(tmp_path)
    pointer, before = emptied(tree)
    tree.checkout(pointer)
    assert (tree.tree(), [ok for ok, _ in started], sys.path[0] != "") == (before, [True], True)
