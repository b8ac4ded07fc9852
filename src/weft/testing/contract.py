"""The contract of ``weft.storage.base.Storage`` as pytest classes, for every backend, also those written elsewhere.

A test class for a backend names both halves, ``class TestMine(ReadContract, WriteContract)``, and gives the fixtures
``storage`` and ``raw``; ``raw`` looks at the place by other means than the code under test, so that a backend that lies
to itself is caught. A backend whose place can be absent as a whole (a bucket, a directory) also gives ``absent``.
"""

# ruff: noqa: S101 - a shipped test class asserts

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, Protocol

import pytest

from weft.errors import BucketMissing, HashMismatch, KeyMissing, LimitExceeded, PathChars, PathSyntax, StorageFault
from weft.storage.base import Storage
from weft.storage.keys import MAX_UPLOAD

PACK = "packs/ab/abcdef.pack"
BAD_KEYS = ["", "/abs", "a//b", "a/", "./a", "a/..", "../a", "a\nb", "a\0b", "é"]


class Raw(Protocol):
    """The place itself, reached without the storage under test. Keys are relative to the storage's root."""

    def get(self, key: str) -> bytes | None:
        """Bytes of an object, None when there is none."""

    def put(self, key: str, data: bytes) -> None:
        """Store bytes."""

    def keys(self) -> set[str]:
        """All keys."""


class Contract:
    """The place that both halves of the contract look at: fixtures for a test class to override."""

    @pytest.fixture
    def storage(self) -> Storage:
        """An empty storage."""
        raise NotImplementedError

    @pytest.fixture
    def raw(self) -> Raw:
        """The same place by other means."""
        raise NotImplementedError

    @pytest.fixture
    def absent(self) -> Storage | None:
        """A storage whose bucket or directory does not exist; None when the kind knows no such thing."""
        return None


class ReadContract(Contract):
    """What every storage owes to those who read: the bytes asked for or an error, and nothing remembered."""

    def test_what_others_wrote_is_read(self, storage: Storage, raw: Raw) -> None:
        """No cache stands between a read and the place, not even one that remembers absence."""
        assert storage.stat("roots/r/x") is None
        with pytest.raises(KeyMissing):
            storage.read("roots/r/x")
        assert list(storage.list("roots/")) == []
        raw.put("roots/r/x", b"one")
        assert storage.read("roots/r/x") == b"one"
        assert [found.key for found in storage.list("roots/")] == ["roots/r/x"]
        raw.put("roots/r/x", b"other")
        assert storage.read("roots/r/x") == b"other"
        found = storage.stat("roots/r/x")
        assert found is not None
        assert found.size == 5

    def test_ranges_are_exact(self, storage: Storage, raw: Raw) -> None:
        """A range holds exactly the bytes asked for."""
        data = os.urandom(100_000)
        raw.put(PACK, data)
        for start, length in [(0, 1), (0, 100_000), (99_999, 1), (500, 70_000), (16, 32)]:
            assert storage.read(PACK, start, length) == data[start : start + length]
        assert storage.read(PACK, 99_990) == data[99_990:]
        assert storage.read(PACK, 7, 0) == b""

    @pytest.mark.parametrize(("start", "length"), [(0, 11), (9, 2), (10, 1), (400, 5), (11, 0), (10, None)])
    def test_a_range_past_the_end_is_an_error(self, storage: Storage, raw: Raw, start: int, length: int | None) -> None:
        """A short answer is never data."""
        raw.put("x", b"0123456789")
        with pytest.raises(StorageFault) as caught:
            storage.read("x", start, length)
        assert not caught.value.transient

    def test_small_objects_are_read_up_to_a_limit(self, storage: Storage, raw: Raw) -> None:
        """All of an object that is no longer than allowed, and an error for a longer one."""
        raw.put("roots/r/x", b"0123456789")
        for limit in (10, 11, 1 << 20):
            assert storage.read_small("roots/r/x", limit) == b"0123456789"
        with pytest.raises(LimitExceeded):
            storage.read_small("roots/r/x", 9)
        for key in ("roots/r/none", "roots/r", "none"):
            with pytest.raises(KeyMissing):
                storage.read_small(key, 10)

    def test_negative_ranges_are_mistakes(self, storage: Storage) -> None:
        """They never reach the place."""
        with pytest.raises(ValueError, match="negative"):
            storage.read("x", -1)
        with pytest.raises(ValueError, match="negative"):
            storage.read("x", 0, -1)

    def test_missing_objects(self, storage: Storage, raw: Raw, tmp_path: Path) -> None:
        """Every read verb says that a key is missing, and a failed download leaves no file."""
        raw.put("packs/ab/other", b"x")
        for key in ("packs/ab/none", "packs/ab", "packs", "none"):
            assert storage.stat(key) is None
            with pytest.raises(KeyMissing):
                storage.read(key)
            with pytest.raises(KeyMissing):
                storage.read(key, 0, 4)
            with pytest.raises(KeyMissing):
                storage.read(key, 0, 0)
            with pytest.raises(KeyMissing):
                storage.download(key, str(tmp_path / "file"))
            assert not (tmp_path / "file").exists()

    def test_download(self, storage: Storage, raw: Raw, tmp_path: Path) -> None:
        """A download is the whole object in a new file, and never replaces one."""
        data = os.urandom(3_000_000)
        raw.put(PACK, data)
        target = tmp_path / "ein Pfad é"
        assert storage.download(PACK, str(target)) == len(data)
        assert target.read_bytes() == data
        target.write_bytes(b"mine")
        with pytest.raises(Exception, match=r".") as caught:
            storage.download(PACK, str(target))
        assert not isinstance(caught.value, StorageFault)
        assert target.read_bytes() == b"mine"

    def test_download_ends_at_the_limit(self, storage: Storage, raw: Raw, tmp_path: Path) -> None:
        """What is longer than anything of weft's own is not fetched, and leaves nothing."""
        raw.put(PACK, bytes(MAX_UPLOAD + 1))
        target = tmp_path / "file"
        with pytest.raises(LimitExceeded):
            storage.download(PACK, str(target))
        assert not target.exists()

    def test_list(self, storage: Storage, raw: Raw) -> None:
        """A listing is complete, goes down folders, and takes a prefix as a directory."""
        there = {"weft.json": 3, "index/a.idx": 5, "packs/00/a.pack": 7, "packs/ff/b.pack": 11, "packs2/x": 2}
        for key, size in there.items():
            raw.put(key, b"x" * size)
        assert {found.key: found.size for found in storage.list("")} == there
        assert {found.key for found in storage.list("packs/")} == {"packs/00/a.pack", "packs/ff/b.pack"}
        assert {found.key for found in storage.list("packs/ff/")} == {"packs/ff/b.pack"}
        assert list(storage.list("tombs/")) == []
        with pytest.raises(PathSyntax):
            list(storage.list("packs"))

    def test_times(self, storage: Storage) -> None:
        """Where a place tells times, listing and stat tell the same, to the second."""
        storage.write("x", b"1")
        found = storage.stat("x")
        assert found is not None
        (listed,) = storage.list("")
        assert abs(listed.modified - found.modified) <= 1
        assert found.modified == 0 or found.modified > 1_500_000_000

    def test_absent_places(self, absent: Storage | None, tmp_path: Path) -> None:
        """A missing bucket or directory is told apart from a missing object, by every read verb."""
        if absent is None:
            return
        for call in (
            lambda: absent.read("weft.json"),
            lambda: absent.stat("weft.json"),
            lambda: list(absent.list("")),
            lambda: list(absent.list("packs/")),
            lambda: absent.download("weft.json", str(tmp_path / "x")),
        ):
            with pytest.raises(BucketMissing) as caught:
                call()
            assert caught.value.hint
        assert not (tmp_path / "x").exists()

    def test_the_name_is_fit_to_show(self, storage: Storage) -> None:
        """The name of the place is one line without secrets."""
        assert storage.name
        assert storage.name.isprintable()
        assert "secret" not in storage.name


