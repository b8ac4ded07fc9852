"""``weft init``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.render.content import init_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.init import init


@verb("init", example="weft init --remote s3://my-bucket/my-project\ngit commit -m 'Start weft'")
@click.option("--remote", default="", metavar="URL", help="URL of a first remote, to be named origin.")
@click.option("--endpoint", default="", metavar="URL", help="Endpoint of an S3 service other than Amazon's.")
@pass_session
def command(session: Session, remote: str, endpoint: str) -> None:
    """Make a Git repository ready for weft.

    Writes .weft/config.yaml and the lines of .gitattributes and stages them; it makes no commit. A second run changes
    nothing.
    """
    session.show("init", init(session.start, remote=remote, endpoint=endpoint, progress=session.progress), init_page)
