"""Going through a tracked path on disk and in a pointer at the same time, past everything known to be equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from weft.errors import ManifestCycle, ObjectMissing
from weft.formats import manifest as manifest_format
from weft.model.entry import DIR, EXEC, FILE, Entry
from weft.model.manifest import MAX_DEPTH, Manifest
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.objects.store import LocalStore
from weft.workspace.names import join_path
from weft.workspace.scan import DirScan, IsTracked, TreeScan
from weft.workspace.statcache import PathState

ReadManifest = Callable[[Oid], Manifest]
FILE_TYPES = (FILE, EXEC)
KEPT_BYTES = 16 << 20
"""Most bytes of manifests that one reader keeps: those of some 200,000 files."""


def manifest_reader(store: LocalStore, layout: Oid | None) -> ReadManifest:
    """A function that reads manifests of one pointer from the local store.

    It raises ``ObjectMissing`` with the hint to fetch, and what decoding raises for damage. The bytes of the first ones, up
    to ``KEPT_BYTES``, are kept, for a checkout plans with them and reads them again.
    """
    view = store.layout(layout)
    kept: dict[Oid, bytes] = {}
    room = KEPT_BYTES

    def read(oid: Oid) -> Manifest:
        nonlocal room
        data = kept.get(oid)
        if data is None:
            try:
                data = store.read_object(oid, Kind.MANIFEST, view)
            except ObjectMissing as error:
                raise ObjectMissing(
                    f"the manifest {oid} is not in the local store", hint=error.hint or "weft fetch", path=error.path
                ) from error
            if len(data) <= room:
                kept[oid] = data
                room -= len(data)
        return manifest_format.decode(data)

    return read


@dataclass(slots=True)
class DirPair:
    """One directory: what is on disk (``scan``, empty when ``on_disk`` is false) and what the pointer says.

    ``expected`` is the oid of the pointer's manifest here, None when it has no such directory. ``clean`` tells that the
    stat cache proves every entry on disk to be as in that manifest, which is then not read; else ``manifest`` is given.
    """

    path: str
    scan: DirScan
    on_disk: bool
    expected: Oid | None
    clean: bool
    manifest: Manifest
    entries: dict[str, Entry] = field(default_factory=dict)

    @property
    def files_on_disk(self) -> int:
        """Number of entries on disk that are no directories."""
        return len(self.scan.stat_list()) - len(self.scan.subdirs())


_NOTHING = Manifest(())


def pointer_manifest(pointer: Pointer) -> Manifest:
    """A tracked file as a directory that holds it under the name ``/``."""
    kind = EXEC if pointer.executable else FILE
    return Manifest((Entry(kind, pointer.oid, pointer.size, 1, "/"),))


def walk_pairs(
    scan: TreeScan,
    pointer: Pointer | None,
    read: ReadManifest,
    *,
    complete: bool = False,
    enter: Callable[[str], bool] = lambda path: True,
) -> Iterator[DirPair]:
    """The directories of a tracked path, parents first.

    Without ``complete`` a directory that is not on disk comes only if it was there once. With it every directory of the
    pointer comes, and one that lacks entries is not ``clean``. Directories below the top for which ``enter`` is false are
    left out with all below them. Raises what ``read`` raises, ``ManifestCycle``.
    """
    if pointer is not None and not pointer.is_dir:
        yield _file_pair(scan, pointer)
        return
    stack: list[tuple[str, Oid | None]] = [("", pointer.oid if pointer else None)]
    while stack:
        path, expected = stack.pop()
        if path.count("/") >= MAX_DEPTH:
            raise ManifestCycle(f"directories are nested more than {MAX_DEPTH} deep below {scan.path!a}")
        pair = _dir_pair(scan, path, expected, read, complete)
        yield pair
        children = [(join_path(path, name), oid) for name, oid in reversed(_children(scan, pair, complete))]
        stack.extend(child for child in children if enter(child[0]))


def _file_pair(scan: TreeScan, pointer: Pointer) -> DirPair:
    found = scan.dirs.get("")
    if found is None or scan.type == DIR:
        found = DirScan("", b"", b"", scan.state.rows.get(""))
    manifest = pointer_manifest(pointer)
    return DirPair("", found, bool(scan.type), pointer.oid, False, manifest, manifest.by_name())


def _dir_pair(scan: TreeScan, path: str, expected: Oid | None, read: ReadManifest, complete: bool) -> DirPair:
    row = scan.state.rows.get(path)
    found = scan.dirs.get(path) if scan.type == DIR else None
    if found is None:
        found, on_disk, clean = DirScan(path, b"", b"", row), False, False
    else:
        on_disk = True
        agreed = found.same and row is not None and expected is not None and row.manifest == expected
        clean = agreed and row is not None and not (complete and row.partial)
    if clean or expected is None:
        return DirPair(path, found, on_disk, expected, clean, _NOTHING)
    manifest = read(expected)
    return DirPair(path, found, on_disk, expected, False, manifest, manifest.by_name())


def _children(scan: TreeScan, pair: DirPair, complete: bool) -> list[tuple[str, Oid | None]]:
    """Sub-directories to visit, sorted: those on disk, and those of the manifest that are wanted or were here."""
    names = pair.scan.subdirs()
    if pair.clean:
        known = dict(zip(pair.scan.name_list(), pair.scan.known(), strict=True)) if names else {}
        return [(name, known[name]) for name in names]
    entries = pair.entries
    found = {name: entries[name].oid if name in entries and entries[name].type == DIR else None for name in names}
    on_disk = set(pair.scan.name_list())
    for name, entry in entries.items():
        if entry.type != DIR or name in found:
            continue
        if complete or (name not in on_disk and was_here(scan, pair.path, name)):
            found[name] = entry.oid
    return sorted(found.items())


def was_here(scan: TreeScan, directory: str, name: str) -> bool:
    """True when the records are complete and say that this entry was once in the workspace."""
    return scan.state.tracked is not None and scan.state.was_here(directory, name)


def tracked_names(pointer: Pointer | None, read: ReadManifest, state: PathState) -> IsTracked:
    """A function that tells whether the pointer holds a name, for scans: such names are ignored by no rule.

    Where manifests are not here, the record of what was put into the workspace answers.
    """
    if pointer is None or not pointer.is_dir:
        return lambda directory, name: False
    top = pointer.oid
    chain: list[tuple[str, Mapping[str, Entry]]] = []  # from the top to the directory that was asked for last

    def entries(directory: str) -> Mapping[str, Entry]:
        while chain and chain[-1][0] and not f"{directory}/".startswith(chain[-1][0] + "/"):
            chain.pop()
        if not chain:
            chain.append(("", read(top).by_name()))
        while chain[-1][0] != directory:
            at, known = chain[-1]
            name = directory[len(at) + 1 if at else 0 :].partition("/")[0]
            entry = known.get(name)
            found = read(entry.oid).by_name() if entry is not None and entry.type == DIR else {}
            chain.append((join_path(at, name), found))
        return chain[-1][1]

    def tracked(directory: str, name: str) -> bool:
        try:
            return name in entries(directory)
        except ObjectMissing:
            return state.was_here(directory, name)

    return tracked
