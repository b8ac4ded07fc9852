"""Carrying out the plan of a checkout.

Order: what stands in the way, directories and files, deletions, links last. Every step goes through a chain of directory
descriptors opened without following links, so a component that is swapped for a link stops the checkout before anything
outside is touched. An interrupted checkout leaves whole files only; the next one finishes the work.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from weft.errors import FileChanged, HashMismatch, SymlinkRefused, WeftError
from weft.model.entry import LINK, Entry
from weft.model.oid import Kind, Oid
from weft.model.paths import MAX_PATH
from weft.objects.layouts import LayoutView
from weft.objects.store import LocalStore
from weft.util.atomic import translate_os_error
from weft.util.parallel import cpu_workers, unordered_map
from weft.util.progress import Progress, SilentProgress
from weft.workspace.dirfd import make_directory, open_below, opened
from weft.workspace.names import check_link, join_path
from weft.workspace.plan import DirPlan, Plan, Removal
from weft.workspace.statcache import DirRow, StatCache, Tracked, now_ns
from weft.workspace.walk import ReadManifest
from weft.workspace.writer import expect, is_abandoned, put_file, put_link, set_mode

SMALL = 64 * 1024
"""Files up to so many bytes are read from the packs together."""
BATCH_FILES = 256
BATCH_BYTES = 4 << 20

Made = tuple[str, bytes, Oid | None]


@dataclass(slots=True)
class _Batch:
    """Files of one directory that one worker writes."""

    plan: DirPlan
    entries: list[Entry]


def materialize(
    plan: Plan,
    store: LocalStore,
    read: ReadManifest,
    cache: StatCache,
    *,
    progress: Progress | None = None,
    workers: int = 0,
) -> tuple[int, int]:
    """Do what ``plan`` says and record it; return the number of files written and their bytes.

    Whatever ``plan.save`` names must be in the store by now. Raises ``SymlinkRefused``, ``FileChanged`` when a file is no
    longer as planned, ``DiskFull``, ``PermissionFault``, and the store's errors (``HashMismatch``, ``ObjectMissing``).
    """
    pointer = plan.pointer
    layout = store.layout(pointer.layout if pointer else None)
    with opened(plan.scan.top) as top_fd:
        work = _Work(plan, store, layout, top_fd)
        work.check_links()
        work.reap()
        work.clear()
        try:
            work.write(read, progress or SilentProgress(), workers or cpu_workers(4))
            work.remove()
            work.link()
        except BaseException:
            # What is done stays known: it counts as ours and need not be hashed again.
            with suppress(WeftError):
                cache.record(plan.scan.path, work.unfinished_rows())
            raise
    work.record(cache)
    return work.files, work.size


class _Work:
    def __init__(self, plan: Plan, store: LocalStore, layout: LayoutView, top_fd: int) -> None:
        self._plan = plan
        self._store = store
        self._layout = layout
        self._top_fd = top_fd
        self._lock = threading.Lock()
        self._made: dict[str, list[Made]] = {}
        self._plans: dict[str, DirPlan] = {}
        self._targets: dict[tuple[str, str], str] = {}
        self.files = 0
        self.size = 0

    # --- where things are ---

    def _open(self, directory: str) -> int:
        """Descriptor of a directory below the tracked path. Raises ``SymlinkRefused``, ``FileChanged`` when it is gone."""
        path = join_path(self._plan.scan.path, directory)
        try:
            return open_below(self._top_fd, path)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _gone(path) from error

    def _place(self, directory: str, name: str) -> tuple[int, str, str]:
        """Descriptor, name in it, and path to show. A tracked file lies in the directory above."""
        if name != "/":
            shown = join_path(self._plan.scan.path, join_path(directory, name))
            return self._open(directory), name, shown
        parent, _, base = self._plan.scan.path.rpartition("/")
        return open_below(self._top_fd, parent, create=True), base, self._plan.scan.path

    # --- before ---

    def check_links(self) -> None:
        """Read the targets of all links. Raises ``SymlinkRefused`` for one that may leave the tracked path."""
        base = self._plan.scan.path
        for plan in self._plan.dirs:
            for entry in plan.links:
                shown = join_path(base, join_path(plan.path, entry.name))
                if entry.size > MAX_PATH:
                    raise SymlinkRefused(f"the target of the link {shown!a} is longer than a path", path=shown)
                data = b"".join(self._store.iter_content(entry.oid, entry.size, self._layout))
                depth = plan.path.count("/") + bool(plan.path)
                self._targets[plan.path, entry.name] = check_link(_text(data, shown), shown, depth)

    def reap(self) -> None:
        """Remove temporary files that an interrupted checkout left."""
        for path in self._plan.scan.leftovers:
            directory, _, name = path.rpartition("/")
            fd = self._open(directory)
            try:
                modified = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mtime
                if is_abandoned(name, modified, time.time()):
                    os.unlink(name, dir_fd=fd)
            except OSError:  # somebody else's, or gone by now: nothing depends on it
                pass
            finally:
                os.close(fd)

    def clear(self) -> None:
        """Remove what stands in the way of the target."""
        for removal in self._plan.clear:
            self._unlink(removal)
        for directory in self._plan.clear_dirs:
            self._rmdir(directory, needed=True)

    def _unlink(self, removal: Removal) -> None:
        fd, name, shown = self._place(removal.directory, removal.name)
        try:
            expect(fd, name, removal.stat, shown)
            os.unlink(name, dir_fd=fd)
        except OSError as error:
            raise translate_os_error(error, "remove", shown) from error
        finally:
            os.close(fd)

    def _rmdir(self, directory: str, *, needed: bool) -> None:
        path = join_path(self._plan.scan.path, directory)
        parent, _, name = path.rpartition("/")
        fd = open_below(self._top_fd, parent)
        try:
            os.rmdir(name, dir_fd=fd)
        except OSError as error:
            if needed:
                raise FileChanged(
                    f"{path!a} stands in the way and is not empty any more", hint="run the command again", path=path
                ) from error
        finally:
            os.close(fd)

    # --- files ---

    def write(self, read: ReadManifest, progress: Progress, workers: int) -> None:
        """Make directories and write files, several workers at a time; modes are set on the way."""
        with progress.task("checkout", self._plan.size, self._plan.files) as task:
            for count, size in unordered_map(self._write_batch, self._batches(read), workers):
                self.files += count
                self.size += size
                task.advance(size, count)

    def _batches(self, read: ReadManifest) -> Iterator[_Batch]:
        for plan in self._plan.dirs:
            if plan.whole:
                plan.take(entry for entry in read(plan.oid).entries if entry.type != LINK)
            # Shared by the batches of this directory; the row is made from it at the end.
            self._made[plan.path] = []
            self._plans[plan.path] = plan
            if not plan.exists and not self._is_file():
                self._make(plan.path)
            for entry in plan.modes:
                self._set_mode(plan, entry)
            yield from (_Batch(plan, entries) for entries in _group(plan.writes))
            plan.writes = []

    def _is_file(self) -> bool:
        return self._plan.pointer is not None and not self._plan.pointer.is_dir

    def _make(self, directory: str) -> None:
        path = join_path(self._plan.scan.path, directory)
        parent, _, name = path.rpartition("/")
        fd = open_below(self._top_fd, parent, create=not directory)
        try:
            make_directory(name, fd, path)
        finally:
            os.close(fd)

    def _set_mode(self, plan: DirPlan, entry: Entry) -> None:
        fd, name, shown = self._place(plan.path, entry.name)
        try:
            packed = set_mode(fd, entry, name, plan.replaced[entry.name], shown)
        finally:
            os.close(fd)
        self._note(plan, [(entry.name, packed, entry.oid)])

    def _note(self, plan: DirPlan, made: Iterable[Made]) -> None:
        with self._lock:
            self._made[plan.path].extend(made)

    def _write_batch(self, batch: _Batch) -> tuple[int, int]:
        plan, entries = batch.plan, batch.entries
        fd, name, shown = self._place(plan.path, entries[0].name)
        try:
            made = []
            size = 0
            above = join_path(self._plan.scan.path, plan.path)
            for entry, pieces in self._contents(entries):
                single = entry.name == "/"
                path = shown if single else f"{above}/{entry.name}"
                replaced = plan.replaced.get(entry.name)
                packed = put_file(fd, entry, pieces, name if single else entry.name, replaced, path)
                made.append((entry.name, packed, entry.oid))
                size += entry.size
        finally:
            os.close(fd)
        self._note(plan, made)
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

    # --- after ---

    def remove(self) -> None:
        """Remove what the target does not hold, and directories that are empty then."""
        for removal in self._plan.removals:
            self._unlink(removal)
        for directory in self._plan.empty_dirs:
            self._rmdir(directory, needed=False)

    def link(self) -> None:
        """Make the links."""
        for plan in self._plan.dirs:
            for entry in plan.links:
                fd, name, shown = self._place(plan.path, entry.name)
                target = self._targets[plan.path, entry.name]
                try:
                    packed = put_link(fd, target, name, plan.replaced.get(entry.name), shown)
                finally:
                    os.close(fd)
                self._note(plan, [(entry.name, packed, entry.oid)])
                self.files += 1
                self.size += entry.size

    def rows(self) -> dict[str, DirRow]:
        """Rows of the directories in which something was made."""
        recorded = now_ns()
        return {path: self._plans[path].row(made, recorded) for path, made in self._made.items()}

    def unfinished_rows(self) -> dict[str, DirRow]:
        """Rows after an error: what was made and what was there before, and no claim that a directory is done."""
        recorded = now_ns()
        found = {}
        for path, made in list(self._made.items()):
            plan = self._plans[path]
            names = {name for name, _, _ in made}
            made = made + [(name, packed, None) for name, packed in plan.replaced.items() if name not in names]
            made += [(name, packed, None) for at, name, packed in self._plan.removals if at == path]
            plan.agrees = False
            found[path] = plan.row(made, recorded)
        return found

    def record(self, cache: StatCache) -> None:
        """Record what is here now."""
        path, pointer = self._plan.scan.path, self._plan.pointer
        if pointer is None and self._plan.complete:
            cache.forget(path)
            return
        cache.drop(path, [directory for directory in self._plan.gone if directory])
        tracked = Tracked(pointer.oid, pointer.layout) if pointer and self._plan.complete else None
        cache.record(path, {**self._plan.rows, **self.rows()}, tracked=tracked)


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


def _text(data: bytes, shown: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SymlinkRefused(f"the link {shown!a} has a target that is not UTF-8", path=shown) from error


def _gone(path: str) -> FileChanged:
    return FileChanged(f"the directory {path!a} was replaced while weft worked in it", hint="run it again", path=path)
