"""Every pointer that Git, or a work tree, still holds on to: what a garbage collection has to keep.

Refs and HEADs, trees and blobs that a tag names, the reflogs of all work trees (which is where stashes and reset commits
live), what a stopped rebase, merge or bisect will come back to, the index of each work tree with all sides of a conflict,
and the pointers that lie in the work trees without Git knowing them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from weft.errors import NotARepository
from weft.gitio.history import apart_from_commits, pointer_changes
from weft.gitio.repo import ALL_REFS, GitRepo, discover, git_failed
from weft.gitio.trees import POINTER_SUFFIX, is_pointer, pointer_files
from weft.gitio.unfinished import unfinished_objects
from weft.util.atomic import os_errors, translate_os_error
from weft.util.subproc import find_program, run

_LIST = ("ls-files", "-z", "--stage")


class Kept(NamedTuple):
    """Pointers as (path, blob id) that Git holds, with an empty path for a blob that a tag names; work trees that are there,
    and paths of those that are not."""

    blobs: frozenset[tuple[str, str]]
    trees: tuple[GitRepo, ...]
    lost: tuple[str, ...]


def kept(repo: GitRepo) -> Kept:
    """What refs, HEADs, reflogs, unfinished work and indexes hold, and the work trees of the repository. Raises
    ``GitFailed``.

    The indexes are asked before and after the refs: a pointer that a `git commit`, `git stash` or `git stash pop` moves
    from the one to the other meanwhile is met on one of the sides. So is one that was put away, for Git names a stash by a
    ref before it forgets that it was an autostash.
    """
    git_dirs = _git_dirs(repo)
    found = set(_indexed(repo, git_dirs))
    unfinished = unfinished_objects(repo, git_dirs)
    found.update(pointer_changes(repo, *ALL_REFS, "--reflog", commits=unfinished))
    found.update(apart_from_commits(repo, unfinished))
    found.update(_indexed(repo, git_dirs))
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
    """Absolute paths of the pointers that lie in the work tree ``tree``, whether Git tracks, sees or ignores them."""
    names = dict.fromkeys((*pointer_files(tree), *_ignored(tree)))
    return [path for name in names if os.path.isfile(path := os.path.join(tree.root, name))]


def _ignored(tree: GitRepo) -> Iterator[str]:
    """The pointers that Git ignores. Data, of which most of the ignored files are, is passed over."""
    options = ("--others", "--ignored", "--exclude-standard", "--directory")
    for name in map(os.fsdecode, tree.git("ls-files", "-z", *options).split(b"\0")):
        if not name.endswith("/"):
            if is_pointer(name):
                yield name
        elif not os.path.isfile(os.path.join(tree.root, name[:-1] + POINTER_SUFFIX)):
            yield from _below(tree.root, name[:-1])


def _below(root: str, directory: str) -> Iterator[str]:
    for top, folders, files in os.walk(os.path.join(root, directory), onerror=_unless_closed):
        if ".git" in folders or ".git" in files:  # another repository, with a store of its own
            folders.clear()
            continue
        pointers = {name for name in files if name.endswith(POINTER_SUFFIX)}
        folders[:] = [name for name in folders if name + POINTER_SUFFIX not in pointers]
        yield from filter(is_pointer, (os.path.relpath(os.path.join(top, name), root) for name in pointers))


def _unless_closed(error: OSError) -> None:
    """What may not be looked into holds no pointer that this user could use; anything else may."""
    if not isinstance(error, PermissionError | FileNotFoundError):
        raise translate_os_error(error, "list", str(error.filename))


def _indexed(repo: GitRepo, git_dirs: Iterable[str]) -> list[tuple[str, str]]:
    """What all indexes hold, that which the environment may name (GIT_INDEX_FILE) among them."""
    found = _rows(repo.git(*_LIST))
    environment = find_program("env")  # the variable would else stand for the index of every work tree
    for git_dir in git_dirs:
        argv = [environment, f"GIT_INDEX_FILE={git_dir}/index", repo.program, "-C", repo.root, f"--git-dir={git_dir}"]
        done = run([*argv, *_LIST], cwd=repo.root, check=False)
        if done.returncode != 0:
            raise git_failed(_LIST, done)
        found += _rows(done.stdout)
    return found


def _rows(listing: bytes) -> list[tuple[str, str]]:
    found = []
    for row in listing.split(b"\0"):
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
