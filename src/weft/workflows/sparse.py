"""Stages that read what a sparse checkout leaves out of the work tree."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from weft.errors import LeftOut, quoted
from weft.model.pointer import SUFFIX
from weft.model.stage import Stage
from weft.workflows.project import Project
from weft.workflows.targets import data_path, pointer_path


def refuse_left_out(project: Project, stage: Stage, left_out: Sequence[str]) -> None:
    """Raise ``LeftOut`` when ``stage`` reads, or starts in, something of ``left_out``: the sorted files that Git
    leaves out of the work tree."""
    found = list(dict.fromkeys(_read_by(stage, left_out))) if left_out else []
    if not found and not os.path.isdir(os.path.join(project.root, stage.wdir)) and _below(left_out, stage.wdir):
        found = [(stage.wdir, stage.wdir, False)]
    if not found:
        return
    folders = sorted({folder for folder, _, _ in found})
    data = sorted({path for _, path, is_data in found if is_data})
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    pull = f", then weft pull {' '.join(map(quoted, data))}" if data else ""
    raise LeftOut(
        f"a sparse checkout leaves {found[0][1]}{more}, which stage {stage.name} reads, out of this work tree",
        hint=f"git sparse-checkout add {' '.join(map(quoted, folders))}{pull}",
        path=found[0][1],
    )


def _read_by(stage: Stage, left_out: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """The folder to be added, the path that the stage reads, and whether that is data."""
    for dep in stage.deps:
        place = dep
        while place:
            if _has(left_out, pointer_path(place)):
                yield _folder(place), dep, True
            place = place.rpartition("/")[0]
        for name in _below(left_out, dep):
            is_data = name.endswith(SUFFIX)
            yield dep, data_path(name) if is_data else name, is_data
    for file in (*stage.deps, *(wanted.file for wanted in stage.params), stage.env.lockfile):
        if file and _has(left_out, file):
            yield _folder(file), file, False


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or path


def _has(names: Sequence[str], name: str) -> bool:
    at = bisect_left(names, name)
    return at < len(names) and names[at] == name


def _below(names: Sequence[str], top: str) -> Sequence[str]:
    return names[bisect_left(names, top + "/") : bisect_left(names, top + "0")]  # "0" comes right after "/"
