"""Values of ``marshal`` through a pipe, each with its length before it: how weft talks to processes of its own.

Both sides run one and the same Python, and each trusts the other: nothing else ever writes to these pipes.
"""

from __future__ import annotations

import marshal
import os
import struct
from typing import Any

LENGTH = struct.Struct(">I")
READY = "ready"
"""The first message of a helper."""
_PIECE = 1 << 16


def pack_message(value: Any) -> bytes:
    """``value`` as it goes through a pipe."""
    data = marshal.dumps(value)
    return LENGTH.pack(len(data)) + data


def send(fd: int, value: Any) -> None:
    """Write ``value`` to the pipe ``fd``, however long that takes. Raises ``OSError``."""
    rest = memoryview(pack_message(value))
    while rest:
        rest = rest[os.write(fd, rest) :]


def receive(fd: int) -> Any:
    """The next value from the pipe ``fd``, None at its end (and where it ends in the middle of a value)."""
    head = _read(fd, LENGTH.size)
    if head is None:
        return None
    data = _read(fd, LENGTH.unpack(head)[0])
    return None if data is None else marshal.loads(data)  # noqa: S302 (from our own parent)


def _read(fd: int, length: int) -> bytes | None:
    found = bytearray()
    while len(found) < length:
        piece = os.read(fd, min(_PIECE, length - len(found)))
        if not piece:
            return None
        found += piece
    return bytes(found)
