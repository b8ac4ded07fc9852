"""How the data in the work tree stands to its pointers, whole or in part."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from weft.errors import quoted
from weft.model.entry import DIR
from weft.pipeline.fingerprint import is_at_or_below
from weft.workflows.fetch import is_here
from weft.workflows.parts import find_below
from weft.workflows.project import Project
from weft.workflows.selection import Selection
from weft.workflows.status import compare_target
from weft.workflows.targets import Target, owner_of, pick, workspace_pointers
from weft.workspace.compare import Comparison
from weft.workspace.walk import manifest_reader

CLEAN, ABSENT, OUTDATED, MODIFIED, DELETED = "clean", "absent", "outdated", "modified", "deleted"
TO_BRING = (ABSENT, OUTDATED, DELETED)
"""States that a checkout mends."""
_SHOWN, _NAMED = 3, 10


class DataTree:
    """The pointers of the work tree and the data they stand for. What it has looked at it knows until ``forget``."""

    def __init__(self, project: Project) -> None:
        """What a sparse checkout leaves out counts too, as data that is not here."""
        self._project = project
        self.pointers = workspace_pointers(project, outside=True).whole()
        self._compared: dict[str, Comparison] = {}

    def forget(self) -> None:
        """Look at everything anew: a command ran, or pointers were written."""
        self.pointers = workspace_pointers(self._project, outside=True).whole()
        self._compared.clear()

    def state(self, path: str) -> tuple[str, str]:
        """How the data at the tracked ``path``, or at a part of one, stands to its pointer, and a word on it.

        It is clean, absent (some of it never was here), outdated (it was put here for another pointer), modified or
        deleted. A path without a pointer is clean.
        """
        owner = path if path in self.pointers else owner_of(self.pointers, path)
        if not owner:
            return CLEAN, ""
        found = self._compare(owner)
        if (
            found.behind
        ):  # the listing of the new pointer is not here: what changed since the old one is known all the same
            edits = self.changes(path)
            return (MODIFIED, _listed(edits)) if edits else (OUTDATED, "")
        if found.state in ("error", "missing"):
            there = os.path.lexists(os.path.join(self._project.root, path))
            return (MODIFIED if there else ABSENT), found.message or "nothing records which of it was here"
        changes = self.changes(path)
        if changes:
            gone = not os.path.lexists(os.path.join(self._project.root, path))
            if gone and owner in self.pointers.outside:
                return ABSENT, ""  # Git took it away with all else outside of the sparse checkout
            return (DELETED, "") if gone else (OUTDATED if found.message else MODIFIED, _listed(changes))
        if found.state in ("not-here", "partial") and not self._is_whole(path, owner, found.absent):
            return ABSENT, ""
        return CLEAN, ""

    def changes(self, path: str) -> list[str]:
        """The files at or below the tracked ``path`` that differ from their pointer."""
        owner = path if path in self.pointers else owner_of(self.pointers, path)
        found = self._compare(owner).changes if owner else ()
        return [change.path for change in found if is_at_or_below(change.path.rstrip("/"), path)]

    def ways_out(self, path: str) -> tuple[str, str]:
        """The commands that keep what differs at the tracked ``path``, and that undo it."""
        target = pick(self.pointers, path)[0]
        names = self.changes(path)[:_NAMED] if self._compare(target.path).behind else [path]
        here = is_here(self._project, Selection({target.path: target.pointer}, {target.path: target.subpaths}))
        undo = f"weft {'checkout' if here else 'pull'} --force {quoted(path)}"
        return f"weft add {' '.join(map(quoted, names))}", undo

    def unlisted(self, paths: Iterable[str]) -> list[Target]:
        """Those of the tracked ``paths`` that cannot be compared, for their listing is not in the local store."""
        owners = dict.fromkeys(path if path in self.pointers else owner_of(self.pointers, path) for path in paths)
        return [Target(one, self.pointers[one]) for one in owners if one and self._compare(one).state == "error"]

    def _compare(self, owner: str) -> Comparison:
        if owner not in self._compared:
            self._compared[owner] = compare_target(self._project, Target(owner, self.pointers[owner]))
        return self._compared[owner]

    def _is_whole(self, path: str, owner: str, absent: int) -> bool:
        """Whether nothing of ``path``, a part of a directory of which ``absent`` files are not here, is among them."""
        if path == owner or not absent or not os.path.lexists(os.path.join(self._project.root, path)):
            return not absent
        pointer = self.pointers[owner]
        entry = find_below(pointer, path[len(owner) + 1 :], manifest_reader(self._project.store, pointer.layout))
        full = os.path.join(self._project.root, path)
        return entry is not None and entry.files <= sum(len(files) for _, _, files in os.walk(full)) + (
            entry.type != DIR
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
