"""Reading the small files of the work tree: bounded, and never through a link."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable

from weft.errors import FileTypeRefused, LimitExceeded, SymlinkRefused
from weft.util.atomic import os_errors, reap_temps, translate_os_error

SMALL = 64 * 1024


def read_small(path: str, limit: int = SMALL) -> bytes | None:
    """Return the bytes of the regular file ``path``, None when there is none.

    Raises ``SymlinkRefused``, ``FileTypeRefused``, ``LimitExceeded`` (after reading at most ``limit`` bytes) and the
    translated errors of the operating system.
    """
    try:
        if stat.S_ISLNK(os.lstat(path).st_mode):
            raise SymlinkRefused(f"{path} is a symbolic link where a plain file is wanted", path=path)
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise translate_os_error(error, "read", path) from error
    with os.fdopen(fd, "rb") as stream:
        info = os.fstat(stream.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise FileTypeRefused(f"{path} is not a regular file", path=path)
        data = stream.read(limit + 1) if info.st_size <= limit else b""
    if info.st_size > limit or len(data) > limit:
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
