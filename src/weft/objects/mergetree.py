"""Three-way merge of tracked directories, file by file, as Git merges trees: only manifests that differ are read.

A file that one side alone changed, added, deleted or made executable is as that side has it; what both sides did alike is
done once; a file that one side moved and the other changed is changed where it is now. Everything else is a conflict and
is never guessed. Empty directories are entries too: one stays while a side keeps it that the other did not delete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from weft.errors import LimitExceeded, RefusedInput
from weft.formats import manifest as manifest_format
from weft.model.entry import DIR, EXEC, FILE, Entry
from weft.model.manifest import MAX_DEPTH, Manifest
from weft.model.oid import Kind, Oid
from weft.objects.treediff import Read, diff_entries

BASE, OURS, THEIRS = "base", "ours", "theirs"
UNKNOWN = "unknown"
"""Settles a conflict in a base that is itself a merge: the place differs from whatever a side has there."""
_FILES = (FILE, EXEC)


class Three(NamedTuple):
    """What the base and the two sides have at one place; None where it is not there."""

    base: Entry | None
    ours: Entry | None
    theirs: Entry | None


class Conflict(NamedTuple):
    """A path that both sides changed differently, relative to the tracked directory, and what they did, in words."""

    path: str
    what: str


@dataclass(frozen=True, slots=True)
class MergedTree:
    """The outcome: the root manifest, bytes of content, number of files, and the new manifests to store (oid to bytes).

    Where there are ``conflicts``, our version of them is in it.
    """

    oid: Oid
    size: int
    files: int
    manifests: Mapping[Oid, bytes]
    conflicts: tuple[Conflict, ...] = ()


class Readers(NamedTuple):
    """How to read a manifest of the base, of ours, and of theirs."""

    base: Read
    ours: Read
    theirs: Read


Prefer = Callable[[str], str]
"""The side (base, ours, theirs) that settles a conflict at a path, ``UNKNOWN``, or nothing."""

DIFFERENT = Entry(FILE, Oid.of(b"", Kind.MANIFEST), 0, 1, "")
"""What ``UNKNOWN`` puts into a base. No file has this hash, for that of a manifest is derived with another key."""


def merge_trees(roots: Three, read: Readers, prefer: Prefer | None = None) -> MergedTree:
    """Merge what a tracked directory (the base may be None) became on two sides; ``roots`` are entries of directories.

    ``prefer`` settles conflicts; what it leaves is told. Raises ``LimitExceeded`` for trees that are too deep, and what the
    readers raise.
    """
    merge = _Merge(read)
    root = merge.whole(roots)
    moved = _moves(roots, read, merge.conflicts)
    if moved or (prefer and merge.conflicts):
        merge = _Merge(read, prefer or _undecided, moved)
        root = merge.whole(roots)
    return MergedTree(root.oid, root.size, root.files, merge.manifests, tuple(merge.conflicts))


def merge_entries(three: Three) -> tuple[Entry | None, str]:
    """The outcome for one path that is no directory on both sides, and why it is a conflict, or nothing."""
    base, ours, theirs = three
    if same(ours, theirs) or same(theirs, base):
        return ours, ""
    if same(ours, base):
        return theirs, ""
    if ours is not None and theirs is not None and ours.type in _FILES and theirs.type in _FILES:
        return _merge_files(base, ours, theirs)
    return ours, _what(three)


def same(one: Entry | None, other: Entry | None) -> bool:
    """True for equal content and type; sizes follow from that, and names are the caller's."""
    return (one and one[:2]) == (other and other[:2])


def _merge_files(base: Entry | None, ours: Entry, theirs: Entry) -> tuple[Entry | None, str]:
    """Content and mode are merged apart."""
    if base is None or base.type not in _FILES:
        what = "added on both sides" if base is None else "changed on both sides"
        return ours, what if ours.oid != theirs.oid else "added executable on one side only"
    mode = theirs.type if ours.type == base.type else ours.type
    if ours.oid in (theirs.oid, base.oid):
        return theirs._replace(type=mode), ""
    if theirs.oid == base.oid:
        return ours._replace(type=mode), ""
    return ours, "changed on both sides"


def _what(three: Three) -> str:
    base, ours, theirs = three
    if ours is None:
        return "deleted in ours, changed in theirs"
    if theirs is None:
        return "changed in ours, deleted in theirs"
    if DIR in (ours.type, theirs.type) and ours.type != theirs.type:
        sides = ("ours", "theirs") if ours.type == DIR else ("theirs", "ours")
        return "a directory in {}, none in {}".format(*sides)
    return "added on both sides" if base is None else "changed on both sides"


def settled_entry(three: Three, side: str) -> Entry | None:
    """What stands at a place of which a conflict is settled with ``side``.

    Raises ``RefusedInput`` for the base where that has no version of its own: it is a merge that was in conflict there.
    """
    if side == UNKNOWN:
        return DIFFERENT
    found = {BASE: three.base, OURS: three.ours, THEIRS: three.theirs}[side]
    if same(found, DIFFERENT):
        raise RefusedInput(
            "both histories changed this before they were first merged, so it has no base",
            hint="weft resolve --ours PATH, or --theirs PATH",
        )
    return found


