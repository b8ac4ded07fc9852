"""``weft rm``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import dry_run_option, paths_argument
from weft.cli.render.content import remove_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.project import open_project
from weft.workflows.remove import rm


@verb("rm", example="weft rm data/old\ngit commit -m 'Drop the old data'")
@paths_argument(required=True)
@click.option("--keep-data", is_flag=True, help="Leave the files in the workspace; only stop tracking them.")
@click.option("-f", "--force", is_flag=True, help="Remove changed files too; their bytes go into the store first.")
@dry_run_option("Only say what would be removed.")
@pass_session
def command(session: Session, paths: tuple[str, ...], keep_data: bool, force: bool, dry_run: bool) -> int:
    """Stop tracking data and remove it from the workspace.

    The bytes stay in the store, and older commits still name them.
    """
    with open_project(session.start, session.progress, session.trust) as project:
        result = rm(project, paths, keep_data=keep_data, force=force, dry_run=dry_run)
    session.show("rm", result, remove_page)
    return session.tell_broken(result.broken)
