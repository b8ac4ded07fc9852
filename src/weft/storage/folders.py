"""Folders on another machine as a place for keys: what SFTP, WebDAV and plain web servers share.

A file is sent under a name of its own in ``.weft-tmp/`` and then moved to its key, so that nobody reads a part of it. The
folder may be anybody's: as with a directory of this machine, it is used only when it is empty or a remote already, and
nothing in it is removed but what weft left behind, by its name.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import BinaryIO, NamedTuple, Protocol
from uuid import uuid4

from weft.errors import BucketMissing, DirectoryRefused, PathSyntax, StorageFault, WeftError
from weft.storage.base import ObjectStat, Proof
from weft.storage.connection import fetch_within
from weft.storage.descriptors import prove_file
from weft.storage.keys import MAX_UPLOAD, too_large
from weft.storage.local import MARK, STALE_AFTER, TEMP
from weft.storage.translate import Context, key_missing, translated
from weft.util.forking import own_lock

AT_ONCE = 8
"""Folders that are listed at the same time."""
DEEPEST = 8
MOST_FOLDERS = 20_000
"""Bounds of a listing; weft's own keys have three components, and packs lie in 256 folders."""
_OURS = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Entry(NamedTuple):
    """A name in a folder; ``size`` and ``modified`` are those of a file."""

    name: str
    folder: bool
    size: int = 0
    modified: float = 0.0


class FileServer(Protocol):
    """What a server of files can do. Paths are absolute, or as the server takes them; the calls raise ``FileNotFoundError``
    and ``FileExistsError`` besides errors that ``translate`` knows."""

    def facts(self, path: str) -> Entry:
        """What is known of a file or folder."""

    def entries(self, path: str) -> list[Entry]:
        """What a folder holds."""

    def read(self, path: str, start: int, end: int, take: Callable[[bytes], object]) -> None:
        """Give ``take`` the bytes of a file from ``start`` up to ``end``, or to where it ends before."""

    def send(self, path: str, body: BinaryIO, size: int) -> None:
        """Write a new file."""

    def move(self, path: str, target: str, only: bool) -> None:
        """Give a file another name, which may be taken unless ``only``."""

    def make_folder(self, path: str) -> None:
        """Make a folder, or leave it as it is; raises ``FileNotFoundError`` where the folder around it is missing."""

    def drop(self, path: str) -> None:
        """Remove a file."""

    def close(self) -> None:
        """Close the connections; requests under way fail."""


