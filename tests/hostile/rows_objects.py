"""Hostile packs, files and catalogs as the local store meets them."""

from __future__ import annotations

import os
import pickle
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from xxhash import xxh3_64_intdigest

from kit import pseudo_random
from localstores import corrupt, filled, frame_of, only_pack, opened
from weft.errors import (
    FileChanged,
    FileTypeRefused,
    HashMismatch,
    LimitExceeded,
    SizeMismatch,
    StoreTampered,
    WeftError,
)
from weft.formats.pack import HEADER, encode_footer, encode_trailer
from weft.model.entry import RAW, ZSTD, Frame
from weft.model.oid import Kind, Oid
from weft.objects.catalog import LOCAL
from weft.objects.ingest import FileToRead, ingest
from weft.objects.store import LocalStore
from weft.util.progress import SilentProgress


def _plant(store: LocalStore, *frames: tuple[Oid, bytes, int, int]) -> str:
    """Put a pack of (oid, stored, raw, codec) into the store whose checksums are all right, and have it found."""
    body, made = bytearray(HEADER), []
    for oid, stored, raw, codec in frames:
        made.append(Frame(oid, len(body), len(stored), raw, Kind.CHUNK, codec, xxh3_64_intdigest(stored)))
        body += stored
    footer = encode_footer(made)
    body += footer + encode_trailer(len(body), footer, len(made))
    path = store.pack_path(Oid.of(body))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).write_bytes(body)
    os.chmod(path, 0o444)
    store.writer().abort()
    return path


def _quarantined(store: LocalStore) -> list[str]:
    return os.listdir(os.path.join(store.root, "quarantine"))


def _refused(store: LocalStore, oid: Oid, error: type[WeftError], path: str) -> None:
    with pytest.raises(error):
        store.read_frame(oid)
    assert _quarantined(store) == [os.path.basename(path)]
    assert not os.path.lexists(path)
    assert store.missing((oid,))


