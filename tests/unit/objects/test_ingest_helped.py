"""Small files that are read by processes of weft's own, beside the one that stores them."""

from __future__ import annotations

import marshal
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit import pseudo_random
from localstores import opened
from weft.errors import EnvironmentFault, FileTypeRefused, NoSuchPath
from weft.model.oid import Oid
from weft.model.remote import DEFAULT_CHUNKER
from weft.objects import ingest as ingest_module
from weft.objects import ingest_helped, ingest_helper, ingest_read
from weft.objects.ingest import FileToRead, Ingested, ingest
from weft.objects.ingest_helped import SLOT, Helped, ReadingHelpers
from weft.objects.store import LocalStore
from weft.util.messages import LENGTH, READY, pack_message


@pytest.fixture
def helped(monkeypatch: pytest.MonkeyPatch) -> list[Helped]:
    """Each batch goes to a process where that is possible; the list of what came from there."""
    seen: list[Helped] = []
    start, taken = ReadingHelpers.start, ReadingHelpers._taken

    def awaited(self: ReadingHelpers) -> None:
        start(self)
        while self._helpers is not None and self._helpers._starting:
            self._helpers._greet(20.0)

    def noted(self: ReadingHelpers, replies: Any) -> Iterator[Helped]:
        for one in taken(self, replies):
            seen.append(one)
            yield one

    monkeypatch.setattr(ReadingHelpers, "start", awaited)
    monkeypatch.setattr(ReadingHelpers, "_taken", noted)
    monkeypatch.setattr(ingest_module, "HELPED", 0)
    monkeypatch.setattr(ingest_module, "BATCH_FILES", 4)
    monkeypatch.setattr(ingest_helped, "cpu_workers", lambda: 3)
    return seen


def _files(root: Path, contents: dict[str, bytes]) -> list[FileToRead]:
    root.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (root / name).write_bytes(data)
    return [FileToRead(str(root / name), len(data), name) for name, data in contents.items()]


def _add(store: LocalStore, files: list[FileToRead]) -> dict[object, Ingested]:
    with store.writer() as writer:
        return {done.key: done for done in ingest(writer, files)}


CONTENTS = {
    **{f"noise{size}": pseudo_random(size, size) for size in (0, 1, 100, 65_536, 65_537, 300_000, 1_500_000)},
    **{f"text{number}": b"line %d\n" % number * 2000 for number in range(12)},
    **{f"equal{number}": b"equal" * 100 for number in range(12)},
    "large": pseudo_random(SLOT + 1, 9),
}


def test_they_store_what_one_process_stores(tmp_path: Path, helped: list[Helped], monkeypatch: pytest.MonkeyPatch):
    files = _files(tmp_path / "data", CONTENTS)
    with opened(tmp_path / "one") as store:
        with monkeypatch.context() as patch:
            patch.setattr(ingest_module, "HELPED", 1000)
            expected = _add(store, files)
        assert not helped
        alone = {file.key: store.catalog.recipes_for([expected[file.key].oid]) for file in files}
    with opened(tmp_path / "two") as store:
        found = _add(store, files)
        assert sum(len(one.files) for one in helped) >= 16, "two processes, two batches of four files each, at least"
        for file in files:
            one, other = expected[file.key], found[file.key]
            assert (one.oid, one.size, one.recipe) == (other.oid, other.size, other.recipe)
            for name in ingest_helper.FileStatus._fields:
                assert getattr(one.stat, name) == getattr(other.stat, name)
            assert b"".join(store.iter_content(other.oid, other.size)) == CONTENTS[str(file.key)]
            assert store.catalog.recipes_for([other.oid]) == alone[file.key]


def test_what_shrinks_is_compressed_and_what_is_known_is_stored_once(tmp_path: Path, helped: list[Helped]):
    files = _files(tmp_path / "data", {f"{n}": b"the same line again\n" * 3000 for n in range(40)})
    with opened(tmp_path / "store") as store:
        with store.writer() as writer:
            assert len(list(ingest(writer, files))) == 40
            written = writer.finish()
        assert sum(len(one.files) for one in helped) >= 16
        assert (written.frames, written.raw) == (1, 60_000)
        assert written.stored < 1000
        with store.writer() as writer:
            list(ingest(writer, files))
            assert writer.finish().frames == 0


def test_without_a_store_they_only_hash(tmp_path: Path, helped: list[Helped]):
    files = _files(tmp_path / "data", CONTENTS)
    found = {done.key: done.oid for done in ingest(None, files)}
    assert found == {name: Oid.of(data) for name, data in CONTENTS.items()}
    assert helped
    assert not any(one.frames for one in helped)


