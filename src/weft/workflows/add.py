"""``weft add``: put data into the store and write the pointers that stand for it (``docs/spec/local.md``, add).

The order is what makes it safe to kill: packs, catalog, pointer; the pointer is the commit point.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weft.errors import LeftOut, NoSuchPath, PathOverlap, PathReserved, TrackedByGit, UsageFault, WeftError, quoted
from weft.formats import pointer as pointer_format
from weft.gitio import trees
from weft.gitio.ignore import ensure_ignored, index_lags
from weft.gitio.staging import stage
from weft.gitio.worktree import ignored_paths
from weft.model.config import STRICT
from weft.model.entry import DIR, FILE, Entry
from weft.model.paths import check_data_name
from weft.model.pointer import Pointer
from weft.objects.treediff import diff_entries
from weft.util.dirfd import write_below
from weft.util.later import later
from weft.workflows.files import tidy
from weft.workflows.options import AddOptions, TransferOptions
from weft.workflows.project import Project, alone
from weft.workflows.push import push_selection
from weft.workflows.results import Added, AddResult
from weft.workflows.selection import Selection
from weft.workflows.status import state_of, tell_of_locks
from weft.workflows.take import Draft, Taker, was_part
from weft.workflows.targets import (
    Pointers,
    Target,
    broken_of,
    owner_of,
    pointer_path,
    repo_path,
    tell_ignored,
    workspace_pointers,
)
from weft.workspace.names import NamePolicy
from weft.workspace.saved import Saved
from weft.workspace.scan import TreeScan, scan_tree
from weft.workspace.stats import DIR_CODE, sizes_and_codes
from weft.workspace.walk import manifest_reader

if TYPE_CHECKING:
    from weft.workflows import look, named_in_stages
else:
    look = later("weft.workflows.look")
    named_in_stages = later("weft.workflows.named_in_stages")

_MANY = 10  # of fewer files people keep the overview
_OWN_FILES = frozenset((".gitignore", ".weftignore"))


@dataclass(slots=True)
class _Request:
    """What is to be added: tracked paths as a whole, and parts of tracked directories."""

    whole: dict[str, None] = field(default_factory=dict)
    parts: dict[str, list[str]] = field(default_factory=dict)


def add(project: Project, paths: Sequence[str], options: AddOptions) -> AddResult:
    """Store ``paths`` and write, and by default stage, their pointers. Nothing is visible when any of them fails.

    A path inside a tracked directory changes only that part of it. Raises ``TrackedByGit``, ``PathOverlap``,
    ``MissingUnknown``, ``FileChanged``, ``FileTypeRefused``, ``PermissionFault`` and the refusals of names.
    """
    if options.dry_run:
        return _would_add(project, paths)
    with alone(project, "weft add"):
        pointers = workspace_pointers(project, outside=True)
        broken = broken_of(pointers, [repo_path(project, text) for text in paths])
        drafts, stored, staging = _take_and_publish(project, pointers, paths, options)
        left_out = _left_out(project, paths, [draft.path for draft in drafts])
    added = tuple(_added(project, draft, pointers.get(draft.path)) for draft in drafts)
    tell_of_locks(project, [draft.path for draft in drafts])
    pushed = None
    if options.to_remote is not None:
        chosen = Selection({draft.path: draft.pointer for draft in drafts})
        pushed = push_selection(project, chosen, TransferOptions(remote=options.to_remote))
    return AddResult(added, staging, stored, pushed, left_out, broken)


def _take_and_publish(
    project: Project, pointers: Pointers, paths: Sequence[str], options: AddOptions
) -> tuple[list[Draft], int, bool]:
    """The drafts that were published, the bytes that went into the store, and whether pointers were staged."""
    request = _understand(project, pointers, paths)
    names = NamePolicy(strict=project.config.portable == STRICT)
    again = _store_again(project, {path: pointers[path] for path in request.whole if path in pointers}, options)
    with project.store.writer() as writer:
        taker = Taker(project, writer, names, options)
        drafts = [taker.whole(path, pointers.get(path)) for path in request.whole]
        drafts += [taker.parts(path, pointers[path], subs) for path, subs in request.parts.items()]
        written = writer.finish()
    names.warn(project.progress)
    staging = project.config.stages if options.stage is None else options.stage
    for draft in drafts:
        publish(project, draft, staging=staging)
    if not staging:
        tell_ignored(project, ignored_paths(project.git, [pointer_path(draft.path) for draft in drafts]))
    tidy(os.path.join(project.root, draft.path) for draft in drafts)
    return drafts, again + written.stored, staging


def _store_again(project: Project, pointers: Mapping[str, Pointer], options: AddOptions) -> int:
    """Store what the local store lost of tracked paths, as far as the workspace has it; the bytes that it took.

    That the root of the data is lost is seen here; for the rest each content is asked for, which ``force`` makes weft do.
    Of a pointer that changed since its data was put here nothing was lost, and what is added may be refused: a checkout
    would take changed files that were stored all the same for saved, and replace them.
    """
    saved = Saved(project.store, relying=True)
    stored = 0
    for path, pointer in pointers.items():
        put = project.cache.load(path).tracked
        if options.force or ((put is None or put.oid == pointer.oid) and saved.unsaved({pointer.oid})):
            with project.store.writer() as writer:
                Taker(project, writer, NamePolicy(), options).whole(path, None, keeps=pointer)
                stored += writer.finish().stored
    return stored


def _would_add(project: Project, paths: Sequence[str]) -> AddResult:
    """What an add would be about: nothing is read but what tells whether it changed."""
    pointers = workspace_pointers(project, outside=True)
    broken = broken_of(pointers, [repo_path(project, text) for text in paths])
    request = _understand(project, pointers, paths)
    names = NamePolicy(strict=project.config.portable == STRICT)
    new = [path for path in request.whole if path not in pointers]
    scans = [
        scan_tree(project.root, path, state=project.cache.load(path), tracked=lambda *_: False, names=names)
        for path in new
    ]
    names.warn(project.progress)
    targets = [Target(path, pointers[path]) for path in request.whole if path in pointers]
    targets += [Target(path, pointers[path], tuple(parts)) for path, parts in request.parts.items()]
    left_out = _left_out(project, paths, [target.path for target in targets])
    planned = tuple(state_of(project, target) for target in targets)
    return AddResult(
        tuple(map(_scanned, scans)), False, left_out=left_out, broken=broken, dry_run=True, planned=planned
    )


def _scanned(scan: TreeScan) -> Added:
    size = sum(size for found in scan.dirs.values() for size, code in sizes_and_codes(found.stats) if code != DIR_CODE)
    kind = "dir" if scan.type == DIR else "file"
    return Added(scan.path, pointer_path(scan.path), "", kind, size, scan.files, changed=True)


def publish(project: Project, draft: Draft, *, staging: bool) -> list[str]:
    """Write a pointer whose objects are durable, hide its data from Git, and record what the workspace holds.

    Returns the files to be staged, which is done here with ``staging``.
    """
    name = pointer_path(draft.path)
    if draft.changed:
        write_below(project.root, name, pointer_format.encode(draft.pointer))
    above = os.path.dirname(name)
    ignored = ensure_ignored(project.git, above, [draft.pointer.path]) is not None
    if staging and not ignored:
        ignored = index_lags(project.git, above, draft.pointer.path, ignored=True)
    written = [name] + ([os.path.join(above, ".gitignore")] if ignored else [])
    if staging:
        stage(project.git, written)
    draft.record(project.cache)
    return written


def _understand(project: Project, pointers: Pointers, paths: Sequence[str]) -> _Request:
    request = _Request()
    for text in paths:
        path = repo_path(project, text)
        pointers.refuse(path)
        inside = owner_of(pointers, path)
        refuse_left_out(pointers, [path, inside])
        below = [known for known in pointers if not path or known.startswith(path + "/")]
        if inside:
            _check_there(project, text, path, Target(inside, pointers[inside], (path[len(inside) + 1 :],)))
            request.parts.setdefault(inside, []).append(path[len(inside) + 1 :])
        elif below and path not in pointers:
            # Like `git add DIR`: everything tracked below is brought up to date.
            if pointers.outside.issuperset(below):
                refuse_left_out(pointers, below)
            request.whole.update(dict.fromkeys(known for known in below if _is_there(project, known)))
        elif not path:
            raise UsageFault("name what is to be tracked: the whole repository cannot be", hint="weft add PATH")
        else:
            _check_there(project, text, path)
            for error in pointers.broken_at(path).values():
                raise error  # what it stands for lies in what would be tracked
            check_free(path, pointers)
            if path not in pointers:
                named_in_stages.refuse_kept_by_git(project, path)
            request.whole[path] = None
    for path in request.whole:
        request.parts.pop(path, None)
    refuse_left_out(pointers, request.whole)
    for path in request.whole:
        inside = next((above for above in request.whole if path.startswith(above + "/")), "")
        if inside:
            raise PathOverlap(
                f"{path} lies inside {inside}, which is named too", hint=f"weft add {quoted(inside)}", path=path
            )
    check_not_in_git(project, list(request.whole))
    return request


def _left_out(project: Project, paths: Sequence[str], added: Sequence[str]) -> tuple[str, ...]:
    """What is new in the directories above tracked paths that were named: only what is tracked there was added."""
    asked = {repo_path(project, text) for text in paths}
    above = [path for path in asked if any(not path or one.startswith(path + "/") for one in added)]
    new = trees.untracked(project.git, above) if above else []
    return tuple(name for name in new if not trees.is_pointer(name) and os.path.basename(name) not in _OWN_FILES)


def refuse_left_out(pointers: Pointers, paths: Iterable[str]) -> None:
    """Refuse tracked paths whose pointer a sparse checkout leaves out: without the data beside it only what is here would
    stay of it."""
    for path in paths:
        if path in pointers.outside:
            raise LeftOut(
                f"a sparse checkout leaves {pointer_path(path)} out of this work tree, so {path} cannot be changed here",
                hint=f"git sparse-checkout add {quoted(path.rpartition('/')[0] or '/')}, then weft checkout {quoted(path)}",
                path=path,
            )


def _is_there(project: Project, path: str) -> bool:
    return os.path.lexists(os.path.join(project.root, path))


def _check_there(project: Project, text: str, path: str, part: Target | None = None) -> None:
    """Refuse what is not there; a ``part`` of a tracked directory that was here is one that was deleted."""
    if _is_there(project, path) or (part and was_part(project.cache.load(part.path), path[len(part.path) + 1 :])):
        return
    tracked = look.holds(project, part) if part else os.path.lexists(os.path.join(project.root, pointer_path(path)))
    hint = f"weft checkout {quoted(text)}, or weft rm {quoted(text)}" if tracked else "check the spelling"
    raise NoSuchPath(f"no such file: {text}", hint=hint, path=text)


def check_free(path: str, pointers: Mapping[str, Pointer]) -> None:
    """Refuse a path that no pointer may stand for: ``PathReserved``, ``PathOverlap`` and the refusals of names."""
    for part in path.split("/"):
        check_data_name(part)
    if path.rpartition("/")[2] in _OWN_FILES:
        raise PathReserved(
            f"{path} says what Git and weft ignore, so it belongs into Git", hint=f"git add {quoted(path)}"
        )
    above = path.rpartition("/")[0]
    while above:
        if above in pointers:
            raise PathOverlap(f"{path} lies inside {above}, which is tracked as a file", path=path)
        above = above.rpartition("/")[0]


def check_not_in_git(project: Project, paths: Sequence[str]) -> None:
    """Refuse paths that Git itself tracks, or tracks files of: ``TrackedByGit``."""
    for path in paths:
        _refuse_nested(project, path)
    known = trees.is_tracked(project.git, *paths) if paths else []
    if known:
        top = next(path for path in paths if known[0] == path or known[0].startswith(path + "/"))
        raise TrackedByGit(
            f"Git itself tracks {known[0]}" + (f" and {len(known) - 1} more files of {top}" if len(known) > 1 else ""),
            hint=f"git rm -r --cached {quoted(top)}, then weft add {quoted(top)}",
            path=known[0],
        )


def _added(project: Project, draft: Draft, old: Pointer | None) -> Added:
    pointer = draft.pointer
    difference = _difference(project, old, pointer) if old is not None and draft.changed else None
    few = difference is not None and 2 * pointer.files <= (old.files if old else 0) and pointer.is_dir
    if old is not None and difference and few and (difference[2] >= _MANY or not pointer.files):
        project.progress.warn(
            f"{difference[2]} of the {old.files} files that {draft.path} had are gone from it",
            hint=f"if that was not meant: weft checkout HEAD {quoted(draft.path)}",
        )
    return Added(
        path=draft.path,
        pointer=pointer_path(draft.path),
        oid=str(pointer.oid),
        type=pointer.type,
        size=pointer.size,
        files=pointer.files,
        changed=draft.changed,
        new_objects=draft.new_objects,
        new_bytes=draft.new_bytes,
        updated=old is not None and draft.changed,
        difference=difference,
    )


def _refuse_nested(project: Project, path: str) -> None:
    """Refuse what lies in another repository, a submodule for example: Git would not take a pointer there."""
    above = path.rpartition("/")[0]
    while above:
        if os.path.lexists(os.path.join(project.root, above, ".git")):
            raise TrackedByGit(
                f"{path} belongs to {above}, which is a repository of its own",
                hint=f"weft -C {quoted(above)} add {quoted(path[len(above) + 1 :])}, where weft is set up too",
                path=path,
            )
        above = above.rpartition("/")[0]


def _difference(project: Project, old: Pointer, new: Pointer) -> tuple[int, int, int] | None:
    """How many files came, changed and went from ``old`` to ``new``; None when the listings of ``old`` are not here."""
    store = project.store
    before, after = (Entry(DIR if p.is_dir else FILE, p.oid, p.size, p.files, "") for p in (old, new))
    readers = (manifest_reader(store, old.layout), manifest_reader(store, new.layout))
    try:
        kinds = [delta.kind for delta in diff_entries("", before, after, *readers)]
    except WeftError:
        return None
    return kinds.count("added"), len(kinds) - kinds.count("added") - kinds.count("deleted"), kinds.count("deleted")
