"""Earlier records of a stage: those of every commit of every ref, the snapshots of runs among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from weft.errors import WeftError
from weft.formats import lineage
from weft.gitio.repo import GitRepo
from weft.gitio.trees import read_blobs
from weft.gitio.versions import file_versions
from weft.model.lineage import Record, record_path
from weft.model.stage import Stage
from weft.pipeline.fingerprint import covers, key_of_record

MOST_RECORDS = 2000
"""How many records of one stage are looked at, the newest first."""

RECORD_LIMIT = 4 << 20


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier run: its record, and the commit that brought it in, whose pointers and blobs are its outs."""

    commit: str
    record: Record


def earlier_runs(repo: GitRepo, stage: Stage, key: str) -> Iterator[Earlier]:
    """Earlier runs of ``stage`` under ``key`` whose outs are those declared now, the newest first.

    A run whose inputs changed while it ran is passed over; else as ``records_of``.
    """
    for earlier in records_of(repo, stage.name):
        record = earlier.record
        if not record.changed and key_of_record(record) == key and covers(stage, record):
            yield earlier


def records_of(repo: GitRepo, name: str) -> Iterator[Earlier]:
    """The records of the stage ``name`` in all commits, the newest first, ``MOST_RECORDS`` at most.

    Two Git processes, whatever the length of the history. A record that cannot be read, or whose digest is false, is passed
    over.
    """
    path = record_path(name)
    where = file_versions(repo, path)
    for blob, data in read_blobs(repo, list(where)[:MOST_RECORDS], limit=RECORD_LIMIT).items():
        try:
            record = lineage.decode(data, what=path)
        except WeftError:
            continue
        if record.stage == name and record.digest == lineage.digest(record):
            yield Earlier(where[blob], record)
