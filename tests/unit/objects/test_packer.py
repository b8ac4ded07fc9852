from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from kit import pseudo_random
from packbytes import decode_pack
from weft.errors import EnvironmentFault, WeftError
from weft.formats.pack import MAX_PACK
from weft.model.entry import RAW
from weft.model.oid import Kind, Oid
from weft.objects import store_folder
from weft.objects.background import Background
from weft.objects.blocks import BlockFile
from weft.objects.packer import IN_FLIGHT, MOST_FRAMES, PackWriter
from weft.objects.packfiles import PackFiles
from weft.util import blocks
from weft.util.blocks import BLOCK
from weft.util.progress import SilentProgress


def _files(root: Path) -> PackFiles:
    files = PackFiles(str(root), SilentProgress())
    files.prepare()
    return files


def _add(writer: PackWriter, data: bytes) -> Oid:
    oid = Oid.of(data)
    writer.add(oid, Kind.CHUNK, RAW, len(data), data, xxh3_64_intdigest(data))
    return oid


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(max_size=2000), max_size=60, unique=True), st.integers(300, 5000))
def test_packs_read_back(tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], target: int):
    files = _files(tmp_path_factory.mktemp("packs"))
    writer = PackWriter(files, target=target, limit=max(target, 2200))
    oids = [_add(writer, piece) for piece in pieces]
    sealed = writer.finish()
    found = []
    for pack in sealed:
        data = Path(files.path(pack.name)).read_bytes()
        assert blake3(data).digest() == pack.name
        assert len(data) == pack.size <= max(target, 2200)
        assert decode_pack(data) == pack.info().frames
        found += [(frame.oid, data[frame.offset : frame.offset + frame.stored]) for frame in pack.info().frames]
    assert found == list(zip(oids, pieces, strict=True))
    assert os.listdir(f"{files.root}/tmp") == []


def test_packs_are_sealed_at_the_target_and_never_over_the_limit(tmp_path: Path):
    writer = PackWriter(_files(tmp_path))
    big = pseudo_random(15 << 20, 1)
    for number in range(9):
        _add(writer, bytes([number]) + big)
    sizes = [pack.size for pack in writer.finish()]
    assert len(sizes) >= 3
    assert max(sizes) <= MAX_PACK
    assert writer.peak <= IN_FLIGHT


def test_a_frame_that_would_pass_the_limit_starts_a_new_pack(tmp_path: Path):
    writer = PackWriter(_files(tmp_path), target=1200, limit=1500)
    for number in range(4):
        _add(writer, pseudo_random(900, number))
    assert [pack.size for pack in writer.finish()] == [900 + 16 + 60 + 32] * 4


def test_a_pack_of_tiny_frames_ends_at_a_number_of_them(tmp_path: Path):
    # Whoever proves a pack or reads its index holds the list of its frames: more memory than the tiny frames themselves.
    writer = PackWriter(_files(tmp_path))
    for number in range(2 * MOST_FRAMES + 1):
        _add(writer, b"%d" % number)
    assert [len(pack.info().frames) for pack in writer.finish()] == [MOST_FRAMES, MOST_FRAMES, 1]


def test_a_slow_disk_holds_up_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = BlockFile.append

    def append(file: BlockFile, data: memoryview) -> None:
        time.sleep(0.02)
        real(file, data)

    monkeypatch.setattr(BlockFile, "append", append)
    writer = PackWriter(_files(tmp_path))
    piece = pseudo_random(1 << 20, 1)
    for number in range(60):
        _add(writer, bytes([number]) + piece)
    writer.finish()
    assert 8 << 20 < writer.peak <= 16 << 20


