"""``weft drop``: free the workspace, and if asked the local store, of what a remote is proved to hold."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from weft.errors import MissingUnknown, NotOnRemote, ObjectMissing, RefusedInput, UnsavedChanges, UsageFault, quoted
from weft.model.oid import Kind, Oid
from weft.objects.gc_local import LocalPlan, LocalPolicy, carry_out, plan_eviction
from weft.objects.gc_marks import Start, mark
from weft.objects.proofs import check_sizes, refuse_false
from weft.objects.reachability import Closure, walk
from weft.util.humanize import count_text
from weft.workflows.connect import find_remote
from weft.workflows.copies import drop_copies
from weft.workflows.fetch import fetch_metadata
from weft.workflows.gc import refuse_shared, still
from weft.workflows.gc_results import Dropped
from weft.workflows.gc_roots import Roots, local_roots
from weft.workflows.look import find_entry, read_manifest
from weft.workflows.options import DropOptions
from weft.workflows.project import Project, alone
from weft.workflows.remote_facts import Remotes
from weft.workflows.results_space import DropResult, Freed
from weft.workflows.status import changes_in, compare_scan, scan_target
from weft.workflows.targets import Target, pointer_path, select, workspace_pointers
from weft.workflows.uncommitted import uncommitted
from weft.workspace.compare import ERROR, MISSING
from weft.workspace.free import Freeing, free, plan_freeing
from weft.workspace.statcache import Tracked

_SHOWN = 5
_DAY = 86400.0


class _Planned(NamedTuple):
    """One tracked path: what goes from the workspace, the objects that it is made of, and the remote that has them."""

    target: Target
    freeing: Freeing
    closure: Closure
    remote: str


def drop(project: Project, paths: Sequence[str], options: DropOptions) -> DropResult:
    """Remove the files of tracked ``paths`` from the workspace; their pointers stay, and they count as not here.

    All or nothing: everything is compared with the pointers and proved to be on a remote before the first file goes. Raises
    ``UnsavedChanges`` for files that differ from their pointer, and with ``store`` for a pointer that is in no commit,
    ``NotOnRemote`` naming the paths that no remote is proved to
    hold, ``RefusedInput`` for a pointer that cannot be read, ``NoRemote``, ``ConfigError`` for a shared store,
    ``LockTimeout``, and network errors.
    """
    if not paths:
        raise UsageFault("name what to drop", hint="weft drop PATH")
    if options.store:
        refuse_shared(project, False, "weft drop without --store, which frees the workspace alone")
    if not options.remote and not project.config.remotes:
        find_remote(project)  # says how to make one
    remotes = Remotes(project, options.remote)
    fetch_metadata(project, [one for one in _chosen(project, paths) if options.store or _is_here(project, one)])
    project.store.reconcile()
    # Remotes are asked while nobody has to wait for this; only what is seen of this clone under the locks holds still.
    roots = local_roots(project) if options.store else None
    planned, eviction = _plan_all(project, paths, options, remotes, roots)
    if options.dry_run:
        return _result(planned, eviction, (), project.config.remote, dry_run=True)
    held: AbstractContextManager[object] = still(project, roots, "weft drop") if roots else alone(project, "weft drop")
    with held:
        project.store.reconcile()
        planned, eviction = _plan_all(project, paths, options, remotes, local_roots(project) if roots else None)
        for one in planned:
            pointer = one.target.pointer
            free(one.freeing, project.cache, Tracked(pointer.oid, pointer.layout))
        copies: tuple[Dropped, ...] = ()
        if eviction:
            carry_out(project.store, eviction[0])
            contents = {oid for one in planned for oid in one.closure.contents}
            copies = drop_copies(project, dry_run=False, only=contents)
    return _result(planned, eviction, copies, project.config.remote)


def _chosen(project: Project, paths: Sequence[str]) -> list[Target]:
    targets, broken = select(project, workspace_pointers(project), paths)
    if broken:
        raise RefusedInput(
            f"the pointer of {_named([one.path for one in broken])} cannot be read, so nothing is dropped",
            hint=broken[0].hint or "weft status",
            path=broken[0].path,
        )
    return targets


def _is_here(project: Project, target: Target) -> bool:
    """Whether anything of the tracked path is on disk, or was and is recorded so."""
    return os.path.lexists(os.path.join(project.root, target.path)) or project.cache.load(target.path).holds_any


# --- planning ---


def _plan_all(
    project: Project, paths: Sequence[str], options: DropOptions, remotes: Remotes, roots: Roots | None
) -> tuple[list[_Planned], tuple[LocalPlan, int] | None]:
    """What goes from the workspace and from the local store, planned again without a remote that had false bytes."""
    while True:
        planned = _plan(project, paths, options, remotes)
        if roots is None:
            return planned, None
        eviction = _evict(project, planned, roots, remotes)
        if remotes.prove(eviction[0].evicted()):
            return planned, eviction


def _plan(project: Project, paths: Sequence[str], options: DropOptions, remotes: Remotes) -> list[_Planned]:
    """What is to be done, all of it allowed. Touches nothing."""
    found: list[tuple[Target, Freeing]] = []
    changed: list[str] = []
    tops: list[str] = []
    moved = True
    targets = _chosen(project, paths)
    if options.store:
        _refuse_uncommitted(project, targets)
    for target in targets:
        if not options.store and not _is_here(project, target):
            continue
        scan = scan_target(project, target)
        freeing = plan_freeing(scan, target.subpaths)
        compared = compare_scan(project, target, scan)
        if compared.state == ERROR:
            raise ObjectMissing(
                f"{target.path} cannot be compared: {compared.message}",
                hint=f"weft fetch{_at(options)} {quoted(target.path)}",
                path=target.path,
            )
        if compared.state == MISSING:
            raise MissingUnknown(
                f"files of {target.path} are absent, and nothing records whether they were deleted or never here",
                hint=f"weft checkout {quoted(target.path)}, then {_again(options, [target.path])}",
                path=target.path,
            )
        changes = list(changes_in(target, compared))
        # Where nothing is left, all was deleted by hand to free the space: that is what is asked for.
        if freeing.removals or any(change.kind != "deleted" for change in changes):
            changed += [change.path for change in changes]
            tops += [target.path] if changes else []
            moved = moved and (bool(compared.message) or not changes)
        found.append((target, freeing))
    if changed:
        names = _quoted(tops if moved or len(changed) > _SHOWN else changed)
        raise UnsavedChanges(
            f"{_named(changed)}: not as the pointer has it, and only what is recorded and pushed can be dropped",
            hint=f"weft checkout {names}, to bring the data to its pointer, then {_again(options, tops)}"
            if moved
            else f"weft add {names} and weft push{_at(options)} to keep it,"
            f" or weft checkout --force --delete {names} to undo",
            path=changed[0],
        )
    return _proved(project, found, options, remotes)


def _at(options: DropOptions) -> str:
    return f" --remote {quoted(options.remote)}" if options.remote else ""


def _again(options: DropOptions, paths: Sequence[str]) -> str:
    """The command once more, for ``paths``."""
    return f"weft drop{' --store' if options.store else ''}{_at(options)} {_quoted(paths)}"


def _quoted(paths: Sequence[str]) -> str:
    return " ".join(map(quoted, paths)) if len(paths) <= _SHOWN else "PATH"


def _refuse_uncommitted(project: Project, targets: Sequence[Target]) -> None:
    """Raise ``UnsavedChanges`` for pointers that are in no commit: with them the only name of the data here would go."""
    lacking = uncommitted(project, targets)
    if lacking:
        names = _quoted([pointer_path(path) for path in lacking])
        raise UnsavedChanges(
            f"the pointer of {_named(lacking)} is in no commit, and its data is not to go from the local store before",
            hint=f"git add {names}, then git commit",
            path=lacking[0],
        )


def _proved(
    project: Project, found: Sequence[tuple[Target, Freeing]], options: DropOptions, remotes: Remotes
) -> list[_Planned]:
    """``found`` with the remote that holds each. Raises ``NotOnRemote`` naming all that no remote holds."""
    planned: list[_Planned] = []
    lacking: dict[str, str] = {}
    for target, freeing in found:
        closure = walk(target.pointer, project.store, target.subpaths)
        check_sizes(project.catalog, closure)
        # What a layout says must be true: it is what the bytes will be made of again.
        unproved = refuse_false(project.store, target.path, closure.pairs())
        frames = closure.all_frames()
        names = (name for name, facts in remotes if facts.holds(project.catalog, target.pointer, frames))
        remote = "" if unproved else next(names, "")
        if remote:
            planned.append(_Planned(target, freeing, closure, remote))
        else:
            lacking[target.path] = "weft fetch" if unproved else "weft push"
    if lacking:
        first = next(iter(lacking.values()))
        some = [path for path, verb in lacking.items() if verb == first]
        hint = f"{first}{_at(options)} {_quoted(some) if len(some) <= _SHOWN else ''}".rstrip()
        others = "".join(f"; {one}" for one in remotes.uncounted())
        trust = remotes.trusting()
        raise NotOnRemote(
            f"no remote is proved to hold all of {_named(list(lacking))}, so nothing is dropped{others}",
            hint=f"{trust}; or {hint}" if trust else hint,
            path=next(iter(lacking)),
        )
    # Where the local store has let go of them before, the files that go now are the last copy.
    last = (oid for one in planned if one.freeing.removals for oid in one.closure.all_frames())
    proved = remotes.prove(objects=project.store.missing(last))
    return planned if proved else _proved(project, found, options, remotes)


def _named(paths: Sequence[str]) -> str:
    more = f" and {count_text(len(paths) - _SHOWN, 'other')}" if len(paths) > _SHOWN else ""
    return f"{', '.join(paths[:_SHOWN])}{more}"


# --- the local store ---


def _evict(project: Project, planned: Sequence[_Planned], roots: Roots, remotes: Remotes) -> tuple[LocalPlan, int]:
    """What goes from the local store: packs that hold what is dropped, and nothing else that a work tree shows."""
    wanted: set[Oid] = set()
    others: set[Oid] = set()
    shown = roots.current.copy()
    for one in planned:
        pointer = one.target.pointer
        wanted |= set(one.closure.all_frames())
        shown[Start(pointer.oid, pointer.is_dir, pointer.layout)] -= 1  # equal data at other paths is shown still
        if one.target.subpaths is not None:
            beside = walk(pointer, project.store, _beside(project, one.target))
            others.update(beside.frames(Kind.CHUNK), beside.contents)
    live = mark(project.store, [start for start, paths in shown.items() if paths > 0]).live | others
    policy = LocalPolicy(time.time(), project.config.gc_grace * _DAY, certain=not roots.lost)
    return plan_eviction(project.store, roots.starts, wanted, live, policy, remotes.facts)


def _beside(project: Project, target: Target) -> list[str]:
    """What the tracked directory of ``target`` holds beside the parts that are meant: the fewest paths that say it."""
    parts = set(target.subpaths or ())
    above: set[str] = set()
    for part in parts:
        names = part.split("/")
        folders = ["/".join(names[:depth]) for depth in range(len(names))]
        above.update(folders if parts.isdisjoint(folders) else ())
    found: list[str] = []
    for path in above:
        entry = find_entry(project, target.pointer, path)
        for child in read_manifest(project, target.pointer, entry.oid).entries:
            name = f"{path}/{child.name}" if path else child.name
            found += [name] if name not in above and name not in parts else []
    return found


def _result(
    planned: Sequence[_Planned],
    eviction: tuple[LocalPlan, int] | None,
    copies: tuple[Dropped, ...],
    usual: str,
    *,
    dry_run: bool = False,
) -> DropResult:
    freed: list[Freed] = []
    for one in planned:
        path = one.target.path
        names = one.target.subpaths
        shown = ", ".join(f"{path}/{sub}" for sub in names) if names else path
        freed.append(Freed(shown, len(one.freeing.removals), one.freeing.size, one.freeing.linked, one.remote))
    packs = eviction[0].drops if eviction else ()
    dropped = tuple(Dropped(drop.pack.hex(), drop.size, drop.reason) for drop in packs)
    return DropResult(tuple(freed), dropped, copies, eviction[1] if eviction else 0, dry_run, usual)
