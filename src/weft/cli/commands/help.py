"""``weft help``."""

from __future__ import annotations

from typing import Any

import click

from weft.cli import registry
from weft.cli.context import Session
from weft.cli.verbs import pass_session, verb


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[Any]:
    return [name for name in registry.COMMANDS if name.startswith(incomplete)]


@verb("help", example="weft help\nweft help push\nweft help lineage why")
@click.argument("names", nargs=-1, metavar="[COMMAND]", shell_complete=_complete)
@click.pass_context
@pass_session
def command(session: Session, context: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of a command.

    It is what `weft COMMAND --help` prints; without COMMAND all commands are listed.
    """
    # This runs the root command again, which knows what is spelled alike, and prints the help of groups too.
    root = context.find_root()
    with root.command.make_context("weft", [*names, "--help"], obj=session) as again:
        root.command.invoke(again)
