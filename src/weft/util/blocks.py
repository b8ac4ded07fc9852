"""Writing a file in large blocks that bypass the page cache.

What is written once and read back rarely only pushes out what the user needs there, and filling that copy costs more
processor time than everything else that is done to large files (``open(2)``, O_DIRECT).
"""

from __future__ import annotations

import errno
import fcntl
import os

from weft.util.coldread import ALIGNED, aligned

BLOCK = 4 << 20
"""Bytes that are handed to the disk at a time."""

# macOS has no such flag: there everything goes through the page cache.
_DIRECT: int = getattr(os, "O_DIRECT", 0)


def new_block() -> memoryview:
    """``BLOCK`` bytes at an address that the disk may read from by itself."""
    return aligned(BLOCK)


class BlockSink:
    """Appends blocks to the open file ``fd``, which stays the caller's, past the page cache where that is possible."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._direct = False
        self._refused = not _DIRECT

    def append(self, data: memoryview) -> None:
        """Append ``data``: a whole block, or less, once, at the end of the file. Raises ``OSError`` as it comes."""
        self._bypass(len(data) % ALIGNED == 0)
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except OSError as error:
                if error.errno != errno.EINVAL or not self._direct:
                    raise
                # This disk wants another alignment, or a short write has left an odd rest.
                self._bypass(False)
                self._refused = True

    def finish(self) -> None:
        """Let later writes of others to the same descriptor be ordinary ones."""
        self._bypass(False)

    def _bypass(self, wanted: bool) -> None:
        """Let the next write pass by the page cache, where the file system knows how, or not."""
        if wanted == self._direct or (wanted and self._refused):
            return
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        try:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, flags | _DIRECT if wanted else flags & ~_DIRECT)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._refused = True
            return
        self._direct = wanted
