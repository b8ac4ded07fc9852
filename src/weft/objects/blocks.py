"""A new file that is hashed while it is written, past the page cache: a pack is written once and read back rarely."""

from __future__ import annotations

import os
from contextlib import suppress

from blake3 import blake3

from weft.util.atomic import os_errors
from weft.util.blocks import BlockSink

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


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
