"""The local store: packs under one directory, and the catalog that knows what is in them.

Layout of the directory (``docs/spec/local.md``): ``packs/<2>/<id>.pack``, ``tmp``, ``quarantine``, and two
empty files that serve as locks. What lies at a final name hashes to that name: bytes from outside come in through
``adopt_pack`` only, after a check.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from weft.errors import HashMismatch, IntegrityError, LimitExceeded
from weft.model.oid import Kind, Oid
from weft.model.recipe import Recipe
from weft.model.remote import DEFAULT_CHUNKER, ChunkerParams
from weft.objects import content, store_folder
from weft.objects.catalog import LOCAL, Catalog
from weft.objects.layouts import LayoutView
from weft.objects.packfiles import PackFiles
from weft.objects.salvage import Salvage
from weft.objects.store_frames import FrameStore
from weft.objects.store_read import missing
from weft.util.atomic import os_errors
from weft.util.later import later
from weft.util.locks import FileLock
from weft.util.progress import Progress, SilentProgress

if TYPE_CHECKING:
    from weft.objects import chunker, freshen, store_write
else:
    chunker = later("weft.objects.chunker")
    freshen = later("weft.objects.freshen")
    store_write = later("weft.objects.store_write")


Named = Callable[[Oid], Oid | None]
"""Tells the recipe of an object, None when it is one frame: ``LayoutView.recipe_for`` is one."""


def open_store(
    root: str, catalog_path: str, chunker: ChunkerParams = DEFAULT_CHUNKER, progress: Progress | None = None
) -> LocalStore:
    """Open or create the store at ``root`` with its catalog, which is rebuilt from the packs when it is gone or damaged.

    Raises ``PermissionFault``, ``DiskFull``, ``LockTimeout``.
    """
    progress = progress or SilentProgress()
    files = PackFiles(root, progress)
    files.prepare()
    with os_errors("create", catalog_path):
        os.makedirs(os.path.dirname(catalog_path) or ".", exist_ok=True)

    def rebuild(catalog: Catalog) -> None:
        Salvage(files, catalog, progress).rebuild(catalog)
        files.close()

    return LocalStore(root, Catalog.open(catalog_path, rebuild, progress), chunker, progress)


class LocalStore(FrameStore):
    """Objects on this machine, of one frame or of many chunks. Safe from any thread."""

    def read_object(
        self, oid: Oid, kind: Kind, layout: LayoutView | None = None, *, limit: int = content.OBJECT_LIMIT
    ) -> bytes:
        """A whole object in memory, its hash checked. Without ``layout`` the catalog is asked for its recipe.

        Raises ``ObjectMissing``, ``HashMismatch``, ``ObjectType``, ``LimitExceeded`` over ``limit`` bytes.
        """
        # Nearly every object that is read whole is one frame, and what hashes to its oid needs no recipe to say so.
        for location in self.catalog.locate((oid,), LOCAL).get(oid, ()):
            with suppress(IntegrityError, LimitExceeded, FileNotFoundError):
                return self._reader.read_at(location, kind, True)
        return content.read_whole(_Source(self, layout), oid, kind, limit)

    def iter_content(self, oid: Oid, size: int | None, layout: LayoutView | None = None) -> Iterator[bytes]:
        """The bytes of a file, piece by piece.

        The hash and the ``size`` (None: recorded nowhere) of the whole are checked at the end: a caller publishes nothing
        before the iterator is used up. Raises ``HashMismatch``, ``SizeMismatch``, ``ObjectMissing``.
        """
        return content.iter_file(_Source(self, layout), oid, size)

    def read_range(self, oid: Oid, start: int, length: int, layout: LayoutView | None = None) -> bytes:
        """``length`` bytes of a file from ``start`` (fewer at its end); only the chunks concerned are read, and hashed.

        A recipe that this clone has not proved is proved first, once, by reading the whole. Raises what ``prove`` raises.
        """
        return content.read_part(_Source(self, layout, proving=True), oid, start, length)

    def rely_on(self, oids: Iterable[Oid]) -> set[Oid]:
        """Those of ``oids`` without a frame here; the packs that hold the others count as written now (see ``freshen``).

        A pack that is gone or has another size is no place where bytes are: it is set aside, or forgotten.
        """
        packs: set[int] = set()
        wanted = set(oids)
        absent = self.missing(wanted)
        self.catalog.missing(wanted - absent, LOCAL, packs)
        lost = freshen.freshen(self.files, self.catalog, packs)
        if not lost:
            return absent
        for name in lost:
            if os.path.lexists(self.files.path(name)):
                self.quarantine(name, "it has another size than when it was written")
        self.reconcile()
        return self.missing(wanted)

    def recipe(self, oid: Oid, named: Named) -> Recipe:
        """The recipe that ``named`` tells for the object ``oid``. Raises ``ObjectMissing``, what reading it raises, and
        ``SchemaError`` when it is another object's."""
        source = _Source(self, None, named=named)
        recipe = source.recipe_of(oid)
        if recipe is None:
            raise missing(oid)
        return content.read_recipe(source, oid, recipe)

    def prove(self, oid: Oid, named: Named | None = None) -> None:
        """Make sure that a recipe rebuilds the object ``oid``: the one that ``named`` tells (without it the catalog). All
        that it rebuilds is hashed.

        Nothing is read when that was done before. A recipe that lies is forgotten. Raises ``ObjectMissing`` when there
        is none or not all chunks are here, ``HashMismatch``, ``SizeMismatch``, ``SchemaError``, ``LimitExceeded``.
        """
        proved = self.catalog.recipes_for((oid,), proved_only=True).get(oid)
        recipe_oid = named(oid) if named is not None else proved or self.catalog.recipes_for((oid,)).get(oid)
        if recipe_oid is not None and recipe_oid == proved:
            return
        if recipe_oid is None:
            raise missing(oid)
        source = _Source(self, None, named=named)
        recipe = content.read_recipe(source, oid, recipe_oid)
        absent = self.missing({chunk for chunk, _length in recipe.chunks})
        if absent:
            raise missing(min(absent))
        try:
            content.prove(source, recipe_oid, recipe)
        except HashMismatch:
            self.catalog.rows("DELETE FROM recipes WHERE object = ? AND recipe = ? AND proved = 0", (oid, recipe_oid))
            raise

    def layout(self, root: Oid | None) -> LayoutView:
        """A view of the layout ``root`` whose nodes are read from this store."""
        return LayoutView(root, lambda oid: self.read_frame(oid, Kind.LAYOUT))

    def writer(self) -> store_write.ObjectWriter:
        """A writer of new objects; nothing is visible before its ``finish``.

        First the catalog is compared with the names on disk, so that nothing counts as stored that is not there, and
        what dead processes left in ``tmp`` is removed. Raises ``LockTimeout`` while somebody removes packs.
        """
        lock = FileLock(
            os.path.join(self.root, "lock"), purpose="write to the store", shared=True, progress=self.progress
        )
        cutter = chunker.Chunker(self.chunker)
        store_folder.reap(self.root, time.time())
        writer = store_write.ObjectWriter(self.files, self.catalog, cutter, lock)
        try:
            # Under the lock: a collection that was killed while this waited for it has removed packs that the catalog names.
            self._catch_up(always=True)
        except BaseException:
            writer.abort()
            raise
        return writer


