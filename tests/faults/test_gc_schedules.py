"""Pushes and a collector on one remote, interleaved at every storage call by a random scheduler with a clock of its own.

The code under test is the real one; only its threads are taken away, so that a schedule is repeated by its seed. The
scheduler ranks the actors, lets the first go on, and now and then puts it behind all others just before a call that
matters (Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding bugs", ASPLOS 2010); hours or
days may pass meanwhile, as for a machine that is suspended. What must
hold: once a push has said that it succeeded, everything that its pointer needs is on the remote and stays there.

Each guard of the protocol is taken out in turn, and the explorer must notice.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from transfer_kit import REPO, add, clone, noise
from weft.errors import WeftError
from weft.formats import index_segment, storeformat
from weft.formats.root import root_name
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.model.remote import DEFAULT_CHUNKER, StoreFormat
from weft.objects import gc_look, gc_remote, upload
from weft.objects import remote_keys as keys
from weft.objects.gc_remote import CollectOptions, collect
from weft.objects.reachability import walk
from weft.objects.remote import RemoteStore
from weft.objects.segments import SegmentIndex
from weft.objects.store import LocalStore
from weft.objects.upload import push
from weft.storage.base import ObjectStat
from weft.storage.memory import MemoryStorage
from weft.util.clock import FakeClock

SCHEDULES = 5000 if os.environ.get("WEFT_FAULT_SWEEP") == "all" else 400
ENOUGH_TO_FIND = 6000
HOUR, DAY = 3600.0, 86400.0
PAUSES = (1.0, 2 * HOUR, 49 * HOUR, 49 * HOUR, 8 * DAY, 8 * DAY)
MATTERS = ("write roots/", "write tombs/", "write sessions/", "delete packs/", "list roots/", "list tombs/")


# --- without threads ---


class AtOnce:
    """Stands in for ``Ahead``: the call is made when it is asked for."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result = call


def one_by_one(function: Callable[[Any], Any], items: Iterable[Any], *_workers: int) -> Iterator[Any]:
    """Stands in for ``unordered_map``."""
    return map(function, items)


@pytest.fixture(scope="module", autouse=True)
def no_threads() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith("weft.objects."):
                for attribute, instead in (("Ahead", AtOnce), ("unordered_map", one_by_one)):
                    if hasattr(module, attribute):
                        patch.setattr(module, attribute, instead)
        patch.setattr(os, "fsync", lambda fd: None)  # nobody pulls a plug here
        yield


# --- actors ---


class Actor(threading.Thread):
    """A program that stops before each storage call until it is told to go on. ``following`` is the call that it is at."""

    def __init__(self, name: str, work: Callable[[StepStorage], None], inner: MemoryStorage) -> None:
        super().__init__(name=name, daemon=True)
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._storage = StepStorage(inner, self)
        self._work = work
        self.following = ""
        self.over = self.killed = False
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        self._go.acquire()
        try:
            if not self.killed:
                self._work(self._storage)
        except BaseException as error:
            self.error = error
        self.over = True
        self._stopped.release()

    def pause(self, call: str) -> None:
        """In the actor: wait before ``call``."""
        self.following = call
        self._stopped.release()
        self._go.acquire()
        if self.killed:
            raise Killed

    def go_on(self) -> None:
        """In the scheduler: let it make one call."""
        self._go.release()
        self._stopped.acquire()

    def kill(self) -> None:
        self.killed = True
        while not self.over:
            self.go_on()
        self.join()


class Killed(BaseException):
    """Stands for the end of the process."""


class StepStorage:
    """The shared storage as one actor sees it."""

    def __init__(self, inner: MemoryStorage, actor: Actor) -> None:
        self._inner = inner
        self._actor = actor
        self.name = inner.name

    def list(self, prefix: str) -> Iterator[ObjectStat]:
        self._actor.pause(f"list {prefix}")
        return iter(list(self._inner.list(prefix)))

    def close(self) -> None:
        """Nothing is open."""

    def __getattr__(self, verb: str) -> Callable[..., Any]:
        call = getattr(self._inner, verb)

        def stepping(key: str, *args: Any, **options: Any) -> Any:
            self._actor.pause(f"{verb} {key}")
            return call(key, *args, **options)

        return stepping


