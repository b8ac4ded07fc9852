"""Folders for what a command needs while it runs: made for it, and gone with it, or, after a kill, by a later one."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from weft.util.atomic import os_errors
from weft.util.dirfd import opened

_NAME = re.compile("[0-9a-f]{16}", re.ASCII)
_STALE = 2 * 86400.0


@contextmanager
def scratch_folder(state: str, kind: str) -> Iterator[str]:
    """A new folder below ``state/kind``, where ``state`` is this user's own; what killed commands left there two days ago
    goes first. Raises ``SymlinkRefused``, ``PermissionFault``, ``DiskFull``."""
    name = secrets.token_hex(8)
    with opened(state, kind, create=True) as top:
        _reap(top)
        with os_errors("create", f"{state}/{kind}/{name}"):
            os.mkdir(name, 0o700, dir_fd=top)
        try:
            yield os.path.join(state, kind, name)
        finally:
            shutil.rmtree(name, ignore_errors=True, dir_fd=top)


def _reap(top: int) -> None:
    """Remove old folders of this user with names as above, and nothing else."""
    for name in filter(_NAME.fullmatch, os.listdir(top)):
        with suppress(OSError):
            found = os.stat(name, dir_fd=top, follow_symlinks=False)
            old = time.time() - found.st_mtime > _STALE
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and old:
                shutil.rmtree(name, ignore_errors=True, dir_fd=top)
