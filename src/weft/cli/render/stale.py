"""How a stage that is stale is told of, in one line with what changed since its run, and a result that is false."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weft.cli.context import View
from weft.cli.text import escape
from weft.errors import quoted
from weft.util.humanize import count_text, few_text
from weft.workflows.results_status import FalseResult, StaleStage

_SHOWN = 10
FROZEN = "frozen, stale"


UNKNOWN = "which stages are stale cannot be told from here"
NOT_RIGHT = "not right"
"""Marks a false result."""


def stage_text(stage: StaleStage) -> str:
    """``train: src/train.py changed since the run``."""
    return f"{escape(stage.stage)}: {why_text(stage.causes, stage.above)}"


def why_text(causes: Sequence[str], above: Sequence[str]) -> str:
    """What changed since the run of a stage, and which ones it reads from are stale: ``prepare is stale``."""
    changed = f"{escape(few_text(causes))} changed since the run" if causes else ""
    late = f"{escape(few_text(above))} {'is' if len(above) == 1 else 'are'} stale" if above else ""
    return ", and ".join(filter(None, (changed, late)))


def wrong_text(path: str, reason: str) -> str:
    """``out.txt is not what the run of train wrote``; a reason that goes on otherwise comes behind a colon."""
    return f"{escape(path)}{' ' if reason.startswith('is ') else ': '}{escape(reason)}"


def wrong_lines(wrong: Sequence[FalseResult], view: View) -> list[str]:
    """A line for each false result; of many only the first, but with ``-v`` all."""
    shown = wrong if view.verbose or len(wrong) <= _SHOWN else wrong[: _SHOWN - 1]
    mark = view.paint.bad(NOT_RIGHT)
    more = [f"{mark}: {len(wrong) - len(shown)} more (-v lists them)"] if len(shown) < len(wrong) else []
    return [f"{mark}: {wrong_text(one.path, one.reason)}" for one in shown] + more


def wrong_notes(names: Sequence[str], wrong: Sequence[Sequence[FalseResult]]) -> Iterator[str]:
    """A line for each result that is false in some of the revisions ``names`` for the same reason."""
    where: dict[FalseResult, list[str]] = {}
    for name, found in zip(names, wrong, strict=True):
        for one in found:
            where.setdefault(one, []).append(name)
    for one, some in where.items():
        yield f"{NOT_RIGHT} in {escape(few_text(some))}: {wrong_text(one.path, one.reason)}"


def stale_lines(stale: Sequence[StaleStage], view: View) -> list[str]:
    """A line for each stage; of many only the first, but with ``-v`` all."""
    shown = stale if view.verbose or len(stale) <= _SHOWN else stale[: _SHOWN - 1]
    mark = view.paint.care("stale")
    frozen = view.paint.care(FROZEN)
    more = [f"{mark}: {len(stale) - len(shown)} more stages (-v lists them)"] if len(shown) < len(stale) else []
    return [f"{frozen if stage.frozen else mark}: {stage_text(stage)}" for stage in shown] + more


def stale_notes(names: Sequence[str], stale: Sequence[Sequence[StaleStage] | None]) -> Iterator[str]:
    """A line for each stage that is stale in some of the revisions ``names`` for the same reason."""
    where: dict[StaleStage, list[str]] = {}
    for name, found in zip(names, stale, strict=True):
        if found is None:
            yield f"{escape(name)}: {UNKNOWN}"
        for one in found or ():
            where.setdefault(one, []).append(name)
    for one, some in where.items():
        yield f"{FROZEN if one.frozen else 'stale'} in {escape(few_text(some))}: {stage_text(one)}"


def left_text(records: Sequence[str]) -> str:
    """What to do with records of stages that nothing declares any more."""
    names = " ".join(escape(quoted(path)) for path in records)
    return f"git rm -f {names}, left of {count_text(len(records), 'stage')} that weft.yaml no longer declares"
