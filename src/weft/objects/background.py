"""One background thread that runs jobs in order, with a bound on the bytes that wait for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from weft.util.parallel import submit


class Background:
    """Runs jobs one after the other. The first error is raised by the next call of ``submit`` or ``drain``.

    No job runs after one that failed: what follows a lost write must never be given a name. To be used under a lock of
    the owner. ``limit`` is in bytes: ``submit`` waits while more are on their way.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._limit = limit
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._jobs: deque[tuple[int, Future[Any]]] = deque()
        self._size = 0
        self._failed = False
        self.peak = 0

    def submit(self, size: int, job: Callable[[], None]) -> None:
        """Queue ``job``, which holds on to ``size`` bytes. Waits for the oldest jobs when there are too many bytes."""
        while self._jobs and (self._jobs[0][1].done() or self._size + size > self._limit):
            self._wait()
        self._jobs.append((size, submit(self._pool, partial(self._run, job))))
        self._size += size
        self.peak = max(self.peak, self._size)

    def drain(self) -> None:
        """Wait for all jobs."""
        while self._jobs:
            self._wait()

    def close(self) -> None:
        """Drop the jobs that have not begun, wait for the running one, end the thread. Raises nothing."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._jobs.clear()

    def _run(self, job: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            job()
        except BaseException:
            self._failed = True
            raise

    def _wait(self) -> None:
        size, job = self._jobs.popleft()
        self._size -= size
        job.result()
