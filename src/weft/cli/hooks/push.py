"""The pre-push hook: the data goes first."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from weft.cli import registry
from weft.cli.context import Session
from weft.cli.hooks.commit import show
from weft.cli.render.transfer import push_lines
from weft.cli.text import escape
from weft.errors import UsageFault, WeftError
from weft.workflows import prepush

STOPPED = "weft: this git push is stopped, and Git has sent nothing"
_SHOWN = 5


def run(name: str, arguments: Sequence[str], session: Session) -> int:
    """Push the data of the commits that Git is about to push. Raises what must stop it."""
    registry.interrupts().watch(session.interrupted)
    try:
        pushing = _told(arguments, session)
        if pushing.tip and (ours := prepush.asked_already(session.start)):
            session.err.line(f"weft: {escape(ours)} looked at all that this push sends")
            return 0
        result = prepush.prepush(session.start, pushing, session.progress, session.trust)
    except WeftError:
        session.err.line(STOPPED)
        raise
    if result.validated is not None and not result.validated.passed:
        show(result.validated, session)
        session.err.line(STOPPED)
        return 1
    if result.validated is not None:
        show(result.validated, session)
    if result.pushed is not None and (result.pushed.objects or result.pushed.repaired) and not result.quiet:
        for line in push_lines(result.pushed):
            session.err.line(f"weft: {line}")
    if pushing.tip and (others := prepush.not_looked_at(session.start, pushing)):
        for line in _of_others(others):
            session.err.line(line)
    return 0


def _of_others(others: Sequence[str]) -> tuple[str, str]:
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    names = ", ".join(escape(name) for name in others[:_SHOWN]) + more
    return (
        f"weft: pre-commit tells of one ref of a push only: if it sends these too, their data was not looked at: {names}",
        "hint: git push them one by one, or run `weft install --pre-commit-tool` once in this clone",
    )


def _told(arguments: Sequence[str], session: Session) -> prepush.Pushing:
    """What is pushed where: from Git as the hook's arguments and input, or from pre-commit in the environment."""
    environment = session.environment
    if not arguments and environment.get("PRE_COMMIT") == "1" and "PRE_COMMIT_REMOTE_NAME" not in environment:
        raise UsageFault(
            "pre-commit was not started by a push, so nobody says what is pushed, and nothing was looked at",
            hint="git push; or weft validate --rev HEAD, and weft push",
        )
    if arguments or "PRE_COMMIT_REMOTE_NAME" not in environment:
        lines = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").splitlines() if sys.stdin else []
        return prepush.Pushing(arguments[0] if arguments else "", tuple(lines))
    tip = environment.get("PRE_COMMIT_TO_REF") or environment.get("PRE_COMMIT_LOCAL_BRANCH", "HEAD")
    base, branch = environment.get("PRE_COMMIT_FROM_REF", ""), environment.get("PRE_COMMIT_REMOTE_BRANCH", "")
    return prepush.Pushing(environment["PRE_COMMIT_REMOTE_NAME"], (), tip, base, branch)
