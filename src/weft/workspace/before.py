"""The data that the workspace was last made from, while its pointer says something newer."""

from __future__ import annotations

from weft.model.entry import DIR, FILE, Entry
from weft.workspace.statcache import Tracked
from weft.workspace.walk import ReadManifest


class EntriesBefore:
    """The entries of the pointer ``tracked``; ``read`` gives its manifests, each of which is decoded once."""

    def __init__(self, tracked: Tracked | None, is_dir: bool, read: ReadManifest) -> None:
        self._read = read
        self._known: dict[str, dict[str, Entry]] = {}
        if tracked is not None and is_dir:
            self._known[""] = read(tracked.oid).by_name()
        elif tracked is not None:
            self._known[""] = {"/": Entry(FILE, tracked.oid, 0, 1, "/")}

    def find(self, directory: str, name: str) -> Entry | None:
        """The entry ``name`` of ``directory``, "/" being a tracked file. Raises what reading manifests raises."""
        return self._entries(directory).get(name)

    def _entries(self, directory: str) -> dict[str, Entry]:
        todo = directory
        waiting: list[str] = []
        while todo and todo not in self._known:
            waiting.append(todo)
            todo = todo.rpartition("/")[0]
        for path in reversed(waiting):
            parent, _, name = path.rpartition("/")
            entry = self._known.get(parent, {}).get(name)
            below = entry is not None and entry.type == DIR
            self._known[path] = self._read(entry.oid).by_name() if entry is not None and below else {}
        return self._known.get(directory, {})
