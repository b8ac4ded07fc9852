"""Pages of status and diff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from weft.cli.context import Page, View
from weft.cli.text import Paint, columns, escape
from weft.errors import quoted
from weft.util.humanize import count_text, size_text
from weft.util.later import later
from weft.workflows.results_status import Change, Edited, PathStatus, StatusResult

if TYPE_CHECKING:
    from weft.cli.render import factcells, fold, stale, tables
    from weft.workflows.facts import FactRow
    from weft.workflows.results import DiffResult
else:
    factcells = later("weft.cli.render.factcells")
    fold = later("weft.cli.render.fold")
    stale = later("weft.cli.render.stale")
    tables = later("weft.cli.render.tables")


LETTERS = {"added": "A", "modified": "M", "deleted": "D", "renamed": "R", "typechange": "T", "mode": "X"}
"""A change's letter; Git's where Git has one."""

MOST = 7
"""More changes of a kind than this below a directory are one line."""

BEHIND = "<"
"""What is old because the pointer changed, not the file."""

STATES = {
    "not-here": "-",
    "partial": "~",
    "missing": "D",
    "behind": BEHIND,
    "conflict": "U",
    "error": "!",
    "modified": "M",
}
"""The letter of a tracked path of which no single file is told."""

_WORDS = {"typechange": "changed in type", "mode": "changed in mode", "behind": "to check out"}


def status_page(result: StatusResult, view: View) -> Page:
    """Lines as of `git status --short`, a sum, and what to do next."""
    data = [line for item in result.paths for line in path_lines(item, view)]
    longest = max((len(item.changes) for item in result.paths), default=0)
    notes = (*_told_folded("status", longest, view), *_advice(result))
    late = _marks(result, view)
    return Page(data=(*data, *late), report=(_status_sum(result),), notes=notes)


def _marks(result: StatusResult, view: View) -> list[str]:
    """A line for each result that is false, and for each stage that is stale."""
    wrong = stale.wrong_lines(result.wrong, view) if result.wrong else []
    return wrong + (stale.stale_lines(result.stale, view) if result.stale else [])


def stat_page(result: StatusResult, view: View) -> Page:
    """A line for each tracked path and for each directory in it that differs: files, bytes, and how many changed how."""
    rows = [["", "files", "size", "changes"]]
    for item in result.paths:
        absent = [f"{count_text(item.absent, 'file')} not here"] if item.absent else []
        fault = [f"{STATES[item.state]} {escape(item.message)}"] if item.state in ("error", "conflict") else []
        told = ", ".join([*_counted(item.changes), *absent, *fault]) or "as recorded"
        rows.append([escape(item.path), f"{item.files:,}", size_text(item.size), told])
        for directory, some in _by_directory(item):
            rows.append([f"  {escape(directory)}/", "", "", ", ".join(_counted(some))])
    lines = tuple(columns(rows, frozenset((1, 2))))
    late = _marks(result, view)
    return Page(data=(*lines, *late), report=(_status_sum(result),), notes=tuple(_advice(result)))


def _by_directory(item: PathStatus) -> list[tuple[str, list[Change]]]:
    """The changes of a tracked path by the directory in it that they are in."""
    found: dict[str, list[Change]] = {}
    for change in item.changes:
        inside = change.path[len(item.path) + 1 :]
        if "/" in inside:
            found.setdefault(f"{item.path}/{inside.partition('/')[0]}", []).append(change)
    return sorted(found.items())


def _counted(changes: Sequence[Change]) -> list[str]:
    """How many changed how, and by how many bytes."""
    parts = []
    for kind in LETTERS:
        some = [change for change in changes if change.kind == kind and not change.behind]
        if some:
            growth = sum(change.new_size - change.old_size for change in some)
            size = f" ({'+' if growth > 0 else '-'}{size_text(abs(growth))})" if growth else ""
            parts.append(f"{len(some):,} {_WORDS.get(kind, kind)}{size}")
    behind = sum(change.behind for change in changes)
    return parts + ([f"{behind:,} to check out"] if behind else [])


def _told_folded(verb: str, number: int, view: View) -> list[str]:
    """How to see each file, where lines may stand for many."""
    return [f"weft {verb} -v lists each file"] if number > MOST and not view.verbose else []


def _listed(changes: Sequence[Change], view: View, top: str = "") -> Sequence[fold.Line]:
    """A line for each change, or for many of a kind below a directory: how many files it stands for."""
    if view.verbose or len(changes) <= MOST:
        return [(change, 1) for change in changes]
    return fold.fold(changes, MOST, top)


def path_lines(item: PathStatus, view: View) -> list[str]:
    """What differs in one tracked path."""
    path, paint = escape(item.path), view.paint
    lines = [_change_line(change, files, paint) for change, files in _listed(item.changes, view, item.path)]
    lines += [line for edited in item.edited for line in _edited_lines(edited, paint)]
    if item.state in ("error", "conflict"):
        lines.append(f"{paint.bad(STATES[item.state])} {path}  {escape(item.message)}")
    elif item.state == "not-here":
        lines.append(f"{paint.quiet('-')} {path}  (not here)")
    elif _not_fetched(item):
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


def _not_fetched(item: PathStatus) -> bool:
    """True where the pointer changed and what it stands for is not here: the changes are edits of what was here before."""
    return item.state == "behind" and not any(change.behind for change in item.changes)


def _edited_lines(edited: Edited, paint: Paint) -> list[str]:
    lines = [f"{paint.bad('!')} {escape(edited.path)}  (changed in place through a link into the store)"]
    return lines + [f"{paint.bad('!')} {escape(other)}  (changed with it)" for other in edited.others]


def _status_sum(result: StatusResult) -> str:
    counts = Counter("behind" if change.behind else change.kind for item in result.paths for change in item.changes)
    parts = [f"{number} {_WORDS.get(kind, kind)}" for kind in (*LETTERS, "behind") if (number := counts[kind])]
    states = Counter(_state(item) for item in result.paths)
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
    parts += [f"{count_text(len(result.wrong), 'result')} not right"] if result.wrong else []
    paths = count_text(len(result.paths), "tracked path")
    if not result.paths and not result.wrong:
        return "nothing is tracked yet"
    return f"{paths}: {', '.join(parts)}" if parts else f"{paths}, all as recorded"


def _state(item: PathStatus) -> str:
    """The state of a path as the sum counts it, beside its changes."""
    if item.changes and item.state in ("modified", "behind") and not _not_fetched(item):
        return "partial" if item.absent else ""
    return item.state


def _advice(result: StatusResult) -> list[str]:
    lines = []
    if not result.paths:
        lines.append("next: weft add PATH")
    wrong = [item for item in result.paths if item.hint and not (item.state == "conflict" and result.following)]
    lines += list(dict.fromkeys(f"next: {escape(item.hint)}" for item in wrong))
    lines += [f"next: {escape(result.following)}"] if result.following else []
    lines += _choices(result)
    moved = [
        item
        for item in result.paths
        if item.state in ("modified", "behind") and item.message and any(not change.both for change in item.changes)
    ]
    behind = [item for item in moved if item.stored in ("", "all")]  # else only a pull helps
    absent = [
        item for item in result.paths if item not in behind and (item.absent or item in moved or item.state == "behind")
    ]
    if behind:
        lines.append("next: weft checkout, to bring data to a pointer that changed")
    settled = [item for item in result.paths if item.state != "conflict"]
    edits = [change.kind for item in settled for change in item.changes if not (change.behind or change.both)]
    if edits:
        undo = (
            "weft checkout --force --delete PATH" if {"added", "renamed"} & {*edits} else "weft checkout --force PATH"
        )
        lines.append(f"next: weft add PATH to record, {undo} to undo")
    if any(item.edited for item in result.paths):
        lines.append(
            "next: weft checkout --force PATH in each work tree above; weft verify puts the changed copy aside"
        )
    if any(item.stored != "all" for item in absent):
        lines.append("next: weft pull, to bring what is not here")
    elif absent:
        lines.append("next: weft checkout, to bring back what is not here")
    if result.uncommitted and not result.following:
        lines.append(f"next: git commit ({count_text(len(result.uncommitted), 'pointer')} not committed)")
    if any(item.remote == "not-pushed" for item in result.paths):
        lines.append("next: weft push")
    if any(item.remote == "incomplete" for item in result.paths):
        lines.append(f"next: weft verify --remote {escape(result.remote)} --repair")
    if result.wrong:
        names = " ".join(dict.fromkeys(one.stage for one in result.wrong))
        lines.append(f"next: weft repro {escape(names)}, to make again what is not right")
    if any(not one.frozen for one in result.stale or ()):
        lines.append("next: weft repro, to run stages that are stale")
    if result.left:
        lines.append(f"next: {stale.left_text(result.left)}")
    if result.stale is None:
        file = escape(result.unread or "weft.yaml")
        lines.append(f"{stale.UNKNOWN}: {file} cannot be read; next: weft repro -n tells what is wrong there")
    return lines


def _choices(result: StatusResult) -> list[str]:
    """What to do about files that changed here and in their pointer: neither a checkout nor an add decides that unasked."""
    lines = []
    for item in result.paths:
        both = [change.path for change in item.changes if change.both]
        if both and item.state != "conflict":
            name, verb = escape(quoted(both[0])), "checkout" if item.stored == "all" else "pull"
            more = f" (so for {count_text(len(both) - 1, 'more file')} that both changed)" if len(both) > 1 else ""
            lines.append(f"next: weft add --force {name} keeps yours, weft {verb} --force {name} takes theirs{more}")
    return lines


def diff_page(result: DiffResult, view: View, form: str = "text") -> Page:
    """One line a change with its sizes, one for each param, metric, file of code and command that differs, and a sum."""
    counts = Counter(change.kind for change in result.changes)
    parts = [f"{number} {_WORDS.get(kind, kind)}" for kind in LETTERS if (number := counts[kind])]
    growth = sum(change.new_size - change.old_size for change in result.changes)
    what = f"{escape(result.old)} -> {escape(result.new)}"
    size = [f"{'+' if growth >= 0 else '-'}{size_text(abs(growth))}"] if parts else []
    changes = [change._replace(behind=False) for change in result.changes]  # it differs, whoever changed it
    data = [_change_line(change, files, view.paint, sizes=True) for change, files in _listed(changes, view)]
    data += [f"{row.section:<7}  {_fact(row, view)}" for row in result.facts]
    others = Counter(row.section for row in result.facts)
    told = [f"{number} of {section}" for section, number in others.items()]
    notes = _told_folded("diff", len(result.changes), view)
    notes += [f"{escape(path)} is left out: {escape(reason)}" for path, reason in result.left_out]
    notes += stale.wrong_notes((result.old, result.new), result.wrong) if any(result.wrong) else ()
    notes += stale.stale_notes((result.old, result.new), result.stale) if result.stale else ()
    notes += [
        f"{escape(path)}: {count_text(number, 'file')} not here, and not compared" for path, number in result.absent
    ]
    if form != "text":
        data = [*tables.table(form, _DIFF_HEADS, _diff_rows(result))]
    return Page(data=tuple(data), notes=(*notes, f"{what}: {', '.join([*parts, *size, *told]) or 'no differences'}"))


_DIFF_HEADS = ("section", "change", "path", "old path", "old", "new", "delta")


def _diff_rows(result: DiffResult) -> Iterator[tuple[object, ...]]:
    """Of data the sizes in bytes before and after, of all else the values."""
    for one in result.changes:
        yield "data", one.kind, one.path, one.old_path, one.old_size, one.new_size, one.new_size - one.old_size
    for row in result.facts:
        old, new = row.values
        change = "added" if old is None else "deleted" if new is None else "modified"
        yield row.section, change, row.key, "", old, new, row.delta


def _fact(row: FactRow, view: View) -> str:
    from_, to = (escape(cell) for cell in factcells.fact_cells(row, view))
    by = "" if row.delta is None else f"  ({row.delta:+.6g})"
    return f"{escape(row.key)}  {from_} -> {to}{by}"


def _change_line(change: Change, files: int, paint: Paint, *, sizes: bool = False) -> str:
    brush: Callable[[str], str] = {"added": paint.good, "deleted": paint.bad}.get(change.kind, paint.care)
    old, new = (escape(path or "./") for path in (change.old_path, change.path))
    names = f"{old} -> {new}" if change.kind == "renamed" else new
    told = [f"{files:,} files"] if files > 1 else []
    told += [_sizes(change)] if sizes else []
    if change.behind:
        return f"{paint.care(BEHIND)} {names}  ({', '.join([*told, 'to check out'])})"
    return f"{brush(LETTERS.get(change.kind, '?'))} {names}" + (f"  ({', '.join(told)})" if told else "")


def _sizes(change: Change) -> str:
    if change.kind == "added":
        return size_text(change.new_size)
    if change.kind == "deleted":
        return size_text(change.old_size)
    if change.old_size == change.new_size:
        return size_text(change.new_size)
    return f"{size_text(change.old_size)} -> {size_text(change.new_size)}"
