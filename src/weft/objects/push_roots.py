"""The roots of a push: which are there already, and writing the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from weft.formats.root import encode, root_name
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.model.root import Root
from weft.objects.remote import FoundRoot, RemoteStore
from weft.util.parallel import Ahead, unordered_map

_FEW = 2


class Roots:
    """Roots of some pointers. ``found`` names those that were there before and could be read, ``damaged`` the others."""

    def __init__(self, remote: RemoteStore) -> None:
        self._remote = remote
        self.damaged: set[str] = set()
        self._wanted: set[str] = set()
        self._trusted: set[str] = set()
        self.found: set[str] = set()
        self.segments: dict[str, tuple[Oid, ...]] = {}
        self.sound = True
        self._there: Ahead[dict[str, FoundRoot | None]] | None = None

    def begin(self, pointers: Iterable[Pointer]) -> bool:
        """Ask already which roots are there, for ``look``. True when this catalog saw all of them complete before."""
        by_name = {root_name(pointer): pointer for pointer in pointers}
        place = self._remote.promised
        if place is None:
            return False
        self._there = Ahead(lambda: self._find(by_name))
        return all(self._remote.catalog.root_seen(place, name) for name in by_name)

    def look(self, pointers: Iterable[Pointer]) -> None:
        """Find out which roots are there. Where they are many, those that this catalog saw complete before are not read
        again while they have a size that they can have."""
        remote = self._remote
        by_name = {root_name(pointer): pointer for pointer in pointers}
        self._wanted = set(by_name)
        there = self._there.result() if self._there is not None else self._find(by_name)
        seen = {name for name in there if remote.catalog.root_seen(remote.place, name)}
        unread = [by_name[name] for name in sorted(there.keys() - seen) if there[name] is None]
        self.found = {name for name in seen if there[name] is None}
        for found in (*there.values(), *unordered_map(remote.read_root, unread, remote.jobs)):
            if found is not None and found.root is not None:
                self.found.add(found.name)
                self.segments[found.name] = found.root.segments
            elif found is not None:
                self.damaged.add(found.name)
        self._trusted = seen - self.damaged

    def _find(self, by_name: Mapping[str, Pointer]) -> dict[str, FoundRoot | None]:
        """Those of ``by_name`` that are there: what was read where they are few or of a strange size, else None."""
        remote = self._remote
        if len(by_name) <= _FEW:
            strange = list(by_name.values())
            listed: dict[str, FoundRoot | None] = {}
        else:
            sizes = remote.root_names()
            listed = dict.fromkeys(by_name.keys() & sizes.keys())
            strange = [by_name[name] for name in listed if not _may_be(by_name[name], sizes[name])]
        read = unordered_map(remote.read_root, strange, remote.jobs)
        return listed | {found.name: found for found in read if found is not None}

    def trusts(self, pointer: Pointer) -> bool:
        """True when this clone saw the root's data complete before."""
        return root_name(pointer) in self._trusted

    def all_trusted(self) -> bool:
        """True when that holds for all roots."""
        return self._wanted <= self._trusted

    def recheck(self) -> None:
        """Drop the trust that learning more about the remote took away."""
        self._trusted = {name for name in self._trusted if self._remote.catalog.root_seen(self._remote.place, name)}

    def distrust(self) -> None:
        """Something is missing on the remote: nothing that was seen before counts, and no root speaks for its data."""
        self._trusted.clear()
        self.sound = False

    def write(self, pointers: Iterable[Pointer], segments: tuple[Oid, ...]) -> None:
        """Write the roots that are not there, once each; a damaged one is replaced."""
        todo = {root_name(pointer): pointer for pointer in pointers}
        names = [name for name in sorted(todo) if name not in self.found and name not in self.segments]

        def write(name: str) -> str:
            self._remote.write_root(todo[name], segments, replace=name in self.damaged)
            return name

        for name in unordered_map(write, names, self._remote.jobs):
            self.segments[name] = segments

    def see(self) -> None:
        """Record that all roots are there and complete."""
        for name in self._wanted:
            self._remote.catalog.see_root(self._remote.place, name)


def _may_be(pointer: Pointer, size: int) -> bool:
    """Whether a root of ``pointer`` can have ``size`` bytes: it grows by as much with each segment that it names."""
    one, two = (
        len(encode(Root(pointer.type, pointer.oid, pointer.layout, pointer.size, pointer.files, some)))
        for some in ((pointer.oid,), (pointer.oid, Oid(bytes(32))))
    )
    return size >= one and (size - one) % (two - one) == 0
