"""From a path on disk to a new pointer whose objects wait in a writer: the part of ``add`` before anything is visible."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeVar

from weft.errors import LimitExceeded, NoSuchPath, ObjectMissing, StaleWorkspace, quoted
from weft.model.entry import DIR, EXEC, FILE, LINK, Entry
from weft.model.oid import Oid
from weft.model.pointer import SUFFIX, Pointer
from weft.objects.ingest import FileToRead, ingest
from weft.objects.layout_walk import LayoutWalk
from weft.objects.proofs import prove_pairs
from weft.objects.store_write import ObjectWriter
from weft.util.progress import Task
from weft.workflows.contents import Contents, layout_of
from weft.workflows.fetch import fetch_metadata
from weft.workflows.made_from import after_changes, refuse_stale_parts
from weft.workflows.options import AddOptions
from weft.workflows.project import Project
from weft.workflows.targets import Target
from weft.workspace.names import NamePolicy, join_path
from weft.workspace.parts import part_state, rows_of_parts
from weft.workspace.reads import Reads
from weft.workspace.saved import Saved
from weft.workspace.scan import TreeScan, scan_tree
from weft.workspace.snapshot import Snapshot, files_to_read, snapshot
from weft.workspace.splice import Spliced, replace_paths
from weft.workspace.statcache import DirRow, PathState, StatCache, Tracked
from weft.workspace.stats import type_of
from weft.workspace.walk import ReadManifest, manifest_reader, tracked_names

T = TypeVar("T")


@dataclass(slots=True)
class Draft:
    """A pointer to be written, and what to record of the workspace once it is. Sizes are bytes.

    ``made_from`` is what the workspace counts as made from then; None: as before.
    """

    path: str
    pointer: Pointer
    changed: bool
    rows: Mapping[str, DirRow]
    gone: Sequence[str] = ()
    made_from: Tracked | None = None
    new_objects: int = 0
    new_bytes: int = 0

    def record(self, cache: StatCache) -> None:
        """Write down what the workspace holds of this path."""
        if self.gone:
            cache.drop(self.path, self.gone)
        cache.record(self.path, self.rows, tracked=self.made_from)


_ANNOUNCED = 256
_SHOWN = 3


class Taker:
    """Reads paths of the workspace into one writer."""

    def __init__(self, project: Project, writer: ObjectWriter, names: NamePolicy, options: AddOptions) -> None:
        self._project = project
        self._writer = writer
        self._names = names
        self._options = options
        self._saved = Saved(project.store, relying=True)

    def whole(self, path: str, old: Pointer | None, *, keeps: Pointer | None = None) -> Draft:
        """Take all of ``path``, which is there. ``old`` is the pointer that stands for it so far.

        What that holds, or ``keeps``, is taken although a rule ignores it.
        """
        project, kept = self._project, old or keeps
        state = project.cache.load(path)
        tracked = tracked_names(kept, manifest_reader(project.store, kept.layout if kept else None), state)
        scan = scan_tree(project.root, path, state=state, tracked=tracked, names=self._names)
        if keeps is None:
            self._told(scan)
        counts = _Counts()
        contents = Contents(self._writer)
        shot = self._with_metadata(path, old, lambda read: self._snapshot(scan, old, read, contents, counts))
        self._refuse_stale(old, scan, shot)
        pointer = self._pointer(path, old, shot, contents)
        gone = sorted(state.rows.keys() - scan.dirs.keys())
        made = Tracked(pointer.oid, pointer.layout)
        return Draft(path, pointer, pointer != old, shot.rows, gone, made, counts.files, counts.size)

    def parts(self, path: str, old: Pointer, subpaths: Sequence[str]) -> Draft:
        """Take only ``subpaths`` of the tracked directory ``path``; all else stays as the pointer has it.

        One that was here and is gone is taken out of it.
        """
        state = self._project.cache.load(path)
        counts = _Counts()

        changes: dict[str, Entry | None] = {}

        def build(read: ReadManifest) -> tuple[Snapshot, dict[str, DirRow], Contents]:
            contents = Contents(self._writer, hold=True)
            changes.clear()
            rows: dict[str, dict[str, DirRow]] = {}
            scans: dict[str, TreeScan] = {}
            for sub in _outermost(subpaths):
                if was_part(state, sub) and not os.path.lexists(os.path.join(self._project.root, path, sub)):
                    changes[sub] = None
                    continue
                shot, scans[sub] = self._part(path, sub, old, state, contents, counts)
                changes[sub] = _entry(shot)
                rows[sub] = shot.rows
            if not self._options.force:
                refuse_stale_parts(self._project, path, old, state, changes)
            new = replace_paths(old.oid, changes, read)
            contents.unread |= {new.oid}
            self._keep(new, contents)
            top = Snapshot("dir", new.oid, new.size, new.files)
            return top, rows_of_parts(state, scans, rows), contents

        top, rows, contents = self._with_metadata(path, old, build)
        pointer = self._pointer(path, old, top, contents)
        made = after_changes(self._project, self._writer, state, (old, pointer), changes)
        return Draft(path, pointer, pointer != old, rows, (), made, counts.files, counts.size)

    def spliced(
        self, path: str, old: Pointer, changes: Mapping[str, Entry | None], layouts: Sequence[Oid | None] = ()
    ) -> Pointer:
        """The pointer of the tracked directory ``path`` with some entries replaced or, by None, removed.

        ``layouts`` are those of other pointers that entries come from.
        """

        def build(read: ReadManifest) -> tuple[Snapshot, Contents]:
            contents = Contents(self._writer, hold=True)
            new = replace_paths(old.oid, changes, read)
            contents.unread |= {new.oid}
            self._keep(new, contents)
            return Snapshot("dir", new.oid, new.size, new.files), contents

        return self._pointer(path, old, *self._with_metadata(path, old, build), layouts=layouts)

    # --- steps ---

    def _refuse_stale(self, old: Pointer | None, scan: TreeScan, shot: Snapshot) -> None:
        """Data that was put here for another pointer than the one of now would silently undo what made that one."""
        path, state = scan.path, scan.state
        if old is None or self._options.force:
            return
        if state.tracked is None and shot.oid != old.oid:
            self._project.progress.warn(
                f"it is not known which version of {path} the data here was made from: if its pointer changed since (a pull,"
                " a merge, another branch), this undoes that change",
                hint=f"weft diff HEAD shows the difference; back: git checkout HEAD -- {quoted(path + SUFFIX)}",
            )
        if state.tracked is not None and state.tracked.oid != old.oid and shot.oid != old.oid:
            if old.is_dir and scan.type == DIR and not state.holds_any:
                # All of it was dropped, so only what stands in the place of something counts.
                others: dict[str, Entry | None] = dict.fromkeys(_files(scan), Entry(FILE, Oid(bytes(32)), 0, 1, ""))
                refuse_stale_parts(self._project, path, old, state, others)
                return
            name = quoted(path)
            raise StaleWorkspace(
                f"the pointer of {path} changed since its data was last put here (a pull, a merge, another branch);"
                " adding all of it would undo that",
                hint=f"weft checkout {name}, after adding your own changed files by name; or weft add --force {name}"
                if old.is_dir
                else f"weft add --force {name} keeps yours, weft checkout --force {name} takes theirs",
                path=path,
            )

    @staticmethod
    def _keep(new: Spliced, contents: Contents) -> None:
        for oid, data in new.manifests.items():
            contents.keep(oid, data)
        contents.flush()

    def _part(
        self, path: str, sub: str, old: Pointer, state: PathState, contents: Contents, counts: _Counts
    ) -> tuple[Snapshot, TreeScan]:
        reader = manifest_reader(self._project.store, old.layout)
        below, own = _find(old, sub, reader), part_state(state, sub)
        tracked, depth = tracked_names(below, reader, own), sub.count("/") + 1
        top = self._project.root
        scan = scan_tree(top, f"{path}/{sub}", state=own, tracked=tracked, names=self._names, depth=depth)
        self._told(scan)
        if not scan.type:
            raise NoSuchPath(f"no such file: {path}/{sub}", hint=f"weft checkout {quoted(f'{path}/{sub}')}", path=sub)
        if scan.type == LINK:
            return self._link(scan), scan
        return self._snapshot(scan, below, reader, contents, counts), scan

    def _told(self, scan: TreeScan) -> None:
        """Warn of what no version can hold."""
        if scan.special:
            shown = ", ".join(ascii(join_path(scan.path, path)) for path in scan.special[:_SHOWN])
            more = f" and {len(scan.special) - _SHOWN} more" if len(scan.special) > _SHOWN else ""
            self._project.progress.warn(
                f"left out: {shown}{more}: FIFOs, sockets and devices are no data",
                hint="name them in .weftignore, and nothing is said of them",
            )

    def _link(self, scan: TreeScan) -> Snapshot:
        """A link inside tracked data, added by its own name."""
        target = scan.link_target("", "/").encode("utf-8")
        oid = Oid.of(target)
        self._writer.add_chunks([(oid, target)])
        row = DirRow.make([("/", scan.dirs[""].stats, oid)], None, False, scan.started)
        return Snapshot(LINK, oid, len(target), 1, rows={"": row})

    def _snapshot(
        self, scan: TreeScan, old: Pointer | None, read: ReadManifest, contents: Contents, counts: _Counts
    ) -> Snapshot:
        reads = self._read_files(files_to_read(scan, old, read, self._saved.unsaved), scan)
        counts.files += reads.files
        counts.size += reads.size
        shot = snapshot(scan, old, read, reads, contents.keep, missing=self._options.missing)
        contents.flush()
        contents.take(shot)
        self._writer.add_chunks(list(shot.links.items()))
        return shot

    def _read_files(self, files: Iterable[FileToRead], scan: TreeScan) -> Reads:
        reads = Reads(scan)
        with self._project.progress.task(f"add {scan.path}") as task:
            found = ingest(
                self._writer,
                _announced(files, task),
                workers=self._options.jobs,
                max_size=self._options.max_size,
                on_progress=task.advance,
            )
            try:
                for file in found:
                    reads.take(file)
            except LimitExceeded as error:
                # What is added is named again: alone, a file of a directory would get a pointer of its own.
                if error.hint and error.path:
                    error.hint = error.hint.replace(quoted(error.path), quoted(scan.path))
                raise
        return reads

    def _with_metadata(self, path: str, old: Pointer | None, build: Callable[[ReadManifest], T]) -> T:
        """Run ``build``; when manifests of the old pointer are not here, fetch them and run it again."""
        reader = manifest_reader(self._project.store, old.layout if old else None)
        try:
            return build(reader)
        except ObjectMissing:
            if old is None or not self._project.config.remotes:
                raise
        fetch_metadata(self._project, [Target(path, old)])
        return build(reader)

    def _lies(self, pointer: Pointer) -> bool:
        """Whether its layout leads to other bytes than it says, as far as they are here."""
        store = self._project.store
        try:
            pairs = LayoutWalk(pointer.layout, store).find(None)
        except ObjectMissing:
            return False
        return bool(prove_pairs(store, pairs.items()).false)

    def _pointer(
        self,
        path: str,
        old: Pointer | None,
        shot: Snapshot,
        contents: Contents,
        layouts: Sequence[Oid | None] = (),
    ) -> Pointer:
        kind: Literal["file", "dir"] = "dir" if shot.type == "dir" else "file"
        new = Pointer(kind, path.rpartition("/")[2], shot.oid, shot.size, shot.files, None, shot.executable)
        if old is not None and old.same_data(new) and not self._options.force and not self._lies(old):
            return old
        layout = layout_of(self._project, self._writer, contents, [*layouts, old.layout] if old else layouts)
        meta = old.meta if old else {}
        return Pointer(new.type, new.path, new.oid, new.size, new.files, layout, new.executable, meta=meta)


def rewritten(
    project: Project,
    path: str,
    pointer: Pointer,
    changes: Mapping[str, Entry | None],
    rows: Mapping[str, DirRow],
    layouts: Sequence[Oid | None] = (),
    moved: Mapping[str, str] | None = None,
) -> Draft:
    """The draft of the tracked directory ``path`` with entries below it replaced or, by None, removed.

    ``rows`` are what the workspace holds of them afterwards, ``layouts`` as in ``Taker.spliced``, ``moved`` is the old path
    of a new one. Raises ``NoSuchPath``.
    """
    for sub in changes:
        if not sub:
            raise NoSuchPath("an empty path is inside no directory", hint="weft ls", path=path)
    with project.store.writer() as writer:
        taker = Taker(project, writer, NamePolicy(), AddOptions())
        new = taker.spliced(path, pointer, changes, layouts)
        made = after_changes(project, writer, project.cache.load(path), (pointer, new), changes, moved)
    return Draft(path, new, new != pointer, rows, made_from=made)


def was_part(state: PathState, sub: str) -> bool:
    """Whether ``sub``, inside of a tracked directory, was once in the workspace as tracked data."""
    directory, _, name = sub.rpartition("/")
    return state.tracked is not None and state.was_here(directory, name)


def _files(scan: TreeScan) -> Iterator[str]:
    """The paths of what is on disk and no directory, relative to the tracked path."""
    for top, found in scan.dirs.items():
        for name, packed in zip(found.name_list(), found.stat_list(), strict=True):
            if type_of(packed) != DIR:
                yield join_path(top, name)


@dataclass(slots=True)
class _Counts:
    files: int = 0
    size: int = 0


def _announced(files: Iterable[FileToRead], task: Task) -> Iterator[FileToRead]:
    """Tell the progress of what is to be done, a batch at a time, before it is done."""
    rest = iter(files)
    batch = list(islice(rest, _ANNOUNCED))
    while batch:
        task.grow(sum([file.size for file in batch]), len(batch))
        following = list(islice(rest, _ANNOUNCED))
        if not following:
            task.settle()
        yield from batch
        batch = following


def _find(pointer: Pointer, sub: str, read: ReadManifest) -> Pointer | None:
    """What the pointer has at ``sub`` so far, as a pointer of its own."""
    entry = Entry(DIR, pointer.oid, pointer.size, pointer.files, pointer.path)
    for name in sub.split("/"):
        found = read(entry.oid).by_name().get(name) if entry.type == DIR else None
        if found is None:
            return None
        entry = found
    if entry.type not in (DIR, FILE, EXEC):
        return None
    kind: Literal["file", "dir"] = "dir" if entry.type == DIR else "file"
    return Pointer(kind, entry.name, entry.oid, entry.size, entry.files, pointer.layout, entry.type == EXEC)


def _entry(shot: Snapshot) -> Entry:
    plain = EXEC if shot.executable else FILE
    kind = {"dir": DIR, LINK: LINK}.get(shot.type, plain)
    return Entry(kind, shot.oid, shot.size, shot.files, "")


def _outermost(paths: Sequence[str]) -> list[str]:
    """Without those that lie inside another one."""
    chosen: list[str] = []
    for path in sorted(set(paths)):
        if not any(path.startswith(above + "/") for above in chosen):
            chosen.append(path)
    return chosen
