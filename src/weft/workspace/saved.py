"""Whether bytes are provably somewhere else than in the workspace."""

from __future__ import annotations

from collections.abc import Iterable

from weft.errors import IntegrityError, RefusedInput
from weft.formats import recipe as recipe_format
from weft.model.oid import Kind, Oid
from weft.objects.layouts import LayoutView
from weft.objects.proofs import refuse_false
from weft.objects.store import LocalStore


class Saved:
    """Tells which contents the local store holds whole.

    What a remote's index lists does not count: it is a claim of whoever writes there. Nor does a recipe that came with
    fetched data, which anybody may have planted, until the content that it rebuilds was read and hashed here.
    """

    def __init__(self, store: LocalStore, *, relying: bool = False) -> None:
        """``relying``: what is found saved will be the only copy, so a collection must not take it for old."""
        self._store = store
        self._missing = store.rely_on if relying else store.missing

    def unsaved(self, oids: Iterable[Oid]) -> set[Oid]:
        """Those contents that are not here with all their chunks. May read contents whose recipe is unproved."""
        left = self._missing(oids)
        if not left:
            return left
        recipes = self._store.catalog.recipes_for(left, proved_only=True)
        return {oid for oid in left if not self._has_recipe(recipes.get(oid) or self._proved(oid))}

    def absent(self, oids: Iterable[Oid], layout: LayoutView, path: str) -> set[Oid]:
        """Those contents of the tracked ``path`` that cannot be written from here, where ``layout`` tells their recipes.

        Recipes are proved first, once. Raises ``HashMismatch`` for one that rebuilds something else.
        """
        if layout.root is None:
            return self.unsaved(oids)
        wanted = set(oids)
        pairs = {oid: recipe for oid in wanted if (recipe := layout.recipe_for(oid)) is not None}
        if pairs:
            refuse_false(self._store, path, pairs.items(), layout.recipe_for)
        # What is too large to be proved here is proved when it is written.
        return self.lacking(wanted, layout)

    def lacking(self, oids: Iterable[Oid], layout: LayoutView) -> set[Oid]:
        """``absent`` on the word of the recipes: nothing is proved, which does for a hint."""
        wanted = set(oids)
        if layout.root is None:
            left = self._store.missing(wanted)
            recipes = self._store.catalog.recipes_for(left)
            return {oid for oid in left if not self._has_recipe(recipes.get(oid))}
        pairs = {oid: recipe for oid in wanted if (recipe := layout.recipe_for(oid)) is not None}
        lacking = self._store.missing(wanted - pairs.keys())
        lacking.update(oid for oid, recipe in pairs.items() if not self._has_recipe(recipe, layout))
        return lacking

    def _has_recipe(self, oid: Oid | None, layout: LayoutView | None = None) -> bool:
        if oid is None:
            return False
        try:
            recipe = recipe_format.decode(self._store.read_object(oid, Kind.RECIPE, layout))
        except IntegrityError:
            return False
        above = self._store.catalog.recipes_for((oid,)) if self._missing((oid,)) else {}
        if oid in above:  # it is so long that it was cut itself
            self._has_recipe(above[oid])
        return not self._missing({chunk for chunk, _length in recipe.chunks})

    def _proved(self, oid: Oid) -> Oid | None:
        """The recipe that rebuilds the content here, which nobody had proved so far; None when there is none."""
        try:
            self._store.prove(oid)
        except (IntegrityError, RefusedInput):  # a recipe, like all that was fetched, may be anything
            return None
        return self._store.catalog.recipes_for((oid,), proved_only=True).get(oid)
