"""The data of commits that are about to be pushed: sent to its remote, and asked for there once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft.errors import HookRefused, NoRemote, NotOnRemote
from weft.gitio.repo import GitRepo
from weft.model.paths import CONFIG_PATH
from weft.model.pointer import Pointer
from weft.model.remote import Trust
from weft.objects.closure_check import remote_states
from weft.util.humanize import count_text
from weft.util.progress import Progress
from weft.workflows.brought import naming_the_commit
from weft.workflows.connect import connection, find_remote
from weft.workflows.options import TransferOptions
from weft.workflows.project import Project, committed_config, open_project
from weft.workflows.push import push_selection
from weft.workflows.results import PushResult
from weft.workflows.selection import of_blobs

_SHOWN = 5


def send(
    git: GitRepo, blobs: Sequence[tuple[str, str]], commits: Sequence[str], progress: Progress, trust: Trust
) -> PushResult:
    """Send the data of the pointers ``blobs`` (path and blob id) of ``commits``, and prove that the remote has all of it.

    Raises ``NoRemote`` and ``HookRefused`` where data cannot be sent at all, ``NotOnRemote`` when the remote does not hold
    what a pointer needs, and what ``push`` raises.
    """
    if committed_config(git) is None:
        raise HookRefused(
            f"the commits hold {count_text(len(blobs), 'pointer')}, and this work tree has no {CONFIG_PATH} to find their"
            " remote in",
            hint="git switch to a branch that has it, then push",
        )
    with open_project(git.root, progress, trust) as project:
        if not project.config.remotes:
            raise NoRemote(
                f"the commits hold {count_text(len(blobs), 'pointer')}, and no remote is configured for their data",
                hint="weft remote add origin URL, then git push",
            )
        selection = of_blobs(project, blobs)
        with naming_the_commit(git, blobs, commits):
            pushed = push_selection(project, selection, TransferOptions())
            prove(project, selection.pointers)
        return pushed


def prove(project: Project, pointers: Mapping[str, Pointer]) -> None:
    """Ask the remote for all data of ``pointers``, as somebody who wants to fetch would. Raises ``NotOnRemote``."""
    spec = find_remote(project)
    with connection(project, spec) as link:
        states = remote_states(link.remote, project.store, pointers)
    bad = [path for path, state in states.items() if state != "pushed"]
    if bad:
        more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        raise NotOnRemote(
            f"the remote {spec.name} ({spec.place}) does not hold all data of {', '.join(bad[:_SHOWN])}{more}",
            hint="weft push, then git push",
            path=bad[0],
        )
