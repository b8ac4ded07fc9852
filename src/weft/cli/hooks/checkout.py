"""The hooks after a checkout, a merge and a rebase: the data follows the pointers."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from weft.cli import registry
from weft.cli.context import Session
from weft.cli.text import escape
from weft.errors import quoted
from weft.util.humanize import count_text, size_text
from weft.util.later import later

if TYPE_CHECKING:
    from weft.workflows import posthooks
    from weft.workflows.posthooks import Event, FollowResult
    from weft.workflows.validate_results import Violation
else:
    posthooks = later("weft.workflows.posthooks")

_SHOWN = 5


def run(name: str, arguments: Sequence[str], session: Session) -> int:
    """Check out what Git has changed. What cannot be done is told; it never makes Git's command fail."""
    event = _event(name, arguments, session)
    if event is None:
        return 0
    registry.interrupts().watch(session.interrupted)
    result = posthooks.follow(session.start, event, session.progress)
    session.progress.close()
    for line in _lines(result):
        session.err.line(session.from_top(line))
    if name == "post-rewrite" and sys.stdin:
        told = sys.stdin.buffer.read().decode("ascii", "replace").splitlines()
        wrong = posthooks.false_commits(session.start, [line.split()[1] for line in told if " " in line])
        for line in _false(wrong):
            session.err.line(session.from_top(line))
    return 0


def _false(wrong: Mapping[str, Violation]) -> list[str]:
    """The line about commits of a rebase that contradict themselves."""
    if not wrong:
        return []
    commit, one = next(iter(wrong.items()))
    which = f"{commit[:12]}: {escape(one.path)}: {one.rule} {escape(one.message)}"
    more = f" (and {count_text(len(wrong) - 1, 'commit')} more)" if len(wrong) > 1 else ""
    return [
        f"weft: a commit of this rebase contradicts itself, {which}{more}; next: weft validate --range {commit[:12]}~..HEAD"
    ]


def _event(name: str, arguments: Sequence[str], session: Session) -> Event | None:
    """What happened, from the arguments of Git's hook or from the environment that pre-commit makes; None: nothing."""
    told = session.environment
    if name == "checkout":
        name, arguments = _from_tool(told)
    if name == "post-checkout":
        return posthooks.Event(posthooks.CHECKOUT, arguments[0]) if arguments[2:] == ["1"] else None
    if name == "post-merge":
        return posthooks.Event(posthooks.MERGE, "HEAD" if arguments[:1] == ["1"] else "ORIG_HEAD")
    # An amended commit has the pointers that the workspace was just recorded in.
    return posthooks.Event(posthooks.REBASE, "ORIG_HEAD") if arguments[:1] == ["rebase"] else None


def _from_tool(told: dict[str, str]) -> tuple[str, list[str]]:
    if "PRE_COMMIT_CHECKOUT_TYPE" in told:
        refs = [told.get("PRE_COMMIT_FROM_REF", ""), told.get("PRE_COMMIT_TO_REF", "")]
        return "post-checkout", [*refs, told["PRE_COMMIT_CHECKOUT_TYPE"]]
    if "PRE_COMMIT_IS_SQUASH_MERGE" in told:
        return "post-merge", [told["PRE_COMMIT_IS_SQUASH_MERGE"]]
    return "post-rewrite", [told.get("PRE_COMMIT_REWRITE_COMMAND", "")]


def _lines(result: FollowResult) -> list[str]:
    lines = []
    if result.done is not None:
        done = [f"wrote {count_text(result.done.written, 'file')} ({size_text(result.done.written_bytes)})"]
        done = (done if result.done.written else []) + (
            [f"removed {count_text(result.done.removed, 'file')}"] if result.done.removed else []
        )
        lines += [f"weft: {', '.join(done)}"] if done and not result.quiet else []
        if result.done.absent:
            lines.append(f"weft: not in the local store: {_names(result.done.absent)}; next: {_pull(result.parts)}")
    if result.left:
        lines.append(f"weft: left alone, for it has changes that no store holds: {_names(result.left)}")
        lines.append(
            "hint: weft diff; then weft add each changed file by its name and weft checkout, or weft checkout --force"
        )
    return lines


def _pull(parts: Sequence[str]) -> str:
    """The command that brings what is missing: in a clone with parts of directories first that which brings these alone."""
    if not 0 < len(parts) <= _SHOWN:
        return "weft pull"
    return f"weft pull {' '.join(escape(quoted(part)) for part in parts)}, or weft pull for all data"


def _names(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(escape(path) for path in paths[:_SHOWN]) + more
