"""Pointers through all of history, asked in one go."""

from __future__ import annotations

import os
from collections.abc import Iterable

from weft.gitio.repo import GitRepo
from weft.gitio.trees import is_pointer


def all_pointer_blobs(repo: GitRepo) -> list[tuple[str, str]]:
    """Each (path, blob id) of a pointer that any commit of any ref, or HEAD, holds: one process whatever the history."""
    return pointer_changes(repo, "--all")


def pointer_changes(repo: GitRepo, *which: str, commits: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Each (path, blob id) of a pointer in any commit that ``which`` (arguments of ``git rev-list``) or ``commits`` (ids, as
    many as there are) reach.

    Every blob that stands in some commit was brought in by some commit, so what the commits change is the whole set.
    Commits that ``git replace`` hides count: their replacements do not make them go away.
    """
    # Pathspecs are taken literally everywhere, so Git cannot filter by ending: that is done here, on bytes.
    output = repo.git(
        "--no-replace-objects", "log", *which, "--format=", "--raw", "-z", "-m", "--root", "--no-renames",
        "--no-abbrev", "--diff-filter=d", "--stdin", stdin="".join(f"{commit}\n" for commit in commits).encode("ascii"),
    )  # fmt: skip
    found: dict[tuple[str, str], None] = {}
    fields = iter(output.split(b"\0"))
    for field in fields:
        # A commit's block may begin with the line feed of its (empty) message.
        head = field.lstrip(b"\n")
        if not head.startswith(b":"):
            continue
        name = next(fields, b"")
        if not name.endswith(b".weft"):
            continue
        path = os.fsdecode(name)
        mode, blob = head.split(b" ")[1], head.split(b" ")[3]
        if mode.startswith(b"100") and is_pointer(path):
            found[path, blob.decode("ascii")] = None
    return list(found)
