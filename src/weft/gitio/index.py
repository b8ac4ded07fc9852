"""What Git would commit, or did: paths with mode and blob id, and what changed, from the index or from a tree.

The index is the one that ``GIT_INDEX_FILE`` names, so a hook sees what this commit will hold and not what another one would.
Ten thousand paths cost one string each: a row is taken apart when somebody asks for it.
"""

from __future__ import annotations

import os
import re
import subprocess
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import NamedTuple

from weft.gitio.batch import BlobReader
from weft.gitio.repo import GitRepo
from weft.util.atomic import os_errors

REGULAR = ("100644", "100755")
LINK = "120000"
SUBMODULE = "160000"
_NO_BYTES = (
    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
)
"""What Git calls the blob without bytes, by each of its hash functions."""
_UNMERGED = re.compile(rb"(?:\A|\0)[0-7]{6} [0-9a-f]+ [123]\t([^\0]*)")


class Entry(NamedTuple):
    """One file as Git keeps it: ``mode`` as six octal digits, ``blob`` its full id (of a submodule: its commit)."""

    mode: str
    blob: str

    @property
    def regular(self) -> bool:
        """True for a file that is no link and no submodule."""
        return self.mode in REGULAR


class Change(NamedTuple):
    """One path that differs: ``status`` is Git's letter (A, M, D, T, U); the old half is empty for a new path, the new
    half for a deleted one. Renames are told as a deletion and an addition, so ``old_path`` is always ``path``."""

    status: str
    old_path: str
    path: str
    mode: str
    blob: str
    old_mode: str = ""
    old_blob: str = ""


class Index:
    """A snapshot of paths, from the index or from a commit's tree. ``unmerged`` are paths with a conflict, sorted."""

    def __init__(self, rows: Mapping[str, str], unmerged: tuple[str, ...] = ()) -> None:
        self._rows = rows
        self._sorted: list[str] | None = None
        self.unmerged = unmerged

    def get(self, path: str) -> Entry | None:
        """The entry of ``path``; None when it is not there."""
        row = self._rows.get(path)
        if row is None:
            return None
        mode, kind, last = row.partition("\t")[0].split(" ")
        # Git's index has "mode blob stage", a tree "mode type blob".
        return Entry(mode, kind if len(kind) > len("commit") else last)

    def __contains__(self, path: object) -> bool:
        return path in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def changed(self, changes: Iterable[Change]) -> Index:
        """The snapshot after ``changes``."""
        rows = dict(self._rows)
        for change in changes:
            if change.blob:
                rows[change.path] = f"{change.mode} {change.blob} 0\t{change.path}"
            else:
                rows.pop(change.path, None)
        return Index(rows)

    def without(self, paths: Iterable[str]) -> Index:
        """The snapshot but for ``paths``."""
        rows = dict(self._rows)
        for path in paths:
            rows.pop(path, None)
        return Index(rows, self.unmerged)

    def empty_files(self) -> list[str]:
        """The paths whose blob has no bytes."""
        text = "\0".join(self._rows.values())
        known = [blob for blob in _NO_BYTES if blob in text]  # mostly none, and then no row is looked at
        return [path for path, row in self._rows.items() if any(blob in row for blob in known)] if known else []

    def links(self) -> list[str]:
        """The paths of all symbolic links."""
        return [path for path, row in self._rows.items() if row.startswith(LINK)]

    def below(self, directory: str) -> list[str]:
        """The paths inside ``directory``, sorted."""
        if self._sorted is None:
            self._sorted = sorted(self._rows)
        first = bisect_left(self._sorted, directory + "/")
        last = bisect_left(self._sorted, directory + "0", lo=first)  # "0" comes right after "/"
        return self._sorted[first:last]


def read_index(repo: GitRepo) -> Index:
    """The index, by one process. Raises ``GitFailed``."""
    return _index(repo.git(*_LISTED))


def read_stages(repo: GitRepo) -> dict[str, dict[int, str]]:
    """The paths in conflict, each with the blobs of base (1), ours (2) and theirs (3) that there are; by one process."""
    found: dict[str, dict[int, str]] = {}
    for row in os.fsdecode(repo.git("ls-files", "--unmerged", "-z")).split("\0")[:-1]:
        facts, path = row.split("\t", 1)
        _, blob, number = facts.split(" ")
        found.setdefault(path, {})[int(number)] = blob
    return found


def read_staged(repo: GitRepo) -> tuple[Index, list[Change]]:
    """The index, and how it differs from the last commit, or from nothing before the first one; two processes at the same
    time. Raises ``GitFailed``."""
    listing, raw = _both(repo, _LISTED, _STAGED)
    return _index(listing), _changes(raw)


def committed_alone(index: Index, changes: Iterable[Change], blobs: BlobReader) -> Index:
    """``index`` without the entries of ``git add --intent-to-add``, which no commit will hold: ``changes`` do not tell of
    them, and in a listing they look like empty files. Raises ``GitFailed``."""
    told = {change.path: change.status for change in changes}
    suspects = [path for path in index.empty_files() if told.get(path, "D") == "D"]
    if not suspects:
        return index
    there = blobs.at("HEAD", suspects)
    return index.without(path for path in suspects if path in told or (path not in there and "\n" not in path))


