"""Marking: every object that some pointers need, in one walk that reads each manifest, layout node and recipe once.

Unlike ``reachability.walk`` it compares no sizes and does not stop at what is not here: it answers what must be kept, so it
takes all that anything names. A layout is taken whole, also where only a part of its data is reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import NamedTuple, Protocol

from weft.errors import HashMismatch, LimitExceeded, ManifestCycle
from weft.formats import layout as layout_format
from weft.formats import manifest as manifest_format
from weft.formats import recipe as recipe_format
from weft.formats.layout import Leaf
from weft.model.entry import DIR
from weft.model.oid import Kind, Oid
from weft.objects.content import OBJECT_LIMIT
from weft.objects.selection import slices

_NESTING = 4


class MarkReader(Protocol):
    """Where a mark reads from; ``LocalStore`` is one."""

    def missing(self, oids: Iterable[Oid]) -> set[Oid]:
        """Those of ``oids`` without a frame."""

    def read_many(self, oids: Iterable[Oid], kind: Kind | None = None) -> Iterable[tuple[Oid, bytes]]:
        """The raw bytes of frames that are there, each once and proved, in any order."""


class Start(NamedTuple):
    """What a pointer or a root names: the oid of its data, whether that is a directory, and its layout."""

    oid: Oid
    is_dir: bool
    layout: Oid | None = None


class Marks(NamedTuple):
    """``live``: all oids that are needed, of any kind. ``unread``: manifests, layout nodes and recipes among them that
    could not be read, so that what they lead to is not known. ``composed``: those that some recipe rebuilds, which need
    no frame of their own."""

    live: set[Oid]
    unread: set[Oid]
    composed: set[Oid]


def mark(reader: MarkReader, starts: Iterable[Start]) -> Marks:
    """What ``starts`` need, as far as ``reader`` has it.

    Raises what the formats and the reader raise for bytes that are there and not right: then nothing is known for sure.
    """
    wanted = set(starts)
    marker = _Marker(reader)
    marker.layouts({start.layout for start in wanted if start.layout is not None})
    marker.recipes()
    marker.live.update(start.oid for start in wanted if not start.is_dir)
    marker.manifests({start.oid for start in wanted if start.is_dir})
    return Marks(marker.live, marker.unread, marker.composed)


class _Marker:
    """One mark under way."""

    def __init__(self, reader: MarkReader) -> None:
        self.live: set[Oid] = set()
        self.unread: set[Oid] = set()
        self._reader = reader
        self._recipes: dict[Oid, set[Oid]] = {}

    @property
    def composed(self) -> set[Oid]:
        """Objects that a recipe rebuilds."""
        return set(self._recipes)

    def layouts(self, roots: set[Oid]) -> None:
        """Take all nodes below ``roots``, and remember the recipes that they name."""
        todo = roots
        while todo:
            self.live |= todo
            below: set[Oid] = set()
            for _oid, data in self._objects(todo, Kind.LAYOUT):
                node = layout_format.decode(data)
                if isinstance(node, Leaf):
                    for target, recipe in node.pairs:
                        self._recipes.setdefault(target, set()).add(recipe)
                else:
                    below.update(child for _byte, _pairs, child in node.children)
            todo = below - self.live

    def recipes(self) -> None:
        """Take all recipes that the layouts name, and their chunks."""
        named = set().union(*self._recipes.values())
        self.live |= named
        for _oid, data in self._objects(named, Kind.RECIPE):
            self.live.update(chunk for chunk, _length in recipe_format.decode(data).chunks)

    def manifests(self, roots: set[Oid]) -> None:
        """Take all manifests below ``roots`` and the contents that they list."""
        seen: set[Oid] = set()
        todo = roots
        while todo:
            seen |= todo
            self.live |= todo
            below: set[Oid] = set()
            for _oid, data in self._objects(todo, Kind.MANIFEST):
                for kind, oid, _size, _files, _name in manifest_format.decode(data).entries:
                    (below if kind == DIR else self.live).add(oid)
            todo = below - seen

    def _objects(self, oids: Set[Oid], kind: Kind, nesting: int = 0) -> Iterator[tuple[Oid, bytes]]:
        """The bytes of those of ``oids`` that are there, as one frame or as the chunks of a recipe."""
        for group in slices(oids):
            absent = self._reader.missing(group)
            here = [oid for oid in group if oid not in absent]
            if here:
                yield from self._reader.read_many(here, kind)
            for oid in absent:
                data = self._composed(oid, kind, nesting)
                if data is not None:
                    yield oid, data

    def _composed(self, oid: Oid, kind: Kind, nesting: int) -> bytes | None:
        """An object of several chunks; None, and a note in ``unread``, when no recipe that is here rebuilds it."""
        if nesting >= _NESTING:
            raise ManifestCycle("a recipe is part of itself")
        recipes = self._recipes.get(oid, set())
        for _recipe, encoded in self._objects(recipes, Kind.RECIPE, nesting + 1):
            recipe = recipe_format.decode(encoded)
            if recipe.length > OBJECT_LIMIT:
                raise LimitExceeded(f"the object {oid} of {recipe.length} bytes is over the limit of {OBJECT_LIMIT}")
            needed = {chunk for chunk, _length in recipe.chunks}
            self.live |= needed
            if self._reader.missing(needed):
                continue
            pieces = dict(self._reader.read_many(needed, Kind.CHUNK))
            data = b"".join([pieces[chunk] for chunk, _length in recipe.chunks])
            if Oid.of(data, kind) != oid:
                raise HashMismatch(f"the chunks of {oid} do not add up to it", hint="weft verify --full")
            return data
        self.unread.add(oid)
        return None
