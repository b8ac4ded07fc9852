"""``weft fetch``."""

from __future__ import annotations

from typing import Any

import click

from weft.cli.context import Session
from weft.cli.options import paths_argument, transfer_options
from weft.cli.render.transfer import fetch_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.fetch import fetch
from weft.workflows.options import TransferOptions
from weft.workflows.project import open_project


@verb("fetch", long=True, example="weft fetch data/train\nweft checkout data/train")
@paths_argument()
@transfer_options
@click.option("--runs", is_flag=True, help="Fetch the records of runs that others share, too.")
@pass_session
def command(session: Session, /, paths: tuple[str, ...], **chosen: Any) -> int:
    """Bring the data of pointers into the local store.

    The workspace stays as it is. Every byte is verified before it enters the store.
    """
    options = TransferOptions(**chosen)
    with open_project(session.start, session.progress, session.trust) as project:
        result = fetch(project, paths, options)
    session.show("fetch", result, fetch_page)
    return session.tell_broken(result.broken)
