"""Runs that are shared through a Git remote: one parentless commit each, at ``refs/weft/shared/KEY/RUN``.

Such a commit holds the record of the run, the pointers of its outs and the outs that Git keeps: no code, and nothing of the
branch. What was fetched lies at ``refs/weft/remotes/REMOTE/KEY/RUN``. A run expires by the time in its name.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from weft.errors import GitFailed
from weft.gitio.repo import FETCHED, GitRepo, git_failed
from weft.gitio.snapshots import author, drop_snapshots
from weft.util.subproc import Completed, find_program, run

SHARED = "refs/weft/shared/"
DAYS = 90
"""How long a run is shared."""
MOST = 2000
"""So many runs of one remote are known here, the newest, and those of days to come last."""

_NAME = re.compile(r"[0-9a-f]{40}/([0-9]{8}T[0-9]{6}Z)-[0-9a-f]{8}", re.ASCII)
_DAY = 86400
_SECONDS = 600.0
_AT_ONCE = 200


class Content(NamedTuple):
    """What the commit of a run holds: files by path with their bytes, and paths to blobs that Git has."""

    files: Mapping[str, bytes]
    blobs: Mapping[str, str]


class There(NamedTuple):
    """The ``runs`` (``KEY/RUN``) that a Git remote has to their commits, the newest first, and those that ``expired``. Those
    of days to come are at the end: a clock is wrong, and who made them may need them. ``cut``: there are more runs."""

    runs: Mapping[str, str]
    expired: tuple[str, ...]
    cut: bool = False


def git_remote(repo: GitRepo) -> str:
    """The Git remote that runs are shared through: that of the current branch, ``origin``, or the only one. Raises
    ``GitFailed`` where that is none."""
    names = repo.git("remote").decode("utf-8", "surrogateescape").split("\n")[:-1]
    branch = repo.git("symbolic-ref", "--quiet", "--short", "HEAD", check=False).decode("utf-8", "surrogateescape")
    own = repo.git("config", "--get", f"branch.{branch.strip()}.remote", check=False)
    wanted: list[str] = [own.decode("utf-8", "surrogateescape").strip(), "origin"]
    for name in wanted + (names if len(names) == 1 else []):
        if name in names:
            return name
    raise GitFailed("runs are shared through a Git remote, and this clone has none", hint="git remote add origin URL")


def is_current(name: str) -> bool:
    """Whether ``name`` (``KEY/RUN``) is one of a shared run, neither expired nor of days to come."""
    found, now = _NAME.fullmatch(name), time.time()
    return found is not None and _stamp(now - DAYS * _DAY) <= found[1] <= _stamp(now + _DAY)


def shared_on(repo: GitRepo, remote: str) -> There:
    """The runs on ``remote``, ``MOST`` at most. Raises ``GitFailed``."""
    rows = _ask(repo, "ls-remote", "--", remote, SHARED + "*").stdout.decode("utf-8", "replace").splitlines()
    pairs = (row.partition("\t") for row in rows)
    found = {ref.removeprefix(SHARED): commit for commit, _, ref in pairs if ref.startswith(SHARED)}
    known = sorted(filter(_NAME.fullmatch, found), key=_run, reverse=True)
    expired = tuple(filter(_is_expired, known))
    kept = sorted(set(known).difference(expired), key=lambda name: (is_current(name), _run(name)), reverse=True)
    return There({name: found[name] for name in kept[:MOST]}, expired, len(kept) > MOST)


def fetch_shared(repo: GitRepo, remote: str) -> tuple[int, int]:
    """Bring the runs that ``remote`` has, and forget those that it has no longer; how many came, and how many are known.
    Raises ``GitFailed``."""
    mine, prefix = refs_below(repo, SHARED), f"{FETCHED}{remote}/"
    there = {name: commit for name, commit in shared_on(repo, remote).runs.items() if name not in mine}
    here = refs_below(repo, prefix)
    new = [name for name, commit in there.items() if here.get(name) != commit]
    if new:
        wanted = "".join(f"+{SHARED}{name}:{prefix}{name}\n" for name in new)
        # What comes is looked at by Git, and nothing else of the remote is touched.
        _ask(
            repo, "-c", "fetch.fsckObjects=true", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=",
            "--no-recurse-submodules", "--stdin", "--", remote, stdin=os.fsencode(wanted),
        )  # fmt: skip
    # Neither what is gone there, nor what is no commit: nothing of a run is in there.
    rows = repo.git("for-each-ref", "--format=%(objecttype) %(objectname) %(refname)", prefix).decode(
        "utf-8", "replace"
    )
    refs = [row.split(" ", 2) for row in rows.splitlines()]
    gone = {ref: name for kind, name, ref in refs if kind != "commit" or ref.removeprefix(prefix) not in there}
    if gone:
        drop_snapshots(repo, gone)
    return len(new), len(refs) - len(gone)


def publish(repo: GitRepo, remote: str, names: Iterable[str], drop: Iterable[str]) -> None:
    """Push the runs ``names``, and take ``drop`` away from ``remote``. Raises ``GitFailed``."""
    specs = [f"{SHARED}{name}:{SHARED}{name}" for name in names] + [f":{SHARED}{name}" for name in drop]
    for first in range(0, len(specs), _AT_ONCE):
        # The hook would look at what is no branch; the data is there already.
        _ask(
            repo, "-c", "push.followTags=false", "push", "--quiet", "--no-verify", "--no-signed",
            "--recurse-submodules=no", "--", remote, *specs[first : first + _AT_ONCE],
        )  # fmt: skip


def refs_below(repo: GitRepo, prefix: str) -> dict[str, str]:
    """The refs below ``prefix`` without it, to what they name. Raises ``GitFailed``."""
    rows = repo.git("for-each-ref", "--format=%(objectname) %(refname)", prefix).decode("utf-8", "replace").splitlines()
    return {ref.removeprefix(prefix): name for name, _, ref in (row.partition(" ") for row in rows)}


def fetched_runs(repo: GitRepo, key: str) -> dict[str, tuple[str, str]]:
    """The fetched runs under ``key`` that did not expire, the newest first: id to its Git remote and its commit."""
    found = {}
    for ref, commit in refs_below(repo, FETCHED).items():
        remote, _, name = ref[: -len(_run(ref)) - 1].rpartition("/")
        if name == key and is_current(f"{key}/{_run(ref)}"):
            found[_run(ref)] = (remote, commit)
    return dict(sorted(found.items(), reverse=True))


def expired_runs(repo: GitRepo) -> dict[str, str]:
    """Refs of shared runs that expired, this clone's own and fetched ones, to their commits."""
    return {ref: commit for ref, commit in _all_here(repo).items() if _is_expired(ref)}


