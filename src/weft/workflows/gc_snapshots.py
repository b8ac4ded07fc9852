"""Snapshots of runs that are old and that nothing names any more.

A record names its snapshot. As long as any commit of any ref or reflog, an index or a work tree holds such a record, the
snapshot stays, however old it is.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable

from weft.gitio.repo import GitRepo
from weft.gitio.snapshots import RUNS, snapshots_before
from weft.model.lineage import RECORDS
from weft.pipeline.reuse import RECORD_LIMIT
from weft.workflows.files import read_small
from weft.workflows.project import Project
from weft.workflows.stages import records_here

DAYS = 90
"""How long a snapshot stays that no record names."""

_NAMED = re.compile(rb"^snapshot: [\"']?(refs/weft/runs/[A-Za-z0-9._-]+)", re.MULTILINE)


def expired_snapshots(project: Project, trees: Iterable[GitRepo]) -> dict[str, str]:
    """The refs of snapshots that may go, to their commits. ``trees`` are the work trees. Raises ``GitFailed``."""
    old = snapshots_before(project.git, time.time() - DAYS * 86400)
    if not old:
        return {}
    named = set(_in_commits(project.git))
    for tree in trees:
        named.update(_in_tree(tree))
    return {ref: commit for ref, commit in old.items() if ref not in named}


def _in_commits(git: GitRepo) -> Iterable[str]:
    """What the records of all commits name, as lines that they brought in; one process."""
    with git.judged().stream(
        "log", "--all", "--reflog", "-m", "--root", "--no-renames", "--format=", "--no-ext-diff", "--no-textconv",
        "--no-color", "--text", "--unified=0", "-p", "--", RECORDS,
    ) as output:  # fmt: skip
        for line in output:
            if line.startswith(b"+snapshot: "):
                yield from map(os.fsdecode, _NAMED.findall(line[1:]))


def _in_tree(tree: GitRepo) -> Iterable[str]:
    """What the records in a work tree and its index name."""
    texts = [read_small(os.path.join(tree.root, path), RECORD_LIMIT) or b"" for path in records_here(tree.root)]
    texts.append(tree.git("grep", "--cached", "--no-color", "-h", "-F", RUNS, "--", RECORDS, check=False))
    for text in texts:
        yield from map(os.fsdecode, _NAMED.findall(text))
