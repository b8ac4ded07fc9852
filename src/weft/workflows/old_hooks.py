"""Git hooks that another version of weft wrote or runs: they may not read what this one writes, and stop a commit for it."""

from __future__ import annotations

import os
import re
import shlex
from typing import NamedTuple

from weft.errors import WeftError
from weft.gitio.hooks import HOOKS, LEGACY, OURS, Program, hook_place, hook_state, hook_text
from weft.gitio.repo import GitRepo
from weft.workflows.files import read_head, read_small
from weft.workflows.project import Project

_LIMIT = 1 << 20
_PLACES = re.compile(r"^(python|module)=(.*)$", re.MULTILINE)
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_VERSION = re.compile(rb'^__version__ = "([^"\n]{1,40})"', re.MULTILINE)


class Hook(NamedTuple):
    """A hook of ours that stands there: the program it starts, and what makes it old (empty: nothing)."""

    program: Program
    old: str


def read_hook(path: str) -> Hook:
    """What the hook of ours at ``path`` starts. Raises the translated errors of the operating system."""
    data = read_small(path, _LIMIT) or b""
    found = dict(_PLACES.findall(data.decode("utf-8", "replace")))
    program = Program(*("".join(shlex.split(found.get(key, ""))) for key in ("python", "module")))
    package = os.path.dirname(os.path.dirname(program.module)) if program.module else ""
    version, ours = version_of(package), version_of(_HERE)
    if version not in ("", ours):
        return Hook(program, f"they run weft {version}, and this is {ours}")
    same = data == hook_text(os.path.basename(path).removesuffix(LEGACY), program)
    return Hook(program, "" if same else "they were written by another version of weft")


def warn_of_old_hooks(project: Project) -> None:
    """Say in a warning that the hooks here are not those of this weft. What cannot be read is for ``doctor`` to tell."""
    try:
        if old := _old(project.git):
            project.progress.warn(f"the Git hooks here are old ({old}): weft install renews them")
    except WeftError:
        return


def _old(git: GitRepo) -> str:
    folder = os.path.join(git.common_dir, "hooks")
    found = _first_old(folder)
    if found and hook_place(git).path != os.path.realpath(folder):
        return ""  # Git looks elsewhere
    return found


def _first_old(folder: str) -> str:
    for name in HOOKS:
        path = os.path.join(folder, name)
        if hook_state(path) == OURS:
            return read_hook(path).old  # one run of `weft install` writes them all
    return ""


def version_of(package: str) -> str:
    """The version of the weft whose package is the directory ``package``; empty where there is none."""
    path = os.path.join(package, "__init__.py")
    if not package or not os.path.isfile(path):
        return ""
    match = _VERSION.search(read_head(path, 4096))
    return match[1].decode("ascii", "replace") if match else ""
