"""Before a ``git push``: the data goes first, and a commit goes only when the remote holds all of its data.

What Git's pre-push hook is told decides which commits these are; what the Git remote has already is not looked at again.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from weft.errors import HookRefused, NoRemote, NotOnRemote
from weft.gitio.pushes import Outgoing, Update, outgoing, parse_updates, pointer_blobs_of
from weft.gitio.repo import GitRepo, discover
from weft.gitio.trees import resolve
from weft.model.pointer import Pointer
from weft.objects.closure_check import remote_states
from weft.util.humanize import count_text
from weft.util.progress import Progress
from weft.workflows.connect import connection, find_remote
from weft.workflows.options import TransferOptions
from weft.workflows.project import CONFIG_PATH, Project, open_project
from weft.workflows.push import push_selection
from weft.workflows.results import PushResult
from weft.workflows.selection import of_blobs

_SHOWN = 5


class Pushing(NamedTuple):
    """A Git push under way: the Git ``remote`` (a name or a URL) and the ``lines`` that Git gives to its pre-push hook.

    A program between Git and us may give one revision instead, ``tip``, and one that the remote has, ``base``.
    """

    remote: str
    lines: tuple[str, ...] = ()
    tip: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True)
class PrePushResult:
    """What was looked at before a push: so many commits with so many pointers; ``pushed`` is None when there are none."""

    commits: int = 0
    pointers: int = 0
    pushed: PushResult | None = None


def find_outgoing(git: GitRepo, pushing: Pushing) -> Outgoing:
    """The commits that the push sends. Raises ``NoSuchRevision``, ``GitFailed``."""
    updates = parse_updates(pushing.lines)
    if pushing.tip:
        base = resolve(git, pushing.base) if pushing.base else ""
        updates = [Update(pushing.tip, resolve(git, pushing.tip), pushing.tip, base)]
    return outgoing(git, updates, pushing.remote)


def prepush(start: str, pushing: Pushing, progress: Progress | None = None) -> PrePushResult:
    """Send the data of the commits about to be pushed, and prove that the remote has all of it.

    Raises what stops the push: ``NoRemote`` and ``HookRefused`` where data cannot be sent at all, ``NotOnRemote`` when
    the remote does not hold what a commit needs, and what ``push`` raises.
    """
    git = discover(start)
    sent = find_outgoing(git, pushing)
    blobs = pointer_blobs_of(git, sent)
    if not blobs:
        return PrePushResult(len(sent.commits))
    if not os.path.lexists(os.path.join(git.root, CONFIG_PATH)):
        raise HookRefused(
            f"the commits hold {count_text(len(blobs), 'pointer')}, and this work tree has no {CONFIG_PATH} to find their"
            " remote in",
            hint="git switch to a branch that has it, then push",
        )
    with open_project(git.root, progress) as project:
        if not project.config.remotes:
            raise NoRemote(
                f"the commits hold {count_text(len(blobs), 'pointer')}, and no remote is configured for their data",
                hint="weft remote add origin URL, then git push",
            )
        selection = of_blobs(project, blobs)
        pushed = push_selection(project, selection, TransferOptions())
        _prove(project, selection.pointers)
    return PrePushResult(len(sent.commits), len(blobs), pushed)


def _prove(project: Project, pointers: Mapping[str, Pointer]) -> None:
    """Ask the remote once more, as somebody who wants to fetch would. Raises ``NotOnRemote``."""
    spec = find_remote(project)
    with connection(project, spec) as link:
        states = remote_states(link.remote, project.store, pointers)
    bad = [path for path, state in states.items() if state != "pushed"]
    if bad:
        more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        raise NotOnRemote(
            f"the remote {spec.name} does not hold all data of {', '.join(bad[:_SHOWN])}{more}",
            hint="weft push, then git push",
            path=bad[0],
        )
