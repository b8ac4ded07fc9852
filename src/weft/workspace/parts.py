"""The record of a part of a tracked directory: cut out before it is scanned alone, and put back after it was added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from weft.errors import IntegrityError
from weft.model.entry import DIR
from weft.model.manifest import Manifest
from weft.model.oid import Oid
from weft.workspace.names import join_path
from weft.workspace.scan import TreeScan
from weft.workspace.statcache import SINGLE_FILE, DirRow, PathState
from weft.workspace.stats import DIR_STAT, GONE

_Entries = dict[str, tuple[str, bytes, Oid | None]]


def part_state(state: PathState, sub: str) -> PathState:
    """What ``state`` holds of the path ``sub`` inside its tracked directory, as if that were tracked by itself."""
    rows = {
        "" if path == sub else path[len(sub) + 1 :]: row
        for path, row in state.rows.items()
        if path == sub or path.startswith(sub + "/")
    }
    parent, _, name = sub.rpartition("/")
    above = state.rows.get(parent)
    at = above.index.get(name) if above is not None else None
    if not rows and above is not None and at is not None and above.stat_at(at) != DIR_STAT:
        oid = above.oid_at(at)
        rows[""] = DirRow(SINGLE_FILE, above.stat_at(at), bytes(oid) if oid else bytes(32), b"", False, above.recorded)
    return PathState(state.tracked, rows, state.copies)


def rows_of_parts(
    state: PathState, scans: Mapping[str, TreeScan], rows: Mapping[str, Mapping[str, DirRow]]
) -> dict[str, DirRow]:
    """The rows to record after the parts ``scans`` were added with the ``rows`` of their own.

    The rows of the directories above name the parts as being here; what those held before stays.
    """
    found: dict[str, DirRow] = {}
    above: dict[str, _Entries] = {}
    for sub, scan in scans.items():
        own = rows[sub]
        if scan.type == DIR:  # directories that are as recorded have no new rows
            found.update((join_path(sub, path) if path else sub, row) for path, row in own.items())
            _note(above, state, sub, DIR_STAT, None)
        elif "" in own:
            _note(above, state, sub, own[""].stat_at(0), own[""].oid_at(0))
    recorded = max((scan.started for scan in scans.values()), default=0)
    for path, entries in above.items():
        ordered = sorted(entries.values(), key=lambda entry: entry[0])
        found[path] = DirRow.make(ordered, None, True, recorded)
    return found


def _note(above: dict[str, _Entries], state: PathState, path: str, packed: bytes, oid: Oid | None) -> None:
    """Enter ``path`` into the row of the directory that holds it, and that directory into the one above."""
    while path:
        parent, _, name = path.rpartition("/")
        if parent not in above:
            row = state.rows.get(parent)
            known = row.index if row is not None else {}
            above[parent] = {
                other: (other, row.stat_at(at), row.oid_at(at)) for other, at in known.items() if row is not None
            }
        above[parent][name] = (name, packed, oid)
        path, packed, oid = parent, DIR_STAT, None


def parts_here(state: PathState, read: Callable[[Oid], Manifest]) -> list[str]:
    """The outermost paths below a tracked directory that are here whole, as far as its manifests, which ``read`` gives, are
    here to tell; only "" where all of it is."""
    found: list[str] = []

    def look(path: str, oid: Oid | None) -> bool:
        """Whether all of a directory is here; else what of it is was found."""
        row = state.rows.get(path)
        if row is None or oid is None:
            return True  # the row above names it, and nothing tells of less
        entries = {}
        if not row.manifest:  # else the row says itself whether it is partial
            with suppress(IntegrityError):
                entries = read(oid).by_name()
        mark, whole = len(found), []
        for name, at in row.index.items():
            below, packed = join_path(path, name), row.stat_at(at)
            inner = entries[name].oid if name in entries else row.oid_at(at)
            if packed != GONE and (packed != DIR_STAT or look(below, inner)):
                whole.append(below)
        partial = row.partial or bool(entries.keys() - row.index.keys())
        if not partial and len(found) == mark:
            return True
        found.extend(whole)
        return False

    whole = state.tracked is None or look("", state.tracked.oid)
    return [""] if whole else sorted(found)
