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
from weft.gitio.index import LINK, SUBMODULE
from weft.gitio.repo import GitRepo, git_failed
from weft.gitio.trees import head
from weft.gitio.worktree import blob_ids
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
    """What is not committed, by two Git processes, and more where entries are marked so that Git does not look at their
    files. Raises ``GitFailed``."""
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
    return Beyond(tuple(dict.fromkeys([*changed, *_hidden(repo)])), tuple(untracked))


def take_snapshot(repo: GitRepo, run_id: str, beyond: Beyond, *, limit: int = UNTRACKED_LIMIT) -> Snapshot:
    """Keep the work tree, as it differs from HEAD by ``beyond``, as a commit at ``refs/weft/runs/RUN_ID``.

    Untracked files of more than ``limit`` bytes, and repositories inside this one, are left out. Raises ``GitFailed``
    and the errors of ``translate_os_error``.
    """
    small, large = _by_size(repo, beyond.untracked, limit)
    index = os.path.join(repo.git_dir, temp_name())
    try:
        _copy_index(repo, index)
        # An entry that is marked as unchanged, or that is as young as its file, would stay as it is.
        _with_index(repo, index, ("update-index", "--force-remove", "-z", "--stdin"), _joined(beyond.changed))
        names = [path for path in beyond.changed if not _is_folder(repo, path)]
        command = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")
        _with_index(repo, index, command, _joined([*names, *small]))
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


def _hidden(repo: GitRepo) -> list[str]:
    """Paths whose entry is marked (assume-unchanged, skip-worktree) and whose file is another one than the index has. A
    sparse checkout marks entries as well: there the file is absent, and that is no change."""
    marked: dict[str, tuple[str, str]] = {}
    found = []
    for row in os.fsdecode(repo.git("ls-files", "-v", "--stage", "-z")).split("\0")[:-1]:
        facts, path = row.split("\t", 1)
        letter, mode, blob, _ = facts.split(" ")
        if letter != "S" and not letter.islower():
            continue
        if os.path.lexists(os.path.join(repo.root, path)):
            marked[path] = mode, blob
        elif letter == "h":
            found.append(path)  # marked as unchanged, and gone
    files = {
        path: entry for path, entry in marked.items() if entry[0] != SUBMODULE and _same_kind(repo, path, entry[0])
    }
    blobs = blob_ids(repo, files)
    for path, (mode, blob) in marked.items():
        now = _commit_of(repo, path) if mode == SUBMODULE else blobs.get(path, "")
        if now != blob:
            found.append(path)
    return sorted(found)


def _same_kind(repo: GitRepo, path: str, mode: str) -> bool:
    there = os.path.join(repo.root, path)
    return os.path.islink(there) if mode == LINK else os.path.isfile(there) and not os.path.islink(there)


def _commit_of(repo: GitRepo, path: str) -> str:
    return repo.run("-C", path, "rev-parse", "--verify", "--quiet", "HEAD").stdout.decode("ascii", "replace").strip()


def _is_folder(repo: GitRepo, path: str) -> bool:
    """True for a directory that is no repository of its own: its files are told one by one."""
    there = os.path.join(repo.root, path)
    return os.path.isdir(there) and not os.path.islink(there) and not os.path.lexists(os.path.join(there, ".git"))


def _joined(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


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
    argv = [find_program("env"), f"GIT_INDEX_FILE={index}", repo.program, "-C", repo.root]
    done = run([*argv, "-c", "core.safecrlf=false", *args], cwd=repo.root, stdin=stdin, check=False)
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
