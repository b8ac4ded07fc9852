"""``weft gc``: drop from the local store what nobody needs, and what a remote is proved to hold."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from shlex import quote

from weft.errors import ConfigError, ObjectMissing
from weft.gitio.shared import expired_runs
from weft.gitio.snapshots import drop_snapshots
from weft.objects import store_folder
from weft.objects.gc_local import LocalPlan, LocalPolicy, carry_out, plan_local
from weft.util.locks import FileLock
from weft.workflows.copies import drop_copies
from weft.workflows.gc_results import Dropped, GcResult
from weft.workflows.gc_roots import Roots, local_roots
from weft.workflows.gc_snapshots import expired_snapshots
from weft.workflows.options import GcOptions
from weft.workflows.project import Project, tree_lock
from weft.workflows.remote_facts import Remotes

_DAY = 86400.0
_UNKNOWN = (
    "metadata of some data is neither here nor on a remote, so nothing can be called unreachable; `weft verify` names it,"
    " and `weft fetch --all` may bring it"
)


def gc(project: Project, options: GcOptions) -> GcResult:
    """Collect the garbage of the local store.

    What refs, reflogs, stashes, indexes, work trees or snapshots of runs lead to is dropped only when the store is over
    its limit and a remote is proved to hold it; a remote is asked only for that, and when metadata is missing here.
    Raises ``ConfigError`` for a store that other clones may share, ``LockTimeout`` while another command works, what
    reading pointers and marking raise, and network errors.
    """
    refuse_shared(project, options.unshared, "weft gc --unshared, if no other clone uses it")
    remotes = Remotes(project, options.remote)
    project.store.reconcile()
    roots = local_roots(project)
    if options.dry_run:
        plan = _plan(project, options, roots, remotes)
        unlinked = drop_copies(project, dry_run=True)
        expired, shared = expired_snapshots(project, roots.trees), expired_runs(project.git)
    else:
        # The remotes are asked, if they have to be, while nobody has to wait for this.
        with suppress(ObjectMissing):  # another collection was quicker
            _plan(project, options, roots, remotes)
        with still(project, roots, "weft gc"):
            # Only what is asked under the locks holds still: no pointer is written and no pack is used meanwhile.
            project.store.reconcile()
            roots = local_roots(project)
            expired, shared = expired_snapshots(project, roots.trees), expired_runs(project.git)
            if expired or shared:
                drop_snapshots(project.git, {**expired, **shared})
                roots = local_roots(project)
            plan = _plan(project, options, roots, remotes)
            carry_out(project.store, plan)
            unlinked = drop_copies(project, dry_run=False)
            store_folder.reap(project.store.root, time.time())
    result = _result(project, options, roots, plan)
    notes = (*result.notes, *(remotes.uncounted() if result.over else ()))
    return replace(result, notes=notes, copies=unlinked, snapshots=tuple(expired), runs=tuple(shared))


def refuse_shared(project: Project, unshared: bool, hint: str) -> None:
    """Raise ``ConfigError`` for a store that other clones may share, unless the user says that it is ``unshared``, and
    ``DirectoryRefused`` for one in the folder of a remote."""
    store_folder.refuse_remote(project.store.root)
    if project.config.store_dir and not unshared:
        raise ConfigError(
            f"the store {project.store.root} may be shared with other clones, and what they need is not known here",
            hint=hint,
            path=project.store.root,
        )


@contextmanager
def still(project: Project, roots: Roots, purpose: str) -> Iterator[None]:
    """Hold the locks of all work trees and of the store: no pointer is written and no pack relied on meanwhile.

    Raises ``LockTimeout`` while another command works.
    """
    with ExitStack() as held:
        for tree in sorted(roots.trees, key=lambda tree: tree.root):
            held.enter_context(tree_lock(tree, purpose, progress=project.progress))
        store_lock = os.path.join(project.store.root, "lock")
        held.enter_context(FileLock(store_lock, purpose=purpose, progress=project.progress))
        yield


def _plan(project: Project, options: GcOptions, roots: Roots, remotes: Remotes) -> LocalPlan:
    policy = LocalPolicy(time.time(), _grace(project, options) * _DAY, _limit(project, options), not roots.lost)
    while True:
        plan = plan_local(project.store, roots.starts, roots.current.keys(), policy, remotes.facts)
        if remotes.prove(plan.evicted()):
            return plan


def _lost(tree: str) -> str:
    return (
        f"the work tree {tree} is not there, and nobody knows what only its files name, so nothing can be called"
        f" unreachable; if it is gone for good: git worktree remove -f -f {quote(tree)}"
    )


def _grace(project: Project, options: GcOptions) -> int:
    return project.config.gc_grace if options.grace_days is None else options.grace_days


def _limit(project: Project, options: GcOptions) -> int | None:
    return (project.config.store_limit or None) if options.limit is None else options.limit


def _result(project: Project, options: GcOptions, roots: Roots, plan: LocalPlan) -> GcResult:
    limit = _limit(project, options)
    return GcResult(
        dropped=tuple(Dropped(drop.pack.hex(), drop.size, drop.reason) for drop in plan.drops),
        packs=plan.packs,
        size=plan.size,
        grace_days=_grace(project, options),
        young=plan.young,
        limit=limit,
        over=0 if limit is None else max(0, plan.size - plan.freed - limit),
        dry_run=options.dry_run,
        notes=(*map(_lost, roots.lost), *((_UNKNOWN,) if plan.unknown else ())),
    )
