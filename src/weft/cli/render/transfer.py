"""Pages of push, fetch, pull and checkout."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from weft.cli.context import Page, View
from weft.cli.text import escape
from weft.util.humanize import count_text, size_text
from weft.workflows.results import CheckoutResult, FetchResult, PullResult, PushResult

_VERSION = re.compile(r" \([0-9a-f]{12}\)$")
"""How a label names one more version of a path, by the beginning of its pointer's id in Git."""


def push_page(result: PushResult, view: View) -> Page:
    """What went to the remote and what was there."""
    report = list(push_lines(result))
    if view.verbose:
        report += [f"{root.state}  {escape(root.path)}  {size_text(root.size)}  {root.oid}" for root in result.roots]
        report.append(f"{count_text(result.requests, 'request')} to {_place(result)}")
    sent = result.git_remote and any(root.state == "pushed" for root in result.roots)
    next_step = "weft push" if result.accepted else f"weft remote trust {escape(result.remote)}"
    following = f"nothing was sent; next: {next_step}" if result.dry_run else "next: git push" if sent else ""
    # In a dry run this is what was asked for.
    return Page(
        data=tuple(report) if result.dry_run else (),
        report=() if result.dry_run else tuple(report),
        notes=(following,) if following else (),
    )


def push_lines(result: PushResult) -> list[str]:
    """One line for what was sent, one for what was there, one for what was repaired; the last two only if needed."""
    pushed = [root.path for root in result.roots if root.state == "pushed"]
    there = [root.path for root in result.roots if root.state != "pushed"]
    name = escape(result.remote)
    lines = []
    if pushed or result.objects:
        objects = count_text(result.objects, "object")
        cargo = f"{size_text(result.sent_bytes)}, {objects} in {count_text(result.packs, 'pack')}"
        if pushed:
            verb = "would push" if result.dry_run else "pushed"
            lines.append(f"{verb} {_paths(pushed)} to {name} ({_place(result)}): {cargo}")
        else:
            verb = "would send" if result.dry_run else "sent"
            lines.append(f"{verb} what {name} ({_place(result)}) lacked: {cargo}")
    if there:
        strange = f"{_paths(there)} on {name}, as it says itself: this clone has not accepted it"
        lines.append(f"{_paths(there)} already on {name}" if result.accepted else strange)
    if not result.roots:
        lines.append("nothing to push: no data is tracked there")
    if result.shared:
        verb = "would share" if result.dry_run else "shared"
        runs, to = count_text(len(result.shared.runs), "run"), escape(result.shared.remote)
        lines.append(f"{verb} {runs} through the Git remote {to}")
        if result.shared.expired:
            lines.append(f"{count_text(result.shared.expired, 'run')} expired there")
    if result.repaired:
        lines.append(f"repaired: {count_text(result.repaired, 'pack')} that {name} had lost")
    return lines


def _paths(labels: Sequence[str]) -> str:
    """So many paths; where a path is there in several versions, so many of those."""
    paths = count_text(len({_VERSION.sub("", label) for label in labels}), "path")
    return paths if paths == count_text(len(labels), "path") else f"{count_text(len(labels), 'version')} of {paths}"


def _place(result: PushResult) -> str:
    return escape(f"{result.url} at {result.endpoint}" if result.endpoint else result.url)


def fetch_page(result: FetchResult, view: View) -> Page:
    """What came from the remote."""
    if result.dry_run:
        return Page(data=tuple(_fetched(result, view)), notes=("nothing was fetched",))
    notes = ("next: weft checkout",) if result.pointers else ()
    return Page(report=tuple(_fetched(result, view)), notes=notes)


def _fetched(result: FetchResult, view: View) -> list[str]:
    name = escape(result.remote)
    paths = count_text(len(result.pointers), "path")
    if result.lacking:
        lacking = count_text(len(result.lacking), "path")
        lines = [f"would fetch {lacking} from {name}: at most {size_text(result.size)}"]
        return lines + [f"would fetch  {escape(path)}" for path in result.lacking if view.verbose]
    if result.objects or result.packs:
        cargo = f"{size_text(result.received_bytes)}, {count_text(result.objects, 'object')}"
        lines = [f"fetched {paths} from {name}: {cargo} from {count_text(result.packs, 'pack')}"]
    elif result.pointers:
        lines = [f"{paths} already in the local store"]
    else:
        lines = ["nothing to fetch: no data is tracked there"]
    if result.runs:
        runs = count_text(result.runs.new, "new run")
        lines.append(f"{runs} from the Git remote {escape(result.runs.remote)}, {result.runs.known} known")
    if view.verbose:
        lines += [f"fetched  {escape(path)}" for path in result.pointers]
        lines.append(count_text(result.requests, "request"))
    return lines


def checkout_page(result: CheckoutResult, view: View) -> Page:
    """What was written and removed in the workspace, what was saved before, and what is not here."""
    if result.dry_run:
        return Page(data=_checked_out(result, view), notes=("nothing was changed", *_to_bring(result)))
    return Page(report=_checked_out(result, view), notes=_to_bring(result), cautions=saved_lines(result.saved))


def pull_page(result: PullResult, view: View) -> Page:
    """The pages of fetch and checkout in one."""
    there = result.checked_out
    if there.dry_run:
        # What is not here is what would be fetched, and written then.
        data = (*_fetched(result.fetched, view), *_checked_out(replace(there, absent=()), view))
        return Page(data=data, notes=("nothing was changed",))
    report = (*_fetched(result.fetched, view), *_checked_out(there, view))
    # What the remote lacks no second pull brings: the error names what does.
    return Page(report=report, notes=() if result.lacking else _to_bring(there), cautions=saved_lines(there.saved))


def _checked_out(result: CheckoutResult, view: View) -> tuple[str, ...]:
    done = []
    wrote, removed = ("would write", "would remove") if result.dry_run else ("wrote", "removed")
    if result.written:
        done.append(f"{wrote} {count_text(result.written, 'file')} ({size_text(result.written_bytes)})")
    if result.removed:
        done.append(f"{removed} {count_text(result.removed, 'file')}")
    if result.unchanged or not (done or result.absent):
        done.append(f"{count_text(result.unchanged, 'file')} unchanged")
    report = [", ".join(done)] if done else []
    if view.verbose:
        report += [f"checked out  {escape(path)}" for path in result.paths]
    report += [f"{view.paint.care('not here')}  {escape(path)}" for path in result.absent]
    return tuple(report)


def _to_bring(result: CheckoutResult) -> tuple[str, ...]:
    return ("next: weft pull, to bring what is not here",) if result.absent else ()


def saved_lines(saved: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """How to have back what ``--force`` replaced."""
    return tuple(f"saved {escape(path)}; to have it back: weft cat {oid} > FILE" for path, oid in saved)