# --- the world ---


class World:
    """Two clones with data, one collector, and what a remote looks like before each schedule.

    A pointer is there with its root. Packs of a push that was killed ten days ago are there without one: they hold what the
    first clone is about to push, and a part of what the second one is.
    """

    def __init__(self, folder: Path) -> None:
        self._opened = [clone(folder / name) for name in ("first", "second", "collector", "before")]
        first, second, self.collector, before = (each.__enter__() for each in self._opened)
        small = {f"f{number}": noise(300, number) for number in range(4)}
        self.base = add(before, small, "base")
        left = {"big": noise(700, 50), **{f"g{number}": noise(300, 100 + number) for number in range(3)}}
        self.pushers: list[tuple[LocalStore, Pointer]] = [
            (first, add(first, {**left, "mine": noise(200, 7)}, "a")),
            (second, add(second, {"big": left["big"], "g1": left["g1"], "other": noise(200, 8)}, "b")),
        ]
        add(second, small, "base")
        self.needs = {root_name(one): walk(one, store).all_frames() for store, one in self.pushers}
        self.needs[root_name(self.base)] = walk(self.base, before).all_frames()
        clock = FakeClock()
        storage = MemoryStorage(clock=clock)
        push(RemoteStore(storage, before.catalog, REPO, clock=clock), before, {"base": self.base})
        add(before, left, "left")
        gone = add(before, left, "left")
        push(RemoteStore(storage, before.catalog, REPO, clock=clock), before, {"left": gone})
        self.objects = {
            stat.key: storage.read(stat.key)
            for stat in storage.list("")
            if stat.key != keys.FORMAT and root_name(gone) not in stat.key
        }
        self.numbers = itertools.count()
        self._frames: dict[str, dict[Oid, frozenset[Oid]]] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in self._opened:
            each.__exit__(kind, error, trace)

    def lost(self, storage: MemoryStorage, names: Iterable[str]) -> list[str]:
        """Those roots among ``names`` that are not there, or of whose data something is not there or in no segment."""
        there = {stat.key for stat in storage.list("")}
        found: set[Oid] = set()
        for key in there:
            if key.startswith(keys.SEGMENTS):
                if key not in self._frames:
                    packs = index_segment.decode(storage.read(key)).packs
                    self._frames[key] = {pack.name: frozenset(frame.oid for frame in pack.frames) for pack in packs}
                for pack, frames in self._frames[key].items():
                    if keys.pack_key(pack) in there:
                        found |= frames
        return [name for name in names if f"{keys.ROOTS}{REPO}/{name}" not in there or self.needs[name] - found]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, no_threads: None) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.__exit__(None, None, None)


