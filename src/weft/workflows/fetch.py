"""``weft fetch``: bring data into the local store, without touching the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from weft.errors import ObjectMissing, WeftError
from weft.objects import download
from weft.objects.reachability import Walker
from weft.util.later import later
from weft.workflows.connect import connection, find_remote, say_how_to_mend
from weft.workflows.options import TransferOptions
from weft.workflows.project import Project
from weft.workflows.results import FetchResult
from weft.workflows.selection import Selection, choose
from weft.workflows.targets import Target

if TYPE_CHECKING:
    from weft.workflows import shared_runs
else:
    shared_runs = later("weft.workflows.shared_runs")


def fetch(project: Project, paths: Sequence[str], options: TransferOptions) -> FetchResult:
    """Fetch what the chosen pointers need, and, with ``runs``, the records of runs that others share. Raises ``NoRemote``,
    ``NotOnRemote``, and integrity and network errors."""
    done = fetch_selection(project, choose(project, paths, options), options)
    if options.runs and not options.dry_run:
        done = replace(done, runs=shared_runs.fetch_runs(project))
    return done


def fetch_selection(project: Project, selection: Selection, options: TransferOptions) -> FetchResult:
    """Fetch for pointers that are chosen already. What is here needs no remote, and makes no request."""
    done, fault = fetch_what_is_there(project, selection, options)
    if fault is not None:
        raise fault
    return done


def fetch_what_is_there(
    project: Project, selection: Selection, options: TransferOptions
) -> tuple[FetchResult, WeftError | None]:
    """``fetch_selection`` that returns the error for what could not be had of some paths, where others came."""
    labels = tuple(selection.pointers)
    if options.dry_run:
        return _would_fetch(project, selection, options), None
    if not labels or (not options.remote and not project.config.remotes and is_here(project, selection)):
        return FetchResult(options.remote, labels, broken=selection.broken), None
    spec = find_remote(project, options.remote)
    with connection(project, spec, options.jobs) as link:
        done = download.fetch_some(link.remote, project.store, selection.pointers, selection.parts, project.progress)
        result = FetchResult(
            spec.name, done.pointers, packs=done.packs, objects=done.objects, received_bytes=link.received,
            requests=link.requests, broken=selection.broken,
        )  # fmt: skip
        if done.fault is not None:
            say_how_to_mend(done.fault, spec)
        return result, done.fault


def _would_fetch(project: Project, selection: Selection, options: TransferOptions) -> FetchResult:
    """What a fetch would be about, as far as is known without asking the remote."""
    lacking = {
        label: pointer
        for label, pointer in selection.pointers.items()
        if not is_here(project, Selection({label: pointer}, {label: selection.parts.get(label)}))
    }
    remote = find_remote(project, options.remote).name if lacking else options.remote
    size = sum(pointer.size for pointer in lacking.values())
    return FetchResult(
        remote, tuple(selection.pointers), broken=selection.broken, dry_run=True, lacking=tuple(lacking), size=size
    )


def fetch_metadata(project: Project, targets: Iterable[Target]) -> None:
    """Bring the manifests and layouts of ``targets`` here when they are not: to look at data, or to change part of it."""
    absent = {
        target.path: target.pointer
        for target in targets
        if not is_here(project, Selection({target.path: target.pointer}), content=False)
    }
    if absent:
        with connection(project, find_remote(project)) as link:
            download.fetch_manifests(link.remote, project.store, absent, project.progress)


def fetch_content(project: Project, target: Target) -> None:
    """Bring the data of one target here when it is not."""
    selection = Selection({target.path: target.pointer}, {target.path: target.subpaths})
    fetch_selection(project, selection, TransferOptions())


def is_here(project: Project, selection: Selection, *, content: bool = True) -> bool:
    """Whether the local store has all of ``selection``; without ``content`` its listings and layouts."""
    walker = Walker(project.store)
    try:
        for label, pointer in selection.pointers.items():
            walker.add(pointer, selection.parts.get(label), content=content)
    except ObjectMissing:
        return False
    return not project.store.missing(walker.closure.all_frames())
