"""Planning a checkout (``docs/spec/protocols.md``, checkout): nothing is touched before all of it is known to be allowed.

What is removed or overwritten must be provably saved. A file is ours to remove only when the stat cache recorded it as
tracked data; anything else that the target does not hold stays. Directories that the stat cache proves to be as the
target wants them are passed over unread.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from weft.errors import DiskFull, FileTypeRefused, SymlinkRefused, UnsavedChanges, quoted
from weft.model.entry import DIR, LINK, Entry
from weft.model.oid import Oid
from weft.model.paths import fold_key
from weft.model.pointer import Pointer
from weft.objects.ingest import FileToRead, ingest
from weft.util.atomic import os_errors
from weft.util.humanize import size_text
from weft.workspace.names import join_path
from weft.workspace.plan import DirPlan, Plan, Removal
from weft.workspace.probe import NameGate, Traits, probe
from weft.workspace.scan import TreeScan
from weft.workspace.selection import Selection
from weft.workspace.stats import BROKEN, DIR_STAT, GONE, pack_stat, size_of, type_of
from weft.workspace.walk import DirPair, ReadManifest, walk_pairs

_SHOWN = 10
_NAMED = 3
_BLOCK = 4096
_NOTHING = Oid(bytes(32))


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What is asked: the target (None: the path is no longer tracked), the ``subpaths`` meant (None: all), ``force``.

    ``unsaved`` tells which contents are held by no store, ``absent`` which the local store lacks (None: not asked),
    ``traits`` what the file system does (None: it is probed), ``relink`` whether a file that has the right bytes, given by
    its absolute path, is to be made again all the same (None: none is), ``delete`` whether an entry of a directory that was
    never tracked goes (None: all stay). ``verb`` is the one of weft that asks, for messages.
    """

    pointer: Pointer | None
    unsaved: Callable[[Iterable[Oid]], set[Oid]]
    subpaths: Sequence[str] | None = None
    force: bool = False
    absent: Callable[[Iterable[Oid]], set[Oid]] | None = None
    traits: Callable[[], Traits] | None = None
    relink: Callable[[str, Entry], bool] | None = None
    delete: Callable[[str, str], bool] | None = None
    verb: str = "checkout"


class _Found(NamedTuple):
    """A file on disk whose fate depends on its content: ``entry`` is what shall stand there (None: it goes)."""

    plan: DirPlan | None
    removal: Removal
    entry: Entry | None
    clear: bool


def plan_checkout(scan: TreeScan, request: CheckoutRequest, read: ReadManifest) -> Plan:
    """Plan to bring what ``scan`` found (made without ignore rules) to what ``request`` asks.

    Raises ``UnsavedChanges`` naming the files, ``SymlinkRefused`` when the tracked path is a link, ``PathCollision`` and
    ``PathReserved`` for names the file system cannot hold, ``DiskFull``, ``NoSuchPath`` for a sub-path that is nowhere,
    and what ``read`` and reading files raise.
    """
    if scan.type == LINK:
        raise SymlinkRefused(
            f"{scan.path!a} is a symbolic link where tracked data belongs; weft writes through none",
            hint="remove the link",
            path=scan.path,
        )
    _refuse_hopeless(scan, request)
    planner = _Planner(scan, request)
    planner.run(read)
    return planner.plan


