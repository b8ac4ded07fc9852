"""Locks of paths as refs of the Git remote: one a path, ``refs/weft/locks/HASH``, made and removed by compare-and-swap.

No ref of this clone stands for them: `git push --mirror` would put back what somebody else has unlocked. (It removes all
refs that a clone has not, branches as well as locks, and Git does not tell its hook.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from weft.errors import NoRemote
from weft.gitio.repo import GitRepo, git_failed
from weft.model.oid import Oid
from weft.util.subproc import Completed, find_program, run, stderr_text

LOCKS = "refs/weft/locks/"
MOST = 2000
"""So many locks are looked at, of any number that a remote claims."""

_ROW = re.compile(r"([0-9a-f]{40}(?:[0-9a-f]{24})?)\t(refs/weft/locks/\S{1,250})", re.ASCII)
_PATIENCE, _HURRY = 120.0, 30.0
# Objects alone: no ref, no tag and no note of this fetch may be left in the clone. What comes is looked at by Git.
_FETCH = (
    *("-c", "fetch.fsckObjects=true"),
    *("fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head", "--refmap="),
    *("--no-auto-maintenance", "--no-recurse-submodules", "--stdin", "--"),
)
_PUSH = ("push", "--no-verify", "--porcelain", "--no-follow-tags", "--recurse-submodules=no")


class Place(NamedTuple):
    """Where locks are kept: the Git remote ``name`` (or a URL), and the ``url`` to ask, which is the name unless pushes go
    elsewhere. ``hurry``: in a hook, where nobody may be asked a question and nobody wants to wait."""

    name: str
    url: str
    hurry: bool = False


class Swap(NamedTuple):
    """A ref that is to change from the object ``old`` to ``new``; an empty one stands for no ref."""

    ref: str
    old: str
    new: str


def ref_of(path: str) -> str:
    """The ref of a lock of ``path``."""
    return LOCKS + Oid.of(path.encode("utf-8")).hex()


def place_of(repo: GitRepo, name: str, *, hurry: bool = False) -> Place:
    """Where the locks of the Git remote ``name``, or of that URL, are."""
    urls = repo.git("config", "--get-all", f"remote.{name}.pushurl", check=False)
    return Place(name, urls.decode("utf-8", "surrogateescape").split("\n")[0] or name, hurry)


def default_remote(repo: GitRepo, name: str = "") -> str:
    """The Git remote ``name``; where none is named that of the current branch, ``origin``, or the only one. Raises
    ``NoRemote``."""
    known = remote_names(repo)
    branch = current_branch(repo)
    own = (
        repo.git("config", f"branch.{branch}.remote", check=False).decode("utf-8", "replace").strip() if branch else ""
    )
    for one in (name,) if name else (own, "origin", *known[len(known) != 1 :]):
        if one in known:
            return one
    what = f"there is no Git remote {name}" if name else "locks are kept on the Git remote, and it is not clear which"
    raise NoRemote(what, hint="git remote add origin URL" if not known else f"--git-remote {' or '.join(known[:5])}")


def remote_names(repo: GitRepo) -> list[str]:
    """The names of the Git remotes."""
    return repo.git("remote").decode("utf-8", "replace").split("\n")[:-1]


def current_branch(repo: GitRepo) -> str:
    """The branch that is checked out; empty for a detached HEAD."""
    return repo.git("symbolic-ref", "--quiet", "--short", "HEAD", check=False).decode("utf-8", "replace").strip()


def list_locks(repo: GitRepo, place: Place) -> dict[str, str]:
    """Ref to object id of the locks there, ``MOST`` at most. Raises ``GitFailed``, ``EnvironmentFault``."""
    command = ("ls-remote", "--", place.url, LOCKS + "*")
    done = _ask(repo, place, *command)
    if done.returncode != 0:
        raise git_failed(command, done)
    rows = map(_ROW.fullmatch, done.stdout.decode("utf-8", "replace").splitlines())
    return {row[2]: row[1] for row in [row for row in rows if row][:MOST]}


def fetch_objects(repo: GitRepo, place: Place, objects: Sequence[str]) -> bool:
    """Bring ``objects`` here; False when not all of them could be had. Raises ``EnvironmentFault``."""
    return _ask(repo, place, *_FETCH, place.url, stdin="".join(f"{one}\n" for one in objects)).returncode == 0


def store_lock(repo: GitRepo, data: bytes) -> str:
    """Put a lock into this clone's objects, to be pushed from there; its id."""
    return repo.git("hash-object", "-w", "--stdin", stdin=data).decode("ascii").strip()


def swap_refs(repo: GitRepo, place: Place, swaps: Sequence[Swap]) -> str:
    """Change all refs there that are still as expected, or none; why not, empty when it was done. Raises
    ``EnvironmentFault``."""
    leases = [f"--force-with-lease={one.ref}:{one.old}" for one in swaps]
    atomic = ["--atomic"] if len(swaps) > 1 else []
    done = _ask(repo, place, *_PUSH, *atomic, *leases, "--", place.url, *(f"{one.new}:{one.ref}" for one in swaps))
    if done.returncode == 0:
        return ""
    rows = [row.split("\t") for row in done.stdout.decode("utf-8", "replace").splitlines()]
    refusals = [row[2] for row in rows if len(row) == 3 and row[0] == "!"]
    return refusals[0] if refusals else stderr_text(done.stderr).partition("\n")[0]


def moved(refs: Mapping[str, str], swaps: Sequence[Swap]) -> list[Swap]:
    """Those of ``swaps`` that, as ``refs`` are now, took place."""
    return [one for one in swaps if refs.get(one.ref, "") == one.new]


def _ask(repo: GitRepo, place: Place, *args: str, stdin: str = "") -> Completed:
    # The environment belongs to the command line alone, so the program `env` changes the one variable.
    quiet = [find_program("env"), "GIT_TERMINAL_PROMPT=0"] if place.hurry else []
    argv = [*quiet, *repo.argv(*args)]
    seconds = _HURRY if place.hurry else _PATIENCE
    return run(argv, cwd=repo.root, stdin=stdin.encode("ascii"), check=False, timeout=seconds)
