"""Pages of lineage: trees of text for show and graph, sections for why, a list for impact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from weft.cli.context import Page, View
from weft.cli.render.pipeline import reason_text
from weft.cli.render.stale import FROZEN
from weft.cli.text import columns, escape
from weft.model.lineage import RunFacts
from weft.util.humanize import count_text, duration_text, size_text
from weft.workflows.lineage import (
    DATA,
    PARAMS,
    Brought,
    GraphResult,
    ImpactResult,
    Reached,
    Reason,
    Run,
    ShowResult,
    Step,
    Use,
    WhyResult,
)

_SHOWN = 10
"""So many values or files of one kind are listed; the rest is counted, but with -v all are."""


def show_page(result: ShowResult, view: View) -> Page:
    """The tree of what led to the data, the data itself first; a step that was told already is not told again."""
    steps = {step.key: step for step in result.steps}
    told: set[str] = set()
    lines = [_use(result.item, view, root=True)]
    # Each entry: what stands before the line, what before those below it, and the line's subject.
    waiting: list[tuple[str, str, Use | str]] = [("`- ", "   ", result.item.step)] if result.item.step else []
    while waiting:
        lead, below, subject = waiting.pop()
        if isinstance(subject, Use):
            lines.append(lead + _use(subject, view))
            inner: list[Use | str] = [subject.step] if subject.step else []
        else:
            again = subject in told
            lines.append(lead + _step(steps[subject], view) + (" (see above)" if again else ""))
            told.add(subject)
            inner = [] if again else list(steps[subject].reads)
        for number, one in reversed(list(enumerate(inner))):
            last = number == len(inner) - 1
            waiting.append((below + ("`- " if last else "|- "), below + ("   " if last else "|  "), one))
    notes = [*result.notes, *_stale_notes(result.steps)]
    return Page(data=tuple(lines), notes=tuple(map(escape, notes)))


def _stale_notes(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        if step.stale:
            yield f"{_name(step)} is {FROZEN if step.frozen else 'stale'}: {_reasons(step.stale)}"


def _marks(step: Step) -> Iterator[str]:
    """What is to be known of a step beside its command."""
    if not step.recorded:
        yield "no record"
    elif step.stale:
        yield FROZEN if step.frozen else "stale"
    if step.accepted:
        yield "accepted by hand"


def _reasons(reasons: Sequence[Reason]) -> str:
    more = f", and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    return reason_text(reasons[0]) + more


def _step(step: Step, view: View) -> str:
    state = "".join(f" ({view.paint.care(mark)})" for mark in _marks(step))
    return f"{escape(_name(step))}: {_words(step.cmd, view)}{state}"


def _name(step: Step) -> str:
    return f"{step.commit[:12]}:{step.stage}" if step.commit else step.stage


def _words(cmd: str | tuple[str, ...], view: View) -> str:
    text = cmd if isinstance(cmd, str) else " ".join(cmd)
    if view.verbose:
        return escape(text)
    first, _, more = text.strip().partition("\n")
    first = first if len(first) <= 100 else first[:97]
    return escape(first) + ("..." if more or len(first) < len(text.strip()) else "")


def _use(use: Use, view: View, *, root: bool = False) -> str:
    name = escape(use.path)
    if use.kind == PARAMS:
        return f"{name}: {_values(use.values, view)}"
    if use.inside:
        oid = f"  {short(use.oid)}" if use.oid else ""
        return f"{name}{oid}  a part of {escape(use.inside)}"
    oid = f"  {short(use.oid)}" if use.oid else ""
    if use.kind == DATA:
        files = f", {count_text(use.files, 'file')}" if use.files != 1 else ""
        facts = f"{oid}  {size_text(use.size)}{files}" if use.oid else "  no pointer"
        source = "" if use.step else "  a source" if not root else "  a source: no stage writes it"
        return f"{name}{facts}{view.paint.quiet(source)}"
    files = f"  {count_text(use.files, 'file')}" if use.files > 1 else "" if use.files else "  not there"
    return f"{name}{oid}{files}" + (
        view.paint.quiet("  Git keeps it, no stage writes it") if root and not use.step else ""
    )


def short(oid: str) -> str:
    """The beginning of an object id, or of a Git blob id, without the name of the hash."""
    return oid.rpartition(":")[2][:12]


def _values(values: Mapping[str, Any], view: View) -> str:
    items = list(values.items())
    shown = items if view.verbose else items[:_SHOWN]
    text = ", ".join(f"{escape(key)} = {_value(value)}" if value is not None else escape(key) for key, value in shown)
    return (text or "all of it") + (f", and {len(items) - len(shown)} more" if len(shown) < len(items) else "")


def _value(value: Any) -> str:
    return escape(repr(value) if isinstance(value, (list, dict)) else str(value))


# --- why -------------------------------------------------------------------------------------------------------------


def why_page(result: WhyResult, view: View) -> Page:
    """Who wrote the data, with what, and which commits brought it in."""
    rows: list[tuple[str, str]] = [("path", _use(result.item, view))]
    if result.stage:
        rows.append(("stage", escape(result.stage)))
    else:
        rows.append(("stage", "none: it is a source"))
    rows += [("source", f"{escape(str(key))} = {_value(value)}") for key, value in result.source.items()]
    if result.run:
        rows += _run_rows(result.run, view)
    elif result.stage:
        rows.append(("run", view.paint.care(f"no record says which run made it: weft repro {escape(result.stage)}")))
    rows.append(("brought by", _brought(result.brought)))
    rows += [("stale", view.paint.care(reason_text(reason))) for reason in result.stale]
    return Page(data=tuple(_labelled(rows)), notes=tuple(map(escape, result.notes)))


def _labelled(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    before = ""
    for label, text in rows:
        yield f"{label if label != before else '':<10}  {text}"
        before = label


def _run_rows(run: Run, view: View) -> Iterator[tuple[str, str]]:
    yield "command", _words(run.cmd, view) + (f"  in {escape(run.wdir)}" if run.wdir else "")
    for use in run.reads:
        yield "data", _use(use, view).removesuffix("  a source")
    yield from (("code", f"{escape(path)}  {short(blob)}") for path, blob in _some(run.code, view))
    yield from (("code", text) for text in _rest(run.code, view, "file"))
    for label, files in (("params", run.params), ("metrics", run.metrics)):
        yield from ((label, f"{escape(name)}: {_values(values, view)}") for name, values in files.items())
    yield from (("env", f"{escape(key)} = {_value(value)}") for key, value in run.env.items() if view.verbose)
    if run.determinism:
        yield "promise", _values(run.determinism, view)
    if run.rationale:
        yield "rationale", escape(run.rationale)
    if run.facts:
        yield from run_rows(run.facts, run.author)
    if run.reused:
        by = f" by {escape(run.reused_author)}" if run.reused_author else ""
        yield "reused", f"the outs of run {escape(run.reused)}{by}"
    if run.dirty:
        yield "from", f"uncommitted changes on {run.base[:12] or 'no commit'}, {_kept(run)}"
    elif run.base:
        yield "from", f"commit {run.base[:12]}"
    yield from (("changed", f"{escape(path)}, while it ran") for path in run.changed)
    yield "recorded", _brought(run.recorded) + (" (another run is recorded now)" if run.found_in else "")


def _kept(run: Run) -> str:
    if run.kept_here:
        return f"kept at {escape(run.snapshot)}"
    of = f": it stayed in that of {escape(run.author)}" if run.author else ""
    return f"whose snapshot {escape(run.snapshot.rpartition('/')[2])} is not in this clone{of}"


def run_rows(facts: RunFacts, author: str) -> Iterator[tuple[str, str]]:
    """When it ran, and who ran it; or who accepted by hand what no run of weft made."""
    if facts.accepted is not None:
        by = f", by {escape(facts.accepted.author)}" if facts.accepted.author else ""
        yield "accepted", f"by hand, nothing ran: {escape(facts.accepted.reason)}  ({escape(facts.started)}{by})"
        return
    took = f"{escape(facts.started)}, took {duration_text(facts.duration)}"
    yield "ran", took + (f", by {escape(author)}" if author else "")


def _some(items: Mapping[str, str], view: View) -> list[tuple[str, str]]:
    return list(items.items()) if view.verbose else list(items.items())[:_SHOWN]


def _rest(items: Mapping[str, str], view: View, noun: str) -> list[str]:
    left = 0 if view.verbose else len(items) - _SHOWN
    return [f"and {count_text(left, noun)} more (-v lists all)"] if left > 0 else []


def _brought(brought: Brought | None) -> str:
    if brought is None:
        return "not committed yet"
    cut = " or an earlier one" if brought.cut else ""
    return f"commit {brought.commit[:12]}{cut}: {escape(brought.subject)}  ({escape(brought.author)}, {brought.date})"


# --- impact and graph ------------------------------------------------------------------------------------------------


def impact_page(result: ImpactResult, view: View) -> Page:
    """One line a stage, with what makes it stale and what it writes."""
    rows = [
        [escape(one.stage), _because(one), f"writes {escape(', '.join(one.outs)) or 'nothing'}"]
        for one in result.stages
    ]
    marks = [
        ("  frozen" if one.frozen else "") + ("  stale already" if one.stage in result.stale else "")
        for one in result.stages
    ]
    lines = [row + view.paint.care(mark) for row, mark in zip(columns(rows), marks, strict=True)]
    subject = f"{result.path}:{result.keys[0]}" if result.keys else result.path
    stages = sum(not one.frozen for one in result.stages)
    total = f"{count_text(stages, 'stage')} would be stale, {count_text(len(result.outs), 'out')} with them"
    report = f"{escape(subject)}: {total}" if result.stages else f"{escape(subject)}: no stage reads it"
    late = [f"{name} is stale: {_reasons(why)}" for name, why in result.why_stale.items()]
    return Page(data=tuple(lines), report=(report,), notes=tuple(map(escape, [*result.notes, *late])))


def _because(one: Reached) -> str:
    reads = f"reads {', '.join(one.reads)}" if one.reads else ""
    after = f"after {', '.join(one.after)}" if one.after else ""
    return escape(", ".join(filter(None, (reads, after))))


def graph_page(result: GraphResult, view: View) -> Page:
    """Each stage below one that it reads from, each once, with what it reads and writes."""
    order = [step.key for step in result.steps]
    steps = {step.key: step for step in result.steps}
    below: dict[str, list[str]] = {key: [] for key in order}
    roots = []
    for key in order:
        above = [name for name in dict.fromkeys(use.step for use in steps[key].reads) if name in steps]
        if above:
            # Below the last of those it waits for, so that a line never stands above what it needs.
            below[max(above, key=order.index)].append(key)
        else:
            roots.append(key)
    lines: list[str] = []
    waiting = [("", "", key) for key in reversed(roots)]
    while waiting:
        lead, indent, key = waiting.pop()
        lines.append(lead + _graph_line(steps[key], view))
        inner = below[key]
        for number, one in reversed(list(enumerate(inner))):
            last = number == len(inner) - 1
            waiting.append((indent + ("`- " if last else "|- "), indent + ("   " if last else "|  "), one))
    stale = sum(bool(step.stale) for step in result.steps)
    report = f"{count_text(len(order), 'stage')}, {stale} stale" if order else "no stage has to do with it"
    notes = [*result.notes, *_stale_notes(result.steps)]
    return Page(data=tuple(lines), report=(report,), notes=tuple(map(escape, notes)))


def _graph_line(step: Step, view: View) -> str:
    reads = ", ".join(dict.fromkeys(use.path for use in step.reads)) or "nothing"
    writes = ", ".join(use.path for use in step.writes) or "nothing"
    state = "".join(f"  ({view.paint.care(mark)})" for mark in _marks(step) if step.stale or step.accepted)
    return f"{escape(step.stage)}: {escape(reads)} -> {escape(writes)}{state}"
