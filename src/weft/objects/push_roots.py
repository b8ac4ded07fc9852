"""The roots of a push: which are there already, and writing the others."""

from __future__ import annotations

from collections.abc import Iterable, Set

from weft.formats.root import root_name
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects.remote import RemoteStore
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
        self._there: Ahead[set[str]] | None = None

    def begin(self, pointers: Iterable[Pointer]) -> bool:
        """Ask already which roots are there, for ``look``. True when this catalog saw all of them complete before."""
        names = {root_name(pointer) for pointer in pointers}
        place = self._remote.promised
        if place is None:
            return False
        self._there = Ahead(lambda: self._find(names))
        return all(self._remote.catalog.root_seen(place, name) for name in names)

    def look(self, pointers: Iterable[Pointer]) -> None:
        """Find out which roots are there. Those that this catalog saw complete before are not read again."""
        remote = self._remote
        by_name = {root_name(pointer): pointer for pointer in pointers}
        self._wanted = set(by_name)
        there = self._there.result() if self._there is not None else self._find(self._wanted)
        self._trusted = {name for name in there if remote.catalog.root_seen(remote.place, name)}
        unread = [by_name[name] for name in sorted(there - self._trusted)]
        self.found = set(self._trusted)
        for found in unordered_map(remote.read_root, unread, remote.jobs):
            if found is not None and found.root is not None:
                self.found.add(found.name)
                self.segments[found.name] = found.root.segments
            elif found is not None:
                self.damaged.add(found.name)

    def _find(self, names: Set[str]) -> set[str]:
        """Those of ``names`` that are there."""
        remote = self._remote
        if len(names) <= _FEW:
            return {name for name in names if remote.storage.stat(remote.root_key(name)) is not None}
        return names & remote.root_names().keys()

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
