"""Writing the files of a checkout: directories first, then batches of files in the order of the packs, by many workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from weft.errors import HashMismatch
from weft.model.entry import LINK, Entry
from weft.model.oid import Kind, Oid
from weft.objects.layouts import LayoutView
from weft.objects.store import LocalStore
from weft.util.parallel import unordered_map
from weft.util.progress import Task
from weft.workspace.outcome import Made, Outcome
from weft.workspace.places import Places
from weft.workspace.plan import DirPlan, Plan
from weft.workspace.walk import ReadManifest
from weft.workspace.writer import put_file, set_mode

SMALL = 64 * 1024
"""Files up to so many bytes are read from the packs together."""
BATCH_FILES = 256
BATCH_BYTES = 4 << 20


@dataclass(slots=True)
class _Batch:
    """Files of one directory that one worker writes."""

    plan: DirPlan
    entries: list[Entry]


class Filler:
    """Makes the directories and writes the files of ``plan`` into ``places``, and notes them in ``outcome``."""

    def __init__(self, plan: Plan, store: LocalStore, layout: LayoutView, places: Places, outcome: Outcome) -> None:
        self._plan = plan
        self._store = store
        self._layout = layout
        self._places = places
        self._outcome = outcome

    def run(self, read: ReadManifest, task: Task, workers: int) -> tuple[int, int]:
        """Write everything, ``workers`` batches at a time; modes are set on the way. Returns files and bytes written."""
        files = written = 0
        for count, size in unordered_map(self._write, self._batches(read), workers):
            files += count
            written += size
            task.advance(size, count)
        return files, written

    def _batches(self, read: ReadManifest) -> Iterator[_Batch]:
        is_file = self._plan.pointer is not None and not self._plan.pointer.is_dir
        for plan in self._plan.dirs:
            if plan.whole:
                plan.take(entry for entry in read(plan.oid).entries if entry.type != LINK)
            self._outcome.begin(plan)
            if not plan.exists and not is_file:
                self._places.make(plan.path)
            for entry in plan.modes:
                self._set_mode(plan, entry)
            yield from (_Batch(plan, entries) for entries in _group(plan.writes))
            plan.writes = []

    def _set_mode(self, plan: DirPlan, entry: Entry) -> None:
        with self._places.at(plan.path, entry.name) as (fd, name, shown):
            packed = set_mode(fd, entry, name, plan.replaced[entry.name], shown)
        self._outcome.note(plan, [(entry.name, packed, entry.oid)])

    def _write(self, batch: _Batch) -> tuple[int, int]:
        plan, entries = batch.plan, batch.entries
        made: list[Made] = []
        size = 0
        above = self._places.shown(plan.path)
        with self._places.at(plan.path, entries[0].name) as (fd, name, shown):
            for entry, pieces in self._contents(entries):
                single = entry.name == "/"
                path = shown if single else f"{above}/{entry.name}"
                replaced = plan.replaced.get(entry.name)
                packed = put_file(fd, entry, pieces, name if single else entry.name, replaced, path)
                made.append((entry.name, packed, entry.oid))
                size += entry.size
        self._outcome.note(plan, made)
        return len(entries), size

    def _contents(self, entries: list[Entry]) -> Iterator[tuple[Entry, Iterable[bytes]]]:
        """Each entry with its verified bytes: small ones in the order of the packs, large ones as streams."""
        together: dict[Oid, list[Entry]] = {}
        for entry in entries:
            if entry.size <= SMALL and self._layout.recipe_for(entry.oid) is None:
                together.setdefault(entry.oid, []).append(entry)
            else:
                yield entry, self._store.iter_content(entry.oid, entry.size, self._layout)
        for oid, data in self._store.read_many(together, Kind.CHUNK):
            for entry in together[oid]:
                if len(data) != entry.size:
                    raise HashMismatch(f"{entry.name!a} has {len(data)} bytes, its manifest says {entry.size}")
                yield entry, (data,)


def _group(entries: list[Entry]) -> Iterator[list[Entry]]:
    group: list[Entry] = []
    size = 0
    for entry in entries:
        group.append(entry)
        size += entry.size
        if len(group) >= BATCH_FILES or size >= BATCH_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
