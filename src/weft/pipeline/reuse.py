"""Earlier records of a stage: those of every commit of every ref, the snapshots of runs among them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from weft.errors import WeftError
from weft.formats import lineage
from weft.gitio.repo import GitRepo
from weft.gitio.trees import read_blobs
from weft.model.lineage import Record, record_path
from weft.model.stage import Stage
from weft.pipeline.fingerprint import covers, key_of_record

MOST_RECORDS = 2000
"""How many records of one stage are looked at, the newest first."""

RECORD_LIMIT = 4 << 20
_MARK = b"\x02"


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier run: its record, and the commit that brought it in, whose pointers and blobs are its outs."""

    commit: str
    record: Record


def earlier_runs(repo: GitRepo, stage: Stage, key: str) -> Iterator[Earlier]:
    """Earlier runs of ``stage`` under ``key`` whose outs are those declared now, the newest first.

    Two Git processes, whatever the length of the history. A record that cannot be read, whose digest is false, or whose
    inputs changed while it ran is passed over.
    """
    name = record_path(stage.name)
    where = _brought_in(repo, name)
    found = read_blobs(repo, list(where)[:MOST_RECORDS], limit=RECORD_LIMIT)
    for blob, data in found.items():
        try:
            record = lineage.decode(data, what=name)
        except WeftError:
            continue
        if record.stage != stage.name or record.changed or record.digest != lineage.digest(record):
            continue
        if key_of_record(record) == key and covers(stage, record):
            yield Earlier(where[blob], record)


def _brought_in(repo: GitRepo, name: str) -> dict[str, str]:
    """Blob id of each version of the file ``name`` to the newest commit that brought it in."""
    # The full history: a record of a branch that was merged without it is one all the same.
    output = repo.git(
        "log", "--all", "--full-history", "-m", "--root", "--no-renames", "--no-abbrev", "--diff-filter=d", "--raw",
        "-z", "--format=%x02%H", "--", name,
    )  # fmt: skip
    found: dict[str, str] = {}
    commit = ""
    fields = iter(output.split(b"\0"))
    for field in fields:
        head = field.lstrip(b"\n")
        if head.startswith(_MARK):
            commit = os.fsdecode(head[1:])
        if not head.startswith(b":"):
            continue
        next(fields, b"")
        mode, blob = head.split(b" ")[1], head.split(b" ")[3]
        if mode.startswith(b"100"):
            found.setdefault(blob.decode("ascii"), commit)
    return found
