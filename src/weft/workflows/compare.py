"""``weft compare``: params, metrics, data, code and commands of several revisions side by side, from Git alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from weft.errors import UsageFault
from weft.gitio import trees
from weft.gitio.batch import BlobReader
from weft.gitio.index import first_parents, tree_entries
from weft.gitio.repo import GitRepo, discover
from weft.workflows.facts import CommitSource, FactRow, facts_of, is_different, side_by_side
from weft.workflows.history_facts import Versions
from weft.workflows.parts import Parts
from weft.workflows.results_status import FalseResult, StaleStage
from weft.workflows.stale import Marks

MOST = 50
"""Most columns that a range makes: its newest commits."""
_SHORT = 10


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file of a revision that tells nothing, with the reason."""

    revision: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class CompareResult:
    """``revisions`` as they were asked for, their ``commits``, and the rows by section and key; ``same`` were left out.

    ``left_out`` are files that could not be read; ``cut`` is the number of commits of ranges that have no column. ``stale``
    has the stale stages of each revision, None where they cannot be told, ``wrong`` the results that are false in it.
    """

    revisions: tuple[str, ...]
    commits: tuple[str, ...]
    rows: tuple[FactRow, ...]
    same: int = 0
    left_out: tuple[LeftOut, ...] = ()
    cut: int = 0
    stale: tuple[tuple[StaleStage, ...] | None, ...] = ()
    wrong: tuple[tuple[FalseResult, ...], ...] = ()


def compare(start: str, revisions: Sequence[str], *, everything: bool = False) -> CompareResult:
    """Compare what the commits of two or more ``revisions`` hold; equal facts too with ``everything``, or where a stage
    that made one is stale or was accepted by hand.

    A range ``A..B`` stands for its commits, oldest first. Raises ``UsageFault`` for fewer than two
    commits and ``NoSuchRevision``.
    """
    repo = discover(start)
    named, cut = _commits(repo, revisions)
    if len(named) < 2:
        raise UsageFault("compare needs two revisions or more", hint="weft compare main HEAD")
    indexes = {commit: tree_entries(repo, commit) for _, commit in named}
    with BlobReader(repo) as reader, Parts(repo) as parts:
        versions = Versions(repo, reader)
        marks = Marks(versions, parts)
        facts = {commit: facts_of(CommitSource(index, versions, marks)) for commit, index in indexes.items()}
    rows = side_by_side([facts[commit] for _, commit in named])
    shown = [row for row in rows if everything or is_different(row) or any(row.stale) or any(row.accepted)]
    left_out = [LeftOut(name, *one) for name, commit in named for one in sorted(facts[commit].left_out.items())]
    return CompareResult(
        tuple(name for name, _ in named),
        tuple(commit for _, commit in named),
        tuple(shown),
        len(rows) - len(shown),
        tuple(left_out),
        cut,
        tuple(facts[commit].stale for _, commit in named),
        tuple(facts[commit].wrong for _, commit in named),
    )


def _commits(repo: GitRepo, revisions: Sequence[str]) -> tuple[list[tuple[str, str]], int]:
    """Names and commits of the columns, and how many commits of ranges were too many."""
    found: list[tuple[str, str]] = []
    cut = 0
    for text in revisions:
        if ".." not in text:
            found.append((text, trees.resolve(repo, text)))
            continue
        if "..." in text:
            raise UsageFault(f"{text}: a range has two points, A..B", hint="weft compare A..B")
        old, new = (trees.resolve(repo, part or "HEAD") for part in text.split("..", 1))
        commits = [commit for commit, _ in first_parents(repo, f"{old}..{new}")]
        cut += max(0, len(commits) - MOST)
        found += [(commit[:_SHORT], commit) for commit in commits[-MOST:]]
    return found, cut
