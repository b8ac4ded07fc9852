"""A manifest: the listing of one directory, one node of a Merkle tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from weft.model.entry import Entry

MAX_DEPTH = 256
"""Most directories on one path below a pointer."""


def sort_key(entry: Entry) -> bytes:
    """Entries are ordered by the bytes of their names."""
    return entry.name.encode("utf-8")


@dataclass(frozen=True, slots=True)
class Manifest:
    """Entries sorted by name bytes, each name once."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Manifest:
        """Make a manifest from entries in any order."""
        return cls(tuple(sorted(entries, key=sort_key)))

    @property
    def size(self) -> int:
        """Bytes of content below this directory."""
        return sum(entry.size for entry in self.entries)

    @property
    def files(self) -> int:
        """Files and links below this directory."""
        return sum(entry.files for entry in self.entries)

    def by_name(self) -> dict[str, Entry]:
        """Entries keyed by name."""
        return {entry.name: entry for entry in self.entries}
