"""Three-way merge of pointers: of the data they stand for, file by file, and of what the user wrote into them.

What cannot be merged leaves both pointers whole between Git's marks, below comments that name the files. A merge that was
settled in part keeps what was settled there too, so that Git's index and that file are all that a later step needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from weft.errors import ObjectMissing, WeftError
from weft.formats import merge_keys
from weft.formats import pointer as pointer_format
from weft.model.entry import DIR, EXEC, FILE, Entry
from weft.model.pointer import Pointer
from weft.objects.mergetree import (
    BASE,
    OURS,
    THEIRS,
    Conflict,
    MergedTree,
    Prefer,
    Readers,
    Three,
    merge_entries,
    merge_trees,
)
from weft.util.humanize import count_text
from weft.workflows.contents import Contents, layout_of
from weft.workflows.fetch import fetch_metadata
from weft.workflows.merge_text import TextMerge, whole_conflict
from weft.workflows.project import Project
from weft.workflows.targets import Target, data_path, decode_pointer
from weft.workspace.walk import manifest_reader

T = TypeVar("T")

SHOWN = 20
"""Most files in conflict that are named."""
SIDES = (BASE, OURS, THEIRS)
_SETTLED = re.compile(r'# settled with (base|ours|theirs): (".*")')


@dataclass(frozen=True, slots=True)
class PointerSides:
    """The pointers of one tracked ``path`` (without ``.weft``); ``base`` is None when both sides added it."""

    path: str
    base: Pointer | None
    ours: Pointer
    theirs: Pointer

    @property
    def all(self) -> tuple[Pointer, ...]:
        """Those that are there."""
        return tuple(side for side in (self.base, self.ours, self.theirs) if side is not None)


@dataclass(frozen=True, slots=True)
class PointerMerge:
    """The merged pointer, or the ``conflicts``: paths below the tracked one, "" for the pointer itself."""

    pointer: Pointer | None
    conflicts: tuple[Conflict, ...] = ()


def undecided(path: str) -> str:
    """Settles no conflict."""
    return ""


def merge_pointers(project: Project, sides: PointerSides, prefer: Prefer = undecided) -> PointerMerge:
    """Merge what became of one tracked path on two sides, and store what the outcome needs.

    ``prefer`` settles conflicts by path. Manifests that are not here are fetched. Raises ``ObjectMissing`` when they
    cannot be, and the errors of the store and the remote.
    """
    base, ours, theirs = sides.base, sides.ours, sides.theirs
    words, conflicts = _words(sides, prefer)
    if ours.same_data(theirs) or (base is not None and theirs.same_data(base)):
        data = ours
    elif base is not None and ours.same_data(base):
        data = theirs
    elif ours.is_dir and theirs.is_dir:
        merged, found = _directories(project, sides, prefer)
        conflicts += found
        data = merged or ours
    else:
        chosen, found = _single(sides, prefer)
        conflicts += found
        data = chosen
    if conflicts:
        return PointerMerge(None, tuple(conflicts))
    return PointerMerge(replace(data, source=words["source"], meta=words["meta"]))


def _words(sides: PointerSides, prefer: Prefer) -> tuple[dict[str, dict[str, Any]], list[Conflict]]:
    """``source`` and ``meta``, key by key."""
    merged, conflicts = {}, []
    for key in ("source", "meta"):
        three = {side: dict(getattr(pointer, key)) if pointer else {} for side, pointer in _named(sides).items()}
        found = merge_keys.merge(three[BASE], three[OURS], three[THEIRS], lambda keys: False)
        side = prefer("") if found.conflicts else ""
        for keys in found.conflicts if side else ():
            _put(found.value, keys, _get(three[side], keys))
        merged[key] = found.value
        if found.conflicts and not side:
            names = ", ".join(".".join((key, *keys)) for keys in found.conflicts[:5])
            conflicts.append(Conflict("", f"{names} changed on both sides"))
    return merged, conflicts


def _get(values: Any, keys: merge_keys.Keys) -> Any:
    for key in keys:
        values = values.get(key, merge_keys.ABSENT) if isinstance(values, dict) else merge_keys.ABSENT
    return values


def _put(values: dict[str, Any], keys: merge_keys.Keys, value: Any) -> None:
    for key in keys[:-1]:
        values = values.setdefault(key, {})
    values.pop(keys[-1], None)
    if value is not merge_keys.ABSENT:
        values[keys[-1]] = value


def _named(sides: PointerSides) -> dict[str, Pointer | None]:
    return {BASE: sides.base, OURS: sides.ours, THEIRS: sides.theirs}


def _single(sides: PointerSides, prefer: Prefer) -> tuple[Pointer, list[Conflict]]:
    """A tracked file, or a file on one side and a directory on the other."""
    three = Three(*[_entry(pointer) for pointer in _named(sides).values()])
    found, what = merge_entries(three)
    if not what and found is not None:
        source = next(p for p in (sides.ours, sides.theirs) if p.oid == found.oid)
        return replace(source, executable=found.type == EXEC), []
    settled = _named(sides)[prefer("") or OURS]
    if prefer("") and settled is not None:
        return settled, []
    return sides.ours, [Conflict("", what)]


def _entry(pointer: Pointer | None) -> Entry | None:
    if pointer is None:
        return None
    kind = DIR if pointer.is_dir else EXEC if pointer.executable else FILE
    return Entry(kind, pointer.oid, pointer.size, pointer.files, "")


def _directories(project: Project, sides: PointerSides, prefer: Prefer) -> tuple[Pointer | None, list[Conflict]]:
    base = sides.base if sides.base is not None and sides.base.is_dir else None
    layouts = [pointer.layout if pointer else None for pointer in (base, sides.ours, sides.theirs)]

    def merge() -> MergedTree:
        read = Readers(*[manifest_reader(project.store, layout) for layout in layouts])
        return merge_trees(Three(_entry(base), _entry(sides.ours), _entry(sides.theirs)), read, prefer)

    tree = _with_metadata(project, sides, merge)
    if tree.conflicts:
        return None, list(tree.conflicts)

    def store() -> Pointer:
        with project.store.writer() as writer:
            contents = Contents(writer, hold=True)
            contents.unread.add(tree.oid)
            for oid, data in tree.manifests.items():
                contents.keep(oid, data)
            contents.flush()
            layout = layout_of(project, writer, contents, layouts)
        return replace(sides.ours, oid=tree.oid, size=tree.size, files=tree.files, layout=layout)

    return _with_metadata(project, sides, store), []


def _with_metadata(project: Project, sides: PointerSides, work: Callable[[], T]) -> T:
    """Run ``work``; when manifests are not here, fetch those of all sides and run it again."""
    try:
        return work()
    except ObjectMissing:
        if not project.config.remotes:
            raise
    for pointer in sides.all:
        fetch_metadata(project, [Target(sides.path, pointer)])
    return work()


# --- as files ---


def merge_pointer_files(project: Project, name: str, base: bytes, ours: bytes, theirs: bytes) -> TextMerge:
    """What Git's merge driver makes of three versions of the pointer file ``name`` (empty ``base``: there was none).

    Never an error of its own for anything that may be in the way: the outcome is then a conflict that says so.
    """
    if ours in (theirs, base):
        return TextMerge(theirs)
    if theirs == base:
        return TextMerge(ours)
    try:
        sides = PointerSides(
            data_path(name),
            decode_pointer(base, name) if base else None,
            decode_pointer(ours, name),
            decode_pointer(theirs, name),
        )
        merged = merge_pointers(project, sides)
    except WeftError as error:
        return unmergeable(name, ours, theirs, error)
    if merged.pointer is not None:
        return TextMerge(pointer_format.encode(merged.pointer))
    why = f"both sides changed {_places(merged.conflicts)}; settle it with: {_commands(sides.path)}"
    return TextMerge(conflict_text(sides.path, ours, theirs, merged.conflicts), why)


def unmergeable(name: str, ours: bytes, theirs: bytes, error: WeftError) -> TextMerge:
    """A conflict because of ``error``."""
    path = data_path(name)
    step = f"{error.hint}, then: weft resolve {path}" if error.hint else f"weft resolve --ours {path}, or --theirs"
    notes = (f"weft could not merge this data: {error.message}", f"Next: {step}")
    return TextMerge(whole_conflict(ours, theirs, *map(_one_line, notes)), f"{error.message}; next: {step}")


def conflict_text(
    path: str, ours: bytes, theirs: bytes, conflicts: Sequence[Conflict], settled: Mapping[str, str] | None = None
) -> bytes:
    """The pointer file of a merge in conflict; ``settled`` has the sides that were chosen so far, by path."""
    notes = [f"Both sides changed {_places(conflicts)} of {_shown(path)}:"]
    notes += [f"  {_shown(one.path or path)}: {one.what}" for one in conflicts[:SHOWN]]
    notes += [f"  and {len(conflicts) - SHOWN} more"] if len(conflicts) > SHOWN else []
    notes.append(f"Settle it with: {_commands(_shown(path))}; or one file by its path.")
    notes += [f"settled with {side}: {json.dumps(place)}" for place, side in (settled or {}).items()]
    return whole_conflict(ours, theirs, *notes)


def settled_so_far(data: bytes) -> dict[str, str]:
    """What ``conflict_text`` noted in the pointer file ``data``: sides by path."""
    found: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        match = _SETTLED.fullmatch(line)
        if match:
            try:
                found[json.loads(match.group(2))] = match.group(1)
            except ValueError:  # edited by hand: it is asked again
                continue
    return found


def _places(conflicts: Sequence[Conflict]) -> str:
    files = sum(1 for one in conflicts if one.path)
    return count_text(files, "file") if files else "the pointer"


def _commands(path: str) -> str:
    return f"weft resolve --ours {path} (or --theirs, --base)"


def _shown(path: str) -> str:
    return path if path.isprintable() else json.dumps(path)


def _one_line(text: str) -> str:
    return " ".join(text.split())
