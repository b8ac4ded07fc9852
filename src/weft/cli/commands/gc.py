"""``weft gc``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import remote_option, size
from weft.cli.render.collect import gc_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.gc import gc
from weft.workflows.options import GcOptions
from weft.workflows.project import open_project


@verb("gc", example="weft gc --dry-run\nweft gc --limit 20GiB")
@click.option("-n", "--dry-run", is_flag=True, help="Only tell what would go, and why.")
@click.option(
    "--grace",
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
@remote_option("The remote that must hold what is dropped (default: any that is configured).")
@click.option("--unshared", is_flag=True, help="No other clone uses the store that `store.dir` names.")
@pass_session
def command(session: Session, dry_run: bool, grace: int | None, limit: int | None, remote: str, unshared: bool) -> None:
    """Drop data from the local store that nobody needs.

    What no ref, reflog, stash or work tree leads to goes once it is older than the grace time. With a limit, data that a
    remote is proved to hold goes too, the least recently used first; `weft fetch` brings it back.
    """
    with open_project(session.start, session.progress) as project:
        result = gc(project, GcOptions(dry_run, grace, limit, remote, unshared))
    session.show("gc", result, gc_page)
