"""From a scan to new manifests: what ``add`` records (``docs/spec/protocols.md``, add).

Directories that the stat cache proves to be as in the old pointer are taken over unread. Sparse truth: an entry of the
old pointer that is absent stays when it was never materialized here, goes when it was here once, and stops the command
when nothing is known and the caller did not choose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from weft.errors import FileChanged, MissingUnknown, NoSuchPath, SymlinkRefused, quoted
from weft.formats import manifest as manifest_format
from weft.model.entry import DIR, EXEC, FILE, LINK, Entry
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.objects.ingest import FileToRead
from weft.workspace.names import join_path
from weft.workspace.reads import Reads
from weft.workspace.scan import DirScan, TreeScan
from weft.workspace.statcache import DirRow
from weft.workspace.stats import (
    DIR_CODE,
    EXEC_CODE,
    FILE_CODE,
    LINK_CODE,
    RACY_NS,
    WIDTH,
    sizes_and_codes,
    split_fixed,
    youngest,
)
from weft.workspace.walk import DirPair, ReadManifest, pointer_manifest, walk_pairs, was_here

SMALL = 64 * 1024
"""Content up to so many bytes is always one chunk, so no layout has it."""

KEEP, DELETE = "keep", "delete"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a tracked path holds now.

    ``type`` is that of the pointer, ``oid``/``size``/``files``/``executable`` its new fields. ``links`` are the targets of
    links, to be stored as content. ``large`` are the oids of all content over 64 KiB in the manifests that were built, for
    the layout; the manifests ``unread`` were taken over as they were, and what is below them matters for the layout too,
    if the old pointer has one. ``rows`` are to be recorded once the pointer is written:
    ``cache.record(path, rows, tracked=Tracked(oid, layout))``.
    """

    type: str
    oid: Oid
    size: int
    files: int
    executable: bool = False
    links: dict[Oid, bytes] = field(default_factory=dict)
    large: set[Oid] = field(default_factory=set)
    unread: set[Oid] = field(default_factory=set)
    rows: dict[str, DirRow] = field(default_factory=dict)


Keep = Callable[[Oid, bytes], None]
"""Takes a new manifest, to be stored: oid and bytes. Most trees have too many of them to hold them all."""


def files_to_read(
    scan: TreeScan, pointer: Pointer | None, read: ReadManifest, missing: Callable[[Iterable[Oid]], set[Oid]]
) -> Iterator[FileToRead]:
    """The files that have to be read into the store: those of unknown oid, and those whose bytes it lacks.

    ``missing`` tells which oids are not saved. What the old pointer has at the same place counts as saved. The keys are
    those of ``Reads``. Raises what the walk raises.
    """
    for path, found, entries in _uncertain(scan, _same_type(scan, pointer), read):
        prefix = f"{join_path(scan.root, path)}/"
        kept, doubtful = [], []
        entries_on_disk = zip(found.name_list(), sizes_and_codes(found.stats), found.known(), strict=True)
        for at, (name, (size, code), known) in enumerate(entries_on_disk):
            if code in (DIR_CODE, LINK_CODE):
                continue
            place = prefix + name if not found.copies else scan.source(path, name)
            file = FileToRead(place if name != "/" else scan.source(path, name), size, (path, at))
            entry = entries.get(name)
            if known is None:
                yield file
            elif entry is None or entry.oid != known:
                kept.append((known, file))
                doubtful.append(known)
        absent = missing(doubtful) if doubtful else set()
        yield from (file for oid, file in kept if oid in absent)


def _uncertain(
    scan: TreeScan, pointer: Pointer | None, read: ReadManifest
) -> Iterator[tuple[str, DirScan, Mapping[str, Entry]]]:
    """The directories on disk that may differ from the old pointer, with its entries."""
    if scan.type != DIR:
        if scan.type:
            yield "", scan.dirs[""], pointer_manifest(pointer).by_name() if pointer else {}
        return
    for pair in walk_pairs(scan, pointer, read):
        if pair.on_disk and not pair.clean:
            yield pair.path, pair.scan, pair.entries


