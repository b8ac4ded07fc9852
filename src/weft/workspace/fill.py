"""Writing the files of a checkout: directories first, then batches of files in the order of the packs, by many workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from weft.errors import HashMismatch
from weft.model.entry import LINK, Entry
from weft.model.oid import Kind, Oid
from weft.objects.layouts import LayoutView
from weft.objects.store import LocalStore
from weft.util.parallel import unordered_map
from weft.util.progress import Task
from weft.workspace.outcome import Made, Outcome
from weft.workspace.places import Place, Places
from weft.workspace.plan import DirPlan, Plan
from weft.workspace.walk import ReadManifest
from weft.workspace.writer import put_file, set_mode

SMALL = 64 * 1024
"""Files up to so many bytes are read from the packs together."""
BATCH_FILES = 256
BATCH_BYTES = 4 << 20
BATCH_DIRS = 16
"""Directories that one worker has open at a time. Small ones share a batch: looking up frames costs by the batch."""


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


@dataclass(slots=True)
class _Target:
    """An open directory in which files of a batch are written, and what was written there."""

    plan: DirPlan
    place: Place
    above: str
    made: list[Made] = field(default_factory=list)

    def put(self, entry: Entry, pieces: Iterable[bytes]) -> None:
        fd, name, path = self.place
        if entry.name != "/":  # the place is that of the first entry; only a tracked file is alone and has another name
            name, path = entry.name, f"{self.above}/{entry.name}"
        packed = put_file(fd, entry, pieces, name, self.plan.replaced.get(entry.name), path)
        self.made.append((entry.name, packed, entry.oid))


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
        with ExitStack() as stack:
            wanted: list[tuple[_Target, Entry]] = []
            targets: list[_Target] = []
            for plan, entries in batch.parts:
                place = stack.enter_context(self._places.at(plan.path, entries[0].name))
                target = _Target(plan, place, self._places.shown(plan.path))
                targets.append(target)
                wanted += [(target, entry) for entry in entries]
            try:
                for target, entry, pieces in self._contents(wanted):
                    target.put(entry, pieces)
            finally:
                # After an error as well: what is written is ours and shall be known as such.
                for target in targets:
                    self._outcome.note(target.plan, target.made)
        return batch.files, batch.size

    def _contents(self, wanted: list[tuple[_Target, Entry]]) -> Iterator[tuple[_Target, Entry, Iterable[bytes]]]:
        """Each entry with its verified bytes: small ones in the order of the packs, large ones as streams."""
        together: dict[Oid, list[tuple[_Target, Entry]]] = {}
        for target, entry in wanted:
            if entry.size <= SMALL and self._layout.recipe_for(entry.oid) is None:
                together.setdefault(entry.oid, []).append((target, entry))
            else:
                yield target, entry, self._store.iter_content(entry.oid, entry.size, self._layout)
        for oid, data in self._store.read_many(together, Kind.CHUNK):
            for target, entry in together[oid]:
                if len(data) != entry.size:
                    raise HashMismatch(f"{entry.name!a} has {len(data)} bytes, its manifest says {entry.size}")
                yield target, entry, (data,)
