"""Rule 25 of ``weft validate`` where the local store lacks some of a pointer's data: only what the commit brings has to be
there. What stood in the commit before, or is on a remote as this clone knows, can be had without it.

Whether remotes really hold it is proved by ``weft push`` and the pre-push hook, which ask them.
"""

from __future__ import annotations

from collections.abc import Iterable

from weft.errors import ObjectMissing, WeftError
from weft.formats import pointer as pointer_format
from weft.formats.root import root_name
from weft.model.oid import Oid
from weft.model.pointer import SUFFIX, Pointer
from weft.objects.layout_walk import LayoutWalk
from weft.objects.oidset import SortedOids
from weft.objects.proofs import check_sizes
from weft.objects.reachability import walk
from weft.objects.remote import place_of
from weft.objects.treediff import diff_entries
from weft.pipeline.validate.context import Context
from weft.util.humanize import count_text
from weft.workflows.look import read_manifest, root_entry
from weft.workflows.project import Project
from weft.workflows.trust import is_accepted

_POINTER_LIMIT = 1 << 16


def lacking(project: Project, context: Context, path: str, pointer: Pointer, absent: str) -> str:
    """What is nowhere of the data that a commit brings with ``pointer`` at ``path``, in words: ``absent`` where its parts
    cannot be told apart. Empty when nothing is known to be.

    Raises what is wrong with its objects.
    """
    places = _places(project)
    if any(project.catalog.root_seen(place, root_name(pointer)) for place in places):
        return ""
    try:
        missing = project.store.missing(_brought(project, pointer, _before(context, path, pointer)))
    except ObjectMissing:
        return absent
    for place in places:
        missing = project.catalog.missing(missing, place)
    return count_text(len(missing), "object") if missing else ""


def _places(project: Project) -> list[int]:
    """The remotes that this clone accepts, by their numbers in the catalog."""
    known = [spec for spec in project.config.remotes.values() if spec.store and is_accepted(project, spec)]
    return [place_of(project.catalog, spec.store) for spec in known]


def _before(context: Context, path: str, pointer: Pointer) -> Pointer | None:
    """What ``path`` was before the commit, or a pointer to the same data that the commit takes away, as a move does."""
    changed = [name for name, change in context.changes.items() if name.endswith(SUFFIX) and change.old_blob]
    mine = None
    for name, text in context.old_texts(changed, _POINTER_LIMIT).items():
        try:
            found = pointer_format.decode(text, name=name.rpartition("/")[2])
        except WeftError:
            continue
        if (found.oid, found.layout) == (pointer.oid, pointer.layout):
            return found
        mine = found if name == path + SUFFIX else mine
    return mine


def _brought(project: Project, pointer: Pointer, before: Pointer | None) -> Iterable[Oid]:
    """The objects of ``pointer`` that ``before`` does not have. Raises ``ObjectMissing`` where a directory is not here that
    differs between the two."""
    if before is not None and (before.oid, before.layout) == (pointer.oid, pointer.layout):
        return ()
    if before is None or not (before.is_dir and pointer.is_dir) or before.oid == pointer.oid:
        return walk(pointer, project.store).all_frames()
    deltas = list(
        diff_entries(
            "",
            root_entry(before),
            root_entry(pointer),
            lambda oid: read_manifest(project, before, oid),
            lambda oid: read_manifest(project, pointer, oid),
        )
    )
    held = {delta.old.oid for delta in deltas if delta.old is not None}
    new = [delta.path for delta in deltas if delta.new is not None and delta.new.oid not in held]
    closure = walk(pointer, project.store, new)
    check_sizes(project.catalog, closure)
    layout = LayoutWalk(pointer.layout, project.store)
    layout.find(held)  # where something was taken out, nodes are new as well
    return SortedOids.union(closure.all_frames(), layout.nodes)
