"""Time as a part that can be replaced, so that waiting and ageing can be tested without waiting."""

from __future__ import annotations

import time
from typing import Protocol

from weft.util.forking import own_lock


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds``; nothing to wait for when it is 0 or less."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` for real."""
        if seconds > 0:
            time.sleep(seconds)


class FakeClock:
    """A clock for tests: its time passes only by ``sleep`` and ``advance``. Safe to use from several threads."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._lock = own_lock(self)
        self.slept: list[float] = []

    def now(self) -> float:
        """Seconds since the epoch, as far as this clock knows."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass at once and note them in ``slept``."""
        with self._lock:
            self.slept.append(seconds)
            self._now += max(0.0, seconds)

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass without anybody having waited."""
        with self._lock:
            self._now += seconds
