"""Appending to a new file in large blocks that bypass the page cache.

A pack is written once and read back rarely, so keeping a copy of it in memory only pushes out what the user needs there,
and filling that copy costs more processor time than everything else that is done to large files (``open(2)``, O_DIRECT).
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from contextlib import suppress

from blake3 import blake3

from weft.util.atomic import os_errors

BLOCK = 4 << 20
"""Bytes that are handed to the disk at a time."""

_ALIGNED = 4096
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# macOS has no such flag: there everything goes through the page cache.
_DIRECT: int = getattr(os, "O_DIRECT", 0)


def new_block() -> memoryview:
    """``BLOCK`` bytes at an address that the disk may read from by itself."""
    return memoryview(mmap.mmap(-1, BLOCK))


class BlockSink:
    """Appends blocks to the open file ``fd``, which stays the caller's, past the page cache where that is possible."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._direct = False
        self._refused = not _DIRECT

    def append(self, data: memoryview) -> None:
        """Append ``data``: a whole block, or less, once, at the end of the file. Raises ``OSError`` as it comes."""
        self._bypass(len(data) % _ALIGNED == 0)
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except OSError as error:
                if error.errno != errno.EINVAL or not self._direct:
                    raise
                # This disk wants another alignment, or a short write has left an odd rest.
                self._bypass(False)
                self._refused = True

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


class BlockFile:
    """A new read-only file at ``path`` and the BLAKE3 of what was appended. For one thread at a time."""

    def __init__(self, path: str) -> None:
        self.path = path
        with os_errors("create", path):
            self.fd = os.open(path, _CREATE, 0o444)
        self.hasher = blake3()
        self._sink = BlockSink(self.fd)

    def append(self, data: memoryview) -> None:
        """Append ``data``: a whole block, or less, once, at the end of the file. Raises as ``translate_os_error``."""
        self.hasher.update(data)
        with os_errors("write", self.path):
            self._sink.append(data)

    def close(self) -> None:
        """Close the descriptor, once."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def discard(self) -> None:
        """Close and remove the file, whatever state it is in."""
        # An error is on its way already, or the user gave up: a failing clean-up must not hide that.
        with suppress(OSError):
            self.close()
        with suppress(OSError):
            os.unlink(self.path)
