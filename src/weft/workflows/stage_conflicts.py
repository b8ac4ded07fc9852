"""What a stage made, where a merge left it in conflict: a record and its results are of one run, so of one side."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import NamedTuple

from weft.errors import WeftError
from weft.formats import lineage
from weft.formats import pointer as pointer_format
from weft.gitio.batch import BlobReader
from weft.gitio.repo import GitRepo
from weft.model.lineage import Record, is_record
from weft.model.pointer import SUFFIX
from weft.workflows.files import read_small
from weft.workflows.stages import records_here

SIDES = {1: "base", 2: "ours", 3: "theirs"}
"""What Git's numbers of the versions in a conflict mean."""
_SIDES_OF_GIT = (
    "HEAD",
    *(name + end for end in ("", "~") for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD", "REVERT_HEAD")),
)
"""What the commits of the sides may be called; which it is, their records tell."""
_LIMIT = 8 << 20


class Made(NamedTuple):
    """A file in conflict that a stage made: the path of the stage's ``record``, and the ``side`` that this is of where it is
    settled already ("": it is in conflict too, or of no side)."""

    record: str
    side: str = ""


def made_by_stages(git: GitRepo, stages: Mapping[str, Mapping[int, str]]) -> dict[str, Made]:
    """Those of the files in conflict, ``stages``, that stages made: pointers, and metrics, plots and outs in Git.

    ``stages`` has the blobs of each by Git's number of the side. The records say what is made, on each side of those in
    conflict. Raises ``GitFailed``.
    """
    found: dict[str, Made] = {}
    with BlobReader(git) as reader:
        sides = {name: blobs for name, blobs in stages.items() if is_record(name)}
        texts = reader.read(sorted({blob for blobs in sides.values() for blob in blobs.values()}), _LIMIT)
        for name, blobs in sides.items():
            for record in _decoded([texts.get(blob, b"") for blob in blobs.values()], name):
                found.update({path: Made(name) for path in _results(record) if path in stages})
        if stages.keys() - sides.keys() - found.keys():
            for name in sorted(set(records_here(git.root)).difference(sides)):
                for record in _decoded([read_small(os.path.join(git.root, name), _LIMIT) or b""], name):
                    mine = [path for path in _results(record) if path in stages and path not in found]
                    found.update({path: Made(name, _side(record, path, stages[path], reader)) for path in mine})
    return found


def together(made: Mapping[str, Made], stages: Collection[str], asked: Collection[str]) -> set[str]:
    """``asked`` and what else is in conflict of the same runs."""
    records = {made[name].record if name in made else name for name in asked}
    same_runs = {name for name, one in made.items() if one.record in records}
    return {*asked, *same_runs, *records.intersection(stages)}


class Beside(NamedTuple):
    """Results of a run that Git merged without a conflict, from another side than its record is settled with: the ``commit``
    of that side has those to ``take``, and has not those to ``drop``."""

    commit: str
    take: tuple[str, ...]
    drop: tuple[str, ...]


def merged_beside(git: GitRepo, stages: Mapping[str, Mapping[int, str]], record: str, side: str) -> Beside | None:
    """What else of the run of ``record``, a file in conflict, has to be as on ``side``; None where nothing has, or where
    nobody knows the commit of that side. Raises ``GitFailed``."""
    blobs = stages[record]
    own = next((blob for number, blob in blobs.items() if SIDES[number] == side), "")
    commits = [*_SIDES_OF_GIT, *git.run("merge-base", "HEAD", "MERGE_HEAD").stdout.decode("ascii", "replace").split()]
    with BlobReader(git) as reader:
        commit = next((one for one in commits if own and reader.at(one, [record]).get(record) == own), "")
        if not commit:
            return None
        texts = reader.read(sorted(set(blobs.values())), _LIMIT)
        results = {path for one in _decoded(list(texts.values()), record) for path in _results(one)}
        free = sorted(results.difference(stages))
        there, here = reader.at(commit, free), reader.at("", free)
    take = tuple(path for path, blob in there.items() if here.get(path) != blob)
    drop = tuple(path for path in here if path not in there)
    return Beside(commit, take, drop) if take or drop else None


def _decoded(texts: Collection[bytes], name: str) -> list[Record]:
    found = []
    for text in texts:
        with suppress(WeftError):  # what cannot be read names nothing; it is told of elsewhere
            found.append(lineage.decode(text, what=name))
    return found


def _results(record: Record) -> set[str]:
    return {*(out.path + SUFFIX for out in record.outs), *record.files, *record.metrics}


def _side(record: Record, path: str, blobs: Mapping[int, str], reader: BlobReader) -> str:
    """The side whose version of ``path`` is the one that ``record`` tells of."""
    fitting = {SIDES[number] for number, blob in blobs.items() if record.files.get(path) == blob}
    if path.endswith(SUFFIX):
        wanted = {out.oid for out in record.outs if out.path + SUFFIX == path}
        texts = reader.read(sorted(set(blobs.values())), _LIMIT)
        for number, blob in blobs.items():
            with suppress(WeftError):
                if pointer_format.decode(texts[blob], name=path.rpartition("/")[2]).oid in wanted:
                    fitting.add(SIDES[number])
    return next((side for side in ("ours", "theirs", "base") if side in fitting), "")
