"""Ignores: violations that weft.yaml declares to be right, each with a reason that all can read."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from weft.model.stage import STAGE_FILE, Ignore
from weft.pipeline.validate.faults import SCHEMA
from weft.pipeline.validate.violations import Violation, rule_id
from weft.util.later import later

if TYPE_CHECKING:
    from weft.pipeline.validate import registry
else:
    registry = later("weft.pipeline.validate.registry")


@dataclass(frozen=True, slots=True)
class Ignored:
    """A violation that does not count, and why."""

    violation: Violation
    reason: str


def apply(
    found: Iterable[Violation], ignores: Sequence[Ignore], before: Sequence[Ignore], *, whole: bool
) -> tuple[list[Violation], list[Ignored]]:
    """What counts and what does not. An ignore of a rule that guards integrity must be among those ``before`` as well: a
    commit does not excuse itself.

    An ignore of a rule that does not exist counts as a violation itself; so does one that matches nothing, as a warning,
    where the ``whole`` snapshot was looked at.
    """
    counted: list[Violation] = []
    ignored: list[Ignored] = []
    used: set[Ignore] = set()
    for violation in found:
        by = _covering(ignores, violation)
        if by is None:
            counted.append(violation)
            continue
        used.add(by)
        if violation.rule in registry.INTEGRITY and _covering(before, violation) is None:
            mend = (
                f"an ignore of {by.rule} does not count in the commit, or range, that brings it; else: {violation.mend}"
            )
            counted.append(replace(violation, mend=mend))
        else:
            ignored.append(Ignored(violation, by.reason))
    for one in ignores:
        if one.rule not in registry.RULES:
            text = f"an ignore names {one.rule}, and there is no such rule"
            counted.append(Violation(rule_id(SCHEMA), "error", STAGE_FILE, 0, text, "weft validate --explain"))
        elif whole and one not in used:
            text = f"the ignore of {one.rule} for {one.path} matches nothing"
            counted.append(Violation(rule_id(SCHEMA), "warn", STAGE_FILE, 0, text, "take it out of `validate:`"))
    return counted, ignored


def _covering(ignores: Sequence[Ignore], violation: Violation) -> Ignore | None:
    return next((one for one in ignores if one.rule == violation.rule and matches(one.path, violation.path)), None)


def matches(pattern: str, path: str) -> bool:
    """Whether ``path`` is meant by ``pattern``: ``*`` and ``?`` stay within one component, ``**`` spans any number."""
    return _compiled(pattern).fullmatch(path) is not None


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = []
    for piece in re.split(r"(\*\*/?|\*|\?)", pattern):
        parts.append({"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(piece) or re.escape(piece))
    return re.compile("".join(parts), re.DOTALL)
