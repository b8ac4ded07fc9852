"""After Git has changed the pointers: bring the data to them, as far as it is here and nothing would be lost."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from weft.errors import ObjectMissing, RefusedInput, UnsavedChanges
from weft.gitio import trees
from weft.gitio.blobs import is_blob_id
from weft.gitio.repo import GitRepo, discover
from weft.model.pointer import Pointer
from weft.util.later import later
from weft.util.progress import Progress
from weft.workflows.checkout import carry_out, plan_one, without_pointer
from weft.workflows.files import read_small
from weft.workflows.membership import of_project
from weft.workflows.options import CheckoutOptions
from weft.workflows.project import Project, alone, committed_config, open_project
from weft.workflows.results import CheckoutResult
from weft.workflows.targets import broken_of, revision_pointers, workspace_pointers
from weft.workspace.parts import parts_here
from weft.workspace.plan import Plan
from weft.workspace.walk import manifest_reader

if TYPE_CHECKING:
    from weft.workflows import validate
    from weft.workflows.validate_results import Violation
else:
    validate = later("weft.workflows.validate")

CHECKOUT, MERGE, REBASE = "checkout", "merge", "rebase"

_OTHERS = ("rebase-apply", "BISECT_LOG", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")
_REBASE_FOLDER, _REBASE_STEPS = "rebase-merge", "git-rebase-todo"


class Event(NamedTuple):
    """What Git did: ``kind`` is one of the three above, ``old`` a revision as it was before ("": nothing is known)."""

    kind: str
    old: str = ""


@dataclass(frozen=True, slots=True)
class FollowResult:
    """What was done in the workspace. ``left`` are tracked paths with changes that no store holds: they stay as they are.

    ``parts`` are the paths that this clone has of what is not in the local store, where it has a part of some directory
    alone. ``done`` is None when nothing had to be looked at. ``quiet``: the user wants to hear only of what is left to do.
    """

    done: CheckoutResult | None = None
    left: tuple[str, ...] = ()
    quiet: bool = False
    parts: tuple[str, ...] = ()


def follow(start: str, event: Event, progress: Progress | None = None) -> FollowResult:
    """Check out the data of pointers that Git has changed since ``event.old``, and of those the workspace is behind of.

    Nothing is fetched, and data whose pointer is the same is not touched. While Git is halfway through something, nothing
    is done. Raises what planning and writing raise; nothing is overwritten whose bytes are not in the local store.
    """
    git = discover(start)
    if committed_config(git) is None or _is_halfway(git, event.kind):
        return FollowResult()
    with open_project(git.root, progress) as project, alone(project, f"the hook after a {event.kind}"):
        plans: dict[str, Plan] = {}
        absent, left = [], []
        for path, pointer in _behind(project, event.old):
            try:
                plan = plan_one(project, path, pointer, None, CheckoutOptions())
            except ObjectMissing:
                absent.append(path)
            except UnsavedChanges:
                left.append(path)
            else:
                absent.extend([path] if plan.absent else [])
                plans.update({} if plan.absent else {path: plan})
        parts = _parts(project, absent)
        return FollowResult(carry_out(project, plans, absent), tuple(left), project.config.hooks_quiet, parts)


def _parts(project: Project, absent: Iterable[str]) -> tuple[str, ...]:
    """What is here of the tracked paths ``absent``, where that is not all of some directory."""
    found: dict[str, list[str]] = {}
    for path in absent:
        state = project.cache.load(path)
        if state.tracked is not None and state.holds_any:
            found[path] = parts_here(state, manifest_reader(project.store, state.tracked.layout))
    if all(parts == [""] for parts in found.values()):
        return ()
    return tuple(f"{path}/{part}" if part else path for path, parts in found.items() for part in parts)


def false_commits(start: str, rewritten: Iterable[str]) -> dict[str, Violation]:
    """Those of the commits ``rewritten`` (full ids) that are false, oldest first, each with the first thing wrong.

    Git makes the commits of a rebase without calling a hook before them, so nobody has judged them. Raises ``GitFailed``.
    """
    git = discover(start).judged()
    commits = [one for one in dict.fromkeys(rewritten) if is_blob_id(one)]
    if not commits:
        return {}
    rows = git.git("rev-list", "--no-walk", "--parents", "--topo-order", "--reverse", *commits, "--").decode("ascii")
    parents = {words[0]: words[1:] for words in map(str.split, rows.splitlines())}
    ours = of_project(git, parents)
    pairs = [(commit, some[0] if some else "") for commit, some in parents.items() if commit in ours]
    found: dict[str, Violation] = {}
    for one in validate.validate_commits(git, pairs).violations if pairs else ():
        if one.severity == "error":
            found.setdefault(one.commit, one)
    return found


def _is_halfway(git: GitRepo, kind: str) -> bool:
    """Whether Git will change more before it is done. It runs the hook after a merge while MERGE_HEAD, and the one after
    a rebase while the folder of the rebase, is still there."""
    if kind == REBASE:
        return False
    others = _OTHERS if kind == CHECKOUT else ()
    return _has_steps(git) or any(os.path.lexists(os.path.join(git.git_dir, name)) for name in others)


def _has_steps(git: GitRepo) -> bool:
    """Whether a rebase has commits to put back. One that only moves forward ends with its checkout: no hook follows."""
    folder = os.path.join(git.git_dir, _REBASE_FOLDER)
    if not os.path.isdir(folder):
        return False
    steps = read_small(os.path.join(folder, _REBASE_STEPS), 1 << 24)
    if steps is None:
        return True
    return any(line.strip() not in (b"", b"noop") and not line.startswith(b"#") for line in steps.split(b"\n"))


def _behind(project: Project, old: str) -> Iterator[tuple[str, Pointer | None]]:
    """Tracked paths whose data does not go with the pointers of the work tree; None for a pointer that is gone.

    A broken pointer is told, and nothing is gone while there is one: it may be what another was renamed to.
    """
    now = workspace_pointers(project)
    for one in broken_of(now, [""]):
        project.progress.warn(one.message, one.hint)
    before = _pointers_before(project, old)
    recorded = project.cache.tracked_paths()
    for path, pointer in now.items():
        known = recorded.get(path)
        moved = before.get(path) != pointer or (known is not None and known.oid != pointer.oid)
        if moved and (known is None or project.cache.load(path).holds_any):  # what was dropped stays away
            yield path, pointer
    for path in without_pointer(project, now):
        yield path, None


def _pointers_before(project: Project, old: str) -> Mapping[str, Pointer]:
    if not old.strip("0"):
        return {}
    try:
        return revision_pointers(project, trees.resolve(project.git, old))
    except RefusedInput:  # what was there could not be read: then all that is there now is new
        return {}