def test_what_they_cannot_read_is_read_or_refused_by_the_parent(tmp_path: Path, helped: list[Helped]):
    files = _files(tmp_path / "data", {f"{n}": b"%d" % n for n in range(12)})
    (tmp_path / "data" / "5").write_bytes(b"grown since the scan")
    with opened(tmp_path / "store") as store:
        found = _add(store, files)
        assert found["5"].oid == Oid.of(b"grown since the scan")
        assert any(None in [seen for _, seen in one.files] for one in helped)
        (tmp_path / "data" / "7").unlink()
        with pytest.raises(NoSuchPath, match="/7"):
            _add(store, files)
        os.mkfifo(tmp_path / "data" / "7")
        with pytest.raises(FileTypeRefused, match="/7"):
            _add(store, files)


def test_one_that_is_killed_ends_the_command(tmp_path: Path, helped: list[Helped], monkeypatch: pytest.MonkeyPatch):
    files = _files(tmp_path / "data", {f"{n}": b"%d" % n for n in range(400)})
    give = ReadingHelpers.give

    def killing(self: ReadingHelpers, batch: list[FileToRead]) -> bool:
        given = give(self, batch)
        if given and self._helpers is not None:
            for helper in self._helpers._helpers:
                helper.process._process.kill()
        return given

    monkeypatch.setattr(ReadingHelpers, "give", killing)
    with opened(tmp_path / "store") as store, pytest.raises(EnvironmentFault, match="ended from outside"):
        _add(store, files)
    assert not os.listdir(tmp_path / "store" / "store" / "tmp")


@pytest.mark.parametrize(
    ("name", "value"),
    [("weft.objects.ingest_helped.cpu_workers", lambda: 1), ("weft.util.helpers._CODE", "1/0"), ("sys.executable", "")],
)
def test_where_there_are_none_one_process_does_the_work(
    tmp_path: Path, helped: list[Helped], monkeypatch: pytest.MonkeyPatch, name: str, value: object
):
    monkeypatch.setattr(name, value)
    monkeypatch.setattr(ReadingHelpers, "start", ReadingHelpers.start)
    files = _files(tmp_path / "data", {f"{n}": b"%d" % n for n in range(100)})
    with opened(tmp_path / "store") as store:
        if name.endswith("_CODE"):
            with pytest.raises(EnvironmentFault):
                _add(store, files)  # the fixture waits for those that never come; the command does not
            monkeypatch.undo()
            monkeypatch.setattr(ingest_module, "HELPED", 0)
            monkeypatch.setattr(name, value)
        assert len(_add(store, files)) == 100
    assert not helped


def test_few_files_start_none(tmp_path: Path, helped: list[Helped], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ingest_module, "HELPED", 16)
    files = _files(tmp_path / "data", {f"{n}": b"%d" % n for n in range(64)})
    with opened(tmp_path / "store") as store:
        _add(store, files)
    assert not helped


@pytest.mark.parametrize("slow", [False, True])
def test_the_end_of_the_input_ends_it(tmp_path: Path, slow: bool, monkeypatch: pytest.MonkeyPatch):
    """As when the parent dies; and on a slow disk the files of the next batch are asked for ahead."""
    files = _files(tmp_path / "data", {"a": b"a" * 50_000, "b": pseudo_random(200_000, 1), "c": b"short"})
    task = [(file.path, file.size) for file in files]
    asked: list[str] = []
    count = iter(range(0, 1000, 10))
    monkeypatch.setattr(ingest_helper, "waits", lambda: next(count) if slow else 0)
    monkeypatch.setattr(ingest_helper, "ask_for", lambda files: asked.extend(file.path for file in files))
    memory = os.memfd_create("test")
    os.ftruncate(memory, SLOT)
    given, asks = os.pipe()
    answers, gives = os.pipe()
    short = [(file.path, file.size + 1) for file in files]
    for message in ((memory, SLOT, 1 << 40, tuple(DEFAULT_CHUNKER)), (0, SLOT, task), (0, 100, task), (0, SLOT, short)):
        os.write(asks, pack_message(message))
    os.write(asks, LENGTH.pack(10) + b"cut")
    os.close(asks)
    ingest_helper.serve(given, gives)
    os.close(gives)
    with os.fdopen(answers, "rb") as stream:
        replies = [marshal.loads(stream.read(LENGTH.unpack(head)[0])) for head in iter(lambda: stream.read(4), b"")]
    ready, (whole, chunks), (none, left), (wrong, nothing) = replies
    assert ready == READY
    assert [found[0] for found in whole] == [bytes(Oid.of(Path(file.path).read_bytes())) for file in files]
    assert [found[2] for found in whole] == [1, len(chunks) - 2, 1]
    assert [found is None for found in none] == [True, True, False]
    assert len(left) == 1
    assert (wrong, nothing) == ([None] * 3, [])
    assert asked == ([file.path for file in files] if slow else [])
    os.close(given)
    os.close(memory)


def test_nothing_is_served_without_a_setup():
    given, asks = os.pipe()
    os.close(asks)
    ingest_helper.serve(given, -1)
    os.close(given)
    assert ingest_read.RUN > 0
