"""Before a ``git push``: the data goes first, and a commit goes only when the remote holds all of its data.

What Git's pre-push hook is told decides which commits these are; what the Git remote has already is not looked at again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from weft.errors import HookRefused
from weft.gitio.hooks import hook_place, our_hook
from weft.gitio.pushes import Outgoing, Update, outgoing, parse_updates, pointer_blobs_of, unsent_refs
from weft.gitio.repo import FETCHED, GitRepo, discover
from weft.gitio.snapshots import RUNS
from weft.gitio.trees import resolve
from weft.model.remote import NOTHING, Trust
from weft.util.humanize import count_text
from weft.util.later import later
from weft.util.progress import Progress, SilentProgress
from weft.workflows.membership import of_project
from weft.workflows.project import read_config
from weft.workflows.validate import ValidateResult, validate_commits
from weft.workflows.validate_results import Violation

if TYPE_CHECKING:
    from weft.workflows import prepush_data, prepush_locks
    from weft.workflows.results import PushResult
else:
    prepush_data = later("weft.workflows.prepush_data")
    prepush_locks = later("weft.workflows.prepush_locks")


_AT_ONCE = 100


class Pushing(NamedTuple):
    """A Git push under way: the Git ``remote`` (a name or a URL) and the ``lines`` that Git gives to its pre-push hook.

    A program between Git and us may give one revision instead, ``tip``, one that the remote has, ``base``, and the
    ``branch`` of the remote.
    """

    remote: str
    lines: tuple[str, ...] = ()
    tip: str = ""
    base: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class PrePushResult:
    """What was looked at before a push: so many commits with so many pointers; ``pushed`` is None when there are none.

    When ``validated`` does not pass, nothing was sent and the push must not go on. ``quiet``: the user wants to hear only of
    what is wrong.
    """

    commits: int = 0
    pointers: int = 0
    pushed: PushResult | None = None
    validated: ValidateResult | None = None
    quiet: bool = False


def find_outgoing(git: GitRepo, pushing: Pushing) -> Outgoing:
    """The commits that the push sends. Raises ``NoSuchRevision``, ``GitFailed``."""
    updates = parse_updates(pushing.lines)
    _refuse_snapshots(updates)
    if pushing.tip:
        base = resolve(git, pushing.base) if pushing.base else ""
        updates = [Update(pushing.tip, resolve(git, pushing.tip), pushing.branch or pushing.tip, base)]
    return outgoing(git, updates, pushing.remote)


def _refuse_snapshots(updates: Sequence[Update]) -> None:
    """Raise ``HookRefused`` where refs go along with others that are this clone's alone: with --mirror, nobody named them.

    These are snapshots of runs, and runs that were fetched: what others shared through one Git remote is not for all, and
    no clone looks for it there or lets it expire. The runs that this clone shares are meant to be on a Git remote.
    """
    sent = [update.local_ref for update in updates if not update.deletes]
    kinds = {
        "of runs, with work that was never committed": [ref for ref in sent if ref.startswith(RUNS)],
        "of runs that others shared": [ref for ref in sent if ref.startswith(FETCHED)],
    }
    found = [f"{count_text(len(refs), 'snapshot')} {what}" for what, refs in kinds.items() if refs]
    if found and sum(map(len, kinds.values())) < len(updates):
        raise HookRefused(
            f"this push would send {' and '.join(found)}",
            hint="git push --all and git push --tags send branches and tags alone; git push --no-verify sends all refs, and"
            " data only by weft push",
        )


def prepush(start: str, pushing: Pushing, progress: Progress | None = None, trust: Trust = NOTHING) -> PrePushResult:
    """Validate the commits about to be pushed, send their data, and prove that the remote has all of it.

    Raises what stops the push: what ``prepush_data.send`` raises, ``PathLocked``, and ``NoSuchRevision`` and ``GitFailed``.
    """
    git = discover(start).judged()
    sent = find_outgoing(git, pushing)
    listener = progress or SilentProgress()
    validated = _validate(git, sent, listener)
    if not validated.passed:
        return PrePushResult(len(sent.commits), validated=validated)
    if validated.commits:  # else no commit is of a project of weft's
        prepush_locks.refuse_locked(git, sent, pushing.remote, listener, trust)
    blobs = pointer_blobs_of(git, sent)
    pushed = prepush_data.send(git, blobs, list(sent.commits), listener, trust) if blobs else None
    quiet = pushed is not None and read_config(git).hooks_quiet
    return PrePushResult(len(sent.commits), len(blobs), pushed, validated, quiet)


def asked_already(start: str) -> str:
    """Our own hook before a push, relative to the root, where the pre-commit program runs beside it; empty: there is none.

    Git tells that one of all refs.
    """
    git = discover(start)
    path = our_hook(hook_place(git), "pre-push")
    return os.path.relpath(path, os.path.realpath(git.root)) if path else ""


def not_looked_at(start: str, pushing: Pushing) -> list[str]:
    """Local branches and tags with commits that the remote is not known to have, beside those of ``pushing.tip``."""
    git = discover(start)
    return unsent_refs(git, pushing.remote, resolve(git, pushing.tip))


def _validate(git: GitRepo, sent: Outgoing, progress: Progress) -> ValidateResult:
    """What the commit hook would have said of each commit: it may have been passed by. Some at a time, to tell how far
    it is; the first that do not pass are enough. Of those that pass, what is stale is given back: the last of each stage."""
    ours = of_project(git, sent.commits)
    pairs = [(commit, parents[0] if parents else "") for commit, parents in sent.commits.items() if commit in ours]
    stale: dict[tuple[str, str], Violation] = {}
    last: dict[str, str] = {}
    with progress.task("validate", items=len(pairs), noun="commit") as task:
        for first in range(0, len(pairs), _AT_ONCE):
            some = pairs[first : first + _AT_ONCE]
            result = validate_commits(git, some)
            if not result.passed:
                return result
            for one in result.violations:
                if one.severity == "stale":
                    last[one.stage] = one.commit
                    stale[one.stage, one.cause] = one
            task.advance(items=len(some))
    shown = tuple(one for one in stale.values() if one.commit == last[one.stage])
    return ValidateResult("commits", shown, commits=len(pairs))
