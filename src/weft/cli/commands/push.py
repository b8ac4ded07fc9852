"""``weft push``."""

from __future__ import annotations

from typing import Any

import click

from weft.cli.context import Session
from weft.cli.options import paths_argument, transfer_options
from weft.cli.render.transfer import push_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.options import TransferOptions
from weft.workflows.project import open_project
from weft.workflows.share_runs import push_with_runs


@verb("push", long=True, example="weft push\nweft push --rev origin/main..HEAD\ngit push")
@paths_argument()
@transfer_options
@click.option(
    "--runs", is_flag=True, help="Share the runs of this clone too, committed or not, through the Git remote."
)
@pass_session
def command(session: Session, /, paths: tuple[str, ...], **chosen: Any) -> int:
    """Send the data of pointers to a remote.

    Without --rev or --all: what the pointers of the workspace need. What is on the remote already is not sent again.
    """
    options = TransferOptions(**chosen)
    with open_project(session.start, session.progress, session.trust) as project:
        result = push_with_runs(project, paths, options)
    session.show("push", result, push_page)
    return session.tell_broken((*result.broken, *([result.unshared] if result.unshared else ())))
