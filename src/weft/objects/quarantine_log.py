"""What was set aside, why, and which objects went with it: ``quarantine.log`` in the store (``docs/spec/local.md``).

One line of JSON for everything that was set aside. The files in the folder are the truth: a log that is gone or damaged
costs the reasons, and the memory of what ``weft verify --repair`` should bring back.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Set
from typing import Any, NamedTuple

from weft.errors import WeftError
from weft.formats.canonical import json_bytes, load_json
from weft.model.oid import Oid
from weft.objects import store_folder
from weft.objects.sharing import make_common, share_file, sharing_of
from weft.util.atomic import os_errors, translate_os_error, write_atomic
from weft.util.dirfd import open_regular
from weft.util.locks import FileLock

FOLDER = "quarantine"
_LINE = 64 << 20
# What has another name in the folder is not weft's: it is not shown, and not deleted.
_NAME = re.compile(r"[0-9a-f]{64}(\.pack|\.remote-[0-9a-f]{8}|(\.x)?\.file)(\.[0-9]{1,9})?", re.ASCII)


class Kept(NamedTuple):
    """One file of the quarantine: its name, size in bytes, why and when (seconds since the epoch) it was set aside, and
    the objects that were lost with it. ``why`` is empty where nothing was written down."""

    file: str
    size: int
    why: str
    at: float
    lost: tuple[Oid, ...]


def note(root: str, file: str, why: str, lost: Iterable[Oid] = ()) -> None:
    """Write down that ``file`` ("" when nothing was left of it) was set aside in the store at ``root``."""
    path = _path(root)
    sharing = sharing_of(root)
    with os_errors("write", path):
        if sharing is not None:
            make_common(path, sharing)
        with open(open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab") as log:
            log.write(_line(Kept(file, -1, why, time.time(), tuple(lost))))


def entries(root: str) -> Iterator[Kept]:
    """All that is written down, whether the files are there or not; their size is -1."""
    try:
        with open(open_regular(_path(root)), "rb") as log:
            lines = log.readlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise translate_os_error(error, "read", _path(root)) from error
    for line in lines:
        try:
            yield _entry(load_json(line, _LINE, what="quarantine.log"))
        except (WeftError, KeyError, TypeError, ValueError):
            continue  # a line that a crash cut off, or that somebody edited: see the module


def kept(root: str) -> list[Kept]:
    """What lies in the quarantine of the store at ``root``, the latest last."""
    notes = {entry.file: entry for entry in entries(root)}
    found = []
    for name in _files(root):
        status = os.lstat(os.path.join(root, FOLDER, name))
        told = notes.get(name, Kept(name, -1, "", status.st_ctime, ()))
        found.append(told._replace(size=status.st_size))
    return sorted(found, key=lambda entry: (entry.at, entry.file))


def lock(root: str, purpose: str) -> FileLock:
    """The lock of the quarantine of the store at ``root``, under which packs are set aside, dropped and noted as gone."""
    return FileLock(os.path.join(root, "quarantine.lock"), purpose=purpose)


def give_up(root: str, oids: Set[Oid]) -> None:
    """Write down ``oids`` as lost no more, as they are dropped on purpose; the caller holds the lock of the quarantine."""
    noted = list(entries(root))
    left = [entry._replace(lost=tuple(oid for oid in entry.lost if oid not in oids)) for entry in noted]
    if left != noted:
        rewrite(root, [entry for entry in left if entry.file or entry.lost])


def rewrite(root: str, keep: Iterable[Kept]) -> None:
    """Leave only ``keep`` in the log; the caller holds the lock of the quarantine."""
    write_atomic(_path(root), b"".join(map(_line, keep)))
    share_file(root, _path(root))


def _line(entry: Kept) -> bytes:
    lost = "".join(oid.hex() for oid in entry.lost)
    return json_bytes({"at": entry.at, "file": entry.file, "lost": lost, "why": entry.why})


def _entry(value: dict[str, Any]) -> Kept:
    digits = str(value["lost"])
    oids = tuple(Oid.parse_hex(digits[start : start + 64]) for start in range(0, len(digits), 64))
    return Kept(str(value["file"]), -1, str(value["why"]), float(value["at"]), oids)


def _files(root: str) -> list[str]:
    try:
        with store_folder.part(root, FOLDER) as fd:
            return sorted(filter(_NAME.fullmatch, os.listdir(fd)))
    except FileNotFoundError:
        return []


def _path(root: str) -> str:
    return os.path.join(root, "quarantine.log")
