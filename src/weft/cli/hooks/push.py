"""The pre-push hook: the data goes first."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from weft.cli import registry
from weft.cli.context import Session
from weft.cli.hooks.commit import show
from weft.cli.render.transfer import push_lines
from weft.errors import WeftError
from weft.workflows.prepush import Pushing, prepush

STOPPED = "weft: this git push is stopped, and Git has sent nothing"


def run(name: str, arguments: Sequence[str], session: Session) -> int:
    """Push the data of the commits that Git is about to push. Raises what must stop it."""
    registry.interrupts().watch(session.interrupted)
    try:
        result = prepush(session.start, _told(arguments, session), session.progress, session.trust)
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
    return 0


def _told(arguments: Sequence[str], session: Session) -> Pushing:
    """What is pushed where: from Git as the hook's arguments and input, or from pre-commit in the environment."""
    environment = session.environment
    if arguments or "PRE_COMMIT_REMOTE_NAME" not in environment:
        lines = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").splitlines() if sys.stdin else []
        return Pushing(arguments[0] if arguments else "", tuple(lines))
    tip = environment.get("PRE_COMMIT_TO_REF") or environment.get("PRE_COMMIT_LOCAL_BRANCH", "HEAD")
    base, branch = environment.get("PRE_COMMIT_FROM_REF", ""), environment.get("PRE_COMMIT_REMOTE_BRANCH", "")
    return Pushing(environment["PRE_COMMIT_REMOTE_NAME"], (), tip, base, branch)
