"""Recipes as bytes (``docs/spec/chunks.md``): ``object oid | length u64 | count u32 | count x (chunk oid | length u32)``."""

from __future__ import annotations

import struct

from weft.errors import LimitExceeded, SchemaError
from weft.formats.pack import MAX_RAW
from weft.model.oid import Oid
from weft.model.recipe import Recipe

_HEAD = struct.Struct("<32sQI")
_CHUNK = struct.Struct("<32sI")


def encode(recipe: Recipe) -> bytes:
    """Return the one encoding of ``recipe``. Raises ``SchemaError`` when it contradicts itself."""
    _check(recipe)
    pack = _CHUNK.pack
    head = _HEAD.pack(recipe.object, recipe.length, len(recipe.chunks))
    return head + b"".join([pack(oid, length) for oid, length in recipe.chunks])


def decode(data: bytes) -> Recipe:
    """Read a recipe. Raises ``SchemaError`` for a wrong count, length or sum, ``LimitExceeded`` for too long a chunk."""
    if len(data) < _HEAD.size:
        raise SchemaError(f"a recipe of {len(data)} bytes is too short")
    target, length, count = _HEAD.unpack_from(data)
    if len(data) != _HEAD.size + count * _CHUNK.size:
        raise SchemaError(f"a recipe of {count} chunks cannot have {len(data)} bytes")
    chunks = tuple([(Oid(oid), size) for oid, size in _CHUNK.iter_unpack(memoryview(data)[_HEAD.size :])])
    recipe = Recipe(Oid(target), length, chunks)
    _check(recipe)
    return recipe


def _check(recipe: Recipe) -> None:
    if not recipe.chunks:
        raise SchemaError("a recipe needs at least one chunk")
    lengths = [length for _oid, length in recipe.chunks]
    if min(lengths) <= 0:
        raise SchemaError("a recipe may not hold an empty chunk")
    if max(lengths) > MAX_RAW:
        raise LimitExceeded(f"a recipe holds a chunk of {max(lengths)} bytes, over the limit of {MAX_RAW}")
    if sum(lengths) != recipe.length:
        raise SchemaError(f"the chunks of a recipe have {sum(lengths)} bytes, not {recipe.length}")
