"""``weft install`` and ``weft uninstall``: the Git hooks and drivers of this clone.

Nothing of this can be asked for by a committed file: a clone runs weft's hooks because its user said so here.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from weft.errors import HookRefused
from weft.gitio.attributes import ensure_attributes
from weft.gitio.clone_config import add_value, drop_section, drop_value, set_section
from weft.gitio.hooks import (
    HOOKS,
    HookPlace,
    Program,
    check_install,
    hook_place,
    hook_places,
    install_hooks,
    uninstall_hooks,
)
from weft.gitio.repo import GitRepo, discover
from weft.gitio.snapshots import RUNS
from weft.gitio.staging import stage
from weft.workflows import framework
from weft.workflows.attributes import ATTRIBUTES
from weft.workflows.own_code import refuse_own_code
from weft.workflows.project import read_config

_DRIVERS = {
    "merge.weft-pointer": {"name": "weft: merge versions of data", "driver": "merge-pointer %O %A %B %P"},
    "merge.weft-record": {"name": "weft: merge lineage records", "driver": "merge-record %O %A %B %P"},
    "merge.weft-stagefile": {"name": "weft: merge stages", "driver": "merge-stagefile %O %A %B %P"},
    "diff.weft-pointer": {"textconv": "textconv-pointer"},
}
"""Sections of the clone's configuration; the values ``driver`` and ``textconv`` are what ``weft-hook`` is given."""

_COMMANDS = ("driver", "textconv")
_HIDDEN = ("transfer.hideRefs", RUNS.rstrip("/"))
"""Who clones or fetches from this clone, with --mirror too, does not get the snapshots of runs."""


@dataclass(frozen=True, slots=True)
class InstallOptions:
    """How ``install`` works.

    ``python`` is the program that runs weft and ``module`` the file of weft that it starts, both absolute. ``tool``
    writes entries for the pre-commit program instead of Git's hooks. ``force`` installs into a folder of hooks that is
    not this repository's own. ``drivers`` are those that the running weft has. ``places`` are where this Python is
    installed.
    """

    python: str
    module: str
    tool: bool = False
    force: bool = False
    drivers: Collection[str] = ()
    places: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class InstallResult:
    """What ``install`` changed: files by path relative to the root where they are below it, else absolute.

    ``kept`` are hooks that were there and are called by ours, ``staged`` files that are to be committed, ``removed`` hooks
    of ours that the pre-commit program makes needless. ``hidden`` says that snapshots of runs are from now on hidden from
    those who fetch from this clone.
    """

    folder: str
    hooks: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ()
    staged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    tool: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class UninstallResult:
    """What ``uninstall`` changed. ``restored`` are hooks that stand again where ours stood."""

    removed: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()


def install(start: str, options: InstallOptions) -> InstallResult:
    """Install the hooks and drivers in this clone, and the attributes that name the drivers in the work tree.

    A second run changes nothing. Raises ``NotARepository`` where there is no project, and ``HookRefused``: then nothing
    was changed.
    """
    git = discover(start)
    read_config(git)
    refuse_own_code(git, options.python, (options.module, *options.places))
    place = hook_place(git)
    program = Program(options.python, options.module)
    hooks: list[str] = []
    kept: list[str] = []
    staged: list[str] = []
    removed: list[str] = []
    if options.tool:
        if framework.add_entries(git.root):
            staged.append(framework.FILE)
        # Both would do everything twice.
        removed, _ = _take_away(git)
    else:
        _check_place(git, place, options.force)
        # A folder in the work tree may be committed: a path of this machine is of no use there.
        hooks, kept = install_hooks(place, HOOKS, Program("", "") if place.in_tree and not place.own else program)
    drivers = [
        section for section, values in _sections(program, options.drivers).items() if set_section(git, section, values)
    ]
    hidden = add_value(git, *_HIDDEN)
    if ensure_attributes(git.root, ATTRIBUTES):
        staged.append(".gitattributes")
    if staged:
        stage(git, staged)
    return InstallResult(
        _shown(git, place.path),
        tuple(_shown(git, path) for path in hooks),
        tuple(_shown(git, path) for path in kept),
        tuple(drivers),
        tuple(staged),
        tuple(_shown(git, path) for path in removed),
        options.tool,
        hidden,
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


def _check_place(git: GitRepo, place: HookPlace, force: bool) -> None:
    if not place.own and not force:
        whose = "in the work tree" if place.in_tree else "outside of this repository"
        reason = (
            "what is written there is for everybody who has it" if place.in_tree else "all its users would run weft"
        )
        raise HookRefused(
            f"core.hooksPath names {_shown(git, place.path)}, a folder {whose}: {reason}",
            hint='add a line like `weft-hook pre-commit "$@"` to your hooks there, or run weft install --force',
            path=place.path,
        )
    check_install(place, HOOKS)


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
