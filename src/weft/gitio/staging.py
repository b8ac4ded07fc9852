"""Changing Git's index: the only writes that weft makes to it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence

from weft.errors import LockTimeout
from weft.gitio.repo import GitRepo, git_failed

INDEX_LOCK_SECONDS = 5.0
"""How long another Git command may hold the index before we give up."""

_POLL_SECONDS = 0.05
_LOCK = re.compile(rb"'([^']*\.lock)'")
_ABSENT = 10
_USAGE = 129
_ANY_LINE_ENDS = ("-c", "core.safecrlf=false")
_PATHS_FROM_STDIN = ("--pathspec-from-file=-", "--pathspec-file-nul")


def stage(repo: GitRepo, paths: Sequence[str]) -> None:
    """Put the present state of ``paths``, relative to the root, into the index, ignored files too; a path with no file is
    taken out. Outside of a sparse checkout as well. Raises ``GitFailed``, and ``LockTimeout`` when another Git command does
    not let go of the index."""
    present = [path for path in paths if os.path.lexists(os.path.join(repo.root, path))]
    _change_index(repo, ["add", "--force", "--sparse"], present)
    if len(present) != len(paths):
        unstage_remove(repo, sorted(set(paths).difference(present)))


def unstage_remove(repo: GitRepo, paths: Sequence[str]) -> None:
    """Take ``paths`` out of the index and leave the files alone; paths that Git does not track are fine.

    A staged version that was never committed goes as well: the caller decided so. Raises as ``stage`` does.
    """
    _change_index(repo, ["rm", "--cached", "--force", "--quiet", "--ignore-unmatch", "--sparse"], paths)


def _change_index(repo: GitRepo, command: list[str], paths: Sequence[str]) -> None:
    if not paths:
        return
    names = b"".join(os.fsencode(path) + b"\0" for path in paths)
    end = time.monotonic() + INDEX_LOCK_SECONDS
    absent = 0
    # Whether line ends survive a round trip is a question for the user's own files.
    while (done := repo.run(*_ANY_LINE_ENDS, *command, *_PATHS_FROM_STDIN, stdin=names)).returncode != 0:
        # Git's sentence is in the language of the user, the quoted name of the lock file is not.
        if done.returncode == _USAGE and "--sparse" in command:  # Git before 2.34 does not know it
            command = [word for word in command if word != "--sparse"]
            continue
        lock = _LOCK.search(done.stderr)
        # A lock that is not there when Git has failed was let go just now; or it cannot be made, and never will be there.
        absent = 0 if lock is None or os.path.lexists(lock[1]) else absent + 1
        if lock is None or absent > _ABSENT:
            raise git_failed(command, done)
        if time.monotonic() >= end:
            raise LockTimeout(
                f"another Git command has kept the index locked for {INDEX_LOCK_SECONDS:g} seconds",
                hint="wait until it has finished; if none runs, remove the lock file that `git add` names",
                path=repo.git_dir,
            )
        time.sleep(_POLL_SECONDS)
