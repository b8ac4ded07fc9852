"""The page of gc."""

from __future__ import annotations

from collections.abc import Sequence

from weft.cli.context import Page, View
from weft.cli.text import escape
from weft.util.humanize import count_text, size_text
from weft.workflows.gc_results import Dropped, GcResult, RemoteGcResult

REASONS = {
    "unreachable": "that nothing leads to any more",
    "on-remote": "that a remote is proved to hold",
}
"""Why a local pack goes."""


def gc_page(result: GcResult, view: View) -> Page:
    """Each pack that goes, with bytes and reason; sums; what stays, and why."""
    verb = "would drop" if result.dry_run else "dropped"
    listed = result.dropped + result.copies if view.verbose or result.dry_run else ()
    data = tuple(f"{one.reason}  {size_text(one.size)}  {one.name}" for one in listed)
    report = [
        f"{verb} {count_text(len(some), 'pack')} ({size_text(sum(one.size for one in some))}) {text}"
        for reason, text in REASONS.items()
        if (some := _of(result.dropped, reason))
    ]
    if result.copies:
        size = size_text(sum(one.size for one in result.copies))
        report.append(f"{verb} {count_text(len(result.copies), 'unpacked file')} ({size}) that nothing is linked to")
    if result.snapshots:
        report.append(f"{verb} {count_text(len(result.snapshots), 'old snapshot')} of runs that no record names")
    if result.runs:
        report.append(f"{verb} {count_text(len(result.runs), 'shared run')} that expired")
    if not (result.dropped or result.copies or result.snapshots or result.runs):
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
    return _gone(result.dry_run, data, report, notes)


def _gone(dry_run: bool, data: Sequence[str], report: Sequence[str], notes: Sequence[str]) -> Page:
    """A page on which, in a dry run, the sums are what was asked for."""
    if dry_run:
        return Page(data=(*data, *report), notes=tuple(notes))
    return Page(data=tuple(data), report=tuple(report), notes=tuple(notes))


def _of(dropped: tuple[Dropped, ...], reason: str) -> list[Dropped]:
    return [one for one in dropped if one.reason == reason]


FATES = {
    "deleted": ("would delete", "deleted", ""),
    "condemned": ("would condemn", "condemned", ", to be deleted by a run {hours} hours from now or later"),
    "waiting": ("waiting", "waiting", ": condemned, and too early or a push goes on that began before"),
    "needed-again": ("needed again", "needed again", ": condemned, and a push made a root of it, so it stays"),
}
"""What becomes of packs on a remote: the verb before, the verb after, and what that means."""


def remote_gc_page(result: RemoteGcResult, view: View) -> Page:
    """What became of each pack and root, in sums and one by one."""
    listed = result.packs if view.verbose or result.dry_run else ()
    data = [f"{one.reason}  {size_text(one.size)}  {one.name}" for one in listed]
    data += [f"root  {key}" for key in result.roots]
    report = []
    if result.roots:
        verb = "would drop" if result.dry_run else "dropped"
        report.append(f"{verb} {count_text(len(result.roots), 'root')} that nothing in this clone leads to")
    for fate, (before, after, text) in FATES.items():
        some = _of(result.packs, fate)
        if some:
            size = size_text(sum(one.size for one in some))
            verb = before if result.dry_run else after
            report.append(f"{verb} {count_text(len(some), 'pack')} ({size})" + text.format(hours=result.grace_hours))
    if result.copied:
        verb = "would copy" if result.dry_run else "copied"
        report.append(f"{verb} {size_text(result.copied)} that is needed out of packs that hold little else")
    if not result.packs:
        report.append("nothing to collect")
    total = f"{count_text(result.total_packs, 'pack')}, {size_text(result.total_size)}"
    report.append(f"{escape(result.remote)} held {total}")
    notes = [f"{count_text(result.sessions, 'push', 'pushes')} may still be going on"] if result.sessions else []
    if result.roots and result.dry_run:
        notes.append("what only these roots need is not counted as garbage yet")
    return _gone(result.dry_run, data, report, notes)