def snapshot(
    scan: TreeScan,
    pointer: Pointer | None,
    read: ReadManifest,
    reads: Reads,
    keep: Keep,
    *,
    missing: str = "",
) -> Snapshot:
    """Build the manifests of ``scan``, where ``reads`` has the files that ``files_to_read`` named, and ``keep`` them.

    ``missing`` says what absent files are: "" (as recorded; ``MissingUnknown`` naming them when nothing is), keep or delete
    (all of them, whatever is recorded). Raises ``MissingUnknown``, ``NoSuchPath``, ``SymlinkRefused`` for a tracked path
    that is itself a link, ``FileChanged`` when a file appeared that was not read, and what ``read`` raises.
    """
    if scan.type == LINK:
        raise SymlinkRefused(
            f"{scan.path!a} is a symbolic link; weft tracks what is inside the repository itself",
            hint="put the data there in place of the link",
            path=scan.path,
        )
    if not scan.type:
        raise NoSuchPath(
            f"no such file: {scan.path!a}", hint=f"weft rm {quoted(scan.path)}, to stop tracking it", path=scan.path
        )
    if scan.type != DIR:
        return _single(scan, reads)
    builder = _Builder(scan, reads, keep, missing)
    pairs = list(walk_pairs(scan, _same_type(scan, pointer), read, complete=bool(missing)))
    for pair in reversed(pairs):
        builder.build(pair, read)
    builder.refuse_unknown()
    return builder.finish(pointer)


def _same_type(scan: TreeScan, pointer: Pointer | None) -> Pointer | None:
    """The old pointer, if it can be compared at all."""
    return pointer if pointer is not None and pointer.is_dir == (scan.type == DIR) else None


def _single(scan: TreeScan, reads: Reads) -> Snapshot:
    found = scan.dirs[""]
    stats, (known,) = _merged(found, reads)
    if known is None:
        raise _unread(scan.path)
    ((size, code),) = sizes_and_codes(stats)
    row = DirRow.make([(found.name_list()[0], stats, known)], known, False, scan.started)
    large = {known} if size > SMALL else set()
    return Snapshot("file", known, size, 1, code == EXEC_CODE, large=large, rows={"": row})


def _merged(found: DirScan, reads: Reads) -> tuple[bytes, list[Oid | None]]:
    """Stats and oids of the entries of a directory: as they were read, else as the stat cache knows them."""
    known, fresh = found.known(), reads.give(found.path)
    if fresh is None:
        return found.stats, known
    return fresh.stats, [new or old for new, old in zip(fresh.oids(), known, strict=True)]


def _unread(path: str) -> FileChanged:
    return FileChanged(f"{path!a} changed while it was added", hint="run the command again", path=path)