def kept_runs(repo: GitRepo) -> set[str]:
    """The commits of shared runs that this clone has, its own and fetched ones, and that did not expire."""
    return {commit for ref, commit in _all_here(repo).items() if not _is_expired(ref)}


def _all_here(repo: GitRepo) -> dict[str, str]:
    return {prefix + name: commit for prefix in (SHARED, FETCHED) for name, commit in refs_below(repo, prefix).items()}


def write_runs(repo: GitRepo, runs: Mapping[str, Content]) -> None:
    """Keep each run (``KEY/RUN``) that has no ref yet as a commit of its own, by one process. Raises ``GitFailed``."""
    known: Collection[str] = refs_below(repo, SHARED)
    lines = [_commit(repo, name, content) for name, content in runs.items() if name not in known]
    if lines:
        repo.git("fast-import", "--quiet", "--done", stdin=b"".join(lines) + b"done\n")


def _commit(repo: GitRepo, name: str, content: Content) -> bytes:
    who = author(repo) or "weft <weft@localhost>"
    head = f"commit {SHARED}{name}\ncommitter {who} {int(time.time())} +0000\n"
    rows = [head.encode() + _data(f"weft shared run {_run(name)}\n".encode())]
    rows += [b"M 100644 inline " + _quoted(path) + b"\n" + _data(data) for path, data in content.files.items()]
    rows += [b"M 100644 " + blob.encode() + b" " + _quoted(path) + b"\n" for path, blob in content.blobs.items()]
    return b"".join(rows) + b"\n"


def _data(data: bytes) -> bytes:
    return b"data %d\n" % len(data) + data + b"\n"


def _quoted(path: str) -> bytes:
    return b'"' + os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _run(name: str) -> str:
    return name.rpartition("/")[2]


def _is_expired(name: str) -> bool:
    """Whether the run of a name or ref has expired."""
    found = _NAME.fullmatch("/".join(name.split("/")[-2:]))
    return found is not None and found[1] < _stamp(time.time() - DAYS * _DAY)


def _stamp(seconds: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))


def _ask(repo: GitRepo, *args: str, stdin: bytes | None = None) -> Completed:
    """Run a command of Git that talks to a remote, without a question to the user."""
    argv = [find_program("env"), "GIT_TERMINAL_PROMPT=0", *repo.argv(*args)]
    done = run(argv, cwd=repo.root, stdin=stdin, check=False, timeout=_SECONDS)
    if done.returncode != 0:
        raise git_failed([word for word in args if word in ("ls-remote", "fetch", "push")], done)
    return done
