"""``weft completion``."""

from __future__ import annotations

import click

from weft.cli.completion import script
from weft.cli.context import Session
from weft.cli.render.settings import completion_page
from weft.cli.verbs import pass_session, verb


@verb("completion", example='eval "$(weft completion bash)"    # in ~/.bashrc')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
@pass_session
def command(session: Session, context: click.Context, shell: str) -> None:
    """Print the script for tab completion in a shell.

    It completes commands, options, tracked paths, and the names of remotes, stages, revisions, rules and settings.
    """
    session.show("completion", script(context, shell), completion_page)
