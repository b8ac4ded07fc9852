"""The plan of a checkout: everything that will happen to the workspace, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from weft.model.entry import DIR, LINK, Entry
from weft.model.manifest import Manifest
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects.ingest import FileToRead
from weft.workspace.scan import TreeScan
from weft.workspace.statcache import DirRow
from weft.workspace.stats import DIR_STAT


class Removal(NamedTuple):
    """A file to remove, with the packed status it had when it was found to be saved."""

    directory: str
    name: str
    stat: bytes


@dataclass(slots=True)
class DirPlan:
    """What happens in one directory of the target.

    ``writes``, ``modes`` and ``links`` are the entries to make. ``whole`` means that the directory does not exist yet and
    is made with everything in it: then only its links are kept here, and the rest is read from the manifest again when its
    turn comes, which saves memory.
    ``replaced`` has the packed status of the files that are in their way. ``kept`` are the tracked entries that stay as
    they are, for the row; ``agrees`` tells that the row will stand for the manifest ``oid``.
    """

    path: str
    oid: Oid
    whole: bool = False
    exists: bool = True
    agrees: bool = True
    partial: bool = False
    writes: list[Entry] = field(default_factory=list)
    modes: list[Entry] = field(default_factory=list)
    links: list[Entry] = field(default_factory=list)
    replaced: dict[str, bytes] = field(default_factory=dict)
    kept: list[tuple[str, bytes, Oid | None]] = field(default_factory=list)

    def take(self, entries: Iterable[Entry]) -> None:
        """Sort entries to make into the lists by type; directories go into ``kept``."""
        for entry in entries:
            if entry.type == DIR:
                self.kept.append((entry.name, DIR_STAT, entry.oid))
            elif entry.type == LINK:
                self.links.append(entry)
            else:
                self.writes.append(entry)

    def row(self, made: Iterable[tuple[str, bytes, Oid | None]], recorded: int) -> DirRow:
        """The row of the directory once ``made`` (name, packed status, oid) stands in it, as of ``recorded`` (ns)."""
        entries = sorted([*self.kept, *made], key=lambda entry: entry[0])
        return DirRow.make(entries, self.oid if self.agrees else None, self.partial, recorded)

    @property
    def idle(self) -> bool:
        """True when nothing is made or changed here."""
        return self.exists and not (self.whole or self.writes or self.modes or self.links)


@dataclass(slots=True)
class Plan:
    """All steps, in the order in which they are done: ``clear`` and ``clear_dirs`` (what stands in the way), directories
    with their files, ``removals``, ``empty_dirs`` (only if nothing is left in them), links.

    ``files`` and ``size`` (bytes) will be written. ``save`` are the files whose bytes must go into the store first
    (asked for by force), ``save_links`` the targets of links that must; ``absent`` are the paths of files that the local
    store lacks. ``unchanged`` counts files that are as they should be. ``complete`` tells that afterwards everything about
    the path is known, else only of its ``parts``. ``gone`` are directories whose rows end, ``rows`` those of directories in
    which nothing is done. ``read`` has read the manifests so far.
    """

    scan: TreeScan
    pointer: Pointer | None
    clear: list[Removal] = field(default_factory=list)
    clear_dirs: list[str] = field(default_factory=list)
    dirs: list[DirPlan] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    empty_dirs: list[str] = field(default_factory=list)
    save: list[FileToRead] = field(default_factory=list)
    save_links: dict[tuple[str, str], bytes] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    rows: dict[str, DirRow] = field(default_factory=dict)
    files: int = 0
    size: int = 0
    unchanged: int = 0
    complete: bool = True
    parts: tuple[str, ...] = ()
    read: Callable[[Oid], Manifest] | None = None

    @property
    def removed(self) -> int:
        """Files that are removed and not replaced."""
        return len(self.clear) + len(self.removals)

    @property
    def idle(self) -> bool:
        """True when the workspace is already as it should be."""
        return not (self.removed or self.clear_dirs or self.empty_dirs) and all(plan.idle for plan in self.dirs)
