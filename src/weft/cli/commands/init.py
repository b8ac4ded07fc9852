"""``weft init``."""

from __future__ import annotations

from typing import Any

import click

from weft.cli.context import Session
from weft.cli.render.content import init_page
from weft.cli.verbs import pass_session, verb
from weft.model.config import SHARED, SHARED_GROUP
from weft.workflows.init import init


@verb("init", example="weft init --remote s3://my-bucket/my-project\ngit commit -m 'Start weft'\nweft init --subdir")
@click.option("--remote", default="", metavar="URL", help="URL of a first remote, to be named origin.")
@click.option("--endpoint", default="", metavar="URL", help="Endpoint of an S3 service other than Amazon's.")
@click.option("--store", default="", metavar="DIR", help="Keep the objects there, to share them between clones.")
@click.option(
    "--shared",
    is_flag=False,
    flag_value=SHARED_GROUP,
    default=None,
    type=click.Choice(SHARED),
    help="Share the store with the users of its group; with all, others may read.",
)
@click.option("--subdir", is_flag=True, help="Make this folder a project with a weft.yaml and stages of its own.")
@pass_session
def command(session: Session, /, shared: str | None, **chosen: Any) -> None:
    """Make a Git repository ready for weft.

    Writes .weft/config.yaml and the lines of .gitattributes and stages them; it makes no commit. A second run changes
    nothing but what --store and --shared say, which are settings of this clone alone.

    With --subdir, in a folder of the repository, that folder gets a weft.yaml of its own, and the one at the top names
    it. Store, remotes and configuration stay those of the repository.
    """
    result = init(
        session.start,
        shared=shared or "",
        progress=session.progress,
        **chosen,
    )
    session.show("init", result, init_page)
