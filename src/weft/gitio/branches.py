"""Whether this clone knows all branches and tags of its Git remotes, as of now."""

from __future__ import annotations

from typing import NamedTuple

from weft.gitio.repo import GitRepo, git_failed
from weft.gitio.shared import SHARED, git_remote, shared_on
from weft.util.subproc import find_program, run

_SECONDS = 120.0
_ALL = ("refs/heads/*", "refs/*")


class Unknown(NamedTuple):
    """A branch or tag ``ref`` of the Git remote ``remote`` that nothing here leads to. ``followed`` is False where the clone
    was told to fetch only some branches of it."""

    remote: str
    ref: str
    followed: bool


def unknown_branch(repo: GitRepo) -> Unknown | None:
    """The first branch or tag of a Git remote that no ref of this clone leads to; None when there is none.

    Asks each remote, without a question to the user. Raises ``GitFailed`` for one that cannot be asked.
    """
    for name in repo.git("remote").decode("utf-8", "surrogateescape").split("\n")[:-1]:
        refs = _refs(repo, name)
        found = repo.git("cat-file", "--batch-check", stdin=b"".join(blob + b"\n" for blob in refs)).splitlines()
        absent = [row.split()[0] for row in found if row.endswith(b" missing")]
        here = b"".join(blob + b"\n" for blob in refs if blob not in absent)
        beyond = absent or repo.git("rev-list", "--stdin", "--max-count=1", "--not", "--all", stdin=here).split()
        if beyond:
            ref = refs.get(beyond[0], b"a branch")  # or a commit below one
            return Unknown(name, ref.decode("utf-8", "replace"), _followed(repo, name))
    return None


def unknown_run(repo: GitRepo) -> Unknown | None:
    """The first run that is shared through the Git remote that is used for that, and that this clone does not have. Raises
    ``GitFailed``."""
    if not repo.git("remote"):
        return None
    name = git_remote(repo)
    there = {commit: run for run, commit in shared_on(repo, name).runs.items()}
    found = repo.git("cat-file", "--batch-check", stdin="".join(f"{commit}\n" for commit in there).encode("ascii"))
    absent = next((row.split()[0] for row in found.decode("ascii").splitlines() if row.endswith(" missing")), "")
    return Unknown(name, SHARED + there[absent], followed=False) if absent else None


def _refs(repo: GitRepo, name: str) -> dict[bytes, bytes]:
    """Object id to name of the branches and tags that the remote ``name`` has."""
    command = ("ls-remote", "--heads", "--tags", "--", name)
    argv = [find_program("env"), "GIT_TERMINAL_PROMPT=0", repo.program, "-C", repo.root, *command]
    done = run(argv, cwd=repo.root, check=False, timeout=_SECONDS)
    if done.returncode != 0:
        raise git_failed(command, done)
    rows = [row.split(b"\t") for row in done.stdout.splitlines()]
    return {row[0]: row[1] for row in rows if len(row) == 2 and not row[1].endswith(b"^{}")}


def _followed(repo: GitRepo, name: str) -> bool:
    specs = repo.run("config", "--get-all", f"remote.{name}.fetch").stdout.decode("utf-8", "replace").split("\n")
    return any(spec.removeprefix("+").partition(":")[0] in _ALL for spec in specs)
