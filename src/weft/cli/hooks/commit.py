"""The hooks before a commit and before the commit of a merge: what is staged is validated.

Neither click nor a cloud library is loaded here: every commit waits for this.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from weft.cli.context import Session, View
from weft.cli.render.validate import validate_page
from weft.cli.streams import paint_for
from weft.model.paths import CONFIG_PATH
from weft.workflows.membership import is_project
from weft.workflows.validate import ValidateResult, hook_validate, validate_staged

_LARGE_FILES = ("WEFT003",)
# What Git says it is doing when it commits a merge; pre-commit calls both hooks by one name.
_MERGES = ("merge", "pull")


def run(name: str, arguments: Sequence[str], session: Session) -> int:
    """Validate what is staged; ``large-files`` tells only of what is too large for Git, or data beside its pointer."""
    # Git starts these hooks at the top of the work tree, so the common case costs no question.
    if not os.path.lexists(CONFIG_PATH) and not is_project(session.start):
        return 0
    if name == "large-files":
        result = _large_files(session)
    elif name == "pre-merge-commit" or session.environment.get("GIT_REFLOG_ACTION", "").startswith(_MERGES):
        # The data of the other side comes with a checkout after the merge: the workspace is not compared before it.
        result = validate_staged(session.start, cached=not session.in_ci)
    else:
        result = hook_validate(session.start, session.progress, cached=not session.in_ci)
    show(result, session)
    return 0 if result.passed else 1


def _large_files(session: Session) -> ValidateResult:
    result = validate_staged(session.start, cached=not session.in_ci)
    return replace(result, violations=tuple(one for one in result.violations if one.rule in _LARGE_FILES))


def show(result: ValidateResult, session: Session) -> None:
    """Print what was found to standard error; nothing when all is well."""
    session.progress.close()
    if not result.violations:
        return
    page = validate_page(result, View(paint_for(session.err, session.environment), session.verbose))
    only_stale = all(one.severity == "stale" for one in result.violations)
    for line in page.data if only_stale else (*page.data, *page.report, *page.notes):
        session.err.line(line)
    session.err.flush()
