"""Names and seals of whole files beside the packs, which the workspace may link to (``docs/spec/local.md``).

A copy is ``files/<2>/<64>`` below the store, ``<64>.x`` when it is executable, and read-only. Its seal is the part of its
modification time below a second: that says what the copy is of. Whoever writes into a copy sets that time, so a copy that
bears its seal is as it was made, but for one chance in ten million or somebody who sets times on purpose.
"""

from __future__ import annotations

import os
import stat

from weft.model.oid import Oid

FOLDER = "files"
_EXEC = ".x"
_STEP = 100
"""Nanoseconds in which file systems count times, the coarsest that matter."""
_SECOND = 1_000_000_000
_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def copies_dir(store: str) -> str:
    """Where the copies of the store at ``store`` are, as links to them spell it: absolute and without links."""
    return os.path.join(os.path.realpath(store), FOLDER)


def copy_path(folder: str, oid: Oid, executable: bool) -> str:
    """Where the copy of ``oid`` in ``folder`` is or would be."""
    digits = oid.hex()
    return f"{folder}/{digits[:2]}/{digits}{_EXEC if executable else ''}"


def copy_oid(folder: str, path: str) -> Oid | None:
    """What ``path`` is the copy of; None when it is no name of a copy in ``folder``."""
    above, _, name = path.rpartition("/")
    digits = name.removesuffix(_EXEC)
    if len(digits) != 64 or above != f"{folder}/{digits[:2]}" or digits.strip("0123456789abcdef"):
        return None
    return Oid(bytes.fromhex(digits))


def is_executable(path: str) -> bool:
    """Whether the name ``path`` of a copy says that it is executable."""
    return path.endswith(_EXEC)


def sealed_time(oid: Oid, now: int) -> int:
    """A modification time (ns since the epoch) in the second of ``now`` (ns) that is the seal of ``oid``."""
    return now // _SECOND * _SECOND + _tag(oid)


def is_ours(info: os.stat_result) -> bool:
    """Whether the file with status ``info`` is a regular one that nobody but this user, or root, can change."""
    return (
        stat.S_ISREG(info.st_mode)
        and info.st_uid in (os.geteuid(), 0)
        and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def is_sealed(info: os.stat_result, oid: Oid) -> bool:
    """Whether the copy of ``oid`` with status ``info`` is read-only and was not written to since it was made."""
    return not info.st_mode & _WRITE and info.st_mtime_ns % _SECOND == _tag(oid)


def _tag(oid: Oid) -> int:
    return int.from_bytes(oid[:8], "big") % (_SECOND // _STEP) * _STEP
