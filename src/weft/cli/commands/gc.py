"""``weft gc``."""

from __future__ import annotations

from typing import Any

import click

from weft.cli.context import Session
from weft.cli.options import dry_run_option, remote_option, size
from weft.cli.render.collect import gc_page, remote_gc_page
from weft.cli.verbs import pass_session, verb
from weft.errors import UsageFault
from weft.workflows.gc import gc
from weft.workflows.gc_remote import gc_remote
from weft.workflows.options import GcOptions, RemoteGcOptions
from weft.workflows.project import open_project

_HERE = ("grace_days", "limit", "unshared")
_THERE = ("most", "repack", "drop_roots", "whole_clone")


@verb("gc", long=True, example="weft gc --dry-run\nweft gc --limit 20GiB\nweft gc --on-remote --dry-run")
@dry_run_option("Only say what would go, and why.")
@click.option(
    "--grace",
    "grace_days",
    type=click.IntRange(0, 36500),
    metavar="DAYS",
    help="Keep unreachable data for so many days (default: the setting `gc.grace`).",
)
@click.option(
    "--limit",
    type=size,
    metavar="SIZE",
    help="Drop what a remote holds until the store has this size (default: the setting `store.limit`).",
)
@remote_option("The remote that must hold what is dropped (default: any that is configured), or that is collected on.")
@click.option("--unshared", is_flag=True, help="No other clone uses the store that `store.dir` names.")
@click.option("--on-remote", is_flag=True, help="Collect on the remote instead; the local store stays as it is.")
@click.option("--most", is_flag=True, help="On the remote: allow more than half of the bytes to go.")
@click.option("--repack", is_flag=True, help="On the remote: copy what is needed out of packs that hold little else.")
@click.option(
    "--drop-roots",
    type=click.IntRange(1, 36500),
    metavar="DAYS",
    help="On the remote: drop roots this old of data that nothing in this clone leads to.",
)
@click.option(
    "--whole-clone", is_flag=True, help="With --drop-roots: this clone has all branches and tags, ask no Git remote."
)
@pass_session
def command(session: Session, /, on_remote: bool, dry_run: bool, remote: str, **chosen: Any) -> None:
    """Drop data from the local store that nobody needs.

    What no ref, reflog, stash or work tree leads to goes once it is older than the grace time. With a limit, data that a
    remote is proved to hold goes too, the least recently used first; `weft fetch` brings it back.

    With --on-remote, packs that no root needs are condemned, and deleted by a later run, 48 hours or more after.
    """
    for name in _HERE if on_remote else _THERE:
        given = chosen.pop(name)
        if given is not None and given is not False:
            option = "--" + name.replace("_days", "").replace("_", "-")
            with_it = "cannot be used with" if on_remote else "needs"
            raise UsageFault(f"{option} {with_it} --on-remote", hint="weft gc --help")
    with open_project(session.start, session.progress, session.trust) as project:
        if on_remote:
            result = gc_remote(project, RemoteGcOptions(remote=remote, dry_run=dry_run, **chosen))
            session.show("gc-remote", result, remote_gc_page)
        else:
            session.show("gc", gc(project, GcOptions(remote=remote, dry_run=dry_run, **chosen)), gc_page)
