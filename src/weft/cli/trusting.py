"""What the user of this process trusts: said in the environment, in the user's own configuration, or on the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from weft.cli.text import escape
from weft.util.later import later

if TYPE_CHECKING:
    from weft.cli.context import Session
    from weft.workflows import trust as gate
else:
    gate = later("weft.workflows.trust")

VARIABLE = "WEFT_TRUST"


def patterns(session: Session) -> Sequence[str]:
    """The places that this user accepts in every clone. Raises ``ConfigError`` and what reading the file raises."""
    found: Sequence[str] = gate.patterns_of(session.environment.get(VARIABLE, ""), user_config(session.environment))
    return found


def user_config(environment: Mapping[str, str]) -> str:
    """The path of the configuration for all clones of this user; empty where there is no home to look in."""
    base = environment.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(base):
        home = environment.get("HOME", "")
        if not os.path.isabs(home):
            return ""
        base = os.path.join(home, ".config")
    return os.path.join(base, "weft", "config.yaml")


def _answers(session: Session) -> bool:
    """Whether a person sits there. What Git starts never asks: Git may be waiting, or somebody else have the terminal."""
    person = session.interactive and not session.json
    return person and session.err.terminal and sys.stdin is not None and sys.stdin.isatty()


def ask(session: Session, lines: Sequence[str]) -> bool:
    """Whether the user accepts the place that ``lines`` describe; no, where nobody sits there."""
    if not _answers(session):
        return False
    session.progress.close()
    session.err.line("The repository names a place that this clone has not accepted:")
    for line in lines:
        session.err.line(f"  {escape(line)}")
    session.err.write("Accept it? [y/N] ")
    session.err.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
