"""Which runs this clone made itself: the digests of their records, a line each, in its private state.

A record tells who made it, but whoever writes one can say anything. This list cannot come by a fetch.
"""

from __future__ import annotations

import os

from weft.gitio.repo import GitRepo
from weft.model.lineage import Record
from weft.util.atomic import os_errors
from weft.workflows.files import read_small
from weft.workflows.project import state_dir

_LIMIT = 64 << 20


def own_runs(git: GitRepo) -> frozenset[str]:
    """The digests of all records of runs that were made here."""
    data = read_small(_path(git), _LIMIT) or b""
    return frozenset(data.decode("ascii", "replace").split())


def note_own(git: GitRepo, record: Record) -> None:
    """Note a run that was made here just now."""
    path = _path(git)
    with os_errors("write", path):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        with os.fdopen(fd, "ab") as file:
            file.write(f"{record.digest}\n".encode("ascii"))


def _path(git: GitRepo) -> str:
    return os.path.join(state_dir(git), "own-runs")
