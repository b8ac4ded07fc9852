"""``weft show``."""

from __future__ import annotations

from functools import partial

import click

from weft.cli.context import Session
from weft.cli.options import complete_words, format_option
from weft.cli.render.show import FORMS, show_page
from weft.cli.verbs import pass_session, verb
from weft.cli.words import split_revision, split_words
from weft.model.paths import FROM_TOP
from weft.workflows.show import show


@verb("show", example="weft show\nweft show v1.0 data/train\nweft show v1.0:models -v", split=True)
@click.argument("words", nargs=-1, metavar="[REV] [--] [PATH...] | REV:PATH", shell_complete=complete_words)
@format_option(*FORMS)
@click.pass_context
@pass_session
def command(session: Session, context: click.Context, words: tuple[str, ...], form: str) -> None:
    """Show the data, params, metrics and stages that a commit holds.

    Without REV it is HEAD. PATH limits it to data, records, params and metrics files there. What is not right, as a result
    that no run wrote, is marked and named at the end. Results of a stage whose inputs changed since its run are marked as
    stale, and params of a run are those of its record. Everything is read from Git: no data is needed.
    """
    revisions, paths = split_words(context, words, most=1)
    revision = revisions[0] if revisions else ""
    if not paths and ":" in revision:
        revision, path = split_revision(revision)
        # As in Git, `REV:` is all of it and `:` alone names the index, which is no commit.
        paths = [] if path in ("", FROM_TOP) else [path]
    session.show("show", show(session.start, revision, paths), partial(show_page, form=form))
