"""Keeping lines of ours in the users' Git control files (``.gitignore``, ``.gitattributes``) among lines of theirs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from weft.errors import LimitExceeded
from weft.util.atomic import translate_os_error
from weft.util.dirfd import open_regular, opened, remove_below, write_below

_LIMIT = 16 << 20
_BOM = b"\xef\xbb\xbf"


class _Text(NamedTuple):
    data: bytes
    mode: int


def _read(top: str, path: str) -> _Text | None:
    """The file ``path`` below ``top``, None when absent; no link is followed, a device or FIFO not opened for good."""
    folder, _, name = path.rpartition("/")
    path = os.path.join(top, path)
    try:
        with opened(top, folder) as above, open(open_regular(name, dir_fd=above, shown=path), "rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_LIMIT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise translate_os_error(error, "read", path) from error
    if len(data) > _LIMIT:
        raise LimitExceeded(f"{path!a} is longer than {_LIMIT} bytes", path=path)
    return _Text(data, mode)


def _bare(line: bytes) -> bytes:
    """``line`` as Git reads it: without the end of line of either style, and without a byte order mark."""
    return line.rstrip(b"\r\n").removeprefix(_BOM)


def add_lines(top: str, path: str, lines: Sequence[bytes]) -> bool:
    """Append those of ``lines`` that the file ``path`` below ``top`` does not hold yet; True when it changed.

    All bytes that are there stay. Raises ``SymlinkRefused``, ``FileTypeRefused``, ``LimitExceeded`` and the errors of
    ``translate_os_error``.
    """
    old = _read(top, path) or _Text(b"", 0o666)
    present = {_bare(line) for line in old.data.split(b"\n")}
    missing = [line for line in dict.fromkeys(lines) if line not in present]
    if not missing:
        return False
    gap = b"\n" if old.data and not old.data.endswith(b"\n") else b""
    write_below(top, path, old.data + gap + b"".join(line + b"\n" for line in missing), mode=old.mode)
    return True


def drop_lines(top: str, path: str, lines: Iterable[bytes]) -> bool:
    """Remove ``lines`` from the file ``path`` below ``top`` wherever they stand, and the file with the last line; True when
    it changed.

    All other bytes stay. Raises as ``add_lines`` does.
    """
    old = _read(top, path)
    if old is None:
        return False
    ours = frozenset(lines)
    rows = old.data.split(b"\n")
    ends = [row + b"\n" for row in rows[:-1]] + [rows[-1]]
    kept = b"".join(row for row in ends if _bare(row) not in ours)
    if kept == old.data:
        return False
    if kept:
        write_below(top, path, kept, mode=old.mode)
    else:
        remove_below(top, path)
    return True
