"""``weft resolve``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import paths_argument
from weft.cli.render.resolve import resolve_page
from weft.cli.verbs import pass_session, verb
from weft.errors import ExitCode
from weft.workflows.next_step import nothing_named
from weft.workflows.project import open_project
from weft.workflows.resolve import resolve


@verb(
    "resolve",
    example="weft resolve --theirs data/train/labels.csv\nweft resolve --ours data\ngit commit",
    codes={1: "something is still in conflict, or data was not brought along"},
)
@paths_argument()
@click.option("--ours", "side", flag_value="ours", help="Take our version of what both sides changed.")
@click.option("--theirs", "side", flag_value="theirs", help="Take their version of what both sides changed.")
@click.option("--base", "side", flag_value="base", help="Take the version before both changes.")
@pass_session
def command(session: Session, paths: tuple[str, ...], side: str | None) -> int:
    """Settle the conflicts that a merge left in pointers, records and stages.

    What only one side changed is merged in any case. A record, and the data, metrics and plots that its run made, are
    settled together. A path inside tracked data settles that file alone. Without a side
    the merge is tried again, as after `weft fetch`. What is settled is staged, and its data checked out.
    """
    with open_project(session.start, session.progress, session.trust) as project:
        if not paths:
            raise nothing_named(project.git, project.progress)
        result = resolve(project, paths, side or "")
    session.show("resolve", result, resolve_page)
    left = result.left or result.unsaved or (result.checked_out is not None and result.checked_out.absent)
    return ExitCode.DIFFERENCES if left else ExitCode.OK
