"""``weft status``: the workspace against its pointers and, asked, pointers against the remote."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from weft.errors import ExitCode, MergeConflict, ObjectMissing, WeftError, quoted
from weft.gitio import trees
from weft.gitio.halfway import halfway
from weft.model.entry import DIR
from weft.util.later import later
from weft.workflows.project import LOCKS_COPY, Project, state_dir
from weft.workflows.results_status import Broken, Change, Edited, Marked, PathStatus, StatusResult
from weft.workflows.targets import Target, pointer_path, repo_path, select, workspace_pointers
from weft.workspace.compare import Comparison, compare
from weft.workspace.scan import TreeScan, scan_tree
from weft.workspace.walk import manifest_reader, tracked_names, walk_pairs

if TYPE_CHECKING:
    from weft.workflows import lock_list, look, next_step, old_hooks, pushed, stale
    from weft.workspace import linked, saved, selection
else:
    look = later("weft.workflows.look")
    lock_list = later("weft.workflows.lock_list")
    next_step = later("weft.workflows.next_step")
    old_hooks = later("weft.workflows.old_hooks")
    linked = later("weft.workspace.linked")
    pushed = later("weft.workflows.pushed")
    saved = later("weft.workspace.saved")
    selection = later("weft.workspace.selection")
    stale = later("weft.workflows.stale")


def status(project: Project, paths: Sequence[str], *, remote: str | None = None) -> StatusResult:
    """Compare each tracked path with its pointer; with ``remote`` also ask that one ("": the default) what it holds.

    What cannot be read of one path is told as its state, so that the others are still seen. Stages are told of that are
    stale in the work tree, and results that are false, for which no remote is asked.
    """
    if os.path.lexists(os.path.join(project.git.common_dir, "hooks", "pre-commit")):  # it has much to load
        old_hooks.warn_of_old_hooks(project)
    pointers = workspace_pointers(project, warn_ignored=True)
    targets, broken = select(project, pointers, paths, lenient=True)
    if any(target.subpaths for target in targets):
        look.refuse_unknown(project, targets, here=True)
    found = pushed.states(project, targets, remote) if remote is not None else None
    states = [state_of(project, target, found.of(target) if found else "") for target in targets]
    states = [_in_conflict(state) if state.path in pointers.unmerged else state for state in states]
    states += [_unreadable(one, unmerged=one.path in pointers.unmerged) for one in broken]
    states.sort(key=lambda state: state.path)
    now = halfway(project.git)
    following = next_step.following(project.git, project.progress) if now or pointers.unmerged else ""
    tell_of_locks(project, [target.path for target in targets])
    asked = [repo_path(project, text) for text in paths]
    marks = stale.marked_here(project.git, asked, project) if _has_stages(project) else Marked()
    return StatusResult(tuple(states), found.remote if found else "", _uncommitted(project, targets), following, *marks)


def tell_of_locks(project: Project, paths: Sequence[str]) -> None:
    """Warn of locks of other people that tracked ``paths`` meet, where this clone has ever seen a lock."""
    if os.path.lexists(os.path.join(state_dir(project.git), LOCKS_COPY)):
        lock_list.tell_of_locks(project, paths)


def _has_stages(project: Project) -> bool:
    # weft.model.stage has the name; to import it takes longer than to ask, and mostly there is nothing.
    return os.path.lexists(os.path.join(project.root, "weft.yaml")) or trees.is_sparse(project.git)


def _unreadable(one: Broken, *, unmerged: bool) -> PathStatus:
    """The state of a path whose pointer cannot be read."""
    state = "conflict" if unmerged or one.code == MergeConflict.code else "error"
    message = f"{one.message} ({one.code})"
    return PathStatus(one.path, "", state, message=message, exit_code=one.exit_code, hint=one.hint)


def _in_conflict(state: PathStatus) -> PathStatus:
    """``state`` of a path that Git could not merge, though its pointer can be read: one side deleted it."""
    hint = f"weft resolve --ours {quoted(state.path)}, or --theirs"
    return state._replace(state="conflict", message="Git has it in a conflict", hint=hint)


def compare_target(project: Project, target: Target) -> Comparison:
    """Scan one tracked path and compare it with its pointer."""
    return compare_scan(project, target, scan_target(project, target))


def scan_target(project: Project, target: Target) -> TreeScan:
    """One tracked path as it is on disk, without what is ignored."""
    state, pointer = project.cache.load(target.path), target.pointer
    tracked = tracked_names(pointer, manifest_reader(project.store, pointer.layout), state)
    return scan_tree(project.root, target.path, state=state, tracked=tracked)


def compare_scan(project: Project, target: Target, scan: TreeScan) -> Comparison:
    """Compare what ``scan_target`` found with the pointer."""
    read = manifest_reader(project.store, target.pointer.layout)
    tracked = scan.state.tracked
    moved = tracked is not None and tracked.oid != target.pointer.oid
    before = manifest_reader(project.store, tracked.layout) if tracked is not None and moved else None
    jobs = project.config.jobs
    return compare(scan, target.pointer, read, cache=project.cache, workers=jobs, read_before=before)


def state_of(project: Project, target: Target, pushed: str = "") -> PathStatus:
    """How one tracked path, or a part of it, stands to its pointer; ``pushed`` is what a remote has of it."""
    pointer = target.pointer
    try:
        scan = scan_target(project, target)
        found = compare_scan(project, target, scan)
    except WeftError as error:
        message = f"{error.message} ({error.code})"
        failed = PathStatus(target.path, pointer.type, "error", message=message, exit_code=error.exit_code)
        return failed._replace(remote=pushed, files=pointer.files, size=pointer.size)
    changes = tuple(changes_in(target, found))
    state = "behind" if found.behind or (changes and all(change.behind for change in changes)) else found.state
    if state == "modified" and not changes:
        state = "clean"  # what differs lies in other parts
    return PathStatus(
        target.path,
        pointer.type,
        state,
        changes,
        found.absent,
        pushed,
        _stored(project, target, scan, found),
        found.message,
        _edited(project, changes),
        ExitCode.INTEGRITY if state == "error" else ExitCode.OK,  # what is missing here has no other error of its own
        files=pointer.files,
        size=pointer.size,
    )


def _edited(project: Project, changes: Sequence[Change]) -> tuple[Edited, ...]:
    """Which of the files that differ were changed through a link into the store."""
    if not changes or not os.path.isdir(project.cache.copies):
        return ()
    paths = [change.path for change in changes if change.kind in ("modified", "mode")]
    return tuple(Edited(*damage) for damage in linked.find_damage(project.store, project.root, paths))


def changes_in(target: Target, found: Comparison) -> Iterator[Change]:
    """Those of the changes ``found`` in a tracked path that ``target`` means."""
    tops = [f"{target.path}/{sub}" for sub in target.subpaths or ()]
    for change in found.changes:
        if not tops or any(change.path == top or change.path.startswith(top + "/") for top in tops):
            yield Change(*change)


def _stored(project: Project, target: Target, scan: TreeScan, found: Comparison) -> str:
    """Whether the local store holds what is not in the workspace, or that the pointer changed since: all, some or none
    of it, as far as its catalog tells; empty where there is no such thing."""
    if found.behind:
        return "none"
    old = {change.path for change in found.changes if change.behind or change.both}
    if not found.absent and not old:
        return ""
    pointer, meant = target.pointer, selection.Selection(target.subpaths)
    view = project.store.layout(pointer.layout)
    recipes = project.catalog.recipes_for((pointer.oid,))
    if project.store.missing({recipes.get(pointer.oid, pointer.oid)}):
        return "none"
    held = saved.Saved(project.store)
    try:
        read = manifest_reader(project.store, pointer.layout)
        for pair in walk_pairs(scan, pointer, read, complete=True, enter=meant.enters):
            on_disk = {name for name in pair.scan.name_list() if _path(target, pair.path, name) not in old}
            names = meant.filter(pair.path, pair.entries.keys() - on_disk)
            wanted = {pair.entries[name].oid for name in names if pair.entries[name].type != DIR}
            if wanted and held.lacking(wanted, view):
                return "some"
    except ObjectMissing:
        return "some"
    return "all"


def _path(target: Target, directory: str, name: str) -> str:
    """The path of what is called ``name`` there; "/" is the tracked file itself."""
    return target.path if name == "/" else "/".join(filter(None, (target.path, directory, name)))


def _uncommitted(project: Project, targets: Sequence[Target]) -> tuple[str, ...]:
    """Tracked paths whose pointer in the work tree is not the one of the last commit."""
    changed = trees.uncommitted(project.git, [pointer_path(target.path) for target in targets])
    return tuple(target.path for target in targets if pointer_path(target.path) in changed)
