"""Writing objects into new packs of the local store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from xxhash import xxh3_64_intdigest

from weft.errors import StoreTampered
from weft.formats import recipe as recipe_format
from weft.model.oid import Kind, Oid
from weft.model.recipe import Recipe
from weft.objects.catalog import LOCAL, Catalog
from weft.objects.chunker import Buffer, Chunker
from weft.objects.freshen import freshen
from weft.objects.oidset import OidSet
from weft.objects.packer import NewFrame, PackWriter
from weft.objects.packfiles import PackFiles
from weft.objects.squeeze import Squeezer, squeeze_one
from weft.util.forking import after_fork, own_lock
from weft.util.locks import FileLock

T = TypeVar("T")

WHOLE = 1 << 20
"""A manifest or recipe up to so many bytes is one frame; a longer one is stored as chunks and a recipe."""


class Written(NamedTuple):
    """What a writer published: names of packs, and how many frames and bytes (raw, stored) were new."""

    packs: tuple[Oid, ...]
    frames: int
    raw: int
    stored: int


class ObjectWriter:
    """Two packs in the making: one of chunks, one of manifests, recipes and layouts.

    Nothing is visible before ``finish``; ``abort`` leaves nothing. A context manager: it finishes on success, aborts on
    an error. Safe from any thread. ``recipes`` maps object -> recipe for everything of several chunks that passed through
    (long recipes themselves too); ``chunker`` is the store's.
    """

    def __init__(self, files: PackFiles, catalog: Catalog, chunker: Chunker, lock: FileLock) -> None:
        self.chunker = chunker
        self.recipes: dict[Oid, Oid] = {}
        self._catalog = catalog
        self._files = files
        self._relied: set[int] = set()  # numbers of packs that have what would be stored
        self._lock = own_lock(self)
        self._seen = OidSet()
        self._squeezer = Squeezer()
        self._frames = self._raw = self._stored = 0
        self._chunks = PackWriter(files)
        self._meta = PackWriter(files)
        # Shared with other writers; whoever removes packs takes it alone.
        self._guard: FileLock | None = lock
        lock.__enter__()
        after_fork(self, ObjectWriter._disown)

    @property
    def peak(self) -> int:
        """Most bytes that ever waited to be written."""
        return self._chunks.peak + self._meta.peak

    def add_object(self, kind: Kind, data: bytes) -> Oid:
        """Store an object of any size and return its oid; what is known already is not stored again.

        Content that is cut, and anything else over 1 MiB, goes into chunks and a recipe, which ``recipes`` then names.
        """
        oid = Oid.of(data, kind)
        lengths = self.chunker.cut(data) if kind is Kind.CHUNK or len(data) > WHOLE else [len(data)]
        if len(lengths) <= 1:
            self._add(kind, [(oid, data)])
            return oid
        chunks = split(data, lengths)
        self.add_chunks(chunks)
        self.add_recipe(oid, len(data), [(chunk, len(piece)) for chunk, piece in chunks])
        return oid

    def add_objects(self, kind: Kind, objects: Sequence[tuple[Oid, bytes]]) -> None:
        """Store a batch of manifests, recipes or layouts whose oids are known, as ``add_object`` would."""
        self._add(kind, [item for item in objects if len(item[1]) <= WHOLE])
        for _oid, data in objects:
            if len(data) > WHOLE:
                self.add_object(kind, data)

    def add_chunks(self, chunks: Sequence[tuple[Oid, Buffer]]) -> None:
        """Store a batch of chunks whose oids are known; one query of the catalog for each batch of up to 500.

        The bytes are copied: the buffers may be used again.
        """
        self._add(Kind.CHUNK, chunks)

    def add_frames(self, frames: Sequence[NewFrame]) -> None:
        """Store chunks that are compressed and summed up already; what is known is not stored again. Bytes are copied."""
        new = self._claim((frame[0], frame) for frame in frames)
        absent = self._catalog.missing(new, LOCAL, self._relied) if new else ()
        self._extend(Kind.CHUNK, [frame for oid, frame in new.items() if oid in absent])

    def add_recipe(self, target: Oid, length: int, chunks: Sequence[tuple[Oid, int]]) -> Oid:
        """Store the recipe of the object ``target`` of ``length`` bytes and return the recipe's oid."""
        data = recipe_format.encode(Recipe(target, length, tuple(chunks)))
        oid = self.add_object(Kind.RECIPE, data)
        self.recipes[target] = oid
        return oid

    def finish(self) -> Written:
        """Make the packs durable under their names, then record them in one catalog transaction.

        Older packs that hold what was known already count as written now.
        """
        try:
            with self._lock:
                sealed = self._chunks.finish() + self._meta.finish()
            lost = freshen(self._files, self._catalog, self._relied)
            if lost:
                raise StoreTampered(
                    f"the pack {lost[0]}, which holds bytes that were not stored again, is gone or has another size",
                    hint="weft verify --full --repair, then run the command again",
                )
            with self._catalog.transaction():
                self._catalog.add_own_packs((pack.name, pack.size, pack.footer()) for pack in sealed)
                self._catalog.add_recipes(self.recipes, proved=True)
        except BaseException:
            self.abort()
            raise
        self._release()
        return Written(tuple(pack.name for pack in sealed), self._frames, self._raw, self._stored)

    def abort(self) -> None:
        """Drop everything that was written."""
        with self._lock:
            self._chunks.abort()
            self._meta.abort()
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._guard is None:
            return
        if error is None:
            self.finish()
        else:
            self.abort()

    def _disown(self) -> None:
        """The files in the making are those of the process that forked."""
        self._guard = None

    def _release(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.__exit__(None, None, None)

    def _add(self, kind: Kind, items: Sequence[tuple[Oid, Buffer]]) -> None:
        new = self._claim(items)
        if not new:
            return
        absent = self._catalog.missing(new, LOCAL, self._relied)
        todo = [(oid, data) for oid, data in new.items() if oid in absent]
        if kind is Kind.CHUNK:
            frames = self._squeezer.squeeze([data for _, data in todo])
        else:
            frames = [squeeze_one(bytes(data)) for _, data in todo]
        checks = [xxh3_64_intdigest(stored) for _, stored in frames]
        self._extend(
            kind,
            [
                (oid, codec, len(data), stored, check)
                for (oid, data), (codec, stored), check in zip(todo, frames, checks, strict=True)
            ],
        )

    def _extend(self, kind: Kind, frames: Sequence[NewFrame]) -> None:
        packer = self._chunks if kind is Kind.CHUNK else self._meta
        with self._lock:
            packer.extend(kind, frames)
            self._frames += len(frames)
            self._raw += sum([frame[2] for frame in frames])
            self._stored += sum([len(frame[3]) for frame in frames])

    def _claim(self, items: Iterable[tuple[Oid, T]]) -> dict[Oid, T]:
        """Those items that no call before had. A run that fails half-way fails as a whole, so claiming early is safe."""
        with self._lock:
            new = {oid: data for oid, data in items if oid not in self._seen}
            self._seen.update(new)
        return new


def split(data: Buffer, lengths: Iterable[int]) -> list[tuple[Oid, Buffer]]:
    """Cut ``data`` into pieces of ``lengths`` bytes and hash each; the pieces share the memory of ``data``."""
    view, position = memoryview(data), 0
    pieces: list[tuple[Oid, Buffer]] = []
    for length in lengths:
        piece = view[position : position + length]
        pieces.append((Oid.of(piece), piece))
        position += length
    return pieces
