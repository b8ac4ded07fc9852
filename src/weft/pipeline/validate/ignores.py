"""Ignores: violations that weft.yaml declares to be right, each with a reason that all can read."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from weft.model.stage import STAGE_FILE, Ignore, Stage
from weft.pipeline.validate.faults import SCHEMA
from weft.pipeline.validate.violations import Violation, rule_id, stale_refused
from weft.util.later import later

if TYPE_CHECKING:
    from weft.pipeline.validate import registry
    from weft.pipeline.validate.context import Context
else:
    registry = later("weft.pipeline.validate.registry")


class Ignored(NamedTuple):
    """A violation that does not count, and why."""

    violation: Violation
    reason: str


class Before(NamedTuple):
    """What stood in the base of a range: the ignores, the names of frozen stages, and whether what is stale was refused."""

    ignores: tuple[Ignore, ...] = ()
    frozen: frozenset[str] = frozenset()
    refuses: bool = False


def old_frozen(context: Context) -> frozenset[str]:
    """The names of the stages that were frozen before this commit; none when they cannot be read."""
    return frozen_of(context.old_stages() or {})


def frozen_of(stages: Mapping[str, Stage]) -> frozenset[str]:
    """The names of those ``stages`` that are frozen."""
    return frozenset(name for name, stage in stages.items() if stage.frozen)


def count(
    context: Context, found: Sequence[Violation], before: Before | None = None, *, strict: bool = False
) -> tuple[list[Violation], list[Ignored]]:
    """What of ``found`` counts and what does not, by what the snapshot declares: ignores, frozen stages, and whether what is
    stale is refused, as it is with ``strict``. Without a ``before`` it is the commit before that bounds excuses."""
    untouched = not context.whole and STAGE_FILE not in context.changes
    if not found and untouched:
        return [], []  # neither stages nor ignores need be read
    known = context.stages()
    stale = [one for one in found if one.severity == "stale"]
    frozen = {one.stage for one in stale if one.stage in known and known[one.stage].frozen}
    refused = bool(stale) and (strict or (before is not None and before.refuses) or context.refuses_stale())
    if refused and frozen:
        frozen &= old_frozen(context) if before is None else before.frozen
    left = [one for one in found if one.severity != "stale" or one.stage not in frozen]
    if not left and untouched:
        return [], []
    old = context.old_ignores() if before is None else before.ignores
    counted, ignored = apply(left, context.ignores(), old, whole=context.whole, fresh=refused)
    return stale_refused(counted) if refused else counted, ignored


def apply(
    found: Iterable[Violation], ignores: Sequence[Ignore], before: Sequence[Ignore], *, whole: bool, fresh: bool = False
) -> tuple[list[Violation], list[Ignored]]:
    """What counts and what does not. An ignore of a rule that guards integrity must be among those ``before`` as well: a
    commit does not excuse itself. What is stale is seen by all, so an ignore of it counts at once; but where all must be
    ``fresh`` nobody would see it, and it must have stood before.

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
        guarded = fresh if violation.severity == "stale" else violation.rule in registry.INTEGRITY
        if guarded and _covering(before, violation) is None:
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
    pieces = _pieces(pattern)
    open_at = _skipped(pieces, {0})
    for char in path:
        open_at = _skipped(pieces, {after for at in open_at for after in _after(pieces, at, char)})
        if not open_at:
            return False
    return len(pieces) in open_at


# All places in the pattern that the path may have led to are kept at once, so the time is at most the product of the
# lengths. A pattern with many stars is not tried in all the ways in which it might match, as a regular expression would.


@functools.lru_cache(maxsize=256)
def _pieces(pattern: str) -> tuple[str, ...]:
    """``**``, ``*``, ``?`` and characters; ``**/``, which may stand for nothing, is followed by its two parts."""
    found: list[str] = []
    for piece in re.findall(r"\*\*/?|.", pattern, re.DOTALL):
        if piece == "**/":
            found += [piece, "**", "/"]
        elif piece not in ("**", "*") or found[-1:] != [piece]:  # a star behind the same star adds nothing
            found.append(piece)
    return tuple(found)


def _skipped(pieces: Sequence[str], places: set[int]) -> set[int]:
    """``places``, and those that are reached from them without a character."""
    found: set[int] = set()
    ahead = list(places)
    while ahead:
        at = ahead.pop()
        if at not in found:
            found.add(at)
            piece = pieces[at] if at < len(pieces) else ""
            ahead += [at + 1, at + 3] if piece == "**/" else [at + 1] if piece in ("**", "*") else []
    return found


def _after(pieces: Sequence[str], at: int, char: str) -> Iterator[int]:
    """The places to which ``char`` leads from the one before the piece ``at``."""
    piece = pieces[at] if at < len(pieces) else ""
    if piece == "**" or (piece == "*" and char != "/"):
        yield at
    elif char != "/" if piece == "?" else char == piece:
        yield at + 1
