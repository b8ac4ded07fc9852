"""The Git repository, asked through the ``git`` program: Git alone knows its work trees, submodules and hash functions.

Every call names the program by its absolute path, takes path arguments literally, and leaves alone locks that Git only
takes to save time later. A bare repository is only used where it is named: one that lies in a work tree came with a clone,
and its configuration may name programs. The environment is passed on, so ``GIT_DIR`` and ``GIT_INDEX_FILE`` mean what they
mean to Git, which sets them for its hooks.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import IO

from weft.errors import DependencyMissing, GitFailed, NotARepository
from weft.util.subproc import Completed, find_program, run, stderr_text, stream

OLDEST_GIT = "2.31"

SAFELY = ("-c", "safe.bareRepository=explicit")
"""Options of every call: Git before 2.38 passes them over."""

FETCHED = "refs/weft/remotes/"
"""Where the shared runs of Git remotes are, once they were fetched."""
ALL_REFS = (f"--exclude={FETCHED}*", "--all")
"""Arguments of ``git log`` and ``git rev-list``: all refs but those of runs that others share."""

_PLACES = ("--is-bare-repository", "--is-inside-work-tree", "--git-dir", "--git-common-dir", "--show-toplevel")


@dataclass(frozen=True)
class GitRepo:
    """One work tree of a repository. All paths are absolute.

    ``root`` is the top of the work tree, ``git_dir`` the Git directory of this work tree, ``common_dir`` the one that all
    work trees of the repository share, ``program`` the ``git`` to run. ``as_committed`` reads every object as it is, also
    where ``git replace`` has put another one in its place. ``foreign`` is somebody else's, whose configuration may name a
    program for fetching the objects that a partial clone lacks: they count as missing.
    """

    root: str
    git_dir: str
    common_dir: str
    program: str
    as_committed: bool = False
    foreign: bool = False

    def judged(self) -> GitRepo:
        """The same for who judges commits: what ``git replace`` puts in the place of an object is in this clone alone."""
        return replace(self, as_committed=True)

    def git(self, *args: str, stdin: bytes | None = None, check: bool = True) -> bytes:
        """Run ``git ARGS`` at the root and return what it prints. Raises ``GitFailed`` if it fails and ``check`` is set."""
        done = self.run(*args, stdin=stdin)
        if check and done.returncode != 0:
            raise git_failed(args, done)
        return done.stdout

    def run(self, *args: str, stdin: bytes | None = None) -> Completed:
        """Run ``git ARGS`` at the root to its end, whatever its status."""
        return run(self.argv(*args), cwd=self.root, stdin=stdin, check=False)

    def stream(self, *args: str, stdin: bytes = b"") -> AbstractContextManager[IO[bytes]]:
        """Run ``git ARGS`` at the root and read its output from a file, to the end. Raises ``GitFailed``."""
        return stream(self.argv(*args), cwd=self.root, stdin=stdin, error=GitFailed)

    def argv(self, *args: str) -> list[str]:
        """The words that start ``git ARGS`` at the root."""
        options = ("--no-replace-objects",) if self.as_committed else ()
        # The environment belongs to the command line alone, so the program `env` changes the one variable.
        start = [find_program("env"), "GIT_NO_LAZY_FETCH=1"] if self.foreign else []
        return [
            *start,
            self.program,
            *SAFELY,
            "-C",
            self.root,
            "--no-optional-locks",
            "--literal-pathspecs",
            *options,
            *args,
        ]


def git_failed(args: Sequence[str], done: Completed) -> GitFailed:
    """The error for ``git ARGS`` that ended as ``done``: Git's first line is the reason, the others are its advice."""
    reason, _, advice = stderr_text(done.stderr).partition("\n")
    reason = reason.removeprefix("fatal: ").removeprefix("error: ") or f"it ended with status {done.returncode}"
    return GitFailed(f"git {args[0]} failed: {reason}", hint=" ".join(advice.split()))


def find_git() -> str:
    """Absolute path of the git program. Raises ``GitFailed`` when there is none."""
    try:
        return find_program("git")
    except DependencyMissing as error:
        raise GitFailed(
            "Git is not installed, or not on the PATH", hint=f"install Git {OLDEST_GIT} or newer"
        ) from error


def _ownership_refused(said: str) -> GitFailed:
    # Git says this in the language of the user, but the command it advises is the same in all of them.
    command = next((line.strip() for line in said.splitlines() if line.strip().startswith("git config ")), "")
    reason = said.partition("\n")[0].removeprefix("fatal: ")
    return GitFailed(
        f"Git refuses a repository of another owner: {reason}",
        hint=f"if you trust whoever can write to it, run `{command}`"
        if command
        else "see safe.directory in git-config",
    )


def _has_git_entry(directory: str) -> bool:
    while not os.path.lexists(os.path.join(directory, ".git")):
        parent = os.path.dirname(directory)
        if parent == directory:
            return False
        directory = parent
    return True


def _not_found(directory: str, done: Completed) -> GitFailed | NotARepository:
    said = stderr_text(done.stderr)
    facts = done.stdout.split(b"\n")
    if "safe.directory" in said:
        return _ownership_refused(said)
    if facts[0] == b"true" or "safe.bareRepository" in said:
        return NotARepository(
            f"the repository at {directory!a} is bare: weft needs a work tree",
            hint="clone it, or make a work tree of it with `git worktree add`",
            path=directory,
        )
    if facts[0] == b"false":
        return NotARepository(
            f"{directory!a} is not in the work tree of its Git repository",
            hint="change to a directory of the work tree",
            path=directory,
        )
    if _has_git_entry(directory):
        return git_failed(["rev-parse"], done)
    return NotARepository(f"{directory!a} is in no Git repository", hint="run `git init` first", path=directory)


def discover(start: str) -> GitRepo:
    """The repository whose work tree holds ``start``, a directory or a file, found as Git finds it.

    Raises ``NotARepository`` outside of a work tree (a bare repository has none), and ``GitFailed`` when Git is missing,
    too old, or refuses the repository.
    """
    program = find_git()
    directory = os.path.abspath(start)
    if not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    argv = [program, *SAFELY, "-C", directory, "rev-parse", "--path-format=absolute", *_PLACES]
    done = run(argv, cwd="/", check=False)
    if done.returncode != 0:
        raise _not_found(directory, done)
    facts = done.stdout.removesuffix(b"\n").split(b"\n")
    if len(facts) != len(_PLACES):
        # An older Git repeats the option that it does not know; a line feed in a path gives a line too many as well.
        raise GitFailed(
            f"this Git is too old, or the path of the repository at {directory!a} holds a line feed",
            hint=f"install Git {OLDEST_GIT} or newer",
            path=directory,
        )
    git_dir, common_dir, root = (os.fsdecode(fact) for fact in facts[2:])
    return GitRepo(root=root, git_dir=git_dir, common_dir=common_dir, program=program)
