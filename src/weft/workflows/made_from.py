"""What a tracked directory in the workspace was last made from, kept part by part.

While its pointer says something newer (a pull, a merge, another branch), what was not brought here yet has to be told from
what was changed by hand. So whoever takes or brings one part must not let the others count as seen.
"""

from __future__ import annotations

from collections.abc import Mapping

from weft.errors import IntegrityError, PathOverlap, StaleWorkspace, quoted
from weft.model.entry import DIR, Entry
from weft.model.oid import Kind
from weft.model.pointer import Pointer
from weft.objects.store_write import ObjectWriter
from weft.workflows.project import Project
from weft.workspace.before import EntriesBefore
from weft.workspace.names import join_path
from weft.workspace.plan import Plan
from weft.workspace.splice import replace_paths
from weft.workspace.statcache import PathState, Tracked
from weft.workspace.walk import manifest_reader

_Changes = Mapping[str, Entry | None]


def after_changes(
    project: Project,
    writer: ObjectWriter,
    state: PathState,
    pointers: tuple[Pointer, Pointer],
    changes: _Changes,
    moved: Mapping[str, str] | None = None,
) -> Tracked | None:
    """What the workspace counts as made from after ``changes`` turned the first of ``pointers`` into the second.

    What the first one changed and is not here yet remains to be checked out. ``moved`` is the old path of a new one. None:
    what it was before, for its manifests are not here or do not fit.
    """
    known, (before, after) = state.tracked, pointers
    if known is None or known.oid == before.oid:
        return known and Tracked(after.oid, after.layout)
    read = manifest_reader(project.store, known.layout)
    try:
        had = EntriesBefore(known, True, read)
        own = {**changes, **{new: _find(had, old) for new, old in (moved or {}).items()}}
        wanted = {sub: entry for sub, entry in own.items() if entry is not None or _find(had, sub) is not None}
        made = replace_paths(known.oid, wanted, read)
    except (IntegrityError, PathOverlap):
        return None
    writer.add_objects(Kind.MANIFEST, list(made.manifests.items()))
    return Tracked(made.oid, known.layout)


def note_parts(project: Project, plan: Plan) -> None:
    """Record, after a checkout of parts, that these are from its pointer now, and all else is from where it was."""
    path, pointer, known = plan.scan.path, plan.pointer, plan.scan.state.tracked
    if pointer is None or known is None or plan.complete:
        return
    there = EntriesBefore(Tracked(pointer.oid, pointer.layout), True, manifest_reader(project.store, pointer.layout))
    with project.store.writer() as writer:
        changes = {sub: _find(there, sub) for sub in plan.parts}
        made = after_changes(project, writer, plan.scan.state, (pointer, pointer), changes)
    project.cache.record(path, {}, tracked=made)


def refuse_stale_parts(
    project: Project, path: str, old: Pointer, state: PathState, changes: _Changes, verb: str = "add"
) -> None:
    """Raise ``StaleWorkspace`` where the pointer ``old`` changed a part since it was put here, and the ``changes`` that
    ``verb`` makes are others."""
    if state.tracked is None or state.tracked.oid == old.oid:
        return
    now = EntriesBefore(Tracked(old.oid, old.layout), True, manifest_reader(project.store, old.layout))
    had: EntriesBefore | None = None
    try:
        had = EntriesBefore(state.tracked, True, manifest_reader(project.store, state.tracked.layout))
        was = {sub: _find(had, sub) for sub in changes}
    except IntegrityError:  # nobody can tell what it was made from
        was = dict.fromkeys(changes)
    for sub, new in changes.items():
        theirs = _find(now, sub)
        if _same(was[sub], theirs) or _same(new, theirs):
            continue
        part = quoted(join_path(path, sub))
        if new is not None and new.type == DIR:
            hint = f"weft checkout {part}, after adding your own changed files by name; or weft {verb} --force {part}"
        elif new is None and verb == "rm":
            hint = f"weft checkout {part} to see it first, or weft rm --force {part}"
        else:
            hint = f"weft {verb} --force {part} keeps yours, weft checkout --force {part} takes theirs"
        raise StaleWorkspace(
            f"{join_path(path, sub)} was changed in its pointer (by a pull, a merge, another branch) since it was put here;"
            f" weft {verb} would undo that change",
            hint=hint,
            path=join_path(path, sub),
        )


def _find(entries: EntriesBefore, sub: str) -> Entry | None:
    directory, _, name = sub.rpartition("/")
    return entries.find(directory, name)


def _same(one: Entry | None, other: Entry | None) -> bool:
    return (one and (one.type, one.oid)) == (other and (other.type, other.oid))
