"""A remote that fails at any one of the calls that a push, a fetch or a check makes, in every way it can.

Each scene is run once as it should go, which tells what it asks of the remote; then once for each of these calls and each
fault of its verb. Whatever the command said, nothing may be wrong afterwards; and without the fault the same command again
does its work. The remote is a directory, so the checker of invariants sees all of it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from blake3 import blake3

from faultcounts import count
from invariants import check, leftovers, proved, roots
from transfer_kit import REPO, Tree, add, clone, edit, flatten, noise
from weft.errors import ExitCode, WeftError
from weft.formats import pointer as pointer_format
from weft.formats.root import root_name
from weft.model.pointer import Pointer
from weft.objects import receive, upload
from weft.objects.closure_check import RemoteReport, check_remote
from weft.objects.download import fetch
from weft.objects.remote import RemoteStore
from weft.objects.store import LocalStore
from weft.storage.base import Storage
from weft.storage.local import LocalStorage
from weft.storage.wrappers import RetryingStorage
from weft.testing.faulty import Fault, FaultyStorage
from weft.util.clock import FakeClock

PASSING = (Fault.RESET, Fault.TIMEOUT, Fault.ERROR_500, Fault.BUSY_503)
BODIES = (Fault.TRUNCATED, Fault.WRONG, Fault.HTML_BODY)
LOST = (Fault.LOST_REPLY,)
FAULTS: dict[str, tuple[Fault, ...]] = {
    "read": (*PASSING, Fault.PERMISSION, Fault.GONE, *BODIES),
    "download": (*PASSING, Fault.PERMISSION, Fault.GONE, *BODIES),
    "write": (*PASSING, Fault.PERMISSION, *LOST),
    "upload": (*PASSING, Fault.PERMISSION, *LOST),
    "stat": (*PASSING, Fault.PERMISSION, Fault.GONE),
    "list": (*PASSING, Fault.PERMISSION, Fault.STALE_LIST, Fault.SHORT_LIST),
    "delete": (*PASSING, Fault.PERMISSION, *LOST),
}
SHARED = {"a": noise(900, 1), "b": noise(900, 2), "sub": {"c": noise(900, 3)}}
TREE: dict[str, bytes | Tree] = {**SHARED, "big": noise(1_300_000, 4)}
MANY: dict[str, Tree] = {f"p{number}": {"f": noise(300, 50 + number)} for number in range(3)}
MORE: dict[str, bytes | Tree] = {**SHARED, "own": noise(900, 5)}


class Place(NamedTuple):
    """A clone and a remote, laid out as the checker of invariants wants them."""

    top: Path

    @property
    def root(self) -> Path:
        return self.top / "repo"

    @property
    def remote(self) -> Path:
        return self.top / "remote"

    @property
    def state(self) -> Path:
        return self.root / ".git/weft"

    def contents(self) -> set[bytes]:
        """Digests of all that the local store holds."""
        return proved(self.state / "store", []).contents()


Pointers = dict[str, Pointer]
Act = Callable[[RemoteStore, LocalStore, Pointers], object]
Claims = Callable[[Place, Pointers, object], list[str]]
Faults = Callable[[FaultyStorage], None]


class Scene(NamedTuple):
    """``make`` builds the clone and its remote, ``act`` is the command, and ``claims`` tells what is wrong with its success.

    ``sound`` says that nothing is wrong with the remote before the command.
    """

    make: Callable[[Place], Pointers]
    act: Act
    claims: Claims
    sound: bool = True


# --- commands, and what their success promises ---


def pushing(remote: RemoteStore, store: LocalStore, pointers: Pointers) -> object:
    return upload.push(remote, store, pointers)


def pushed(place: Place, pointers: Pointers, _result: object) -> list[str]:
    names = {name.rpartition("/")[2] for name in roots(place.remote, [])}
    missing = [f"I5: {path} has no root" for path, pointer in pointers.items() if root_name(pointer) not in names]
    return missing + check(place.root, place.remote)


def fetching(remote: RemoteStore, store: LocalStore, pointers: Pointers) -> object:
    return fetch(remote, store, pointers)


def fetching_part(remote: RemoteStore, store: LocalStore, pointers: Pointers) -> object:
    return fetch(remote, store, pointers, {"data": ["sub"]})


def fetched(*trees: Tree) -> Claims:
    wanted = {blake3(data).digest() for tree in trees for data in flatten(tree).values()}

    def claims(place: Place, _pointers: Pointers, _result: object) -> list[str]:
        absent = wanted - place.contents()
        return [f"I9: {len(absent)} of {len(wanted)} files were not fetched"] if absent else []

    return claims


def checking(remote: RemoteStore, store: LocalStore, pointers: Pointers) -> object:
    return check_remote(remote, store, pointers, share=1.0)


def finds_nothing(_place: Place, _pointers: Pointers, report: object) -> list[str]:
    assert isinstance(report, RemoteReport)
    return [f"the check of a sound remote says {report.problems}"] if report.problems else []


def finds_it(_place: Place, _pointers: Pointers, report: object) -> list[str]:
    assert isinstance(report, RemoteReport)
    return [] if report.problems else ["I9: the check of a damaged remote says nothing"]


# --- clones and remotes ---


def added(place: Place, **trees: Tree) -> Pointers:
    """Put trees into the store and their pointers into the work tree."""
    with clone(place.state) as store:
        pointers = {name: add(store, tree, name) for name, tree in trees.items()}
    for name, pointer in pointers.items():
        (place.root / f"{name}.weft").write_bytes(pointer_format.encode(pointer))
    return pointers


def nothing_there(place: Place) -> Pointers:
    return added(place, data=TREE)


def some_there(place: Place) -> Pointers:
    """One pointer is there; the other shares content with it."""
    all_there(place)
    return added(place, data=TREE, more=MORE)


def all_there(place: Place) -> Pointers:
    pointers = added(place, data=TREE)
    with clone(place.state) as store:
        pushing(RemoteStore(LocalStorage(str(place.remote)), store.catalog, REPO), store, pointers)
    return pointers


def pack_gone(place: Place) -> Pointers:
    pointers = some_there(place)
    largest(place).unlink()
    return pointers


def other_clone(place: Place) -> Pointers:
    """All is there, and this clone has looked at the remote never."""
    all_there(place)
    (place.state / "catalog.sqlite").unlink()
    return added(place, data=TREE, more=MORE)


def new_clone(place: Place) -> Pointers:
    pointers = all_there(place)
    shutil.rmtree(place.state)
    return pointers


def new_clone_of_many(place: Place) -> Pointers:
    """More pointers than are asked for one by one."""
    pointers = added(place, **MANY)
    with clone(place.state) as store:
        pushing(RemoteStore(LocalStorage(str(place.remote)), store.catalog, REPO), store, pointers)
    shutil.rmtree(place.state)
    return pointers


def new_clone_pack_gone(place: Place) -> Pointers:
    pointers = new_clone(place)
    largest(place).unlink()
    return pointers


def new_clone_pack_flipped(place: Place) -> Pointers:
    pointers = new_clone(place)
    # Not in the middle, where a faulty remote would flip it back.
    edit(largest(place), lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])
    return pointers


def largest(place: Place) -> Path:
    return max(place.remote.glob("packs/*/*.pack"), key=lambda path: path.stat().st_size)


SCENES = {
    "first push": Scene(nothing_there, pushing, pushed),
    "second push": Scene(some_there, pushing, pushed),
    "push of what is there": Scene(all_there, pushing, pushed),
    "push where a pack went away": Scene(pack_gone, pushing, pushed, sound=False),
    "push of another clone": Scene(other_clone, pushing, pushed),
    "fetch": Scene(new_clone, fetching, fetched(TREE)),
    "fetch of a part": Scene(new_clone, fetching_part, fetched({"c": noise(900, 3)})),
    "fetch of many": Scene(new_clone_of_many, fetching, fetched(*MANY.values())),
    "verify": Scene(new_clone, checking, finds_nothing),
    "verify where a pack went away": Scene(new_clone_pack_gone, checking, finds_it, sound=False),
    "verify where a pack is damaged": Scene(new_clone_pack_flipped, checking, finds_it, sound=False),
}


# --- one run ---


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three pointers are many, and nobody pulls a plug."""
    monkeypatch.setattr(receive, "MAX_ROOTS", 2)
    monkeypatch.setattr(os, "fsync", lambda fd: None)


