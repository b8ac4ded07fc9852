"""Objects that no ref and no reflog names, but that Git still means to come back to.

A stopped rebase, merge, cherry-pick or bisect, and what `--autostash` put away, stand in files of the Git directory. Their
forms differ and grow with Git's versions, so nothing is parsed: every word of them that is the id of a commit counts, and
the whole id of a tree or a blob, as `git fetch` notes one for a tag on it.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from contextlib import suppress

from weft.gitio.partial import is_partial
from weft.gitio.repo import GitRepo
from weft.util.atomic import os_errors

_FOLDERS = ("rebase-merge", "rebase-apply", "sequencer")
_STATE_FILE = re.compile(r"[A-Z][A-Z_]*")  # ORIG_HEAD, FETCH_HEAD, MERGE_AUTOSTASH, BISECT_LOG ...
# Where refs are kept in tables, some of these are no files, but they have a name all the same.
_NAMES = (
    *(b"ORIG_HEAD", b"MERGE_HEAD", b"MERGE_AUTOSTASH", b"CHERRY_PICK_HEAD", b"REVERT_HEAD", b"REBASE_HEAD"),
    *(b"BISECT_HEAD", b"BISECT_EXPECTED_REV", b"FETCH_HEAD"),
)
_TREE_REFS = ("refs/bisect", "refs/worktree", "refs/rewritten")
"""Refs that each work tree has of its own: `git log --all` in another one passes them over."""
_WORD = re.compile(rb"(?<![0-9A-Za-z])[0-9a-f]{4,64}(?![0-9A-Za-z])")  # ids may be abbreviated in a list of steps
_COMMITS = (b"commit", b"tag")


def unfinished_objects(repo: GitRepo, git_dirs: list[str]) -> set[str]:
    """Full ids of the objects that the state of the work trees with the ``git_dirs`` names. Raises ``GitFailed``, and what
    reading the files raises."""
    found: set[str] = set()
    for git_dir in git_dirs:
        named = repo.git("--git-dir", git_dir, "for-each-ref", "--format=%(objectname)", *_TREE_REFS)
        words = {*named.split(), *_words(git_dir), *_NAMES}
        found |= _known(repo, git_dir, words)
    return found


def _words(git_dir: str) -> set[bytes]:
    found: set[bytes] = set()
    for path in _state_files(git_dir):
        with os_errors("read", path), suppress(FileNotFoundError), open(path, "rb") as file:
            for line in file:
                found.update(_WORD.findall(line))
    return found


def _state_files(git_dir: str) -> list[str]:
    with os_errors("list", git_dir):
        found = [os.path.join(git_dir, name) for name in os.listdir(git_dir) if _STATE_FILE.fullmatch(name)]
        for folder in _FOLDERS:
            for top, _folders, names in os.walk(os.path.join(git_dir, folder)):
                found += [os.path.join(top, name) for name in names]
    return [path for path in found if os.path.isfile(path)]


def _known(repo: GitRepo, git_dir: str, words: set[bytes]) -> set[str]:
    """The ids of those of ``words`` that name a commit or a tag which is here, and of trees and blobs if it is in full."""
    options = ["--batch-check=%(objecttype) %(objectname)"]
    if is_partial(repo):  # asked for what is not here, Git would fetch it
        rows = repo.git("cat-file", "--batch-all-objects", "--unordered", *options).splitlines()
        names = sorted(row.split()[1] for row in rows if row.startswith(_COMMITS))
        near = {word: names[(at := bisect_left(names, word)) : at + 1] for word in words}
        known = {name for word, found in near.items() for name in found if name.startswith(word)}
        return {name.decode("ascii") for name in known.union(words.intersection(row.split()[1] for row in rows))}
    asked = b"".join(word + b"\n" for word in sorted(words))
    rows = repo.git("--git-dir", git_dir, "--no-replace-objects", "cat-file", *options, stdin=asked).splitlines()
    named = {row.split()[1] for row in rows if row.startswith(_COMMITS)}
    here = {row.split()[1] for row in rows if not row.endswith((b" missing", b" ambiguous"))}
    return {name.decode("ascii") for name in named.union(here & words)}
