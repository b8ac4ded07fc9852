"""What ``drop`` and ``du`` return."""

from __future__ import annotations

from dataclasses import dataclass

from weft.workflows.gc_results import Dropped
from weft.workflows.results_status import Broken


@dataclass(frozen=True, slots=True)
class Freed:
    """A path whose files went from the workspace: their number and bytes, and the remote that is proved to hold them.

    ``linked`` are those of the bytes that are links into the local store, where they stay.
    """

    path: str
    files: int
    size: int
    linked: int = 0
    remote: str = ""


@dataclass(frozen=True, slots=True)
class DropResult:
    """Outcome of ``drop``.

    ``packs`` and ``copies`` (whole files for links) went from the local store; ``left`` is the bytes of packs that stay
    there because other data is in them too. ``usual`` is the default remote.
    """

    paths: tuple[Freed, ...]
    packs: tuple[Dropped, ...] = ()
    copies: tuple[Dropped, ...] = ()
    left: int = 0
    dry_run: bool = False
    usual: str = ""

    @property
    def freed(self) -> int:
        """Bytes that the disk has again, as far as they are in no other file."""
        here = sum(one.size - one.linked for one in self.paths)
        return here + sum(one.size for one in (*self.packs, *self.copies))


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tracked path takes, in bytes.

    ``files`` and ``size`` are what is on disk now, ``linked`` those of the bytes that are links into the local store.
    ``stored`` is what its objects take in the local store, after deduplication and compression; without ``known`` its
    listing is not here, and nothing can be said of that. ``remote`` holds all of it as far as this clone knows, and
    ``drop`` is what ``weft drop`` would free then.
    """

    path: str
    files: int
    size: int
    linked: int = 0
    stored: int = 0
    known: bool = True
    remote: str = ""
    drop: int = 0


@dataclass(frozen=True, slots=True)
class DuResult:
    """Outcome of ``du``.

    ``stored`` counts what several paths share once; ``store`` is the size of all local packs, with other versions and what
    nothing needs any more. ``broken`` are pointers that cannot be read and are not counted.
    """

    paths: tuple[Usage, ...]
    stored: int
    store: int
    broken: tuple[Broken, ...] = ()

    @property
    def size(self) -> int:
        """Bytes in the workspace."""
        return sum(one.size for one in self.paths)

    @property
    def drop(self) -> int:
        """Bytes that ``weft drop`` would free."""
        return sum(one.drop for one in self.paths)
