"""Threaded maps are bounded, ordered when asked, stop on errors, and leave no thread."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time

import pytest

from weft.util.parallel import Ahead, cpu_workers, ordered_map, unordered_map

MAPS = pytest.mark.parametrize("mapper", [ordered_map, unordered_map])


@pytest.fixture(autouse=True)
def no_thread_leak():
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + 2
    while (left := set(threading.enumerate()) - before) and time.monotonic() < end:
        time.sleep(0.01)
    assert not left


def test_ordered_map_keeps_order_though_calls_end_out_of_order():
    def slow_when_even(number):
        time.sleep(0.004 if number % 2 == 0 else 0)
        return number * 10

    assert list(ordered_map(slow_when_even, range(40), 4)) == [number * 10 for number in range(40)]


def test_unordered_map_yields_the_fast_one_first():
    release = threading.Event()

    def work(number):
        if number == 0:
            assert release.wait(5)
        return number

    results = unordered_map(work, range(2), 2)
    assert next(results) == 1
    release.set()
    assert list(results) == [0]


@MAPS
def test_all_items_once(mapper):
    assert sorted(mapper(lambda number: number, range(1000), 3)) == list(range(1000))
    assert list(mapper(str, [], 3)) == []


@MAPS
@pytest.mark.parametrize(("workers", "window"), [(1, 1), (3, 5), (2, 0), (4, 2)])
def test_items_in_flight_are_bounded(mapper, workers, window):
    bound = window or 2 * workers
    taken = 0
    given = 0
    running = 0
    most_running = 0
    lock = threading.Lock()

    def source():
        nonlocal taken
        for number in range(60):
            taken += 1
            assert taken - given <= bound
            yield number

    def work(number):
        nonlocal running, most_running
        with lock:
            running += 1
            most_running = max(most_running, running)
        time.sleep(0.03 if number % 10 == 0 else 0)
        with lock:
            running -= 1
        return number

    for _ in mapper(work, source(), workers, window):
        given += 1
    assert given == 60
    assert most_running <= min(workers, bound)


@MAPS
def test_calls_run_at_the_same_time(mapper):
    barrier = threading.Barrier(3, timeout=5)
    assert len(list(mapper(lambda _: barrier.wait(), range(3), 3))) == 3


@MAPS
def test_first_error_is_raised_and_cancels_the_rest(mapper):
    begun = []

    def work(number):
        begun.append(number)
        if number == 3:
            raise KeyError("broken")
        time.sleep(0.002)
        return number

    with pytest.raises(KeyError, match="broken"):
        list(mapper(work, range(1000), 2))
    assert len(begun) < 20
    count = len(begun)
    time.sleep(0.05)
    assert len(begun) == count, "calls went on after the error was raised"


@MAPS
def test_error_waits_for_running_calls(mapper):
    ended = threading.Event()
    started = threading.Event()

    def work(number):
        if number == 0:
            assert started.wait(5)
            raise ValueError("first")
        started.set()
        time.sleep(0.1)
        ended.set()

    with pytest.raises(ValueError, match="first"):
        list(mapper(work, range(2), 2))
    assert ended.is_set()


@MAPS
def test_error_of_the_source(mapper):
    def source():
        yield 1
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        list(mapper(str, source(), 2))


@MAPS
def test_closing_early_stops_the_workers(mapper):
    begun = []

    def work(number):
        begun.append(number)
        time.sleep(0.005)
        return number

    with contextlib.closing(mapper(work, range(1000), 3)) as results:
        next(results)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("weft-map")]
    assert len(begun) <= 10


@MAPS
def test_closing_drops_what_has_not_begun(mapper):
    begun = []

    def work(number):
        begun.append(number)
        time.sleep(0.005)

    with contextlib.closing(mapper(work, range(1000), 2, 500)) as results:
        next(results)
    count = len(begun)
    assert count < 50
    time.sleep(0.05)
    assert len(begun) == count


@MAPS
def test_results_come_while_a_slow_source_still_gives(mapper):
    """A taker that reports progress must not wait until the window is full."""
    given = 0

    def source():
        nonlocal given
        for number in range(5):
            time.sleep(0.02)
            given += 1
            yield number

    seen_at = [given for _ in mapper(str, source(), 2, 100)]
    assert seen_at[0] < 5


@MAPS
def test_closing_does_not_wait_long_for_a_stuck_call(mapper):
    release = threading.Event()
    results = mapper(lambda number: number if number == 0 else release.wait(20), range(3), 2)
    assert next(results) == 0
    start = time.monotonic()
    results.close()
    assert time.monotonic() - start < 1.9
    release.set()


@MAPS
def test_a_map_never_taken_starts_no_thread(mapper):
    before = threading.active_count()
    results = mapper(str, range(5), 2)
    assert threading.active_count() == before
    results.close()


@MAPS
@pytest.mark.parametrize(("workers", "window"), [(0, 0), (-1, 3), (1, -1)])
def test_bad_bounds(mapper, workers, window):
    with pytest.raises(ValueError, match="workers"):
        mapper(str, [], workers, window)


@MAPS
def test_interrupt_ends_the_process_within_two_seconds(mapper):
    script = f"""
import sys, time
from weft.util.parallel import {mapper.__name__}
def work(number):
    if number == 1:
        print("ready", flush=True)
    time.sleep(30 if number else 0)
for result in {mapper.__name__}(work, range(10), 2):
    pass
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.1)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert time.monotonic() - start < 2
    assert b"KeyboardInterrupt" in errors


def test_cpu_workers_is_bounded():
    assert cpu_workers(1) == 1
    assert 1 <= cpu_workers() <= 8
    assert cpu_workers(0) == 1


def test_a_call_ahead_runs_before_its_result_is_asked_for():
    begun = threading.Event()

    def call() -> int:
        begun.set()
        return 7

    ahead = Ahead(call)
    assert begun.wait(5)
    assert ahead.result() == 7


def test_a_call_ahead_raises_where_its_result_is_asked_for_and_nowhere_else():
    def fail() -> None:
        raise ValueError("no")

    Ahead(fail)
    ahead = Ahead(fail)
    with pytest.raises(ValueError, match="no"):
        ahead.result()


def test_an_interrupt_ends_waiting_for_a_call_ahead():
    script = """
import time
from weft.util.parallel import Ahead
def work():
    print("ready", flush=True)
    time.sleep(30)
Ahead(work).result()
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(0.1)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert time.monotonic() - start < 2
    assert b"KeyboardInterrupt" in errors
