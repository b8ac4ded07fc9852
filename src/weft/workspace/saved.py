"""Whether bytes are provably somewhere else than in the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from weft.errors import IntegrityError, RefusedInput
from weft.formats import recipe as recipe_format
from weft.model.oid import Kind, Oid
from weft.objects.catalog import LOCAL
from weft.objects.store import LocalStore


class Saved:
    """Asks the catalog which of ``places`` (the local store first) hold contents whole.

    A recipe that came with fetched data proves nothing: whoever can write to a remote can plant one for any content. It
    counts once the content that it rebuilds was read and hashed here.
    """

    def __init__(self, store: LocalStore, places: Sequence[int] = (LOCAL,)) -> None:
        self._store = store
        self._places = places

    def unsaved(self, oids: Iterable[Oid]) -> set[Oid]:
        """Those contents that no single place holds with all their chunks. May read contents whose recipe is unproved."""
        left = set(oids)
        for place in self._places:
            if left:
                left &= self._missing(left, place)
        if not left:
            return left
        recipes = self._store.catalog.recipes_for(left, proved_only=True)
        return {oid for oid in left if not (self._has_recipe(recipes[oid]) if oid in recipes else self._proved(oid))}

    def _missing(self, oids: set[Oid], place: int) -> set[Oid]:
        # The store looks at its packs before it calls anything missing; what remotes hold only the catalog knows.
        return self._store.missing(oids) if place == LOCAL else self._store.catalog.missing(oids, place)

    def _has_recipe(self, oid: Oid) -> bool:
        try:
            recipe = recipe_format.decode(self._store.read_object(oid, Kind.RECIPE))
        except IntegrityError:
            return False
        needed = {chunk for chunk, _length in recipe.chunks}
        return any(not self._missing(needed, place) for place in self._places)

    def _proved(self, oid: Oid) -> bool:
        """Whether the content can be rebuilt here by a recipe that nobody had proved so far."""
        try:
            self._store.prove(oid)
        except (IntegrityError, RefusedInput):  # a recipe, like all that was fetched, may be anything
            return False
        return True
