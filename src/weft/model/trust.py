"""What the user of a process says about the places that a repository names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


def _none() -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Trust:
    """``patterns`` returns the places that the user accepts in every clone; it is called when they are needed first.
    ``ask`` shows lines to the user and returns the answer to whether the place is accepted; None where nobody can answer.

    ``foreign`` is for a repository that is not the user's: nothing that it says was accepted, and no credentials are sent
    but to places of ``patterns``. ``everything`` accepts whatever place a commit may name, for this command alone.
    """

    patterns: Callable[[], Sequence[str]] = _none
    ask: Callable[[Sequence[str]], bool] | None = None
    foreign: bool = False
    everything: bool = False


NOTHING = Trust()
"""Accepts nothing, and asks nobody."""
