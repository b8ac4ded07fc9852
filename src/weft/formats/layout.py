"""Layouts as bytes (``docs/spec/chunks.md``): which recipe rebuilds which object, as a trie with exactly one shape.

A node that covers at most ``LEAF_MAX`` pairs is a leaf; a larger one is inner and splits by the object oid's byte at its
depth. The root has depth 0. Each node is stored as one frame.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise

from weft.errors import HashMismatch, ObjectType, SchemaError
from weft.model.oid import Kind, Oid

LEAF_MAX = 4096
_LEAF = b"WEFTLAYL"
_INNER = b"WEFTLAYI"
_LEAF_HEAD = struct.Struct("<8sI")
_PAIR = struct.Struct("<32s32s")
_INNER_HEAD = struct.Struct("<8sBBH")
_CHILD = struct.Struct("<B3sI32s")

Pair = tuple[Oid, Oid]
Read = Callable[[Oid], bytes]


@dataclass(frozen=True, slots=True)
class Leaf:
    """Pairs of object oid and recipe oid, sorted by object oid."""

    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Inner:
    """``children`` are (byte, pairs below, node oid), sorted by byte; ``depth`` is the position of that byte."""

    depth: int
    children: tuple[tuple[int, int, Oid], ...]


def build(pairs: Mapping[Oid, Oid]) -> tuple[Oid, dict[Oid, bytes]]:
    """Return the root oid of the layout of ``pairs`` (object to recipe, at least one) and all its nodes by oid."""
    if not pairs:
        raise SchemaError("a layout holds at least one pair")
    nodes: dict[Oid, bytes] = {}
    return _build(sorted(pairs.items()), 0, nodes), nodes


def _build(pairs: list[Pair], depth: int, nodes: dict[Oid, bytes]) -> Oid:
    if len(pairs) <= LEAF_MAX:
        data = encode_leaf(pairs)
    else:
        children = []
        for byte, below in groupby(pairs, key=lambda pair: pair[0][depth]):
            part = list(below)
            children.append((byte, len(part), _build(part, depth + 1, nodes)))
        data = encode_inner(depth, children)
    oid = Oid.of(data, Kind.LAYOUT)
    nodes[oid] = data
    return oid


def encode_leaf(pairs: Iterable[Pair]) -> bytes:
    """Return a leaf node of pairs that are already sorted."""
    body = [target + recipe for target, recipe in pairs]
    return _LEAF_HEAD.pack(_LEAF, len(body)) + b"".join(body)


def encode_inner(depth: int, children: list[tuple[int, int, Oid]]) -> bytes:
    """Return an inner node of (byte, pairs below, node oid) that are already sorted."""
    head = _INNER_HEAD.pack(_INNER, depth, 0, len(children))
    return head + b"".join([_CHILD.pack(byte, b"\0\0\0", count, oid) for byte, count, oid in children])


def decode(data: bytes) -> Leaf | Inner:
    """Read one node. Raises ``ObjectType`` for other bytes, ``SchemaError`` for anything but the one valid encoding."""
    magic = data[:8]
    if magic == _LEAF and len(data) >= _LEAF_HEAD.size:
        return _decode_leaf(data)
    if magic == _INNER and len(data) >= _INNER_HEAD.size:
        return _decode_inner(data)
    raise ObjectType("these bytes are not a layout")


def _decode_leaf(data: bytes) -> Leaf:
    _magic, count = _LEAF_HEAD.unpack_from(data)
    if not 1 <= count <= LEAF_MAX or len(data) != _LEAF_HEAD.size + count * _PAIR.size:
        raise SchemaError(f"a layout leaf of {count} pairs cannot have {len(data)} bytes")
    pairs = tuple([(Oid(a), Oid(b)) for a, b in _PAIR.iter_unpack(memoryview(data)[_LEAF_HEAD.size :])])
    if any(one[0] >= two[0] for one, two in pairwise(pairs)):
        raise SchemaError("the pairs of a layout are not sorted, or one is there twice")
    return Leaf(pairs)


def _decode_inner(data: bytes) -> Inner:
    _magic, depth, reserved, count = _INNER_HEAD.unpack_from(data)
    if reserved or depth > 31 or len(data) != _INNER_HEAD.size + count * _CHILD.size:
        raise SchemaError(f"an inner layout node of {count} children at depth {depth} is malformed")
    rows = list(_CHILD.iter_unpack(memoryview(data)[_INNER_HEAD.size :]))
    if any(zeros != b"\0\0\0" or not below for _byte, zeros, below, _oid in rows):
        raise SchemaError("an inner layout node has reserved bytes that are not zero, or an empty child")
    if any(one[0] >= two[0] for one, two in pairwise(rows)):
        raise SchemaError("the children of a layout node are not sorted, or one is there twice")
    if sum(row[2] for row in rows) <= LEAF_MAX:
        raise SchemaError(f"an inner layout node covers at most {LEAF_MAX} pairs: it should be a leaf")
    return Inner(depth, tuple([(byte, below, Oid(oid)) for byte, _zeros, below, oid in rows]))


def _load(oid: Oid, read: Read, prefix: bytes, expected: int | None) -> Leaf | Inner:
    """Read, verify and decode the node whose objects start with ``prefix`` and which covers ``expected`` pairs."""
    data = read(oid)
    if Oid.of(data, Kind.LAYOUT) != oid:
        raise HashMismatch(f"the layout node {oid} does not hash to its name")
    node = decode(data)
    if isinstance(node, Leaf):
        covered = len(node.pairs)
        fits = node.pairs[0][0].startswith(prefix) and node.pairs[-1][0].startswith(prefix)
    else:
        covered = sum(child[1] for child in node.children)
        fits = node.depth == len(prefix)
    if not fits or (expected is not None and covered != expected):
        raise SchemaError(f"the layout node {oid} does not belong where its parent has it")
    return node


def find(root: Oid, target: Oid, read: Read) -> Oid | None:
    """Return the recipe oid of the object ``target``, or None when the layout does not name it.

    ``read`` returns the raw bytes of a node; they are verified here. Raises ``HashMismatch``, ``SchemaError``,
    ``ObjectType``.
    """
    oid, expected = root, None
    for depth in range(33):
        node = _load(oid, read, target[:depth], expected)
        if isinstance(node, Leaf):
            return dict(node.pairs).get(target)
        below = {byte: (count, child) for byte, count, child in node.children}.get(target[depth])
        if below is None:
            return None
        expected, oid = below
    raise SchemaError("a layout is deeper than an object id is long")


def walk(root: Oid, read: Read) -> Iterator[tuple[Oid, Oid]]:
    """Yield all pairs of object and recipe in order, verifying every node as ``find`` does.

    A cycle cannot be entered: each step down must be one deeper, and 32 is the last depth.
    """
    return _walk(root, read, b"", None)


def _walk(oid: Oid, read: Read, prefix: bytes, expected: int | None) -> Iterator[tuple[Oid, Oid]]:
    node = _load(oid, read, prefix, expected)
    if isinstance(node, Leaf):
        yield from node.pairs
        return
    for byte, count, child in node.children:
        yield from _walk(child, read, prefix + bytes((byte,)), count)


def nodes(root: Oid, read: Read) -> Iterator[Oid]:
    """Yield the oids of all nodes, parents first, verified: what a closure has to hold of a layout."""
    todo: list[tuple[Oid, bytes, int | None]] = [(root, b"", None)]
    while todo:
        oid, prefix, expected = todo.pop()
        node = _load(oid, read, prefix, expected)
        yield oid
        if isinstance(node, Inner):
            todo.extend((child, prefix + bytes((byte,)), count) for byte, count, child in reversed(node.children))
