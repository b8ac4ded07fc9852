"""Letting the kernel notice what programs write through memory mappings.

Linux gives a file a new time when a clean page of it is first written, and not again before the page was written to the
disk. So a program that has a page of a file mapped may change it for half a minute or longer while its times stay. Once
the disk has been given the page, the next store is seen. On a file system in memory no page is ever given to a disk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from weft.util.later import later

if TYPE_CHECKING:
    import ctypes
else:
    ctypes = later("ctypes")

YOUNG_NS = 60 * 10**9
"""What is older was written out by the kernel, which looks every 5 s for what is over 30 s old."""
# SYNC_FILE_RANGE_WAIT_BEFORE and _WRITE: a page that is on its way to the disk, and was written to since, is sent again.
# What is sent is not waited for.
_WRITE = 1 | 2


def is_young(status: os.stat_result) -> bool:
    """Whether pages of the file may still wait to be written, by its times."""
    return bool(status.st_size) and max(status.st_mtime_ns, status.st_ctime_ns) > time.time_ns() - YOUNG_NS


def write_out(fd: int) -> None:
    """Begin to write the pages of the file ``fd`` that wait for it: from now on a store to one of them changes its times."""
    with suppress(OSError):  # a file system that knows nothing of it
        if _begin()(fd, 0, 0, _WRITE):
            os.fdatasync(fd)


@cache
def _begin() -> Callable[[int, int, int, int], int]:
    """The system call, which takes a fiftieth of the time of a sync: nothing has to be durable."""
    try:
        call = ctypes.CDLL(None).sync_file_range
    except (ImportError, AttributeError, OSError):
        return lambda fd, start, length, how: -1
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call
