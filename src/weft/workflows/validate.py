"""``weft validate``: what is staged, one commit, or every commit of a range, proved from Git alone.

This is what the pre-commit hook runs, so nothing is imported here that phases A and B do not need; the look at the
workspace is in ``validate_workspace``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from weft.errors import UsageFault, WeftError
from weft.formats import stagefile
from weft.gitio import index as git_index
from weft.gitio import trees
from weft.gitio.batch import BlobReader
from weft.gitio.repo import GitRepo, discover
from weft.model.stage import STAGE_FILE
from weft.pipeline.validate.context import Context, read_ignores, text_refuses_stale
from weft.pipeline.validate.engine import check
from weft.pipeline.validate.faults import found
from weft.pipeline.validate.ignores import Before, count, frozen_of
from weft.pipeline.validate.parsed import ParsedCache
from weft.pipeline.validate.scope import Scope
from weft.pipeline.validate.snapshot import TEXT_LIMIT
from weft.pipeline.validate.violations import Violation
from weft.util.later import later
from weft.util.progress import Progress
from weft.workflows.parts import Parts
from weft.workflows.validate_cache import load_cache, save_cache
from weft.workflows.validate_results import Ignored, Staged, ValidateResult

if TYPE_CHECKING:
    from weft.workflows import validate_whole, validate_workspace
else:
    validate_whole = later("weft.workflows.validate_whole")
    validate_workspace = later("weft.workflows.validate_workspace")

__all__ = [
    "Staged",
    "ValidateResult",
    "hook_validate",
    "validate_commits",
    "validate_range",
    "validate_revision",
    "validate_staged",
]
WENT_AROUND = 27
_TREES = 64
"""So many trees are kept in memory, from which the next commits' trees are made without asking Git."""


def hook_validate(
    start: str, progress: Progress | None = None, *, cached: bool = True, strict: bool = False
) -> ValidateResult:
    """What the pre-commit hook proves: phases A and B over what is staged, then phase C, a bounded look at the workspace.
    What is staged is what ``GIT_INDEX_FILE`` says, which Git sets for the hooks of a partial commit.

    What phase C needs is imported only for a commit that touches tracked data or stages and passes so far. ``cached`` takes
    what earlier looks in this clone parsed; without it nothing is read from there, and nothing kept. Commits and ranges are
    judged for others, so they never use it. ``strict`` refuses what is stale. Raises ``NotARepository``, ``GitFailed``.
    """
    git = discover(start).judged()
    with BlobReader(git) as blobs, Parts(git) as parts:
        staged = _look_at_staged(git, blobs, parts, cached=cached, strict=strict)
        if not staged.result.passed or not (staged.scope.pointers or staged.scope.stages):
            return staged.result
        return validate_workspace.look(staged, progress, strict=strict)


def validate_staged(start: str, *, cached: bool = True) -> ValidateResult:
    """Phases A and B alone over what is staged. ``cached`` and what it raises are as for ``hook_validate``."""
    git = discover(start).judged()
    with BlobReader(git) as blobs, Parts(git) as parts:
        return _look_at_staged(git, blobs, parts, cached=cached, strict=False).result


def _look_at_staged(git: GitRepo, blobs: BlobReader, parts: Parts, *, cached: bool, strict: bool) -> Staged:
    index, changes = git_index.read_staged(git)
    cache = load_cache(git) if cached else ParsedCache()
    index = git_index.committed_alone(index, changes, blobs) if changes else index
    unstaged = partial(git_index.unstaged, git)
    context = Context(index, changes, blobs, cache=cache, unstaged=unstaged, find_part=parts.find)
    report = check(context)
    violations = report.violations
    if any(one.severity == "error" or strict for one in violations):
        violations = tuple(validate_whole.keep_runs(git, context, violations))
    counted, ignored = count(context, violations, strict=strict)
    if cached:
        save_cache(git, cache)
    result = _result("staged", counted, ignored, context.notes, report.scope)
    return Staged(git, result, report.scope, context, report.inside, report.measured)


def validate_revision(start: str, rev: str, *, strict: bool = False) -> ValidateResult:
    """Phases A and B over everything that the commit ``rev`` holds; ``strict`` refuses what is stale.

    Raises ``NoSuchRevision``, ``GitFailed``.
    """
    git = discover(start).judged()
    return _revision(git, trees.resolve(git, rev), strict=strict, name=rev)


def _revision(
    git: GitRepo, commit: str, before: Before | None = None, *, strict: bool, name: str = ""
) -> ValidateResult:
    changes = git_index.commit_changes(git, git_index.first_parents(git, commit, count=1))[commit]
    with BlobReader(git) as blobs, Parts(git) as parts:
        context = Context(git_index.tree_entries(git, commit), changes, blobs, whole=True, find_part=parts.find)
        result = _commit(git, context, commit, before, strict=strict, name=name)
    return replace(result, scope=commit)


