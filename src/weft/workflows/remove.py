"""``weft rm`` and ``weft mv``: pointer and data together; bytes stay in the store."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from weft.errors import NoSuchPath, NotTracked, PathOverlap, UnsavedChanges, UsageFault, quoted
from weft.gitio.ignore import drop_ignored, index_lags
from weft.gitio.staging import stage, unstage_remove
from weft.model.entry import DIR, Entry
from weft.model.paths import check_data_name
from weft.model.pointer import Pointer
from weft.util.atomic import os_errors
from weft.util.dirfd import open_below, opened, remove_below, write_below
from weft.workflows.add import publish, refuse_left_out
from weft.workflows.checkout import carry_out, plan_one
from weft.workflows.fetch import fetch_metadata
from weft.workflows.files import read_below, tidy
from weft.workflows.look import find_entry
from weft.workflows.made_from import refuse_stale_parts
from weft.workflows.named_in_stages import refuse_outs, warn_of_readers
from weft.workflows.options import CheckoutOptions
from weft.workflows.project import Project, alone, state_dir, tree_id
from weft.workflows.results import MoveResult
from weft.workflows.status import compare_target
from weft.workflows.take import Draft, rewritten
from weft.workflows.targets import (
    Pointers,
    Target,
    owner_of,
    pointer_path,
    repo_path,
    select,
    workspace_pointers,
)
from weft.workflows.uncommitted import uncommitted
from weft.workspace.parts import part_state, rows_of_parts
from weft.workspace.scan import scan_tree
from weft.workspace.statcache import DirRow, PathState


def rm(
    project: Project, paths: Sequence[str], *, keep_data: bool = False, force: bool = False, dry_run: bool = False
) -> MoveResult:
    """Stop tracking ``paths``, and remove their data from the workspace unless ``keep_data``.

    A path inside a tracked directory is taken out of it. Files whose bytes no store holds, and data whose pointer is in no
    commit, stop it (``UnsavedChanges``);
    ``force`` saves them into the store first. Files that were never added stay where they are. ``dry_run`` only tells.
    """
    if not paths:
        raise UsageFault("name what to remove", hint="weft rm PATH")
    with alone(project, "weft rm"):
        return _remove(project, paths, keep_data=keep_data, force=force, dry_run=dry_run)


def _remove(project: Project, paths: Sequence[str], *, keep_data: bool, force: bool, dry_run: bool) -> MoveResult:
    pointers = workspace_pointers(project, outside=True)
    targets, broken = select(project, pointers, paths)
    refuse_left_out(pointers, [target.path for target in targets])
    fetch_metadata(project, [target for target in targets if target.subpaths])
    if not (force or keep_data):
        here = [one for one in targets if not one.subpaths and os.path.lexists(os.path.join(project.root, one.path))]
        _refuse_uncommitted(project, here)
    if not force:
        for target in targets:
            parts: dict[str, Entry | None] = dict.fromkeys(target.subpaths or ())
            refuse_stale_parts(project, target.path, target.pointer, project.cache.load(target.path), parts, "rm")
    gone = [f"{t.path}/{sub}" if sub else t.path for t in targets for sub in t.subpaths or ("",)]
    if dry_run:
        for target in targets:
            for sub in target.subpaths or ():
                find_entry(project, target.pointer, sub)
            if not keep_data:
                compare_target(project, target)
                plan_one(
                    project, target.path, None, _those_there(project, target), CheckoutOptions(force=force), verb="rm"
                )
        return MoveResult(tuple((path, "") for path in gone), broken, dry_run=True)
    drafts = {target.path: _without_parts(project, target) for target in targets if target.subpaths}
    plans = {}
    for target in targets:
        if not keep_data:
            compare_target(project, target)  # so that what is here counts as tracked even after the catalog was lost
            pointer = drafts[target.path].pointer if target.path in drafts else None
            options = CheckoutOptions(force=force)
            there = _those_there(project, target)
            if there is None or there:
                plans[target.path] = plan_one(project, target.path, pointer, there, options, verb="rm")
    for draft in drafts.values():
        publish(project, draft, staging=project.config.stages)
    saved = carry_out(project, plans).saved
    # The pointers of what goes as a whole go last: whoever was stopped before can say the same again.
    stop_tracking(project, [target.path for target in targets if target.path not in drafts])
    tidy(os.path.join(project.root, path) for path in drafts)
    return MoveResult(tuple((path, "") for path in gone), broken, saved=saved)


def _refuse_uncommitted(project: Project, targets: Sequence[Target]) -> None:
    """Raise ``UnsavedChanges`` for a pointer that is in no commit: with it the only name of its data would go."""
    if lacking := uncommitted(project, targets):
        asked = " ".join(map(quoted, lacking))
        raise UnsavedChanges(
            f"the pointer of {', '.join(lacking)} is in no commit: with it the only name of its data would go",
            hint=f"git commit first; or weft rm --keep-data {asked}; or weft rm --force {asked}",
            path=lacking[0],
        )


def stop_tracking(project: Project, paths: Sequence[str]) -> None:
    """Drop the pointers of the tracked ``paths``, from the root; their data stays in the workspace. The tree is locked."""
    for path in paths:
        project.cache.forget(path)
        _drop_pointer(project, path)
    tidy(os.path.join(project.root, path) for path in paths)


def _those_there(project: Project, target: Target) -> list[str] | None:
    """The sub-paths that the workspace holds: what is deleted, or was never here, needs no plan. None means all."""
    if target.subpaths is None:
        return None
    top = os.path.join(project.root, target.path)
    return [sub for sub in target.subpaths if os.path.lexists(os.path.join(top, sub))]


def mv(project: Project, source: str, target: str, *, dry_run: bool = False) -> MoveResult:
    """Rename a tracked path, or a path inside a tracked directory, pointer and data together.

    An existing directory as ``target`` means a place in it. Raises ``NotTracked``, ``UnsavedChanges`` when something
    stands at the new place, ``PathOverlap``, ``StageFault`` for an out of a stage,
    ``UsageFault`` for a move into or out of tracked data. ``dry_run`` only tells.
    """
    with alone(project, "weft mv"):
        return _move(project, source, target, dry_run=dry_run)


def _move(project: Project, source: str, target: str, *, dry_run: bool) -> MoveResult:
    pointers = workspace_pointers(project, outside=True)
    old, new = repo_path(project, source), repo_path(project, target)
    _refuse_broken(pointers, old, new)
    if os.path.isdir(os.path.join(project.root, new)) and new not in pointers:
        new = f"{new}/{old.rpartition('/')[2]}" if new else old.rpartition("/")[2]
    _check_move(project, pointers, old, new, source)
    refuse_outs(project, old)
    inside, into = owner_of(pointers, old), owner_of(pointers, new)
    refuse_left_out(pointers, [old, new, inside, into])
    if inside != into:
        raise UsageFault("weft mv does not move data into or out of a tracked directory", hint="mv, then weft add both")
    if not inside and old not in pointers:
        raise NotTracked(f"weft does not track {source}", hint=f"git mv {quoted(source)} {quoted(target)}", path=source)
    if inside:
        free = _free_place(project, Target(inside, pointers[inside]), old, new)
        if free != new:
            new = free
            _check_move(project, pointers, old, new, source)
    if dry_run:
        pass
    elif inside:
        _move_part(project, inside, pointers[inside], old[len(inside) + 1 :], new[len(inside) + 1 :])
    else:
        _move_whole(project, pointers[old], old, new)
    warn_of_readers(project, old, new)
    return MoveResult(((old, new),), dry_run=dry_run)


def _refuse_broken(pointers: Pointers, *paths: str) -> None:
    """Raise the error of the first broken pointer at, above or below one of ``paths``."""
    for path in paths:
        for error in pointers.broken_at(path).values():
            raise error


def _check_move(project: Project, pointers: Mapping[str, Pointer], old: str, new: str, source: str) -> None:
    for part in new.split("/"):
        check_data_name(part)
    if new == old or new.startswith(old + "/"):
        raise PathOverlap(
            f"{old} cannot be moved into itself",
            hint=f"weft mv {quoted(source)} NAME, with a name outside of it",
            path=new,
        )
    if _half_moved(project, pointers, old, new):
        return
    for taken in (new, pointer_path(new)):
        if os.path.lexists(os.path.join(project.root, taken)):
            raise UnsavedChanges(
                f"{taken} is there already", hint=f"weft rm {quoted(new)}, or choose another name", path=taken
            )
    below = [path for path in pointers if path.startswith(new + "/")]
    if below:
        raise PathOverlap(f"{below[0]} is tracked and lies inside {new}", path=new)


def _half_moved(project: Project, pointers: Mapping[str, Pointer], old: str, new: str) -> bool:
    """Whether this very move was begun and stopped: it left a note, and two pointers to the same data, which is in one of
    the two places. Without the note they are two paths, one of which was dropped or never here."""
    if (
        read_below(state_dir(project.git), _note(project)) != _noted(old, new)
        or old not in pointers
        or pointers.get(new) != replace(pointers[old], path=new.rpartition("/")[2])
    ):
        return False
    return not all(os.path.lexists(os.path.join(project.root, path)) for path in (old, new))


def _note(project: Project) -> str:
    """Where it stands, below the state of the clone, which path of this work tree is being moved."""
    return f"moving-{tree_id(project.git):x}"


def _noted(old: str, new: str) -> bytes:
    return f"{old}\0{new}".encode()


# --- whole tracked paths ---


def _drop_pointer(project: Project, path: str) -> None:
    """Remove a pointer and all that goes with it; the file goes last, for as long as it is there this can be repeated."""
    name = pointer_path(path)
    above, base = os.path.split(path)
    ignored = drop_ignored(project.git, above, [base]) is not None
    if project.config.stages:
        unstage_remove(project.git, [name])
        if ignored or index_lags(project.git, above, base, ignored=False):
            stage(project.git, [os.path.join(above, ".gitignore")])
    remove_below(project.root, name)


def _move_whole(project: Project, pointer: Pointer, old: str, new: str) -> None:
    """The new pointer comes first: a crash leaves the data under a name that some pointer stands for."""
    moved = replace(pointer, path=new.rpartition("/")[2])
    write_below(state_dir(project.git), _note(project), _noted(old, new))
    publish(project, Draft(new, moved, True, {}), staging=project.config.stages)
    _rename(project, old, new)
    project.cache.move(old, new)
    _drop_pointer(project, old)
    remove_below(state_dir(project.git), _note(project))
    tidy(os.path.join(project.root, path) for path in (old, new))


def _rename(project: Project, old: str, new: str) -> None:
    """Move the data, if it is here, through directory descriptors that follow no links."""
    if not os.path.lexists(os.path.join(project.root, old)):
        return
    with opened(project.root) as top:
        source = open_below(top, old.rpartition("/")[0])
        try:
            target = open_below(top, new.rpartition("/")[0], create=True)
            try:
                with os_errors("move", old):
                    os.rename(old.rpartition("/")[2], new.rpartition("/")[2], src_dir_fd=source, dst_dir_fd=target)
            finally:
                os.close(target)
        finally:
            os.close(source)


# --- parts of a tracked directory ---


def _without_parts(project: Project, target: Target) -> Draft:
    changes: dict[str, Entry | None] = dict.fromkeys(target.subpaths or ())
    return rewritten(project, target.path, target.pointer, changes, {})


def _free_place(project: Project, target: Target, old: str, new: str) -> str:
    """Where below the tracked directory ``target`` the path ``old`` goes: ``new``, or a place in it where the tracked data
    has a directory there. What is not in the workspace is in the way as well. Raises ``NoSuchPath``, ``UnsavedChanges``."""
    fetch_metadata(project, [target])
    top = len(target.path) + 1
    find_entry(project, target.pointer, old[top:])
    names = new[top:].split("/")
    for at in range(1, len(names) + 1):
        inside = "/".join(names[:at])
        try:
            entry = find_entry(project, target.pointer, inside)
        except NoSuchPath:
            return new
        taken = f"{target.path}/{inside}"
        if entry.type != DIR and taken != old:
            raise UnsavedChanges(
                f"{taken} is in the tracked data already, and not here",
                hint=f"weft checkout {quoted(taken)} to see it, weft rm {quoted(taken)}, or choose another name",
                path=taken,
            )
    return _free_place(project, target, old, f"{new}/{old.rpartition('/')[2]}")


def _move_part(project: Project, path: str, pointer: Pointer, old: str, new: str) -> None:
    entry = find_entry(project, pointer, old)
    state = project.cache.load(path)
    was_here = os.path.lexists(os.path.join(project.root, path, old))
    rows: dict[str, DirRow] = {}
    _rename(project, f"{path}/{old}", f"{path}/{new}")
    if was_here:
        bare = PathState(copies=state.copies)
        scan = scan_tree(project.root, f"{path}/{new}", state=bare, depth=new.count("/") + 1)
        own = part_state(state, old).rows
        if "" in own:
            rows = rows_of_parts(state, {new: scan}, {new: own})
    draft = rewritten(project, path, pointer, {old: None, new: entry}, rows, moved={new: old})
    publish(project, draft, staging=project.config.stages)
