"""Which pointers a transfer is about: those of the workspace, of some commits, or of all of history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from weft.errors import NotTracked, WeftError, quoted
from weft.gitio import trees
from weft.gitio.history import all_pointer_blobs
from weft.model.pointer import Pointer
from weft.workflows.options import TransferOptions
from weft.workflows.project import Project
from weft.workflows.results_status import Broken
from weft.workflows.targets import (
    data_path,
    decode_pointer,
    merge,
    pick,
    pointers_only,
    repo_path,
    select,
    workspace_pointers,
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Pointers by a label that tells path and, where it is not the workspace's, blob; ``parts`` by the same label.

    ``broken`` were asked for too, and cannot be read.
    """

    pointers: Mapping[str, Pointer] = field(default_factory=dict)
    parts: Mapping[str, Sequence[str] | None] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()


def choose(project: Project, paths: Sequence[str], options: TransferOptions, *, outside: bool = False) -> Selection:
    """The pointers that ``options`` and ``paths`` name. Raises ``NoSuchRevision``, ``NotTracked``, and pointer refusals
    of what is named itself.

    ``outside``: those that a sparse checkout leaves out of the work tree are meant too, and a warning names those that Git
    ignores.
    """
    if options.all_commits:
        blobs: Iterable[tuple[str, str]] = all_pointer_blobs(project.git)
        return _historic(project, paths, blobs, strict=False)
    if options.revs:
        return _historic(project, paths, _of_revisions(project, options.revs), strict=True)
    targets, broken = select(project, workspace_pointers(project, outside=outside, warn_ignored=outside), paths)
    return Selection(
        {target.path: target.pointer for target in targets},
        {target.path: target.subpaths for target in targets},
        broken,
    )


def of_blobs(project: Project, blobs: Iterable[tuple[str, str]]) -> Selection:
    """The pointers that are the Git blobs ``blobs``: pairs of path and blob id. Raises pointer refusals."""
    return _historic(project, (), blobs, strict=True)


def _of_revisions(project: Project, specs: Iterable[str]) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], None] = {}
    for spec in specs:
        for commit in trees.commits(project.git, spec):
            found.update(dict.fromkeys(trees.files_at(project.git, commit).items()))
    return list(found)


def _historic(project: Project, paths: Sequence[str], blobs: Iterable[tuple[str, str]], *, strict: bool) -> Selection:
    """Pointers of history. A broken one stops an explicit request; among all of history it is told and left out."""
    wanted = list(blobs)
    asked = [repo_path(project, text) for text in paths] or [""]
    data = trees.read_blobs(project.git, {blob for _, blob in wanted})
    pointers: dict[str, Pointer] = {}
    parts: dict[str, Sequence[str] | None] = {}
    for name, blob in wanted:
        if not dict(pointers_only(project, {name: data[blob]})):
            continue
        try:
            pointer = decode_pointer(data[blob], name)
        except WeftError as error:
            if strict:
                raise
            project.progress.warn(f"the pointer {name} of blob {blob[:12]} was left out: {error.message}")
            continue
        for target in merge(found for path in asked for found in pick({data_path(name): pointer}, path)):
            label = target.path if target.path not in pointers else f"{target.path} ({blob[:12]})"
            pointers[label], parts[label] = pointer, target.subpaths
    if paths and not pointers:
        raise NotTracked(f"not tracked in these commits: {', '.join(paths)}", hint="weft log -- " + quoted(paths[0]))
    return Selection(pointers, parts)
