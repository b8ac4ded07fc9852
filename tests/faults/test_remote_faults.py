"""A remote that fails at any one of the calls that a push, a fetch, a check or a collection makes, in every way it can.

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

import pytest

from faultcounts import count
from invariants import check, leftovers, proved
from remotescenes import SCENES, Place, finds_nothing, gone
from transfer_kit import REPO, clone
from weft.errors import ExitCode, WeftError
from weft.objects import receive
from weft.objects.remote import RemoteStore
from weft.storage.base import Storage
from weft.storage.local import LocalStorage
from weft.storage.wrappers import RetryingStorage
from weft.testing.faulty import Fault, FaultyStorage
from weft.util.clock import FakeClock

Faults = Callable[[FaultyStorage], None]

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
        self.scene.settle(place)
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
        elif faulted and self.scene.claims in (finds_nothing, gone):
            # It may well tell of the fault, or leave something for the next time.
            wrong = check(place.root, place.remote)
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
