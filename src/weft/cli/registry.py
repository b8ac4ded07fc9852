"""The commands by name, and the one place where the command line imports late.

Naming a command costs no import: its module is imported when it is used, so ``weft --version`` loads neither the object
store nor a cloud library. The summaries repeat the first line of each command's help; a test compares the two.

This module is loaded before ``isolate`` has run and therefore imports nothing that Python has not loaded by itself.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class Entry:
    """Where a command is, and how it is listed."""

    __slots__ = ("module", "section", "summary")

    def __init__(self, section: str, summary: str, module: str) -> None:
        self.section = section
        self.summary = summary
        self.module = module


_START = "Start a project"
_WORK = "Work with data"
_SHARE = "Share"
_RUN = "Run stages"
_LOOK = "Look without checking out"
_CARE = "Set up and check"

_LISTING = (
    (_START, "init", "Make a Git repository ready for weft."),
    (_WORK, "add", "Put files or directories into the store and write their pointers."),
    (_WORK, "status", "Show what differs between the workspace and the pointers."),
    (_WORK, "diff", "Show files added, modified, renamed and deleted."),
    (_WORK, "checkout", "Make the workspace match the pointers."),
    (_WORK, "drop", "Free the space of data that a remote holds."),
    (_WORK, "resolve", "Settle the conflicts that a merge left in pointers, records and stages."),
    (_WORK, "mv", "Move tracked data and its pointer together."),
    (_WORK, "rm", "Stop tracking data and remove it from the workspace."),
    (_SHARE, "push", "Send the data of pointers to a remote."),
    (_SHARE, "fetch", "Bring the data of pointers into the local store."),
    (_SHARE, "pull", "Fetch, then check out."),
    (_SHARE, "lock", "Tell others to leave a path alone, through the Git remote."),
    (_SHARE, "unlock", "Remove locks of paths from the Git remote."),
    (_SHARE, "locks", "List the locks of paths on the Git remote."),
    (_RUN, "run", "Run a command once and record how its outs came to be."),
    (_RUN, "repro", "Run the stages that are stale, in order."),
    (_RUN, "stage", "Declare, list, freeze, accept and remove stages."),
    (_LOOK, "ls", "List tracked data."),
    (_LOOK, "check-ignore", "Say which line of which .weftignore leaves a path out."),
    (_LOOK, "du", "Show what tracked data takes, and what drop would free."),
    (_LOOK, "cat", "Write one tracked file to standard output."),
    (_LOOK, "get", "Copy data out of any weft repository."),
    (_LOOK, "lineage", "Ask how data came to be and what depends on it."),
    (_LOOK, "log", "Show the commits that changed data, params or metrics."),
    (_LOOK, "show", "Show the data, params, metrics and stages that a commit holds."),
    (_LOOK, "compare", "Show params, metrics, data and code of revisions side by side."),
    (_CARE, "remote", "Configure the places that data is pushed to."),
    (_CARE, "install", "Install the Git hooks and drivers in this clone."),
    (_CARE, "uninstall", "Remove the Git hooks and drivers from this clone."),
    (_CARE, "config", "Read and write settings."),
    (_CARE, "validate", "Prove that data, code, params, metrics and lineage agree."),
    (_CARE, "verify", "Prove that stored data is what its names say, and mend it."),
    (_CARE, "gc", "Drop data from the local store that nobody needs."),
    (_CARE, "doctor", "Check this machine and this repository."),
    (_CARE, "completion", "Print the script for tab completion in a shell."),
    (_CARE, "help", "Show the help of a command."),
    (_CARE, "version", "Print the version of weft."),
)

COMMANDS: dict[str, Entry] = {
    name: Entry(section, summary, f"weft.cli.commands.{name.replace('-', '_')}") for section, name, summary in _LISTING
}


def load(name: str) -> Any:
    """Import the command ``name`` and return it. Raises ``KeyError`` for an unknown name."""
    return _module(COMMANDS[name].module).command


def application() -> Any:
    """Import click and return ``weft.cli.app``."""
    return _module("weft.cli.app")


def failures() -> Any:
    """Return ``weft.cli.failures``: needed only once something failed."""
    return _module("weft.cli.failures")


def display() -> Any:
    """Import rich and return ``weft.cli.display``: needed only for long work on a terminal."""
    return _module("weft.cli.display")


def completer() -> Any:
    """Return click's support for shells: needed only when one asks."""
    return _module("click.shell_completion")


def candidates() -> Any:
    """Return ``weft.cli.candidates``: it asks the project for names."""
    return _module("weft.cli.candidates")


def hook_handler(module: str) -> Any:
    """Return ``weft.cli.hooks.MODULE``: what one of Git's hooks or drivers starts."""
    return _module(f"weft.cli.hooks.{module}")


def hook_session(environment: Any) -> Any:
    """A session for what Git starts, made without click."""
    streams = _module("weft.cli.streams")
    session = _module("weft.cli.context").Session(
        streams.standard_output(), streams.standard_error(), environment, interactive=False
    )
    session.prefix = environment.get("GIT_PREFIX", "")  # hooks start at the top, wherever the user stands
    return session


def interrupts() -> Any:
    """Return ``weft.cli.interrupts``: for work that may wait for the network."""
    return _module("weft.cli.interrupts")


def close_names(name: str, known: Iterable[str] = COMMANDS) -> list[str]:
    """Commands spelled much like ``name``, the likeliest first."""
    matches: list[str] = _module("difflib").get_close_matches(name, list(known))
    return matches


def _module(name: str) -> Any:
    __import__(name)
    return sys.modules[name]