def test_a_file_is_read_only_and_durable_before_it_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    calls: list[str] = []
    real_sync, real_link = os.fsync, os.link

    def sync(fd: int) -> None:
        calls.append(f"fsync {os.path.basename(os.readlink(f'/proc/self/fd/{fd}'))[-5:]}")
        real_sync(fd)

    def link(*args: str, **options: bool) -> None:
        calls.append("link")
        real_link(*args, **options)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "link", link)
    files = _files(tmp_path)
    calls.clear()
    writer = PackWriter(files)
    _add(writer, b"data")
    (pack,) = writer.finish()
    directory = pack.name.hex()[:2]
    assert calls == ["fsync .pack", "fsync packs", "link", f"fsync {directory}"]
    assert os.stat(files.path(pack.name)).st_mode & 0o222 == 0


@pytest.mark.parametrize("size", [4096, 4095, 8192])
def test_frames_may_lie_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int):
    monkeypatch.setattr(blocks, "BLOCK", size)
    files = _files(tmp_path)
    writer = PackWriter(files, target=50_000)
    lengths = [0, 1, size - 17, size, size + 1, 3 * size, 5, *range(900, 1000)]
    pieces = [pseudo_random(length, length) for length in lengths]
    for piece in pieces:
        _add(writer, piece)
    found = []
    for pack in writer.finish():
        data = Path(files.path(pack.name)).read_bytes()
        assert blake3(data).digest() == pack.name
        found += [data[frame.offset : frame.offset + frame.stored] for frame in decode_pack(data)]
    assert found == pieces


def test_bytes_are_copied(tmp_path: Path):
    files = _files(tmp_path)
    writer = PackWriter(files)
    buffer = bytearray(b"first")
    writer.add(Oid.of(buffer), Kind.CHUNK, RAW, 5, memoryview(buffer), xxh3_64_intdigest(buffer))
    buffer[:] = b"wrong"
    (pack,) = writer.finish()
    assert Path(files.path(pack.name)).read_bytes()[16:21] == b"first"


def _write_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[int, set[int]]:
    """Write a pack of two blocks and a bit: by length of the writes, whether they passed by the page cache."""
    direct: dict[int, set[int]] = {}
    real = os.write

    def write(fd: int, data: memoryview) -> int:
        direct.setdefault(len(data), set()).add(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT)
        return real(fd, data)

    files = _files(tmp_path)
    writer = PackWriter(files)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        for number in range(3):
            _add(writer, pseudo_random(3 << 20, number))
        (pack,) = writer.finish()
    data = Path(files.path(pack.name)).read_bytes()
    assert blake3(data).digest() == pack.name
    assert len(decode_pack(data)) == 3
    return direct


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="this system has no writing past the page cache")
def test_whole_blocks_pass_by_the_page_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    flags = _write_flags(tmp_path, monkeypatch)
    assert set(flags) == {BLOCK, (1 << 20) + 16 + 3 * 60 + 32}
    assert flags == {length: {os.O_DIRECT if length == BLOCK else 0} for length in flags}


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="this system has no writing past the page cache")
def test_a_file_system_that_knows_only_the_page_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = fcntl.fcntl

    def refuse(fd: int, command: int, *flags: int) -> int:
        if command == fcntl.F_SETFL and flags[0] & os.O_DIRECT:
            raise OSError(errno.EINVAL, "no")
        return real(fd, command, *flags)

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    assert set.union(*_write_flags(tmp_path, monkeypatch).values()) == {0}


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="this system has no writing past the page cache")
def test_an_odd_rest_after_a_short_write_goes_through_the_page_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = os.write

    def write(fd: int, data: memoryview) -> int:
        direct = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DIRECT
        if direct and len(data) < BLOCK:
            raise OSError(errno.EINVAL, "unaligned")
        if direct:
            # As a signal or a nearly full disk leaves it.
            data = bytes(data[:1000])
            fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_DIRECT)
            try:
                return real(fd, data)
            finally:
                fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_DIRECT)
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    files = _files(tmp_path)
    writer = PackWriter(files)
    for number in range(3):
        _add(writer, pseudo_random(3 << 20, number))
    (pack,) = writer.finish()
    assert blake3(Path(files.path(pack.name)).read_bytes()).digest() == pack.name


