"""``weft pull``."""

from __future__ import annotations

from typing import Any

import click

from weft.cli.context import Session
from weft.cli.options import paths_argument, transfer_options
from weft.cli.render.transfer import pull_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.options import CheckoutOptions, TransferOptions
from weft.workflows.project import open_project
from weft.workflows.pull import pull


@verb(
    "pull",
    long=True,
    example="git pull\nweft pull\nweft pull --dry-run",
    codes={1: "some data is not in the local store"},
)
@paths_argument()
@transfer_options
@click.option("-f", "--force", is_flag=True, help="Replace changed files; their bytes go into the store first.")
@pass_session
def command(session: Session, /, paths: tuple[str, ...], force: bool, **chosen: Any) -> int:
    """Fetch, then check out.

    Brings what the pointers of the workspace need and makes the workspace match them. With --rev or --all the data of
    these commits is fetched too.
    """
    transfer = TransferOptions(
        chosen["remote"], chosen["jobs"], chosen["revs"], chosen["all_commits"], chosen["dry_run"]
    )
    with open_project(session.start, session.progress, session.trust) as project:
        result = pull(project, paths, transfer, CheckoutOptions(force=force, dry_run=transfer.dry_run))
    session.show("pull", result, pull_page)
    lacking = ExitCode.DIFFERENCES if result.checked_out.absent and not transfer.dry_run else ExitCode.OK
    return session.tell_broken((*result.lacking, *result.checked_out.broken)) or lacking
