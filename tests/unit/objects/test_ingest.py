from __future__ import annotations

import mmap
import os
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from kit import in_memory, pseudo_random
from localstores import opened
from weft.errors import FileChanged, FileTypeRefused, LimitExceeded, NoSuchPath, SymlinkRefused
from weft.model.oid import Kind, Oid
from weft.model.remote import ChunkerParams
from weft.objects import ingest as ingest_module
from weft.objects import ingest_read
from weft.objects.catalog import LOCAL
from weft.objects.ingest import FileToRead, Ingested, ingest
from weft.objects.store import LocalStore, open_store
from weft.util import writeback
from weft.util.coldread import ColdReader


def _write(root: Path, contents: dict[str, bytes]) -> list[FileToRead]:
    files = []
    for name, data in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        files.append(FileToRead(str(path), len(data), name))
    return files


def _add(store: LocalStore, files: list[FileToRead]) -> dict[object, Ingested]:
    with store.writer() as writer:
        return {done.key: done for done in ingest(writer, files)}


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make windows small, so that small files take the way of large ones."""
    monkeypatch.setattr(ingest_read, "WINDOW", 2 << 20)
    monkeypatch.setattr(ingest_module, "WINDOW", 2 << 20)


def test_files_of_all_sizes(tmp_path: Path, windows: None):
    sizes = [0, 1, 100, 65536, 65537, 70_000, 300_000, 1 << 20, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 7_000_001]
    contents = {f"d/{size}": pseudo_random(size, size) for size in sizes}
    files = _write(tmp_path / "data", contents)
    with opened(tmp_path) as store:
        done = _add(store, files)
        assert done.keys() == contents.keys()
        for name, data in contents.items():
            found = done[name]
            assert found.oid.hex() == blake3(data).hexdigest()
            assert found.size == len(data) == found.stat.st_size
            assert b"".join(store.iter_content(found.oid, len(data))) == data
            assert (found.recipe is None) == (not store.missing((found.oid,)))
            assert store.catalog.recipes_for([found.oid]).get(found.oid) == found.recipe
        assert done["d/65536"].recipe is None
        assert done["d/7000001"].recipe is not None
        assert os.listdir(tmp_path / "store" / "tmp") == []


@settings(max_examples=15, deadline=None)
@given(size=st.integers(0, 60_000), window=st.integers(1100, 9000))
def test_the_windows_of_a_large_file_change_nothing(tmp_path_factory: pytest.TempPathFactory, size: int, window: int):
    tmp_path = tmp_path_factory.mktemp("windows")
    params = ChunkerParams(minimum=64, average=256, maximum=1024)
    data = pseudo_random(size, size)
    (tmp_path / "f").write_bytes(data)
    before, ingest_read.WINDOW = ingest_read.WINDOW, window
    try:
        with open_store(str(tmp_path / "s"), str(tmp_path / "c"), params) as store:
            with store.writer() as writer:
                streamed, _ = ingest_read.read_large(str(tmp_path / "f"), writer, 1 << 40, lambda size: None)
                assert streamed.recipe == writer.recipes.get(writer.add_object(Kind.CHUNK, data))
            assert b"".join(store.iter_content(streamed.oid, size)) == data
    finally:
        ingest_read.WINDOW = before


def test_hash_only_needs_no_store(tmp_path: Path, windows: None):
    contents = {"a": b"a", "b": pseudo_random(3 << 20, 1), "c": b""}
    told: list[tuple[int, int]] = []
    found = ingest(None, _write(tmp_path, contents), on_progress=lambda size, files: told.append((size, files)))
    assert {done.key: done.oid for done in found} == {name: Oid.of(data) for name, data in contents.items()}
    assert sum(size for size, _ in told) == (3 << 20) + 1
    assert sum(files for _, files in told) == 3


def test_each_file_is_opened_once_and_queries_are_batched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = _write(tmp_path / "data", {f"f{number}": b"%d" % number for number in range(1000)})
    with opened(tmp_path) as store:
        opens: list[str] = []
        real = os.open

        def counting(path, *args, **options):
            opens.append(os.fspath(path))
            return real(path, *args, **options)

        statements: list[str] = []
        with store.writer() as writer, store.catalog.transaction() as connection:
            monkeypatch.setattr(os, "open", counting)
            connection.set_trace_callback(statements.append)
            assert len(list(ingest(writer, files))) == 1000
            connection.set_trace_callback(None)
            monkeypatch.undo()
        assert sorted(path for path in opens if "/data/" in path) == sorted(file.path for file in files)
        assert len(statements) == 4, "one query for each batch of 256 files"


def test_a_large_file_is_opened_once(tmp_path: Path, windows: None, monkeypatch: pytest.MonkeyPatch):
    (file,) = _write(tmp_path / "data", {"big": pseudo_random(5 << 20, 1)})
    opens: list[str] = []
    real = os.open

    def counting(path, *args, **options):
        opens.append(os.fspath(path))
        return real(path, *args, **options)

    with opened(tmp_path) as store:
        monkeypatch.setattr(os, "open", counting)
        _add(store, [file])
        monkeypatch.undo()
    assert opens.count(file.path) == 1


def test_equal_content_is_stored_once(tmp_path: Path):
    data = pseudo_random(200_000, 1)
    files = _write(tmp_path / "data", {f"f{number}": data for number in range(20)})
    with opened(tmp_path) as store:
        with store.writer() as writer:
            assert len({done.oid for done in ingest(writer, files)}) == 1
            assert writer.finish().raw < 201_000
        with store.writer() as writer:
            list(ingest(writer, files))
            assert writer.finish().frames == 0


def _changing(path: str, times: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let another program append to ``path`` during each of the next ``times`` reads."""
    reads: list[int] = []
    real = ingest_read.read_block

    def read_block(fd: int, length: int) -> bytes:
        data = real(fd, length)
        if len(reads) < times:
            with open(path, "ab") as stream:
                stream.write(b"more")
        reads.append(length)
        return data

    monkeypatch.setattr(ingest_read, "read_block", read_block)
    return reads


