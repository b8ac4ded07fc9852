"""Names for tab completion: tracked paths and remotes. It knows names or keeps silent; it never prints an error."""

from __future__ import annotations

import os
from collections.abc import Iterable

from click.shell_completion import CompletionItem

from weft.cli.text import escape
from weft.errors import WeftError
from weft.model.settings import SETTINGS
from weft.workflows import look, remotes
from weft.workflows.project import open_project


def paths(incomplete: str) -> list[CompletionItem[str]]:
    """Tracked paths that begin with ``incomplete``, as seen from the current directory."""
    try:
        with open_project(os.getcwd()) as project:
            here = os.path.relpath(project.cwd, os.path.realpath(project.root))
            tracked = [entry.path for entry in look.ls(project, "", project.root, False).entries]
    except (WeftError, OSError):
        return [CompletionItem(incomplete, type="file")]
    found = _matching((os.path.relpath(path, here) for path in tracked), incomplete)
    return found or [CompletionItem(incomplete, type="file")]


def remote_names(incomplete: str) -> list[CompletionItem[str]]:
    """Names of configured remotes that begin with ``incomplete``."""
    try:
        with open_project(os.getcwd()) as project:
            names = [remote.name for remote in remotes.remote_list(project).remotes]
    except (WeftError, OSError):
        return []
    return _matching(names, incomplete)


def settings(incomplete: str) -> list[CompletionItem[str]]:
    """Names of settings that begin with ``incomplete``, those of the configured remotes among them."""
    names = [remote.value for remote in remote_names("")]
    keys = [one.name.replace("*", name) for one in SETTINGS for name in (names if "*" in one.name else [""])]
    return _matching(keys, incomplete)


def _matching(names: Iterable[str], incomplete: str) -> list[CompletionItem[str]]:
    """Names with a character that a shell's line protocol or a terminal would stumble over are left out."""
    return [CompletionItem(name) for name in names if name.startswith(incomplete) and escape(name) == name]