def tree_entries(repo: GitRepo, commit: str) -> Index:
    """The tree of ``commit``, by one process. Raises ``GitFailed``."""
    return _index(repo.git("ls-tree", "-r", "-z", "--full-tree", commit))


def tree_file(repo: GitRepo, commit: str, path: str) -> Entry | None:
    """The file ``path`` of ``commit``, by one process; None when it has none. Raises ``GitFailed``."""
    return _index(repo.git("ls-tree", "-z", "--full-tree", commit, "--", path)).get(path)


def commit_changes(repo: GitRepo, commits: Sequence[tuple[str, str]]) -> dict[str, list[Change]]:
    """How each of ``commits`` (full ids, each with a parent) differs from its parent, or from nothing when that is empty;
    by one process for all of them. Raises ``GitFailed``."""
    request = "".join(f"{commit} {parent}".rstrip() + "\n" for commit, parent in commits).encode("ascii")
    # A commit can say in .gitmodules that changes of a submodule are not shown.
    options = ("--stdin", "-r", "-z", "--raw", "--root", "--no-renames", "--no-abbrev", "--ignore-submodules=none")
    found: dict[str, list[Change]] = {commit: [] for commit, _ in commits}
    fields = iter(os.fsdecode(repo.git("diff-tree", *options, stdin=request)).split("\0")[:-1])
    current: list[Change] = []
    for field in fields:
        if field.startswith(":"):
            current.append(change_of(field, next(fields)))
        else:
            current = found[field]
    return found


def cut_off(repo: GitRepo) -> frozenset[str]:
    """The oldest commits of a shallow clone, whose parents Git does not have; none in any other."""
    path = os.path.join(repo.common_dir, "shallow")
    with os_errors("read", path), suppress(FileNotFoundError), open(path, encoding="ascii") as file:
        return frozenset(file.read().split())
    return frozenset()


def unstaged(repo: GitRepo) -> frozenset[str]:
    """Files of the work tree that are not as the index has them; untracked ones are none. Raises ``GitFailed``."""
    output = repo.git("diff", "--name-only", "-z", "--no-ext-diff", "--ignore-submodules=all")
    return frozenset(os.fsdecode(output).split("\0")[:-1])


def first_parents(repo: GitRepo, spec: str, *, count: int = -1) -> list[tuple[str, str]]:
    """Each commit that the range ``spec`` names (``A..B`` of full ids) with its first parent, oldest first, by one process;
    only the newest ``count`` of them unless that is negative.

    The parent is empty for a first commit, and for the oldest one of a shallow clone.
    """
    options = ("--parents", "--topo-order", "--reverse", f"--max-count={count}")
    rows = repo.git("rev-list", *options, spec, "--").decode("ascii").splitlines()
    return [(words[0], words[1] if len(words) > 1 else "") for words in map(str.split, rows)]


def later_parents(repo: GitRepo, commits: Sequence[str]) -> list[tuple[str, str]]:
    """Each of ``commits`` that is a merge with each of its parents but the first."""
    rows = repo.git("rev-list", "--parents", "--no-walk", *commits, "--").decode("ascii").splitlines()
    return [(words[0], parent) for words in map(str.split, rows) for parent in words[2:]]


_LISTED = ("ls-files", "--stage", "-z")
_STAGED = (
    "diff", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-color",
    "--ignore-submodules=none",
)  # fmt: skip


def _both(repo: GitRepo, *commands: tuple[str, ...]) -> list[bytes]:
    """What the ``commands`` print, run side by side. One that fails is run again, for the sake of its message."""
    with ExitStack() as running:
        started = []
        for command in commands:
            with os_errors("run", repo.program):
                process = subprocess.Popen(
                    repo.argv(*command),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
            started.append(running.enter_context(process))
        outputs = [process.communicate()[0] for process in started]
    return [
        output if process.returncode == 0 else repo.git(*command)
        for output, process, command in zip(outputs, started, commands, strict=True)
    ]


def _index(output: bytes) -> Index:
    rows = {row[row.index("\t") + 1 :]: row for row in os.fsdecode(output).split("\0")[:-1]}
    # The pattern takes longer than all else, and conflicts are rare.
    maybe = any(mark in output for mark in (b" 1\t", b" 2\t", b" 3\t"))
    unmerged = tuple(sorted({os.fsdecode(name) for name in _UNMERGED.findall(output)})) if maybe else ()
    return Index(rows, unmerged)


def _changes(output: bytes) -> list[Change]:
    fields = os.fsdecode(output).split("\0")[:-1]
    return [change_of(facts, path) for facts, path in zip(fields[::2], fields[1::2], strict=True)]


def change_of(facts: str, path: str) -> Change:
    """The change of ``path`` that ``facts``, a row of Git's raw format up to its letter, tells."""
    old_mode, mode, old_blob, blob, status = facts[1:].split(" ")
    gone, new = mode == "000000", old_mode == "000000"
    return Change(
        status[0],
        path,
        path,
        "" if gone else mode,
        "" if gone else blob,
        "" if new else old_mode,
        "" if new else old_blob,
    )
