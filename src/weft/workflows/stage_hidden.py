"""Inputs that a stage may read and that nobody keeps: files below its dependencies that ignore files name, and files which
Git keeps with other bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial

from weft.errors import WeftError
from weft.gitio.index import SUBMODULE
from weft.gitio.worktree import converted, ignored_below
from weft.model.lineage import MOST_HIDDEN, Hidden
from weft.model.paths import RepoPath, in_cache
from weft.model.stage import Stage
from weft.pipeline.fingerprint import Inputs, is_at_or_below
from weft.pipeline.reading import read_by
from weft.workflows.lineage_files import TreeFiles
from weft.workflows.project import Project
from weft.workflows.stage_inputs import Looker
from weft.workspace.names import join_path
from weft.workspace.scan import IsTracked, scan_tree
from weft.workspace.statcache import PathState
from weft.workspace.walk import manifest_reader, tracked_names

_SHOWN = 5


def hidden_inputs(project: Project, looker: Looker, stage: Stage, inputs: Inputs) -> Hidden | None:
    """What ``stage`` may read and nobody keeps, for its record; warns of it. None when there is nothing.

    A directory that is ignored as a whole counts once, and what Python keeps of compiled modules not at all.
    """
    ignored = sorted({*_in_git(project, looker, stage), *_in_data(project, looker, inputs)})
    if ignored:
        project.progress.warn(
            f"stage {stage.name} may read what is ignored, and neither Git nor weft keeps: {_some(ignored)}",
            hint="the record names it, and cannot prove it; take what the stage needs out of .gitignore or .weftignore",
        )
    changed = converted(project.git, inputs.plain_files())
    if changed:
        project.progress.warn(
            f"stage {stage.name} reads other bytes than Git keeps, for a filter, ident or an encoding of .gitattributes"
            f" changes them: {_some(changed)}",
            hint="the record names it, and cannot prove it; keep what stages read without such attributes",
        )
    found = sorted({*ignored, *changed})
    names = [path for path in found if _may_be_named(path)]
    return Hidden(len(found), tuple(names[:MOST_HIDDEN])) if found else None


def _some(paths: Sequence[str]) -> str:
    return ", ".join(paths[:_SHOWN]) + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")


def warn_of_unsure(project: Project, stage: Stage, inputs: Inputs) -> None:
    """Warn of params that a program may take for other values than weft does."""
    for file, known in inputs.params_files.items():
        if known.unsure:
            names = ", ".join(known.unsure[:_SHOWN]) + (", ..." if len(known.unsure) > _SHOWN else "")
            project.progress.warn(
                f"stage {stage.name} reads params that a program may read in another way than weft: {names} of {file}",
                hint="write false for no, 12 or 10 for 012, 0.1 for 1e-1, dates and other texts in quotes, keys in letters",
            )


def _in_git(project: Project, looker: Looker, stage: Stage) -> Iterator[str]:
    owner, tops = looker.owner, [path for path in stage.deps if not looker.owner(path)]
    files = TreeFiles(project.git, tops)
    found = read_by(stage, files, owner)
    outs = [out.path for out in stage.outs]
    inside = [path for path in found.code if files.mode(path) == SUBMODULE]
    rows = ignored_below(project.git, [top for top in found.tops if os.path.isdir(os.path.join(project.root, top))])
    for path in rows + [f"{top}/{path}" for top in inside for path in ignored_below(project.git, ["."], inside=top)]:
        name = path.rstrip("/")
        ours = owner(name) or any(is_at_or_below(name, out) or is_at_or_below(out, name) for out in outs)
        if not ours and not in_cache(f"{name}/"):
            yield name


def _in_data(project: Project, looker: Looker, inputs: Inputs) -> Iterator[str]:
    for ref in inputs.deps:
        top = ref.inside or ref.path
        inside = ref.path[len(top) + 1 :]
        pointer, state = looker.tree.pointers.get(top), project.cache.load(top)
        read = manifest_reader(project.store, pointer.layout if pointer else None)
        tracked = partial(_below, tracked_names(pointer, read, state), inside)
        depth = inside.count("/") + 1 if inside else 0
        bare = PathState(copies=state.copies)  # links to the store's copies are data
        for name in scan_tree(project.root, ref.path, state=bare, tracked=tracked, depth=depth).ignored:
            yield join_path(ref.path, name.rstrip("/"))


def _below(tracked: IsTracked, inside: str, directory: str, name: str) -> bool:
    return tracked(join_path(inside, directory), name)


def _may_be_named(path: str) -> bool:
    try:
        RepoPath.parse(path)
    except WeftError:
        return False
    return True
