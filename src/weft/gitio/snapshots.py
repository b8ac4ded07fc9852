"""What the work tree holds beyond the last commit, and keeping it as a commit of its own under ``refs/weft/runs/``.

The snapshot is made with a temporary index: HEAD, the index and the work tree stay as they are. It holds HEAD and those
changes that the caller chooses: a staged file that is not among them is as in HEAD.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from weft.errors import GitFailed
from weft.gitio.repo import GitRepo, git_failed
from weft.gitio.trees import head
from weft.gitio.worktree import hidden_changes
from weft.util.atomic import temp_name
from weft.util.subproc import Completed, find_program, run

RUNS = "refs/weft/runs/"
_SUBJECT = "weft run "
_NOBODY = ("-c", "user.name=weft", "-c", "user.email=weft@localhost")


@dataclass(frozen=True, slots=True)
class Beyond:
    """How the work tree and the index differ from HEAD: paths that Git tracks, and paths it neither tracks nor ignores.
    ``staged`` are those of ``changed`` that the index has as they are."""

    changed: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    staged: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.changed or self.untracked)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot that was made: its ref and its commit."""

    ref: str
    commit: str


def beyond_head(repo: GitRepo) -> Beyond:
    """What is not committed, by two Git processes, and more where entries are marked so that Git does not look at their
    files. Raises ``GitFailed``."""
    output = repo.git(
        "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"
    )
    changed, untracked, staged = [], [], []
    for row in output.split(b"\0"):
        if not row:
            continue
        path = os.fsdecode(row[3:])
        if row.startswith(b"?? "):
            untracked.append(path)
        else:
            changed.append(path)
            staged += [path] if row[1:2] == b" " else []
    return Beyond(tuple(dict.fromkeys([*changed, *hidden_changes(repo)])), tuple(untracked), frozenset(staged))


def take_snapshot(repo: GitRepo, run_id: str, beyond: Beyond) -> Snapshot:
    """Keep HEAD with the changes ``beyond`` it as a commit at ``refs/weft/runs/RUN_ID``.

    Repositories inside this one are left out. Raises ``GitFailed``.
    """
    index = os.path.join(repo.git_dir, temp_name())
    try:
        if parent := head(repo):
            _with_index(repo, index, ("read-tree", parent))
        _with_index(repo, index, ("update-index", "--force-remove", "-z", "--stdin"), _joined(beyond.changed))
        names = [path for path in beyond.changed if not _is_folder(repo, path)]
        names += [path for path in beyond.untracked if not path.endswith("/")]  # else a repository inside this one
        _with_index(repo, index, ("update-index", "--add", "--remove", "--replace", "-z", "--stdin"), _joined(names))
        tree = _with_index(repo, index, ("write-tree",)).decode("ascii").strip()
    finally:
        for name in (index, index + ".lock"):
            with contextlib.suppress(OSError):
                os.unlink(name)
    commit = _commit(repo, tree, parent, run_id)
    return Snapshot(name_snapshot(repo, run_id, commit), commit)


def name_snapshot(repo: GitRepo, run_id: str, commit: str) -> str:
    """Let the run ``run_id`` have the snapshot ``commit``, which may be that of another run too; the ref. Raises
    ``GitFailed``."""
    ref = RUNS + run_id
    repo.git("update-ref", "--create-reflog", "-m", "weft run", ref, commit, "0" * len(commit))
    return ref


def has_snapshot(repo: GitRepo, ref: str) -> bool:
    """True when this clone has the snapshot ``ref``, by one process."""
    return ref.startswith(RUNS) and repo.run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").returncode == 0


def snapshots_before(repo: GitRepo, seconds: float) -> dict[str, str]:
    """The refs of snapshots made before ``seconds`` since the epoch, to their commits; one process. Raises ``GitFailed``."""
    form = "%(refname)%00%(objectname)%00%(committerdate:unix)%00%(contents:subject)"
    found = {}
    for row in repo.git("for-each-ref", f"--format={form}", RUNS).splitlines():
        ref, commit, made, subject = os.fsdecode(row).split("\0")
        if subject.startswith(_SUBJECT) and made.isdigit() and int(made) < seconds:
            found[ref] = commit
    return found


def drop_snapshots(repo: GitRepo, refs: Mapping[str, str]) -> None:
    """Delete the ``refs`` that still name these commits, all or none. Raises ``GitFailed``."""
    request = "".join(f"delete {ref}\0{commit}\0" for ref, commit in refs.items())
    repo.git("update-ref", "-z", "--stdin", stdin=os.fsencode(request))


def author(repo: GitRepo) -> str:
    """``Name <email>`` as Git has them configured; empty when they are not: Git's guess would hold the host's name."""
    done = repo.run("-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT")
    if done.returncode != 0:
        return ""
    return done.stdout.decode("utf-8", "replace").strip().rpartition("> ")[0] + ">"


def _is_folder(repo: GitRepo, path: str) -> bool:
    """True for a directory that is no repository of its own: its files are told one by one."""
    there = os.path.join(repo.root, path)
    return os.path.isdir(there) and not os.path.islink(there) and not os.path.lexists(os.path.join(there, ".git"))


def _joined(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _with_index(repo: GitRepo, index: str, args: Sequence[str], stdin: bytes = b"") -> bytes:
    # The environment belongs to the command line alone, so the program `env` changes the one variable.
    argv = [find_program("env"), f"GIT_INDEX_FILE={index}", *repo.argv("-c", "core.safecrlf=false", *args)]
    done = run(argv, cwd=repo.root, stdin=stdin, check=False)
    if done.returncode != 0:
        raise git_failed(args, done)
    return done.stdout


def _commit(repo: GitRepo, tree: str, parent: str | None, run_id: str) -> str:
    args = ["commit-tree", tree, *(("-p", parent) if parent else ()), "-m", _SUBJECT + run_id]
    done: Completed = repo.run(*args)
    if done.returncode != 0:  # most likely nobody told Git who they are
        done = repo.run(*_NOBODY, *args)
    if done.returncode != 0:
        raise git_failed(args, done)
    commit = done.stdout.decode("ascii", "replace").strip()
    if not commit:
        raise GitFailed("git commit-tree named no commit", hint="weft doctor")
    return commit