class _Planner:
    def __init__(self, scan: TreeScan, request: CheckoutRequest) -> None:
        self.plan = Plan(scan, request.pointer)
        self._scan = scan
        self._request = request
        self._selection = Selection(request.subpaths)
        self._gate = NameGate(request.traits or (lambda: probe(scan.top)))
        self._found: list[_Found] = []
        self._oids: dict[tuple[str, str], Oid] = {}
        self._fresh: dict[tuple[str, str], bytes] = {}
        self._in_the_way: set[str] = set()
        self._blocks = 0

    def run(self, read: ReadManifest) -> None:
        self.plan.read = read
        self._mismatched_root()
        visited: set[str] = set()
        pairs = walk_pairs(self._scan, self._request.pointer, read, complete=True, enter=self._selection.enters)
        for pair in pairs:
            if pair.clean:
                self.plan.unchanged += pair.files_on_disk
                self._selection.filter(pair.path, pair.scan.name_list())
            elif pair.expected is None:
                self._leftover(pair)
            else:
                self._target(pair, pair.expected)
            visited.add(pair.path)
        self._selection.refuse_unmet(self._scan.path)
        if self._selection.whole:
            self.plan.gone.extend(self._scan.state.rows.keys() - visited)
        self._hash()
        self._decide()
        self._finish()
        tracked, pointer = self._scan.state.tracked, self._request.pointer
        if self._request.subpaths is not None:
            self.plan.parts = tuple(self._request.subpaths)
            seen = tracked is not None and (pointer is None or tracked.oid == pointer.oid)
            self.plan.complete = seen or not self._scan.files

    def _mismatched_root(self) -> None:
        """A file where the target is a directory or nothing, or a directory where it is a file."""
        pointer, found = self._request.pointer, self._scan.type
        if found in ("f", "x") and (pointer is None or pointer.is_dir):
            name, packed, known = next(iter(self._scan.dirs[""].items()))
            if pointer is not None or self._tracked("", name):
                self._add(None, Removal("", name, packed), known, None, clear=True)
        if found == DIR and pointer is not None and not pointer.is_dir:
            for path, entry in self._scan.dirs.items():
                self.plan.clear_dirs.append(path)
                for name, packed, known in entry.items():
                    if type_of(packed) != DIR:
                        self._add(None, Removal(path, name, packed), known, None, clear=True)
            self.plan.clear_dirs.sort(key=_depth, reverse=True)

    def _tracked(self, directory: str, name: str) -> bool:
        delete = self._request.delete
        return self._scan.state.was_here(directory, name) or (delete is not None and delete(directory, name))

    # --- directories that the target does not hold ---

    def _leftover(self, pair: DirPair) -> None:
        path = pair.path
        doomed = path in self._in_the_way
        parent, _, own = path.rpartition("/")
        tracked_dir = path in self._scan.state.rows or not path or self._tracked(parent, own)
        left = False
        names = self._selection.filter(path, pair.scan.name_list())
        for name, packed, known in pair.scan.items():
            below = join_path(path, name)
            if doomed and type_of(packed) == DIR:
                self._in_the_way.add(below)
            if type_of(packed) == DIR:
                continue
            if doomed or (name in names and self._tracked(path, name)):
                self._add(None, Removal(path, name, packed), known, None, clear=doomed)
            else:
                left = True
        if doomed:
            _refuse_special(self._scan, path, [special.rpartition("/")[2] for special in self._scan.special])
        if doomed or self._selection.takes(path):
            self.plan.gone.append(path)
        if doomed:
            self.plan.clear_dirs.insert(0, path)
        elif tracked_dir and pair.on_disk and not left and self._selection.takes(path):
            self.plan.empty_dirs.insert(0, path)

    # --- directories of the target ---

    def _target(self, pair: DirPair, expected: Oid) -> None:
        path = pair.path
        on_disk = pair.scan.name_list()
        present = set(on_disk)
        wanted = self._selection.filter(path, pair.entries.keys() | present)
        plan = DirPlan(path, expected, exists=pair.on_disk)
        _refuse_special(self._scan, path, wanted if self._scan.special else ())
        self._check_names(pair, on_disk, wanted)
        self.plan.dirs.append(plan)
        if path and not pair.on_disk and len(wanted) == len(pair.entries):
            plan.whole = True
            plan.links = [entry for entry in pair.manifest.entries if entry.type == LINK]
            self._expect(path, pair.manifest.entries)
            return
        first = len(self._found)
        for name, packed, known in pair.scan.items():
            self._present(pair, plan, name, packed, known, name in wanted)
        self._clear_clashes(first, pair)
        new = [pair.entries[name] for name in sorted(wanted - present)]
        plan.take(new)
        self._expect(path, new)
        plan.partial = any(name not in present and name not in wanted for name in pair.entries)
        if not self._selection.whole and pair.scan.row:
            gone = pair.scan.row.index.keys() - present - wanted
            plan.kept.extend((name, GONE, None) for name in gone)

    def _expect(self, directory: str, entries: Sequence[Entry]) -> None:
        """Count what will be written, and note what the local store lacks."""
        contents = [entry for entry in entries if entry.type != DIR]
        self.plan.files += len(contents)
        self.plan.size += sum(entry.size for entry in contents)
        self._blocks += sum((entry.size + _BLOCK - 1) // _BLOCK for entry in contents)
        if self._request.absent is not None and contents:
            lacking = self._request.absent({entry.oid for entry in contents})
            self.plan.absent.extend(self._shown(directory, entry.name) for entry in contents if entry.oid in lacking)

    def _shown(self, directory: str, name: str) -> str:
        return self._scan.path if name == "/" else join_path(self._scan.path, join_path(directory, name))

    def _clear_clashes(self, first: int, pair: DirPair) -> None:
        """Files that go must go first where the file system may take them for one that comes."""
        going = [at for at in range(first, len(self._found)) if self._found[at].entry is None]
        if going:
            coming = {fold_key(name) for name in pair.entries}
            for at in going:
                if fold_key(self._found[at].removal.name) in coming:
                    self._found[at] = self._found[at]._replace(clear=True)

    def _check_names(self, pair: DirPair, on_disk: list[str], wanted: set[str]) -> None:
        staying = [
            name
            for name in on_disk
            if name not in wanted or (name not in pair.entries and not self._tracked(pair.path, name))
        ]
        coming = [name for name in pair.entries if name in wanted and name != "/"]
        self._gate.check(join_path(self._scan.path, pair.path), coming, staying)

    def _present(self, pair: DirPair, plan: DirPlan, name: str, packed: bytes, known: Oid | None, wanted: bool) -> None:
        entry, kind = pair.entries.get(name), type_of(packed)
        removal = Removal(pair.path, name, packed)
        if not wanted:
            if entry is not None and kind == DIR == entry.type:
                plan.kept.append((name, packed, entry.oid))
                plan.agrees = plan.agrees and self._scan.state.was_here(pair.path, name)
            elif self._tracked(pair.path, name):
                plan.kept.append((name, packed, known))
                plan.agrees = plan.agrees and entry is not None and (entry.type, entry.oid) == (kind, known)
            return
        if kind == DIR:
            if entry is not None and entry.type == DIR:
                plan.kept.append((name, DIR_STAT, entry.oid))
            elif entry is not None:
                self._in_the_way.add(join_path(pair.path, name))
                plan.take([entry])
                self._expect(pair.path, [entry])
        elif entry is None:
            if self._tracked(pair.path, name):
                self._add(None, removal, known, None, clear=False)
        elif entry.type == DIR:
            plan.kept.append((name, DIR_STAT, entry.oid))
            self._add(None, removal, known, None, clear=True)
        else:
            self._add(plan, removal, known, entry, clear=False)

    def _add(
        self, plan: DirPlan | None, removal: Removal, known: Oid | None, entry: Entry | None, *, clear: bool
    ) -> None:
        """Note a file to be judged once its oid is known."""
        key = (removal.directory, removal.name)
        if type_of(removal.stat) == LINK:
            known = Oid.of(self._scan.link_target(*key).encode("utf-8"))
        if removal.stat == BROKEN:
            known = _NOTHING  # whatever it was a link to, no bytes go with it
        if known is not None:
            self._oids[key] = known
        self._found.append(_Found(plan, removal, entry, clear))

    # --- the fate of files on disk ---

    def _hash(self) -> None:
        unknown = [
            FileToRead(self._scan.source(found.removal.directory, found.removal.name), size_of(found.removal.stat), key)
            for found in self._found
            if (key := (found.removal.directory, found.removal.name)) not in self._oids
        ]
        for result in ingest(None, unknown):
            key = cast("tuple[str, str]", result.key)
            self._oids[key], self._fresh[key] = result.oid, pack_stat(result.stat)

    def _decide(self) -> None:
        at_risk: dict[tuple[str, str], Oid] = {}
        for plan, removal, entry, clear in self._found:
            key = (removal.directory, removal.name)
            oid, packed = self._oids[key], self._fresh.get(key, removal.stat)
            removal = removal._replace(stat=packed)
            same = entry is not None and _same(entry, oid, packed)
            again = same and entry is not None and _relinks(self._request, self._scan.absolute(*key), entry)
            if plan is not None and entry is not None and same and not again:
                if entry.type == type_of(packed):
                    plan.kept.append((entry.name, packed, oid))
                    self.plan.unchanged += 1
                else:
                    plan.modes.append(entry)
                    plan.replaced[entry.name] = packed
                continue
            if packed != BROKEN and not again:
                at_risk[key] = oid
            if plan is not None and entry is not None:
                plan.take([entry])
                self._expect(plan.path, [entry])
                plan.replaced[entry.name] = packed
            else:
                (self.plan.clear if clear else self.plan.removals).append(removal)
        self._save(at_risk)

    def _save(self, at_risk: dict[tuple[str, str], Oid]) -> None:
        lost = self._request.unsaved(set(at_risk.values())) if at_risk else set()
        keys = sorted(key for key, oid in at_risk.items() if oid in lost)
        if not keys:
            return
        if self._request.force:
            stats = {(f.removal.directory, f.removal.name): f.removal.stat for f in self._found}
            links = [key for key in keys if type_of(stats[key]) == LINK]
            files = [key for key in keys if type_of(stats[key]) != LINK]
            self.plan.save = [FileToRead(self._scan.source(*key), size_of(stats[key]), key) for key in files]
            self.plan.save_links = {key: self._scan.link_target(*key).encode("utf-8") for key in links}
            return
        paths = [self._shown(*key) for key in keys]
        shown = ", ".join(ascii(path) for path in paths[:_SHOWN])
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        # All of a directory is not added while its pointer has changed: that would undo what changed it.
        named = " ".join(map(quoted, paths)) if len(paths) <= _NAMED else quoted(self._scan.path)
        pointer, tracked = self._request.pointer, self._scan.state.tracked
        if named == quoted(self._scan.path) and pointer and tracked and tracked.oid != pointer.oid:
            named = f"--force {named}"
        raise UnsavedChanges(
            f"{shown}{more}: changed here and in no store; {self._request.verb} would lose the bytes",
            hint=f"weft add {named}, or weft {self._request.verb} --force, which saves them into the store first",
            path=paths[0],
        )

    # --- room, and what is known afterwards ---

    def _finish(self) -> None:
        plan = self.plan
        for part in plan.dirs:
            if part.idle:
                plan.rows[part.path] = part.row([], self._scan.started)
        plan.dirs = [part for part in plan.dirs if not part.idle]
        if plan.files:
            free, names = _room(self._scan)
            if self._blocks * _BLOCK > free or plan.files > names:
                raise _too_much(self._scan, plan.size, plan.files)


def _refuse_hopeless(scan: TreeScan, request: CheckoutRequest) -> None:
    """Do not walk what cannot fit by the pointer's totals, which the walk would prove: small manifests that contain each
    other many times stand for any number of files."""
    pointer = request.pointer
    if pointer is None or not pointer.is_dir or not Selection(request.subpaths).whole:
        return
    free, names = _room(scan)
    if pointer.size > free:  # what is here already may need no room
        free += sum(size_of(packed) for found in scan.dirs.values() for _, packed, _ in found.items())
    if pointer.size > free or pointer.files - scan.files > names:
        raise _too_much(scan, pointer.size, pointer.files)


def _refuse_special(scan: TreeScan, directory: str, names: Iterable[str]) -> None:
    """Refuse to replace FIFOs, sockets and devices: their bytes cannot be saved."""
    for inside in {join_path(directory, name) for name in names}.intersection(scan.special):
        path = join_path(scan.path, inside)
        raise FileTypeRefused(
            f"{path!a} is a FIFO, a socket or a device, and stands where tracked data belongs",
            hint=f"rm {path}",
            path=path,
        )


def _room(scan: TreeScan) -> tuple[int, int]:
    """Bytes and names that the file system has room for."""
    with os_errors("ask for the free space of", scan.top):
        room = os.statvfs(scan.top)
    return room.f_bavail * room.f_frsize, room.f_favail if room.f_files else sys.maxsize


def _too_much(scan: TreeScan, size: int, files: int) -> DiskFull:
    return DiskFull(
        f"{size_text(size)} in {files} files do not fit: {size_text(_room(scan)[0])} are free",
        hint="free some space, or check out only some paths",
        path=scan.path,
    )


def _relinks(request: CheckoutRequest, path: str, entry: Entry) -> bool:
    return request.relink is not None and entry.type != LINK and request.relink(path, entry)


def _same(entry: Entry, oid: Oid, packed: bytes) -> bool:
    return entry.oid == oid and (entry.type == LINK) == (type_of(packed) == LINK)


def _depth(path: str) -> int:
    return path.count("/") + bool(path)
