"""Runs that colleagues share: fetched when asked for, and taken only where this clone chose so.

A shared run is a claim of whoever may push to the Git remote. Its record is read as one of a stranger: what does not belong
to the name of its ref, to the stage as it is declared, or to itself is refused by name and passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from weft.errors import SchemaError, WeftError
from weft.formats import lineage
from weft.gitio.shared import fetch_shared, fetched_runs, git_remote
from weft.gitio.trees import file_at
from weft.model.lineage import Record, record_path
from weft.model.stage import Stage
from weft.pipeline.fingerprint import covers, key_of_record
from weft.pipeline.reuse import RECORD_LIMIT, Earlier
from weft.workflows.project import Project
from weft.workflows.results import KnownRuns

MOST_TRIED = 20
"""So many shared runs under one key are looked at, the newest."""
_AUTHOR = 200
_ALL = "*"


def fetch_runs(project: Project) -> KnownRuns:
    """Bring the runs that the Git remote has: their records, not yet their data. Raises ``GitFailed``."""
    remote = git_remote(project.git)
    return KnownRuns(remote, *fetch_shared(project.git, remote))


def shared_runs(project: Project, stage: Stage, key: str, *, asked: bool) -> Iterator[Earlier]:
    """Fetched runs of ``stage`` under ``key`` of the authors that the private setting ``reuse.runs`` names, the newest
    first; when it names none, of everybody if the user ``asked`` for shared runs, else of nobody."""
    authors = project.config.reuse_runs.casefold().replace(",", " ").split() or [_ALL] * asked
    if not authors:
        return
    for run, (remote, commit) in islice(fetched_runs(project.git, key).items(), MOST_TRIED):
        try:
            record = _read(project, stage, key, run, commit)
        except WeftError as error:
            project.progress.warn(f"the shared run {run} of {remote} was refused: {error.message}")
            continue
        if _ALL in authors or record.author.casefold().rpartition("<")[2].rstrip(">") in authors:
            yield Earlier(commit, record)


def _read(project: Project, stage: Stage, key: str, run: str, commit: str) -> Record:
    """The record of a shared run. Raises ``SchemaError`` for one that is not what its name and the stage say, and what
    reading it raises."""
    path = record_path(stage.name)
    data = file_at(project.git, commit, path, RECORD_LIMIT)
    if data is None:
        raise SchemaError(f"it holds no {path}")
    record = lineage.decode(data, what=path)
    if record.digest != lineage.digest(record):
        raise SchemaError("the digest of its record does not fit")
    if record.stage != stage.name or key_of_record(record) != key or record.run is None or record.run.id != run:
        raise SchemaError("its record is that of another run than its name says")
    if not record.author.isprintable() or len(record.author) > _AUTHOR:
        raise SchemaError("the name of its author is too long, or holds characters that cannot be shown")
    if record.reused or record.accepted or record.changed or record.run.exit:
        raise SchemaError("its record tells of no run that ended well")
    if not covers(stage, record):
        raise SchemaError("its outs are not those that the stage declares")
    return record
