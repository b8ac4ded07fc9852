"""Pages of lock, unlock and locks."""

from __future__ import annotations

from weft.cli.context import Page, View
from weft.cli.text import columns, escape
from weft.errors import quoted
from weft.workflows.locks import LockedPath, LockResult, LocksResult


def lock_page(result: LockResult, view: View) -> Page:
    """One line a path."""
    report = [f"locked   {escape(one.path)}" for one in result.locks]
    report += [f"locked   {escape(one.path)}  (by you already, since {one.time})" for one in result.already]
    steps = " ".join(escape(quoted(one.path)) for one in (*result.locks, *result.already))
    return Page(report=tuple(report), notes=(f"next: weft unlock {steps}, once it is pushed",))


def unlock_page(result: LockResult, view: View) -> Page:
    """One line a path; whose it was is told where it was not this user's, with ``-q`` too."""
    report = [f"unlocked {escape(one.path)}" for one in result.locks if one.mine]
    taken = [f"unlocked {escape(one.path)}, which was locked by {_who(one)}" for one in result.locks if not one.mine]
    return Page(report=tuple(report), data=tuple(taken))


def locks_page(result: LocksResult, view: View) -> Page:
    """One line a lock: the path, whose it is, since when, why."""
    rows = [
        [escape(one.path), "you" if one.mine else escape(one.owner), one.time, escape(one.reason)]
        for one in result.locks
    ]
    note = f"as this clone last saw {escape(result.remote)}" if result.cached else ""
    empty = f"nothing {'there ' if result.paths else ''}is locked on {escape(result.remote)}" if not rows else ""
    return Page(data=tuple(columns(rows)), notes=tuple(line for line in (empty, note) if line))


def _who(one: LockedPath) -> str:
    since = f" since {one.time}" if one.time else ""
    return f"{escape(one.owner)}{since}{f' ({escape(one.reason)})' if one.reason else ''}"
