"""Reading the small files of the work tree: bounded, and never through a link."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable

from weft.errors import LimitExceeded, SymlinkRefused
from weft.util.atomic import os_errors, reap_temps, translate_os_error
from weft.util.dirfd import open_regular, opened

SMALL = 64 * 1024


def read_small(path: str, limit: int = SMALL) -> bytes | None:
    """Return the bytes of the regular file ``path``, None when there is none.

    Raises ``SymlinkRefused``, ``FileTypeRefused``, ``LimitExceeded`` (after reading at most ``limit`` bytes) and the
    translated errors of the operating system.
    """
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            raise SymlinkRefused(f"{path} is a symbolic link where a plain file is wanted", path=path)
        return _read(open_regular(path), limit, path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise translate_os_error(error, "read", path) from error


def read_below(top: str, path: str, limit: int = SMALL) -> bytes | None:
    """``read_small`` of ``path`` below the trusted directory ``top``, where none of the directories may be a link either.

    For what weft writes by name: a commit can put a link there.
    """
    folder, _, name = path.rpartition("/")
    shown = os.path.join(top, path)
    try:
        with opened(top, folder) as fd:
            return _read(open_regular(name, dir_fd=fd, shown=shown), limit, shown)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise translate_os_error(error, "read", shown) from error


def _read(fd: int, limit: int, path: str) -> bytes:
    with os.fdopen(fd, "rb") as stream:
        size = os.fstat(fd).st_size
        data = stream.read(limit + 1) if size <= limit else b""
    if size > limit or len(data) > limit:
        raise LimitExceeded(f"{path} is larger than {limit} bytes", path=path)
    return data


def read_head(path: str, length: int = SMALL) -> bytes:
    """The first ``length`` bytes of a file, however long it is, not through a link. Raises the translated errors."""
    with os_errors("read", path):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as stream:
            return stream.read(length)


def tidy(files: Iterable[str]) -> None:
    """Remove what killed commands left beside ``files``, each directory once; never raises."""
    now = time.time()
    for directory in {os.path.dirname(path) for path in files}:
        reap_temps(directory, now)
