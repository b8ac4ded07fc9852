import os
from pathlib import Path

import click
import pytest

import weft.cli.commands
from weft.cli import app, registry
from weft.cli.verbs import EXIT_MEANINGS, Verb, VerbGroup
from weft.errors import ExitCode

FOLDER = Path(next(iter(weft.cli.commands.__path__)))


def test_every_module_is_registered():
    modules = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert {name.replace("-", "_") for name in registry.COMMANDS} == modules


@pytest.mark.parametrize("name", registry.COMMANDS)
def test_the_listing_says_what_the_command_says(name):
    command = registry.load(name)
    assert command.name == name
    first = command.help.strip().partition("\n")[0]
    assert registry.COMMANDS[name].summary == first
    assert first.endswith(".")


def verbs():
    """Every command, sub-commands too, with its full name."""
    for name in registry.COMMANDS:
        command = registry.load(name)
        if isinstance(command, VerbGroup):
            yield from ((f"{name} {inner}", made) for inner, made in command.commands.items())
        else:
            yield name, command


@pytest.mark.parametrize(("name", "command"), [pytest.param(*pair, id=pair[0]) for pair in verbs()])
def test_every_verb_has_the_common_options_and_ends_with_its_exit_codes(name, command):
    assert isinstance(command, Verb)
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--json", "-q", "--quiet", "-v", "--verbose", "-C"} <= options
    text = command.get_help(click.Context(command, info_name=f"weft {name}"))
    example = text.index("\nExample:\n")
    codes = text.index("\nExit codes:\n")
    assert example < codes
    assert f"weft {name}" in text[example:codes]
    assert {0, 2, 3, 4, 5, 6, 130} <= set(command.codes)
    assert all(f"\n  {code} " in text[codes:] for code in command.codes)


def test_every_exit_code_has_a_meaning():
    assert set(EXIT_MEANINGS) == set(ExitCode)


@pytest.mark.parametrize(("name", "command"), [pytest.param(*pair, id=pair[0]) for pair in verbs()])
def test_every_option_says_what_it_does(name, command):
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.opts
            assert parameter.help.endswith((".", ":")), parameter.opts


def test_the_root_lists_all_commands_by_section():
    root = app.make_root()
    context = click.Context(root, info_name="weft")
    text = root.get_help(context)
    assert root.list_commands(context) == list(registry.COMMANDS)
    for entry in registry.COMMANDS.values():
        assert f"{entry.section}:\n" in text
        assert entry.summary.split()[0] in text


def test_unknown_names_are_unknown():
    root = app.make_root()
    assert root.get_command(click.Context(root), "nosuch") is None
    assert registry.close_names("stauts")[0] == "status"
    with pytest.raises(KeyError):
        registry.load("nosuch")


def test_the_folder_is_the_one_of_this_source():
    assert os.path.samefile(FOLDER, Path(registry.__file__).parent / "commands")
