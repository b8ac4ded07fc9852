"""The records of ``weft status``, apart from the others: making a class takes time, and status is asked often."""

from __future__ import annotations

from typing import NamedTuple

from weft.errors import ExitCode


class Change(NamedTuple):
    """One file that differs. ``kind`` is added, modified, deleted, renamed, typechange or mode; sizes are bytes.

    ``behind`` tells that the pointer changed and not the file, which a checkout brings up to date; ``both`` that each
    changed in its own way, so that its user has to choose.
    """

    kind: str
    path: str
    old_size: int = 0
    new_size: int = 0
    old_path: str = ""
    behind: bool = False
    both: bool = False


class Edited(NamedTuple):
    """A file that was changed in place through a link, and with it the store's ``copy`` and the ``others`` linked to it."""

    path: str
    copy: str
    others: tuple[str, ...] = ()


class Broken(NamedTuple):
    """A pointer that cannot be read, by the tracked ``path`` that it stands for: it was left alone, and so was its data."""

    path: str
    code: str
    message: str
    hint: str
    exit_code: int


class PathStatus(NamedTuple):
    """State of one tracked path.

    ``state`` is clean, modified, not-here (never materialized), partial (some of it), missing (gone, and nothing records
    that it was here), behind (its pointer changed since the data was put here, and no edit is known),
    conflict (Git could not merge its pointer), or error; in the last two ``type`` may be "".
    ``absent`` counts files that were never materialized here. ``remote`` is "" (not asked), pushed, not-pushed, incomplete.
    ``stored`` says how much of what is absent or to check out is in the local store: all, some, none, or "" where nothing
    is. ``files`` and ``size`` (bytes) are those of the pointer. ``edited`` are those of the changed files that were changed
    through a link, and so for others too. ``exit_code`` and ``hint`` are those of the error.
    """

    path: str
    type: str
    state: str
    changes: tuple[Change, ...] = ()
    absent: int = 0
    remote: str = ""
    stored: str = ""
    message: str = ""
    edited: tuple[Edited, ...] = ()
    exit_code: int = 0
    hint: str = ""
    files: int = 0
    size: int = 0


class StaleStage(NamedTuple):
    """A stage whose results were made with other inputs than are here now: ``causes`` names these, in few words each, and
    ``above`` the stale stages that it reads from. One that is ``frozen`` is left so on purpose."""

    stage: str
    causes: tuple[str, ...]
    frozen: bool = False
    above: tuple[str, ...] = ()


class FalseResult(NamedTuple):
    """A result of a stage that is not what its run wrote, or for which no run stands: ``path`` is its, or that of the
    record, and ``reason`` says what is not right there."""

    stage: str
    path: str
    reason: str


class Marked(NamedTuple):
    """What is not as it should be of the stages of a commit or of the work tree: the ``stale`` ones, None where that cannot
    be told, and what is ``wrong`` with results. ``unread`` is the file, with its line, for which it cannot be told;
    ``left`` are records of stages that nothing declares."""

    stale: tuple[StaleStage, ...] | None = ()
    wrong: tuple[FalseResult, ...] = ()
    unread: str = ""
    left: tuple[str, ...] = ()


class StatusResult(NamedTuple):
    """Outcome of ``status``. ``stale`` are the stages of the work tree that are stale, None where that cannot be told;
    ``wrong`` are results in it that are not what a run wrote, ``unread`` is the file for which the stages are not known;
    ``left`` are records of stages that nothing declares."""

    paths: tuple[PathStatus, ...]
    remote: str = ""
    uncommitted: tuple[str, ...] = ()
    following: str = ""
    stale: tuple[StaleStage, ...] | None = ()
    wrong: tuple[FalseResult, ...] = ()
    unread: str = ""
    left: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, or what the errors of the paths stand for: damage before all else, then that of the first."""
        found = [path.exit_code for path in self.paths if path.exit_code]
        return ExitCode.INTEGRITY if ExitCode.INTEGRITY in found else next(iter(found), 0)

    @property
    def clean(self) -> bool:
        """True when nothing differs from the pointers (data that is not here does not count)."""
        return all(p.state in ("clean", "not-here", "partial") and not p.changes for p in self.paths)
