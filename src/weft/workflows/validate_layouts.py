"""Rule 7 of ``weft validate``, the part that needs data: a pointer's layout leads to the bytes of its objects, and its
numbers are theirs. What this clone proved before costs one look into the catalog.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from weft.errors import IntegrityError, ObjectMissing, RefusedInput, WeftError, quoted
from weft.formats import pointer as pointer_format
from weft.model.pointer import SUFFIX, Pointer
from weft.objects.catalog import LOCAL
from weft.objects.layout_walk import LayoutWalk
from weft.objects.proofs import prove_pairs
from weft.objects.store import LocalStore, Named
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.faults import IDENTITY, found
from weft.pipeline.validate.violations import Violation
from weft.util.humanize import count_text
from weft.workflows.look import read_manifest
from weft.workflows.project import Project

_POINTER_LIMIT = 1 << 16


@dataclass(slots=True)
class LayoutLook:
    """A look at the pointers of one snapshot. ``room`` is how many bytes may be hashed (None: any number); where a change
    is of the layout alone, it is looked at whatever that takes. ``notes`` collects what was not proved."""

    project: Project
    context: Context
    room: int | None = None
    notes: list[str] = field(default_factory=list)

    def check(self, paths: Iterable[str], *, swapped: bool = False) -> Iterator[Violation]:
        """Violations of those pointers that have a layout or are of one object; with ``swapped`` only where a change is of
        the layout alone."""
        known = {path: pointer for path in paths if (pointer := self.context.pointer(path)) is not None}
        alone = self._swapped({path: pointer for path, pointer in known.items() if pointer.layout is not None})
        for path, pointer in known.items():
            if swapped and path not in alone:
                continue
            try:
                text = self._wrong(path, pointer, None if path in alone else self.room)
            except ObjectMissing:
                text = ""
                if pointer.layout is not None:
                    self.notes.append(f"{path} is not proved: its layout is not here")
            except (IntegrityError, RefusedInput) as error:
                text = error.message
            if text:
                yield wrong(path, text)

    def _swapped(self, pointers: dict[str, Pointer]) -> set[str]:
        """Those of ``pointers`` that had the same data and another layout before."""
        before = self.context.old_texts((path + SUFFIX for path in pointers), _POINTER_LIMIT)
        return {path for path, pointer in pointers.items() if _same_data(before.get(path + SUFFIX), path, pointer)}

    def _wrong(self, path: str, pointer: Pointer, room: int | None) -> str:
        """What is wrong with a pointer, in words; "" when nothing is known to be."""
        store = self.project.store
        pairs = LayoutWalk(pointer.layout, store).find(None)
        proof = prove_pairs(store, pairs.items(), room=room)
        for target in sorted(proof.false):
            return f"its layout leads to other bytes than {target}: {proof.false[target].message}"
        if proof.unproved:
            count = count_text(len(proof.unproved), "object")
            self.notes.append(f"{path} is not proved: {count} of several chunks not here, or too long to hash now")
        if pointer.is_dir:
            top = read_manifest(self.project, pointer, pointer.oid)
            told, real = (pointer.size, pointer.files), (top.size, top.files)
        else:
            told, real = (pointer.size, 1), (_size_of(store, pointer, pairs.get), 1)
        if told == real:
            return ""
        return f"it says {told[0]} bytes in {told[1]} files, and its data has {real[0]} in {real[1]}"


def _size_of(store: LocalStore, pointer: Pointer, named: Named) -> int:
    if named(pointer.oid) is not None:
        return store.recipe(pointer.oid, named).length
    for location in store.catalog.locate((pointer.oid,), LOCAL).get(pointer.oid, ()):
        return location.frame.raw
    return pointer.size  # whether its data is here is for rule 25


def _same_data(before: bytes | None, path: str, pointer: Pointer) -> bool:
    try:
        old = pointer_format.decode(before or b"", name=path.rpartition("/")[2] + SUFFIX)
    except WeftError:
        return False
    return old.oid == pointer.oid and old.layout != pointer.layout


def wrong(path: str, text: str) -> Violation:
    """The violation for a pointer that its data contradicts."""
    mend = f"git checkout HEAD -- {quoted(path + SUFFIX)}, or: weft add --force {quoted(path)}"
    return found(IDENTITY, path + SUFFIX, text, mend=mend)
