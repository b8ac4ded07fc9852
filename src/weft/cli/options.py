"""Options that several commands take, and the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from weft.cli import registry
from weft.cli.context import Session
from weft.cli.words import AFTER_DASHES
from weft.util.later import later

if TYPE_CHECKING:
    from weft.model import sizes
else:
    sizes = later("weft.model.sizes")

Function = Callable[..., Any]
Completer = Callable[[click.Context, click.Parameter, str], Any]


def size(value: str | int) -> int:
    """A number of bytes: ``4096``, ``500M``, ``1.5GiB``; K, M, G, T and P are powers of 1024."""
    if isinstance(value, int):
        return value
    found = sizes.parse_size(value)
    if found is None:
        raise click.BadParameter(f"{value!a} is no size; write 4096, 500M or 1.5GiB")
    return found


def share(value: str | float) -> float:
    """A share above 0 and up to 1: ``0.05`` or ``5%``. The default 0.0 stands for no share at all."""
    if isinstance(value, float):
        return value
    try:
        number = float(value[:-1]) / 100 if value.endswith("%") else float(value)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise click.BadParameter(f"{value!a} is no share; write 5% or 0.05")
    return number


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(value: str | float) -> float:
    """Seconds: ``90s``, ``10m``, ``2h``, ``1d``; a number without a unit is seconds."""
    if isinstance(value, float):
        return value
    number, unit = (value[:-1], _UNITS[value[-1]]) if value[-1:] in _UNITS else (value, 1.0)
    if not number.isascii() or not number.replace(".", "", 1).isdigit():
        raise click.BadParameter(f"{value!a} is no duration; write 90s, 10m or 2h")
    return float(number) * unit


def _completing(kind: str) -> Completer:
    """Tab completion with the names of one kind that the project has: those of ``weft.cli.candidates.KIND``."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> Any:
        return getattr(registry.candidates(), kind)(incomplete)

    return complete


complete_paths = _completing("paths")
complete_locked = _completing("locked")
complete_remotes = _completing("remote_names")
complete_stages = _completing("stages")
complete_rules = _completing("rules")
complete_revisions = _completing("revisions")
complete_settings = _completing("settings")


def complete_words(context: click.Context, parameter: click.Parameter, incomplete: str) -> Any:
    """Tab completion of revisions and tracked paths: of paths alone after ``--``."""
    names = registry.candidates()
    return names.paths(incomplete) if AFTER_DASHES in context.meta else names.words(incomplete)


def paths_argument(*, required: bool = False) -> Callable[[Function], Function]:
    """``PATH...``: with tab completion of tracked paths."""
    metavar = "PATH..." if required else "[PATH...]"
    return click.argument("paths", nargs=-1, required=required, metavar=metavar, shell_complete=complete_paths)


def stages_argument(*, required: bool = False) -> Callable[[Function], Function]:
    """``STAGE...``: with tab completion of stages."""
    metavar = "STAGE..." if required else "[STAGE...]"
    return click.argument("stages", nargs=-1, required=required, metavar=metavar, shell_complete=complete_stages)


def remote_option(text: str) -> Callable[[Function], Function]:
    """``-r NAME``: with tab completion of remotes; "" where none is named."""
    return click.option(
        "-r", "--remote", "remote", default="", metavar="NAME", shell_complete=complete_remotes, help=text
    )


def git_remote_option() -> Callable[[Function], Function]:
    """``--git-remote NAME``."""
    return click.option(
        *("--git-remote", "remote"),
        default="",
        metavar="NAME",
        help="The Git remote with the locks (default: that of the branch, or origin).",
    )


def ask_remote_option(text: str) -> Callable[[Function], Function]:
    """``-r [NAME]``, for verbs that look at a remote only where they are asked to: None where they are not, "" without a
    name."""
    return click.option(
        *("-r", "--remote", "remote"),
        is_flag=False,
        flag_value="",
        default=None,
        metavar="[NAME]",
        shell_complete=complete_remotes,
        help=text,
    )


def dry_run_option(text: str) -> Callable[[Function], Function]:
    """``-n``."""
    return click.option("-n", "--dry-run", is_flag=True, help=text)


def format_option(*forms: str) -> Callable[[Function], Function]:
    """``--format``, whose value is ``form`` and one of ``forms``, the usual one first; json is the same as ``--json``."""

    def choose(context: click.Context, parameter: click.Parameter, value: str) -> str:
        session = context.ensure_object(Session)
        if value == "json":
            session.json = True
        elif session.json and value != forms[0]:
            raise click.UsageError("give one of --format and --json", context)
        session.form = forms[0] if session.json else value
        return session.form

    kinds = click.Choice((forms[0], "json", *forms[1:]))
    return click.option("--format", "form", type=kinds, default=forms[0], callback=choose, help="How to print it.")


def jobs_option() -> Callable[[Function], Function]:
    """``-j N``."""
    return click.option(
        "-j", "--jobs", type=click.IntRange(0, 256), default=0, metavar="N", help="Work in N threads (0: weft chooses)."
    )


def stage_option() -> Callable[[Function], Function]:
    """``--stage/--no-stage``."""
    return click.option(
        "--stage/--no-stage", default=None, help="Whether to `git add` the pointers (default: the setting `stage`)."
    )


def revisions_option(text: str) -> Callable[[Function], Function]:
    """``--rev REV``, more than once: with tab completion of revisions."""
    return click.option(*("--rev", "revs"), multiple=True, metavar="REV", shell_complete=complete_revisions, help=text)


def transfer_options(function: Function) -> Function:
    """``-r``, ``-j``, ``--rev``, ``--all`` and ``-n``, as push, fetch and pull take them."""
    for option in (
        dry_run_option("Only say what would be sent or received."),
        click.option("--all", "all_commits", is_flag=True, help="Take the pointers of every commit of every ref."),
        revisions_option("Take the pointers of REV, or of a range A..B."),
        jobs_option(),
        remote_option("The remote to use (default: the setting `remote`)."),
    ):
        function = option(function)
    return function


def private_option() -> Callable[[Function], Function]:
    """``--private``."""
    return click.option("--private", is_flag=True, help="In the settings of this clone, which are never committed.")
