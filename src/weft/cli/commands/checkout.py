"""``weft checkout``."""

from __future__ import annotations

from typing import Any

import click

from weft.cli.context import Session
from weft.cli.options import complete_words, dry_run_option, stage_option
from weft.cli.render.transfer import checkout_page
from weft.cli.verbs import pass_session, verb
from weft.cli.words import split_words
from weft.errors import ExitCode
from weft.model.config import LINKS
from weft.workflows.checkout import checkout
from weft.workflows.options import CheckoutOptions
from weft.workflows.project import open_project


@verb(
    "checkout",
    long=True,
    example="weft checkout\nweft checkout v1.0 -- data/train",
    codes={1: "some data is not in the local store"},
    split=True,
)
@click.argument("words", nargs=-1, metavar="[REV] [--] [PATH...]", shell_complete=complete_words)
@click.option("-f", "--force", is_flag=True, help="Replace changed files; their bytes go into the store first.")
@click.option(
    "--delete", is_flag=True, help="Remove what was added to tracked directories, too; --force saves it first."
)
@click.option(
    "--link",
    type=click.Choice(LINKS),
    default=None,
    help="How files are made, those that are right already too. Without it `checkout.link` says how new ones are.",
)
@stage_option()
@dry_run_option("Only say what would be written and removed.")
@click.pass_context
@pass_session
def command(
    session: Session, context: click.Context, /, words: tuple[str, ...], link: str | None, **chosen: Any
) -> int:
    """Make the workspace match the pointers.

    With REV the pointers are taken from that revision first, as `git checkout REV -- PATH` does. Files whose bytes are
    not in the store are never replaced or removed.

    Files are copies (auto, copy), share blocks with a copy in the store where the file system can (reflink), or are links
    to it (hard, symlink): these are read-only, and whoever changes one in place changes it for all. `--link copy` gives
    back files of one's own.
    """
    revisions, paths = split_words(context, words, most=1)
    options = CheckoutOptions(link=link or "", **chosen)
    with open_project(session.start, session.progress, session.trust) as project:
        result = checkout(project, revisions[0] if revisions else None, paths, options)
    session.show("checkout", result, checkout_page)
    return session.tell_broken(result.broken) or (ExitCode.DIFFERENCES if result.absent else ExitCode.OK)
