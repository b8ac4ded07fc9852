"""What a remote holds of tracked paths: the part of ``weft status`` that needs the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from weft.objects.closure_check import remote_states
from weft.workflows.connect import connection, find_remote
from weft.workflows.project import Project
from weft.workflows.targets import Target


class Pushed(NamedTuple):
    """What the remote called ``remote`` holds, by tracked path."""

    remote: str
    by_path: Mapping[str, str]

    def of(self, target: Target) -> str:
        """Pushed, not-pushed or incomplete; empty where nothing is known."""
        return self.by_path.get(target.path, "")


def states(project: Project, targets: Sequence[Target], remote: str) -> Pushed:
    """Ask ``remote`` (empty: the default one) about ``targets``. Raises ``NoRemote`` and what the storage raises."""
    spec = find_remote(project, remote)
    with connection(project, spec) as link:
        pointers = {target.path: target.pointer for target in targets}
        return Pushed(spec.name, remote_states(link.remote, project.store, pointers))
