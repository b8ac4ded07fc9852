"""``weft drop``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import dry_run_option, paths_argument, remote_option
from weft.cli.render.space import drop_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.drop import drop
from weft.workflows.options import DropOptions
from weft.workflows.project import open_project


@verb(
    "drop",
    long=True,
    example="weft drop data/images\nweft drop --dry-run data\nweft drop --store data/raw",
    codes={3: "files differ from their pointer, or the store is shared", 4: "no remote is proved to hold the data"},
)
@paths_argument(required=True)
@click.option("--store", is_flag=True, help="Drop it from the local store too.")
@remote_option("The remote that must hold what goes (default: any that is configured).")
@dry_run_option("Only say what would go.")
@pass_session
def command(session: Session, paths: tuple[str, ...], store: bool, remote: str, dry_run: bool) -> None:
    """Free the space of data that a remote holds.

    The files of PATH go from the workspace; its pointer stays, and the data counts as not here, never as deleted: `weft add`
    keeps it, `weft checkout` brings it back from the local store and `weft pull` from the remote.

    Nothing goes before all of it is compared with its pointer and proved to be on a remote. With --store the packs of
    the local store go too that hold nothing else.
    """
    options = DropOptions(remote=remote, store=store, dry_run=dry_run)
    with open_project(session.start, session.progress, session.trust) as project:
        result = drop(project, paths, options)
    session.show("drop", result, drop_page)
