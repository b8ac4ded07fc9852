"""Which commit brought a pointer, and who made it: the one to ask for data that is nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from weft.errors import GitFailed, NotOnRemote, ObjectMissing
from weft.gitio.repo import GitRepo
from weft.model.pointer import SUFFIX

_VERSION = re.compile(r"(.*) \(([0-9a-f]{12})\)", re.DOTALL)


@contextmanager
def naming_the_commit(git: GitRepo, blobs: Iterable[tuple[str, str]], commits: Sequence[str]) -> Iterator[None]:
    """Add to an error about data that is nowhere which of ``commits``, or of those before them, brought its pointer.

    ``blobs`` are the pointers in question, path and blob id, in the order in which they were chosen; those of the work tree
    have no id.
    """
    try:
        yield
    except (NotOnRemote, ObjectMissing) as error:
        found = _VERSION.fullmatch(error.path)
        path, version = (found[1], found[2]) if found else (error.path, "")
        blob = next((blob for name, blob in blobs if name == path + SUFFIX and blob.startswith(version)), version)
        if brought := _brought_by(git, path + SUFFIX, blob, commits):
            error.message += f"; the pointer came with {brought}"
        raise


def _brought_by(git: GitRepo, name: str, blob: str, commits: Sequence[str]) -> str:
    looked_for = [f"--find-object={blob}"] if blob else ["-1"]
    form = "--format=%h of %an (%ad)"
    try:
        output = git.git(
            "log", *looked_for, form, "--date=short", "--no-color", "--no-show-signature", "--stdin", "--", name,
            stdin="".join(f"{commit}\n" for commit in commits).encode("ascii"),
        )  # fmt: skip
    except GitFailed:
        return ""
    # The newest ones may be those that took it away again.
    return next(reversed(os.fsdecode(output).splitlines()), "")
