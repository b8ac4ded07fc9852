"""``weft du``: what tracked data takes in the workspace and in the local store, and what ``drop`` would free."""

from __future__ import annotations

from collections.abc import Sequence, Set

from weft.errors import ObjectMissing
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects.catalog import LOCAL, FrameRows
from weft.objects.oidset import SortedOids
from weft.objects.reachability import walk
from weft.objects.remote import place_of
from weft.objects.selection import slices
from weft.workflows.project import Project
from weft.workflows.results_space import DuResult, Usage
from weft.workflows.status import scan_target
from weft.workflows.targets import Target, select, workspace_pointers
from weft.workspace.free import plan_freeing

_QUERY = 500


def du(project: Project, paths: Sequence[str]) -> DuResult:
    """The sizes of tracked ``paths``, all without any. Nothing is read but directories, manifests and the catalog.

    Raises ``NotTracked``, ``NoSuchPath``, and integrity errors.
    """
    selected, broken = select(project, workspace_pointers(project), paths)
    targets = [one for target in selected for one in _single(target)]
    rows: list[Usage] = []
    every = SortedOids()
    for target in targets:
        frames = _frames(project, target.pointer, target.subpaths)
        if frames is not None:
            every = SortedOids.union(every, frames)
        rows.append(_usage(project, target, frames))
    packs = project.catalog.packs(LOCAL)
    return DuResult(tuple(rows), _stored(project, every), sum(packs.values()), broken)


def _single(target: Target) -> list[Target]:
    """One target for each part."""
    if target.subpaths is None:
        return [target]
    return [target._replace(subpaths=(sub,)) for sub in target.subpaths]


def _frames(project: Project, pointer: Pointer, subpaths: Sequence[str] | None) -> SortedOids | None:
    """The frames that the data needs, wherever they are; None when its manifests are not here."""
    try:
        return walk(pointer, project.store, subpaths).all_frames()
    except ObjectMissing:
        return None


def _usage(project: Project, target: Target, frames: SortedOids | None) -> Usage:
    here = plan_freeing(scan_target(project, target), target.subpaths)
    path = f"{target.path}/{target.subpaths[0]}" if target.subpaths else target.path
    remote = _remote(project, frames) if frames is not None else ""
    return Usage(
        path,
        files=len(here.removals),
        size=here.size,
        linked=here.linked,
        stored=0 if frames is None else _stored(project, frames),
        known=frames is not None,
        remote=remote,
        drop=here.size - here.linked if remote else 0,
    )


def _remote(project: Project, frames: Set[Oid]) -> str:
    """A remote that holds all of ``frames``, as far as this clone knows without asking it."""
    for spec in project.config.remotes.values():
        if spec.store and not project.catalog.missing(frames, place_of(project.catalog, spec.store)):
            return spec.name
    return ""


def _stored(project: Project, frames: SortedOids) -> int:
    """Bytes that ``frames`` take in the packs of the local store, each counted once."""
    rows = FrameRows(project.catalog, LOCAL)
    total = 0
    for group in slices(frames, _QUERY):
        total += sum({oid: stored for oid, _pack, stored, _kind in rows.of(group)}.values())
    return total
