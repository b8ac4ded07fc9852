"""What makes a function a command: the common options, and help that ends with an example and the exit codes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import click

from weft.cli import registry
from weft.cli.context import Session
from weft.cli.words import AFTER_DASHES
from weft.errors import ExitCode, NoSuchPath, UsageFault, quoted

EXIT_MEANINGS = {
    ExitCode.OK: "fine",
    ExitCode.DIFFERENCES: "differences found (asked for)",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.REFUSED: "refused input: change a file, a name or the request",
    ExitCode.INTEGRITY: "integrity: bytes are missing or not what their name says",
    ExitCode.CONCURRENCY: "another process is in the way: try again",
    ExitCode.ENVIRONMENT: "disk, network, credentials or tools fail",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
}
"""What each exit code means; a command may say it more precisely."""

Function = Callable[..., Any]


def common_options() -> list[click.Parameter]:
    """``-C``, ``-q``, ``-v`` and ``--json``: taken by ``weft`` itself and by every command."""
    return [
        click.Option(
            ["-C", "directory"],
            metavar="DIR",
            multiple=True,
            expose_value=False,
            is_eager=True,
            callback=_change_directory,
            help="Work as if started in DIR.",
        ),
        _switch(["--json"], "json", "Print one JSON document instead of text."),
        _switch(["-q", "--quiet"], "quiet", "Print only what was asked for, and errors."),
        _switch(["-v", "--verbose"], "verbose", "Print more; show the trace of an unknown error."),
    ]


def _switch(names: list[str], attribute: str, text: str) -> click.Option:
    def set_it(context: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value:
            setattr(context.ensure_object(Session), attribute, True)

    return click.Option(names, is_flag=True, expose_value=False, is_eager=True, callback=set_it, help=text)


def _change_directory(context: click.Context, parameter: click.Parameter, value: Sequence[str]) -> None:
    for directory in value:
        try:
            os.chdir(directory)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NoSuchPath(f"no such directory: {directory!a}", path=directory) from error


class Verb(click.Command):
    """A command with the common options, whose help ends with an example and its exit codes."""

    def __init__(
        self,
        *args: Any,
        example: str,
        codes: dict[int, str],
        renamed: dict[str, str] | None = None,
        long: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.renamed = renamed or {}
        self.long = long
        self.params.extend(common_options())
        self.example = example
        self.codes = {int(code): codes.get(code, text) for code, text in EXIT_MEANINGS.items()}
        if ExitCode.DIFFERENCES not in codes:
            del self.codes[ExitCode.DIFFERENCES]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does; an error names this command, and the new name of an option that has got one."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            if isinstance(error, click.NoSuchOption) and error.option_name in self.renamed:
                new = self.renamed[error.option_name]
                raise click.UsageError(f"there is no option {error.option_name} any more; write {new}", ctx) from None
            raise

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; on a terminal, what takes long shows that it is at work before it can tell how far it is."""
        if self.long:
            ctx.ensure_object(Session).progress.busy(self.name or "")
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example and the exit codes."""
        with formatter.section("Example"):
            for line in self.example.splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), text) for code, text in self.codes.items()])


class SplitVerb(Verb):
    """A verb that takes revisions and paths, told apart by ``--``: what follows it is kept in ``context.meta``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words after ``--`` away from click."""
        if "--" in args:
            cut = args.index("--")
            ctx.meta[AFTER_DASHES] = args[cut + 1 :]
            args = args[:cut]
        return super().parse_args(ctx, args)


class VerbGroup(click.Group):
    """A command with sub-commands, which take the common options too. ``path_verbs`` are those that a path may be meant for
    where none was given."""

    def __init__(self, name: str, *, path_verbs: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(name, params=common_options(), **kwargs)
        self.path_verbs = path_verbs

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the sub-command; a path in its place is answered with what can be asked of it."""
        word = args[0] if args else ""
        if self.path_verbs and word not in self.commands and _is_path(word):
            first, *others = self.path_verbs
            raise UsageFault(
                f"{word} is a path, and weft {self.name} wants to know what is asked of it",
                hint=f"weft {self.name} {first} {quoted(word)}, or {' or '.join(others)}",
            )
        if word not in self.commands and not ctx.resilient_parsing and not word.startswith("-"):
            near = registry.close_names(word, self.commands)  # not every click tells them
            meant = f"; did you mean {' or '.join(near)}?" if near else ""
            raise click.UsageError(f"there is no command {word!a}{meant}", ctx)
        return super().resolve_command(ctx, args)


def _is_path(word: str) -> bool:
    return "/" in word or any(os.path.lexists(name) for name in (word, word + ".weft"))


def verb(
    name: str,
    *,
    example: str,
    codes: dict[int, str] | None = None,
    renamed: dict[str, str] | None = None,
    split: bool = False,
    long: bool = False,
    group: click.Group | None = None,
) -> Callable[[Function], Verb]:
    """Make a function a command, of ``group`` if one is given.

    ``codes`` says what exit codes mean here where the common table is not precise; ``renamed`` has options of earlier
    versions and what to write instead; ``split`` leaves ``--`` to ``split_words``; ``long`` ones may take a while.
    """

    def wrap(function: Function) -> Verb:
        kind = SplitVerb if split else Verb
        made = click.command(name, cls=kind, example=example, codes=codes or {}, renamed=renamed, long=long)(function)
        if group is not None:
            group.add_command(made)
        return made

    return wrap


pass_session = click.pass_obj
"""Give a command its ``Session`` as first argument."""