def test_abort_leaves_nothing(tmp_path: Path):
    files = _files(tmp_path)
    writer = PackWriter(files)
    _add(writer, pseudo_random(5 << 20, 1))
    writer.abort()
    assert os.listdir(f"{files.root}/tmp") == []
    assert list(files.names()) == []
    with pytest.raises(RuntimeError):
        _add(writer, b"more")


def test_a_failed_write_publishes_nothing(tmp_path: Path):
    # A file size limit of the kernel stands for the full disk. What follows the lost write must not get a name.
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from test_packer import _add, _files\n"
        "from weft.objects.packer import PackWriter\n"
        "from weft.errors import WeftError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))\n"
        "writer = PackWriter(_files(Path(sys.argv[1])), target=8 << 20)\n"
        "try:\n"
        "    for number in range(40):\n"
        "        _add(writer, bytes([number]) * (1 << 20))\n"
        "    writer.finish()\n"
        "except WeftError as error:\n"
        "    writer.abort()\n"
        "    print('refused', error.message)\n"
    )
    here = str(Path(__file__).parent)
    tests = str(Path(__file__).parents[2])
    argv = [sys.executable, "-c", code, str(tmp_path), here]
    printed = subprocess.check_output(argv, text=True, env={"PYTHONPATH": tests})
    assert "refused" in printed
    assert list(_files(tmp_path).names()) == []
    assert os.listdir(tmp_path / "tmp") == []


def test_a_file_that_is_shorter_than_what_was_written_is_not_published(tmp_path: Path):
    files = _files(tmp_path)
    writer = PackWriter(files)
    _add(writer, pseudo_random(BLOCK + 1, 1))
    (temp,) = (tmp_path / "tmp").iterdir()
    writer._writing.drain()
    os.chmod(temp, 0o644)
    assert writer._file is not None
    os.lseek(writer._file.fd, 0, os.SEEK_SET)
    with pytest.raises(EnvironmentFault):
        writer.finish()
    writer.abort()
    assert list(files.names()) == []


def test_no_job_runs_after_one_that_failed():
    ran: list[int] = []
    background = Background(100, "test")
    submitted = threading.Event()

    def fail() -> None:
        submitted.wait(5)
        raise WeftError("no")

    background.submit(1, fail)

    def all_of_them() -> None:
        for number in range(50):
            background.submit(1, lambda number=number: ran.append(number))
        submitted.set()
        background.drain()

    with pytest.raises(WeftError):
        all_of_them()
    background.close()
    assert ran == []


def test_bytes_in_flight_are_bounded():
    gate = threading.Event()
    background = Background(100, "test")
    background.submit(60, gate.wait)
    background.submit(40, lambda: None)
    threading.Timer(0.05, gate.set).start()
    background.submit(60, lambda: None)
    assert gate.is_set()
    assert background.peak <= 100
    background.drain()
    background.close()


def test_leftovers_of_the_dead_are_reaped(tmp_path: Path):
    files = _files(tmp_path)
    mine = files.temp_path()
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from weft.objects.packfiles import PackFiles; print(PackFiles(sys.argv[1], None).temp_path())",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    reused = mine.replace(f"{os.getpid()}-", f"{os.getpid()}-1", 1)
    elsewhere = f"{tmp_path}/tmp/.weft-tmp-{os.getpid()}-5-{'f' * 8}-{'a' * 8}-0.pack"
    for path in (mine, child, reused, elsewhere):
        Path(path).write_bytes(b"half")
    now = os.stat(mine).st_mtime
    assert store_folder.reap(str(tmp_path), now) == 2
    assert sorted(os.listdir(tmp_path / "tmp")) == sorted([os.path.basename(mine), os.path.basename(elsewhere)])
    assert store_folder.reap(str(tmp_path), now + 90000) == 1
    assert os.listdir(tmp_path / "tmp") == [os.path.basename(mine)]
