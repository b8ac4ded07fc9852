"""``weft cat``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import complete_words, size
from weft.cli.render.content import ContentDocument, Kept
from weft.cli.verbs import pass_session, verb
from weft.cli.words import split_revision
from weft.model.paths import FROM_TOP
from weft.workflows.look import cat
from weft.workflows.project import open_project


@verb("cat", example="weft cat v1.0:data/train/labels.csv | head\nweft cat --start 1MiB --length 4096 models/net.bin")
@click.argument("what", metavar="[REV:]PATH|OID", shell_complete=complete_words)
@click.option("--start", type=size, default=0, metavar="SIZE", help="Skip so many bytes at the start.")
@click.option("--length", type=size, default=None, metavar="SIZE", help="Write at most so many bytes.")
@pass_session
def command(session: Session, what: str, start: int, length: int | None) -> None:
    """Write one tracked file to standard output.

    Every byte is verified against the pointer, or against the object id given in place of a path. With --json the
    document holds the bytes as base64, 16 MiB at most.
    """
    revision, path = split_revision(what)
    sink = session.sink()
    with open_project(session.start, session.progress, session.trust) as project:
        if not session.json:
            cat(project, revision, path, sink, start, length)
            return
        kept = Kept()
        cat(project, revision, path, kept, start, length)
    session.show("cat", ContentDocument.of(path.removeprefix(FROM_TOP), revision, start, kept), ContentDocument.page)
