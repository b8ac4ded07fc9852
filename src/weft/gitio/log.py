"""Commits one after the other, the newest first, each with what it changed: read while Git still walks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO, NamedTuple

from weft.gitio.index import Change, change_of
from weft.gitio.repo import GitRepo
from weft.gitio.trees import resolve

_MARK = b"\x02"
_FACTS = "--format=%x02%H%x00%P%x00%aI%x00%an <%ae>%x00%s"
_PLAIN = ("--encoding=UTF-8", "--no-show-signature", "--no-color", "--no-notes", "--no-mailmap")
_CHANGES = ("--raw", "-z", "--root", "--no-renames", "--no-abbrev", "--diff-merges=first-parent", "--no-ext-diff")


class Commit(NamedTuple):
    """A commit: full ids of it and of its ``parents``, author's time (ISO 8601) and name as Git has them, first line."""

    commit: str
    parents: tuple[str, ...]
    date: str
    author: str
    subject: str


def span(repo: GitRepo, spec: str) -> str:
    """``spec``, a revision or a range ``A..B`` of such (an empty side is HEAD), with full ids in place of names.

    Raises ``NoSuchRevision``; at most two processes.
    """
    dots = "..." if "..." in spec else ".."
    if dots not in spec:
        return resolve(repo, spec)
    older, _, newer = spec.partition(dots)
    return dots.join((resolve(repo, older or "HEAD"), resolve(repo, newer or "HEAD")))


def commit_facts(repo: GitRepo, commit: str) -> Commit:
    """What Git says of the commit with the full id ``commit``, by one process. Raises ``GitFailed``."""
    with repo.stream("log", "-1", "-z", "--no-patch", *_PLAIN, _FACTS, commit, "--") as output:
        fields = _fields(output)
        return _commit(next(fields), fields)


def walk(repo: GitRepo, spec: str) -> Iterator[tuple[Commit, list[Change]]]:
    """The commits of ``spec`` (as ``span`` gives it), the newest first, with what each changed against its first parent, or
    against nothing where it has none here; by one process, which ends when the iterator is closed.

    Raises ``GitFailed``.
    """
    with repo.stream("-c", "log.follow=false", "log", *_CHANGES, *_PLAIN, _FACTS, spec, "--") as output:
        fields = _fields(output)
        current: tuple[Commit, list[Change]] | None = None
        for field in fields:
            head = field.lstrip(b"\n")
            if head.startswith(_MARK):
                if current:
                    yield current
                current = _commit(head, fields), []
            elif head.startswith(b":") and current:
                current[1].append(change_of(os.fsdecode(head), os.fsdecode(next(fields, b""))))
        if current:
            yield current


def _commit(head: bytes, fields: Iterator[bytes]) -> Commit:
    parents, date, author, subject = (next(fields, b"").decode("utf-8", "replace") for _ in range(4))
    return Commit(head[1:].decode("ascii"), tuple(parents.split()), date, author, subject)


def _fields(output: IO[bytes]) -> Iterator[bytes]:
    """What stands between the NULs, as soon as it is there: a plain ``read`` would wait for a full buffer."""
    rest = b""
    while some := os.read(output.fileno(), 1 << 16):
        *whole, rest = (rest + some).split(b"\0")
        yield from whole
    if rest.strip(b"\n"):
        yield rest
