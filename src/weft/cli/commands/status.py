"""``weft status``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import ask_remote_option, paths_argument
from weft.cli.render.changes import stat_page, status_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.project import open_project
from weft.workflows.status import status


@verb(
    "status",
    long=True,
    example="weft status\nweft status --remote\nweft status data --remote origin",
    codes={1: "differences were found (with --exit-code)"},
)
@paths_argument()
@ask_remote_option("Ask the remote too what has been pushed: NAME, or the default one.")
@click.option(
    "--exit-code", is_flag=True, help="Exit with 1 when the workspace differs, or the remote asked lacks data."
)
@click.option("--stat", is_flag=True, help="Show counts and sizes for each tracked path and directory.")
@pass_session
def command(session: Session, paths: tuple[str, ...], remote: str | None, exit_code: bool, stat: bool) -> int:
    """Show what differs between the workspace and the pointers.

    A letter leads each line: A added, M modified, D deleted, R renamed, T another type, X another mode, - not here,
    ~ partly here, < to check out: its pointer changed and not the file, ^ not pushed, U in conflict, ! error. Many
    changes of a kind below a directory are one line; -v lists each file. Stages whose inputs changed since their run are
    named as stale, and results that no run wrote as not right; --exit-code does not count these.
    """
    with open_project(session.start, session.progress, session.trust) as project:
        result = status(project, paths, remote=remote)
    session.show("status", result, stat_page if stat else status_page)
    whole = result.clean and all(item.remote in ("", "pushed") for item in result.paths)
    return result.exit_code or (ExitCode.DIFFERENCES if exit_code and not whole else ExitCode.OK)