def test_a_file_that_changes_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (file,) = _write(tmp_path / "data", {"a": b"start"})
    reads = _changing(file.path, 3, monkeypatch)
    with opened(tmp_path) as store:
        found = _add(store, [file])["a"]
        assert store.read_frame(found.oid) == b"start" + b"more" * 3 == Path(file.path).read_bytes()
    assert len(reads) == 4


def test_a_file_that_keeps_changing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (file,) = _write(tmp_path / "data", {"a": b"start"})
    reads = _changing(file.path, 100, monkeypatch)
    with opened(tmp_path) as store:
        with pytest.raises(FileChanged) as caught:
            _add(store, [file])
        assert caught.value.path == file.path
        assert store.catalog.packs(LOCAL) == {}
    assert len(reads) == 4


@pytest.mark.parametrize("windowed", [False, True], ids=["small", "large"])
def test_a_file_that_a_mapping_changes_while_it_is_read_is_refused(
    tmp_path: Path, windows: None, monkeypatch: pytest.MonkeyPatch, windowed: bool
):
    if in_memory(tmp_path):
        pytest.skip("a file system in memory writes no page out")
    (file,) = _write(tmp_path / "data", {"a": bytes(ingest_read.WINDOW * 2 if windowed else 9000)})
    with open(file.path, "r+b") as opened_file, mmap.mmap(opened_file.fileno(), 0) as mapped:
        mapped[0] = 1  # from here on no store changes the times, until the page was written out
        reads: list[int] = []

        def read(fd: int, length: int, at: int | None = None) -> bytes:
            reads.append(length)
            mapped[0] = len(reads) % 256
            return bytes(length)

        monkeypatch.setattr(ingest_read, "read_block", read)
        monkeypatch.setattr(ColdReader, "read_into", lambda self, data, place: len(read(0, len(data))), raising=True)
        with opened(tmp_path) as store, pytest.raises(FileChanged):
            _add(store, [file])
    assert len(reads) >= 4


def test_only_young_files_are_written_out_and_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = _write(tmp_path / "data", {"a": b"1", "b": b"2", "empty": b""})
    asked: list[int] = []
    monkeypatch.setattr(ingest_read, "write_out", asked.append)
    list(ingest(None, files))
    assert len(asked) == 2
    real = time.time_ns
    monkeypatch.setattr(writeback.time, "time_ns", lambda: real() + writeback.YOUNG_NS)
    list(ingest(None, files))
    assert len(asked) == 2


def test_a_large_file_that_is_cut_short_while_it_is_read(tmp_path: Path, windows: None, monkeypatch):
    (file,) = _write(tmp_path / "data", {"a": pseudo_random(9 << 20, 1)})
    real = ColdReader.read_into

    def read_into(self: ColdReader, view: memoryview, offset: int) -> int:
        count = real(self, view, offset)
        if os.path.getsize(file.path) > 5 << 20:
            os.truncate(file.path, 5 << 20)
        return count

    monkeypatch.setattr(ColdReader, "read_into", read_into)
    with opened(tmp_path) as store:
        found = _add(store, [file])["a"]
        assert b"".join(store.iter_content(found.oid, 5 << 20)) == pseudo_random(9 << 20, 1)[: 5 << 20]


