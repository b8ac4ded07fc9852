"""Pages of status and diff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from weft.cli.context import Page, View
from weft.cli.text import Paint, escape
from weft.util.humanize import count_text, size_text
from weft.util.later import later
from weft.workflows.results_status import Change, Edited, PathStatus, StatusResult

if TYPE_CHECKING:
    from weft.cli.render import factcells, stale
    from weft.workflows.facts import FactRow
    from weft.workflows.results import DiffResult
else:
    factcells = later("weft.cli.render.factcells")
    stale = later("weft.cli.render.stale")


LETTERS = {"added": "A", "modified": "M", "deleted": "D", "renamed": "R", "typechange": "T", "mode": "X"}
"""A change's letter; Git's where Git has one."""

STATES = {
    "not-here": "-",
    "partial": "~",
    "missing": "D",
    "behind": "<",
    "conflict": "U",
    "error": "!",
    "modified": "M",
}
"""The letter of a tracked path of which no single file is told."""

_WORDS = {"typechange": "changed in type", "mode": "changed in mode"}


def status_page(result: StatusResult, view: View) -> Page:
    """Lines as of `git status --short`, a sum, and what to do next."""
    data = [line for item in result.paths for line in _path_lines(item, view)]
    late = stale.stale_lines(result.stale, view) if result.stale else ()
    return Page(data=(*data, *late), report=(_status_sum(result),), notes=tuple(_advice(result)))


def _path_lines(item: PathStatus, view: View) -> list[str]:
    path, paint = escape(item.path), view.paint
    lines = [_change_line(change, paint) for change in item.changes]
    lines += [line for edited in item.edited for line in _edited_lines(edited, paint)]
    if item.state in ("error", "conflict"):
        lines.append(f"{paint.bad(STATES[item.state])} {path}  {escape(item.message)}")
    elif item.state == "not-here":
        lines.append(f"{paint.quiet('-')} {path}  (not here)")
    elif item.state == "behind":
        lines.append(f"{paint.care('<')} {path}  (its pointer changed, and the new data is not here)")
    elif item.absent and item.state != "missing":
        lines.append(f"{paint.quiet('~')} {path}  ({count_text(item.absent, 'file')} not here)")
    elif item.state in STATES and not item.changes:
        lines.append(f"{paint.care(STATES[item.state])} {path}" + (f"  {escape(item.message)}" if item.message else ""))
    if item.remote in ("not-pushed", "incomplete"):
        lines.append(f"{paint.care('^')} {path}  ({item.remote.replace('-', ' ')})")
    if view.verbose and not lines:
        lines.append(f"= {path}")
    return lines


def _edited_lines(edited: Edited, paint: Paint) -> list[str]:
    lines = [f"{paint.bad('!')} {escape(edited.path)}  (changed in place through a link into the store)"]
    return lines + [f"{paint.bad('!')} {escape(other)}  (changed with it)" for other in edited.others]


def _status_sum(result: StatusResult) -> str:
    counts = Counter(change.kind for item in result.paths for change in item.changes)
    parts = [f"{number} {_WORDS.get(kind, kind)}" for kind in LETTERS if (number := counts[kind])]
    states = Counter("partial" if item.state == "modified" and item.absent else item.state for item in result.paths)
    for state, word in (
        ("not-here", "not here"),
        ("partial", "partly here"),
        ("behind", "behind its pointer"),
        ("missing", "missing"),
        ("conflict", "in conflict"),
        ("error", "in error"),
    ):
        parts += [f"{states[state]} {word}"] if states[state] else []
    unpushed = [item for item in result.paths if item.remote == "not-pushed"]
    incomplete = [item for item in result.paths if item.remote == "incomplete"]
    if unpushed:
        parts.append(f"{len(unpushed)} not pushed to {escape(result.remote)}")
    if incomplete:
        parts.append(f"{len(incomplete)} incomplete on {escape(result.remote)}")
    if result.paths and all(item.remote == "pushed" for item in result.paths):
        parts.append(f"all pushed to {escape(result.remote)}")
    paths = count_text(len(result.paths), "tracked path")
    if not result.paths:
        return "nothing is tracked yet"
    return f"{paths}: {', '.join(parts)}" if parts else f"{paths}, all as recorded"


def _advice(result: StatusResult) -> list[str]:
    lines = []
    if not result.paths:
        lines.append("next: weft add PATH")
    wrong = [item for item in result.paths if item.hint and not (item.state == "conflict" and result.following)]
    lines += list(dict.fromkeys(f"next: {escape(item.hint)}" for item in wrong))
    lines += [f"next: {escape(result.following)}"] if result.following else []
    behind = [item for item in result.paths if item.state == "modified" and item.message]
    if behind:
        lines.append("next: weft checkout, to bring data to a pointer that changed")
    if len(behind) < sum(bool(item.changes) and item.state != "conflict" for item in result.paths):
        lines.append("next: weft add PATH to record, weft checkout --force PATH to undo")
    if any(item.edited for item in result.paths):
        lines.append(
            "next: weft checkout --force PATH in each work tree above; weft verify puts the changed copy aside"
        )
    # Data that is behind its pointer comes by a checkout, as far as it is in the local store.
    if any(
        item.state in ("not-here", "partial", "behind") or (item.absent and item not in behind) for item in result.paths
    ):
        lines.append("next: weft pull, to bring what is not here")
    if result.uncommitted and not result.following:
        lines.append(f"next: git commit ({count_text(len(result.uncommitted), 'pointer')} not committed)")
    if any(item.remote == "not-pushed" for item in result.paths):
        lines.append("next: weft push")
    if any(item.remote == "incomplete" for item in result.paths):
        lines.append(f"next: weft verify --remote {escape(result.remote)} --repair")
    if result.stale:
        lines.append("next: weft repro, to run stages that are stale")
    if result.stale is None:
        lines.append(f"{stale.UNKNOWN}: weft.yaml cannot be read; next: weft validate")
    return lines


def diff_page(result: DiffResult, view: View) -> Page:
    """One line a change with its sizes, one for each param, metric, file of code and command that differs, and a sum."""
    counts = Counter(change.kind for change in result.changes)
    parts = [f"{number} {_WORDS.get(kind, kind)}" for kind in LETTERS if (number := counts[kind])]
    growth = sum(change.new_size - change.old_size for change in result.changes)
    what = f"{escape(result.old)} -> {escape(result.new)}"
    size = [f"{'+' if growth >= 0 else '-'}{size_text(abs(growth))}"] if parts else []
    data = [f"{_change_line(change, view.paint)}  ({_sizes(change)})" for change in result.changes]
    data += [f"{row.section:<7}  {_fact(row, view)}" for row in result.facts]
    others = Counter(row.section for row in result.facts)
    told = [f"{number} of {section}" for section, number in others.items()]
    notes = [f"{escape(path)} is left out: {escape(reason)}" for path, reason in result.left_out]
    notes += stale.stale_notes((result.old, result.new), result.stale) if result.stale else ()
    notes += [
        f"{escape(path)}: {count_text(number, 'file')} not here, and not compared" for path, number in result.absent
    ]
    return Page(data=tuple(data), notes=(*notes, f"{what}: {', '.join([*parts, *size, *told]) or 'no differences'}"))


def _fact(row: FactRow, view: View) -> str:
    from_, to = (escape(cell) for cell in factcells.fact_cells(row, view))
    by = "" if row.delta is None else f"  ({row.delta:+.6g})"
    return f"{escape(row.key)}  {from_} -> {to}{by}"


def _change_line(change: Change, paint: Paint) -> str:
    brush: Callable[[str], str] = {"added": paint.good, "deleted": paint.bad}.get(change.kind, paint.care)
    names = f"{escape(change.old_path)} -> {escape(change.path)}" if change.old_path else escape(change.path)
    return f"{brush(LETTERS.get(change.kind, '?'))} {names}"


def _sizes(change: Change) -> str:
    if change.kind == "added":
        return size_text(change.new_size)
    if change.kind == "deleted":
        return size_text(change.old_size)
    if change.old_size == change.new_size:
        return size_text(change.new_size)
    return f"{size_text(change.old_size)} -> {size_text(change.new_size)}"
