"""Writing a large file by a thread of its own."""

import errno
import fcntl
import os
import shutil
import threading

import pytest

from kit import pseudo_random
from localstores import corrupt
from weft.errors import DiskFull, HashMismatch
from weft.objects import store_read
from weft.util.blocks import BLOCK, new_block
from weft.workspace import blockwise, writer
from weft.workspace.blockwise import write_blocks

SIZE = 2 * BLOCK + 12345
needs_direct = pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="this system has no writing past the page cache")


@pytest.fixture
def fd(tmp_path):
    made = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT | os.O_EXCL)
    yield made
    os.close(made)


@pytest.fixture
def writes(monkeypatch):
    """Length of each write, and whether it passed by the page cache."""
    seen = []
    real = os.write

    def write(fd, data):
        seen.append((len(data), bool(fcntl.fcntl(fd, fcntl.F_GETFL) & getattr(os, "O_DIRECT", 0))))
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    return seen


def cut(data, size):
    return (data[at : at + size] for at in range(0, len(data), size))


@needs_direct
@pytest.mark.parametrize("piece", [100_001, BLOCK, SIZE])
def test_whole_blocks_pass_by_the_page_cache(tmp_path, fd, writes, piece):
    data = pseudo_random(SIZE, 1)
    write_blocks(fd, cut(data, piece))
    assert (tmp_path / "file").read_bytes() == data
    assert writes == [(BLOCK, True), (BLOCK, True), (12345, False)]


@needs_direct
def test_a_file_system_that_refuses_gets_ordinary_writes(tmp_path, fd, writes, monkeypatch):
    real = fcntl.fcntl

    def refuse(fd, command, *flags):
        if command == fcntl.F_SETFL and flags[0] & os.O_DIRECT:
            raise OSError(errno.EINVAL, "no")
        return real(fd, command, *flags)

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    data = pseudo_random(SIZE, 2)
    write_blocks(fd, cut(data, 1 << 20))
    assert (tmp_path / "file").read_bytes() == data
    assert {direct for _, direct in writes} == {False}


def test_memory_is_bounded_when_the_disk_is_slower_than_the_source(tmp_path, fd, monkeypatch):
    made = []
    monkeypatch.setattr(blockwise, "new_block", lambda: made.append(1) or new_block())
    data = pseudo_random(12 * BLOCK, 3)
    write_blocks(fd, cut(data, BLOCK))
    assert (tmp_path / "file").stat().st_size == len(data)
    assert 1 <= len(made) <= 4


def test_a_failing_write_is_told_and_nothing_is_written_after_it(fd, monkeypatch):
    seen = []
    real = os.write

    def write(fd, data):
        seen.append(len(data))
        if len(seen) == 2:
            raise OSError(errno.ENOSPC, "full")
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="full"):
        write_blocks(fd, cut(pseudo_random(6 * BLOCK, 4), 1 << 20))
    assert len(seen) == 2


def test_when_the_source_fails_no_write_is_under_way_any_more(fd, monkeypatch):
    """Else the descriptor could be closed, given to another file, and written to."""
    gate, under_way, ended = threading.Event(), threading.Event(), []
    real = os.write

    def write(fd, data):
        under_way.set()
        gate.wait(20)
        done = real(fd, data)
        ended.append(done)
        return done

    def pieces():
        yield bytes(BLOCK)
        assert under_way.wait(20)
        threading.Timer(0.2, gate.set).start()
        raise HashMismatch("wrong")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(HashMismatch):
        write_blocks(fd, pieces())
    assert ended == [BLOCK]


# --- a checkout with such a file ---


@pytest.fixture
def large(tree, monkeypatch):
    monkeypatch.setattr(writer, "LARGE", BLOCK)
    tree.fill({"big": pseudo_random(SIZE, 5)})
    pointer = tree.add()
    before = tree.tree()
    shutil.rmtree(tree.root)
    tree.forget()
    return tree, pointer, before


@needs_direct
def test_a_checkout_writes_it_so(large, writes):
    tree, pointer, before = large
    tree.checkout(pointer)
    assert tree.tree() == before
    assert (BLOCK, True) in writes


@pytest.mark.parametrize("forged", [False, True])
def test_damaged_bytes_of_it_get_no_name(large, monkeypatch, forged):
    """Nor those whose checksum was made to agree: then the hash of the whole tells."""
    tree, pointer, _ = large
    if forged:
        monkeypatch.setattr(store_read, "check_frame", lambda stored, frame: None)
    for name, size in tree.store.catalog.packs(0).items():
        if size > SIZE:
            corrupt(tree.store.pack_path(name), size // 2)
    with pytest.raises(HashMismatch):
        tree.checkout(pointer)
    assert os.listdir(tree.root) == []


def test_a_full_disk_leaves_nothing(large, monkeypatch):
    tree, pointer, _ = large

    def full(fd, data):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr("weft.util.blocks.os.write", full)
        with pytest.raises(DiskFull):
            tree.checkout(pointer)
    assert os.listdir(tree.root) == []
