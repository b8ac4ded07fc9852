"""Whether the recipes that a layout names rebuild what it says (``docs/spec/chunks.md``).

A layout is its writer's word until the bytes of each recipe were hashed. That is done once: the catalog remembers it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from weft.errors import HashMismatch, IntegrityError, ObjectMissing, RefusedInput, SizeMismatch, WeftError, quoted
from weft.model.oid import Oid
from weft.objects.catalog import LOCAL, Catalog
from weft.objects.reachability import Closure
from weft.objects.selection import slices
from weft.objects.store import LocalStore, Named

_QUERY = 500

MOST_PROVED = 1 << 40
"""Most bytes that are hashed to prove the recipes of one tracked path: a few bytes of a stranger may claim any number."""

Pair = tuple[Oid, Oid]
"""An object, and the recipe that is said to rebuild it."""


class Proof(NamedTuple):
    """What became of some pairs: what is wrong with the recipe of each object in ``false``; the objects that are
    ``unproved``, for not all of their bytes are here or there was no room to hash them."""

    false: dict[Oid, WeftError]
    unproved: set[Oid]


def unproved(catalog: Catalog, pairs: Iterable[Pair]) -> list[Pair]:
    """Those of ``pairs`` that this clone has not proved, each once."""
    wanted = sorted(set(pairs))
    proved = catalog.recipes_for((target for target, _ in wanted), proved_only=True) if wanted else {}
    return [pair for pair in wanted if proved.get(pair[0]) != pair[1]]


def prove_pairs(
    store: LocalStore, pairs: Iterable[Pair], named: Named | None = None, *, room: int | None = None
) -> Proof:
    """Prove what is not proved yet and whose bytes are here, of at most ``room`` bytes together (None: ``MOST_PROVED``).

    ``named`` tells the recipes of recipes too (None: they are among the pairs). Nothing is read for what was proved before.
    """
    every = list(pairs)
    proof = Proof({}, set())
    todo = unproved(store.catalog, every)
    if not todo:
        return proof
    tell = named or dict(every).get
    left = MOST_PROVED if room is None else room
    absent = {recipe for recipe in store.missing({recipe for _, recipe in todo}) if tell(recipe) is None}
    for target, recipe in todo:
        if recipe in absent:
            proof.unproved.add(target)
        else:
            left -= _prove(store, target, partial(_tell, (target, recipe), tell), proof, left)
    return proof


def _tell(pair: Pair, others: Named, oid: Oid) -> Oid | None:
    """Two layouts may name two recipes of one object: ``pair`` is the one that is meant."""
    return pair[1] if oid == pair[0] else others(oid)


def _prove(store: LocalStore, target: Oid, named: Named, proof: Proof, room: int) -> int:
    """Prove one pair; the bytes that were hashed for it."""
    try:
        size = store.recipe(target, named).length
        if size > room:
            proof.unproved.add(target)
            return 0
        with suppress(IntegrityError, RefusedInput):
            store.prove(target, named)
            return size
        # A damaged pack is in quarantine by now, and what it held is not here any more. A lie is one the second time too.
        store.prove(target, named)
    except ObjectMissing:
        proof.unproved.add(target)
        return 0
    except (IntegrityError, RefusedInput) as error:
        proof.false[target] = error
        return 0
    return size


def proved_parts(store: LocalStore, objects: Iterable[Oid]) -> set[Oid]:
    """Recipes that this clone has proved to rebuild ``objects``, with their chunks, whatever a layout says of them."""
    found: set[Oid] = set()

    def known(oid: Oid) -> Oid | None:
        return store.catalog.recipes_for((oid,)).get(oid)

    todo = store.catalog.recipes_for(objects, proved_only=True)
    while todo:
        for target, recipe in todo.items():
            found.add(recipe)
            with suppress(IntegrityError, RefusedInput):  # what is damaged or gone, nobody can keep
                found.update(oid for oid, _ in store.recipe(target, partial(_tell, (target, recipe), known)).chunks)
        todo = store.catalog.recipes_for(todo.values())
    return found


def note_pairs(catalog: Catalog, pairs: Iterable[Pair]) -> None:
    """Let the catalog know recipes that a layout names and it does not, as not proved: a recipe that is cut itself is not
    seen where frames come in one by one."""
    wanted = dict(pairs)
    known = catalog.recipes_for(wanted)
    new = {target: recipe for target, recipe in wanted.items() if known.get(target) != recipe}
    if new:
        catalog.add_recipes(new)


def refuse_false(store: LocalStore, path: str, pairs: Iterable[Pair], named: Named | None = None) -> set[Oid]:
    """``prove_pairs``, of which what is unproved is returned. Raises ``HashMismatch``, naming the tracked ``path``, for what
    is false."""
    proof = prove_pairs(store, pairs, named)
    for target in sorted(proof.false):
        raise false_layout(path, target, proof.false[target])
    return proof.unproved


def false_layout(path: str, target: Oid, fault: WeftError) -> HashMismatch:
    """The error for a pointer whose layout leads to other bytes than it says, of which ``fault`` tells more."""
    return HashMismatch(
        f"the layout of {path} leads to other bytes than {target}: {fault.message}",
        hint=f"take {path}.weft from a commit in which it is right, or, where the files are here: weft add {quoted(path)}",
        path=path,
    )


def check_sizes(catalog: Catalog, closure: Closure) -> None:
    """Compare the sizes that are recorded for contents with those of their frames here, as far as they are here.

    Raises ``SizeMismatch``. Those of several chunks are compared where their recipes are read.
    """
    for group in slices(closure.contents, _QUERY):
        marks = ",".join("?" * len(group))
        found = catalog.rows(
            f"SELECT f.oid, f.raw FROM frames f JOIN held h ON h.pack = f.pack AND h.place = {LOCAL}"  # noqa: S608 (marks only)
            f" WHERE f.oid IN ({marks})",
            group,
        )
        for oid, raw in found:
            if closure.contents[oid] != raw:
                raise SizeMismatch(
                    f"the object {Oid(oid)} is listed with {closure.contents[oid]} bytes and has {raw}",
                    hint="weft add writes the sizes again, where the files are here",
                )
