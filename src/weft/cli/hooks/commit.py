"""The hooks before a commit and before the commit of a merge: what is staged is validated.

Neither click nor a cloud library is loaded here: every commit waits for this.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from weft.cli.context import Session, View
from weft.cli.render.validate import validate_page
from weft.cli.streams import paint_for
from weft.model.paths import CONFIG_PATH
from weft.util.later import later
from weft.workflows.membership import is_project
from weft.workflows.validate import ValidateResult, hook_validate, validate_staged

if TYPE_CHECKING:
    from weft.workflows import validate_made
else:
    validate_made = later("weft.workflows.validate_made")

_LARGE_FILES = ("WEFT003",)
# What Git says it is doing when it commits a merge; pre-commit calls both hooks by one name.
_MERGES = ("merge", "pull")


def run(name: str, arguments: Sequence[str], session: Session) -> int:
    """Validate what is staged; ``large-files`` tells only of what is too large for Git, or data beside its pointer."""
    # Git starts these hooks at the top of the work tree, so the common case costs no question.
    if not os.path.lexists(CONFIG_PATH) and not is_project(session.start):
        return 0
    judged = _by_tool(session)
    if judged is not None:
        result = judged
    elif name == "large-files":
        result = validate_staged(session.start, cached=not session.in_ci)
    elif name == "pre-merge-commit" or session.environment.get("GIT_REFLOG_ACTION", "").startswith(_MERGES):
        # The data of the other side comes with a checkout after the merge: the workspace is not compared before it.
        result = validate_staged(session.start, cached=not session.in_ci)
    else:
        result = hook_validate(session.start, session.progress, cached=not session.in_ci)
    if name == "large-files":
        result = replace(result, violations=tuple(one for one in result.violations if one.rule in _LARGE_FILES))
    show(result, session)
    return 0 if result.passed else 1


def _by_tool(session: Session) -> ValidateResult | None:
    """What the pre-commit program asks about that is no commit being made: commits that are there; None: it is one.

    ``pre-commit run --from-ref A --to-ref B`` says so in the environment. For the others Git itself names the index of a
    commit that it makes, and nobody does for ``pre-commit run``.
    """
    told = session.environment
    if told.get("PRE_COMMIT") != "1":
        return None
    if told.get("PRE_COMMIT_FROM_REF") and told.get("PRE_COMMIT_TO_REF"):
        return validate_made.in_range(session.start, told["PRE_COMMIT_FROM_REF"], told["PRE_COMMIT_TO_REF"])
    return None if "GIT_INDEX_FILE" in told else validate_made.unless_staged(session.start)


def show(result: ValidateResult, session: Session) -> None:
    """Print what was found to standard error; nothing when all is well."""
    session.progress.close()
    if not result.violations:
        return
    if session.prefix:
        result = session.here.record(result)
    page = validate_page(result, View(paint_for(session.err, session.environment), session.verbose))
    only_stale = all(one.severity == "stale" for one in result.violations)
    for line in page.data if only_stale else (*page.data, *page.report, *page.notes):
        session.err.line(line)
    session.err.flush()
