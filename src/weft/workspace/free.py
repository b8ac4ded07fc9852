"""Freeing the workspace of tracked data: the files go, and the stat cache says that they are not here, not deleted."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from weft.util.dirfd import opened
from weft.workspace.names import join_path
from weft.workspace.places import Places
from weft.workspace.plan import Removal
from weft.workspace.scan import TreeScan
from weft.workspace.selection import Selection
from weft.workspace.statcache import DirRow, PathState, StatCache, Tracked
from weft.workspace.stats import DIR_CODE, WIDTH, size_of, split_fixed


class Freeing(NamedTuple):
    """What goes from the workspace: files, then directories where nothing is left in them, the deepest first.

    ``size`` is the bytes of the files, ``linked`` those of them that are links into the store, and stay there.
    """

    scan: TreeScan
    subpaths: Sequence[str] | None
    removals: list[Removal]
    dirs: list[str]
    size: int
    linked: int


def plan_freeing(scan: TreeScan, subpaths: Sequence[str] | None) -> Freeing:
    """All that ``scan`` found (made with ignore rules), or found below ``subpaths``. Touches nothing.

    The caller has compared ``scan`` with the pointer: nothing of it may have changed.
    """
    selection = Selection(subpaths)
    removals: list[Removal] = []
    dirs = [""] if subpaths is None and "" in scan.dirs and scan.dirs[""].names != b"/" else []
    size = linked = 0
    for directory, found in scan.dirs.items():
        for name, packed in zip(found.name_list(), found.stat_list(), strict=True):
            path = join_path(directory, name)
            if not selection.takes(path):
                continue
            if packed[-1] == DIR_CODE:
                dirs.append(path)
                continue
            removals.append(Removal(directory, name, packed))
            size += size_of(packed)
            linked += size_of(packed) if name in found.copies or _is_hard_link(scan, directory, name) else 0
    dirs.sort(key=lambda path: path.count("/") + bool(path), reverse=True)
    return Freeing(scan, subpaths, removals, dirs, size, linked)


def _is_hard_link(scan: TreeScan, directory: str, name: str) -> bool:
    if not scan.state.copies or not os.path.isdir(scan.state.copies):
        return False
    try:
        return os.lstat(scan.absolute(directory, name)).st_nlink > 1
    except OSError:
        return False


def free(freeing: Freeing, cache: StatCache, tracked: Tracked) -> None:
    """Do it. ``tracked`` is the pointer that the data was compared with.

    What is not here is recorded before the first file goes: whenever this stops, the files that are left are found by the
    next scan, and nothing counts as deleted. Raises ``FileChanged`` for a file that was changed meanwhile, which stays.
    """
    scan = freeing.scan
    if freeing.subpaths is None:
        cache.record(scan.path, {}, tracked=tracked, whole=True)
    else:
        cache.replace(scan.path, freeing.subpaths, rows_without(cache.load(scan.path), freeing.subpaths))
    with opened(scan.top) as top_fd:
        places = Places(top_fd, scan.path)
        for removal in freeing.removals:
            places.unlink(removal)
        for directory in freeing.dirs:
            places.rmdir(directory, needed=False)


def rows_without(state: PathState, subpaths: Sequence[str]) -> dict[str, DirRow]:
    """The rows of the directories that hold ``subpaths``, without these names, as if they had never been here."""
    selection = Selection(subpaths)
    gone: dict[str, set[str]] = defaultdict(set)
    for path in subpaths:
        parent, _, name = path.rpartition("/")
        if not selection.takes(parent):
            gone[parent].add(name)
    return {path: _without(state.rows[path], names) for path, names in gone.items() if path in state.rows}


def _without(row: DirRow, gone: set[str]) -> DirRow:
    kept = [(name, at) for name, at in row.index.items() if name not in gone]
    stats, oids = split_fixed(row.stats, WIDTH), split_fixed(row.oids, 32)
    return DirRow(
        "\0".join(name for name, _ in kept).encode("utf-8"),
        b"".join(stats[at] for _, at in kept),
        b"".join(oids[at] for _, at in kept),
        row.manifest,
        True,
        row.recorded,
    )
