"""The lower half of the local store: packs on disk, the catalog beside them, reading frames, dealing with damage."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from weft.errors import IntegrityError, LimitExceeded, ObjectType, RefusedInput
from weft.model.entry import PackInfo
from weft.model.oid import Kind, Oid
from weft.model.remote import DEFAULT_CHUNKER, ChunkerParams
from weft.objects.catalog import LOCAL, Catalog, Location
from weft.objects.packfiles import PackFiles, read_pack_info
from weft.objects.salvage import Salvage
from weft.objects.store_read import FrameReader
from weft.util.forking import own
from weft.util.progress import Progress, SilentProgress


class FrameStore:
    """Packs and frames on this machine. Safe from any thread; a context manager that closes its catalog and packs."""

    def __init__(
        self,
        root: str,
        catalog: Catalog,
        chunker: ChunkerParams = DEFAULT_CHUNKER,
        progress: Progress | None = None,
    ) -> None:
        self.root = root
        self.catalog = catalog
        # The folder of this clone and its user, also when others share the store.
        self.state = os.path.dirname(catalog.path)
        self.chunker = chunker
        self.progress = progress or SilentProgress()
        self.files = PackFiles(root, self.progress)
        self.files.prepare()
        self._reader = FrameReader(self.files, catalog, self._damaged, self._catch_up)
        self._salvage = Salvage(self.files, catalog, self.progress)
        self._rebuilt = self._current = False
        self._mending = own(self, "_mending", threading.RLock)

    def close(self) -> None:
        """Close the catalog and all open packs."""
        self.files.close()
        self.catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def missing(self, oids: Iterable[Oid]) -> set[Oid]:
        """Those of ``oids`` without a frame in a local pack. An object of several chunks has no frame of its own."""
        absent = self.catalog.missing(oids, LOCAL)
        if absent and self._catch_up():
            absent = self.catalog.missing(absent, LOCAL)
        return absent

    def read_frame(self, oid: Oid, kind: Kind | None = None, *, verify: bool = True) -> bytes:
        """The bytes of one frame, checked; hashed too unless ``verify`` is False. Other copies are tried on damage.

        Raises ``ObjectMissing``, ``HashMismatch`` (``path`` is the damaged pack), ``SizeMismatch``, ``ObjectType``.
        """
        return self._reader.read(oid, kind, verify)

    def read_many(
        self, oids: Iterable[Oid], kind: Kind | None = None, *, verify: bool = True
    ) -> Iterator[tuple[Oid, bytes]]:
        """The bytes of many frames, each oid once, in the order in which they lie in the packs; memory is bounded.

        With ``verify`` what comes is proved to hash to its oid. Raises the errors of ``read_frame``, on the way too.
        """
        return self._reader.read_many(oids, kind, verify)

    def pack_path(self, name: Oid) -> str:
        """Where the local pack called ``name`` is or would be."""
        return self.files.path(name)

    def temp_path(self) -> str:
        """A new name in ``tmp``; it tells the process that made it, so that leftovers are found and removed later."""
        return self.files.temp_path()

    def adopt_pack(self, temp: str, pack: PackInfo) -> None:
        """Give the file ``temp`` (in ``tmp``, synced, its bytes proved by the caller to be those of ``pack``) its name,
        durably, and record it in the catalog."""
        self.files.publish(temp, pack.name)
        with self.catalog.transaction():
            self.catalog.add_packs((pack,), LOCAL)
            if any(frame.kind is Kind.RECIPE for frame in pack.frames):
                self._salvage.learn_recipes((pack.name,))

    def quarantine(self, name: Oid, why: str) -> str:
        """Move a damaged pack to ``quarantine`` and forget it; its good frames live on in a new pack.

        A warning tells ``why``. Returns the new path.
        """
        with self._mending:
            return self._salvage.quarantine(name, why)

    def rebuild_catalog(self, why: str = "") -> None:
        """Empty the catalog of packs and remotes, and fill it from the packs on disk.

        With ``why``, in words, the file itself is damaged: it is set aside, and what the workspace holds is looked at anew.
        """
        with self._mending:
            if why:
                self.catalog.remake(why, self._salvage.rebuild, self.progress)
                return
            self._salvage.forget_gone()
            with self.catalog.transaction():
                self.catalog.forget_objects()
                self._salvage.rebuild(self.catalog)

    def reconcile(self) -> None:
        """Make the catalog name exactly the packs on disk, before it is asked which of them to drop."""
        self._catch_up(always=True)

    def _catch_up(self, *, always: bool = False) -> bool:
        """Bring the catalog in line with the packs on disk, unless that was done; True when it should be asked again.

        A power cut can take the last transactions of the catalog and leave the packs, so nothing is reported missing
        before this was done once. It lists the packs, about a hundred names for 3 GB.
        """
        if self._current and not always:
            return False
        with self._mending:
            if always or not self._current:
                self._salvage.reconcile()
            self._current = True
        return True

    def _damaged(self, location: Location, error: IntegrityError | LimitExceeded | FileNotFoundError) -> bool:
        """Deal with a copy that could not be read; True when the catalog was to blame and is rebuilt."""
        if isinstance(error, ObjectType):
            return False
        if isinstance(error, FileNotFoundError):
            # If another command moved it away, its good frames are in a pack that this catalog need not know of yet.
            return self._catch_up(always=True)
        with self._mending:
            if self._catalog_lies(location):
                if not self._rebuilt:
                    self._rebuilt = True
                    self.progress.warn("the catalog contradicts the packs on disk; it is rebuilt from them")
                    self.rebuild_catalog()
                return True
            error.hint = "the damaged pack is in quarantine now; run: weft fetch"
            self._salvage.quarantine(location.pack, error.message)
            return False

    def _catalog_lies(self, location: Location) -> bool:
        try:
            info = read_pack_info(self.files.open(location.pack), location.pack)
        except (IntegrityError, RefusedInput, FileNotFoundError):
            return False
        return location.frame not in info.frames
