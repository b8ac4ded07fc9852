"""What a part of a tracked directory is, by the manifests that are in the local store. Nothing is fetched."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from weft.errors import ObjectMissing, WeftError
from weft.gitio.repo import GitRepo
from weft.model.lineage import DataRef
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.util.later import later

if TYPE_CHECKING:
    from weft.model import entry as entries
    from weft.model import remote
    from weft.model.entry import Entry
    from weft.workflows import project as projects
    from weft.workspace import walk
    from weft.workspace.walk import ReadManifest
else:
    entries, remote = later("weft.model.entry"), later("weft.model.remote")
    projects, walk = later("weft.workflows.project"), later("weft.workspace.walk")


class Parts:
    """Looks into tracked directories inside a ``with`` block. The local store is opened with the first question, and an
    answer is remembered. Where a ``project`` is open, its store serves, and no block is needed."""

    def __init__(self, git: GitRepo, project: projects.Project | None = None) -> None:
        self._git = git
        self._open = ExitStack()
        self._project = project
        self._asked = project is not None
        self._known: dict[tuple[Oid, str, str], DataRef | None] = {}

    def __enter__(self) -> Parts:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def find(self, pointer: Pointer, owner: str, path: str) -> DataRef | None:
        """What is at ``path``, which lies inside ``owner``, in the version of that for which ``pointer`` stands; None when
        nothing is. Raises ``ObjectMissing`` where the manifests that tell are not here, or cannot be read."""
        key = (pointer.oid, owner, path)
        if key not in self._known:
            project = self._opened()
            if project is None:
                raise ObjectMissing(f"the manifests of {owner} are not here", hint="weft fetch", path=owner)
            try:
                found = find_below(pointer, path[len(owner) + 1 :], walk.manifest_reader(project.store, pointer.layout))
            except ObjectMissing:
                raise
            except WeftError as error:
                raise ObjectMissing(error.message, hint=error.hint, path=owner) from error
            self._known[key] = None if found is None else part_ref(pointer, owner, path, found)
        return self._known[key]

    def _opened(self) -> projects.Project | None:
        """The project with its store. A clone that has none yet, as on a CI server, is not given one."""
        if not self._asked:
            self._asked = True
            try:
                if os.path.exists(os.path.join(projects.state_dir(self._git), projects.CATALOG)):
                    trust = replace(remote.NOTHING, foreign=self._git.foreign)
                    self._project = self._open.enter_context(projects.open_project(self._git.root, trust=trust))
            except WeftError:
                pass  # other commands say what is wrong with it
        return self._project


def find_below(pointer: Pointer, sub: str, read: ReadManifest) -> Entry | None:
    """The entry at the path ``sub`` inside a tracked directory, None when there is none. Raises ``ObjectMissing``."""
    entry = entries.Entry(entries.DIR, pointer.oid, pointer.size, pointer.files, pointer.path)
    for name in sub.split("/"):
        found = read(entry.oid).by_name().get(name) if entry.type == entries.DIR else None
        if found is None:
            return None
        entry = found
    return entry


def part_ref(pointer: Pointer, owner: str, path: str, entry: Entry) -> DataRef:
    """The ``entry`` at ``path``, which lies inside ``owner``, for a record."""
    executable = entry.type == entries.EXEC
    return DataRef(
        path,
        "dir" if entry.type == entries.DIR else "file",
        *(entry.oid, entry.size, entry.files, executable, owner),
        whole=pointer.oid,
    )
