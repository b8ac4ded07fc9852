"""What a clone needs of the objects that its local store has lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from weft.errors import ObjectMissing
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.objects.reachability import walk
from weft.objects.store import LocalStore
from weft.workflows.project import Project


def needed_frames(project: Project, pointer: Pointer) -> Set[Oid]:
    """The frames that ``pointer`` needs; where metadata is missing, those that are known to be needed.

    Raises what a walk raises, but for ``ObjectMissing``.
    """
    reader = _Asked(project.store)
    try:
        return walk(pointer, reader).all_frames()
    except ObjectMissing:
        top = project.catalog.recipes_for((pointer.oid,)).get(pointer.oid, pointer.oid)
        return reader.asked | {top}


def among(oids: Set[Oid], needs: Iterable[Set[Oid]]) -> set[Oid]:
    """Those of ``oids`` that are in one of ``needs``."""
    return {oid for needed in (needs if oids else ()) for oid in oids if oid in needed}


class _Asked:
    """A reader that remembers what it was asked for."""

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self.asked: set[Oid] = set()

    def read_many(self, oids: Iterable[Oid], kind: Kind | None = None) -> Iterator[tuple[Oid, bytes]]:
        wanted = list(oids)
        self.asked.update(wanted)
        return self._store.read_many(wanted, kind)
