"""Reading a large file once, without filling the page cache with it.

What is in memory already is copied from there. What is not is read past the page cache (``open(2)``, O_DIRECT): a page of
memory for each 4 KiB costs more processor time than hashing them, and pushes out what the user needs there. Which it is
tells a read of one byte that may not wait (``preadv2(2)``, RWF_NOWAIT), here and there. Where that fails the kernel begins
to read ahead, by 8 MiB on some disks, unless it was told that reads come in no order (``posix_fadvise(2)``); the one page
that it reads anyhow is given back, or the next look would find it.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from collections.abc import Iterator

ALIGNED = 4096
"""Bytes at whose multiples places in files and in memory begin that a disk reads by itself."""

PROBED = 2 << 20
"""Bytes of which the first tells whether all of them are in memory."""

# macOS has neither.
_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)
_DIRECT: int = getattr(os, "O_DIRECT", 0)
_UNKNOWN = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


def aligned(size: int) -> memoryview:
    """Memory of at least ``size`` bytes whose first is at a multiple of ``ALIGNED``."""
    return memoryview(mmap.mmap(-1, max(size, 1)))


def blocks_of(fd: int, room: memoryview) -> Iterator[memoryview]:
    """The bytes of the open file ``fd`` from its beginning on, one part after the other in ``room``, as large as that but
    for the last. Raises ``OSError``."""
    reader, done = ColdReader(fd), 0
    while count := reader.read_into(room, done):
        yield room[:count]
        done += count


class ColdReader:
    """Reads the open file ``fd``, which stays the caller's. For one thread, and nobody else may use ``fd`` meanwhile."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._byte = bytearray(1)
        self._probed = 0
        self._may_bypass = bool(_NOWAIT and _DIRECT)

    def read_into(self, view: memoryview, offset: int, *, cold: bool | None = None) -> int:
        """Fill ``view`` from ``offset`` on, as far as the file goes; return the number of bytes.

        ``cold`` tells what ``in_memory`` has denied already. Only what begins at multiples of ``ALIGNED``, in the file and
        in memory, can pass by the page cache. Raises ``OSError``.
        """
        if cold is None:
            cold = not self.in_memory(offset, len(view))
        done = 0
        while done < len(view):
            count = self._step(view[done:], offset + done, cold)
            if not count:
                break
            done += count
        return done

    def in_memory(self, start: int, length: int) -> bool:
        """Whether these bytes seem to be in memory; True where nobody can tell, or nothing can be done about it."""
        if not self._may_bypass or start % ALIGNED:
            return True
        try:
            os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_RANDOM)
            try:
                for offset in range(start, start + length, PROBED):
                    os.preadv(self._fd, [self._byte], offset, _NOWAIT)
            finally:
                os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_NORMAL)
        except BlockingIOError:
            self._probed = offset
            return False
        except OSError as error:
            if error.errno not in _UNKNOWN:
                raise
            self._may_bypass = False
        return True

    def _step(self, view: memoryview, offset: int, cold: bool) -> int:
        whole = len(view) // ALIGNED * ALIGNED
        if cold and self._may_bypass and whole and offset % ALIGNED == 0:
            try:
                return self._bypass(view[:whole], offset)
            except OSError as error:
                if error.errno not in _UNKNOWN:
                    raise
                self._may_bypass = False
        return os.preadv(self._fd, [view], offset)

    def _bypass(self, view: memoryview, offset: int) -> int:
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        fcntl.fcntl(self._fd, fcntl.F_SETFL, flags | _DIRECT)
        try:
            return os.preadv(self._fd, [view], offset)
        finally:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, flags)
            os.posix_fadvise(self._fd, self._probed, ALIGNED, os.POSIX_FADV_DONTNEED)
