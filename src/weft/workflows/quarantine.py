"""What lies in the quarantine of the local store: telling it, putting back what is right, deleting what is old."""

from __future__ import annotations

import os
from collections.abc import Sequence

from weft.errors import NoSuchPath
from weft.objects import quarantine as store_quarantine
from weft.objects.quarantine_log import FOLDER, Kept, kept
from weft.workflows.project import Project
from weft.workflows.results import QuarantineFile, QuarantineResult

EVERYTHING = "all"
DAY = 86400.0


def look_through(project: Project) -> QuarantineResult:
    """All that lies there."""
    return _result(project, [_told(project, entry) for entry in kept(project.store.root)])


def restore(project: Project, names: Sequence[str]) -> QuarantineResult:
    """Put back what is right of the files ``names`` (or ``all``). Raises ``NoSuchPath``."""
    entries = {entry.file: entry for entry in kept(project.store.root)}
    wanted = list(entries) if EVERYTHING in names else [_one(entries, name) for name in names]
    done = []
    for name in wanted:
        found = store_quarantine.restore(project.store, name)
        done.append(_told(project, entries[name], found.state, found.objects))
    return _result(project, done)


def purge(project: Project, days: float) -> QuarantineResult:
    """Delete what was set aside at least ``days`` ago, and forget what was lost with it."""
    gone = store_quarantine.purge(project.store, days * DAY)
    return _result(project, [_told(project, entry, "purged") for entry in gone])


def _one(entries: dict[str, Kept], name: str) -> str:
    """The file that ``name`` means: its name or the beginning of it."""
    found = [file for file in entries if file == name] or [file for file in entries if file.startswith(name)]
    if len(found) != 1 or not name:
        raise NoSuchPath(
            f"the quarantine holds {'several files' if found else 'no file'} called {name!a}",
            hint="weft verify --quarantine",
            path=name,
        )
    return found[0]


def _told(project: Project, entry: Kept, state: str = "kept", objects: int = 0) -> QuarantineFile:
    lost = len(project.store.missing(entry.lost))
    return QuarantineFile(entry.file, entry.size, entry.why, entry.at, lost, state, objects)


def _result(project: Project, files: Sequence[QuarantineFile]) -> QuarantineResult:
    return QuarantineResult(os.path.join(project.store.root, FOLDER), tuple(files))