def test_a_file_that_grew_since_the_scan(tmp_path: Path, windows: None):
    (file,) = _write(tmp_path / "data", {"a": pseudo_random(6 << 20, 1)})
    with opened(tmp_path) as store:
        found = _add(store, [file._replace(size=10)])["a"]
        assert found.size == 6 << 20
        assert b"".join(store.iter_content(found.oid, 6 << 20)) == pseudo_random(6 << 20, 1)


def test_a_file_that_shrank_since_the_scan(tmp_path: Path, windows: None):
    for size in (0, 10):
        (file,) = _write(tmp_path / "data", {"a": pseudo_random(size, 1)})
        with opened(tmp_path) as store:
            found = _add(store, [file._replace(size=6 << 20)])["a"]
            assert (found.size, found.recipe) == (size, None)
            assert store.read_frame(found.oid) == pseudo_random(size, 1)


@pytest.mark.parametrize("size", [10, 100 << 20])
def test_only_regular_files_are_read(tmp_path: Path, size: int):
    os.mkfifo(tmp_path / "fifo")
    os.symlink("/etc/passwd", tmp_path / "link")
    (tmp_path / "dir").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(tmp_path)
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        cases = {"fifo": FileTypeRefused, "link": SymlinkRefused, "dir": FileTypeRefused, "socket": FileTypeRefused}
        for name, error in {**cases, "absent": NoSuchPath}.items():
            with pytest.raises(error):
                list(ingest(None, [FileToRead(str(tmp_path / name), size, name)]))
    with pytest.raises(FileTypeRefused):
        list(ingest(None, [FileToRead("/dev/null", size, 0)]))


def test_the_size_limit_comes_before_reading(tmp_path: Path):
    path = tmp_path / "sparse"
    with open(path, "wb") as stream:
        stream.truncate(5 << 40)
    file = FileToRead(str(path), 5 << 40, 0)
    with pytest.raises(LimitExceeded) as caught:
        list(ingest(None, [file]))
    assert caught.value.hint == f"weft add --max-size {5 << 40} {path}"
    with pytest.raises(LimitExceeded):
        list(ingest(None, [file._replace(size=3)], max_size=10))
    os.truncate(path, 11)
    with pytest.raises(LimitExceeded):
        list(ingest(None, [file._replace(size=11)], max_size=10))
    assert len(list(ingest(None, [file._replace(size=11)], max_size=11))) == 1


def test_an_error_ends_the_run_and_leaves_nothing(tmp_path: Path):
    files = _write(tmp_path / "data", {f"f{number}": pseudo_random(5000, number) for number in range(2000)})
    files.insert(1500, FileToRead(str(tmp_path / "absent"), 1, "absent"))
    with opened(tmp_path) as store:
        with pytest.raises(NoSuchPath):
            _add(store, files)
        assert store.catalog.packs(LOCAL) == {}
        assert os.listdir(tmp_path / "store" / "tmp") == []


def test_memory_is_bounded(tmp_path: Path):
    with open(tmp_path / "big", "wb") as stream:
        for number in range(24):
            stream.write(pseudo_random(1 << 20, number) * 8)
    size = 24 * 8 << 20
    tracemalloc.start()
    try:
        with opened(tmp_path) as store, store.writer() as writer:
            list(ingest(writer, [FileToRead(str(tmp_path / "big"), size, 0)]))
            assert writer.peak <= 18 << 20
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 80 << 20


def test_the_reader_waits_for_who_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ingest_read, "WINDOW", 1 << 20)
    monkeypatch.setattr(ingest_module, "WINDOW", 1 << 20)
    (file,) = _write(tmp_path / "data", {"big": pseudo_random(20 << 20, 1)})
    ahead: list[int] = [0]
    read: list[int] = []
    real_read, real_split = ColdReader.read_into, ingest_read.split

    def read_into(self: ColdReader, view: memoryview, offset: int) -> int:
        ahead[0] += 1
        read.append(ahead[0])
        return real_read(self, view, offset)

    def split(data, lengths):
        time.sleep(0.02)
        ahead[0] -= 1
        return real_split(data, lengths)

    monkeypatch.setattr(ColdReader, "read_into", read_into)
    monkeypatch.setattr(ingest_read, "split", split)
    with opened(tmp_path) as store:
        _add(store, [file])
    assert max(read) <= 5


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "hashed"])
def test_the_next_window_is_read_while_one_is_worked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bool):
    monkeypatch.setattr(ingest_read, "WINDOW", 1 << 20)
    content = pseudo_random((3 << 20) + 17, 1)
    (file,) = _write(tmp_path / "data", {"big": content})
    begun = threading.Semaphore(0)
    real_read = ColdReader.read_into

    def read_into(self: ColdReader, view: memoryview, offset: int) -> int:
        if offset:
            begun.release()
        return real_read(self, view, offset)

    def tell(size: int) -> None:
        told.append(size)
        if len(told) < 4:
            assert begun.acquire(timeout=10), "the next is read only after this"

    told: list[int] = []
    monkeypatch.setattr(ColdReader, "read_into", read_into)
    with opened(tmp_path) as store, store.writer() as writer:
        streamed, _ = ingest_read.read_large(file.path, writer if stored else None, 1 << 40, tell)
    assert (streamed.oid, told) == (Oid.of(content), [1 << 20] * 3 + [17])


