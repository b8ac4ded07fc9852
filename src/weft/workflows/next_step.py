"""What comes next in the middle of a merge: which conflict to settle, what to mend, or how Git goes on."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from weft.errors import NotTracked, UsageFault, WeftError, quoted
from weft.gitio.halfway import Halfway, halfway
from weft.gitio.index import read_stages
from weft.gitio.repo import GitRepo
from weft.model.lineage import merged_by_weft
from weft.model.pointer import SUFFIX
from weft.util.humanize import few_text
from weft.util.later import later
from weft.util.progress import Progress
from weft.workflows.files import read_small
from weft.workflows.stage_conflicts import Made, made_by_stages
from weft.workflows.targets import why_unmerged

if TYPE_CHECKING:
    from weft.workflows import validate
else:
    validate = later("weft.workflows.validate")

_LIMIT = 8 << 20
_SHOWN = 3


def following(git: GitRepo, progress: Progress) -> str:
    """The next command as things are; ``progress`` is warned of what is staged and would make a false commit.

    Git calls no hook before the commits of a rebase, so this may be the only one to say so. Raises ``GitFailed``.
    """
    unmerged = read_stages(git)
    now = halfway(git)
    if unmerged:
        stuck = _stuck(git, unmerged)
        ready = unmerged.keys() - stuck.keys()
        for name, (why, step) in stuck.items():
            progress.warn(f"{name.removesuffix(SUFFIX)} could not be merged: {why}", step if ready else "")
        return next_step(ready, now, made_by_stages(git, unmerged)) if ready else next(iter(stuck.values()))[1]
    return (_mend(git, progress) if now else "") or next_step((), now)


def nothing_named(git: GitRepo, progress: Progress) -> WeftError:
    """The error for who names nothing to settle: what is in conflict, and the next command. Raises ``GitFailed``."""
    unmerged = read_stages(git)
    if not unmerged:
        return NotTracked("there is no conflict", hint="git status")
    paths = few_text(sorted(name.removesuffix(SUFFIX) for name in unmerged))
    return UsageFault(f"name what to settle; in conflict: {paths}", hint=following(git, progress))


def next_step(unmerged: Collection[str], now: Halfway | None, made: Mapping[str, Made] | None = None) -> str:
    """The next command where the files ``unmerged`` are in conflict, or none is. ``now``: what Git is halfway through.

    ``made`` are those that stages made: they are weft's to settle, and the side that their record is of is named first.
    """
    known = made or {}
    for name in sorted(unmerged):
        if merged_by_weft(name) or name in known:
            side = known[name].side if name in known else ""
            first, *others = sorted(("ours", "theirs", "base"), key=lambda one: one != (side or "ours"))
            path = quoted(name.removesuffix(SUFFIX))
            return f"weft resolve --{first} {path}" + "".join(f", or --{one}" for one in others)
    if unmerged:
        first = min(unmerged)
        return f"edit {first}, then git add {quoted(first)}"
    return now.go_on if now else "git commit"


def _stuck(git: GitRepo, unmerged: Collection[str]) -> dict[str, tuple[str, str]]:
    """Those of the pointers ``unmerged`` that cannot be merged as things are, each with why, and what has to be done."""
    found = {}
    for name in sorted(name for name in unmerged if name.endswith(SUFFIX)):
        why, step = why_unmerged(read_small(os.path.join(git.root, name), _LIMIT) or b"", name)
        if step:
            found[name] = why, step
    return found


def _mend(git: GitRepo, progress: Progress) -> str:
    """What mends the first contradiction in what is staged; all of them are warned of. "" where there is none."""
    errors = [one for one in validate.validate_staged(git.root).violations if one.severity == "error"]
    for one in errors[:_SHOWN]:
        progress.warn(f"what is staged contradicts itself: {one.path}: {one.rule} {one.message}")
    if len(errors) > _SHOWN:
        progress.warn(f"and {len(errors) - _SHOWN} more; weft validate --staged names them all")
    return next((one.mend for one in errors if one.mend), "weft validate --staged") if errors else ""
