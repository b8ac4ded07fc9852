"""Pages of run and repro, and the lines that tell what happens while commands run."""

from __future__ import annotations

from weft.cli.context import Page, Session, View
from weft.cli.render.stale import left_text
from weft.cli.text import escape
from weft.errors import quoted
from weft.util.humanize import count_text, size_text
from weft.workflows.stage_results import (
    ACCEPTED,
    CURRENT,
    FAILED,
    FROZEN,
    RAN,
    REFRESHED,
    RESTORED,
    REUSED,
    SKIPPED,
    STALE,
    Reason,
    ReproResult,
    StageResult,
    Written,
)

_WORDS = {
    RAN: "ran",
    REUSED: "reused",
    RESTORED: "restored",
    REFRESHED: "refreshed",
    ACCEPTED: "accepted by hand",
    CURRENT: "up to date",
    FROZEN: "frozen",
    STALE: "stale",
    FAILED: "failed",
    SKIPPED: "skipped",
}

_REASONS = {
    "never-run": "it never ran",
    "record-invalid": "its record cannot be used",
    "cmd-changed": "the command changed",
    "dep-changed": "the data it reads changed",
    "code-changed": "the code it reads changed",
    "param-changed": "a param changed",
    "env-changed": "its environment changed",
    "stage-changed": "it is declared otherwise",
    "out-changed": "an out changed",
    "out-missing": "an out is missing",
    "out-deleted": "an out was deleted",
    "upstream-stale": "it reads from a stage that is stale",
    "always": "it is declared to be always stale",
    "forced": "--force",
}


class Teller:
    """Tells on standard error what happens while commands run: they may print themselves, so lines are flushed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def starting(self, stage: str, cmd: str, reasons: tuple[Reason, ...]) -> None:
        """The command of a stage is about to start."""
        if not self._session.quiet:
            self._line(f"running {stage}: {cmd}")

    def waiting(self, stage: str, message: str) -> None:
        """A stage waits for another process."""
        if not self._session.quiet:
            self._line(f"{stage} waits for {message}")

    def said(self, stage: str, message: str) -> None:
        """Bytes were put away: told in any case."""
        self._line(f"{stage}: {message}")

    def _line(self, text: str) -> None:
        self._session.err.line(escape(text))
        self._session.err.flush()


def repro_page(result: ReproResult, view: View) -> Page:
    """One line a stage, with why it was stale and what it wrote; errors with their hints; what to do next."""
    lines: list[str] = []
    for stage in result.stages:
        lines += _stage(stage, view, reasons=result.dry_run or view.verbose)
    if not result.stages:
        lines.append("no stages are declared")
    return Page(
        data=tuple(lines) if result.dry_run else (),
        report=() if result.dry_run else tuple(lines),
        notes=tuple(_notes(result)),
        cautions=tuple(line for stage in result.stages for line in _failure(stage, view)),
    )


def _stage(stage: StageResult, view: View, *, reasons: bool) -> list[str]:
    paint = view.paint
    brush = {RAN: paint.good, FAILED: paint.bad, STALE: paint.care, SKIPPED: paint.care}.get(stage.action, paint.quiet)
    word = brush(_WORDS[stage.action])
    more = ""
    if stage.action == RAN:
        more = f" in {stage.duration:.1f} s"
    elif stage.action == REUSED:
        more = f" the outs of run {stage.reused}"
        more += f" by {escape(stage.reused_author)}" if stage.reused_author else ""
        more += f", from commit {stage.reused_commit[:12]}" if stage.reused_commit else ""
    elif stage.action == SKIPPED:
        more = f": {escape(stage.message)}"
    lines = [f"{escape(stage.stage)}: {word}{more}"]
    if reasons:
        lines += [f"  {reason_text(reason)}" for reason in stage.reasons]
    verb = "took" if stage.action == ACCEPTED else "wrote"
    lines += [f"  {verb} {_out(out)}" for out in stage.outs]
    return lines


def reason_text(reason: Reason) -> str:
    """One reason in words: ``the data it reads changed: data/raw (dir blake3:1f... -> dir blake3:88...)``."""
    words = _REASONS.get(reason.kind, reason.kind)
    bare = reason.kind in ("never-run", "always", "forced", "cmd-changed", "stage-changed", "record-invalid")
    subject = "" if bare else f": {escape(reason.subject)}"
    return f"{words}{subject}" + (f" ({escape(reason.detail)})" if reason.detail else "")


def _out(out: Written) -> str:
    if out.kept_by == "git":
        return f"{escape(out.path)}, kept by Git"
    files = f", {count_text(out.files, 'file')}" if out.files != 1 else ""
    return f"{escape(out.path)}: {size_text(out.size)}{files}"


def _failure(stage: StageResult, view: View) -> list[str]:
    if stage.action == SKIPPED and stage.hint:
        return [f"hint: {escape(stage.hint)}"]
    if stage.action != FAILED:
        return []
    tag = view.paint.quiet(f"[{stage.code}]")
    lines = [f"{view.paint.bad('error:')} {escape(stage.stage)}: {escape(stage.message)} {tag}"]
    return lines + ([f"hint: {escape(stage.hint)}"] if stage.hint else [])


def _notes(result: ReproResult) -> list[str]:
    actions = [stage.action for stage in result.stages]
    if result.dry_run:
        stale = actions.count(STALE) + actions.count(SKIPPED)
        return [f"{stale} of {count_text(len(actions), 'stage')} stale; nothing was run"]
    notes = [f"next: {left_text(result.left)}"] if result.left else []
    add = f"git add {' '.join(escape(quoted(path)) for path in result.unstaged)}" if result.unstaged else ""
    if actions and all(action == CURRENT for action in actions):
        notes.append("all stages are up to date" if len(actions) > 1 else "nothing to run")
    if any(action in (RAN, REUSED, REFRESHED, ACCEPTED) for action in actions):
        snapshot = next((stage.snapshot for stage in result.stages if stage.uncommitted), "")
        if snapshot:
            when = "" if all(action == ACCEPTED for action in actions) else " when it ran"
            notes.append(f"not all was committed{when}: a snapshot is at {escape(snapshot)}")
        commit = "git commit" if result.staged else "git add weft.yaml lineage and the pointers, git commit"
        notes.append(f"next: {add}, then {commit}" if add else f"next: {commit}")
    elif add:
        notes.append(f"next: {add}, which was read as it is here")
    return notes
