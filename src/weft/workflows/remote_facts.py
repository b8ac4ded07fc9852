"""What remotes are seen to hold, for verbs that drop local bytes on their word."""

from __future__ import annotations

from collections.abc import Iterator

from weft.objects.gc_proof import RemoteFacts, look
from weft.workflows.connect import connection, find_remote
from weft.workflows.project import Project


class Remotes:
    """The remote called ``name``, or all that were pushed to before, the default one first. Each is asked at the first use,
    and once."""

    def __init__(self, project: Project, name: str) -> None:
        remotes = project.config.remotes
        chosen = [find_remote(project, name).name] if name else list(remotes)
        chosen.sort(key=lambda one: one != project.config.remote)
        self._project = project
        self._names = [one for one in chosen if remotes[one].store]
        self._found: dict[str, RemoteFacts] = {}

    def __iter__(self) -> Iterator[tuple[str, RemoteFacts]]:
        """The name of each remote, and what it holds. Raises network errors."""
        for name in self._names:
            if name not in self._found:
                with connection(self._project, find_remote(self._project, name)) as link:
                    self._found[name] = look(link.remote)
            yield name, self._found[name]

    def facts(self) -> list[RemoteFacts]:
        """What each of them holds."""
        return [found for _, found in self]
