"""Hooks of others that run weft: scripts in a folder that is not this clone's own, entries for the pre-commit program."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from weft.errors import WeftError
from weft.gitio.hooks import HOOKS, LEGACY, OURS, HookPlace, hook_state, is_from_tool
from weft.workflows import framework
from weft.workflows.files import read_small

_LIMIT = 1 << 16
_HUSKY = "_"
"""husky (https://typicode.github.io/husky) names this folder in ``core.hooksPath``; the user writes into the one above."""


class ToAdd(NamedTuple):
    """A line that the file ``path`` of somebody else's hook needs, to run weft."""

    path: str
    line: str


def lines_to_add(place: HookPlace) -> list[ToAdd]:
    """What hooks in ``place`` lack to run weft, in the order of ``HOOKS``; empty when all do."""
    return [ToAdd(_of_user(place, name), f'weft-hook {name} "$@"') for name in HOOKS if not _runs_weft(place, name)]


def folder_of_user(place: HookPlace) -> str:
    """Where the user writes the hooks that Git takes from ``place``."""
    return os.path.dirname(_of_user(place, HOOKS[0]))


def entries_run(root: str, place: HookPlace) -> tuple[bool, list[str]]:
    """Whether the pre-commit program has entries of weft in the work tree ``root``, and which of its hooks are not here."""
    if not framework.has_entries(root):
        return False, []
    absent = []
    for name in framework.STAGES:
        path = os.path.join(place.path, name)
        if not is_from_tool(path) and OURS not in (hook_state(path), hook_state(path + LEGACY)):
            absent.append(name)
    return True, absent


def _of_user(place: HookPlace, name: str) -> str:
    return os.path.join(os.path.dirname(place.path) if os.path.basename(place.path) == _HUSKY else place.path, name)


def _runs_weft(place: HookPlace, name: str) -> bool:
    called = os.path.join(place.path, name)
    if not os.access(called, os.X_OK):
        return False  # Git passes by what is no program
    if hook_state(called) == OURS:
        return True
    return any(_calls(path, name) for path in dict.fromkeys((called, _of_user(place, name))))


def _calls(path: str, name: str) -> bool:
    try:
        text = (read_small(path, _LIMIT) or b"").decode("utf-8", "replace")
    except WeftError:
        return False
    line = re.compile(rf"weft(-hook|\.cli\.hook)['\"]?\s+['\"]?{re.escape(name)}(?![\w-])")
    return any(line.search(one) for one in text.splitlines() if not one.lstrip().startswith("#"))
