"""Values that describe remotes and the parameters of a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class RemoteSpec:
    """A remote as the configuration names it. ``store`` pins the remote's store id once it is known; ``private`` says that
    the user of this clone named its url: in the private configuration, or on the command line. ``options`` are the pairs of
    ``weft.util.urls.OPTIONS`` that the private configuration sets."""

    name: str
    url: str
    endpoint: str = ""
    region: str = ""
    store: str = ""
    private: bool = False
    options: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> str:
        """The url, and the endpoint where there is one, as users see them."""
        return f"{self.url} at {self.endpoint}" if self.endpoint else self.url


def _none() -> Sequence[str]:
    return ()


def _refuse(lines: Sequence[str]) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Trust:
    """What the user of a process says about the places that a repository names.

    ``patterns`` returns the places that the user accepts in every clone; it is called when they are needed first. ``ask``
    shows lines to the user and returns whether the place is accepted: never, where nobody can answer.

    ``foreign`` is for a repository that is not the user's: nothing that it says was accepted, and no credentials are sent
    but to places of ``patterns``. ``everything`` accepts whatever place a commit may name, for this command alone.
    """

    patterns: Callable[[], Sequence[str]] = _none
    ask: Callable[[Sequence[str]], bool] = _refuse
    foreign: bool = False
    everything: bool = False


NOTHING = Trust()
"""Accepts nothing, and asks nobody."""


class ChunkerParams(NamedTuple):
    """FastCDC parameters in bytes (Xia et al. 2020, normalized chunking level 1)."""

    name: str = "fastcdc"
    version: int = 2020
    normalization: int = 1
    minimum: int = 64 * 1024
    average: int = 256 * 1024
    maximum: int = 1024 * 1024


DEFAULT_CHUNKER = ChunkerParams()


@dataclass(frozen=True, slots=True)
class StoreFormat:
    """The content of a remote's ``weft.json``. A reader that lacks a named feature of its role refuses."""

    store: str
    chunker: ChunkerParams = DEFAULT_CHUNKER
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    gc: tuple[str, ...] = ()
