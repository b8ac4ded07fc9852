"""The page of a commit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weft.cli.context import Page, View
from weft.cli.render.lineage import run_rows
from weft.cli.render.log import plain
from weft.cli.render.stale import FROZEN, NOT_RIGHT, UNKNOWN, stale_lines, why_text, wrong_text
from weft.cli.render.tables import table
from weft.cli.text import columns, escape
from weft.util.humanize import count_text, size_text
from weft.workflows.show import ShownStage, ShowResult

_SHOWN = 10


FORMS = ("text", "csv", "md")
"""The forms of a commit, the usual one first."""

_HEADS = ("section", "stage", "path", "key", "value", "stale", "accepted")
BY_HAND = "accepted by hand"


def show_page(result: ShowResult, view: View, form: str = "text") -> Page:
    """The commit, its data, its params and metrics, its stages, and what is not right."""
    if form != "text":
        rows = ((*row, *_marks(row, result)) for row in _table(result))
        unknown = [UNKNOWN] if result.stale is None else []
        return Page(data=table(form, _HEADS, rows), notes=tuple(map(escape, [*result.notes, *unknown])))
    lines = [
        f"{view.paint.care('commit')} {result.commit}" + ("  (merge)" if len(result.parents) > 1 else ""),
        f"{escape(result.author)}  {escape(result.date[:16].replace('T', ' '))}  {escape(result.subject)}",
        *_titled("data", _data(result, view)),
        *_titled("params", _files(result.params, view)),
        *_titled("params of no run yet", _files(result.not_run, view)),
        *_titled("metrics", _files(result.metrics, view, result)),
    ]
    late = stale_lines(result.stale or (), view)
    lines[2:2] = ["", *late] if late else []
    for stage in result.stages:
        lines += _titled(f"stage {escape(stage.name)}", [f"{label:<8}  {text}" for label, text in _stage(stage, view)])
    wrong = [wrong_text(path, reason) for path, reasons in result.wrong.items() for reason in reasons]
    lines += _titled(view.paint.bad(NOT_RIGHT), wrong)
    absent = [f"{escape(path)}: {escape(reason)}" for path, reason in result.left_out.items()]
    more = [f"and {len(absent) - _SHOWN:,} more (-v lists all)"] if len(absent) > _SHOWN and not view.verbose else []
    lines += _titled("left out", absent[:_SHOWN] + more if more else absent)
    holds_none = not (result.data or result.stages or result.params or result.metrics or wrong or absent)
    notes = ["this commit holds no data, stages, params or metrics"] if holds_none else list(result.notes)
    notes += [UNKNOWN] if result.stale is None else []
    return Page(data=tuple(lines), notes=tuple(map(escape, notes)))


def _table(result: ShowResult) -> Iterator[tuple[Any, ...]]:
    """Each thing of the commit as a row: data with its type and object id, values by file and key, what stages used."""
    for one in result.data:
        yield "data", "", one.path, one.type, one.oid
    sections = ("params", result.params), ("params of no run yet", result.not_run), ("metrics", result.metrics)
    for section, files in sections:
        for file, values in files.items():
            yield from ((section, "", file, key, value) for key, value in values.items())
    for stage in result.stages:
        yield "command", stage.name, stage.wdir, "", stage.cmd if isinstance(stage.cmd, str) else " ".join(stage.cmd)
        for label, items in (("reads", stage.reads), ("writes", stage.writes), ("code", stage.code)):
            yield from ((label, stage.name, path, "", oid) for path, oid in items.items())
    for path, reasons in result.wrong.items():
        yield from (("not right", "", path, "", reason) for reason in reasons)


def _marks(row: tuple[Any, ...], result: ShowResult) -> tuple[str, str]:
    """Whether a row tells of a stale stage or what it made, and of one that was accepted by hand."""
    section, stage, path = row[:3]
    made = section in ("data", "metrics")
    late = {one.stage: FROZEN if one.frozen else "stale" for one in result.stale or ()}
    stale = late.get(stage, "") if stage else "stale" if made and path in result.stale_paths else ""
    if result.stale is None and (stage or made):
        stale = "unknown"
    known = next((one.run for one in result.stages if one.name == stage), None) if stage else None
    by_hand = (known is not None and known.accepted is not None) or (made and path in result.accepted_paths)
    return stale, "by hand" if by_hand else ""


def _titled(title: str, lines: Sequence[str]) -> list[str]:
    return ["", title, *(f"    {line}" for line in lines)] if lines else []


def _data(result: ShowResult, view: View) -> list[str]:
    rows = [
        [
            one.type,
            size_text(one.size),
            f"{one.files:,}" if one.type == "dir" else "",
            _id(one.oid, view),
            escape(one.path) + ("/" if one.type == "dir" else "") + _mark(one.path, result, view),
        ]
        for one in result.data
    ]
    return columns(rows, right=frozenset({1, 2}))


def _mark(path: str, result: ShowResult, view: View) -> str:
    if any(one.path == path or one.path.startswith(f"{path}/") for one in result.false):
        return f"  {view.paint.bad(NOT_RIGHT)}"
    marks = ("stale" if path in result.stale_paths else "", BY_HAND if path in result.accepted_paths else "")
    return "".join(f"  {view.paint.care(mark)}" for mark in marks if mark)


def _files(files: Mapping[str, Mapping[str, Any]], view: View, result: ShowResult | None = None) -> list[str]:
    lines = []
    for name, values in files.items():
        shown = list(values.items()) if view.verbose else list(values.items())[:_SHOWN]
        mark = _mark(name, result, view) if result is not None else ""
        lines += [f"{escape(name)}:{escape(key)} = {plain(value)}{mark}" for key, value in shown]
        if len(shown) < len(values):
            lines.append(f"{escape(name)}: and {len(values) - len(shown):,} more (-v lists all)")
    return lines


def _id(oid: str, view: View) -> str:
    return oid if view.verbose else oid.rpartition(":")[2][:12]


def _stage(stage: ShownStage, view: View) -> Iterator[tuple[str, str]]:
    yield "command", _words(stage.cmd, view) + (f"  in {escape(stage.wdir)}" if stage.wdir else "")
    if not stage.recorded:
        yield "run", view.paint.care(f"no record says which run made it: weft repro {escape(stage.name)}")
        return
    if stage.stale or stage.stale_above:
        label = FROZEN if stage.frozen else "stale"
        yield label, view.paint.care(why_text(stage.stale or (), stage.stale_above))
    kinds = (("reads", stage.reads), ("writes", stage.writes), ("plots", stage.plots), ("code", stage.code))
    for label, items in kinds:
        shown = list(items.items()) if view.verbose else list(items.items())[:_SHOWN]
        yield from ((label, f"{_id(oid, view)}  {escape(path)}") for path, oid in shown)
        if len(shown) < len(items):
            yield label, f"and {count_text(len(items) - len(shown), 'path')} more (-v lists all)"
    for label, files in (("params", stage.params), ("metrics", stage.metrics)):
        yield from ((label, line) for line in _files(files, view))
    if stage.run:
        yield from run_rows(stage.run, stage.author)
    where = [str(stage.env[key]) for key in ("platform", "image") if stage.env.get(key)]
    python = f"Python {stage.env['python']}" if stage.env.get("python") else ""
    if where or python:
        yield "where", escape(", ".join(filter(None, [*where, python])))
    if stage.reused:
        by = f" by {escape(stage.reused_author)}" if stage.reused_author else ""
        yield "reused", f"the outs of run {escape(stage.reused)}{by}"


def _words(cmd: str | tuple[str, ...], view: View) -> str:
    text = (cmd if isinstance(cmd, str) else " ".join(cmd)).strip()
    first = text.partition("\n")[0][:100]
    return escape(text if view.verbose else first + ("..." if first != text else ""))