class Schedule:
    """One schedule, made from ``seed`` alone. ``broken`` tells what was lost, empty when all is well."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._random = random.Random(seed)
        self.clock = FakeClock()
        self.storage = MemoryStorage(clock=self.clock)
        self.done: list[str] = [root_name(world.base)]
        self.trace: list[str] = []
        self.broken = ""
        self.pushed = self.deleted = 0
        # Another store each time: what a clone remembers of one schedule must not help it in the next.
        identity = StoreFormat(f"{next(world.numbers):032x}", DEFAULT_CHUNKER)
        self.storage.write(keys.FORMAT, storeformat.encode(identity))
        for key, data in world.objects.items():
            self.storage.write(key, data)
        self.clock.advance(10 * DAY)

    def run(self) -> None:
        actors = [Actor("collector", self._collect, self.storage)]
        for number, (store, pointer) in enumerate(self._world.pushers):
            if self._random.random() < 0.5:  # this clone has looked at the remote before
                SegmentIndex(self._remote(self.storage, store)).learn_listed()
            work = self._push_of(store, pointer)
            actors.append(Actor(f"push {number}", work, self.storage))
        self._random.shuffle(actors)
        collector = next(actor for actor in actors if actor.name == "collector")
        fickle = self._random.choice((0.05, 0.1, 0.2, 0.5))
        patience = self._random.choice((0.0, 0.0, 0.3, 0.8))
        try:
            while (alive := [one for one in actors if not one.over]) and not self.broken:
                actor = alive[0]
                self._go_on_until_it_matters(actor)
                if self._random.random() < fickle:  # all others come first from now on
                    actors.remove(actor)
                    actors.append(actor)
                between = collector.over or collector.following.startswith("write sessions/")
                if self._random.random() < (patience if between else patience / 20):
                    self._wait()
        finally:
            for one in actors:
                one.kill()

    def _go_on_until_it_matters(self, actor: Actor) -> None:
        """At least one call; then up to one that matters, or sometimes to any other."""
        self._step(actor)
        while not (actor.over or self.broken or actor.following.startswith(MATTERS) or self._random.random() < 0.03):
            self._step(actor)

    def _step(self, actor: Actor) -> None:
        call = actor.following
        self.trace.append(f"{actor.name}: {call}")
        self.clock.advance(1)
        actor.go_on()
        if call.startswith("delete packs/"):
            self.deleted += 1
        if call.startswith(("delete packs/", "delete index/", "delete roots/")) or actor.over:
            lost = self._world.lost(self.storage, self.done)
            self.broken = f"after {actor.name}: {call}: lost {lost}" if lost else ""
        if isinstance(actor.error, Exception) and not isinstance(actor.error, WeftError):
            raise actor.error

    def _wait(self) -> None:
        seconds = self._random.choice(PAUSES)
        self.trace.append(f"{seconds:.0f} s pass")
        self.clock.advance(seconds)

    def _remote(self, storage: Any, store: LocalStore) -> RemoteStore:
        return RemoteStore(storage, store.catalog, REPO, jobs=1, clock=self.clock)

    def _push_of(self, store: LocalStore, pointer: Pointer) -> Callable[[StepStorage], None]:
        def work(storage: StepStorage) -> None:
            push(self._remote(storage, store), store, {pointer.path: pointer})
            self.done.append(root_name(pointer))
            self.pushed += 1

        return work

    def _collect(self, storage: StepStorage) -> None:
        for _run in range(5):
            options = CollectOptions(most=True, repack=self._random.random() < 0.3)
            try:
                collect(self._remote(storage, self._world.collector), self._world.collector, options=options)
            except WeftError as error:
                self.trace.append(f"collector: {error.code}")


@pytest.mark.slow
def test_what_was_pushed_stays_whatever_the_schedule(world: World) -> None:
    pushed = deleted = 0
    for seed in range(SCHEDULES):
        schedule = Schedule(world, seed)
        schedule.run()
        assert not schedule.broken, f"seed {seed}: {schedule.broken}\n" + "\n".join(schedule.trace)
        pushed += schedule.pushed
        deleted += schedule.deleted > 0
    # The schedules are worth something only when both sides get their work done.
    assert pushed > 1.9 * SCHEDULES
    assert deleted > 0.2 * SCHEDULES


def no_grace(patch: pytest.MonkeyPatch) -> None:
    """Tombs are due at once, and sessions count as left behind at once."""
    patch.setattr(gc_remote, "GRACE", 0.0)
    patch.setattr(gc_look, "LIFE", 0.0)


def no_tomb_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(upload._Push, "_drop_dead", lambda self, needs: set())


def no_post_check(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(upload, "still_there", lambda session, check: True)


@pytest.mark.slow
@pytest.mark.parametrize("guard", [no_grace, no_tomb_check, no_post_check], ids=lambda guard: guard.__name__)
def test_without_this_guard_something_is_lost(
    world: World, monkeypatch: pytest.MonkeyPatch, guard: Callable[[pytest.MonkeyPatch], None]
) -> None:
    guard(monkeypatch)
    assert any(broken(world, seed) for seed in range(ENOUGH_TO_FIND)), "the explorer is blind for this guard"


def broken(world: World, seed: int) -> str:
    schedule = Schedule(world, seed)
    schedule.run()
    return schedule.broken
