"""What ``weft validate`` gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from weft.gitio.repo import GitRepo
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.data import Inside
from weft.pipeline.validate.ignores import Ignored
from weft.pipeline.validate.scope import Scope
from weft.pipeline.validate.violations import Violation

if TYPE_CHECKING:
    from weft.pipeline.validate.kept_figures import Measured

__all__ = ["Ignored", "Staged", "ValidateResult", "Violation"]


@dataclass(frozen=True, slots=True)
class ValidateResult:
    """What was found. ``scope`` says what was looked at: staged, a commit's id, or a range as it was given.

    ``commits`` counts the commits that were checked (0 for what is staged), ``stages`` and ``pointers`` what was looked at
    in them. ``ignored`` are violations with a written reason; ``notes`` say what could not be proved from here.
    """

    scope: str
    violations: tuple[Violation, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    notes: tuple[str, ...] = ()
    commits: int = 0
    stages: int = 0
    pointers: int = 0

    @property
    def errors(self) -> int:
        """Violations that block."""
        return sum(violation.severity == "error" for violation in self.violations)

    @property
    def stale(self) -> tuple[str, ...]:
        """The stages that pass although an input is another one than their run used."""
        return tuple(sorted({one.stage for one in self.violations if one.severity == "stale"}))

    @property
    def passed(self) -> bool:
        """True when nothing blocks."""
        return not self.errors


class Staged(NamedTuple):
    """A result for what is staged, with what a look at the workspace needs to go on: the repository, what was looked at,
    the staged pointers that changed or that a touched stage names, and what only manifests and metrics files can prove."""

    git: GitRepo
    result: ValidateResult
    scope: Scope
    context: Context
    inside: tuple[Inside, ...]
    measured: tuple[Measured, ...]
