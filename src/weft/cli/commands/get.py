"""``weft get``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.render.content import get_page
from weft.cli.verbs import pass_session, verb
from weft.workflows.get import get


@verb("get", long=True, example="weft get https://github.com/org/project v1.0:data/train -o train")
@click.argument("url")
@click.argument("what", metavar="[REV:]PATH")
@click.option(
    "-o",
    "--output",
    default="",
    metavar="DEST",
    type=click.Path(),
    help="Where to write (default: its name, here).",
)
@click.option("--trust", is_flag=True, help="Send your credentials to its remote, and obey its private configuration.")
@click.option("-f", "--force", is_flag=True, help="Replace what is at DEST, after its bytes were saved.")
@pass_session
def command(session: Session, url: str, what: str, output: str, trust: bool, force: bool) -> None:
    """Copy data out of any weft repository.

    A file goes into DEST where that is a folder, a directory where DEST ends in a slash as well.

    URL is anything that Git can clone. Nothing is added to the repository you are in, and none is needed. Without --trust
    its remote is asked without credentials, unless your own configuration trusts the place, and where it is a directory its
    private configuration does not count. The repository that you are in is no stranger's.
    """
    revision, separator, path = what.partition(":")
    if not separator:
        revision, path = "", what
    trusted = session.trust_of(foreign=not trust, everything=trust)
    found = get(url, revision, path, output, force=force, trust=trusted, progress=session.progress)
    session.show("get", found, get_page)
