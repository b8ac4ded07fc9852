"""Mapping a function over items with threads, with a bounded number of items in flight; and one call begun ahead.

``concurrent.futures`` would do most of this, but it takes all items at once (no bound on memory), and it waits for its
threads when the interpreter ends, so that one slow network call holds up Ctrl-C. Threads here are daemons.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from weft.errors import EnvironmentFault

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

T = TypeVar("T")
R = TypeVar("R")

INTERRUPT_GRACE = 1.0
"""Seconds that an interrupted or abandoned map waits for the calls that are still running."""


def cpu_workers(limit: int = 8) -> int:
    """How many threads use the processors this process may run on, at least 1 and at most ``limit``."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS has no affinity
        usable = os.cpu_count() or 1
    return max(1, min(limit, usable))


def start(thread: threading.Thread) -> None:
    """Start ``thread``. Raises ``EnvironmentFault`` where the system allows no more of them."""
    try:
        thread.start()
    except RuntimeError as error:
        raise no_thread() from error


def submit(pool: Executor, call: Callable[[], R]) -> Future[R]:
    """Hand ``call`` to ``pool``. Raises as ``start`` does."""
    try:
        return pool.submit(call)
    except RuntimeError as error:
        raise no_thread() from error


def no_thread() -> EnvironmentFault:
    """The error for a thread that cannot be started."""
    return EnvironmentFault(
        "the system lets weft start no thread",
        hint="raise the limit on processes (ulimit -u, or the container's) or on memory, or run fewer programs at once",
    )


class _Pool(Generic[T, R]):
    """Worker threads started on demand, fed and emptied by the one thread that owns the pool."""

    def __init__(self, function: Callable[[T], R], workers: int) -> None:
        self._function = function
        self._workers = workers
        self._threads: list[threading.Thread] = []
        self._tasks: SimpleQueue[tuple[int, T] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[int, R | None, BaseException | None]] = SimpleQueue()
        self._stopped = False
        self._process = os.getpid()

    def submit(self, number: int, item: T) -> None:
        self._tasks.put((number, item))
        if len(self._threads) < self._workers:
            thread = threading.Thread(target=self._work, name=f"weft-map-{len(self._threads)}", daemon=True)
            try:
                start(thread)
            except EnvironmentFault:
                if not self._threads:
                    raise
                self._workers = len(self._threads)  # those that are there do the work
            else:
                self._threads.append(thread)

    def ready(self) -> bool:
        return not self._done.empty()

    def take(self) -> tuple[int, R]:
        """Wait for the next finished call; raise its error if it failed."""
        if self._process != os.getpid():
            raise RuntimeError("this map was begun by another process, and its threads are there")
        number, result, error = self._done.get()
        if error is not None:
            try:
                raise error
            finally:
                del error  # the traceback holds this frame: no cycle shall keep the pool alive
        return number, cast(R, result)

    def stop(self, grace: float | None) -> None:
        """Drop what has not begun and wait for the rest, ``grace`` seconds at most when not None."""
        self._stopped = True
        for _ in self._threads:
            self._tasks.put(None)
        end = None if grace is None else time.monotonic() + grace
        for thread in self._threads:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self._stopped:
                continue
            number, item = task
            try:
                self._done.put((number, self._function(item), None))
            except BaseException as error:  # carried to the owner, whatever it is
                self._done.put((number, None, error))
            del task, item


def _finished(
    pool: _Pool[T, R], items: Iterable[T], window: int, held: Callable[[], int]
) -> Generator[tuple[int, R], None, None]:
    """Feed ``items`` and yield numbered results as they come; ``held`` tells how many results the taker keeps back."""
    running = 0
    for number, item in enumerate(items):
        pool.submit(number, item)
        running += 1
        while running and (running + held() >= window or pool.ready()):
            done = pool.take()
            running -= 1
            yield done
    while running:
        done = pool.take()
        running -= 1
        yield done


def _sorted_results(pool: _Pool[T, R], items: Iterable[T], window: int) -> Generator[R, None, None]:
    early: dict[int, R] = {}
    following = 0
    for number, result in _finished(pool, items, window, lambda: len(early)):
        early[number] = result
        while following in early:
            yield early.pop(following)
            following += 1


def _guarded(pool: _Pool[T, R], results: Generator[R, None, None]) -> Generator[R, None, None]:
    """Yield ``results`` and stop the pool however that ends."""
    grace: float | None = None
    try:
        yield from results
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        # GeneratorExit too: an interrupt that struck the taker reaches this generator as its closing.
        grace = INTERRUPT_GRACE
        raise
    finally:
        pool.stop(grace)


def _checked_window(workers: int, window: int) -> int:
    if workers < 1 or window < 0:
        raise ValueError(f"workers must be at least 1 and window at least 0, not {workers} and {window}")
    return window or 2 * workers


def ordered_map(
    function: Callable[[T], R], items: Iterable[T], workers: int, window: int = 0
) -> Generator[R, None, None]:
    """Yield ``function(item)`` for each item, in the order of the items, computed by ``workers`` threads.

    At most ``window`` items (0: two a worker) are taken from ``items`` ahead of the result that is waited for, so memory
    stays bounded; ``items`` is iterated by the thread that takes the results. The first error of ``function`` or of
    ``items`` is raised once the running calls have ended; calls that have not begun are dropped. Closing the generator
    or Ctrl-C does the same but waits ``INTERRUPT_GRACE`` seconds at most: a call that still runs then goes on in a daemon
    thread, and its result is dropped.
    """
    pool = _Pool[T, R](function, workers)
    return _guarded(pool, _sorted_results(pool, items, _checked_window(workers, window)))


def unordered_map(
    function: Callable[[T], R], items: Iterable[T], workers: int, window: int = 0
) -> Generator[R, None, None]:
    """``ordered_map``, but each result comes as soon as it is there, and none waits for a slower one before it."""
    pool = _Pool[T, R](function, workers)
    bound = _checked_window(workers, window)
    return _guarded(pool, (result for _, result in _finished(pool, items, bound, lambda: 0)))


class Ahead(Generic[T]):
    """A call that runs in a thread of its own from now on. What nobody asks for any more is dropped, an error too."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._value: T | None = None
        self._error: BaseException | None = None
        self._done = False
        self._thread = threading.Thread(target=self._run, name="weft-ahead", daemon=True)
        start(self._thread)

    def result(self) -> T:
        """What the call returned, once it has; raises what the call raised."""
        self._thread.join()
        if not self._done:
            self._run()  # the thread did not come along when this process was forked
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # the traceback holds this frame: no cycle shall keep it alive
        return cast(T, self._value)

    def _run(self) -> None:
        try:
            self._value = self._call()
        except BaseException as error:  # carried to whoever asks, whatever it is
            self._error = error
        self._done = True
