"""Writing the files of a checkout: directories first, then batches of files in the order of the packs, by many workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from weft.model.entry import LINK, Entry
from weft.objects.store import LocalStore
from weft.util.helpers import Helpers
from weft.util.parallel import unordered_map
from weft.util.progress import Task
from weft.workspace.batch import BatchWriter, Part
from weft.workspace.linking import Linker
from weft.workspace.outcome import Outcome
from weft.workspace.places import Places
from weft.workspace.plan import DirPlan, Plan
from weft.workspace.walk import ReadManifest
from weft.workspace.writer import set_mode

Reply = tuple[bool, dict[int, list[tuple[int, bytes]]]]
"""What a helper says: whether a task was done whole, and what of each part was written: positions and packed status."""

BATCH_FILES = 256
BATCH_BYTES = 4 << 20
BATCH_DIRS = 16
"""Directories that one worker has open at a time. Small ones share a batch: looking up frames costs by the batch."""
HELPED_FILES = 4000
"""From so many files on processes write them: starting one takes as long as writing about a thousand."""


@dataclass(slots=True)
class _Batch:
    """Files that one worker writes, by directory, and how many and how large they are."""

    parts: list[tuple[DirPlan, list[Entry]]] = field(default_factory=list)
    files: int = 0
    size: int = 0

    def add(self, plan: DirPlan, entry: Entry) -> None:
        if not self.parts or self.parts[-1][0] is not plan:
            self.parts.append((plan, []))
        self.parts[-1][1].append(entry)
        self.files += 1
        self.size += entry.size

    @property
    def is_full(self) -> bool:
        return self.files >= BATCH_FILES or self.size >= BATCH_BYTES

    def message(self) -> list[object]:
        """The batch as a helper gets it."""
        return [
            (
                plan.path,
                [(entry.type, bytes(entry.oid), entry.size, entry.name) for entry in entries],
                {entry.name: plan.replaced[entry.name] for entry in entries if entry.name in plan.replaced},
            )
            for plan, entries in self.parts
        ]


class Filler:
    """Makes the directories and writes the files of ``plan`` into ``places``, and notes them in ``outcome``."""

    def __init__(self, plan: Plan, store: LocalStore, linker: Linker, places: Places, outcome: Outcome) -> None:
        self._plan = plan
        self._store = store
        self._linker = linker
        self._layout = layout = linker.layout
        self._places = places
        self._outcome = outcome
        self._writer = BatchWriter(store, layout, places, linker)

    def run(self, read: ReadManifest, task: Task, workers: int) -> tuple[int, int]:
        """Write everything, ``workers`` batches at a time; modes are set on the way. Returns files and bytes written."""
        files = written = 0
        for count, size in self._results(read, workers):
            files += count
            written += size
            task.advance(size, count)
        return files, written

    def _results(self, read: ReadManifest, workers: int) -> Iterator[tuple[int, int]]:
        if workers > 1 and self._plan.files >= HELPED_FILES:
            layout = self._layout.root
            setup = (
                self._places.top_fd,
                self._places.base,
                self._store.root,
                self._store.catalog.path,
                bytes(layout) if layout else b"",
                self._linker.kind,
                self._linker.least,
            )
            helpers: Helpers[_Batch] = Helpers("weft.workspace.helper", workers, setup, [self._places.top_fd])
            with helpers:
                if helpers.started:
                    for batch, reply in helpers.run((batch, batch.message()) for batch in self._batches(read)):
                        yield self._take(batch, reply)
                    return
        yield from unordered_map(self._write, self._batches(read), workers)

    def _batches(self, read: ReadManifest) -> Iterator[_Batch]:
        is_file = self._plan.pointer is not None and not self._plan.pointer.is_dir
        batch = _Batch()
        for plan in self._plan.dirs:
            if plan.whole:
                plan.take(entry for entry in read(plan.oid).entries if entry.type != LINK)
            self._outcome.begin(plan)
            if not plan.exists and not is_file:
                self._places.make(plan.path)
            for entry in plan.modes:
                self._set_mode(plan, entry)
            for entry in plan.writes:
                batch.add(plan, entry)
                if batch.is_full:
                    yield batch
                    batch = _Batch()
            plan.writes = []
            if len(batch.parts) >= BATCH_DIRS:
                yield batch
                batch = _Batch()
        if batch.files:
            yield batch

    def _set_mode(self, plan: DirPlan, entry: Entry) -> None:
        with self._places.at(plan.path, entry.name) as (fd, name, shown):
            packed = set_mode(fd, entry, name, plan.replaced[entry.name], shown)
        self._outcome.note(plan, [(entry.name, packed, entry.oid)])

    def _write(self, batch: _Batch) -> tuple[int, int]:
        parts = [Part(plan.path, entries, plan.replaced) for plan, entries in batch.parts]
        self._writer.write(parts, lambda number, made: self._note(batch, number, made))
        return batch.files, batch.size

    def _note(self, batch: _Batch, number: int, made: Sequence[tuple[int, bytes]]) -> None:
        plan, entries = batch.parts[number]
        self._outcome.note(plan, [(entries[at].name, packed, entries[at].oid) for at, packed in made])

    def _take(self, batch: _Batch, reply: Reply) -> tuple[int, int]:
        """Note what a helper wrote; what it could not write is written here, where errors are met as they are."""
        whole, done = reply
        for number, made in done.items():
            self._note(batch, number, made)
        if not whole:
            rest = _Batch()
            for number, (plan, entries) in enumerate(batch.parts):
                written = {at for at, _ in done.get(number, ())}
                for at, entry in enumerate(entries):
                    if at not in written:
                        rest.add(plan, entry)
            self._write(rest)
        return batch.files, batch.size
