"""The page of resolve."""

from __future__ import annotations

from collections.abc import Sequence

from weft.cli.context import Page, View
from weft.cli.render.transfer import checkout_page, saved_lines
from weft.cli.text import escape
from weft.errors import quoted
from weft.util.humanize import count_text, few_text
from weft.workflows.resolve import EDITED, Left, ResolveResult

_SHOWN = 20


def resolve_page(result: ResolveResult, view: View) -> Page:
    """What is settled, what is left, and what was done to the data."""
    report = [f"{view.paint.good('settled')}  {escape(path)}" for path in result.settled]
    if result.along:
        report.append(f"          a record and what its run made are of one side, so {_names(result.along)} went along")
    for left in result.left:
        report += _left(left, view)
    report += [
        f"{view.paint.care('unsaved')}  {escape(path)}: its data stays as it is; weft add it, or weft checkout --force"
        for path in result.unsaved
    ]
    following = escape(result.following)
    absent: tuple[str, ...] = ()
    if result.checked_out is not None:
        page = checkout_page(result.checked_out, view)
        report += page.report
        absent = page.notes
    if result.left:
        following = _to_settle(result.left[0])
    elif result.behind:
        following += (
            f", then weft checkout, to bring along {count_text(len(result.behind), 'path')} that merged by itself"
        )
    sides = (
        (f"ours is {escape(result.ours)}, theirs is {escape(result.theirs)}",) if result.left and result.ours else ()
    )
    return Page(report=tuple(report), notes=(*sides, f"next: {following}", *absent), cautions=saved_lines(result.saved))


def _to_settle(left: Left) -> str:
    path = escape(quoted(left.path))
    if any(one.what == EDITED for one in left.conflicts):
        return f"git add {path}, or weft resolve --ours {path}, or --theirs, which saves it into the store first"
    return f"weft resolve --ours {path}, or --theirs, or --base; or one file by its path"


def _names(paths: Sequence[str]) -> str:
    return escape(few_text(list(paths)))


def _left(left: Left, view: View) -> list[str]:
    files = count_text(len(left.conflicts), "conflict")
    lines = [f"{view.paint.care('left')}  {escape(left.path)}: {files}"]
    for one in left.conflicts[:_SHOWN]:
        place = f"{left.path}/{one.path}" if one.path else left.path
        lines.append(f"      {escape(place)}: {escape(one.what)}")
    if len(left.conflicts) > _SHOWN:
        lines.append(f"      and {len(left.conflicts) - _SHOWN} more; weft resolve --json names them all")
    return lines
