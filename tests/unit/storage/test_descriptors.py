"""Copying a file between a directory remote and the store: by the kernel where it can, whole in any case."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from weft.errors import HashMismatch, SymlinkRefused
from weft.model.oid import Oid
from weft.objects.pack_check import proof_of
from weft.storage.descriptors import copy_bytes, copy_once, upload_source
from weft.storage.keys import BLOCK
from weft.util.coldread import ALIGNED, ColdReader

DATA = os.urandom(3 * BLOCK + 17)


def copied(tmp_path: Path) -> bytes:
    """``DATA`` after it went through ``copy_bytes``."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(DATA)
    with source.open("rb") as a, target.open("wb") as b:
        assert copy_bytes(a.fileno(), b.fileno()) == len(DATA)
    return target.read_bytes()


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="this system has no copy_file_range")
def test_the_kernel_copies_and_no_block_passes_through_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[int] = []
    plain = os.read

    def counted(fd: int, size: int) -> bytes:
        data = plain(fd, size)
        passed.append(len(data))
        return data

    monkeypatch.setattr(os, "read", counted)
    assert copied(tmp_path) == DATA
    assert sum(passed) == 0


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM])
def test_what_the_kernel_will_not_copy_is_read_and_written(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: int, target: int, count: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    assert copied(tmp_path) == DATA


def test_a_file_system_that_says_too_early_that_all_is_copied_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = [BLOCK, 0]

    def some(source: int, target: int, count: int) -> int:
        return os.write(target, os.read(source, rest.pop(0)))

    monkeypatch.setattr(os, "copy_file_range", some, raising=False)
    assert copied(tmp_path) == DATA


def test_a_full_disk_is_an_error_and_not_another_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: int, target: int, count: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "copy_file_range", full, raising=False)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        copied(tmp_path)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("size", [0, BLOCK - 1, 5 * BLOCK, 9 * BLOCK + 17])
def test_what_is_not_in_memory_is_copied_past_it(tmp_path: Path, keep: bool, size: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    data = os.urandom(size)
    source.write_bytes(data)
    with source.open("rb") as a, target.open("wb") as b:
        os.fsync(a.fileno())
        os.posix_fadvise(a.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        # Asking makes the kernel read a few pages there. A file system in memory forgets nothing.
        forgets = not ColdReader(a.fileno()).in_memory(size // 4 // ALIGNED * ALIGNED, 1)
        if keep:
            assert copy_bytes(a.fileno(), b.fileno()) == size
        else:
            assert copy_once(a.fileno(), b.fileno(), proof_of(Oid.of(data), size)) == size
            assert not (forgets and size and ColdReader(a.fileno()).in_memory(0, size))  # nor a page that was looked at
        place = size // 3 // ALIGNED * ALIGNED
        assert ColdReader(a.fileno()).in_memory(place, 1) != (forgets and size >= (BLOCK if keep else 1))
        with target.open("rb") as c:
            assert ColdReader(c.fileno()).in_memory(place, 1) != (forgets and size >= BLOCK and not keep)
        b.seek(0, os.SEEK_END)
        b.write(b"more")  # the descriptor is as ordinary as before
    assert target.read_bytes() == data + b"more"


def test_bytes_of_another_name_or_number_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(DATA)
    for proof in (proof_of(Oid.of(DATA), len(DATA) + 1), proof_of(Oid.of(b"other"), len(DATA))):
        with source.open("rb") as a, (tmp_path / "target").open("wb") as b, pytest.raises(HashMismatch) as caught:
            copy_once(a.fileno(), b.fileno(), proof)
        assert "again" in caught.value.hint


def test_a_link_is_no_file_to_upload(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"bytes")
    os.symlink(tmp_path / "real", tmp_path / "link")
    with pytest.raises(SymlinkRefused), upload_source(str(tmp_path / "link")):
        pass


def test_blocks_are_shared_where_the_file_system_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    def ioctl(fd: int, request: int, source: int) -> int:
        asked.append((request, source))
        os.write(fd, os.pread(source, len(DATA), 0))  # as the kernel would, without moving the source
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    assert copied(tmp_path) == DATA
    with (tmp_path / "source").open("rb") as a, (tmp_path / "once").open("wb") as b:
        assert copy_once(a.fileno(), b.fileno()) == len(DATA)
    assert (tmp_path / "once").read_bytes() == DATA
    assert [request for request, _ in asked] == [0x40049409] * 2
