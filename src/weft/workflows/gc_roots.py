"""What a garbage collection of the local store has to keep: all that Git and the work trees of this clone hold on to."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from weft.errors import FormatVersion, GitFailed, LimitExceeded, SymlinkRefused, WeftError
from weft.gitio.batch import BlobReader
from weft.gitio.history import pointer_changes
from weft.gitio.kept import kept, loose_pointers
from weft.gitio.repo import FETCHED, GitRepo
from weft.gitio.shared import expired_runs, refs_below
from weft.gitio.trees import POINTER_LIMIT
from weft.model.oid import Kind, Oid
from weft.objects.catalog import LOCAL
from weft.objects.gc_marks import Start
from weft.workflows.files import read_head, read_small
from weft.workflows.project import Project
from weft.workflows.targets import decode_pointer

_GUESSED = 1 << 20  # bytes that are looked at in what cannot be a pointer
_OID = re.compile(rb"blake3:([0-9a-f]{64})")


class Roots(NamedTuple):
    """``starts`` is everything that is kept, ``current`` what the work trees ``trees`` show now, with the number of paths
    that show it; of the ``lost`` trees nobody knows what their files name."""

    starts: set[Start]
    current: Counter[Start]
    trees: tuple[GitRepo, ...]
    lost: tuple[str, ...]


def local_roots(project: Project) -> Roots:
    """Ask Git and the work trees for every pointer.

    One that cannot be read counts with every oid that stands in it. Raises ``FormatVersion`` for one that a newer weft
    wrote, and ``GitFailed`` when Git does not have what it names: then nobody can tell what is needed.
    """
    found = kept(project.git)
    starts: set[Start] = set()
    for name, data in _blobs(project, found.blobs):
        starts.update(_starts(project, name, data))
    current: Counter[Start] = Counter()
    for tree in found.trees:
        for path in loose_pointers(tree):
            current.update(_starts(project, path.rpartition("/")[2], _bytes(path)))
    return Roots(starts | current.keys(), current, found.trees, found.lost)


def shared_roots(project: Project) -> set[Start]:
    """What the runs need that were fetched from others and did not expire: nothing of it has to be here. Raises as
    ``local_roots``."""
    gone = expired_runs(project.git)
    commits = [commit for name, commit in refs_below(project.git, FETCHED).items() if FETCHED + name not in gone]
    blobs = frozenset(pointer_changes(project.git, "--no-walk", commits=commits)) if commits else frozenset()
    found: set[Start] = set()
    for name, data in _blobs(project, blobs):
        try:
            found.update(_starts(project, name, data))
        except FormatVersion:  # nobody is to stop a collection by sharing a run
            found.update(_guess(project, data))
    return found


def _bytes(path: str) -> bytes:
    """What stands in the file ``path``. One that weft would not read, a link or one too long, still names what it names."""
    try:
        return read_small(path, POINTER_LIMIT) or b""
    except (SymlinkRefused, LimitExceeded):
        return read_head(os.path.realpath(path), _GUESSED)


def _blobs(project: Project, wanted: frozenset[tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each pointer; one that is too long to be a pointer is left out."""
    names = {(path.rpartition("/")[2], blob) for path, blob in wanted}
    blobs = sorted({blob for _name, blob in names})
    with BlobReader(project.git) as reader:
        absent = set(blobs) - reader.sizes(blobs).keys()
        if absent:
            raise GitFailed(f"Git does not have {len(absent)} pointers that it names", hint="run `git fsck`")
        data = reader.read(blobs, POINTER_LIMIT)
    for name, blob in sorted(names):
        if blob in data:
            yield name, data[blob]


def _starts(project: Project, name: str, data: bytes) -> list[Start]:
    try:
        pointer = decode_pointer(data, name)
    except FormatVersion:
        raise
    except WeftError:
        return _guess(project, data)
    return [Start(pointer.oid, pointer.is_dir, pointer.layout)]


def _guess(project: Project, data: bytes) -> list[Start]:
    """What a broken pointer may stand for, such as one with conflict markers: all that it names and that is here."""
    oids = {Oid.parse_hex(text.decode("ascii")) for text in _OID.findall(data)}
    kinds = {oid: {copy.frame.kind for copy in copies} for oid, copies in project.catalog.locate(oids, LOCAL).items()}
    found = [Start(oid, Kind.MANIFEST in kinds.get(oid, ())) for oid in oids]
    return found + [Start(oid, False, oid) for oid in oids if Kind.LAYOUT in kinds.get(oid, ())]
