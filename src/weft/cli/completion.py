"""The scripts that make a shell ask weft for completions."""

from __future__ import annotations

from dataclasses import dataclass

import click
from click.shell_completion import ShellComplete, get_completion_class

from weft.cli.app import COMPLETE_VARIABLE


@dataclass(frozen=True, slots=True)
class Script:
    """The script for one shell."""

    shell: str
    script: str


def script(context: click.Context, shell: str) -> Script:
    """The script for ``shell``: bash, zsh or fish."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"there is no completion for {shell}", context)
    completer = kind(context.find_root().command, {}, "weft", COMPLETE_VARIABLE)
    # The base class's method: click's own for bash starts the bash that it finds on the path.
    return Script(shell, ShellComplete.source(completer))
