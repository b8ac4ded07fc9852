"""Whole objects out of frames: one frame, or the chunks that a recipe lists. Bytes of any place that can read frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from weft.errors import HashMismatch, LimitExceeded, SchemaError, SizeMismatch
from weft.formats import recipe as recipe_format
from weft.model.oid import Kind, Oid, hasher
from weft.model.recipe import Recipe

OBJECT_LIMIT = 1 << 30
"""Most bytes of an object that is put together in memory."""
_DEPTH = 4


class FrameSource(Protocol):
    """Where frames and recipes come from."""

    def frame(self, oid: Oid, kind: Kind, verify: bool) -> bytes:
        """The raw bytes of the frame ``oid``, hashed when ``verify``. Raises ``ObjectMissing``, ``HashMismatch``."""

    def frames(self, oids: Sequence[Oid], kind: Kind, verify: bool) -> Iterator[bytes]:
        """The raw bytes of ``oids`` in this order; an oid may come twice."""

    def recipe_of(self, target: Oid) -> Oid | None:
        """The recipe of ``target``; None when it is one frame."""

    def proved(self, target: Oid, recipe: Oid) -> None:
        """Told of each ``recipe`` whose chunks were seen to hash to ``target``."""


def read_recipe(source: FrameSource, target: Oid, oid: Oid, depth: int = 0) -> Recipe:
    """The recipe ``oid``, which must be that of ``target``. Raises ``SchemaError`` when it is another's."""
    recipe = recipe_format.decode(read_whole(source, oid, Kind.RECIPE, depth=depth + 1))
    if recipe.object != target:
        raise SchemaError(f"{oid} is the recipe of {recipe.object}, not of {target}")
    return recipe


def read_whole(source: FrameSource, oid: Oid, kind: Kind, limit: int = OBJECT_LIMIT, depth: int = 0) -> bytes:
    """An object of any kind in memory, its hash checked. Raises ``LimitExceeded`` over ``limit`` bytes."""
    if depth > _DEPTH:
        raise LimitExceeded(f"recipes of recipes are nested more than {_DEPTH} deep at {oid}")
    recipe_oid = source.recipe_of(oid)
    if recipe_oid is None:
        return source.frame(oid, kind, True)
    recipe = read_recipe(source, oid, recipe_oid, depth)
    if recipe.length > limit:
        raise LimitExceeded(f"the object {oid} of {recipe.length} bytes is over the limit of {limit}")
    data = b"".join(_chunks(source, recipe, kind))
    source.proved(oid, recipe_oid)
    return data


def iter_file(source: FrameSource, oid: Oid, size: int | None) -> Iterator[bytes]:
    """The bytes of a file piece by piece; hash and ``size`` of the whole are proved when it ends without an error.

    None stands for a size that is recorded nowhere.
    """
    recipe_oid = source.recipe_of(oid)
    if recipe_oid is None:
        data = source.frame(oid, Kind.CHUNK, True)
        _check_size(oid, len(data), size)
        yield data
        return
    recipe = read_recipe(source, oid, recipe_oid)
    _check_size(oid, recipe.length, size)
    yield from _chunks(source, recipe, Kind.CHUNK)
    source.proved(oid, recipe_oid)


def read_part(source: FrameSource, oid: Oid, start: int, length: int) -> bytes:
    """``length`` bytes of a file from ``start``, fewer at its end. Each chunk concerned is hashed, no other is read."""
    if start < 0 or length < 0:
        raise LimitExceeded(f"a range starts at {start} and has {length} bytes: both must be at least 0")
    recipe_oid = source.recipe_of(oid)
    if recipe_oid is None:
        return source.frame(oid, Kind.CHUNK, True)[start : start + length]
    wanted: list[tuple[Oid, int]] = []
    position = skipped = 0
    for chunk in read_recipe(source, oid, recipe_oid).chunks:
        if position + chunk[1] <= start:
            skipped = position + chunk[1]
        elif position < start + length:
            wanted.append(chunk)
        position += chunk[1]
    start -= skipped
    return b"".join(_pieces(source, wanted, True))[start : start + length]


def prove(source: FrameSource, oid: Oid, recipe: Recipe) -> None:
    """Hash what the ``recipe`` with the id ``oid`` rebuilds, each chunk by itself too, and tell ``source`` that it is right.

    Memory is bounded. Raises ``HashMismatch`` when the recipe lies; damaged chunks raise their own errors.
    """
    # Long manifests and recipes have recipes too. What is no file is no longer than what is read in memory.
    kinds = (Kind.CHUNK, Kind.MANIFEST, Kind.RECIPE) if recipe.length <= OBJECT_LIMIT else (Kind.CHUNK,)
    if not any(_rebuilds(source, recipe, kind) for kind in kinds):
        raise HashMismatch(
            f"the recipe {oid} does not rebuild {recipe.object}", hint="weft verify --full names its paths"
        )
    source.proved(recipe.object, oid)


def _rebuilds(source: FrameSource, recipe: Recipe, kind: Kind) -> bool:
    whole = hasher(kind)
    for data in _pieces(source, recipe.chunks, True):
        whole.update(data)
    return bool(whole.digest() == recipe.object)


def _chunks(source: FrameSource, recipe: Recipe, kind: Kind) -> Iterator[bytes]:
    """The chunks of a recipe. Their hash is that of the whole, checked at the end; a mismatch looks for the culprit."""
    whole = hasher(kind)
    for data in _pieces(source, recipe.chunks, False):
        whole.update(data)
        yield data
    if whole.digest() == recipe.object:
        return
    for _ in _pieces(source, recipe.chunks, True):
        pass  # a damaged chunk raises here, by its own name, once its pack is in quarantine
    raise HashMismatch(f"the chunks of {recipe.object} do not hash to its name", hint="run: weft verify --full")


def _pieces(source: FrameSource, chunks: Sequence[tuple[Oid, int]], verify: bool) -> Iterator[bytes]:
    frames = source.frames([oid for oid, _ in chunks], Kind.CHUNK, verify)
    for (oid, size), data in zip(chunks, frames, strict=True):
        if len(data) != size:
            raise SizeMismatch(f"the chunk {oid} has {len(data)} bytes; the recipe says {size}")
        yield data


def _check_size(oid: Oid, found: int, wanted: int | None) -> None:
    if wanted is not None and found != wanted:
        raise SizeMismatch(f"{oid} has {found} bytes, not the {wanted} that are recorded for it")
