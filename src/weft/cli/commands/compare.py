"""``weft compare``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.render.history import compare_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.compare import compare


@verb("compare", example="weft compare main HEAD\nweft compare v1 v2 v3 --all")
@click.argument("revisions", nargs=-1, required=True, metavar="REV REV...")
@click.option("--all", "everything", is_flag=True, help="Show what is the same in all revisions too.")
@pass_session
def command(session: Session, revisions: tuple[str, ...], everything: bool) -> int:
    """Show params, metrics, data and code of revisions side by side.

    Everything is read from the pointers and lineage records that the commits hold: no data is needed.
    """
    session.show("compare", compare(session.start, revisions, everything=everything), compare_page)
    return ExitCode.OK
