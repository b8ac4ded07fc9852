"""Earlier records of a stage, and which of them may stand in for a run.

A digest is no signature: whoever pushes a branch can write a record that names other outs. So a run is only reused when its
record is in the history of HEAD, or of what the user named, or when this clone made the run itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
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


def earlier_runs(
    repo: GitRepo, stage: Stage, key: str, trusted: Sequence[str], own: Collection[str], *, accepted: bool = False
) -> Iterator[Earlier]:
    """Earlier runs of ``stage`` under ``key`` whose outs are those declared now: those in the history of the commits
    ``trusted``, the newest first, then those of any ref whose record has a digest of ``own``.

    A run whose inputs changed while it ran is passed over, and so are outs that were only ``accepted``, unless that is asked
    for; else as ``records_of``.
    """

    def fits(earlier: Earlier) -> bool:
        record = earlier.record
        if record.accepted is not None and not accepted:
            return False
        return not record.changed and key_of_record(record) == key and covers(stage, record)

    if trusted:
        yield from filter(fits, records_of(repo, stage.name, *trusted))
    if own:
        ours = (earlier for earlier in records_of(repo, stage.name) if str(earlier.record.digest) in own)
        yield from filter(fits, ours)


def records_of(repo: GitRepo, name: str, *which: str) -> Iterator[Earlier]:
    """The records of the stage ``name`` in all commits that ``which`` reaches (none: all refs), the newest first,
    ``MOST_RECORDS`` at most.

    Two Git processes, whatever the length of the history. A record that cannot be read, or whose digest is false, is passed
    over.
    """
    path = record_path(name)
    where = file_versions(repo, path, *which)
    for blob, data in read_blobs(repo, list(where)[:MOST_RECORDS], limit=RECORD_LIMIT).items():
        try:
            record = lineage.decode(data, what=path)
        except WeftError:
            continue
        if record.stage == name and record.digest == lineage.digest(record):
            yield Earlier(where[blob], record)
