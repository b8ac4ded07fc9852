"""One spelling for one thing: the options of all verbs, side by side."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from weft.cli import registry
from weft.cli.options import complete_remotes, size

EXCEPTIONS = {
    ("run", "-n"): "--name",
    ("log", "-n"): "--max-count",
    ("run", "-o"): "--out",
    ("run", "-m"): "--metrics",
    ("stage add", "-n"): "--name",
    ("stage add", "-o"): "--out",
    ("stage add", "-m"): "--metrics",
    ("init", "--remote"): "URL",
    ("init", "--store"): "DIR",
}
"""Where a letter or a name means something else: as in DVC, as in Git, and before a remote or a store has its place."""

SPELLED = {
    "--remote": ("-r", ("NAME", "[NAME]")),
    "--dry-run": ("-n", (None,)),
    "--jobs": ("-j", ("N",)),
    "--force": ("-f", (None,)),
    "--recursive": ("-R", (None,)),
    "--output": ("-o", ("DEST", "FILE", "PATH", "DIR")),
    "--rev": (None, ("REV",)),
    "--format": (None, (None,)),
}
"""The name of each thing that several verbs know, its letter, and what stands for its value."""

OTHER_NAMES = {
    "--remote-name": "--remote",
    "--on": "--remote",
    "--to": "--remote",
    "--simulate": "--dry-run",
    "--just-print": "--dry-run",
    "--no-act": "--dry-run",
    "--threads": "--jobs",
    "--workers": "--jobs",
    "--revision": "--rev",
    "--commit": "--rev",
    "--ref": "--rev",
    "--markdown": "--format",
    "--md": "--format",
    "--csv": "--format",
    "--dot": "--format",
    "--mermaid": "--format",
    "--out-file": "--output",
}
"""Other words for these, which no verb may take."""


def _verbs() -> Iterator[tuple[str, click.Command]]:
    for name in registry.COMMANDS:
        command = registry.load(name)
        inner = getattr(command, "commands", None)
        yield from ((f"{name} {part}", made) for part, made in inner.items()) if inner else [(name, command)]


def _options() -> list[tuple[str, click.Option]]:
    return [
        (name, option)
        for name, command in _verbs()
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
    ]


OPTIONS = _options()


def _faults(options: list[tuple[str, click.Option]]) -> list[str]:
    """What is spelled in two ways, or means two things."""
    faults, letters = [], {letter: long for long, (letter, _) in SPELLED.items() if letter}
    for verb, option in options:
        names = [*option.opts, *option.secondary_opts]
        faults += [f"{verb} {name}: write {OTHER_NAMES[name]}" for name in names if name in OTHER_NAMES]
        for long in [name for name in names if name in SPELLED and (verb, name) not in EXCEPTIONS]:
            letter, values = SPELLED[long]
            if letter and letter not in names:
                faults.append(f"{verb} {long} without {letter}")
            if option.metavar not in values:
                faults.append(f"{verb} {long} takes {option.metavar}")
        for letter in [name for name in names if len(name) == 2 and name not in ("-h",)]:
            known = EXCEPTIONS.get((verb, letter)) or letters.setdefault(letter, _long(names))
            if known and known not in names:
                faults.append(f"{verb} {letter} is not {known}")
        completes = getattr(option, "_custom_shell_complete", None)
        if completes is complete_remotes and not {"--remote", "--from"} & set(names):
            faults.append(f"{verb} {names}: a remote is named by --remote")
        if option.metavar == "REV" and "--rev" not in names:
            faults.append(f"{verb} {names}: a revision is named by --rev")
        if getattr(option.type, "func", None) is size and option.metavar != "SIZE":
            faults.append(f"{verb} {names}: a number of bytes is a SIZE")
    return faults


def _long(names: list[str]) -> str:
    return next((name for name in names if name.startswith("--")), "")


def test_one_thing_has_one_name_in_all_verbs() -> None:
    assert _faults(OPTIONS) == []


def test_one_name_has_one_kind_of_value() -> None:
    kinds: dict[str, set[bool]] = {}
    for verb, option in OPTIONS:
        for name in option.opts:
            if (verb, name) not in EXCEPTIONS:
                kinds.setdefault(name, set()).add(option.is_flag)
    assert [name for name, found in kinds.items() if len(found) > 1] == []


@pytest.mark.parametrize(
    "names", [["--remote"], ["-r", "--really"], ["-n", "--number"], ["--markdown"], ["-x", "--revision"]]
)
def test_another_name_would_be_noticed(names: list[str]) -> None:
    assert _faults([("made-up", click.Option(names, metavar="NAME" if names == ["--remote"] else None))])


@pytest.mark.parametrize(("name", "command"), [*_verbs()], ids=[name for name, _ in _verbs()])
def test_the_first_line_of_help_says_what_a_verb_does(name: str, command: click.Command) -> None:
    """In a terminal of 80 columns, as part of a list of commands too."""
    first = str(command.help).partition("\n")[0]
    assert first[0].isupper()
    assert first.endswith(".")
    assert len(first) <= 76, first


READING = ("add", "status", "diff", "checkout", "drop", "push", "fetch", "pull", "get", "verify", "gc", "doctor")


@pytest.mark.parametrize("name", READING)
def test_what_reads_data_or_asks_a_remote_shows_that_it_is_at_work(name: str) -> None:
    assert registry.load(name).long


def test_a_dry_run_is_explained_alike() -> None:
    texts = [str(option.help) for _, option in OPTIONS if "--dry-run" in option.opts]
    assert [text for text in texts if not text.startswith("Only say what ")] == []


REMOTE = ("push", "fetch", "pull", "add", "verify", "gc", "drop", "status", "doctor")
DRY_RUN = ("push", "fetch", "pull", "repro", "gc", "drop", "add", "checkout", "rm", "mv")
FORMATS = {
    "log": {"text", "json", "csv", "md"},
    "compare": {"text", "json", "csv", "md"},
    "diff": {"text", "json", "csv", "md"},
    "show": {"text", "json", "csv", "md"},
    "lineage graph": {"text", "json", "dot", "mermaid"},
}


@pytest.mark.parametrize("verb", REMOTE)
def test_the_remote_is_named_alike(verb: str) -> None:
    assert [option for name, option in OPTIONS if name == verb and {"-r", "--remote"} <= set(option.opts)]


@pytest.mark.parametrize("verb", DRY_RUN)
def test_what_changes_something_can_say_so_first(verb: str) -> None:
    assert [option for name, option in OPTIONS if name == verb and {"-n", "--dry-run"} <= set(option.opts)]


@pytest.mark.parametrize("verb", FORMATS)
def test_the_forms_are_named_alike(verb: str) -> None:
    (option,) = (option for name, option in OPTIONS if name == verb and "--format" in option.opts)
    assert isinstance(option.type, click.Choice)
    assert set(option.type.choices) == FORMATS[verb]


@pytest.mark.parametrize("verb", ["push", "fetch", "pull", "verify"])
def test_revisions_are_named_alike(verb: str) -> None:
    names = {name for own, option in OPTIONS if own == verb for name in option.opts}
    assert {"--rev", "--all"} <= names


@pytest.mark.parametrize(
    ("words", "now"),
    [
        (["ls", "-r"], "-R"),
        (["compare", "HEAD", "--markdown"], "--format md"),
        (["lineage", "graph", "--dot"], "--format dot"),
        (["lineage", "graph", "--mermaid"], "--format mermaid"),
    ],
)
def test_the_names_of_0_1_tell_the_new_ones(weft, words, now) -> None:
    done = weft(*words)
    assert done.returncode == 2
    assert f"write {now} " in done.stderr
    verb = " ".join(word for word in words if word in ("ls", "compare", "lineage", "graph"))
    assert f"hint: weft {verb} --help" in done.stderr


def test_a_wrong_option_hints_at_the_help_of_its_verb(weft) -> None:
    assert "hint: weft status --help" in weft("status", "--exit-code=foo").stderr
