"""Keeping lines of ours in the users' Git control files (``.gitignore``, ``.gitattributes``) among lines of theirs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from weft.errors import FileTypeRefused, LimitExceeded
from weft.util.atomic import os_errors, write_atomic

_LIMIT = 16 << 20
_BOM = b"\xef\xbb\xbf"


class _Text(NamedTuple):
    data: bytes
    mode: int


def _read(path: str) -> _Text | None:
    """The file ``path``, None when absent; a link there is not followed, a device or FIFO not opened for good."""
    with os_errors("read", path):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with open(fd, "rb") as file:
            facts = os.fstat(fd)
            if not stat.S_ISREG(facts.st_mode):
                raise FileTypeRefused(f"{path!a} is not a regular file", path=path)
            data = file.read(_LIMIT + 1)
    if len(data) > _LIMIT:
        raise LimitExceeded(f"{path!a} is longer than {_LIMIT} bytes", path=path)
    return _Text(data, stat.S_IMODE(facts.st_mode))


def _bare(line: bytes) -> bytes:
    """``line`` as Git reads it: without the end of line of either style, and without a byte order mark."""
    return line.rstrip(b"\r\n").removeprefix(_BOM)


def add_lines(path: str, lines: Sequence[bytes]) -> bool:
    """Append those of ``lines`` that ``path`` does not hold yet; True when it changed.

    All bytes that are there stay. Raises ``SymlinkRefused``, ``FileTypeRefused``, ``LimitExceeded`` and the errors of
    ``translate_os_error``.
    """
    old = _read(path) or _Text(b"", 0o666)
    present = {_bare(line) for line in old.data.split(b"\n")}
    missing = [line for line in dict.fromkeys(lines) if line not in present]
    if not missing:
        return False
    gap = b"\n" if old.data and not old.data.endswith(b"\n") else b""
    write_atomic(path, old.data + gap + b"".join(line + b"\n" for line in missing), mode=old.mode)
    return True


def drop_lines(path: str, lines: Iterable[bytes]) -> bool:
    """Remove ``lines`` from ``path`` wherever they stand, and the file with the last line; True when it changed.

    All other bytes stay. Raises as ``add_lines`` does.
    """
    old = _read(path)
    if old is None:
        return False
    ours = frozenset(lines)
    rows = old.data.split(b"\n")
    ends = [row + b"\n" for row in rows[:-1]] + [rows[-1]]
    kept = b"".join(row for row in ends if _bare(row) not in ours)
    if kept == old.data:
        return False
    if kept:
        write_atomic(path, kept, mode=old.mode)
    else:
        with os_errors("remove", path):
            os.unlink(path)
    return True
