"""Recipes and layouts: one encoding, one shape."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import HashMismatch, LimitExceeded, ObjectType, SchemaError, WeftError
from weft.formats import layout, recipe
from weft.model.oid import Kind, Oid
from weft.model.recipe import Recipe

oids = st.binary(min_size=32, max_size=32).map(Oid)
chunk_lists = st.lists(st.tuples(oids, st.integers(1, 1 << 20)), min_size=1, max_size=8)
A, B = Oid(b"\1" * 32), Oid(b"\2" * 32)


def oid(number: int, prefix: bytes = b"") -> Oid:
    return Oid((prefix + hashlib.sha256(str(number).encode()).digest())[:32])


@given(oids, chunk_lists)
def test_recipe_round_trip(target: Oid, chunks: list[tuple[Oid, int]]) -> None:
    value = Recipe(target, sum(length for _, length in chunks), tuple(chunks))
    data = recipe.encode(value)
    assert len(data) == 44 + 36 * len(chunks)
    assert recipe.decode(data) == value


@given(st.binary(max_size=120))
def test_whatever_decodes_as_a_recipe_encodes_to_itself(data: bytes) -> None:
    try:
        value = recipe.decode(data)
    except WeftError:
        return
    assert recipe.encode(value) == data


@pytest.mark.parametrize(
    "value",
    [
        Recipe(A, 0, ()),
        Recipe(A, 3, ((B, 4),)),
        Recipe(A, 4, ((B, 4), (B, 0))),
        Recipe(A, 2**63, ((B, 4),)),
    ],
)
def test_recipes_that_contradict_themselves(value: Recipe) -> None:
    with pytest.raises(SchemaError):
        recipe.encode(value)


def test_recipe_bytes() -> None:
    data = recipe.encode(Recipe(A, 7, ((B, 3), (A, 4))))
    assert data == A + (7).to_bytes(8, "little") + (2).to_bytes(4, "little") + B + b"\3\0\0\0" + A + b"\4\0\0\0"
    for bad in (data[:-1], data + b"\0", data[:40] + b"\xff\xff\xff\xff" + data[44:], data[:20], b""):
        with pytest.raises(SchemaError):
            recipe.decode(bad)
    with pytest.raises(LimitExceeded):
        recipe.encode(Recipe(A, (16 << 20) + 1, ((B, (16 << 20) + 1),)))


def pairs(count: int, prefix: bytes = b"") -> dict[Oid, Oid]:
    return {oid(n, prefix): oid(-n) for n in range(count)}


@pytest.mark.parametrize("count", [1, 2, 4096, 4097, 9000])
def test_layout_round_trip(count: int) -> None:
    wanted = pairs(count)
    root, nodes = layout.build(wanted)
    read = nodes.__getitem__
    assert list(layout.walk(root, read)) == sorted(wanted.items())
    assert set(layout.nodes(root, read)) == set(nodes)
    assert (len(nodes) == 1) == (count <= 4096)
    for target in list(wanted)[:50]:
        assert layout.find(root, target, read) == wanted[target]
    assert layout.find(root, oid(10**9), read) is None
    assert layout.build(dict(reversed(wanted.items())))[0] == root


def test_a_deep_layout_where_oids_share_a_prefix() -> None:
    wanted = pairs(5000, b"\7\7\7")
    root, nodes = layout.build(wanted)
    inner = layout.decode(nodes[root])
    assert isinstance(inner, layout.Inner)
    assert [(byte, below) for byte, below, _ in inner.children] == [(7, 5000)]
    assert dict(layout.walk(root, nodes.__getitem__)) == wanted
    assert layout.find(root, A, nodes.__getitem__) is None
    assert layout.find(root, oid(4, b"\7\7\7"), nodes.__getitem__) == oid(-4)


@given(st.binary(max_size=150), st.sampled_from([b"", b"WEFTLAYL", b"WEFTLAYI"]))
def test_whatever_decodes_as_a_node_encodes_to_itself(data: bytes, magic: bytes) -> None:
    try:
        node = layout.decode(magic + data)
    except WeftError:
        return
    again = (
        layout.encode_leaf(node.pairs)
        if isinstance(node, layout.Leaf)
        else layout.encode_inner(node.depth, list(node.children))
    )
    assert again == magic + data


def test_malformed_nodes() -> None:
    leaf = layout.encode_leaf([(A, B), (B, A)])
    inner = layout.encode_inner(0, [(1, 4000, A), (2, 97, B)])
    assert layout.decode(leaf) == layout.Leaf(((A, B), (B, A)))
    assert layout.decode(inner) == layout.Inner(0, ((1, 4000, A), (2, 97, B)))
    too_many = layout.encode_leaf([(Oid(n.to_bytes(32, "big")), A) for n in range(4097)])
    for bad in (
        leaf[:-1],
        leaf + b"\0",
        layout.encode_leaf([]),
        layout.encode_leaf([(B, A), (A, B)]),
        layout.encode_leaf([(A, B), (A, A)]),
        too_many,
        inner[:-1],
        layout.encode_inner(0, []),
        layout.encode_inner(0, [(1, 4000, A), (2, 96, B)]),
        layout.encode_inner(0, [(1, 5000, A), (2, 0, B)]),
        layout.encode_inner(0, [(2, 4000, A), (1, 4000, B)]),
        layout.encode_inner(0, [(1, 4000, A), (1, 4000, B)]),
        layout.encode_inner(32, [(1, 5000, A)]),
        inner[:9] + b"\1" + inner[10:],
        inner[:13] + b"\1" + inner[14:],
    ):
        with pytest.raises(SchemaError):
            layout.decode(bad)
    for other in (b"", b"WEFTLAYL", b"weft-manifest 1\n"):
        with pytest.raises(ObjectType):
            layout.decode(other)
    with pytest.raises(SchemaError):
        layout.build({})


def forged(children: list[tuple[int, int, bytes]], depth: int = 0) -> tuple[Oid, dict[Oid, bytes]]:
    nodes = {Oid.of(data, Kind.LAYOUT): data for _, _, data in children}
    top = layout.encode_inner(depth, [(byte, below, Oid.of(data, Kind.LAYOUT)) for byte, below, data in children])
    nodes[Oid.of(top, Kind.LAYOUT)] = top
    return Oid.of(top, Kind.LAYOUT), nodes


def test_nodes_that_do_not_belong_where_they_are() -> None:
    small = [(oid(n, b"\1"), A) for n in range(3)]
    leaf = layout.encode_leaf(sorted(small))
    wide = sorted((oid(n, b"\2"), A) for n in range(4096))
    rest = (2, 4096, layout.encode_leaf(wide))
    good = forged([(1, 3, leaf), rest])
    assert layout.find(good[0], small[0][0], good[1].__getitem__) == A
    for root, nodes in (
        forged([(1, 4, leaf), rest]),
        forged([(0, 3, leaf), rest]),
        forged([(1, 3, leaf), rest], depth=1),
    ):
        with pytest.raises(SchemaError):
            list(layout.walk(root, nodes.__getitem__))
        with pytest.raises(SchemaError):
            layout.find(
                root, Oid((b"\0" if root == forged([(0, 3, leaf), rest])[0] else b"\1") * 32), nodes.__getitem__
            )
    with pytest.raises(HashMismatch):
        layout.find(good[0], small[0][0], lambda _: leaf)


def test_a_cycle_ends_at_the_first_step() -> None:
    # A node cannot hold its own hash; a store that answers with it anyway is caught by the hash.
    root, nodes = layout.build(pairs(5000))
    with pytest.raises(HashMismatch):
        list(layout.walk(root, lambda _: nodes[root]))
