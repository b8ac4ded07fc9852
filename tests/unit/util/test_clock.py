"""The fake clock passes time at once, the system clock really waits."""

from __future__ import annotations

import time

from weft.util.clock import Clock, FakeClock, SystemClock


def test_fake_clock_sleeps_without_waiting():
    clock = FakeClock(100.0)
    start = time.monotonic()
    clock.sleep(3600)
    clock.sleep(-5)
    assert time.monotonic() - start < 1
    assert clock.now() == 3700.0
    assert clock.slept == [3600, -5]
    clock.advance(10)
    assert clock.now() == 3710.0
    assert clock.slept == [3600, -5]


def test_system_clock():
    clock: Clock = SystemClock()
    before = time.time()
    start = time.monotonic()
    clock.sleep(0.02)
    clock.sleep(-1)
    assert time.monotonic() - start >= 0.02
    assert before <= clock.now() <= time.time()
