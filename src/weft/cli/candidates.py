"""Names for tab completion: tracked paths, remotes, stages, revisions, rules and settings.

It knows names or keeps silent; it never prints an error.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from weft.errors import WeftError
from weft.util.later import later

if TYPE_CHECKING:
    from weft.model import settings as known_settings
    from weft.workflows import locks, look, project, remotes, validate_rules
    from weft.workflows import revisions as refs
    from weft.workflows import stages as pipeline
else:
    # Each TAB waits for what it imports, and asks for one kind of names.
    known_settings = later("weft.model.settings")
    locks = later("weft.workflows.locks")
    look = later("weft.workflows.look")
    pipeline = later("weft.workflows.stages")
    project = later("weft.workflows.project")
    refs = later("weft.workflows.revisions")
    remotes = later("weft.workflows.remotes")
    validate_rules = later("weft.workflows.validate_rules")

_PLAIN = frozenset("._-+=@%:,/~^")
"""What no shell takes for more than itself, beside letters and digits of every language."""


def paths(incomplete: str) -> list[CompletionItem[str]]:
    """Tracked paths that begin with ``incomplete``, as seen from the current directory."""
    try:
        with project.open_project(os.getcwd()) as opened:
            here = os.path.relpath(opened.cwd, os.path.realpath(opened.root))
            tracked = [entry.path for entry in look.ls(opened, "", opened.root, False).entries]
    except (WeftError, OSError):
        return [CompletionItem(incomplete, type="file")]
    found = _matching((os.path.relpath(path, here) for path in tracked), incomplete)
    return found or [CompletionItem(incomplete, type="file")]


def remote_names(incomplete: str) -> list[CompletionItem[str]]:
    """Names of configured remotes that begin with ``incomplete``."""
    try:
        with project.open_project(os.getcwd()) as opened:
            names = [remote.name for remote in remotes.remote_list(opened).remotes]
    except (WeftError, OSError):
        return []
    return _matching(names, incomplete)


def locked(incomplete: str) -> list[CompletionItem[str]]:
    """Paths with a lock that this clone has seen and that begin with ``incomplete``."""
    try:
        clone = locks.open_clone(os.getcwd())
        here = os.path.relpath(clone.cwd, os.path.realpath(clone.git.root))
        names = [one.path for one in locks.locks(clone, cached=True).locks]
    except (WeftError, OSError):
        return []
    return _matching((os.path.relpath(path, here) for path in names), incomplete)


def stages(incomplete: str) -> list[CompletionItem[str]]:
    """Names of declared stages that begin with ``incomplete``; those of the project that the user stands in, bare."""
    try:
        with project.open_project(os.getcwd()) as opened:
            known = pipeline.load_pipeline(opened)
    except (WeftError, OSError):
        return []
    near = [one.own_name for one in known.stages.values() if known.here and one.folder == known.here]
    return _matching([*near, *known.stages], incomplete)


def rules(incomplete: str) -> list[CompletionItem[str]]:
    """Rules of ``weft validate`` that begin with ``incomplete``, each with what it says."""
    return [
        CompletionItem(name, help=rule.title)
        for name, rule in validate_rules.RULES.items()
        if name.startswith(incomplete.upper())
    ]


def revisions(incomplete: str) -> list[CompletionItem[str]]:
    """Branches and tags that begin with ``incomplete``, after ``A..`` those of the other end."""
    first, dots, rest = incomplete.rpartition("..")
    try:
        names = refs.revision_names(os.getcwd())
    except (WeftError, OSError):
        return []
    return _matching([f"{first}{dots}{name}" for name in names if name.startswith(rest)], incomplete)


def words(incomplete: str) -> list[CompletionItem[str]]:
    """Revisions and tracked paths that begin with ``incomplete``."""
    named = revisions(incomplete)
    # Bash forgets all names for the sake of one answer that leaves it to the shell.
    return named + [item for item in paths(incomplete) if item.type == "plain" or not named]


def settings(incomplete: str) -> list[CompletionItem[str]]:
    """Names of settings that begin with ``incomplete``, those of the configured remotes among them."""
    names = [remote.value for remote in remote_names("")]
    keys = [
        one.name.replace("*", name) for one in known_settings.SETTINGS for name in (names if "*" in one.name else [""])
    ]
    return _matching(keys, incomplete)


def _matching(names: Iterable[str], incomplete: str) -> list[CompletionItem[str]]:
    """Left out are names that would be more than one word: the script for bash puts them on the command line as they are,
    where Enter runs what a ``$(...)`` of somebody else's commit says."""
    return [CompletionItem(name) for name in names if name.startswith(incomplete) and _is_one_word(name)]


def _is_one_word(name: str) -> bool:
    return not name.startswith(("-", "~")) and all(char.isalnum() or char in _PLAIN for char in name)
