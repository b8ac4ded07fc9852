"""``weft install`` and ``weft uninstall``: the Git hooks and drivers of this clone.

Nothing of this can be asked for by a committed file: a clone runs weft's hooks because its user said so here.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from weft.gitio.attributes import ensure_attributes
from weft.gitio.clone_config import add_value, drop_section, drop_value, set_section
from weft.gitio.hooks import (
    HOOKS,
    KEPT,
    HookPlace,
    Program,
    hook_place,
    hook_places,
    install_hooks,
    is_from_tool,
    uninstall_hooks,
)
from weft.gitio.repo import GitRepo, discover
from weft.gitio.snapshots import RUNS
from weft.gitio.staging import stage
from weft.workflows import framework
from weft.workflows.attributes import ATTRIBUTES
from weft.workflows.others_hooks import ToAdd, lines_to_add
from weft.workflows.own_code import refuse_own_code
from weft.workflows.project import read_config

_DRIVERS = {
    "merge.weft-pointer": {"name": "weft: merge versions of data", "driver": "merge-pointer %O %A %B %P"},
    "merge.weft-record": {"name": "weft: merge lineage records", "driver": "merge-record %O %A %B %P"},
    "merge.weft-stagefile": {"name": "weft: merge stages", "driver": "merge-stagefile %O %A %B %P"},
    "diff.weft-pointer": {"textconv": "textconv-pointer"},
}
"""Sections of the clone's configuration; the values ``driver`` and ``textconv`` are what ``weft-hook`` is given."""

_PUSH = "pre-push"
_COMMANDS = ("driver", "textconv")
_HIDDEN = ("transfer.hideRefs", RUNS.rstrip("/"))
"""Who clones or fetches from this clone, with --mirror too, does not get the snapshots of runs."""


@dataclass(frozen=True, slots=True)
class InstallOptions:
    """How ``install`` works.

    ``python`` is the program that runs weft and ``module`` the file of weft that it starts, both absolute. ``tool``
    writes entries for the pre-commit program instead of Git's hooks. ``force`` installs into a folder of hooks that is
    not this repository's own, ``alone`` no hooks but the drivers. ``drivers`` are those that the running weft has.
    ``places`` are where this Python is installed.
    """

    python: str
    module: str
    tool: bool = False
    force: bool = False
    alone: bool = False
    drivers: Collection[str] = ()
    places: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class InstallResult:
    """What ``install`` changed: files by path relative to the root where they are below it, else absolute.

    ``kept`` are hooks that were there and are called by ours, ``staged`` files that are to be committed, ``removed`` hooks
    of ours that the pre-commit program makes needless. ``hidden`` says that snapshots of runs are from now on hidden from
    those who fetch from this clone. ``to_add`` are lines that the hooks in ``folder`` lack, which is not this repository's
    own: ``shared`` says whose it is.
    """

    folder: str
    hooks: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ()
    staged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    tool: bool = False
    hidden: bool = False
    shared: str = ""
    to_add: tuple[ToAdd, ...] = ()


@dataclass(frozen=True, slots=True)
class UninstallResult:
    """What ``uninstall`` changed. ``restored`` are hooks that stand again where ours stood."""

    removed: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()


def install(start: str, options: InstallOptions) -> InstallResult:
    """Install the hooks and drivers in this clone, and the attributes that name the drivers in the work tree.

    In a folder of hooks that is not this repository's own nothing is written unless ``options`` say so. A second run
    changes nothing. Raises ``NotARepository`` where there is no project, and ``HookRefused``: then nothing was changed.
    """
    git = discover(start)
    read_config(git)
    refuse_own_code(git, options.python, (options.module, *options.places))
    place = hook_place(git)
    program = Program(options.python, options.module)
    wanted = _hooks(git, place, program, options)
    staged = list(wanted.staged)
    drivers = [
        section for section, values in _sections(program, options.drivers).items() if set_section(git, section, values)
    ]
    hidden = add_value(git, *_HIDDEN)
    if ensure_attributes(git.root, ATTRIBUTES):
        staged.append(".gitattributes")
    if staged:
        stage(git, staged)
    return replace(wanted, drivers=tuple(drivers), staged=tuple(staged), hidden=hidden)


