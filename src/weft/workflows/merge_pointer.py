"""Three-way merge of pointers: of the data they stand for, file by file, and of what the user wrote into them.

What cannot be merged leaves both pointers whole between Git's marks, below comments that name the files. A merge that was
settled in part keeps what was settled there too, so that Git's index and that file are all that a later step needs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from weft.errors import ObjectMissing, WeftError, quoted
from weft.formats import manifest as manifest_format
from weft.formats import merge_keys
from weft.formats import pointer as pointer_format
from weft.model.entry import DIR, EXEC, FILE, Entry
from weft.model.manifest import Manifest
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects.mergetree import (
    BASE,
    DIFFERENT,
    OURS,
    THEIRS,
    UNKNOWN,
    Conflict,
    MergedTree,
    Prefer,
    Readers,
    Three,
    merge_entries,
    merge_trees,
    settled_entry,
)
from weft.util.humanize import count_text
from weft.workflows.contents import Contents, layout_of
from weft.workflows.fetch import fetch_metadata
from weft.workflows.merge_text import UNNAMED, TextMerge, named, sides_of_conflict, unnamed, whole_conflict
from weft.workflows.project import Project
from weft.workflows.targets import UNMERGED, Target, data_path, decode_pointer
from weft.workspace.walk import manifest_reader

T = TypeVar("T")

SHOWN = 20
"""Most files in conflict that are named."""
SIDES = (BASE, OURS, THEIRS)
_SETTLED = re.compile(r'# settled with (base|ours|theirs): (".*")')


@dataclass(frozen=True, slots=True)
class PointerSides:
    """The pointers of one tracked ``path`` (without ``.weft``); ``base`` is None when both sides added it.

    ``base_manifests`` are those of a base that is itself a merge and stands in no store.
    """

    path: str
    base: Pointer | None
    ours: Pointer
    theirs: Pointer
    base_manifests: Mapping[Oid, bytes] = field(default_factory=dict)

    @property
    def all(self) -> tuple[Pointer, ...]:
        """Those of directories that a remote may know."""
        base = None if self.base_manifests else self.base
        return tuple(side for side in (base, self.ours, self.theirs) if side is not None and side.is_dir)


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
    side = prefer("")
    if side == UNKNOWN:
        return replace(sides.ours, type="file", oid=DIFFERENT.oid, size=0, files=1, layout=None), []
    settled = _named(sides)[side or OURS]
    if side and settled is not None:
        settled_entry(three, side)
        return settled, []
    return sides.ours, [Conflict("", what)]


def _entry(pointer: Pointer | None) -> Entry | None:
    if pointer is None:
        return None
    kind = DIR if pointer.is_dir else EXEC if pointer.executable else FILE
    return Entry(kind, pointer.oid, pointer.size, pointer.files, "")


def _directories(project: Project, sides: PointerSides, prefer: Prefer) -> tuple[Pointer | None, list[Conflict]]:
    layouts = [pointer.layout if pointer else None for pointer in (_base_directory(sides), sides.ours, sides.theirs)]
    tree = _tree(project, sides, prefer)
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


def _base_directory(sides: PointerSides) -> Pointer | None:
    return sides.base if sides.base is not None and sides.base.is_dir else None


def _tree(project: Project, sides: PointerSides, prefer: Prefer) -> MergedTree:
    """Merge two directories, and store nothing."""
    base = _base_directory(sides)

    def read_base(oid: Oid) -> Manifest:
        made = sides.base_manifests.get(oid)
        if made is not None:
            return manifest_format.decode(made)
        return manifest_reader(project.store, base.layout if base else None)(oid)

    def merge() -> MergedTree:
        read = Readers(read_base, *[manifest_reader(project.store, one.layout) for one in (sides.ours, sides.theirs)])
        return merge_trees(Three(_entry(base), _entry(sides.ours), _entry(sides.theirs)), read, prefer)

    return _with_metadata(project, sides, merge)


def decode_sides(project: Project, name: str, base: bytes, ours: bytes, theirs: bytes) -> PointerSides:
    """The three versions of the pointer file ``name``; an empty ``base``: there was none.

    A base in conflict is merged as far as it goes: where two branches merged each other before, Git merges what they had
    in common first, and only what is still open there counts as different from both sides. Raises what ``decode_pointer``
    and the store raise.

    Where one side moved the data, Git merges under the new name what was written under the old one: all of it becomes
    the pointer of ``name``.
    """
    path = data_path(name)
    one, other = (decode_pointer(side, name, renamed=True) for side in (ours, theirs))
    parts = sides_of_conflict(base)
    if parts is None:
        return PointerSides(path, decode_pointer(base, name, renamed=True) if base else None, one, other)
    before = decode_sides(project, name, *parts)
    if not (before.ours.is_dir and before.theirs.is_dir):
        return PointerSides(path, _single(before, _open)[0], one, other)
    tree = _tree(project, before, _open)
    merged = replace(before.ours, oid=tree.oid, size=tree.size, files=tree.files)
    return PointerSides(path, merged, one, other, {**before.base_manifests, **tree.manifests})


def _open(path: str) -> str:
    return UNKNOWN


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


def merge_pointer_files(
    project: Project, name: str, three: tuple[bytes, bytes, bytes], names: Callable[[], tuple[str, str]] = unnamed
) -> TextMerge:
    """What Git's merge driver makes of ``three`` versions of the pointer file ``name``: the base (empty: there was
    none), ours and theirs. ``names`` is asked for what people call the sides, in a conflict alone.

    Never an error of its own for anything that may be in the way: the outcome is then a conflict that says so.
    """
    base, ours, theirs = three
    if ours in (theirs, base):
        return TextMerge(theirs)
    if theirs == base:
        return TextMerge(ours)
    try:
        sides = decode_sides(project, name, base, ours, theirs)
        merged = merge_pointers(project, sides)
    except WeftError as error:
        return unmergeable(name, ours, theirs, error, names())
    if merged.pointer is not None:
        return TextMerge(pointer_format.encode(merged.pointer))
    who = names()
    why = f"both sides changed {_places(merged.conflicts)}; settle it with: {_commands(sides.path)}{named(who)}"
    return TextMerge(conflict_text(sides.path, three, merged.conflicts, names=who), why)


def unmergeable(name: str, ours: bytes, theirs: bytes, error: WeftError, names: tuple[str, str] = UNNAMED) -> TextMerge:
    """A conflict because of ``error``."""
    path = data_path(name)
    step = (
        f"{error.hint}, then: weft resolve {quoted(path)}"
        if error.hint
        else f"weft resolve --ours {quoted(path)}, or --theirs"
    )
    notes = (UNMERGED + error.message, f"# Next: {step}")
    data = whole_conflict(ours, theirs, *(_one_line(note).removeprefix("# ") for note in notes), names=names)
    return TextMerge(data, f"{error.message}; next: {step}{named(names)}")


def conflict_text(
    path: str,
    three: tuple[bytes, bytes, bytes],
    conflicts: Sequence[Conflict],
    settled: Mapping[str, str] | None = None,
    names: tuple[str, str] = UNNAMED,
) -> bytes:
    """The pointer file of a merge in conflict, of its base (empty: none) and both sides.

    ``settled`` has the sides that were chosen so far, by path. The base is kept in it unless it was in conflict itself.
    """
    notes = [f"Both sides changed {_places(conflicts)} of {_shown(path)}:"]
    notes += [f"  {_shown(one.path or path)}: {one.what}" for one in conflicts[:SHOWN]]
    notes += [f"  and {len(conflicts) - SHOWN} more"] if len(conflicts) > SHOWN else []
    notes.append(f"Settle it with: {_commands(_shown(path))}; or one file by its path.")
    notes += [f"settled with {side}: {json.dumps(place)}" for place, side in (settled or {}).items()]
    base, ours, theirs = three
    return whole_conflict(ours, theirs, *notes, base=base if sides_of_conflict(base) is None else b"", names=names)


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
    return f"weft resolve --ours {quoted(path)} (or --theirs, --base)"


def _shown(path: str) -> str:
    return path if path.isprintable() else json.dumps(path)


def _one_line(text: str) -> str:
    return " ".join(text.split())
