"""What differs between two versions of tracked data: only manifests that differ are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from weft.model.entry import DIR, EXEC, FILE, Entry
from weft.model.manifest import Manifest
from weft.model.oid import Oid

Read = Callable[[Oid], Manifest]


class Delta(NamedTuple):
    """One path of which ``old`` and ``new`` differ; None where it was not, or is not, there. Never a directory."""

    path: str
    old: Entry | None
    new: Entry | None

    @property
    def kind(self) -> str:
        """added, deleted, modified, mode or typechange."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "deleted"
        files = (FILE, EXEC)
        if self.old.type == self.new.type:
            return "modified"
        if self.old.type in files and self.new.type in files:
            return "mode" if self.old.oid == self.new.oid else "modified"
        return "typechange"


def diff_entries(path: str, old: Entry | None, new: Entry | None, read_old: Read, read_new: Read) -> Iterator[Delta]:
    """Yield the differences between two entries at ``path``, files and links only, in the order of their paths."""
    if old is not None and new is not None and (old.type, old.oid) == (new.type, new.oid):
        return
    before = read_old(old.oid).by_name() if old is not None and old.type == DIR else None
    after = read_new(new.oid).by_name() if new is not None and new.type == DIR else None
    if before is None and after is None:
        yield Delta(path, old, new)
        return
    if old is not None and before is None:
        yield Delta(path, old, None)
    if new is not None and after is None:
        yield Delta(path, None, new)
    names = (before or {}).keys() | (after or {}).keys()
    for name in sorted(names, key=lambda name: name.encode("utf-8")):
        below = f"{path}/{name}" if path else name
        yield from diff_entries(below, (before or {}).get(name), (after or {}).get(name), read_old, read_new)


def pair_renames(deltas: Iterable[Delta]) -> Iterator[tuple[Delta, str]]:
    """Join a deletion and an addition of the same bytes into one rename: yields the delta and the old path, or empty.

    Empty files are never paired: that they are equal says nothing.
    """
    found = list(deltas)
    gone: dict[Oid, list[Delta]] = {}
    for delta in found:
        if delta.new is None and delta.old is not None and delta.old.size:
            gone.setdefault(delta.old.oid, []).append(delta)
    sources: dict[str, Delta] = {}
    for delta in found:
        if delta.old is None and delta.new is not None and gone.get(delta.new.oid):
            sources[delta.path] = gone[delta.new.oid].pop(0)
    used = {source.path for source in sources.values()}
    for delta in found:
        source = sources.get(delta.path) if delta.old is None else None
        if source is not None:
            yield Delta(delta.path, source.old, delta.new), source.path
        elif not (delta.new is None and delta.path in used):
            yield delta, ""
