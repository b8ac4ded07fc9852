"""Reading once what is not in memory, without putting it there."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import pseudo_random
from weft.util import coldread
from weft.util.coldread import ALIGNED, PROBED, ColdReader, aligned, blocks_of

SIZE = (1 << 20) + 777
DATA = pseudo_random(SIZE, 1)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "f").write_bytes(DATA)
    fd = os.open(tmp_path / "f", os.O_RDONLY)
    os.fsync(fd)
    yield fd
    os.close(fd)


def _forget(fd: int) -> None:
    """Take the file out of memory."""
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def _in_memory(fd: int, offset: int) -> bool:
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)  # a look shall not read ahead
    try:
        return bool(os.preadv(fd, [bytearray(1)], offset, os.RWF_NOWAIT))
    except BlockingIOError:
        return False


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("length", [0, 1, 4096, 5000, 300_000, SIZE, SIZE + 10_000])
@pytest.mark.parametrize("offset", [0, 4096, 1, 70_000, SIZE - 1, SIZE, SIZE + 5000])
def test_bytes_come_from_anywhere(file: int, offset: int, length: int, known: bool):
    if not known:
        _forget(file)
    view = aligned(length)[:length]
    assert ColdReader(file).read_into(view, offset) == len(DATA[offset : offset + length])
    assert bytes(view[: max(min(length, SIZE - offset), 0)]) == DATA[offset : offset + length]


def test_what_was_not_in_memory_does_not_get_there(file: int):
    _forget(file)
    forgets = not _in_memory(file, 256 << 10)  # a file system in memory does not
    view = aligned(SIZE)[:SIZE]
    assert ColdReader(file).read_into(view, 0) == SIZE
    assert view == DATA
    assert _in_memory(file, 512 << 10) != forgets  # to ask makes the kernel read a few pages there
    os.pread(file, SIZE, 0)
    assert _in_memory(file, 768 << 10)


def test_looking_leaves_nothing_behind(tmp_path: Path):
    (tmp_path / "f").write_bytes(DATA * 6)
    with (tmp_path / "f").open("rb") as file:
        os.fsync(file.fileno())
        _forget(file.fileno())
        reader = ColdReader(file.fileno())
        forgets = not reader.in_memory(0, 1)
        time.sleep(0.1)  # for what the kernel reads ahead
        assert _in_memory(file.fileno(), 2 * ALIGNED) != forgets
        _forget(file.fileno())
        assert b"".join(bytes(part) for part in blocks_of(file.fileno(), aligned(PROBED))) == DATA * 6
        assert reader.in_memory(0, len(DATA) * 6) != forgets


@pytest.mark.parametrize("known", [True, False])
def test_the_next_reader_is_read_ahead_for(file: int, known: bool, monkeypatch: pytest.MonkeyPatch):
    if not known:
        _forget(file)
    advised: list[int] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, start, length, advice: advised.append(advice))
    ColdReader(file).in_memory(0, 1)
    assert advised == [os.POSIX_FADV_RANDOM, os.POSIX_FADV_NORMAL]


def test_what_is_half_in_memory_comes_from_both(file: int):
    _forget(file)
    os.pread(file, 8 * ALIGNED, 0)
    view = aligned(SIZE)[:SIZE]
    assert ColdReader(file).read_into(view, 0) == SIZE
    assert view == DATA


@pytest.mark.parametrize("missing", ["_NOWAIT", "_DIRECT"])
def test_systems_without_it_read_as_ever(file: int, missing: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(coldread, missing, 0)
    _forget(file)
    view = aligned(SIZE)[:SIZE]
    assert ColdReader(file).read_into(view, 0) == SIZE
    assert view == DATA


@pytest.mark.parametrize("refused", ["asking", "bypassing"])
def test_file_systems_that_refuse_read_as_ever(file: int, refused: str, monkeypatch: pytest.MonkeyPatch):
    _forget(file)
    real = os.preadv
    refusals: list[int] = []

    def preadv(fd: int, views: list[memoryview], offset: int, flags: int = 0) -> int:
        bypassing = bool(os.get_blocking(fd) and _flags(fd) & os.O_DIRECT)
        if (refused == "asking" and flags) or (refused == "bypassing" and bypassing):
            refusals.append(offset)
            raise OSError(errno.EINVAL, "not here")
        return real(fd, views, offset, flags)

    monkeypatch.setattr(os, "preadv", preadv)
    view = aligned(SIZE)[:SIZE]
    assert ColdReader(file).read_into(view, 0) == SIZE
    assert view == DATA
    assert refusals == [0], "asked once, and never again"
    assert not _flags(file) & os.O_DIRECT


def test_an_error_of_the_disk_is_one(file: int, monkeypatch: pytest.MonkeyPatch):
    def preadv(*args: object) -> int:
        raise OSError(errno.EIO, "the disk")

    monkeypatch.setattr(os, "preadv", preadv)
    with pytest.raises(OSError, match="the disk"):
        ColdReader(file).read_into(aligned(100)[:100], 0)


def _flags(fd: int) -> int:

    return fcntl.fcntl(fd, fcntl.F_GETFL)