def validate_range(start: str, spec: str, *, fresh: Literal["", "last", "each"] = "") -> ValidateResult:
    """Phases A and B over each commit of ``A..B``, and rule 27 for those that do not pass.

    ``fresh`` refuses what is stale in all that the last commit holds, or beside it in what ``each`` one touches.
    Raises ``UsageFault`` for what is no range, for one without a commit, and for one that a shallow clone has only a part
    of; ``NoSuchRevision``, ``GitFailed``.
    """
    git = discover(start).judged()
    dots = "..." if "..." in spec else ".."
    old, _, new = spec.partition(dots)
    if not old or not new:
        raise UsageFault(f"{spec!a} is no range of commits: name both ends", hint="weft validate --range main..HEAD")
    ends = trees.resolve(git, old), trees.resolve(git, new)
    commits = git_index.first_parents(git, dots.join(ends))
    if not commits:
        raise UsageFault(
            f"the range {spec!a} holds no commit, so nothing was checked",
            hint="name the older end first, or use: weft validate --rev HEAD",
        )
    cut = git_index.cut_off(git).intersection(commit for commit, _ in commits)
    if cut:
        raise UsageFault(
            f"this clone is shallow and has a part of the range {spec!a} only: it ends at {min(cut)[:12]}",
            hint="git fetch --unshallow",
        )
    ids = {commit for commit, _ in commits}
    outside = [commit for commit, parent in commits if parent and parent not in ids and parent != ends[0]]
    # A merge can take everything from a first parent that nobody judges here: it is compared with the others too.
    again = git_index.later_parents(git, outside) if outside else []
    result = replace(validate_commits(git, commits, base=ends[0], again=again, strict=fresh == "each"), scope=spec)
    return _fresh(git, result, ends) if fresh else result


def _fresh(git: GitRepo, result: ValidateResult, ends: tuple[str, str]) -> ValidateResult:
    """``result`` with errors for all that is stale in the last commit, whether or not it touches it. ``ends`` are those of
    the range."""
    base, last = ends
    with BlobReader(git) as blobs:
        before = _before(blobs, base)
    stale = [one for one in _revision(git, last, before, strict=True).violations if one.cause]
    return replace(
        result, violations=(*(one for one in result.violations if one.commit != last or not one.cause), *stale)
    )


def validate_commits(
    git: GitRepo,
    commits: Iterable[tuple[str, str]],
    *,
    base: str = "",
    again: Sequence[tuple[str, str]] = (),
    strict: bool = False,
) -> ValidateResult:
    """``validate_range`` for commits given by full id, each with its first parent (empty: none); those of ``again`` are
    compared with another parent as well.

    Ignores of rules that guard integrity, and where what is stale is refused, as with ``strict``, those of stale rules and
    ``frozen`` too, are those of the commit ``base``, or without one those of the first parents. Raises ``GitFailed``.
    """
    chosen = list(commits)
    changes = git_index.commit_changes(git, chosen) if chosen else {}
    cache = ParsedCache()
    results = []
    known: dict[str, git_index.Index] = {}
    with BlobReader(git) as blobs, Parts(git) as parts:
        old = _before(blobs, base) if base else None
        for commit, parent in chosen:
            before = known.get(parent)
            index = git_index.tree_entries(git, commit) if before is None else before.changed(changes[commit])
            context = Context(index, changes[commit], blobs, cache=cache, find_part=parts.find)
            results.append(_commit(git, context, commit, old, strict=strict))
            known[commit] = index
            if len(known) > _TREES:
                del known[next(iter(known))]
        for commit, parent in again:
            index, differences = git_index.tree_entries(git, commit), git_index.commit_changes(git, [(commit, parent)])
            context = Context(index, differences[commit], blobs, cache=cache, find_part=parts.find)
            results.append(_commit(git, context, commit, old, strict=strict))
    violations, roots = [], {commit for commit, parent in chosen if not parent}
    for result in results:
        violations += [*result.violations, *_around(result, strict=strict, first=result.scope in roots)]
    return ValidateResult(
        "commits",
        tuple(violations),
        tuple(one for result in results for one in result.ignored),
        tuple(dict.fromkeys(note for result in results for note in result.notes)),
        len(chosen),
        sum(result.stages for result in results),
        sum(result.pointers for result in results),
    )


def _before(blobs: BlobReader, commit: str) -> Before:
    def read(path: str) -> bytes | None:
        return next(iter(blobs.read(blobs.at(commit, [path]).values(), TEXT_LIMIT).values()), None)

    text = read(STAGE_FILE) or b""
    frozen: frozenset[str] = frozenset()
    if b"frozen" in text or b"projects" in text:
        with suppress(WeftError):
            frozen = frozen_of(stagefile.decode(text, read=read))
    return Before(read_ignores(text), frozen, text_refuses_stale(text))


def _commit(
    git: GitRepo,
    context: Context,
    commit: str,
    before: Before | None = None,
    *,
    strict: bool = False,
    name: str = "",
) -> ValidateResult:
    context.commit = name or commit[:12]
    report = check(context)
    violations, notes = list(report.violations), list(context.notes)
    if report.inside or report.measured or report.scope.pointers:
        proved, unproved = validate_workspace.prove_data(git, context, report)
        violations += proved
        notes += unproved
    counted, ignored = count(context, violations, before, strict=strict)
    result = _result(commit, counted, ignored, notes, report.scope)
    located = tuple(replace(one, commit=commit) for one in result.violations)
    return replace(result, violations=located, commits=1)


def _around(result: ValidateResult, *, strict: bool, first: bool) -> list[Violation]:
    """Rule 27: a commit that does not pass came in without the hook, which need not have been ``strict``."""
    if not any(one.severity == "error" and not (strict and one.cause and not one.gone) for one in result.violations):
        return []
    text = f"the commit {result.scope[:12]} does not pass: it was made without the hook, or with --no-verify"
    base = "--root" if first else f"{result.scope[:12]}~"
    mend = (
        "say edit for it in the list of the rebase below; mend what is listed for it; then git commit --amend, and"
        f" git rebase --continue: git rebase -i {base}"
    )
    return [replace(found(WENT_AROUND, "", text, mend=mend), commit=result.scope)]


def _result(
    scope: str, counted: Sequence[Violation], ignored: Sequence[Ignored], notes: Sequence[str], looked: Scope
) -> ValidateResult:
    stages, pointers = len(looked.stages) + len(looked.gone), len(looked.pointers)
    return ValidateResult(scope, tuple(counted), tuple(ignored), tuple(notes), 0, stages, pointers)
