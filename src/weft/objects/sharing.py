"""A store that several users of a machine share: who may read and write what is made in it.

The directory of the store says so itself, as Git's ``core.sharedRepository`` does in words: when it is writable for its
group and hands that group on to what is made in it (the set-group-id bit), then what weft makes there is for the group
too, whatever the umask. When others may list it as well, they may read. Packs and copies are read-only for everybody.

Whoever may write to a store is trusted half-way: what another user made there is hashed when it is read, and never linked
to.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import NamedTuple

from weft.model.config import SHARED_ALL, SHARED_GROUP
from weft.util.atomic import os_errors
from weft.util.dirfd import open_regular


class Sharing(NamedTuple):
    """The permission bits of what is made in a store: directories, packs, and files that are written to again."""

    directory: int
    pack: int
    file: int


_MODES = {SHARED_GROUP: Sharing(0o2770, 0o440, 0o660), SHARED_ALL: Sharing(0o2775, 0o444, 0o664)}
_SHARED = stat.S_ISGID | stat.S_IWGRP


def sharing_of(root: str) -> Sharing | None:
    """How the store at ``root`` is shared; None when it is its owner's alone, or not there yet."""
    with suppress(OSError):
        mode = os.stat(root).st_mode
        if mode & _SHARED == _SHARED:
            return _MODES[SHARED_ALL if mode & stat.S_IROTH else SHARED_GROUP]
    return None


def share(root: str, kind: str) -> int:
    """Share the store at ``root``, and all that is in it, with its group (``kind`` is one of ``weft.model.config.SHARED``).

    Returns the number of files that are another user's and stay as they are. Raises ``PermissionFault`` when the directory
    itself is another user's, ``DiskFull``.
    """
    modes = _MODES[kind]
    left = 0
    with os_errors("share", root):
        os.makedirs(root, exist_ok=True)
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if stat.S_IMODE(os.fstat(fd).st_mode) != modes.directory:
                os.fchmod(fd, modes.directory)
            # By descriptors: others may put a link in the place of anything while this goes on.
            for folder, folders, names, here in os.fwalk(".", dir_fd=fd):
                for name in folders:
                    left += not _set(here, name, modes.directory)
                # Copies keep their modes: they are read-only as they are.
                for name in names if folder.split("/")[1:2] != ["files"] else ():
                    left += not _set(here, name, modes.pack if name.endswith(".pack") else modes.file)
        finally:
            os.close(fd)
    return left


def share_file(root: str, path: str) -> None:
    """Let those whom the store at ``root`` is shared with write to ``path``, which this user has just made."""
    sharing = sharing_of(root)
    if sharing is not None:
        with os_errors("share", path):
            fd = open_regular(path)
            try:
                os.fchmod(fd, sharing.file)
            finally:
                os.close(fd)


def make_common(path: str, sharing: Sharing) -> None:
    """Make the empty file ``path`` so that all may lock it or write to it, unless it is there. Raises ``OSError``."""
    with suppress(FileExistsError):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(fd, sharing.file)
        finally:
            os.close(fd)


def _set(folder: int, name: str, mode: int) -> bool:
    """Whether the file ``name`` of the open directory ``folder`` has the permissions ``mode`` now. Links have none of their
    own, and what is neither file nor directory is not weft's."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_IFMT(found) not in (stat.S_IFREG, stat.S_IFDIR) or stat.S_IMODE(found) == mode:
            return True
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            os.fchmod(fd, mode)
        finally:
            os.close(fd)
    except OSError:
        return False
    return True
