"""``weft checkout``."""

from __future__ import annotations

import click

from weft.cli.context import Session
from weft.cli.options import complete_paths, stage_option
from weft.cli.render.transfer import checkout_page
from weft.cli.verbs import pass_session, verb
from weft.cli.words import split_words
from weft.errors import ExitCode
from weft.workflows.checkout import checkout
from weft.workflows.options import CheckoutOptions
from weft.workflows.project import open_project


@verb(
    "checkout",
    example="weft checkout\nweft checkout v1.0 -- data/train",
    codes={1: "some data is not in the local store"},
    split=True,
)
@click.argument("words", nargs=-1, metavar="[REV] [--] [PATH...]", shell_complete=complete_paths)
@click.option("-f", "--force", is_flag=True, help="Replace changed files; their bytes go into the store first.")
@stage_option()
@click.pass_context
@pass_session
def command(session: Session, context: click.Context, words: tuple[str, ...], force: bool, stage: bool | None) -> int:
    """Make the workspace match the pointers.

    With REV the pointers are taken from that revision first, as `git checkout REV -- PATH` does. Files whose bytes are
    not in the store are never replaced or removed.
    """
    revisions, paths = split_words(context, words, most=1)
    options = CheckoutOptions(force=force, stage=stage)
    with open_project(session.start, session.progress) as project:
        result = checkout(project, revisions[0] if revisions else None, paths, options)
    session.show("checkout", result, checkout_page)
    return ExitCode.DIFFERENCES if result.absent else ExitCode.OK
