"""``weft compare``."""

from __future__ import annotations

from functools import partial

import click

from weft.cli.context import Session
from weft.cli.options import complete_revisions, format_option
from weft.cli.render.history import FORMS, compare_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.compare import compare


@verb(
    "compare",
    example="weft compare v1\nweft compare main HEAD\nweft compare v1 v2 v3 --all\nweft compare v1..HEAD --format md",
    renamed={"--markdown": "--format md"},
)
@click.argument("revisions", nargs=-1, required=True, metavar="REV|A..B...", shell_complete=complete_revisions)
@click.option("--all", "everything", is_flag=True, help="Show what is the same in all revisions too.")
@format_option(*FORMS)
@pass_session
def command(session: Session, revisions: tuple[str, ...], everything: bool, form: str) -> int:
    """Show params, metrics, data and code of revisions side by side.

    One revision alone is compared with HEAD; `weft diff REV` compares it with the work tree. A range A..B has a column for
    each of its commits. Everything is read from the pointers, records, and the params and metrics files that stages name:
    no data is needed. What cannot be read is named. What a run read and made is as its record has it, and
    marked where the stage is stale.
    """
    if len(revisions) == 1 and ".." not in revisions[0]:
        revisions = (revisions[0], "HEAD")
    result = compare(session.start, revisions, everything=everything)
    session.show("compare", result, partial(compare_page, form=form))
    return ExitCode.OK