def _hooks(git: GitRepo, place: HookPlace, program: Program, options: InstallOptions) -> InstallResult:
    """Install what hooks ``options`` ask for."""
    result = InstallResult(_shown(git, place.path), tool=options.tool)
    if options.tool:
        staged = (framework.FILE,) if framework.add_entries(git.root) else ()
        # Ours beside those of the program would do everything twice; but of a push it is told one ref, and ours all.
        removed = _take_away_doubles(git, place)
        written, kept = install_hooks(place, (_PUSH,), program) if place.own else ([], [])
        result = replace(result, staged=staged, removed=tuple(_shown(git, path) for path in removed))
    elif options.alone:
        return result
    elif not place.own and not options.force:
        to_add = tuple(ToAdd(_shown(git, one.path), one.line) for one in lines_to_add(place))
        return replace(
            result, shared="in the work tree" if place.in_tree else "outside of this repository", to_add=to_add
        )
    else:
        # A folder in the work tree may be committed: a path of this machine is of no use there.
        named = Program("", "") if place.in_tree and not place.own else program
        written, kept = install_hooks(place, HOOKS, named)
    return replace(
        result,
        hooks=tuple(_shown(git, path) for path in written),
        kept=tuple(_shown(git, path) for path in kept),
    )


def uninstall(start: str) -> UninstallResult:
    """Take away what ``install`` put into this clone, and put back the hooks that it found.

    The committed ``.gitattributes`` stays: it belongs to everybody, and does nothing where the drivers are not. Raises
    ``HookRefused`` for a hook of ours that was edited: then nothing was changed.
    """
    git = discover(start)
    removed, restored = _take_away(git)
    drivers = [section for section in _DRIVERS if drop_section(git, section)]
    drop_value(git, *_HIDDEN)
    edited = [framework.FILE] if framework.drop_entries(git.root) else []
    if edited:
        stage(git, edited)
    return UninstallResult(
        tuple(_shown(git, path) for path in removed),
        tuple(_shown(git, path) for path in restored),
        tuple(drivers),
        tuple(edited),
    )


def _take_away(git: GitRepo) -> tuple[list[str], list[str]]:
    removed: list[str] = []
    restored: list[str] = []
    for place in hook_places(git):
        gone, back = uninstall_hooks(place, HOOKS)
        removed += gone
        restored += back
    return removed, restored


def _take_away_doubles(git: GitRepo, place: HookPlace) -> list[str]:
    """Take away our hooks but the one before a push, and that one too where it calls the program's script."""
    around = is_from_tool(os.path.join(place.path, _PUSH + KEPT))
    names = HOOKS if around else [name for name in HOOKS if name != _PUSH]
    return [path for one in hook_places(git) for path in uninstall_hooks(one, names)[0]]


def _sections(program: Program, known: Collection[str]) -> dict[str, dict[str, str]]:
    """The sections of the drivers in ``known``, with the whole command that Git gives to a shell."""
    # Git starts it at the top of the work tree. As in the hooks, nothing that lies in there is run.
    start = (
        f"python={shlex.quote(program.python)}; module={shlex.quote(program.module)}; here=$(pwd -P); "
        'case "$python:$module" in "$PWD"/*|"$here"/*|*:"$PWD"/*|*:"$here"/*) '
        'echo "weft: nothing runs from $python: it lies in this work tree" >&2; exit 1 ;; esac; '
        '"$python" -E -P -m weft.cli.hook '
    )
    return {
        section: {key: start + value if key in _COMMANDS else value for key, value in values.items()}
        for section, values in _DRIVERS.items()
        if any(value.split(" ")[0] in known for key, value in values.items() if key in _COMMANDS)
    }


def _shown(git: GitRepo, path: str) -> str:
    root = os.path.realpath(git.root) + os.sep
    return path.removeprefix(root)
