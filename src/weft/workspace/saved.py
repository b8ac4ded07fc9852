"""Whether bytes are provably somewhere else than in the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weft.errors import IntegrityError
from weft.formats import recipe as recipe_format
from weft.model.oid import Kind, Oid
from weft.objects.catalog import LOCAL
from weft.objects.store import LocalStore


class Saved:
    """Asks the catalog which of ``places`` (the local store first) hold contents whole."""

    def __init__(self, store: LocalStore, places: Sequence[int] = (LOCAL,)) -> None:
        self._store = store
        self._places = places

    def unsaved(self, oids: Iterable[Oid]) -> set[Oid]:
        """Those contents that no single place holds with all their chunks."""
        left = set(oids)
        for place in self._places:
            if left:
                left &= self._store.catalog.missing(left, place)
        if not left:
            return left
        recipes = self._store.catalog.recipes_for(left)
        return {oid for oid in left if oid not in recipes or not self._has_recipe(recipes[oid])}

    def _has_recipe(self, oid: Oid) -> bool:
        try:
            recipe = recipe_format.decode(self._store.read_object(oid, Kind.RECIPE))
        except IntegrityError:
            return False
        needed = {chunk for chunk, _length in recipe.chunks}
        return any(not self._store.catalog.missing(needed, place) for place in self._places)
