"""Looking up recipes in a layout, and storing a new one (``docs/spec/chunks.md``)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from weft.errors import SchemaError
from weft.model.oid import Kind, Oid
from weft.util.forking import own_lock
from weft.util.later import later

if TYPE_CHECKING:
    from weft.formats import layout as layout_format
else:
    layout_format = later("weft.formats.layout")

if TYPE_CHECKING:
    from weft.objects.store_write import ObjectWriter

_NODES = 64

# A node as it is looked up: depth and children of an inner one, or the pairs of a leaf.
_Node = tuple[int, dict[int, Oid]] | dict[Oid, Oid]


class LayoutView:
    """The layout of one pointer. ``root`` is None when no object spans several chunks; nodes are read when needed.

    ``read`` returns the bytes of a node of kind layout and has verified them. Safe from any thread; at most 64 nodes
    of at most 4096 pairs are kept.
    """

    def __init__(self, root: Oid | None, read: Callable[[Oid], bytes]) -> None:
        self.root = root
        self._read = read
        self._nodes: OrderedDict[Oid, _Node] = OrderedDict()
        self._lock = own_lock(self)

    def recipe_for(self, target: Oid) -> Oid | None:
        """The recipe of ``target``, or None when it is one chunk.

        Raises ``SchemaError`` for a node that does not belong where it stands, and what ``read`` raises.
        """
        oid = self.root
        if oid is None:
            return None
        for depth in range(len(target) + 1):
            node = self._node(oid)
            if isinstance(node, dict):
                return node.get(target)
            if node[0] != depth:
                raise SchemaError(f"a layout node of depth {node[0]} stands at depth {depth}: {oid}")
            following = node[1].get(target[depth])
            if following is None:
                return None
            oid = following
        raise SchemaError("a layout is deeper than an object id is long")

    def _node(self, oid: Oid) -> _Node:
        with self._lock:
            if oid in self._nodes:
                self._nodes.move_to_end(oid)
                return self._nodes[oid]
        decoded = layout_format.decode(self._read(oid))
        node: _Node
        if isinstance(decoded, layout_format.Inner):
            node = (decoded.depth, {byte: child for byte, _, child in decoded.children})
        else:
            node = dict(decoded.pairs)
        with self._lock:
            self._nodes[oid] = node
            while len(self._nodes) > _NODES:
                self._nodes.popitem(last=False)
        return node


def layout_pairs(objects: Iterable[Oid], recipes: Mapping[Oid, Oid]) -> dict[Oid, Oid]:
    """Object -> recipe for those of ``objects`` that ``recipes`` knows, and for their recipes, if those are long too."""
    pairs: dict[Oid, Oid] = {}
    for target in objects:
        oid: Oid | None = target
        while oid is not None and oid not in pairs:
            recipe = recipes.get(oid)
            if recipe is not None:
                pairs[oid] = recipe
            oid = recipe
    return pairs


def store_layout(writer: ObjectWriter, pairs: Mapping[Oid, Oid]) -> Oid | None:
    """Store the layout of ``pairs`` and return its oid, None when there are none."""
    if not pairs:
        return None
    root, nodes = layout_format.build(pairs)
    for data in nodes.values():
        writer.add_object(Kind.LAYOUT, data)
    return root
