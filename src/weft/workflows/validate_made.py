"""What the pre-commit program asks about commits that are made already, as in continuous integration."""

from __future__ import annotations

from weft.gitio import index as git_index
from weft.gitio import trees
from weft.gitio.repo import discover
from weft.workflows.validate import ValidateResult, validate_range, validate_revision


def in_range(start: str, old: str, new: str) -> ValidateResult:
    """Judge each commit of ``old..new``; where there is none, all that the commit ``new`` holds.

    Raises as ``validate_range``.
    """
    git = discover(start).judged()
    ends = trees.resolve(git, old), trees.resolve(git, new)
    if git_index.first_parents(git, "..".join(ends)):
        return validate_range(start, "..".join(ends))
    return validate_revision(start, ends[1])


def unless_staged(start: str) -> ValidateResult | None:
    """Judge all that ``HEAD`` holds, unless something is staged, or nothing was ever committed: then None."""
    git = discover(start).judged()
    if git.run("rev-parse", "--verify", "-q", "HEAD").returncode != 0:
        return None
    staged = git.run("diff-index", "--cached", "--quiet", "--no-ext-diff", "HEAD").returncode != 0
    return None if staged else validate_revision(start, "HEAD")
