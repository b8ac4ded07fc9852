"""Reading a layout level by level, all nodes of one level in one batch, so that a remote costs few requests."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import NamedTuple, Protocol

from weft.errors import ManifestCycle, SchemaError
from weft.formats import layout as layout_format
from weft.formats.layout import Inner, Leaf
from weft.model.oid import Kind, Oid


class ObjectReader(Protocol):
    """Where a walk reads frames from; ``LocalStore`` is one."""

    def read_many(self, oids: Iterable[Oid], kind: Kind | None = None) -> Iterable[tuple[Oid, bytes]]:
        """The raw bytes of the frame of each of ``oids``, each once, in any order. Raises ``ObjectMissing``."""


class _Wanted(NamedTuple):
    prefix: bytes
    objects: Set[Oid] | None
    pairs: int | None


class LayoutWalk:
    """The layout called ``root`` (None: the empty one) read through ``reader``; ``nodes`` collects what was read."""

    def __init__(self, root: Oid | None, reader: ObjectReader) -> None:
        self._root = root
        self._reader = reader
        self.nodes: set[Oid] = set()

    def find(self, objects: Set[Oid] | None) -> dict[Oid, Oid]:
        """The recipe of each of ``objects`` that has one; of all objects in the layout when None.

        Raises ``SchemaError`` or ``ManifestCycle`` for a trie that is not one, and what the reader raises.
        """
        found: dict[Oid, Oid] = {}
        if self._root is None or (objects is not None and not objects):
            return found
        level = {self._root: _Wanted(b"", objects, None)}
        seen: set[Oid] = set()
        while level:
            seen.update(level)
            below: dict[Oid, _Wanted] = {}
            for oid, data in self._reader.read_many(level, Kind.LAYOUT):
                self.nodes.add(oid)
                wanted = level[oid]
                node = layout_format.decode(data)
                _check_position(oid, node, wanted)
                if isinstance(node, Leaf):
                    found.update(p for p in node.pairs if wanted.objects is None or p[0] in wanted.objects)
                else:
                    _step_down(node, wanted, below, seen)
            level = below
        return found


def _check_position(oid: Oid, node: Leaf | Inner, wanted: _Wanted) -> None:
    depth = len(wanted.prefix)
    if isinstance(node, Leaf):
        covered = len(node.pairs)
        fits = all(pair[0][:depth] == wanted.prefix for pair in (node.pairs[0], node.pairs[-1]))
    else:
        covered = sum(child[1] for child in node.children)
        fits = node.depth == depth
    if not fits or wanted.pairs not in (None, covered):
        raise SchemaError(f"the layout node {oid} does not belong where its parent has it")


def _step_down(node: Inner, wanted: _Wanted, below: dict[Oid, _Wanted], seen: Set[Oid]) -> None:
    groups: dict[int, set[Oid]] = {}
    for target in wanted.objects or ():
        groups.setdefault(target[node.depth], set()).add(target)
    for byte, pairs, child in node.children:
        if wanted.objects is not None and byte not in groups:
            continue
        if child in seen or child in below:
            raise ManifestCycle(f"the layout node {child} stands at two places of one layout")
        below[child] = _Wanted(wanted.prefix + bytes((byte,)), groups.get(byte), pairs)
