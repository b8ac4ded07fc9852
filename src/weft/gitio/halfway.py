"""What Git is halfway through in a work tree: a merge, a rebase, a pick; how it goes on, and what the sides are called."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from weft.gitio.blobs import is_blob_id
from weft.gitio.repo import GitRepo


class Halfway(NamedTuple):
    """Work of Git's that is half done, in ``words``, and the commands that go on with it and give it up."""

    words: str
    go_on: str
    abort: str


_SEVERAL = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
"""Files in the Git directory by which Git knows what it does, the outer work first: a rebase makes picks."""
_SHORT = 10
_LIMIT = 4096
_LONGEST = 100


def halfway(git: GitRepo) -> Halfway | None:
    """What the work tree is in the middle of, None for nothing."""
    for name, verb in _SEVERAL.items():
        if os.path.lexists(os.path.join(git.git_dir, name)):
            if os.path.lexists(os.path.join(git.git_dir, name, "applying")):
                verb = "am"
            return Halfway(f"a {verb}", f"git {verb} --continue", f"git {verb} --abort")
    if os.path.lexists(os.path.join(git.git_dir, "MERGE_HEAD")):
        return Halfway("a merge", "git commit", "git merge --abort")
    return None


def side_names(git: GitRepo, environment: Mapping[str, str] | None = None) -> tuple[str, str]:
    """What people call ours and theirs in the merge that runs or waits: branches where there are, else commits; empty where
    nobody can tell.

    ``environment`` is that of a merge driver. In a rebase ours is what the commits are put upon, as Git has it.
    """
    for folder in ("rebase-merge", "rebase-apply"):
        if branch := _line(git, folder, "head-name"):
            return _named(git, _line(git, folder, "onto")), branch.removeprefix("refs/heads/")
    told = [value for key, value in (environment or {}).items() if key.startswith("GITHEAD_")]
    theirs = "".join(filter(str.isprintable, told[0]))[:_LONGEST] if len(told) == 1 else ""  # what somebody typed
    theirs = _named(git, theirs) if is_blob_id(theirs) else theirs  # `git pull` gives the whole id of what it fetched
    for name in ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"):
        theirs = theirs or _named(git, _line(git, name))
    if not theirs:
        return "", ""
    head = git.run("symbolic-ref", "--quiet", "--short", "HEAD").stdout.decode("utf-8", "replace").strip()
    return head or "HEAD", theirs


def _line(git: GitRepo, *path: str) -> str:
    """The first line of a file of the Git directory; empty where there is none."""
    with suppress(OSError), open(os.path.join(git.git_dir, *path), encoding="utf-8", errors="replace") as file:
        return file.readline(_LIMIT).strip()
    return ""


def _named(git: GitRepo, commit: str) -> str:
    """A branch that stands at ``commit``, else the beginning of its id."""
    if not commit:
        return ""
    found = git.run("for-each-ref", "--count=1", "--points-at", commit, "--format=%(refname:short)", "refs/heads",
                    "refs/remotes", "refs/tags")  # fmt: skip
    return found.stdout.decode("utf-8", "replace").strip() or commit[:_SHORT]
