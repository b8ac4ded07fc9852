"""The page of gc."""

from __future__ import annotations

from weft.cli.context import Page, View
from weft.cli.text import escape
from weft.util.humanize import count_text, size_text
from weft.workflows.gc_results import Dropped, GcResult

REASONS = {
    "unreachable": "that nothing leads to any more",
    "on-remote": "that a remote is proved to hold",
}
"""Why a local pack goes."""


def gc_page(result: GcResult, view: View) -> Page:
    """Each pack that goes, with bytes and reason; sums; what stays, and why."""
    verb = "would drop" if result.dry_run else "dropped"
    listed = result.dropped if view.verbose or result.dry_run else ()
    data = tuple(f"{one.reason}  {size_text(one.size)}  {one.name}" for one in listed)
    report = [
        f"{verb} {count_text(len(some), 'pack')} ({size_text(sum(one.size for one in some))}) {text}"
        for reason, text in REASONS.items()
        if (some := _of(result.dropped, reason))
    ]
    if not result.dropped:
        report.append("nothing to drop")
    left = result.packs - len(result.dropped)
    stays = "would stay" if result.dry_run else "stay"
    report.append(f"{count_text(left, 'pack')} ({size_text(result.size - result.freed)}) {stays}")
    notes = [escape(note) for note in result.notes]
    if result.young:
        unreached = count_text(result.young, "unreachable pack")
        notes.append(f"{unreached} kept: not yet {count_text(result.grace_days, 'day')} old, or not known for sure")
    if result.over:
        notes.append(
            f"the store is {size_text(result.over)} over its limit: the rest is needed and on no remote, or too young to go"
        )
    return Page(data=data, report=tuple(report), notes=tuple(notes))


def _of(dropped: tuple[Dropped, ...], reason: str) -> list[Dropped]:
    return [one for one in dropped if one.reason == reason]
