"""``weft mv``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import complete_paths, dry_run_option
from weft.cli.render.content import move_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.project import open_project
from weft.workflows.remove import mv


@verb("mv", example="weft mv data/raw data/2024/raw")
@click.argument("source", shell_complete=complete_paths)
@click.argument("target", type=click.Path())
@dry_run_option("Only say what would be moved.")
@pass_session
def command(session: Session, source: str, target: str, dry_run: bool) -> None:
    """Move tracked data and its pointer together."""
    with open_project(session.start, session.progress, session.trust) as project:
        result = mv(project, source, target, dry_run=dry_run)
    session.show("mv", result, move_page)
