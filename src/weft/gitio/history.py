"""Pointers through all of history, asked in one go."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from weft.gitio.repo import ALL_REFS, GitRepo
from weft.gitio.trees import is_pointer


def all_pointer_blobs(repo: GitRepo) -> list[tuple[str, str]]:
    """Each (path, blob id) of a pointer that any commit of any ref, or HEAD, holds, or a tree that a tag names; shared runs
    that were fetched aside."""
    apart = [(path, blob) for path, blob in apart_from_commits(repo) if path]
    return list(dict.fromkeys((*pointer_changes(repo, *ALL_REFS), *apart)))


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


def apart_from_commits(repo: GitRepo, objects: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Each (path, blob id) of a pointer in the trees that refs, or the ids ``objects``, lead to other than by a commit, such
    as a tag on a tree. A blob that is named so may be a pointer of any path: that stays empty."""
    refs = repo.git("for-each-ref", "--format=%(objecttype) %(objectname)").decode("ascii").splitlines()
    asked = {row.split()[1] for row in refs if not row.startswith("commit ")}.union(objects)
    if not asked:
        return []
    stdin = "".join(f"{name}^{{}}\n" for name in sorted(asked)).encode("ascii")
    ends = repo.git("--no-replace-objects", "cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=stdin)
    found: dict[tuple[str, str], None] = {}
    for kind, name in sorted({(row.split()[0], row.split()[1]) for row in ends.decode("ascii").splitlines()}):
        if kind == "tree":
            found.update(dict.fromkeys(_in_tree(repo, name)))
        elif kind == "blob":
            found["", name] = None
    return list(found)


def _in_tree(repo: GitRepo, tree: str) -> Iterator[tuple[str, str]]:
    listing = repo.git("--no-replace-objects", "ls-tree", "-r", "-z", "--full-tree", tree)
    for row in listing.split(b"\0"):
        if row.endswith(b".weft"):
            facts, _, name = row.partition(b"\t")
            mode, _kind, blob = facts.split(b" ")
            if mode.startswith(b"100") and is_pointer(os.fsdecode(name)):
                yield os.fsdecode(name), blob.decode("ascii")
