"""Ctrl-C: end within two seconds, whatever the work is waiting for."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

PATIENCE = 1.5
"""Seconds that clean-up may take after the first Ctrl-C."""


def watch(give_up: Callable[[], None]) -> None:
    """Raise ``KeyboardInterrupt`` at the first SIGINT; at the second, or after ``PATIENCE``, call ``give_up`` and exit.

    Whatever is left behind lies in temporary places: the order of writes is made for a process that is killed.
    """

    def leave() -> None:
        give_up()
        os._exit(130)

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, lambda number, frame: leave())
        timer = threading.Timer(PATIENCE, leave)
        timer.daemon = True
        with suppress(RuntimeError):  # where no thread can be started, a second Ctrl-C still ends it
            timer.start()
        raise KeyboardInterrupt

    # A shell that starts a job in the background has it ignore SIGINT; that choice stands.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, stop)