def _undecided(path: str) -> str:
    return ""


@dataclass(slots=True)
class _Merge:
    """``moved`` has what is settled before anything is compared."""

    read: Readers
    prefer: Prefer = _undecided
    moved: Mapping[str, Entry | None] = field(default_factory=dict)
    manifests: dict[Oid, bytes] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)

    def whole(self, roots: Three) -> Entry:
        return self._directory("", roots) or self._make("", {})

    def _directory(self, path: str, three: Three) -> Entry | None:
        """Merge what is a directory on one side at least, and nothing else on the other; None when nothing is left."""
        base, ours, theirs = three
        if path and not any(place.startswith(path + "/") for place in self.moved):
            if same(ours, theirs) or same(theirs, base):
                return ours
            if same(ours, base):
                return theirs
        if path.count("/") >= MAX_DEPTH:
            raise LimitExceeded(f"more than {MAX_DEPTH} directories on one path: {path[:80]!a}", path=path)
        listings = [_listing(entry, read) for entry, read in zip(three, self.read, strict=True)]
        entries: dict[str, Entry] = {}
        for name in dict.fromkeys((*listings[1], *listings[2])):
            below = f"{path}/{name}" if path else name
            merged = self._place(below, Three(*[listing.get(name) for listing in listings]))
            if merged is not None:
                entries[name] = merged._replace(name=name)
        return None if not entries and path and None in (ours, theirs) else self._make(path, entries)

    def _make(self, path: str, entries: Mapping[str, Entry]) -> Entry:
        """The entry of a directory that holds ``entries``."""
        manifest = Manifest.of(entries.values())
        data = manifest_format.encode(manifest)
        oid = Oid.of(data, Kind.MANIFEST)
        self.manifests[oid] = data
        return Entry(DIR, oid, manifest.size, manifest.files, path.rpartition("/")[2])

    def _place(self, path: str, three: Three) -> Entry | None:
        if path in self.moved:
            return self.moved[path]
        if all(side is None or side.type == DIR for side in three[1:]):
            return self._directory(path, three)
        found, what = merge_entries(three)
        side = self.prefer(path) if what else ""
        if side:
            return settled_entry(three, side)
        if what:
            self.conflicts.append(Conflict(path, what))
        return found


def _listing(entry: Entry | None, read: Read) -> dict[str, Entry]:
    return read(entry.oid).by_name() if entry is not None and entry.type == DIR else {}


# --- files that one side moved and the other changed ---


def _moves(roots: Three, read: Readers, conflicts: Sequence[Conflict]) -> dict[str, Entry | None]:
    """What becomes of the old and of the new place of each such file: nothing, and the changed file.

    A file was moved when its bytes were deleted at one place alone and added at one place alone, and that one is free on
    the other side. Empty files are never moved: that they are equal says nothing.
    """
    found: dict[str, Entry | None] = {}
    for mine, other in ((1, 2), (2, 1)):
        wanted: dict[Oid, tuple[str, Entry, Entry]] = {}
        for conflict in conflicts:
            old, here, there = (_at(roots[side], conflict.path, read[side]) for side in (0, mine, other))
            if here is None and old is not None and there is not None and {old.type, there.type} <= {*_FILES}:
                wanted.update({old.oid: (conflict.path, old, there)} if old.size else {})
        for path, oid, new in _moved(roots[0], roots[mine], read[0], read[mine], wanted) if wanted else ():
            place, old, there = wanted[oid]
            merged, what = _merge_files(old, new, there)
            if path == place or what or not _is_free(roots[other], path, read[other]):
                continue
            found.update({place: None, path: merged})
    return found


def _moved(
    old: Entry | None, new: Entry | None, read_old: Read, read_new: Read, wanted: Collection[Oid]
) -> Iterator[tuple[str, Oid, Entry]]:
    """The new place of the bytes in ``wanted`` that have left one place and come to one, with what is there."""
    gone: Counter[Oid] = Counter()
    come: dict[Oid, list[tuple[str, Entry]]] = {}
    for delta in diff_entries("", old, new, read_old, read_new):
        if delta.new is None and delta.old is not None and delta.old.oid in wanted:
            gone[delta.old.oid] += 1
        elif delta.old is None and delta.new is not None and delta.new.oid in wanted and delta.new.type in _FILES:
            come.setdefault(delta.new.oid, []).append((delta.path, delta.new))
    for oid, places in come.items():
        if len(places) == gone[oid] == 1:
            yield places[0][0], oid, places[0][1]


def _at(root: Entry | None, path: str, read: Read) -> Entry | None:
    for name in path.split("/"):
        root = _listing(root, read).get(name)
    return root


def _is_free(root: Entry | None, path: str, read: Read) -> bool:
    """Whether nothing stands at ``path``, nor a file where a directory above it would have to be."""
    for name in path.split("/"):
        if root is None or root.type != DIR:
            return root is None
        root = _listing(root, read).get(name)
    return root is None
