"""What a ``git push`` is about to send: the refs it names, the commits the other side lacks, the pointers they hold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from weft.errors import GitFailed
from weft.gitio.repo import GitRepo
from weft.gitio.trees import files_at, is_pointer

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)


_BRANCHES = "refs/heads/"


class Update(NamedTuple):
    """One ref to be pushed, as Git tells its pre-push hook. An id of zeros stands for no commit."""

    local_ref: str
    local: str
    remote_ref: str
    remote: str

    @property
    def deletes(self) -> bool:
        """True when the ref is taken away on the other side: no commit is sent."""
        return not self.local.strip("0")


class Changed(NamedTuple):
    """A ``path`` that a commit changed, with the blob ids that its parents had there and its own; zeros for none."""

    path: str
    olds: tuple[str, ...]
    new: str


class Outgoing(NamedTuple):
    """Commits that the other side lacks, oldest first, each with its parents; an empty list for a first one."""

    commits: dict[str, tuple[str, ...]]

    def edges(self) -> list[str]:
        """Those with a parent that the other side has: their trees hold what was there before."""
        return [commit for commit, parents in self.commits.items() if any(p not in self.commits for p in parents)]


def parse_updates(lines: Iterable[str]) -> list[Update]:
    """The lines that Git gives to a pre-push hook (githooks(5)). Raises ``GitFailed`` for any other line."""
    found = []
    for line in lines:
        words = line.split()
        if not words:
            continue
        # The local side may be any expression a user typed, spaces included.
        if len(words) < 4 or not _ID.fullmatch(words[-3]) or not _ID.fullmatch(words[-1]):
            raise GitFailed(f"a pre-push hook is told of refs by Git, not {line!a}", hint="run git push")
        found.append(Update(" ".join(words[:-3]), words[-3], words[-2], words[-1]))
    return found


def outgoing(repo: GitRepo, updates: Sequence[Update], remote: str) -> Outgoing:
    """The commits that ``updates`` send and the Git remote ``remote`` (a name, or a URL) has not.

    What it has are the refs that are to be replaced, of which it has just told the ids, as far as their commits are known
    here, and what its remote-tracking branches here say, unless one of those ids shows that they say too much.
    """
    tips = list(_commits(repo, [update.local for update in updates if not update.deletes]).values())
    if not tips:
        return Outgoing({})
    # A pattern in a URL would be taken as one: such a remote has no branches here anyway.
    named = re.fullmatch(r"[\w.][\w./-]*", remote) is not None and not os.path.isabs(remote)
    branches = [update for update in updates if named and update.remote_ref.startswith(_BRANCHES)]
    tracking = {update.remote_ref: _tracking(remote, update.remote_ref) for update in branches}
    there = _commits(repo, [*(update.remote for update in updates), *tracking.values()])
    known = [there[update.remote] for update in updates if update.remote in there]
    # HEAD there is but another name of one of its branches.
    tracked = [f"--exclude={remote}/HEAD", f"--remotes={remote}"] if named else []
    for update in branches:
        claimed, real = there.get(tracking[update.remote_ref]), there.get(update.remote)
        if claimed is None or claimed == real:
            continue
        if update.remote.strip("0") and not (real and _is_ancestor(repo, claimed, real)):
            # The remote went back behind what it once had: none of the others can be believed either.
            tracked = []
            break
        # Gone there, or further on: this one says nothing new.
        tracked.insert(0, f"--exclude={tracking[update.remote_ref].removeprefix('refs/remotes/')}")
    request = "".join(f"{tip}\n" for tip in tips) + "".join(f"^{commit}\n" for commit in known)
    rows = repo.git(
        "rev-list", "--parents", "--topo-order", "--reverse", "--stdin", "--not", *tracked, stdin=request.encode("ascii")
    )  # fmt: skip
    return Outgoing({words[0]: tuple(words[1:]) for words in map(str.split, rows.decode("ascii").splitlines())})


def _tracking(remote: str, branch: str) -> str:
    return f"refs/remotes/{remote}/{branch.removeprefix(_BRANCHES)}"


def _is_ancestor(repo: GitRepo, commit: str, other: str) -> bool:
    return repo.run("merge-base", "--is-ancestor", commit, other).returncode == 0


def _commits(repo: GitRepo, names: Sequence[str]) -> dict[str, str]:
    """Each of ``names``, ids or refs, to the commit that it names or, as a tag, leads to; those that are not here and those
    of other things left out."""
    wanted = [name for name in dict.fromkeys(names) if name.strip("0")]
    if not wanted:
        return {}
    request = b"".join(os.fsencode(f"{name}^{{commit}}\n") for name in wanted)
    rows = repo.git("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=request).decode("ascii", "replace")
    found = {}
    for name, row in zip(wanted, rows.splitlines(), strict=False):
        words = row.split(" ")
        if len(words) == 2 and words[1] == "commit" and _ID.fullmatch(words[0]):
            found[name] = words[0]
    return found


def unsent_refs(repo: GitRepo, remote: str, tip: str) -> list[str]:
    """The short names of local branches and tags that lead to commits which ``remote`` is not known to have, and ``tip`` has
    not either."""
    known = [f"--remotes={remote}"] if re.fullmatch(r"[\w.][\w./-]*", remote) is not None else []
    unsent = set(repo.git("rev-list", "--branches", "--tags", "--not", tip, *known).decode("ascii").split())
    if not unsent:
        return []
    shape = "--format=%(objectname) %(*objectname) %(refname:short)"
    rows = os.fsdecode(repo.git("for-each-ref", shape, "refs/heads", "refs/tags")).splitlines()
    parts = [row.split(" ", 2) for row in rows]
    return [name for commit, peeled, name in parts if commit in unsent or peeled in unsent]


def pointer_blobs_of(repo: GitRepo, sent: Outgoing) -> list[tuple[str, str]]:
    """Each (path, blob id) of a pointer in the tree of some commit of ``sent``.

    Two processes for what the commits bring in, whatever their number, and one for each commit that stands on what the
    other side has, for what it takes over from there. Raises as ``files_at``.
    """
    if not sent.commits:
        return []
    found: dict[tuple[str, str], None] = {}
    for commit in sent.edges():
        found.update(dict.fromkeys(files_at(repo, commit).items()))
    request = "".join(f"{commit}\n" for commit in sent.commits).encode("ascii")
    with repo.stream(
        "diff-tree", "--stdin", "-r", "-z", "-m", "--root", "--raw", "--no-renames", "--no-abbrev", "--no-commit-id",
        "--diff-filter=d", stdin=request,
    ) as output:  # fmt: skip
        fields = iter(output.read().split(b"\0"))
    for head in fields:
        if not head.startswith(b":"):
            continue
        name = next(fields, b"")
        mode, blob = head.split(b" ")[1], head.split(b" ")[3]
        if name.endswith(b".weft") and mode.startswith(b"100") and is_pointer(os.fsdecode(name)):
            found[os.fsdecode(name), blob.decode("ascii")] = None
    return list(found)


def changes_of(repo: GitRepo, sent: Outgoing) -> list[Changed]:
    """Each path that some commit of ``sent`` changed, by one process; a merge changed what differs from all its parents.

    Raises ``GitFailed``.
    """
    request = "".join(f"{commit}\n" for commit in sent.commits).encode("ascii")
    with repo.stream(
        "diff-tree", "--stdin", "-r", "-z", "-c", "--root", "--raw", "--no-renames", "--no-abbrev", "--no-commit-id",
        stdin=request,
    ) as output:  # fmt: skip
        fields = iter(output.read().split(b"\0"))
    found: dict[Changed, None] = {}
    for head in fields:
        if not head.startswith(b":"):
            continue
        parents = len(head) - len(head.lstrip(b":"))
        ids = [word.decode("ascii") for word in head.split(b" ")[parents + 1 : 2 * parents + 2]]
        found[Changed(os.fsdecode(next(fields, b"")), tuple(ids[:-1]), ids[-1])] = None
    return list(found)
