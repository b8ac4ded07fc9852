"""How a stage that is stale is told of: in one line, with what changed since its run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weft.cli.context import View
from weft.cli.text import escape
from weft.util.humanize import few_text
from weft.workflows.results_status import StaleStage

_SHOWN = 10
FROZEN = "frozen, stale"
UNKNOWN = "which stages are stale cannot be told from here"


def stage_text(stage: StaleStage) -> str:
    """``train: src/train.py changed since the run``."""
    return f"{escape(stage.stage)}: {escape(few_text(stage.causes))} changed since the run"


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