class _Source:
    """The frames of a store, with the recipes of one layout, or those that ``named`` tells. ``proving``: what was not
    proved is proved before it is used."""

    def __init__(
        self, store: LocalStore, layout: LayoutView | None, *, named: Named | None = None, proving: bool = False
    ) -> None:
        self._store = store
        self._named = layout.recipe_for if layout is not None and layout.root is not None else named
        self._proving = proving

    def frame(self, oid: Oid, kind: Kind, verify: bool) -> bytes:
        return self._store.read_frame(oid, kind, verify=verify)

    def frames(self, oids: Sequence[Oid], kind: Kind, verify: bool) -> Iterator[bytes]:
        return self._store._reader.read_ordered(oids, kind, verify)

    def recipe_of(self, target: Oid) -> Oid | None:
        found = self._named(target) if self._named is not None else self._known(target)
        if found is not None and self._proving:
            self._store.prove(target, self._named)
        return found

    def proved(self, target: Oid, recipe: Oid) -> None:
        catalog = self._store.catalog
        if catalog.recipes_for((target,), proved_only=True).get(target) != recipe:
            catalog.add_recipes({target: recipe}, proved=True)

    def _known(self, target: Oid) -> Oid | None:
        catalog = self._store.catalog
        found = catalog.recipes_for((target,), proved_only=True).get(target)
        # Whoever can plant a recipe must not be able to hide an object behind it that is here as one frame.
        if found is not None or not self._store.missing((target,)):
            return found
        return catalog.recipes_for((target,)).get(target)
