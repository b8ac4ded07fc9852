"""Whether this clone knows all branches and tags of its Git remotes, as of now."""

from __future__ import annotations

from typing import NamedTuple

from weft.errors import GitFailed
from weft.gitio.repo import GitRepo, git_failed
from weft.gitio.shared import MOST, SHARED, kept_runs, shared_on
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
    """The first run shared through a Git remote that this clone does not keep. Raises ``GitFailed`` for a remote that cannot
    be asked, or that has more runs than a clone fetches."""
    here = kept_runs(repo)
    for name in repo.git("remote").decode("utf-8", "surrogateescape").split("\n")[:-1]:
        there = shared_on(repo, name)
        if there.cut:
            raise GitFailed(f"the Git remote {name} has more than {MOST} shared runs, and only so many are fetched")
        lacking = {commit: run for run, commit in there.runs.items() if commit not in here}
        asked = "".join(f"{commit}\n" for commit in lacking).encode("ascii")
        rows = repo.git("cat-file", "--batch-check", stdin=asked).decode("ascii").splitlines() if asked else []
        # What is here and no commit leads to no pointer.
        run = next((lacking[row.split()[0]] for row in rows if row.split()[1] in ("missing", "commit")), "")
        if run:
            return Unknown(name, SHARED + run, followed=False)
    return None


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