def changed_bytes(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        (oid,) = filled(store, b"some bytes")
        path = only_pack(store)
        corrupt(path, frame_of(store, oid).offset)
        _refused(store, oid, HashMismatch, path)


def truncated_pack(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        (oid,) = filled(store, b"some bytes")
        path = only_pack(store)
        os.chmod(path, 0o644)
        os.truncate(path, 20)
        _refused(store, oid, SizeMismatch, path)


def extended_pack(tmp_path: Path) -> None:
    progress = SilentProgress()
    with opened(tmp_path, progress) as store:
        (oid,) = filled(store, b"some bytes")
        path = only_pack(store)
        corrupt(path, os.path.getsize(path) - 1)
        with open(path, "ab") as stream:
            stream.write(b"more")
        store.writer().abort()
        assert _quarantined(store) == [os.path.basename(path)]
        assert store.read_frame(oid) == b"some bytes"
        assert len(progress.warnings) == 1


def matching_checksum(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        oid = Oid.of(b"true bytes")
        path = _plant(store, (oid, b"lies lies!", 10, RAW))
        _refused(store, oid, HashMismatch, path)


def matching_checksum_read_many(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        good, oid = Oid.of(b"good"), Oid.of(b"true bytes")
        _plant(store, (good, b"good", 4, RAW), (oid, b"lies lies!", 10, RAW))
        with pytest.raises(HashMismatch):
            list(store.read_many([good, oid]))
        assert list(store.read_many([good])) == [(good, b"good")]


def bytes_of_another_chunk(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        x = Oid.of(b"chunk X")
        _plant(store, (x, b"chunk Y", 7, RAW))
        with store.writer() as writer:
            # The catalog believes that X is here, so only the honest copy of another store can be the second one.
            writer._catalog = opened(tmp_path / "empty").catalog
            assert writer.add_object(Kind.CHUNK, b"chunk X") == x
            writer._catalog.close()
            writer._catalog = store.catalog
        assert len(store.catalog.locate([x], LOCAL)[x]) == 2
        assert store.read_frame(x) == b"chunk X"
        assert len(_quarantined(store)) == 1


def _run_bomb(tmp_path: Path, kind: str) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nimport rows_objects\nrows_objects.bomb(Path(sys.argv[1]), sys.argv[2])\n"
    )
    here = Path(__file__).parent
    env = {**os.environ, "PYTHONPATH": f"{here}:{here.parent}"}
    printed = subprocess.check_output([sys.executable, "-c", code, str(tmp_path), kind], env=env, text=True)
    peak_kib = int(printed)
    assert peak_kib < 200 << 10, f"{peak_kib} KiB"


def bomb(tmp_path: Path, kind: str) -> None:
    """Read a frame that wants to become huge; prints the peak memory of this process in KiB."""
    oid = Oid.of(b"bomb")
    if kind == "declares":
        # A zstd frame header with an 8-byte content size of 4 TiB (RFC 8878, section 3.1.1), then an empty last block.
        stored = b"\x28\xb5\x2f\xfd\xe0" + (4 << 40).to_bytes(8, "little") + b"\x01\x00\x00"
    else:
        # Without a content size: one block that repeats a byte 128 KiB, thousands of times over.
        block = ((128 << 10) << 3 | 1 << 1).to_bytes(3, "little") + b"x"
        stored = b"\x28\xb5\x2f\xfd\x00\x58" + block * 80_000 + b"\x01\x00\x00"
    assert zstandard.get_frame_parameters(stored) is not None
    with opened(tmp_path) as store:
        path = _plant(store, (oid, stored, 1 << 20, ZSTD))
        _refused(store, oid, LimitExceeded, path)
    # Not ``ru_maxrss``: a child inherits that from the process that started it.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(status["VmHWM"].split()[0])


def declares_4_tib(tmp_path: Path) -> None:
    _run_bomb(tmp_path, "declares")


def expands_to_10_gib(tmp_path: Path) -> None:
    _run_bomb(tmp_path, "expands")


def special_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(tmp_path)
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        for path in (tmp_path / "fifo", tmp_path / "socket", Path("/dev/zero")):
            start = time.monotonic()
            with opened(tmp_path) as store:
                with pytest.raises(FileTypeRefused), store.writer() as writer:
                    list(ingest(writer, [FileToRead(str(path), 5, 0)]))
                assert store.catalog.packs(LOCAL) == {}
            assert time.monotonic() - start < 1


def file_that_keeps_growing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(bytes(30 << 20))
    stop = threading.Event()

    def grow() -> None:
        with open(path, "ab", buffering=0) as stream:
            while not stop.is_set():
                stream.write(b"line\n")

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        with opened(tmp_path) as store:
            with pytest.raises(FileChanged), store.writer() as writer:
                list(ingest(writer, [FileToRead(str(path), 30 << 20, 0)]))
            assert store.catalog.packs(LOCAL) == {}
            assert list(store.files.names()) == []
            assert os.listdir(os.path.join(store.root, "tmp")) == []
    finally:
        stop.set()
        thread.join()


def sparse_petabyte(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with open(path, "wb") as stream:
        stream.truncate(8 << 40)  # more than the file system of a test machine may hold is not needed to be refused
    with opened(tmp_path) as store, pytest.raises(LimitExceeded) as caught, store.writer() as writer:
        list(ingest(writer, [FileToRead(str(path), 8 << 40, 0)]))
    assert "--max-size" in caught.value.hint


def pack_is_a_symlink(tmp_path: Path) -> None:
    target = tmp_path / "shadow"
    target.write_bytes(b"secret")
    with opened(tmp_path) as store:
        (oid,) = filled(store, b"some bytes")
        path = only_pack(store)
        os.unlink(path)
        os.symlink(target, path)
        _refused(store, oid, StoreTampered, path)
        assert os.path.islink(os.path.join(store.root, "quarantine", os.path.basename(path)))
        assert target.read_bytes() == b"secret"


def pack_is_a_fifo(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        (oid,) = filled(store, b"some bytes")
        path = only_pack(store)
        os.unlink(path)
        os.mkfifo(path)
        _refused(store, oid, StoreTampered, path)


def _untrusted(tmp_path: Path, spoil: Callable[[str], None]) -> None:
    progress = SilentProgress()
    with opened(tmp_path, progress) as store:
        oid = Oid.of(b"true bytes")
        spoil(_plant(store, (oid, b"lies lies!", 10, RAW), (Oid.of(b"good"), b"good", 4, RAW)))
        store.files.close()
        assert store.read_frame(Oid.of(b"good"), verify=False) == b"good"
        assert len(progress.warnings) == 1, progress.warnings
        with pytest.raises(HashMismatch):
            store.read_frame(oid, verify=False)
        assert [warning for warning in progress.warnings if "other users" in warning] == progress.warnings[:1]


def world_writable(tmp_path: Path) -> None:
    _untrusted(tmp_path, lambda path: os.chmod(path, 0o666))


def group_writable(tmp_path: Path) -> None:
    _untrusted(tmp_path, lambda path: os.chmod(path, 0o464))


def foreign_owner(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    _untrusted(tmp_path, lambda path: os.chown(path, 12345, -1))


def _same_results(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    big = pseudo_random(2_000_000, 1)
    with opened(tmp_path) as store:
        oids = filled(store, b"one", big)
    spoil(tmp_path / "catalog.sqlite")
    progress = SilentProgress()
    with opened(tmp_path, progress) as store:
        assert store.read_frame(oids[0]) == b"one"
        assert b"".join(store.iter_content(oids[1], len(big))) == big
        assert len(progress.warnings) == 1
    with opened(tmp_path, progress):
        assert len(progress.warnings) == 1


def catalog_of_random_bytes(tmp_path: Path) -> None:
    _same_results(tmp_path, lambda path: _overwrite(path, pseudo_random(9000, 1)))


def catalog_is_a_pickle(tmp_path: Path) -> None:
    _same_results(tmp_path, lambda path: _overwrite(path, pickle.dumps(["row"])))


def _overwrite(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def catalog_with_another_schema(tmp_path: Path) -> None:
    _same_results(tmp_path, lambda path: _execute(path, "DROP TABLE frames", "CREATE TABLE frames (oid, pack)"))


def catalog_of_another_version(tmp_path: Path) -> None:
    _same_results(tmp_path, lambda path: _execute(path, "PRAGMA user_version = 7"))


def catalog_with_a_trigger(tmp_path: Path) -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON held BEGIN DELETE FROM frames; END"
    _same_results(tmp_path, lambda path: _execute(path, trigger))


def catalog_with_pickled_rows(tmp_path: Path) -> None:
    row = pickle.dumps({"offset": 16}).hex()

    def spoil(path: Path) -> None:
        _execute(
            path,
            f"INSERT INTO frames VALUES (x'{row}', 1, 16, 3, 3, 1, 0, 0)",
            "UPDATE frames SET offset = 5000000000, stored = 4",
        )

    _same_results(tmp_path, spoil)


ROWS: list[tuple[int, str, Callable[[Path], None]]] = [
    (46, "local-pack-changed-bytes", changed_bytes),
    (47, "local-pack-truncated", truncated_pack),
    (47, "local-pack-extended", extended_pack),
    (48, "local-frame-matching-checksum", matching_checksum),
    (48, "local-frame-matching-checksum-read-many", matching_checksum_read_many),
    (51, "local-bytes-of-another-chunk", bytes_of_another_chunk),
    (52, "local-declares-4-tib", declares_4_tib),
    (52, "local-expands-to-10-gib", expands_to_10_gib),
    (59, "local-special-files", special_files),
    (60, "local-file-that-keeps-growing", file_that_keeps_growing),
    (64, "local-sparse", sparse_petabyte),
    (66, "local-pack-is-a-symlink", pack_is_a_symlink),
    (66, "local-pack-is-a-fifo", pack_is_a_fifo),
    (67, "local-world-writable", world_writable),
    (67, "local-group-writable", group_writable),
    (67, "local-foreign-owner", foreign_owner),
    (68, "catalog-random-bytes", catalog_of_random_bytes),
    (68, "catalog-is-a-pickle", catalog_is_a_pickle),
    (68, "catalog-another-schema", catalog_with_another_schema),
    (68, "catalog-another-version", catalog_of_another_version),
    (68, "catalog-with-a-trigger", catalog_with_a_trigger),
    (68, "catalog-pickled-rows", catalog_with_pickled_rows),
]