class Sweep:
    """One scene, made once and copied for each run."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.scene = SCENES[name]
        self.runs = 0
        self._made = folder / "made"
        self._run = folder / "run"
        (self._made / "repo").mkdir(parents=True)
        self._pointers = self.scene.make(Place(self._made))

    def calls(self) -> Counter[str]:
        """What the command asks of the remote when nothing is wrong."""
        place = self._fresh()
        faulty = FaultyStorage(LocalStorage(str(place.remote)))
        result = self._act(place, faulty)
        assert not isinstance(result, WeftError), result
        assert not self._wrong(place, result, faulted=False)
        return Counter(verb for verb, _key in faulty.calls)

    def run(self, told: str, faults: Faults, *, retry: bool = False) -> WeftError | None:
        """Run the command with ``faults``, look, run it again without; returns how it failed. ``told`` is for messages."""
        place = self._fresh()
        faulty = FaultyStorage(LocalStorage(str(place.remote)))
        faults(faulty)
        result = self._act(place, RetryingStorage(faulty, FakeClock()) if retry else faulty)
        wrong = self._wrong(place, result, faulted=True)
        faulty.heal()
        again = self._act(place, faulty)
        wrong += [f"again: {words}" for words in self._wrong(place, again, faulted=False)]
        if isinstance(again, WeftError):
            wrong.append(f"I8: it failed again, without a fault: {again!r}")
        assert not wrong, f"{self.name}, {told}: {result!r}: {wrong}"
        self.runs += 1
        return result if isinstance(result, WeftError) else None

    def _wrong(self, place: Place, result: object, *, faulted: bool) -> list[str]:
        if isinstance(result, WeftError):
            wrong = check(place.root, place.remote) if self.scene.sound else []
            if (
                result.exit_code not in (ExitCode.INTEGRITY, ExitCode.ENVIRONMENT, ExitCode.REFUSED)
                or not result.message
            ):
                wrong.append(f"I9: it failed with {result!r}")
        elif faulted and self.scene.claims is finds_nothing:
            wrong = check(place.root, place.remote)  # it may well tell of the fault
        else:
            wrong = self.scene.claims(place, self._pointers, result)
        return wrong + leftovers(place.root, place.remote) + _damage(place.state / "store")

    def _act(self, place: Place, storage: Storage) -> object:
        known = place.remote / "weft.json"
        pin = json.loads(known.read_bytes())["store"] if known.exists() else ""
        with clone(place.state) as store:
            try:
                return self.scene.act(RemoteStore(storage, store.catalog, REPO, pin, jobs=2), store, self._pointers)
            except WeftError as error:
                return error

    def _fresh(self) -> Place:
        shutil.rmtree(self._run, ignore_errors=True)
        shutil.copytree(self._made, self._run)
        return Place(self._run)


def _damage(store: Path) -> list[str]:
    wrong: list[str] = []
    proved(store, wrong)
    return wrong


def once(verb: str, at: int, fault: Fault) -> Faults:
    """The call number ``at`` of ``verb`` meets ``fault``."""
    return lambda storage: storage.fail(verb, *[None] * at, fault)


def ever(verb: str, at: int, fault: Fault) -> Faults:
    """All calls of ``verb`` from number ``at`` on meet ``fault``."""

    def begin(storage: FaultyStorage) -> None:
        storage.fail(verb, *[None] * at)
        storage.always(verb, fault)

    return begin


@pytest.mark.parametrize("name", SCENES)
def test_any_call_may_fail(tmp_path: Path, name: str) -> None:
    sweep = Sweep(name, tmp_path)
    for verb, calls in sweep.calls().items():
        for fault in FAULTS[verb]:
            for at in range(calls):
                sweep.run(f"{fault.name} of {verb} {at}", once(verb, at, fault))
            sweep.run(f"{fault.name} of every {verb}", ever(verb, 0, fault))
            count(name, fault.name, calls + 1, calls)


@pytest.mark.parametrize("name", SCENES)
def test_what_passes_is_repeated(tmp_path: Path, name: str) -> None:
    """With the retries that a real remote has, a fault that passes is not even noticed."""
    sweep = Sweep(name, tmp_path)
    for verb, calls in sweep.calls().items():
        for fault in {*FAULTS[verb]} & {*PASSING, *LOST}:
            for at in range(calls):
                told = f"{fault.name} of {verb} {at}"
                failed = sweep.run(told, once(verb, at, fault), retry=True)
                assert failed is None, f"{name}, {told}: {failed!r}"
            count(name, f"{fault.name}, repeated", calls)


@pytest.mark.parametrize("fault", [Fault.PERMISSION, Fault.RESET])
@pytest.mark.parametrize("name", SCENES)
def test_all_calls_may_fail_from_one_on(tmp_path: Path, name: str, fault: Fault) -> None:
    """The permission is taken away midway, or the network goes for good."""
    sweep = Sweep(name, tmp_path)
    calls = sweep.calls().total()
    for at in range(calls):
        sweep.run(f"{fault.name} from call {at} on", ever("*", at, fault))
    count(name, f"{fault.name} from one call on", calls)
