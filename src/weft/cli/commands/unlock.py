"""``weft unlock``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import complete_locked, git_remote_option
from weft.cli.render.locks import unlock_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.locks import open_clone, unlock


@verb(
    "unlock",
    example="weft unlock model.bin\nweft unlock --force data/labels",
    codes={3: "it is not locked, or by somebody else"},
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=complete_locked)
@click.option("-f", "--force", is_flag=True, help="Remove the lock of somebody else, too.")
@git_remote_option()
@pass_session
def command(session: Session, paths: tuple[str, ...], force: bool, remote: str) -> None:
    """Remove locks of paths from the Git remote.

    Those of somebody else, as told by the email address that Git knows, only with --force, which says whose they were.
    """
    clone = open_clone(session.start, remote, session.progress)
    session.show("unlock", unlock(clone, paths, force=force), unlock_page)
