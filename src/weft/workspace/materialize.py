"""Carrying out the plan of a checkout.

Order: what stands in the way, directories and files, deletions, links last. Every step goes through a chain of directory
descriptors opened without following links, so a component that is swapped for a link stops the checkout before anything
outside is touched. An interrupted checkout leaves whole files only; the next one finishes the work.
"""

from __future__ import annotations

from contextlib import suppress

from weft.errors import SymlinkRefused, WeftError
from weft.model.paths import MAX_PATH
from weft.objects.layouts import LayoutView
from weft.objects.store import LocalStore
from weft.util.dirfd import opened
from weft.util.parallel import cpu_workers
from weft.util.progress import Progress, SilentProgress
from weft.workspace.fill import Filler
from weft.workspace.linking import NO_LINKS, LinkChoice, Linker
from weft.workspace.names import check_link
from weft.workspace.outcome import Outcome
from weft.workspace.places import Places
from weft.workspace.plan import Plan
from weft.workspace.statcache import StatCache
from weft.workspace.walk import ReadManifest
from weft.workspace.writer import put_link

_Targets = dict[tuple[str, str], str]


def materialize(
    plan: Plan,
    store: LocalStore,
    read: ReadManifest,
    cache: StatCache,
    *,
    progress: Progress | None = None,
    workers: int = 0,
    link: LinkChoice = NO_LINKS,
) -> tuple[int, int]:
    """Do what ``plan`` says and record it; return the number of files written and their bytes.

    Whatever ``plan.save`` names must be in the store by now. Raises ``SymlinkRefused``, ``FileChanged`` when a file is no
    longer as planned, ``DiskFull``, ``PermissionFault``, and the store's errors (``HashMismatch``, ``ObjectMissing``).
    """
    layout = store.layout(plan.pointer.layout if plan.pointer else None)
    outcome = Outcome(plan)
    with opened(plan.scan.top) as top_fd:
        places = Places(top_fd, plan.scan.path)
        linker = Linker(*link, store, layout)
        targets = _link_targets(plan, store, layout, places)
        places.reap(plan.scan.leftovers)
        _clear(plan, places)
        try:
            with (progress or SilentProgress()).task("checkout", plan.size, plan.files) as task:
                filler = Filler(plan, store, linker, places, outcome)
                files, size = filler.run(read, task, workers or cpu_workers(4))
            _remove(plan, places)
            links, link_bytes = _make_links(plan, targets, places, outcome)
        except BaseException:
            # An error while recording must not hide the one that is on its way.
            with suppress(WeftError):
                outcome.record_unfinished(cache)
            raise
    outcome.record(cache)
    return files + links, size + link_bytes


def _link_targets(plan: Plan, store: LocalStore, layout: LayoutView, places: Places) -> _Targets:
    """The targets of all links. Raises ``SymlinkRefused`` for one that may leave the tracked path."""
    targets: _Targets = {}
    for part in plan.dirs:
        for entry in part.links:
            shown = places.shown(part.path, entry.name)
            if entry.size > MAX_PATH:
                raise SymlinkRefused(f"the target of the link {shown!a} is longer than a path", path=shown)
            data = b"".join(store.iter_content(entry.oid, entry.size, layout))
            depth = part.path.count("/") + bool(part.path)
            targets[part.path, entry.name] = check_link(_text(data, shown), shown, depth)
    return targets


def _clear(plan: Plan, places: Places) -> None:
    """Remove what stands in the way of the target."""
    for removal in plan.clear:
        places.unlink(removal)
    for directory in plan.clear_dirs:
        places.rmdir(directory, needed=True)


def _remove(plan: Plan, places: Places) -> None:
    """Remove what the target does not hold, and directories that are empty then."""
    for removal in plan.removals:
        places.unlink(removal)
    for directory in plan.empty_dirs:
        places.rmdir(directory, needed=False)


def _make_links(plan: Plan, targets: _Targets, places: Places, outcome: Outcome) -> tuple[int, int]:
    """Make the links; return their number and the bytes of their targets."""
    count = size = 0
    for part in plan.dirs:
        for entry in part.links:
            with places.at(part.path, entry.name) as (fd, name, shown):
                packed = put_link(fd, targets[part.path, entry.name], name, part.replaced.get(entry.name), shown)
            outcome.note(part, [(entry.name, packed, entry.oid)])
            count += 1
            size += entry.size
    return count, size


def _text(data: bytes, shown: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SymlinkRefused(f"the link {shown!a} has a target that is not UTF-8", path=shown) from error
