"""``weft ls``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import complete_words
from weft.cli.render.content import ls_page
from weft.cli.verbs import pass_session, verb
from weft.cli.words import split_revision
from weft.workflows.look import ls
from weft.workflows.project import open_project


@verb("ls", example="weft ls\nweft ls -R v1.0:data/train", renamed={"-r": "-R"})
@click.argument("what", default="", metavar="[REV:][PATH]", shell_complete=complete_words)
@click.option("-R", "--recursive", is_flag=True, help="Descend into directories.")
@pass_session
def command(session: Session, what: str, recursive: bool) -> int:
    """List tracked data.

    Reads pointers and manifests only: the data itself need not be here.
    """
    revision, path = split_revision(what)
    with open_project(session.start, session.progress, session.trust) as project:
        result = ls(project, revision, path, recursive)
    session.show("ls", result, ls_page)
    return session.tell_broken(result.broken)
