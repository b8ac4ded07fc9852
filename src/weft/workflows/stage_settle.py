"""Settling a stage without running its command: it is up to date, its outs are put back, or an earlier run serves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from weft.model.lineage import Record, record_path
from weft.model.stage import Stage
from weft.pipeline.fingerprint import Inputs, key_of_stage
from weft.pipeline.plan import OUT_DELETED, Reason, reasons
from weft.pipeline.record import refreshed_record, reused_record, run_id, source_of
from weft.workflows.checkout import checkout_targets
from weft.workflows.fetch import fetch_metadata, fetch_selection
from weft.workflows.options import CheckoutOptions, TransferOptions
from weft.workflows.project import Project
from weft.workflows.selection import Selection
from weft.workflows.shared_runs import fetch_runs
from weft.workflows.stage_inputs import Looker
from weft.workflows.stage_outs import check_outs
from weft.workflows.stage_record import Recorder, stage_result
from weft.workflows.stage_results import CURRENT, REFRESHED, RESTORED, REUSED, RunOptions, StageResult
from weft.workflows.stage_reuse import Found, find_earlier, git_files, put_in_place, write_git_files
from weft.workflows.stages import Pipeline, read_record
from weft.workflows.targets import Target, pick


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found of a stage: who looked, its record, its inputs, why it is stale, and data that is not here."""

    looker: Looker
    record: Record | None
    inputs: Inputs
    why: tuple[Reason, ...]
    absent: tuple[str, ...]


class Settler:
    """Looks at stages, and settles those that need no command."""

    def __init__(self, project: Project, pipeline: Pipeline, options: RunOptions, recorder: Recorder) -> None:
        self._project = project
        self._pipeline = pipeline
        self._options = options
        self._recorder = recorder
        self._asked = False

    def look(self, stage: Stage) -> Seen:
        """Look at ``stage`` as it is now. Raises ``MissingDependency``, ``StaleWorkspace``, ``ValuesFault``."""
        looker = Looker(self._project, self._pipeline)
        if self._options.pull and self._project.config.remotes and (unlisted := looker.tree.unlisted(stage.deps)):
            fetch_metadata(self._project, unlisted)
            looker.tree.forget()
        record, problem = read_record(self._project, stage)
        now = looker.now(stage, record)
        absent = looker.refuse_modified(stage, now.inputs)
        return Seen(looker, record, now.inputs, reasons(stage, record, now, problem=problem), tuple(absent))

    def current(self, stage: Stage, seen: Seen) -> StageResult | None:
        """The result of a stage that is up to date, else None. A declaration that changed in what no run depends on is
        brought into the record."""
        if seen.why or seen.record is None or self._options.force:
            return None
        fresh = refreshed_record(stage, self._recorder.spec(stage), seen.record, seen.inputs)
        changed = fresh != seen.record
        if changed or self._recorder.declares(stage):
            with self._recorder.tree(stage):
                self._recorder.write(stage, fresh, [])
        return StageResult(stage.name, REFRESHED if changed else CURRENT, record=record_path(stage.name))

    def without_running(self, stage: Stage, seen: Seen) -> StageResult | None:
        """The result of putting recorded outs back, or of taking those of an earlier run; None when neither can be."""
        if self._options.force:
            return None
        gone = all(reason.kind == OUT_DELETED for reason in seen.why)
        if seen.record is not None and gone and self._restore(stage, seen, seen.record):
            return StageResult(stage.name, RESTORED, seen.why, record=record_path(stage.name))
        if stage.always or self._options.no_reuse:
            return None
        if self._options.runs and not self._asked:
            self._asked = True
            fetch_runs(self._project)
        key = key_of_stage(stage, seen.inputs)
        found = find_earlier(self._project, stage, key, self._options)
        return self._reuse(stage, seen, found) if found else None

    def bring(self, stage: Stage, targets: list[Target]) -> bool:
        """Put data that is not here into the workspace; False when the store, and with ``pull`` the remote, lacks some."""
        if not targets:
            return True
        with self._recorder.tree(stage):
            if self._options.pull and self._project.config.remotes:
                parts = {target.path: target.subpaths for target in targets}
                wanted = Selection({target.path: target.pointer for target in targets}, parts)
                fetch_selection(self._project, wanted, TransferOptions())
            return not checkout_targets(self._project, targets, CheckoutOptions()).absent

    def _restore(self, stage: Stage, seen: Seen, record: Record) -> bool:
        gone = {reason.subject for reason in seen.why}
        files = git_files(self._project, record)
        if files is None or not self.bring(
            stage, [found for path in gone for found in pick(seen.looker.tree.pointers, path)]
        ):
            return False
        write_git_files(self._project, {path: data for path, data in files.items() if path in gone})
        return True

    def _reuse(self, stage: Stage, seen: Seen, found: Found) -> StageResult:
        name = run_id()
        check_outs(self._project, seen.looker, stage)
        origin = self._recorder.origins.of_run(name)
        source = source_of(found.record, found.commit)
        record = reused_record(stage, self._recorder.spec(stage), found.record, source, seen.inputs, origin, name)
        with self._recorder.tree(stage):
            written = put_in_place(self._project, stage, found, self._options.listener)
            self._recorder.write(stage, record, written)
        return replace(stage_result(stage, REUSED, record, origin), reasons=seen.why)
