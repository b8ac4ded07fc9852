"""What a new version of tracked data holds that may span several chunks, and the layout that tells of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from weft.errors import ObjectMissing
from weft.formats.manifest import decode as decode_manifest
from weft.model.entry import DIR
from weft.model.manifest import Manifest
from weft.model.oid import Kind, Oid
from weft.objects.layout_walk import LayoutWalk
from weft.objects.layouts import layout_pairs, store_layout
from weft.objects.proofs import prove_pairs
from weft.objects.store_write import WHOLE, ObjectWriter
from weft.workflows.project import Project
from weft.workspace.snapshot import SMALL, Snapshot
from weft.workspace.walk import ReadManifest, manifest_reader

_MANIFESTS = 256
_MANIFEST_BYTES = 1 << 18


class Contents:
    """What the new tree holds that may span several chunks; ``unread`` manifests still have to be looked through.

    New manifests go to the writer in batches; with ``hold`` they are kept as well, to be looked through.
    """

    def __init__(self, writer: ObjectWriter, *, hold: bool = False) -> None:
        self.large: set[Oid] = set()
        self.unread: set[Oid] = set()
        self.manifests: dict[Oid, bytes] = {}
        self._writer = writer
        self._hold = hold
        self._batch: list[tuple[Oid, bytes]] = []
        self._bytes = 0

    def take(self, shot: Snapshot) -> None:
        """Add those of a snapshot."""
        self.large |= shot.large
        self.unread |= shot.unread

    def keep(self, oid: Oid, data: bytes) -> None:
        """Store a new manifest, soon."""
        if self._hold:
            self.manifests[oid] = data
        if len(data) > WHOLE:
            self.large.add(oid)
        self._batch.append((oid, data))
        self._bytes += len(data)
        if len(self._batch) >= _MANIFESTS or self._bytes >= _MANIFEST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Store what was kept."""
        self._writer.add_objects(Kind.MANIFEST, self._batch)
        self._batch, self._bytes = [], 0


def layout_of(project: Project, writer: ObjectWriter, contents: Contents, olds: Sequence[Oid | None]) -> Oid | None:
    """Store the layout of ``contents``, of which parts come from data that has the layouts ``olds``, and return its oid.

    What those layouts say and what is not so is not taken over. Raises ``ObjectMissing`` when nodes of those layouts,
    or manifests that were taken over unread, are not here.
    """
    known: dict[Oid, Oid] = {}
    for old in dict.fromkeys(olds):
        known |= LayoutWalk(old, project.store).find(None)
    wanted = set(contents.large)
    if known:
        wanted |= _look_through(contents, any_reader([manifest_reader(project.store, old) for old in olds]))
    recipes = {**_believed(project, known), **writer.recipes}
    unknown = wanted - recipes.keys()
    while unknown:
        found = project.catalog.recipes_for(unknown, proved_only=True)
        recipes.update(found)
        unknown = set(found.values()) - recipes.keys()
    return store_layout(writer, layout_pairs(wanted, recipes))


def _believed(project: Project, known: dict[Oid, Oid]) -> dict[Oid, Oid]:
    """``known`` pairs without lies: what was proved here goes first, and an object that is here as one frame needs none."""
    store = project.store
    proof = prove_pairs(store, known.items())
    doubtful = proof.unproved | proof.false.keys()
    gone = proof.false.keys() | (doubtful - store.missing(doubtful))
    mine = project.catalog.recipes_for(doubtful, proved_only=True)
    return {**{target: recipe for target, recipe in known.items() if target not in gone}, **mine}


def any_reader(readers: Sequence[Callable[[Oid], Manifest]]) -> ReadManifest:
    """Reads a manifest with the first of ``readers`` that can: each knows the recipes of one layout."""

    def read(oid: Oid) -> Manifest:
        for reader in readers[:-1]:
            try:
                return reader(oid)
            except ObjectMissing:
                continue
        return readers[-1](oid)

    return read


def _look_through(contents: Contents, read: ReadManifest) -> set[Oid]:
    """All manifests at and below the unread ones, and their contents that may span several chunks."""
    from_writer = contents.manifests
    found: set[Oid] = set()
    todo = list(contents.unread)
    while todo:
        oid = todo.pop()
        if oid in found:
            continue
        found.add(oid)
        data = from_writer.get(oid)
        manifest = decode_manifest(data) if data is not None else read(oid)
        for entry in manifest.entries:
            if entry.type == DIR:
                todo.append(entry.oid)
            elif entry.size > SMALL:
                found.add(entry.oid)
    return found
