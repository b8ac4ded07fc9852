"""Proved frames on their way into new packs of the local store, and refused bytes on their way into quarantine."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Set
from contextlib import suppress

from weft.formats import recipe as recipe_format
from weft.model.oid import Kind, Oid
from weft.objects import quarantine_log, store_folder
from weft.objects.catalog import LOCAL
from weft.objects.packer import PackWriter, infos
from weft.objects.ranges import Proved
from weft.objects.store import LocalStore
from weft.util.atomic import os_errors

_MAX_FRESH = 32 << 20


class Incoming:
    """Writes proved frames into two packs, chunks apart from the rest. Used by one thread.

    What is not flushed yet counts as here: ``pending`` names it, and ``fresh`` has the bytes of all but chunks.
    """

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._writers: dict[bool, PackWriter] = {}
        self._recipes: dict[Oid, Oid] = {}
        self._fresh: dict[Oid, bytes] = {}
        self._fresh_bytes = 0
        self.pending: set[Oid] = set()

    def add(self, frames: Iterable[Proved]) -> int:
        """Take frames, copied and not compressed again. Returns how many were new."""
        new = 0
        for proved in frames:
            if proved.frame.oid not in self.pending:
                self._add(proved)
                new += 1
        if self._fresh_bytes > _MAX_FRESH:
            self.flush()
        return new

    def fresh(self, oids: Set[Oid]) -> list[tuple[Oid, bytes]]:
        """The raw bytes of those of ``oids`` that are not flushed yet; chunks are not among them."""
        return [(oid, self._fresh[oid]) for oid in oids & self._fresh.keys()]

    def flush(self) -> None:
        """Make the packs durable and known."""
        for chunk in list(self._writers):
            sealed = self._writers[chunk].finish()
            del self._writers[chunk]
            with self._store.catalog.transaction():
                self._store.catalog.add_packs(infos(sealed), LOCAL)
                self._store.catalog.add_recipes(self._recipes)
        self._recipes.clear()
        self.pending.clear()
        self._fresh.clear()
        self._fresh_bytes = 0

    def abort(self) -> None:
        """Drop what is not flushed."""
        for writer in self._writers.values():
            writer.abort()
        self._writers.clear()

    def _add(self, proved: Proved) -> None:
        frame = proved.frame
        chunk = frame.kind is Kind.CHUNK
        if chunk not in self._writers:
            self._writers[chunk] = PackWriter(self._store.files)
        self._writers[chunk].add(frame.oid, frame.kind, frame.codec, frame.raw, proved.stored, frame.check)
        self.pending.add(frame.oid)
        if not chunk:
            self._fresh[frame.oid] = proved.raw
            self._fresh_bytes += len(proved.raw)
        if frame.kind is Kind.RECIPE:
            self._recipes[recipe_format.decode(proved.raw).object] = frame.oid


def sync_file(path: str) -> None:
    """Make the bytes of a file durable."""
    with os_errors("sync", path):
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def remove_file(path: str) -> None:
    """Remove a file that may be gone already."""
    with os_errors("remove", path), suppress(FileNotFoundError):
        os.unlink(path)


def quarantine_file(store: LocalStore, pack: Oid, temp: str, why: str) -> None:
    """Keep refused bytes of a remote's ``pack`` where nothing reads them, so that a person can look at them."""
    wanted = f"{pack.hex()}.remote-{secrets.token_hex(4)}"
    with os_errors("quarantine", temp):
        kept = store_folder.set_aside(store.root, "tmp", os.path.basename(temp), wanted)
    quarantine_log.note(store.root, os.path.basename(kept), why)


def quarantine_bytes(store: LocalStore, pack: Oid, data: bytes, why: str) -> None:
    """``quarantine_file`` for bytes in memory."""
    temp = store.temp_path()
    with os_errors("write", temp), open(temp, "xb") as file:
        file.write(data)
    quarantine_file(store, pack, temp, why)
