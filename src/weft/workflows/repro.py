"""``weft repro``: run what is stale, in order, independent stages side by side."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue

from weft.errors import LeftOut, UsageFault, WeftError
from weft.pipeline.execute import Outcome
from weft.pipeline.plan import FORCED, Reason, reasons
from weft.workflows.old_hooks import warn_of_old_hooks
from weft.workflows.project import Project
from weft.workflows.stage_before import declared_faults
from weft.workflows.stage_inputs import Looker
from weft.workflows.stage_results import (
    CURRENT,
    FAILED,
    FROZEN,
    SKIPPED,
    STALE,
    ReproResult,
    RunOptions,
    StageResult,
)
from weft.workflows.stage_run import Busy, Job, Runner
from weft.workflows.stage_settings import apply_settings
from weft.workflows.stage_unstaged import with_unstaged
from weft.workflows.stages import Pipeline, choose_stages, load_pipeline, read_record

_POLL_SECONDS = 0.2


def repro(project: Project, names: Sequence[str], options: RunOptions) -> ReproResult:
    """Bring the stages ``names`` (none: all) and those they read from up to date; with ``downstream`` those that depend on
    them instead, what they read being taken as it is.

    A stage that fails is told in the result, not raised, and so are those that are skipped for it; without
    ``keep_going`` no other is started after it. Without ``names``, stages that read what a sparse checkout leaves out are
    skipped. Raises ``NoSuchStage``, ``StageFault``, ``GraphFault`` and the refusals
    of ``weft.yaml`` before anything is run.
    """
    if options.dry_run and options.settings:
        raise UsageFault("-S writes a params file, and --dry-run changes nothing", hint="leave one of the two out")
    if options.downstream and not names:
        raise UsageFault("--downstream needs a stage to start from", hint="weft repro --downstream STAGE")
    warn_of_old_hooks(project)
    pipeline, chosen, order = _wanted(project, names, options)
    if options.dry_run:
        return ReproResult(tuple(plan_stages(project, pipeline, order, options, named=bool(names))), True)
    refuse_early(project, pipeline, order, options, named=bool(names))
    ours = apply_settings(project, options.settings, [pipeline.stages[name] for name in order])
    if options.settings:
        pipeline, chosen, order = _wanted(project, names, options)  # templates may name what was set
    runner = Runner(project, pipeline, options, chosen, ours=ours)
    drive = Drive(project, pipeline, options, runner, named=bool(names))
    return with_unstaged(project, pipeline, drive.run(order))


def _wanted(
    project: Project, names: Sequence[str], options: RunOptions
) -> tuple[Pipeline, tuple[str, ...], tuple[str, ...]]:
    """The stages as they are declared, those that ``names`` mean, and all that are looked at, in order."""
    pipeline = load_pipeline(project)
    chosen = choose_stages(pipeline, names)
    order = pipeline.graph.onward(chosen) if options.downstream else pipeline.graph.order(chosen or None)
    return pipeline, chosen, order


def refuse_early(
    project: Project, pipeline: Pipeline, order: Sequence[str], options: RunOptions, *, named: bool = True
) -> None:
    """Raise what the declaration of a stage that would run shows already, before the first command starts."""
    faults = declared_faults(project, pipeline, order)
    if faults:  # seldom: only then is it worth while to look at all stages twice
        plan = plan_stages(project, pipeline, order, options, faults, named=named)
        wrong = next((one.stage for one in plan if one.action == FAILED and one.stage in faults), "")
        if wrong:
            raise faults[wrong]


def plan_stages(
    project: Project,
    pipeline: Pipeline,
    order: Sequence[str],
    options: RunOptions,
    faults: Mapping[str, WeftError] | None = None,
    *,
    named: bool = True,
) -> Iterable[StageResult]:
    """What ``repro`` would do, and why: nothing is run or written. A stage that could not run is told as failed.

    ``faults`` are those of ``declared_faults``, where they are known already. Where the stages were not ``named``, those
    that a sparse checkout leaves out are skipped, and so are those that read from them.
    """
    faults = declared_faults(project, pipeline, order) if faults is None else faults
    looker = Looker(project, pipeline)
    stale: set[str] = set()
    skipped: set[str] = set()
    for name in order:
        stage = pipeline.stages[name]
        if stage.frozen:
            yield StageResult(name, FROZEN)
            continue
        upstream = [above for above in pipeline.graph.upstream(name) if above in stale]
        record, problem = read_record(project, stage)
        try:
            now = looker.now(stage, record)
            looker.refuse_modified(stage, now.inputs)
        except WeftError as error:
            if not upstream:
                stale.add(name)
                yield failed(name, error)
                continue
            now = None  # what the stages above will write is not known yet
        why = reasons(stage, record, now, upstream=upstream, problem=problem)
        if options.force and not why:
            why = (Reason(FORCED, name),)
        if why:
            stale.add(name)
        beyond = next((above for above in pipeline.graph.upstream(name) if above in skipped), "") if why else ""
        fault = faults.get(name) if why else None
        if beyond or (isinstance(fault, LeftOut) and not named):
            skipped.add(name)
            yield skip(name, fault, beyond, why)
        elif fault:
            yield failed(name, fault, why)
        else:
            yield StageResult(name, STALE if why else CURRENT, why)


def skip(name: str, error: WeftError | None, above: str = "", why: tuple[Reason, ...] = ()) -> StageResult:
    """The result of a stage that a sparse checkout leaves out, as ``error`` says, or that reads from one, ``above``."""
    if error is None:
        return StageResult(name, SKIPPED, why, message=f"{above} was skipped")
    return StageResult(name, SKIPPED, why, message=error.message, hint=error.hint or "")


def failed(name: str, error: WeftError, why: tuple[Reason, ...] = ()) -> StageResult:
    """The result of a stage that ``error`` ended."""
    return StageResult(
        name,
        FAILED,
        why,
        code=error.code,
        message=error.message,
        hint=error.hint or f"mend it, then weft repro {name}",
        exit_code=int(error.exit_code),
    )


class Drive:
    """Starts stages whose upstream is done, up to ``jobs`` at a time, and takes in how they end. All but the commands
    themselves happens in one thread."""

    def __init__(
        self, project: Project, pipeline: Pipeline, options: RunOptions, runner: Runner, *, named: bool = True
    ) -> None:
        """Where the stages were not ``named``, those that a sparse checkout leaves out are skipped."""
        self._project = project
        self._named = named
        self._pipeline = pipeline
        self._options = options
        self._runner = runner
        self._ended: SimpleQueue[tuple[str, Outcome]] = SimpleQueue()
        self._jobs: dict[str, Job] = {}
        self._results: dict[str, StageResult] = {}
        self._told: set[tuple[str, str]] = set()
        self.errors: list[WeftError] = []

    def run(self, order: Sequence[str]) -> tuple[StageResult, ...]:
        """Run the stages of ``order``, a topological one, and return what became of each."""
        pending = list(order)
        try:
            while pending or self._jobs:
                waiting = self._start(pending)
                self._take(block=not waiting)
                if waiting and not self._jobs:
                    time.sleep(_POLL_SECONDS)
        except BaseException as error:
            told = self._runner.interrupt()
            if isinstance(error, KeyboardInterrupt) and told:
                raise KeyboardInterrupt("; ".join(told)) from None  # what is left half-written is said in one line
            for text in told:
                self._project.progress.warn(text)
            raise
        return tuple(self._results[name] for name in order)

    def _start(self, pending: list[str]) -> bool:
        """Start what can be; True when a stage waits for another process."""
        waiting = False
        for name in list(pending):
            above = [self._results.get(up) for up in self._pipeline.graph.upstream(name) if up in self._all(pending)]
            if any(result is None for result in above):
                continue
            blocked = next((result for result in above if result and result.action in (FAILED, SKIPPED)), None)
            if blocked or (self.errors and not self._options.keep_going):
                how = "failed" if blocked and blocked.action == FAILED else "was skipped"
                reason = f"{blocked.stage} {how}" if blocked else "another stage failed"
                self._results[name] = StageResult(name, SKIPPED, message=reason)
            elif len(self._jobs) >= max(1, self._options.jobs):
                continue
            elif self._begin(name):
                waiting = True
                continue
            pending.remove(name)
        return waiting

    def _all(self, pending: Sequence[str]) -> set[str]:
        """The stages this drive is about; others are as they are."""
        return {*pending, *self._jobs, *self._results}

    def _begin(self, name: str) -> bool:
        """Begin one stage; True when another process holds it."""

        def done(outcome: Outcome) -> None:
            self._ended.put((name, outcome))

        try:
            begun = self._runner.begin(name, done)
        except WeftError as error:
            if isinstance(error, LeftOut) and not self._named:
                self._results[name] = skip(name, error)
                return False
            self._fail(name, error)
            return False
        if isinstance(begun, Busy):
            if (name, begun.holder) not in self._told:
                self._told.add((name, begun.holder))
                self._options.listener.waiting(name, begun.holder)
            return True
        if isinstance(begun, Job):
            self._jobs[name] = begun
        else:
            self._results[name] = begun
        return False

    def _take(self, *, block: bool) -> None:
        """Take in one command that ended; wait for it when there is nothing else to do."""
        if not self._jobs:
            return
        try:
            name, outcome = self._ended.get(timeout=None if block else _POLL_SECONDS)
        except Empty:
            return
        job = self._jobs.pop(name)
        try:
            self._results[name] = self._runner.finish(job, outcome)
        except WeftError as error:
            self._fail(name, error, job.why)

    def _fail(self, name: str, error: WeftError, why: tuple[Reason, ...] = ()) -> None:
        self.errors.append(error)
        self._results[name] = failed(name, error, why)
