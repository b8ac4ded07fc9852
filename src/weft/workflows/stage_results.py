"""What ``run`` and ``repro`` return, their options, and how they tell what happens while it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from weft.pipeline.plan import Reason

__all__ = ["Reason"]  # besides what is defined here: the command line shows it

RAN, REUSED, RESTORED, REFRESHED = "ran", "reused", "restored", "refreshed"
CURRENT, FROZEN, STALE, FAILED, SKIPPED = "up-to-date", "frozen", "stale", "failed", "skipped"
ACCEPTED = "accepted"


class Listener(Protocol):
    """Hears of long work as it happens."""

    def starting(self, stage: str, cmd: str, reasons: tuple[Reason, ...]) -> None:
        """The command of a stage is about to start: what it prints comes after this."""

    def waiting(self, stage: str, message: str) -> None:
        """A stage waits for another process."""

    def said(self, stage: str, message: str) -> None:
        """Something worth knowing that is no warning."""


class Deaf:
    """A listener that nobody reads."""

    def starting(self, stage: str, cmd: str, reasons: tuple[Reason, ...]) -> None:
        """Nothing to tell."""

    def waiting(self, stage: str, message: str) -> None:
        """Nothing to tell."""

    def said(self, stage: str, message: str) -> None:
        """Nothing to tell."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How stages are run.

    ``force`` runs what is up to date and takes no outs of earlier runs; ``no_reuse`` takes none either, ``reuse_accepted``
    also those that were accepted by hand; ``pull`` fetches data that is not here; ``runs`` asks the Git remote for runs that
    others share; ``downstream`` runs the named stages and what depends on them, and nothing above them; ``quiet`` sends the
    standard output of commands to standard error. ``environment`` is what the variables that a stage names are looked up in.
    ``settings`` are ``[FILE:]KEY=VALUE`` to be written into params files first.
    """

    force: bool = False
    no_reuse: bool = False
    reuse_accepted: bool = False
    pull: bool = False
    runs: bool = False
    quiet: bool = False
    jobs: int = 1
    keep_going: bool = False
    downstream: bool = False
    dry_run: bool = False
    settings: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    listener: Listener = field(default_factory=Deaf)


@dataclass(frozen=True, slots=True)
class Written:
    """One out of a run: who keeps it (weft or git), its oid or blob id, its size in bytes and number of files."""

    path: str
    kept_by: str
    oid: str
    size: int = 0
    files: int = 1


@dataclass(frozen=True, slots=True)
class StageResult:
    """What became of one stage.

    ``action`` is ran, reused (outs of the earlier run ``reused`` were taken, which ``reused_author`` made and
    ``reused_commit`` brought in), restored (outs were put back), refreshed (only the record was brought up to date),
    accepted (a record was written without a run), up-to-date, frozen, stale (dry run), failed or skipped. ``code``,
    ``message`` and ``hint`` are those of the error, ``exit_code`` the one it asks for; ``duration`` is in seconds.
    ``uncommitted`` says that more was not committed when it ran than what weft itself had staged.
    """

    stage: str
    action: str
    reasons: tuple[Reason, ...] = ()
    outs: tuple[Written, ...] = ()
    record: str = ""
    run: str = ""
    reused: str = ""
    reused_author: str = ""
    reused_commit: str = ""
    snapshot: str = ""
    duration: float = 0.0
    code: str = ""
    message: str = ""
    hint: str = ""
    exit_code: int = 0
    uncommitted: bool = False


@dataclass(frozen=True, slots=True)
class ReproResult:
    """Outcome of ``run`` and ``repro``: every stage that was looked at, in order. ``unstaged`` are files that these read and
    that are not staged as they are: a commit without them makes the stages stale;
    ``left`` are records of stages that nothing declares."""

    stages: tuple[StageResult, ...]
    dry_run: bool = False
    staged: bool = False
    unstaged: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """That of the first stage that failed, else 0."""
        return next((stage.exit_code for stage in self.stages if stage.exit_code), 0)
