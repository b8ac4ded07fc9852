"""What a pointer reaches: manifests, contents, layout nodes, recipes, chunks.

The walk goes level by level and asks its reader for all objects of a level at once. It needs memory for one oid per
object and a little per directory, never for the manifests themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from weft.errors import HashMismatch, LimitExceeded, ManifestCycle, NoSuchPath, SizeMismatch
from weft.formats import manifest as manifest_format
from weft.formats import recipe as recipe_format
from weft.model.entry import DIR
from weft.model.manifest import MAX_DEPTH, Manifest
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.model.recipe import Recipe
from weft.objects.layout_walk import LayoutWalk, ObjectReader
from weft.objects.oidset import OidSizes, SortedOids

MAX_OBJECTS = 1 << 26
"""Most objects that one walk collects."""
_MAX_NESTING = 4  # a recipe too long for one frame has a recipe itself; each step is 7,000 times shorter

Totals = tuple[int, int]
Tree = dict[str, "Tree | None"]


@dataclass(slots=True)
class Closure:
    """Everything some pointers need. ``contents`` maps files and link targets to their size in bytes.

    ``composed`` are objects of any kind that are stored as a recipe and chunks instead of a frame of their own;
    ``doubled`` are the few of them that another pointer's layout has as one frame. ``recipes`` maps the oid of a recipe to
    the object that it is for; ``stray`` are objects that a layout has and its data has not.
    """

    manifests: set[Oid] = field(default_factory=set)
    contents: OidSizes = field(default_factory=OidSizes)
    layouts: set[Oid] = field(default_factory=set)
    recipes: dict[Oid, Oid] = field(default_factory=dict)
    chunks: set[Oid] = field(default_factory=set)
    composed: set[Oid] = field(default_factory=set)
    doubled: set[Oid] = field(default_factory=set)
    stray: set[Oid] = field(default_factory=set)

    def frames(self, kind: Kind) -> SortedOids:
        """The oids of ``kind`` that must each have a frame in some pack."""
        if kind is Kind.CHUNK:
            composed = self.composed
            whole = SortedOids(oid for oid in self.contents if oid not in composed) if composed else self.contents
            return SortedOids.union(whole, self.doubled, self.chunks)
        if kind is Kind.LAYOUT:
            return SortedOids.of(self.layouts)
        return SortedOids.of((self.manifests if kind is Kind.MANIFEST else self.recipes.keys()) - self.composed)

    def all_frames(self) -> SortedOids:
        """The oids of all kinds that must each have a frame."""
        return SortedOids.union(*(self.frames(kind) for kind in Kind))

    def pairs(self) -> Iterator[tuple[Oid, Oid]]:
        """Each object of several chunks with its recipe, which may be a lie (``proofs``)."""
        return ((target, recipe) for recipe, target in self.recipes.items())

    def __len__(self) -> int:
        return len(self.manifests) + len(self.contents) + len(self.layouts) + len(self.recipes) + len(self.chunks)


def walk(
    pointer: Pointer, reader: ObjectReader, subpaths: Sequence[str] | None = None, *, content: bool = True
) -> Closure:
    """The closure of one pointer; see ``Walker.add``."""
    walker = Walker(reader)
    walker.add(pointer, subpaths, content=content)
    return walker.closure


class Walker:
    """Collects the closure of several pointers; what they share is read once."""

    def __init__(self, reader: ObjectReader, limit: int = MAX_OBJECTS) -> None:
        self.closure = Closure()
        self._reader = reader
        self._limit = limit
        self._done: dict[Oid | None, dict[Oid, Totals]] = {}

    def add(self, pointer: Pointer, subpaths: Sequence[str] | None = None, *, content: bool = True) -> None:
        """Add what ``pointer`` needs: all of it, or the ``subpaths`` below a directory and the manifests above them.

        Without ``content`` only manifests and the layout. Raises ``NoSuchPath``, ``SizeMismatch`` when sizes or numbers
        of files contradict each other, ``ManifestCycle``, ``LimitExceeded``, what the formats raise for objects that are
        not what they should be, and what the reader raises.
        """
        whole = subpaths is None
        layout = LayoutWalk(pointer.layout, self._reader)
        visit = _Visit(self, layout, layout.find(None) if whole or not content else None, content)
        visit.totals = self._done.setdefault(pointer.layout, {})
        if pointer.is_dir:
            tree = None if subpaths is None else _tree(subpaths)
            visit.start(pointer.oid, (pointer.size, pointer.files), tree)
        elif content:
            visit.note(pointer.oid, pointer.size)
        self.closure.layouts |= layout.nodes
        visit.resolve_contents()
        self.closure.layouts |= layout.nodes
        if whole and content:
            self.closure.stray |= visit.pairs() - self.closure.composed
        self.check_count()

    def add_contents(self, layout: Oid | None, contents: Mapping[Oid, int]) -> None:
        """Add single files (oid to size in bytes) of the data that ``layout`` belongs to. Raises as ``add`` does."""
        nodes = LayoutWalk(layout, self._reader)
        visit = _Visit(self, nodes, None, True)
        for oid, size in contents.items():
            visit.note(oid, size)
        visit.resolve_contents()
        self.closure.layouts |= nodes.nodes
        self.check_count()

    @property
    def reader(self) -> ObjectReader:
        """Where objects are read from."""
        return self._reader

    def check_count(self) -> None:
        """Raise ``LimitExceeded`` when too many objects were collected."""
        if len(self.closure) > self._limit:
            raise LimitExceeded(f"the data holds more than {self._limit} objects")


class _Visit:
    """The walk of one pointer."""

    def __init__(self, walker: Walker, layout: LayoutWalk, pairs: Mapping[Oid, Oid] | None, content: bool) -> None:
        self._walker = walker
        self._closure = walker.closure
        self._layout = layout
        self._pairs = pairs
        self._content = content
        self._fresh = OidSizes()
        self.totals: dict[Oid, Totals] = {}

    def pairs(self) -> Set[Oid]:
        """What the layout has, where all of it was read."""
        return self._pairs.keys() if self._pairs is not None else frozenset()

    # --- manifests ---

    def start(self, root: Oid, expected: Totals, tree: Tree | None) -> None:
        """Walk the directory ``root``, or only the parts of it that ``tree`` names."""
        starts = {root: expected} if tree is None else self._spine(root, expected, tree)
        self._descend({oid: total for oid, total in starts.items() if not self._known(oid, total)})

    def note(self, oid: Oid, size: int) -> None:
        """Collect one content object."""
        before = self._closure.contents
        if self._fresh.setdefault(oid, size) != size or (before and before.get(oid, size) != size):
            raise SizeMismatch(f"the object {oid} is listed with {size} bytes and with another size too")

    def _descend(self, level: dict[Oid, Totals]) -> None:
        children: dict[Oid, tuple[Oid, ...]] = {}
        depth = 0
        while level:
            depth += 1
            if depth > MAX_DEPTH:
                raise LimitExceeded(f"directories are nested more than {MAX_DEPTH} deep")
            below: dict[Oid, Totals] = {}
            for oid, manifest in self._manifests(level.keys()):
                self.totals[oid] = _check_totals(oid, manifest, level[oid])
                children[oid] = self._entries(manifest, below)
            self._walker.check_count()
            level = {oid: total for oid, total in below.items() if not self._known(oid, total)}
        _check_acyclic(children)

    def _entries(self, manifest: Manifest, below: dict[Oid, Totals]) -> tuple[Oid, ...]:
        found = []
        for kind, oid, size, files, _name in manifest.entries:
            if kind == DIR:
                if below.setdefault(oid, (size, files)) != (size, files):
                    raise SizeMismatch(f"the directory {oid} is listed with {size} bytes and with another size too")
                found.append(oid)
            elif self._content:
                self.note(oid, size)
        return tuple(found)

    def _known(self, oid: Oid, total: Totals) -> bool:
        seen = self.totals.get(oid)
        if seen is not None and seen != total:
            raise _wrong_totals(oid, seen, total)
        return seen is not None

    def _spine(self, root: Oid, expected: Totals, tree: Tree) -> dict[Oid, Totals]:
        """Read the manifests above the wanted parts; return the wanted directories."""
        wanted: dict[Oid, Totals] = {}
        level: list[tuple[Oid, Totals, Tree, str]] = [(root, expected, tree, "")]
        while level:
            manifests = dict(self._manifests({step[0] for step in level}))
            below: list[tuple[Oid, Totals, Tree, str]] = []
            for oid, total, names, path in level:
                _check_totals(oid, manifests[oid], total)
                entries = manifests[oid].by_name()
                for name, rest in names.items():
                    entry = entries.get(name)
                    where = f"{path}{name}"
                    if entry is None or (rest is not None and entry.type != DIR):
                        raise NoSuchPath(f"this version of the data holds no {where}", hint="weft ls", path=where)
                    if entry.type != DIR:
                        if self._content:
                            self.note(entry.oid, entry.size)
                    elif rest is None:
                        wanted[entry.oid] = (entry.size, entry.files)
                    else:
                        below.append((entry.oid, (entry.size, entry.files), rest, where + "/"))
            level = below
        return wanted

    def _manifests(self, oids: Set[Oid]) -> Iterator[tuple[Oid, Manifest]]:
        self._closure.manifests |= oids
        for oid, data in self._objects(oids, Kind.MANIFEST, manifest_format.MAX_BYTES):
            yield oid, manifest_format.decode(data)

    # --- contents and recipes ---

    def resolve_contents(self) -> None:
        """Find which of the contents span several chunks, and those chunks."""
        closure, fresh = self._closure, self._fresh
        recipes = self._find(fresh.keys())
        closure.doubled |= {oid for oid in recipes if oid in closure.contents} - closure.composed
        closure.doubled |= {oid for oid in closure.composed if oid in fresh and oid not in recipes}
        if closure.contents:
            for oid, size in fresh.items():
                closure.contents.setdefault(oid, size)
        else:
            closure.contents = fresh
        for recipe in self._recipes(recipes):
            if recipe.length != fresh[recipe.object]:
                raise SizeMismatch(
                    f"the object {recipe.object} is listed with {fresh[recipe.object]} bytes, its recipe has {recipe.length}"
                )
            self._walker.check_count()

    def _find(self, objects: Set[Oid]) -> dict[Oid, Oid]:
        if self._pairs is None:
            return self._layout.find(objects)
        small, large = sorted((self._pairs.keys(), objects), key=len)
        return {oid: self._pairs[oid] for oid in small if oid in large}

    def _recipes(self, recipes: Mapping[Oid, Oid], nesting: int = 0) -> Iterator[Recipe]:
        """Read and collect the recipes of ``recipes`` (object to recipe)."""
        if nesting > _MAX_NESTING:
            raise ManifestCycle("a recipe is part of itself")
        closure = self._closure
        closure.composed |= recipes.keys()
        closure.recipes.update((recipe, target) for target, recipe in recipes.items())
        if len(set(recipes.values())) != len(recipes):
            raise HashMismatch("a layout names one recipe for two objects")
        for oid, data in self._objects(set(recipes.values()), Kind.RECIPE, manifest_format.MAX_BYTES, nesting + 1):
            recipe = recipe_format.decode(data)
            if recipes.get(recipe.object) != oid:
                raise HashMismatch(f"the recipe {oid} rebuilds {recipe.object}, not the object that names it")
            closure.chunks.update(chunk for chunk, _length in recipe.chunks)
            yield recipe

    def _objects(self, oids: Set[Oid], kind: Kind, limit: int, nesting: int = 0) -> Iterator[tuple[Oid, bytes]]:
        """The bytes of objects of ``kind``, whether they are one frame or several chunks."""
        recipes = self._find(oids)
        single = oids - recipes.keys()
        if single:
            yield from self._walker.reader.read_many(single, kind)
        if recipes:
            for recipe in self._recipes(recipes, nesting):
                yield recipe.object, self._assemble(recipe, kind, limit)

    def _assemble(self, recipe: Recipe, kind: Kind, limit: int) -> bytes:
        if recipe.length > limit:
            raise LimitExceeded(f"a {kind.name.lower()} of {recipe.length} bytes is over the limit of {limit}")
        chunks = dict(self._walker.reader.read_many({oid for oid, _length in recipe.chunks}, Kind.CHUNK))
        for oid, length in recipe.chunks:
            if len(chunks[oid]) != length:
                raise SizeMismatch(f"the chunk {oid} has {len(chunks[oid])} bytes, its recipe says {length}")
        data = b"".join([chunks[oid] for oid, _length in recipe.chunks])
        if Oid.of(data, kind) != recipe.object:
            raise HashMismatch(f"the chunks of {recipe.object} do not add up to it")
        return data


def _tree(subpaths: Iterable[str]) -> Tree | None:
    """Nested names of ``subpaths``; None stands for everything below. Paths inside one another count once."""
    tree: Tree = {}
    for path in subpaths:
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if not parts:
            return None
        node = tree
        for part in parts[:-1]:
            deeper = node.setdefault(part, {})
            if deeper is None:
                break
            node = deeper
        else:
            node[parts[-1]] = None
    return tree


def _check_totals(oid: Oid, manifest: Manifest, expected: Totals) -> Totals:
    total = (manifest.size, manifest.files)
    if total != expected:
        raise _wrong_totals(oid, total, expected)
    return total


def _wrong_totals(oid: Oid, total: Totals, expected: Totals) -> SizeMismatch:
    return SizeMismatch(
        f"the directory {oid} holds {total[0]} bytes in {total[1]} files, recorded are {expected[0]} in {expected[1]}"
    )


def _check_acyclic(children: Mapping[Oid, Sequence[Oid]]) -> None:
    """Raise ``ManifestCycle`` when a directory contains itself, ``LimitExceeded`` when the longest path is too long.

    Takes away directories that no other contains, one by one (Kahn, "Topological sorting of large networks", 1962).
    """
    parents = Counter(child for below in children.values() for child in set(below) if child in children)
    ready = [oid for oid in children if oid not in parents]
    depth = dict.fromkeys(ready, 1)
    taken = 0
    while ready:
        oid = ready.pop()
        taken += 1
        if depth[oid] > MAX_DEPTH:
            raise LimitExceeded(f"directories are nested more than {MAX_DEPTH} deep")
        for child in set(children[oid]):
            if child in parents:
                depth[child] = max(depth.get(child, 0), depth[oid] + 1)
                parents[child] -= 1
                if not parents[child]:
                    ready.append(child)
    if taken != len(children):
        raise ManifestCycle("a directory contains itself")
