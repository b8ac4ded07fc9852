"""Which data no commit names yet, so that its pointer in the work tree is all that leads to it."""

from __future__ import annotations

from collections.abc import Iterable

from weft.gitio.batch import BlobReader
from weft.gitio.history import pointer_changes
from weft.gitio.trees import POINTER_LIMIT
from weft.gitio.worktree import blob_ids
from weft.workflows.project import Project
from weft.workflows.targets import Target, pointer_path


def uncommitted(project: Project, targets: Iterable[Target]) -> list[str]:
    """The paths of ``targets`` whose data no commit names, under this name or another; snapshots of runs, and what was
    fetched of others, are no commits here."""
    wanted = {pointer_path(target.path): target for target in targets}
    if not wanted:
        return []
    blobs = blob_ids(project.git, wanted)
    known = {blob for _, blob in pointer_changes(project.git, "--exclude=refs/weft/*", "--all")}
    lacking = [name for name, blob in blobs.items() if blob not in known]
    if lacking and known:
        with BlobReader(project.git) as reader:
            texts = list(reader.read(known, POINTER_LIMIT).values())
        lacking = [name for name in lacking if not any(_names(text, wanted[name]) for text in texts)]
    return [wanted[name].path for name in lacking]


def _names(text: bytes, target: Target) -> bool:
    """Whether the pointer ``text`` names that data."""
    return str(target.pointer.oid).encode("ascii") in text
