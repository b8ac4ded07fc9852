"""The versions of single files: which there were, and which commit brought one in."""

from __future__ import annotations

import os
from dataclasses import dataclass

from weft.gitio.repo import ALL_REFS, GitRepo

_MARK = b"\x02"


@dataclass(frozen=True, slots=True)
class Brought:
    """A commit that brought a version of a file in: its full id, author as Git has it, time (ISO 8601) and subject.

    ``cut`` says that it is the oldest one of a shallow clone: the version may come from an earlier commit.
    """

    commit: str
    author: str
    date: str
    subject: str
    cut: bool = False


def file_versions(repo: GitRepo, name: str, *which: str) -> dict[str, str]:
    """Blob id of each version of the file ``name`` in any commit that ``which`` (arguments of ``git rev-list``; none: all
    refs) reaches, to the newest commit that brought it in, the newest first; by one process. Raises ``GitFailed``.

    Commits count as they are, not as ``git replace`` shows them.
    """
    # The full history: a version of a branch that was merged without it is one all the same.
    output = repo.git(
        "--no-replace-objects", "log", *(which or ALL_REFS), "--full-history", "-m", "--root", "--no-renames",
        "--no-abbrev", "--diff-filter=d", "--raw",
        "-z", "--format=%x02%H", "--", name,
    )  # fmt: skip
    found: dict[str, str] = {}
    commit = ""
    fields = iter(output.split(b"\0"))
    for field in fields:
        head = field.lstrip(b"\n")
        if head.startswith(_MARK):
            commit = os.fsdecode(head[1:])
        if not head.startswith(b":"):
            continue
        next(fields, b"")
        mode, blob = head.split(b" ")[1], head.split(b" ")[3]
        if mode.startswith(b"100"):
            found.setdefault(blob.decode("ascii"), commit)
    return found


def brought_in(repo: GitRepo, commit: str, name: str) -> Brought | None:
    """The commit that gave the file ``name`` the content that it has in ``commit``; None where none did. Raises
    ``GitFailed``."""
    output = repo.git(
        "-c", "log.follow=false", "log", "-1", "--no-show-signature", "--no-renames", "-z",
        "--format=%H%x00%an <%ae>%x00%cI%x00%s", commit, "--", name,
    )  # fmt: skip
    facts = output.decode("utf-8", "replace").removesuffix("\0").split("\0")
    if len(facts) != 4:
        return None
    return Brought(facts[0], facts[1], facts[2], facts[3], facts[0] in cut_commits(repo))


def cut_commits(repo: GitRepo) -> frozenset[str]:
    """The oldest commits of a shallow clone, whose parents are not here; none in a whole one."""
    try:
        with open(os.path.join(repo.common_dir, "shallow"), encoding="ascii") as file:
            return frozenset(file.read().split())
    except FileNotFoundError:
        return frozenset()
