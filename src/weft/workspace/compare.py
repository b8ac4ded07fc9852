"""Comparing a tracked path with its pointer: what was added, modified, deleted, renamed, and what was never here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, cast

from weft.errors import IntegrityError, ObjectMissing
from weft.model.entry import DIR, LINK, Entry
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.util.later import later
from weft.workspace.names import join_path
from weft.workspace.scan import TreeScan
from weft.workspace.statcache import DirRow, StatCache, Tracked
from weft.workspace.stats import GONE, pack_stat, size_of, type_of
from weft.workspace.walk import FILE_TYPES, DirPair, ReadManifest, walk_pairs, was_here

if TYPE_CHECKING:
    from weft.objects import ingest
    from weft.workspace import before
else:
    before = later("weft.workspace.before")
    ingest = later("weft.objects.ingest")

RENAME_BUDGET = 1 << 30
"""Most bytes of added files that are hashed only to tell whether one of them is a deleted file under a new name."""

CLEAN, MODIFIED, NOT_HERE, PARTIAL, MISSING, ERROR = "clean", "modified", "not-here", "partial", "missing", "error"


class FileChange(NamedTuple):
    """One file that differs: ``kind`` is added, modified, deleted, renamed, typechange or mode; sizes are in bytes.

    Paths are relative to the top of the work tree. Empty directories end in a slash. ``behind`` tells that the file is as
    the pointer before had it: the pointer changed, not the file. ``both`` tells that the two changed, each its own way.
    """

    kind: str
    path: str
    old_size: int = 0
    new_size: int = 0
    old_path: str = ""
    behind: bool = False
    both: bool = False


class Comparison(NamedTuple):
    """How a tracked path stands to its pointer.

    ``state`` is clean, modified, not-here (never materialized), partial (some of it was not), missing (some of it is
    absent, and nothing records whether it was here), or error (``message`` says why; ``behind``: the pointer changed since
    the data was last put here, so that the listing that is missing is one that nobody fetched yet: then ``changes`` are
    those against the pointer before). ``absent`` counts files that are not on disk and not known to be deleted.
    """

    state: str
    changes: tuple[FileChange, ...] = ()
    absent: int = 0
    message: str = ""
    behind: bool = False


@dataclass(slots=True)
class _Seen:
    """What the first pass over one directory found; hashes come later."""

    pair: DirPair
    oids: dict[str, Oid] = field(default_factory=dict)
    fresh: dict[str, bytes] = field(default_factory=dict)


def compare(
    scan: TreeScan,
    pointer: Pointer,
    read: ReadManifest,
    *,
    cache: StatCache | None = None,
    workers: int = 0,
    rename_budget: int = RENAME_BUDGET,
    read_before: ReadManifest | None = None,
) -> Comparison:
    """Compare ``scan`` with ``pointer``; ``read`` gives the manifests of the directories that may differ.

    ``read_before`` gives those of the pointer that the workspace was last made from, to tell what is merely ``behind``.

    Files whose status changed are hashed when their size is as before. What was learned goes into ``cache``. A manifest
    that is not in the local store makes the state ``error``; whatever reading files raises is raised.
    """
    if not scan.type and not (scan.state.tracked and "" in scan.state.rows):
        return Comparison(NOT_HERE, absent=pointer.files)
    if scan.type and (scan.type == DIR) != pointer.is_dir:
        moved = _moved(scan, pointer)
        change = FileChange("typechange", scan.path, pointer.size, 0, behind=bool(moved))
        return Comparison(MODIFIED, (change,), message=moved)
    comparer = _Comparer(scan, pointer, workers, rename_budget)
    try:
        comparer.look(read)
    except ObjectMissing as error:
        message = f"{error.message} (mend: {error.hint})" if error.hint else error.message
        behind = bool(_moved(scan, pointer))
        edits = _edits(scan, pointer, read_before, workers, rename_budget) if behind and read_before is not None else ()
        return Comparison(ERROR, edits, message=message, behind=behind)
    comparer.hash_unknown()
    if read_before is not None and _moved(scan, pointer):
        comparer.mark_behind(read_before)
    result = comparer.result()
    if cache is not None:
        comparer.remember(cache, result)
    return result


def _edits(
    scan: TreeScan, pointer: Pointer, read_before: ReadManifest, workers: int, rename_budget: int
) -> tuple[FileChange, ...]:
    """What was changed since the data was last put here; nothing where the manifests of then are not here."""
    tracked = scan.state.tracked
    if tracked is None:
        return ()
    comparer = _Comparer(scan, replace(pointer, oid=tracked.oid, layout=tracked.layout), workers, rename_budget)
    try:
        comparer.look(read_before)
    except IntegrityError:
        return ()
    comparer.hash_unknown()
    return comparer.result().changes


def _moved(scan: TreeScan, pointer: Pointer) -> str:
    tracked = scan.state.tracked
    if tracked is None or tracked.oid == pointer.oid:
        return ""
    return f"the pointer has changed since the data was last put here; run: weft checkout {scan.path}"


class _Comparer:
    def __init__(self, scan: TreeScan, pointer: Pointer, workers: int, rename_budget: int) -> None:
        self._scan = scan
        self._pointer = pointer
        self._workers = workers
        self._rename_budget = rename_budget
        self._seen: dict[str, _Seen] = {}
        self._to_hash: list[ingest.FileToRead] = []
        self._changes: list[FileChange] = []
        self._added: dict[tuple[str, str], FileChange] = {}
        self._deleted: dict[str, Oid] = {}
        self._covered = 0
        self._gone = 0
        self._moved = bool(_moved(scan, pointer))

    # --- first pass: names, types, sizes, known oids ---

    def look(self, read: ReadManifest) -> None:
        for pair in walk_pairs(self._scan, self._pointer, read):
            if pair.clean:
                self._covered += pair.files_on_disk
                continue
            seen = self._seen[pair.path] = _Seen(pair)
            present = set()
            for name, packed, known in pair.scan.items():
                present.add(name)
                self._present(seen, name, packed, known)
            for name, entry in pair.entries.items():
                if name not in present:
                    self._absent(pair, name, entry)
            if not pair.scan.names and pair.path and pair.expected is None:
                self._changes.append(FileChange("added", self._path(pair.path, "") + "/"))

    def _path(self, directory: str, name: str) -> str:
        return self._scan.path if name == "/" else join_path(self._scan.path, join_path(directory, name))

    def _present(self, seen: _Seen, name: str, packed: bytes, known: Oid | None) -> None:
        directory, entry = seen.pair.path, seen.pair.entries.get(name)
        kind, size = type_of(packed), size_of(packed)
        path = self._path(directory, name)
        if entry is None:
            if kind != DIR:
                self._added[directory, name] = FileChange("added", path, 0, size)
                if known is not None:
                    seen.oids[name] = known
                elif self._moved and kind in FILE_TYPES and was_here(self._scan, directory, name):
                    self._to_hash.append(ingest.FileToRead(self._scan.source(directory, name), size, (directory, name)))
            return
        if entry.type != DIR or kind != DIR:
            self._covered += entry.files
        if kind == DIR == entry.type:
            seen.oids[name] = entry.oid
        elif kind == LINK == entry.type:
            seen.oids[name] = Oid.of(self._scan.link_target(directory, name).encode("utf-8"))
            self._judge(seen, name, entry, packed)
        elif kind in FILE_TYPES and entry.type in FILE_TYPES:
            if known is not None:
                seen.oids[name] = known
            if known is not None or (size != entry.size and not self._moved):
                self._judge(seen, name, entry, packed)
            else:
                self._to_hash.append(ingest.FileToRead(self._scan.source(directory, name), size, (directory, name)))
        else:
            self._changes.append(FileChange("typechange", path, entry.size, size))

    def _judge(self, seen: _Seen, name: str, entry: Entry, packed: bytes) -> None:
        """Compare one file of the same class with its entry; one that was not hashed differs in size."""
        path = self._path(seen.pair.path, name)
        if seen.oids.get(name) != entry.oid:
            self._changes.append(FileChange("modified", path, entry.size, size_of(packed)))
        elif entry.type != type_of(packed):
            self._changes.append(FileChange("mode", path, entry.size, entry.size))

    def _absent(self, pair: DirPair, name: str, entry: Entry) -> None:
        if not was_here(self._scan, pair.path, name):
            return
        path = self._path(pair.path, name)
        if entry.type != DIR:
            self._gone += 1
            self._deleted[path] = entry.oid
            self._changes.append(FileChange("deleted", path, entry.size, 0))
        elif not entry.files:
            self._changes.append(FileChange("deleted", path + "/"))

    # --- second pass: hashes ---

    def hash_unknown(self) -> None:
        for read in self._hashed(self._to_hash):
            directory, name = _key(read.key)
            seen = self._seen[directory]
            packed = pack_stat(read.stat)
            seen.oids[name], seen.fresh[name] = read.oid, packed
            if name in seen.pair.entries:
                self._judge(seen, name, seen.pair.entries[name], packed)
        self._find_renames()

    def mark_behind(self, read: ReadManifest) -> None:
        """Mark what is as the pointer before had it, and what both changed; nothing where its manifests are not here."""
        with suppress(IntegrityError):
            entries = before.EntriesBefore(self._scan.state.tracked, self._pointer.is_dir, read)
            self._changes = [self._marked(change, entries) for change in self._changes]
            for key, change in self._added.items():
                self._added[key] = self._marked(change, entries)

    def _marked(self, change: FileChange, entries: before.EntriesBefore) -> FileChange:
        inside = change.path[len(self._scan.path) + 1 :]
        directory, _, name = inside.rstrip("/").rpartition("/")
        old = entries.find(directory, name or "/")
        seen = self._seen.get(directory)
        entry = seen.pair.entries.get(name or "/") if seen is not None else None
        if old is None or seen is None or change.kind in ("deleted", "renamed"):
            behind = False
        elif change.kind in ("mode", "typechange"):
            behind = entry is not None and entry.type != old.type
        else:
            behind = old.type == DIR if inside.endswith("/") else seen.oids.get(name or "/") == old.oid
        moved = (old and (old.type, old.oid)) != (entry and (entry.type, entry.oid))
        both = moved and not behind and seen is not None and change.kind != "renamed" and not inside.endswith("/")
        return change._replace(behind=behind, both=both)

    def _hashed(self, files: Sequence[ingest.FileToRead]) -> Iterable[ingest.Ingested]:
        # Nothing to hash is the usual case, and then what hashes is not even imported.
        return ingest.ingest(None, files, workers=self._workers) if files else ()

    def _find_renames(self) -> None:
        deleted = [change for change in self._changes if change.kind == "deleted" and change.old_size]
        sizes = {change.old_size for change in deleted}
        wanted = {key: change for key, change in self._added.items() if change.new_size in sizes}
        oids = {key: oid for key in wanted if (oid := self._seen[key[0]].oids.get(key[1])) is not None}
        unknown = [
            ingest.FileToRead(self._scan.source(*key), change.new_size, key)
            for key, change in wanted.items()
            if key not in oids
        ]
        if sum(file.size for file in unknown) <= self._rename_budget:
            oids.update((_key(read.key), read.oid) for read in self._hashed(unknown))
        by_oid: dict[Oid, list[FileChange]] = defaultdict(list)
        for change in reversed(deleted):
            by_oid[self._deleted[change.path]].append(change)
        gone: set[str] = set()
        for key in sorted(oids):
            if by_oid[oids[key]]:
                old, new = by_oid[oids[key]].pop(), self._added.pop(key)
                gone.add(old.path)
                self._changes.append(FileChange("renamed", new.path, old.old_size, new.new_size, old.path))
        if gone:
            self._changes = [c for c in self._changes if not (c.kind == "deleted" and c.path in gone)]

    def result(self) -> Comparison:
        changes = sorted([*self._changes, *self._added.values()], key=lambda change: change.path.encode("utf-8"))
        absent = max(0, self._pointer.files - self._covered - self._gone)
        if self._scan.state.tracked is None and absent and (self._covered or changes):
            state = MISSING
        elif changes:
            state = MODIFIED
        elif absent:
            state = PARTIAL if self._covered else NOT_HERE
        else:
            state = CLEAN
        return Comparison(state, tuple(changes), absent, _moved(self._scan, self._pointer) if changes else "")

    # --- what was learned ---

    def remember(self, cache: StatCache, result: Comparison) -> None:
        rows: dict[str, DirRow] = {}
        for path, seen in self._seen.items():
            if seen.pair.on_disk:
                row = self._row(seen)
                old = self._scan.state.rows.get(path)
                if old is None or (row.names, row.stats, row.oids, row.manifest) != (
                    old.names,
                    old.stats,
                    old.oids,
                    old.manifest,
                ):
                    rows[path] = row
        tracked = None
        if result.state == CLEAN and (self._scan.state.tracked or (None,))[0] != self._pointer.oid:
            tracked = Tracked(self._pointer.oid, self._pointer.layout)
        if rows or tracked:
            cache.record(self._scan.path, rows, tracked=tracked)

    def _row(self, seen: _Seen) -> DirRow:
        """The new row: tracked names only, and what was here and is gone stays by name until add or checkout decide."""
        pair = seen.pair
        old = pair.scan.row.index if pair.scan.row else {}
        entries: dict[str, tuple[str, bytes, Oid | None]] = {}
        agrees = pair.expected is not None
        for name, packed, known in pair.scan.items():
            entry = pair.entries.get(name)
            if entry is None and name not in old:
                continue
            packed = seen.fresh.get(name, packed)
            oid = seen.oids.get(name, known)
            agrees = agrees and entry is not None and (entry.type, entry.oid) == (type_of(packed), oid)
            entries[name] = (name, packed, oid)
        partial = bool(pair.entries.keys() - entries.keys())
        entries.update((name, (name, GONE, None)) for name in old if name not in entries)
        ordered = sorted(entries.values(), key=lambda entry: entry[0])
        return DirRow.make(ordered, pair.expected if agrees else None, partial, self._scan.started)


def _key(key: object) -> tuple[str, str]:
    return cast("tuple[str, str]", key)