class _Builder:
    """Directories from the bottom up. ``_built`` holds the entry of each finished one, None when it is gone."""

    def __init__(self, scan: TreeScan, reads: Reads, keep: Keep, missing: str) -> None:
        self._scan = scan
        self._reads = reads
        self._keep = keep
        self._missing = missing
        self._built: dict[str, Entry | None] = {}
        self._unknown: list[str] = []
        self._changed: set[str] = set()
        self._rows: dict[str, DirRow] = {}
        self._links: dict[Oid, bytes] = {}
        self._large: set[Oid] = set()
        self._unread: set[Oid] = set()

    def build(self, pair: DirPair, read: ReadManifest) -> None:
        """Make the entry of one directory; all directories below it are made."""
        path = pair.path
        name = path.rpartition("/")[2]
        if pair.clean and pair.expected is not None and path not in self._changed:
            # Size and number of files stand in the parent's manifest; they are only needed when that is read.
            self._built[path] = Entry(DIR, pair.expected, -1, -1, name)
            self._unread.add(pair.expected)
            return
        if pair.clean and pair.expected is not None:
            pair.manifest = read(pair.expected)
            pair.entries = pair.manifest.by_name()
        stats, known = _merged(pair.scan, self._reads)
        present = self._present(pair, stats, known)
        entries = present + self._absent_entries(pair, present)
        if not entries and not pair.on_disk and path:
            self._finish(path, None, pair.expected)
            return
        # What is on disk comes sorted; the encoder would tell.
        manifest = Manifest.of(entries) if len(entries) > len(present) else Manifest(tuple(entries))
        data = manifest_format.encode(manifest)
        oid = Oid.of(data, Kind.MANIFEST)
        if oid != pair.expected:
            self._keep(oid, data)
        self._large.update([entry.oid for entry in entries if entry.size > SMALL and entry.type != DIR])
        self._finish(path, Entry(DIR, oid, manifest.size, manifest.files, name), pair.expected)
        if pair.on_disk:
            self._rows[path] = self._row(pair.scan, stats, present, oid, len(present) < len(entries))

    def _finish(self, path: str, entry: Entry | None, expected: Oid | None) -> None:
        self._built[path] = entry
        if path and (entry is None or entry.oid != expected):
            self._changed.add(path.rpartition("/")[0])

    def _present(self, pair: DirPair, stats: bytes, known: list[Oid | None]) -> list[Entry]:
        """The entries on disk."""
        new, plain = tuple.__new__, {FILE_CODE: FILE, EXEC_CODE: EXEC}
        entries = []
        for name, (size, code), oid in zip(pair.scan.name_list(), sizes_and_codes(stats), known, strict=True):
            if code in plain:
                if oid is None:
                    raise _unread(join_path(self._scan.path, join_path(pair.path, name)))
                entries.append(new(Entry, (plain[code], oid, size, 1, name)))
            else:
                entries.append(self._directory(pair, name) if code == DIR_CODE else self._link(pair, name))
        return entries

    def _absent_entries(self, pair: DirPair, present: list[Entry]) -> list[Entry]:
        """What stays of the old pointer's entries that are not on disk."""
        if not pair.entries:
            return []
        names = {entry.name for entry in present}
        found = [self._absent(pair, old) for name, old in pair.entries.items() if name not in names]
        return [entry for entry in found if entry is not None]

    def _link(self, pair: DirPair, name: str) -> Entry:
        target = self._scan.link_target(pair.path, name).encode("utf-8")
        oid = Oid.of(target)
        self._links[oid] = target
        return Entry(LINK, oid, len(target), 1, name)

    def _directory(self, pair: DirPair, name: str) -> Entry:
        built = self._built[join_path(pair.path, name)]
        if built is None:
            raise _unread(join_path(self._scan.path, join_path(pair.path, name)))
        if built.size >= 0:
            return built
        return pair.entries[name]

    def _absent(self, pair: DirPair, old: Entry) -> Entry | None:
        """What becomes of an entry of the old pointer that is not on disk."""
        path = join_path(pair.path, old.name)
        if path in self._built:
            return self._built[path]
        if self._missing:
            kept = self._missing == KEEP
        elif self._scan.state.tracked is None:
            self._unknown.append(join_path(self._scan.path, path))
            kept = True
        else:
            kept = not was_here(self._scan, pair.path, old.name)
        if kept and old.type == DIR:
            self._unread.add(old.oid)
        return old if kept else None

    def _row(self, scan: DirScan, stats: bytes, present: list[Entry], manifest: Oid, partial: bool) -> DirRow:
        started = self._scan.started
        oids = [entry.oid for entry in present]
        if youngest(stats) < started - RACY_NS:
            # The usual row, without a look at each file; names and stats are in memory once.
            return DirRow(scan.names, stats, b"".join(oids), bytes(manifest), partial, started)
        return DirRow.make(
            zip(scan.name_list(), split_fixed(stats, WIDTH), oids, strict=True), manifest, partial, started
        )

    def refuse_unknown(self) -> None:
        """Raise ``MissingUnknown`` when nothing says what absent entries mean."""
        if self._unknown:
            shown = ", ".join(ascii(path) for path in sorted(self._unknown)[:5])
            more = f" and {len(self._unknown) - 5} more" if len(self._unknown) > 5 else ""
            raise MissingUnknown(
                f"{shown}{more}: tracked but absent, and nothing records whether they were deleted or never here",
                hint=f"weft add --keep-missing {quoted(self._scan.path)}, or --delete-missing to drop them",
                path=sorted(self._unknown)[0],
            )

    def finish(self, pointer: Pointer | None) -> Snapshot:
        """The result. A root that is as before takes size and number of files from its pointer."""
        root = self._built[""]
        if root is None:
            raise _unread(self._scan.path)
        if root.size < 0 and pointer is not None:
            root = root._replace(size=pointer.size, files=pointer.files)
        return Snapshot(
            "dir",
            root.oid,
            root.size,
            root.files,
            links=self._links,
            large=self._large,
            unread=self._unread,
            rows=self._rows,
        )
