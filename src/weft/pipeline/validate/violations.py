"""What a rule finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Severity = Literal["error", "warn", "stale"]


class Stale(NamedTuple):
    """An input of a ``stage``, the ``cause`` in few words, that is another one in this commit than its run used; or that is
    ``gone``, which is refused, for nobody can bring such a commit to run."""

    stage: str
    cause: str
    gone: bool = False


def param_cause(key: str, file: str) -> str:
    """What is said of a stage that ran with another value of ``key`` than ``file`` has."""
    return f"{key} of {file}"


def unsure_cause(whole: str, part: str) -> str:
    """What is said of a stage that reads a ``part`` of a directory, of which nobody here knows more than that it changed."""
    return f"{whole} (perhaps not {part} in it)"


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is not as it should be: ``rule`` is WEFT and three digits, ``line`` is 1-based (0: the whole file),
    ``mend`` names the command or the change that puts it right. An error blocks the commit; a warning does not, and neither
    does "stale": the record is true, but an input is another one by now. ``commit`` is the id of the one it was found in,
    empty for what is staged. ``stage`` and ``cause`` say what is stale, also where that was asked to be an error, or is one
    since the input is ``gone``. ``result`` is the path that a run wrote, or is said to have written, where that is what is
    false."""

    rule: str
    severity: Severity
    path: str
    line: int
    message: str
    mend: str
    commit: str = ""
    stage: str = ""
    cause: str = ""
    result: str = ""
    gone: bool = False


def stale_refused(found: Iterable[Violation]) -> list[Violation]:
    """``found``, with what is stale as errors."""
    return [replace(one, severity="error") if one.severity == "stale" else one for one in found]


def rule_id(number: int) -> str:
    """``WEFT013`` for 13."""
    return f"WEFT{number:03d}"
