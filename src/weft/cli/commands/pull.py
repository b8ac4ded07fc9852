"""``weft pull``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import jobs_option, paths_argument, remote_option
from weft.cli.render.transfer import pull_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.options import CheckoutOptions, TransferOptions
from weft.workflows.project import open_project
from weft.workflows.pull import pull


@verb("pull", example="git pull\nweft pull", codes={1: "some data is not in the local store"})
@paths_argument()
@remote_option("The remote to fetch from (default: the setting `remote`).")
@jobs_option()
@click.option("-f", "--force", is_flag=True, help="Replace changed files; their bytes go into the store first.")
@pass_session
def command(session: Session, paths: tuple[str, ...], remote: str, jobs: int, force: bool) -> int:
    """Fetch, then check out.

    Brings what the pointers of the workspace need and makes the workspace match them.
    """
    transfer = TransferOptions(remote=remote, jobs=jobs)
    with open_project(session.start, session.progress, session.trust) as project:
        result = pull(project, paths, transfer, CheckoutOptions(force=force))
    session.show("pull", result, pull_page)
    lacking = ExitCode.DIFFERENCES if result.checked_out.absent else ExitCode.OK
    return session.tell_broken((*result.lacking, *result.checked_out.broken)) or lacking
