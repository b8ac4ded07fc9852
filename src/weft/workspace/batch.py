"""Writing one batch of files of a checkout: many small ones read from the packs together, large ones as streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from weft.errors import HashMismatch
from weft.model.config import COPY
from weft.model.entry import Entry
from weft.model.oid import Kind, Oid
from weft.objects.layouts import LayoutView
from weft.objects.store import LocalStore
from weft.workspace.linking import Linker
from weft.workspace.places import Place, Places
from weft.workspace.writer import put_file

SMALL = 64 * 1024
"""Files up to so many bytes are read from the packs together."""


class Part(NamedTuple):
    """Files of one directory: ``entries`` to write into ``path``; ``replaced`` has the status of those in their way."""

    path: str
    entries: Sequence[Entry]
    replaced: Mapping[str, bytes]


Note = Callable[[int, Sequence[tuple[int, bytes]]], None]
"""Told of each part, by its position, which of its entries (by position) were written, and their packed status."""


@dataclass(slots=True)
class _Target:
    """An open directory in which the files of a part are written, and what was written there."""

    part: Part
    place: Place
    above: str
    made: list[tuple[int, bytes]] = field(default_factory=list)

    def put(self, at: int, pieces: Iterable[bytes]) -> None:
        entry = self.part.entries[at]
        name, path = self._names(entry)
        self.made.append((at, put_file(self.place.fd, entry, pieces, name, self.part.replaced.get(entry.name), path)))

    def link(self, at: int, linker: Linker) -> bool:
        """Link the entry at ``at``; False when it has to be written."""
        entry = self.part.entries[at]
        name, path = self._names(entry)
        packed = linker.put(self.place.fd, entry, name, self.part.replaced.get(entry.name), path)
        if packed is not None:
            self.made.append((at, packed))
        return packed is not None

    def _names(self, entry: Entry) -> tuple[str, str]:
        if entry.name == "/":  # only a tracked file is alone and has another name than the place of the first entry
            return self.place.name, self.place.shown
        return entry.name, f"{self.above}/{entry.name}"


class BatchWriter:
    """Writes files into ``places``, verified against their oids, or links them. Safe from any thread.

    ``may`` is asked last before each file gets its name, and raises where none may any more.
    """

    def __init__(
        self,
        store: LocalStore,
        layout: LayoutView,
        places: Places,
        linker: Linker | None = None,
        may: Callable[[], None] | None = None,
    ) -> None:
        self._may = may
        self._linker = linker
        self._store = store
        self._layout = layout
        self._places = places

    def write(self, parts: Sequence[Part], note: Note) -> None:
        """Write all files of ``parts``. ``note`` is called after an error as well: what is written is ours.

        Raises ``FileChanged``, ``SymlinkRefused``, ``DiskFull``, ``PermissionFault`` and what reading the store raises.
        """
        with ExitStack() as stack:
            targets: list[_Target] = []
            for part in parts:
                place = stack.enter_context(self._places.at(part.path, part.entries[0].name))
                targets.append(_Target(part, place, self._places.shown(part.path)))
            try:
                for target, at, pieces in self._contents(targets):
                    target.put(at, pieces if self._may is None else self._asked(pieces, self._may))
            finally:
                for number, target in enumerate(targets):
                    note(number, target.made)

    @staticmethod
    def _asked(pieces: Iterable[bytes], may: Callable[[], None]) -> Iterator[bytes]:
        yield from pieces
        may()  # the end of the pieces is followed by nothing but the rename

    def _contents(self, targets: Sequence[_Target]) -> Iterator[tuple[_Target, int, Iterable[bytes]]]:
        """Each entry with its verified bytes: small ones in the order of the packs, large ones as streams."""
        linker = self._linker if self._linker is not None and self._linker.kind != COPY else None
        together: dict[Oid, list[tuple[_Target, int]]] = {}
        for target in targets:
            for at, entry in enumerate(target.part.entries):
                if linker is not None and linker.takes(entry) and target.link(at, linker):
                    continue
                if entry.size <= SMALL and self._layout.recipe_for(entry.oid) is None:
                    together.setdefault(entry.oid, []).append((target, at))
                else:
                    yield target, at, self._store.iter_content(entry.oid, entry.size, self._layout)
        for oid, data in self._store.read_many(together, Kind.CHUNK):
            for target, at in together[oid]:
                entry = target.part.entries[at]
                if len(data) != entry.size:
                    raise HashMismatch(f"{entry.name!a} has {len(data)} bytes, its manifest says {entry.size}")
                yield target, at, (data,)
