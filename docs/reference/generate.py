"""Write the pages of docs/reference from the code. A test compares them with what this makes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import click

from weft.cli import failures, registry
from weft.cli.verbs import EXIT_MEANINGS, Verb, common_options
from weft.errors import ExitCode, WeftError, base, faults, lineage, refused
from weft.model import settings

HERE = Path(__file__).parent
NOTE = "<!-- Written by generate.py; change the code and run `make docs`. -->"


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The pages by file name."""
    return {
        "cli.md": "\n".join(_commands()) + "\n",
        "errors.md": "\n".join(_errors()) + "\n",
        "rules.md": _beside("rules").page(NOTE),
        "settings.md": "\n".join(_settings()) + "\n",
    }


def verbs() -> Iterator[tuple[str, Verb]]:
    """Every command, sub-commands too, with its full name."""
    for name in registry.COMMANDS:
        command = registry.load(name)
        inner = getattr(command, "commands", None)
        yield from ((f"{name} {part}", made) for part, made in inner.items()) if inner else [(name, command)]


def error_classes() -> list[type[WeftError]]:
    """Every class of error that weft raises, in the order in which they are written down."""
    return [
        member
        for module in (base, refused, faults, lineage, failures)
        for member in vars(module).values()
        if inspect.isclass(member) and issubclass(member, WeftError) and member.__module__ == module.__name__
    ]


def _beside(name: str) -> ModuleType:
    """The module ``name`` of this folder, which is no package."""
    loader = SourceFileLoader(f"weft_reference_{name}", str(Path(__file__).with_name(f"{name}.py")))
    module = ModuleType(loader.name)
    loader.exec_module(module)
    return module


# --- commands --------------------------------------------------------------------------------------------------------


def _commands() -> Iterator[str]:
    yield from (NOTE, "", "# Commands", "")
    yield "Data goes to standard output, everything else to standard error. Exit codes are explained [below](#exit-codes)."
    for section in dict.fromkeys(entry.section for entry in registry.COMMANDS.values()):
        names = [f"`{name}`" for name, entry in registry.COMMANDS.items() if entry.section == section]
        yield (
            f"\n- {section}: {', '.join(names)}" if section == "Start a project" else f"- {section}: {', '.join(names)}"
        )
    yield from ("", "## Options of every command", "", *_options(common_options()))
    yield ""
    yield "Paths are read and printed from the directory you stand in, as by `git status`; `:/PATH` starts at the top of the"
    yield "work tree. In `REV:PATH` it starts at the top too, and `REV:./PATH` here. JSON, CSV and Markdown name paths from"
    yield "the top, wherever you stand."
    yield from ("", "`weft` itself also takes these options, before the command, and `--version`.")
    for name, command in verbs():
        yield from _command(name, command)
    yield from ("", "## Exit codes", "", "| code | meaning |", "|---|---|")
    yield from (f"| {int(code)} | {text} |" for code, text in EXIT_MEANINGS.items())
    yield from (
        "",
        "Each error has a code of its own: see [Errors](errors.md). What `weft validate` finds: see [Rules](rules.md).",
    )
    yield from ("", "## JSON", "", *_json())


def _command(name: str, command: Verb) -> Iterator[str]:
    context = click.Context(command, info_name=f"weft {name}")
    own = [option for option in command.params if isinstance(option, click.Option) and option.opts not in _common()]
    usage = " ".join(["weft", name, *command.collect_usage_pieces(context)[1:]])
    yield from ("", f"## weft {name}", "", f"    {usage}", "", _prose(command.help))
    if own:
        yield from ("", *_options(own))
    yield from ("", "Example:", "", *(f"    {line}" for line in command.example.splitlines()))
    common = {int(code): text for code, text in EXIT_MEANINGS.items()}
    special = [f"{code} {text}" for code, text in command.codes.items() if text != common[code]]
    if special:
        yield from ("", f"Exit codes: {'; '.join(special)}.")


def _common() -> list[list[str]]:
    return [option.opts for option in common_options()]


def _options(options: list[click.Parameter] | list[click.Option]) -> Iterator[str]:
    yield from ("| option | meaning |", "|---|---|")
    for option in options:
        if isinstance(option, click.Option) and not option.hidden:
            names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
            yield f"| {names}{'' if option.is_flag else _value(option)} | {_cell(option.help or '')} |"


def _value(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " " + _cell(" \\| ".join(f"`{choice}`" for choice in option.type.choices))
    return f" {option.metavar or option.type.name.upper()}"


def _json() -> Iterator[str]:
    yield "With `--json` a command prints one document: `schema` is `weft/<command>/1`, `data` is the result, `warnings`"
    yield "is a list of `message` and `hint`. A command that fails prints `weft/error/1` instead, with `code`, `message`,"
    yield "`hint`, `exit_code`, `path`, `line` and `warnings`. Sizes are bytes; an object id is `blake3:` and 64 hex digits."


# --- errors ----------------------------------------------------------------------------------------------------------


def _errors() -> Iterator[str]:
    yield from (NOTE, "", "# Errors", "")
    yield "Every error has a code that keeps its meaning in later versions, and an exit code that says who must act."
    for exit_code in ExitCode:
        classes = [kind for kind in error_classes() if kind.exit_code == exit_code]
        if classes:
            yield from (
                "",
                f"## Exit code {int(exit_code)}: {EXIT_MEANINGS[exit_code]}",
                "",
                "| code | meaning |",
                "|---|---|",
            )
            yield from (
                f"| `{kind.code}` | {_prose(inspect.getdoc(kind))} |" for kind in classes if kind is not WeftError
            )


# --- settings --------------------------------------------------------------------------------------------------------

_FILES = {settings.BOTH: "both", settings.COMMITTED: "committed", settings.PRIVATE: "private"}


def _settings() -> Iterator[str]:
    yield from (NOTE, "", "# Settings", "")
    yield "`weft config KEY` reads a setting, `weft config KEY VALUE` sets it in the committed `.weft/config.yaml`, and"
    yield "`weft config set --private KEY VALUE` in `.git/weft/config.yaml` of this clone, which wins."
    yield "`weft config list --all` lists the values in force, and `-v` where each comes from. The last column says which of"
    yield "the two files may hold it: what each user decides is not taken from a commit."
    yield from ("", "| setting | default | what it does | file |", "|---|---|---|---|")
    for one in settings.SETTINGS:
        default = f"`{one.default}`" if one.default else "none"
        yield f"| `{one.name.replace('*', 'NAME')}` | {default} | {one.what} | {_FILES[one.where]} |"


def _prose(text: str | None) -> str:
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(_cell(re.sub(r"\s+", " ", paragraph)) for paragraph in paragraphs)


def _cell(text: str) -> str:
    return text.replace("``", "`")


if __name__ == "__main__":
    main()
