"""What a rule finds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warn"]


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is not as it should be: ``rule`` is WEFT and three digits, ``line`` is 1-based (0: the whole file),
    ``mend`` names the command or the change that puts it right. An error blocks the commit, a warning does not.
    ``commit`` is the id of the one it was found in, empty for what is staged."""

    rule: str
    severity: Severity
    path: str
    line: int
    message: str
    mend: str
    commit: str = ""


def rule_id(number: int) -> str:
    """``WEFT013`` for 13."""
    return f"WEFT{number:03d}"


_PLAIN = re.compile(r"[A-Za-z0-9_./@%+=:,-]+", re.ASCII)


def quoted(path: str) -> str:
    """``path`` as a shell takes it for one word, so that a command can be copied."""
    return path if _PLAIN.fullmatch(path) and not path.startswith("-") else "'" + path.replace("'", "'\\''") + "'"
