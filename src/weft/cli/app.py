"""The root command: names its verbs without importing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from weft import __version__
from weft.cli import interrupts, registry
from weft.cli.context import Session
from weft.cli.streams import standard_error, standard_output
from weft.cli.verbs import common_options

COMPLETE_VARIABLE = "_WEFT_COMPLETE"
"""The environment variable in which a shell asks for completions."""


class Root(click.Group):
    """A group whose commands come from the registry, each imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All verbs, in the order of the registry."""
        return list(registry.COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        if cmd_name not in registry.COMMANDS:
            return None
        command: click.Command = registry.load(cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; an unknown one is answered with those spelled alike."""
        name = args[0] if args else ""
        if not ctx.resilient_parsing and name not in registry.COMMANDS and not name.startswith("-"):
            near = registry.close_names(name)
            meant = f"; did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"there is no command {name!a}{meant}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete a verb from the registry: click would import them all for their help."""
        item = registry.completer().CompletionItem
        verbs = [item(name, help=e.summary) for name, e in registry.COMMANDS.items() if name.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs by section, from the registry alone."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in registry.COMMANDS.items():
            sections.setdefault(entry.section, []).append((name, entry.summary))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    session = ctx.ensure_object(Session)
    if session.json:
        command = registry.load("version")
        with command.make_context("version", [], parent=ctx, obj=session) as inner:
            command.invoke(inner)
    else:
        session.out.line(f"weft {__version__}")
    ctx.exit()


def make_root() -> Root:
    """Build the root command."""
    version = click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_version,
        help="Print the version of weft and stop.",
    )
    return Root(
        name="weft",
        params=[*common_options(), version],
        help="Git-native data versioning: big files in object storage, small pointers in Git.",
        epilog="weft help COMMAND tells more about one command.",
        no_args_is_help=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )


def open_session(arguments: Sequence[str], environment: Mapping[str, str]) -> Session:
    """The session of this process. An error that comes before the options are read is shown as they ask for, too."""
    session = Session(standard_output(), standard_error(), environment)
    options = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    session.json = "--json" in options
    session.verbose = "-v" in options or "--verbose" in options
    session.verb = next((word for word in options if word in registry.COMMANDS), "")
    return session


def run(arguments: Sequence[str], session: Session) -> int:
    """Parse ``arguments``, run the command they name and return its exit code; or answer a shell's completion.

    Raises everything that goes wrong: click's exceptions, ``WeftError``, ``OSError``, ``KeyboardInterrupt``.
    """
    root = make_root()
    request = session.environment.get(COMPLETE_VARIABLE)
    if request:
        return _code(registry.completer().shell_complete(root, {"obj": session}, "weft", COMPLETE_VARIABLE, request))
    try:
        with root.make_context("weft", list(arguments) or ["--help"], obj=session) as context:
            return _code(root.invoke(context))
    except click.exceptions.Exit as stop:
        return stop.exit_code


def watch(session: Session) -> None:
    """Let Ctrl-C end the command in time; see ``interrupts``."""
    interrupts.watch(session.interrupted)


def _code(value: object) -> int:
    return value if isinstance(value, int) else 0