class FolderDriver:
    """Keys are files below ``root``, a path on the server, which has no slash at its end and may be empty."""

    def __init__(self, server: FileServer, root: str, context: Context) -> None:
        self.context = context
        self.root = root
        self._server = server
        self._ready = False
        self._lock = own_lock(self)

    def fetch(self, key: str, start: int, end: int | None) -> bytes:
        """See ``Driver.fetch``."""
        data = bytearray()
        self._server.read(self.path(key), start, start + MAX_UPLOAD + 1 if end is None else end, data.extend)
        if end is None and len(data) > MAX_UPLOAD:
            raise too_large(key, len(data), MAX_UPLOAD)
        return bytes(data)

    def fetch_small(self, key: str, limit: int) -> bytes:
        """See ``Driver.fetch_small``; the size is asked for first."""
        return fetch_within(self, key, limit)

    def fetch_file(self, key: str, path: str) -> int | None:
        """See ``Driver.fetch_file``."""
        found = self.look(key)
        if found is None:
            raise key_missing(key, self.context)
        if found.size > MAX_UPLOAD:
            raise too_large(key, found.size, MAX_UPLOAD)
        with open(path, "wb") as file:
            self._server.read(self.path(key), 0, found.size + 1, file.write)
        return found.size

    def store(self, key: str, data: bytes, only: bool) -> None:
        """See ``Driver.store``."""
        self._put(key, lambda temp: self._server.send(temp, io.BytesIO(data), len(data)), only)

    def store_file(self, key: str, path: str, size: int, only: bool, proof: Proof | None) -> None:
        """See ``Driver.store_file``."""
        prove_file(path, proof)

        def send(temp: str) -> None:
            with open(path, "rb") as file:
                self._server.send(temp, file, size)

        self._put(key, send, only)

    def look(self, key: str) -> ObjectStat | None:
        """See ``Driver.look``."""
        found = self._server.facts(self.path(key))
        return None if found.folder else ObjectStat(key, found.size, found.modified)

    def pages(self, prefix: str) -> Iterator[Iterable[ObjectStat]]:
        """See ``Driver.pages``: a page a level of folders."""
        level, count = [prefix], 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _ in range(DEEPEST):
                count += len(level)
                if count > MOST_FOLDERS:
                    break
                listed = list(zip(level, pool.map(self._listed, level), strict=True))
                yield [
                    ObjectStat(folder + entry.name, entry.size, entry.modified)
                    for folder, entries in listed
                    for entry in entries
                    if not entry.folder
                ]
                level = [f"{folder}{entry.name}/" for folder, entries in listed for entry in entries if entry.folder]
                level = [folder for folder in level if folder != f"{TEMP}/"]
                if not level:
                    return
        fault = StorageFault(f"{self.context.name} has more folders in folders than a remote has")
        fault.transient = False
        raise fault

    def _listed(self, prefix: str) -> list[Entry]:
        try:
            found = self._server.entries(self.path(prefix).rstrip("/") or "/")
        except FileNotFoundError:
            self.confirm_bucket()
            return []
        return [entry for entry in found if entry.name not in ("", ".", "..") and "/" not in entry.name]

    def remove(self, key: str) -> None:
        """See ``Driver.remove``."""
        if self.look(key) is not None:
            self._server.drop(self.path(key))

    def confirm_bucket(self) -> None:
        """Raise ``BucketMissing`` where the folder of the remote does not exist."""
        with translated("", self.context):
            try:
                there = self._server.facts(self.root or "/").folder
            except FileNotFoundError:
                there = False
        if not there:
            raise BucketMissing(
                f"the folder of {self.context.name} does not exist",
                hint="check the url of the remote with weft remote list; weft remote add makes a folder that is missing",
            )

    def path(self, key: str) -> str:
        """Where a key lies on the server."""
        return f"{self.root}/{key}"

    def _put(self, key: str, send: Callable[[str], None], only: bool) -> None:
        if key.partition("/")[0] == TEMP:
            raise PathSyntax(f"keys may not start with {TEMP}/: {key!a}")
        self._prepare()
        temp, target = self.path(f"{TEMP}/{uuid4().hex}"), self.path(key)
        moved = False
        try:
            send(temp)
            try:
                self._server.move(temp, target, only)
            except FileNotFoundError:
                self._make(target.rpartition("/")[0])
                self._server.move(temp, target, only)
            moved = True
        finally:
            if not moved:
                with suppress(WeftError), translated(key, self.context):
                    self._server.drop(temp)

    def _prepare(self) -> None:
        """Make the folder and its place for temporary files, and sweep what crashed writers left there long ago."""
        with self._lock:
            if self._ready:
                return
            try:
                names = {entry.name for entry in self._server.entries(self.root or "/")} - {".", ".."}
            except FileNotFoundError:
                names = set()
            if names and not names & {MARK, TEMP}:
                raise DirectoryRefused(
                    f"{self.context.name} cannot become a remote: it holds other files, such as {min(names)[:80]!a},"
                    f" and no {MARK}",
                    hint="name a folder that is empty or not there yet, such as a new one below it",
                )
            if TEMP in names:
                _sweep(self._server, self.path(TEMP))
            else:
                self._make(self.path(TEMP))
            self._ready = True

    def _make(self, path: str) -> None:
        try:
            self._server.make_folder(path)
        except FileNotFoundError:
            above = path.rpartition("/")[0]
            if not above:
                raise
            self._make(above)
            self._server.make_folder(path)

    def close(self) -> None:
        """See ``Driver.close``."""
        self._server.close()


def _sweep(server: FileServer, temps: str) -> None:
    oldest = time.time() - STALE_AFTER
    for entry in server.entries(temps):
        if _OURS.fullmatch(entry.name) and not entry.folder and 0 < entry.modified < oldest:
            with suppress(FileNotFoundError):
                server.drop(f"{temps}/{entry.name}")
