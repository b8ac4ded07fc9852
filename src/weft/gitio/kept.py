"""Every pointer that Git, or a work tree, still holds on to: what a garbage collection has to keep.

Refs and HEADs, the reflogs of all work trees (which is where stashes and reset commits live), the index of each work
tree with all sides of a conflict, and the pointers that lie in the work trees without Git knowing them.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

from weft.errors import NotARepository
from weft.gitio.history import pointer_changes
from weft.gitio.repo import GitRepo, discover
from weft.gitio.trees import is_pointer, pointer_files
from weft.util.atomic import os_errors


class Kept(NamedTuple):
    """Pointers as (path, blob id) that Git holds, work trees that are there, and paths of those that are not."""

    blobs: frozenset[tuple[str, str]]
    trees: tuple[GitRepo, ...]
    lost: tuple[str, ...]


def kept(repo: GitRepo) -> Kept:
    """What refs, HEADs, reflogs and indexes hold, and the work trees of the repository. Raises ``GitFailed``.

    The indexes are asked before and after the refs: a pointer that a `git commit`, `git stash` or `git stash pop` moves
    from the one to the other meanwhile is met on one of the sides.
    """
    found = set(_indexed(repo))
    found.update(pointer_changes(repo, "--all", "--reflog"))
    found.update(_indexed(repo))
    there, lost = [repo], []
    for path in tree_paths(repo):
        try:
            tree = discover(path) if os.path.isdir(path) else None
        except NotARepository:
            tree = None
        if tree is None or tree.common_dir != repo.common_dir:
            lost.append(path)
        elif tree.root != repo.root:
            there.append(tree)
    return Kept(frozenset(found), tuple(there), tuple(lost))


def loose_pointers(tree: GitRepo) -> list[str]:
    """Absolute paths of the pointers that lie in the work tree ``tree``, whether Git tracks them or not."""
    paths = (os.path.join(tree.root, name) for name in pointer_files(tree))
    return [path for path in paths if os.path.isfile(path)]


def _indexed(repo: GitRepo) -> list[tuple[str, str]]:
    found = []
    for git_dir in _git_dirs(repo):
        for row in repo.git("--git-dir", git_dir, "ls-files", "-z", "--stage").split(b"\0"):
            if not row.endswith(b".weft"):
                continue
            facts, _, name = row.partition(b"\t")
            mode, blob, _side = facts.split(b" ")
            if mode.startswith(b"100") and is_pointer(os.fsdecode(name)):
                found.append((os.fsdecode(name), blob.decode("ascii")))
    return found


def _git_dirs(repo: GitRepo) -> list[str]:
    """The directory that all work trees share, and the one of each linked work tree, also where that is gone."""
    found = [repo.common_dir]
    top = os.path.join(repo.common_dir, "worktrees")
    with os_errors("list", top), suppress(FileNotFoundError):
        found += [os.path.join(top, name) for name in sorted(os.listdir(top))]
    return [path for path in found if os.path.isfile(os.path.join(path, "HEAD"))]


def tree_paths(repo: GitRepo) -> list[str]:
    """Paths of the work trees, as ``git worktree list`` tells them; a bare repository is none."""
    found = []
    for block in repo.git("worktree", "list", "--porcelain").split(b"\n\n"):
        lines = block.split(b"\n")
        if lines[0].startswith(b"worktree ") and b"bare" not in lines:
            found.append(os.fsdecode(lines[0].removeprefix(b"worktree ")))
    return found
