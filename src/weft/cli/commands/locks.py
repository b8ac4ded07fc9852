"""``weft locks``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import git_remote_option, paths_argument
from weft.cli.render.locks import locks_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.locks import locks, open_clone


@verb("locks", example="weft locks\nweft locks data --json")
@paths_argument()
@click.option("--cached", is_flag=True, help="Ask nobody: tell what this clone saw last.")
@git_remote_option()
@pass_session
def command(session: Session, paths: tuple[str, ...], cached: bool, remote: str) -> None:
    """List the locks of paths on the Git remote.

    With PATH those that cover it, or lie below it. Times are those of the machine that made the lock.
    """
    clone = open_clone(session.start, remote, session.progress)
    session.show("locks", locks(clone, paths, cached=cached), locks_page)
