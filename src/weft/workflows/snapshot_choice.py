"""Which uncommitted files the snapshot of a run takes: what explains the run, and nothing that was not meant for others.

Those are files that Git tracks, and untracked ones that a stage reads or writes. A snapshot is a commit like any other and
goes wherever somebody sends all refs, so what looks like a secret stays out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from weft.gitio.snapshots import Beyond
from weft.model.lineage import RECORDS
from weft.model.stage import STAGE_FILE, Ignore, Stage, is_stage_file
from weft.pipeline.before_run import SECRET_RULE
from weft.pipeline.fingerprint import is_at_or_below
from weft.pipeline.validate.ignores import matches
from weft.pipeline.validate.secrets import secrets

UNTRACKED_LIMIT = 8 << 20
"""Most bytes of one untracked file that a snapshot takes: what is larger would only swell the Git repository."""
TOTAL_LIMIT = 64 << 20
"""Most bytes of all files that a snapshot takes."""

_SCANNED = 1 << 20
_LINE = 1000


class Choice(NamedTuple):
    """What a snapshot takes, and what it leaves out of what it would take: ``large`` files and those that look like they
    hold a secret."""

    taken: Beyond
    large: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()


def choose(root: str, beyond: Beyond, stages: Iterable[Stage], ignores: Sequence[Ignore]) -> Choice:
    """Choose among the changes ``beyond`` HEAD in the work tree ``root``; ``ignores`` are those of ``weft.yaml``."""
    touched = {STAGE_FILE, *(path for stage in stages for path in _touched(stage))}
    untracked = [path for path in beyond.untracked if not path.endswith("/") and _is_below_any(path, touched)]
    sizes = {path: _size(os.path.join(root, path)) for path in (*beyond.changed, *untracked)}
    let_through = [one.path for one in ignores if one.rule == SECRET_RULE]
    taken: set[str] = set()
    large: list[str] = []
    secret: list[str] = []
    total = 0
    for path in sorted(sizes, key=sizes.__getitem__):
        if total + sizes[path] > TOTAL_LIMIT or (path in beyond.untracked and sizes[path] > UNTRACKED_LIMIT):
            large.append(path)
        elif not any(matches(one, path) for one in let_through) and _is_secret(root, path):
            secret.append(path)
        else:
            taken.add(path)
            total += sizes[path]
    chosen = Beyond(tuple(p for p in beyond.changed if p in taken), tuple(p for p in untracked if p in taken))
    return Choice(chosen, tuple(sorted(large)), tuple(sorted(secret)))


def _touched(stage: Stage) -> Iterable[str]:
    yield stage.file
    yield from stage.deps
    yield from (params.file for params in stage.params)
    yield from (out.path for out in stage.outs)
    if stage.env.lockfile:
        yield stage.env.lockfile


def _is_below_any(path: str, tops: set[str]) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:depth]) in tops for depth in range(1, len(parts) + 1))


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:  # deleted
        return 0


def _is_secret(root: str, path: str) -> bool:
    """Whether the rule about secrets finds one in a text; long lines and long files are looked at as far as usual."""
    try:
        fd = os.open(os.path.join(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb") as file:
            data = file.read(_SCANNED)
    except OSError:  # deleted, a link or a directory
        return False
    return holds_secret(path, data)


def holds_secret(path: str, data: bytes) -> bool:
    """Whether the rule about secrets finds one in the bytes of ``path``, as far as it looks."""
    data = data[:_SCANNED]
    if b"\0" in data:
        return False
    text = "\n".join(line[:_LINE] for line in data.decode("utf-8", "replace").split("\n"))
    own = is_stage_file(path) or path.endswith(".weft") or is_at_or_below(path, RECORDS)
    return any(secrets(path, text, holds_ids=own))