class WriteContract(Contract):
    """What every storage owes to those who write.

    ``honours_create`` says whether create-only writes are exclusive, ``replaces_at_once`` whether an object that is written
    again is there at every moment.
    """

    honours_create: ClassVar[bool] = True
    replaces_at_once: ClassVar[bool] = True

    def test_what_is_written_is_there(self, storage: Storage, raw: Raw) -> None:
        """A write is visible to others, whole, under its own key."""
        data = bytes(range(256)) * 37
        assert storage.write(PACK, data) is True
        assert raw.get(PACK) == data
        assert raw.keys() == {PACK}

    def test_empty_objects(self, storage: Storage, raw: Raw, tmp_path: Path) -> None:
        """An object of no bytes is an object."""
        storage.write("empty", b"")
        assert raw.get("empty") == b""
        assert storage.read("empty") == b""
        found = storage.stat("empty")
        assert found is not None
        assert found.size == 0
        assert storage.download("empty", str(tmp_path / "empty")) == 0
        assert (tmp_path / "empty").read_bytes() == b""

    def test_upload(self, storage: Storage, raw: Raw, tmp_path: Path) -> None:
        """A file arrives whole, over an older object too."""
        data = os.urandom(9_000_000)
        source = tmp_path / "ein Pfad é"
        source.write_bytes(data)
        assert storage.upload(PACK, str(source)) is True
        assert raw.get(PACK) == data
        source.write_bytes(b"new")
        assert storage.upload(PACK, str(source)) is True
        assert raw.get(PACK) == b"new"

    def test_an_upload_is_what_it_should_be(self, storage: Storage, raw: Raw, tmp_path: Path) -> None:
        """A proof sees all bytes before they are stored; what it refuses is not stored, and what is there stays."""
        data = os.urandom(5_000_000)
        source = tmp_path / "source"
        source.write_bytes(data)
        seen = bytearray()

        def note(parts: Iterable[memoryview]) -> None:
            seen.clear()
            for part in parts:
                seen.extend(part)

        def refuse(parts: Iterable[memoryview]) -> None:
            note(parts)
            raise HashMismatch("refused")

        for create in (True, False):
            with pytest.raises(HashMismatch):
                storage.upload(PACK, str(source), create=create, proof=refuse)
            assert raw.keys() == set()
            assert bytes(seen) == data
        empty = tmp_path / "empty"
        empty.write_bytes(b"")
        with pytest.raises(HashMismatch):
            storage.upload(PACK, str(empty), proof=refuse)
        assert raw.keys() == set()
        assert storage.upload(PACK, str(source), create=True, proof=note) is True
        assert raw.get(PACK) == bytes(seen) == data
        source.write_bytes(b"new")
        with pytest.raises(HashMismatch):
            storage.upload(PACK, str(source), proof=refuse)
        assert raw.get(PACK) == data

    def test_an_upload_has_a_limit(self, storage: Storage, raw: Raw, tmp_path: Path) -> None:
        """64 MiB are the limit, checked before a byte is read."""
        source = tmp_path / "sparse"
        with open(source, "wb") as file:
            file.truncate(64 * 1024 * 1024 + 1)
        with pytest.raises(LimitExceeded):
            storage.upload(PACK, str(source))
        assert raw.keys() == set()

    def test_overwriting(self, storage: Storage, raw: Raw) -> None:
        """Without ``create`` the last write stands."""
        assert storage.write("x", b"first") is True
        assert storage.write("x", b"second, longer") is True
        assert raw.get("x") == b"second, longer"

    def test_create_only(self, storage: Storage, raw: Raw, tmp_path: Path) -> None:
        """A create either leaves the object and says False, or (on places that cannot) overwrites and says True."""
        source = tmp_path / "source"
        source.write_bytes(b"file")
        assert storage.write("x", b"first", create=True) is True
        assert storage.upload("y", str(source), create=True) is True
        assert storage.write("x", b"second", create=True) is not self.honours_create
        assert storage.upload("x", str(source), create=True) is not self.honours_create
        assert raw.get("x") == (b"first" if self.honours_create else b"file")
        assert raw.get("y") == b"file"

    def test_one_of_many_creators_wins(self, storage: Storage, raw: Raw) -> None:
        """Of creators at the same moment exactly one is told that it wrote, and its bytes are there."""
        gate = threading.Barrier(6)

        def create(number: int) -> bool:
            gate.wait()
            return storage.write("race", str(number).encode() * 1000, create=True)

        with ThreadPoolExecutor(6) as pool:
            wrote = list(pool.map(create, range(6)))
        left = raw.get("race")
        assert left in [str(number).encode() * 1000 for number in range(6)]
        if self.honours_create:
            assert wrote.count(True) == 1
            assert left == str(wrote.index(True)).encode() * 1000

    def test_delete(self, storage: Storage, raw: Raw) -> None:
        """A deleted object is gone for every verb; deleting it again is fine."""
        storage.write("packs/ab/x", b"x")
        storage.write("packs/ab/y", b"y")
        storage.delete("packs/ab/x")
        assert raw.keys() == {"packs/ab/y"}
        assert storage.stat("packs/ab/x") is None
        storage.delete("packs/ab/x")
        storage.delete("packs/never/was")
        storage.delete("packs/ab")
        assert raw.keys() == {"packs/ab/y"}
        assert [found.key for found in storage.list("")] == ["packs/ab/y"]

    @pytest.mark.parametrize("key", BAD_KEYS)
    def test_bad_keys_are_refused(self, storage: Storage, raw: Raw, key: str, tmp_path: Path) -> None:
        """A key that breaks the rules reaches no place, by no verb."""
        source = tmp_path / "source"
        source.write_bytes(b"x")
        for call in (
            lambda: storage.read(key),
            lambda: storage.download(key, str(tmp_path / "target")),
            lambda: storage.write(key, b"x"),
            lambda: storage.upload(key, str(source)),
            lambda: storage.stat(key),
            lambda: storage.delete(key),
        ):
            with pytest.raises((PathSyntax, PathChars)):
                call()
        assert raw.keys() == set()

    def test_many_threads(self, storage: Storage, raw: Raw) -> None:
        """One storage serves several threads at once and mixes nothing up."""
        bodies = {f"packs/{number:02x}/p": os.urandom(20_000 + number) for number in range(24)}

        def round_trip(key: str) -> bool:
            storage.write(key, bodies[key], create=True)
            return storage.read(key) == bodies[key] and storage.read(key, 5, 100) == bodies[key][5:105]

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(round_trip, bodies))
        assert raw.keys() == bodies.keys()
        assert {found.key: found.size for found in storage.list("")} == {key: len(body) for key, body in bodies.items()}

    def test_readers_see_all_or_nothing(self, storage: Storage) -> None:
        """While an object is replaced again and again, a reader sees one of its versions, whole."""
        versions = [bytes([number]) * 300_000 for number in range(4)]
        storage.write("x", versions[0])
        stop = threading.Event()

        def replace() -> None:
            while not stop.is_set():
                for version in versions:
                    storage.write("x", version)

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(replace)
            try:
                for _ in range(20):
                    try:
                        assert storage.read("x") in versions
                    except KeyMissing:
                        assert not self.replaces_at_once
            finally:
                stop.set()
            writing.result()
        assert storage.read("x") == versions[-1]
