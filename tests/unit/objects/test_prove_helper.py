"""Packs that processes of weft's own prove while others come in."""

from __future__ import annotations

import marshal
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from transfer_kit import add, clone, noise, plant, raw_frame, remote_at
from weft.errors import HashMismatch
from weft.model.entry import PackInfo
from weft.model.oid import Oid
from weft.objects import prove_helper, receive
from weft.objects.catalog import Catalog
from weft.objects.download import fetch
from weft.objects.prove_helper import PackProvers
from weft.objects.remote_keys import pack_key
from weft.objects.upload import push
from weft.storage.memory import MemoryStorage
from weft.util.messages import LENGTH, READY, pack_message

PIECES = [b"one", b"two", b"three"]


class Scene:
    """A pack as it came, and a catalog that knows it."""

    def __init__(self, top: Path) -> None:
        storage = MemoryStorage()
        self.info: PackInfo = plant(storage, [raw_frame(piece) for piece in PIECES])
        self.path = top / "pack"
        self.path.write_bytes(storage.read(pack_key(self.info.name)))
        self.catalog = str(top / "c.sqlite")
        with Catalog.open(self.catalog) as catalog:
            catalog.add_packs([self.info], catalog.place("remote"))

    def damage(self) -> None:
        data = bytearray(self.path.read_bytes())
        data[16] ^= 1
        self.path.write_bytes(data)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def provers(scene: Scene) -> Iterator[PackProvers]:
    found = PackProvers(scene.catalog, 1)
    yield found
    found.close()


def process_of(provers: PackProvers) -> subprocess.Popen[bytes]:
    """The one process, which has nothing to do."""
    helper = provers._idle.get()
    assert helper is not None
    provers._idle.put(helper)
    return helper._helpers[0].process._process


def test_only_the_pack_of_the_catalog_is_proved(scene: Scene, provers: PackProvers) -> None:
    assert provers.prove(str(scene.path), scene.info.name)
    assert not provers.prove(str(scene.path) + "x", scene.info.name)
    assert not provers.prove(str(scene.path), Oid.of(b"another"))
    scene.damage()
    assert not provers.prove(str(scene.path), scene.info.name)


def test_a_dead_helper_has_proved_nothing(scene: Scene, provers: PackProvers) -> None:
    assert provers.prove(str(scene.path), scene.info.name)
    process = process_of(provers)
    process.kill()
    process.wait()
    assert not provers.prove(str(scene.path), scene.info.name)


def test_closing_ends_the_process(scene: Scene, provers: PackProvers) -> None:
    assert provers.prove(str(scene.path), scene.info.name)
    process = process_of(provers)
    assert process.poll() is None
    provers.close()
    assert process.poll() == -signal.SIGKILL


def test_a_helper_that_cannot_start_has_proved_nothing(
    scene: Scene, provers: PackProvers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert not provers.prove(str(scene.path), scene.info.name)
    assert not provers.prove(str(scene.path), scene.info.name)


def test_the_end_of_the_input_ends_it(scene: Scene) -> None:
    """As when the parent dies."""
    given, asks = os.pipe()
    answers, gives = os.pipe()
    task = (str(scene.path), bytes(scene.info.name))
    for message in ((scene.catalog,), task, (task[0], bytes(32)), (str(scene.path.parent), task[1])):
        os.write(asks, pack_message(message))
    os.close(asks)
    prove_helper.serve(given, gives)
    os.close(gives)
    with os.fdopen(answers, "rb") as stream:
        replies = [marshal.loads(stream.read(LENGTH.unpack(head)[0])) for head in iter(lambda: stream.read(4), b"")]
    assert replies == [READY, True, False, False]
    os.close(given)


def test_nothing_is_served_without_a_setup(capfd: pytest.CaptureFixture[str]) -> None:
    given, asks = os.pipe()
    os.close(asks)
    prove_helper.serve(given, 1)
    os.close(given)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("size", [receive.PROVED_APART, 1])
def test_a_large_fetch_proves_apart_and_a_small_one_here(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        pointer = add(a, {f"f{n}": noise(300_000, n) for n in range(10)})
        push(remote_at(storage, a), a, {"data": pointer})
    here: list[str] = []
    plain = receive.verify_pack

    def verify(path: str, pack: PackInfo, where: str) -> None:
        here.append(where)
        plain(path, pack, where)

    monkeypatch.setattr(receive, "verify_pack", verify)
    monkeypatch.setattr(receive, "PROVED_APART", size)
    with clone(tmp_path / "b") as b:
        assert fetch(remote_at(storage, b), b, {"data": pointer}).packs >= 1
        assert bool(here) == (size > 1)


def test_what_a_helper_does_not_prove_is_refused_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = MemoryStorage()
    with clone(tmp_path / "a") as a:
        pointer = add(a, {f"f{n}": noise(300_000, n) for n in range(10)})
        push(remote_at(storage, a), a, {"data": pointer})
    largest = max(storage.list("packs/"), key=lambda stat: stat.size)
    data = bytearray(storage.read(largest.key))
    data[1000] ^= 1
    storage.write(largest.key, bytes(data))
    monkeypatch.setattr(receive, "PROVED_APART", 1)
    with clone(tmp_path / "b") as b, pytest.raises(HashMismatch):
        fetch(remote_at(storage, b), b, {"data": pointer})