def test_nobody_reads_from_a_file_that_was_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ingest_read, "WINDOW", 1 << 20)
    (file,) = _write(tmp_path / "data", {"big": pseudo_random(3 << 20, 1)})
    under_way: list[int] = []
    real_read = ColdReader.read_into

    def read_into(self: ColdReader, view: memoryview, offset: int) -> int:
        under_way.append(offset)
        time.sleep(0.05)
        done = real_read(self, view, offset)
        under_way.remove(offset)
        return done

    def tell(size: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ColdReader, "read_into", read_into)
    with pytest.raises(KeyboardInterrupt):
        ingest_read.read_large(file.path, None, 1 << 40, tell)
    assert not under_way


def _ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: Callable[[bool], int]) -> dict[str, int]:
    """Read 100 batches from a disk for which a batch costs ``waits`` (told whether it was asked for ahead), and count
    what was done in which way."""
    batches = 100
    monkeypatch.setattr(ingest_module, "HELPED", batches + 1)  # no process takes any
    files = _write(tmp_path, {str(number): b"%d" % number for number in range(batches * 4)})
    counts = {"here": 0, "ahead": 0, "threads": 0}
    asked: set[str] = set()
    waited = [0]
    here = threading.get_ident()
    real_read, real_ask = ingest_module._Reader.read, ingest_module.ask_for

    def read(reader, batch):
        ahead = batch[0].path in asked
        if threading.get_ident() == here:
            waited[0] += waits(ahead) * len(batch)
        counts["threads" if threading.get_ident() != here else "ahead" if ahead else "here"] += 1
        return real_read(reader, batch)

    def ask_for(batch):
        asked.update(file.path for file in batch)
        real_ask(batch)

    monkeypatch.setattr(ingest_module, "BATCH_FILES", 4)
    monkeypatch.setattr(ingest_module, "waits", lambda: waited[0])
    monkeypatch.setattr(ingest_module._Reader, "read", read)
    monkeypatch.setattr(ingest_module, "ask_for", ask_for)
    assert sorted(int(str(done.key)) for done in ingest(None, files)) == list(range(batches * 4))
    assert sum(counts.values()) == batches
    return counts


def test_one_thread_reads_what_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert _ways(tmp_path, monkeypatch, lambda ahead: 0) == {"here": 100, "ahead": 0, "threads": 0}


def test_a_slow_disk_is_asked_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # Now and then it is tried whether the disk is still slow.
    assert _ways(tmp_path, monkeypatch, lambda ahead: not ahead) == {"here": 2, "ahead": 98, "threads": 0}


def test_many_threads_wait_for_a_slow_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert _ways(tmp_path, monkeypatch, lambda ahead: 1) == {"here": 2, "ahead": 2, "threads": 96}


def test_asking_ahead_raises_nothing(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "there").write_bytes(b"x")
    ingest_read.ask_for([FileToRead(str(tmp_path / name), 1, name) for name in ("fifo", "absent", "there")])


def test_ctrl_c_ends_a_run_soon(tmp_path: Path):
    with open(tmp_path / "huge", "wb") as stream:
        stream.truncate(3 << 40)
    code = (
        "import os, signal, sys, threading\n"
        "from weft.objects.ingest import FileToRead, ingest\n"
        "from weft.objects.store import open_store\n"
        "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "root = sys.argv[1]\n"
        "with open_store(root + '/s', root + '/c') as store, store.writer() as writer:\n"
        "    list(ingest(writer, [FileToRead(root + '/huge', 3 << 40, 0)]))\n"
    )
    argv = [sys.executable, "-c", code, str(tmp_path)]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert "KeyboardInterrupt" in ran.stderr
    assert os.listdir(tmp_path / "s" / "tmp") == []
