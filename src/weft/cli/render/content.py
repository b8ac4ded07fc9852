"""Pages of init, add, mv, rm, ls, cat and get."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weft.cli.context import Page, View
from weft.cli.render.changes import path_lines
from weft.cli.render.transfer import push_lines, saved_lines
from weft.cli.text import columns, escape
from weft.errors import LimitExceeded, quoted
from weft.util.humanize import count_text, size_text
from weft.workflows.check_ignore import CheckIgnoreResult
from weft.workflows.results import Added, AddResult, GetResult, InitResult, ListResult, MoveResult

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

SHOWN = 10
"""Most paths that are named of those that were left out."""

CONTENT_LIMIT = 16 * 1024 * 1024
"""Bytes of a file that a JSON document may hold."""


def init_page(result: InitResult, view: View) -> Page:
    """What ``init`` wrote."""
    report = [f"weft is ready in {escape(result.root)}"]
    report += [f"created {escape(path)}" for path in result.created]
    if result.remote:
        report.append(f"remote origin: {escape(result.remote)}")
    if result.project:
        report.append(f"{escape(result.project)} is a project with stages of its own")
    following = "git commit, then weft add PATH" if result.created else "weft add PATH"
    return Page(report=tuple(report), notes=(f"next: {following}",))


def ignore_page(result: CheckIgnoreResult, view: View) -> Page:
    """One line for each path that is ignored: the line that says so, and the path."""
    lines = []
    for one in result.paths:
        if one.ignored:
            stays = "  (tracked already, so it stays)" if one.tracked else ""
            lines.append(f"{escape(one.file)}:{one.line}:{escape(one.pattern)}\t{escape(one.path)}{stays}")
    return Page(data=tuple(lines))


def add_page(result: AddResult, view: View) -> Page:
    """What ``add`` took in, what it cost, and what comes next."""
    if result.dry_run:
        return _would_add(result, view)
    report = [_added(item, view) for item in result.added]
    if any(item.changed for item in result.added):
        report.append(f"{size_text(result.stored_bytes)} new in the store")
    if result.pushed:
        report += push_lines(result.pushed)
    return Page(report=(*report, *_left_out(result)), notes=(_after_add(result),))


def _would_add(result: AddResult, view: View) -> Page:
    data = [f"would add  {escape(item.path)}  ({_amount(item)})" for item in result.added]
    data += [line for item in result.planned for line in path_lines(item, view)]
    return Page(data=(*data, *_left_out(result)), notes=("nothing was added",))


def _left_out(result: AddResult) -> list[str]:
    lines = [f"left out   {escape(path)}  (new, and not tracked)" for path in result.left_out[:SHOWN]]
    if len(result.left_out) > SHOWN:
        lines.append(f"left out   {len(result.left_out) - SHOWN} more")
    return lines


def _amount(item: Added) -> str:
    return size_text(item.size) if item.type == "file" else f"{count_text(item.files, 'file')}, {size_text(item.size)}"


def _added(item: Added, view: View) -> str:
    word = "unchanged"
    if item.changed:
        word = view.paint.good("updated  " if item.updated else "added    ")
    size = _amount(item)
    if item.difference and item.type == "dir":
        size += ": +{} ~{} -{}".format(*item.difference)
    detail = f", {count_text(item.new_objects, 'new object')}, {item.oid}" if view.verbose else ""
    return f"{word}  {escape(item.path)}  ({size}{detail})"


def _after_add(result: AddResult) -> str:
    changed = [item.pointer for item in result.added if item.changed]
    if not changed:
        return "next: " + (f"weft add {escape(quoted(result.left_out[0]))}" if result.left_out else "nothing to commit")
    steps = [] if result.staged else ["git add " + " ".join(escape(quoted(path)) for path in changed[:3])]
    if len(changed) > 3 and steps:
        steps[0] += " ..."
    steps += ["git commit"]
    steps += [] if result.pushed else ["weft push"]
    return "next: " + ", then ".join(steps)


def move_page(result: MoveResult, view: View) -> Page:
    """What ``mv`` moved."""
    verb = "would move" if result.dry_run else "moved"
    moved = tuple(f"{verb}  {escape(old)} -> {escape(new)}" for old, new in result.moved)
    if result.dry_run:
        return Page(data=moved, notes=("nothing was moved",))
    return Page(report=moved, notes=("next: git commit",))


def remove_page(result: MoveResult, view: View) -> Page:
    """What ``rm`` stopped tracking."""
    verb = "would remove" if result.dry_run else "removed"
    removed = tuple(f"{verb}  {escape(old)}" for old, _ in result.moved)
    if result.dry_run:
        return Page(data=removed, notes=("nothing was removed",))
    return Page(
        report=removed, notes=("next: git commit; the bytes stay in the store",), cautions=saved_lines(result.saved)
    )


def ls_page(result: ListResult, view: View) -> Page:
    """One line an entry: type, size, files, path; with ``-v`` also the object id and whether it is here."""
    rows = []
    for entry in result.entries:
        path = escape(entry.path) + ("/" if entry.type == "dir" else "")
        files = str(entry.files) if entry.type == "dir" else ""
        row = [entry.type, size_text(entry.size), files]
        if view.verbose:
            row += [entry.oid, {True: "here", False: "not here", None: ""}[entry.here]]
        rows.append([*row, path])
    if not rows:
        return Page(notes=("nothing is tracked there; next: weft add PATH",))
    total = sum(entry.size for entry in result.entries if entry.type != "dir" or not _listed_below(entry.path, result))
    where = f" at {escape(result.revision)}" if result.revision else ""
    count = count_text(len(result.entries), "entry")
    return Page(data=tuple(columns(rows, frozenset([1, 2]))), notes=(f"{count}, {size_text(total)}{where}",))


def _listed_below(path: str, result: ListResult) -> bool:
    """True when a recursive listing also names what is in the directory ``path``, which then counts there."""
    return any(entry.path.startswith(path + "/") for entry in result.entries)


def get_page(result: GetResult, view: View) -> Page:
    """What ``get`` wrote, and from which commit."""
    size = f"{count_text(result.files, 'file')}, {size_text(result.size)}"
    line = f"wrote  {escape(result.destination)}  ({size}, {escape(result.source)} at {escape(result.revision)})"
    told = [f"saved {escape(path)}; to have it back: weft cat {oid} > FILE" for path, oid in result.saved]
    if result.aside:
        told.append(f"what stood there is now {escape(result.aside)}")
    return Page(report=(line,), cautions=tuple(told))


class Kept(io.BytesIO):
    """A sink for ``cat --json``. Raises ``LimitExceeded`` over ``CONTENT_LIMIT`` bytes."""

    def write(self, data: Buffer, /) -> int:
        """Keep ``data``."""
        if self.tell() + memoryview(data).nbytes > CONTENT_LIMIT:
            raise LimitExceeded(
                f"a JSON document holds at most {size_text(CONTENT_LIMIT)} of a file",
                hint="leave out --json, or take a part with --start and --length",
            )
        return super().write(data)


@dataclass(frozen=True, slots=True)
class ContentDocument:
    """Outcome of ``cat --json``. ``content`` is base64; ``size`` and ``start`` are bytes."""

    path: str
    revision: str
    start: int
    size: int
    content: str

    @classmethod
    def of(cls, path: str, revision: str, start: int, kept: Kept) -> ContentDocument:
        """The document for the bytes in ``kept``."""
        data = kept.getvalue()
        return cls(path, revision, start, len(data), base64.b64encode(data).decode("ascii"))

    def page(self, view: View) -> Page:
        """Nothing: as text, the bytes themselves were written."""
        return Page()
