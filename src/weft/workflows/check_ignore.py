"""``weft check-ignore``: which line of which ``.weftignore`` decides about a path."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from weft.workflows.project import Project
from weft.workflows.targets import Pointers, owner_of, repo_path, workspace_pointers
from weft.workspace.ignore import Rule, load_ignore
from weft.workspace.walk import manifest_reader, tracked_names


class Checked(NamedTuple):
    """What is to be said of one path: ``file``, ``line`` (0: no rule names it) and ``pattern`` are of the rule that decides.

    ``tracked`` tells that a pointer holds it, so that it stays although it is ``ignored``.
    """

    path: str
    ignored: bool
    file: str
    line: int
    pattern: str
    tracked: bool


@dataclass(frozen=True, slots=True)
class CheckIgnoreResult:
    """Outcome of ``check-ignore``: the paths in the order in which they were named."""

    paths: tuple[Checked, ...]


def check_ignore(project: Project, paths: Sequence[str]) -> CheckIgnoreResult:
    """Say of each of ``paths``, which need not exist, what rules of ``.weftignore`` mean for it.

    Raises ``PathEscape``, and what reading the rules raises.
    """
    pointers = workspace_pointers(project)
    return CheckIgnoreResult(tuple(_checked(project, pointers, text) for text in paths))


def _checked(project: Project, pointers: Pointers, text: str) -> Checked:
    path = repo_path(project, text)
    owner = owner_of(pointers, path)
    is_dir = text.endswith("/") or os.path.isdir(os.path.join(project.root, path))
    held = path in pointers or bool(owner and _holds(project, pointers, owner, path))
    rule = None if path in pointers or not path else _rule(project, path, len(owner) + 1 if owner else 0, is_dir)
    if rule is None:
        return Checked(path, False, "", 0, "", held)
    return Checked(path, not rule.include, rule.file, rule.line, rule.text, held)


def _rule(project: Project, path: str, start: int, is_dir: bool) -> Rule | None:
    """The rule that decides about ``path``: that of the first folder that is ignored, else its own. What is tracked, with
    the folders above it, ends before ``start``."""
    ends = [at for at, char in enumerate(path) if char == "/" and at > start]
    rule = None
    for end in [*ends, len(path)]:
        folder, _, name = path[:end].rpartition("/")
        rule = load_ignore(project.root, path[:end]).decides(folder, name, is_dir or end < len(path))
        if rule is not None and not rule.include:
            return rule
    return rule


def _holds(project: Project, pointers: Pointers, owner: str, path: str) -> bool:
    pointer = pointers[owner]
    tracked = tracked_names(pointer, manifest_reader(project.store, pointer.layout), project.cache.load(owner))
    folder, _, name = path[len(owner) + 1 :].rpartition("/")
    return tracked(folder, name)
