"""What the work tree holds beyond the last commit, and keeping it as a commit of its own under ``refs/weft/runs/``.

The snapshot is made with a temporary index: HEAD, the index and the work tree stay as they are. Files that Git ignores
stay out of it, so a secret that is kept out of Git is kept out of the snapshot too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from weft.errors import GitFailed
from weft.gitio.repo import GitRepo, git_failed
from weft.gitio.trees import head
from weft.util.atomic import os_errors, temp_name
from weft.util.subproc import Completed, find_program, run

RUNS = "refs/weft/runs/"
UNTRACKED_LIMIT = 8 << 20
"""Most bytes of one untracked file that a snapshot takes: what is larger would only swell the Git repository."""

_NOBODY = ("-c", "user.name=weft", "-c", "user.email=weft@localhost")


@dataclass(frozen=True, slots=True)
class Beyond:
    """How the work tree and the index differ from HEAD: paths that Git tracks, and paths it neither tracks nor ignores."""

    changed: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.untracked)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that was made: its ref, its commit, and untracked files left out as they are too large."""

    ref: str
    commit: str
    left_out: tuple[str, ...] = ()


def beyond_head(repo: GitRepo) -> Beyond:
    """What is not committed, by one Git process. Raises ``GitFailed``."""
    output = repo.git(
        "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"
    )
    changed, untracked = [], []
    for row in output.split(b"\0"):
        if not row:
            continue
        path = os.fsdecode(row[3:])
        if row.startswith(b"?? "):
            untracked.append(path)
        else:
            changed.append(path)
    return Beyond(tuple(changed), tuple(untracked))


def take_snapshot(repo: GitRepo, run_id: str, beyond: Beyond, *, limit: int = UNTRACKED_LIMIT) -> Snapshot:
    """Keep the work tree, as it differs from HEAD by ``beyond``, as a commit at ``refs/weft/runs/RUN_ID``.

    Untracked files of more than ``limit`` bytes, and repositories inside this one, are left out. Raises ``GitFailed``
    and the errors of ``translate_os_error``.
    """
    small, large = _by_size(repo, beyond.untracked, limit)
    index = os.path.join(repo.git_dir, temp_name())
    try:
        _copy_index(repo, index)
        names = b"".join(os.fsencode(path) + b"\0" for path in (*beyond.changed, *small))
        _with_index(repo, index, ("update-index", "--add", "--remove", "--replace", "-z", "--stdin"), names)
        tree = _with_index(repo, index, ("write-tree",)).decode("ascii").strip()
    finally:
        for name in (index, index + ".lock"):
            with contextlib.suppress(OSError):
                os.unlink(name)
    commit = _commit(repo, tree, run_id)
    return Snapshot(name_snapshot(repo, run_id, commit), commit, tuple(large))


def name_snapshot(repo: GitRepo, run_id: str, commit: str) -> str:
    """Let the run ``run_id`` have the snapshot ``commit``, which may be that of another run too; the ref. Raises
    ``GitFailed``."""
    ref = RUNS + run_id
    repo.git("update-ref", "--create-reflog", "-m", "weft run", ref, commit, "0" * len(commit))
    return ref


def author(repo: GitRepo) -> str:
    """``Name <email>`` as Git has them configured; empty when they are not: Git's guess would hold the host's name."""
    done = repo.run("-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT")
    if done.returncode != 0:
        return ""
    return done.stdout.decode("utf-8", "replace").strip().rpartition("> ")[0] + ">"


def _by_size(repo: GitRepo, paths: Iterable[str], limit: int) -> tuple[list[str], list[str]]:
    small: list[str] = []
    large: list[str] = []
    for path in paths:
        if path.endswith("/"):  # a repository inside this one
            continue
        try:
            size = os.lstat(os.path.join(repo.root, path)).st_size
        except OSError:  # gone since
            continue
        (small if size <= limit else large).append(path)
    return small, large


def _copy_index(repo: GitRepo, target: str) -> None:
    """Begin with the present index, so that nothing that Git knows unchanged is read again. It may not exist yet."""
    answer = repo.git("rev-parse", "--path-format=absolute", "--git-path", "index")
    with os_errors("copy", target), contextlib.suppress(FileNotFoundError):
        shutil.copyfile(os.fsdecode(answer.removesuffix(b"\n")), target)


def _with_index(repo: GitRepo, index: str, args: Sequence[str], stdin: bytes = b"") -> bytes:
    # The environment belongs to the command line alone, so the program `env` changes the one variable.
    argv = [find_program("env"), f"GIT_INDEX_FILE={index}", *repo.argv("-c", "core.safecrlf=false", *args)]
    done = run(argv, cwd=repo.root, stdin=stdin, check=False)
    if done.returncode != 0:
        raise git_failed(args, done)
    return done.stdout


def _commit(repo: GitRepo, tree: str, run_id: str) -> str:
    parent = head(repo)
    args = ["commit-tree", tree, *(("-p", parent) if parent else ()), "-m", f"weft run {run_id}"]
    done: Completed = repo.run(*args)
    if done.returncode != 0:  # most likely nobody told Git who they are
        done = repo.run(*_NOBODY, *args)
    if done.returncode != 0:
        raise git_failed(args, done)
    commit = done.stdout.decode("ascii", "replace").strip()
    if not commit:
        raise GitFailed("git commit-tree named no commit", hint="weft doctor")
    return commit
