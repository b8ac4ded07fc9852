"""Packed file status: the 41 bytes a file that are compared with ``memcmp`` to tell that nothing changed."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from weft.errors import FileTypeRefused
from weft.model.entry import DIR, EXEC, FILE, LINK

if TYPE_CHECKING:
    from weft.objects.ingest_helper import FileStatus

STAT = struct.Struct("<QQQqqB")
"""Device, inode, size in bytes, mtime and ctime in nanoseconds, type as the code of its manifest letter (0: gone)."""
WIDTH = STAT.size
RACY_NS = 2_000_000_000
"""A file this young when it was looked at may change again without a new timestamp (FAT counts in 2 s)."""

GONE = bytes(WIDTH)
DIR_CODE = ord(DIR)
LINK_CODE = ord(LINK)
EXEC_CODE = ord(EXEC)
FILE_CODE = ord(FILE)
DIR_STAT = STAT.pack(0, 0, 0, 0, 0, DIR_CODE)
"""The status of every directory: what matters of it is in its own row."""
BROKEN = STAT.pack(0, 0, 0, 0, 0, FILE_CODE)
"""The status of a link into a store whose file is not there: there are no bytes, and no inode has the number 0."""
_SIZE_AND_CODE = struct.Struct("<16xQ16xB")
_TIMES = struct.Struct("<24xqqx")
_SIZE = struct.Struct("<Q")


def type_code(mode: int, path: str) -> int:
    """The type of a file from ``st_mode``. Raises ``FileTypeRefused`` for a FIFO, a socket or a device."""
    kind = mode & 0o170000
    if kind == stat.S_IFREG:
        return EXEC_CODE if mode & 0o100 else FILE_CODE
    if kind == stat.S_IFDIR:
        return DIR_CODE
    if kind == stat.S_IFLNK:
        return LINK_CODE
    raise FileTypeRefused(
        f"{path!a} is a FIFO, a socket or a device; data is made of files, directories and links",
        hint="remove it, or name it in .weftignore",
        path=path,
    )


def pack_stat(info: os.stat_result | FileStatus, path: str = "") -> bytes:
    """Pack ``info`` (not of a link's target). Raises ``FileTypeRefused``."""
    code = type_code(info.st_mode, path)
    if code == DIR_CODE:
        return DIR_STAT
    return STAT.pack(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns, code)


def same_bytes(one: bytes, other: bytes) -> bool:
    """Whether two packed stats of files differ in nothing but the ctime."""
    return one[:32] == other[:32] and one[-1] == other[-1]


def type_of(packed: bytes) -> str:
    """The manifest letter; a NUL character when the file was gone."""
    return chr(packed[-1])


def size_of(packed: bytes) -> int:
    """The size in bytes."""
    size: int = _SIZE.unpack_from(packed, 16)[0]
    return size


def sizes_and_codes(stats: bytes) -> Iterator[tuple[int, int]]:
    """Size in bytes and type code of each of the packed ``stats``."""
    return _SIZE_AND_CODE.iter_unpack(stats)


def youngest(stats: bytes) -> int:
    """The latest mtime or ctime (ns) among the packed ``stats``; directories count as 0."""
    return max(chain.from_iterable(_TIMES.iter_unpack(stats)), default=0)


def is_racy(packed: bytes, recorded: int) -> bool:
    """True when the file was younger than two seconds at ``recorded`` (ns), the time at which it was read."""
    _, _, _, mtime, ctime, code = STAT.unpack(packed)
    limit = recorded - RACY_NS
    return bool(code != DIR_CODE and (mtime >= limit or ctime >= limit))


def split_names(blob: bytes) -> list[str]:
    """Names from their NUL-joined form."""
    return blob.decode("utf-8").split("\0") if blob else []


def split_fixed(blob: bytes, width: int) -> list[bytes]:
    """Records of ``width`` bytes."""
    return [blob[at : at + width] for at in range(0, len(blob), width)]
