"""One stage from its declaration to its record.

The order makes it safe to kill: outs that are in the way are proved to be kept and moved aside; the command runs; the
inputs are looked at again; the outs are stored; only then the pointers, the record and the stage file are written.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from weft.errors import InputChanged, LockTimeout, MissingDependency, StageFailed, StageFault, WeftError, quoted
from weft.formats import stagefile
from weft.gitio.trees import left_out_files
from weft.model.lineage import Record
from weft.model.stage import Ignore, Stage
from weft.pipeline.before_run import refuse_before
from weft.pipeline.execute import Child, Outcome, describe, stop
from weft.pipeline.fingerprint import Inputs
from weft.pipeline.plan import FORCED, Reason
from weft.pipeline.record import Origin, Product, make_record, run_facts, run_id, with_changes
from weft.pipeline.surroundings import Surroundings, surroundings
from weft.workflows.add import publish
from weft.workflows.files import tidy
from weft.workflows.own_runs import note_own
from weft.workflows.project import Project
from weft.workflows.sparse import refuse_left_out
from weft.workflows.stage_before import warn_of_unkept
from weft.workflows.stage_data import TO_BRING
from weft.workflows.stage_hidden import hidden_inputs, warn_of_unsure
from weft.workflows.stage_inputs import Looker, changed_inputs, pointer_ref
from weft.workflows.stage_outs import (
    Aside,
    check_outs,
    left_behind,
    move_aside,
    read_metrics,
    recover,
    refuse_missing,
    take_outs,
)
from weft.workflows.stage_record import Recorder, holder, stage_result
from weft.workflows.stage_results import FROZEN, RAN, RunOptions, StageResult
from weft.workflows.stage_reuse import write_git_files
from weft.workflows.stage_settle import Seen, Settler
from weft.workflows.stage_watch import Watch, mark
from weft.workflows.stages import Pipeline, refuse_unresolved, stage_file, stage_lock
from weft.workflows.targets import pick


@dataclass(slots=True)
class Job:
    """A stage whose command runs. ``held`` keeps its locks; ``busy`` are stages that ran at the same time."""

    stage: Stage
    why: tuple[Reason, ...]
    inputs: Inputs
    run: str
    origin: Origin
    aside: Aside
    since: int
    held: contextlib.ExitStack
    child: Child
    env: Surroundings
    busy: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Busy:
    """A stage that another process holds; ``holder`` says which."""

    holder: str


class Runner:
    """Runs the stages of one invocation, one call a step; it belongs to one thread.

    ``explicit`` are stages that the user named, which are run even when frozen; ``declared`` a stage that is written into
    ``weft.yaml`` once it has run; ``ours`` are params files that weft wrote for this run, staged with the records.
    """

    def __init__(
        self,
        project: Project,
        pipeline: Pipeline,
        options: RunOptions,
        explicit: Iterable[str] = (),
        declared: Stage | None = None,
        ours: Sequence[str] = (),
    ) -> None:
        self._project = project
        self._pipeline = pipeline
        self._options = options
        self._explicit = frozenset(explicit)
        self._recorder = Recorder(project, options, pipeline.stages.values(), declared, ours)
        self._settler = Settler(project, pipeline, options, self._recorder)
        self._running: dict[str, Job] = {}

    # --- before the command ---

    @cached_property
    def _left_out(self) -> list[str]:
        return left_out_files(self._project.git)

    @cached_property
    def _ignores(self) -> tuple[Ignore, ...]:
        return tuple(stagefile.decode_ignores(stage_file(self._project) or b""))

    def begin(self, name: str, done: Callable[[Outcome], None]) -> StageResult | Job | Busy:
        """Bring a stage as far as can be without waiting: up to date, its outs reused, or its command running.

        ``done`` is called by another thread when that has ended; then call ``finish``. Raises what makes it fail.
        """
        stage = self._pipeline.stages[name]
        if stage.frozen and name not in self._explicit:
            return StageResult(name, FROZEN)
        # Without a lock: nobody has to wait for a reader of a stage that is up to date.
        if (current := self._settler.current(stage, self._settler.look(stage))) is not None:
            return current
        held = contextlib.ExitStack()
        try:
            self._lock(stage, held)
        except LockTimeout as error:
            held.close()
            return Busy(holder(error))
        try:
            result = self._begin_alone(stage, held, done)
        except BaseException:
            held.close()
            raise
        if isinstance(result, StageResult):
            held.close()
        return result

    def _lock(self, stage: Stage, held: contextlib.ExitStack) -> None:
        """The stage for us alone, and those it reads from for readers. The graph has no cycle, so no two wait for each
        other: who holds a stage waits only for those above it."""
        purpose = f"run of stage {stage.name}"
        held.enter_context(stage_lock(self._project, stage.name, purpose))
        for above in self._pipeline.graph.upstream(stage.name):
            held.enter_context(stage_lock(self._project, above, purpose, shared=True))

    def _begin_alone(
        self, stage: Stage, held: contextlib.ExitStack, done: Callable[[Outcome], None]
    ) -> StageResult | Job:
        recover(self._project, stage)
        seen = self._settler.look(stage)
        settled = self._settler.current(stage, seen) or self._settler.without_running(stage, seen)
        return settled or self._start(stage, seen, held, done)

    def _start(self, stage: Stage, seen: Seen, held: contextlib.ExitStack, done: Callable[[Outcome], None]) -> Job:
        # Said of all stages before the first command; but those above may have written params or what was left out since.
        root = self._project.root
        refuse_left_out(
            self._project, stage, [name for name in self._left_out if not os.path.lexists(os.path.join(root, name))]
        )
        refuse_unresolved(stage)
        directory = _directory(self._project, stage)
        check_outs(self._project, seen.looker, stage)
        # What these refuse is better known now than after hours.
        env = surroundings(stage, self._options.environment, self._project.root)
        refuse_before(stage, seen.inputs.params, self._ignores)
        self._bring(stage, seen)
        name = run_id()
        warn_of_unkept(self._project, self._pipeline, stage)
        warn_of_unsure(self._project, stage, seen.inputs)
        origin = self._recorder.origins.of_run(name)
        origin = replace(origin, hidden=hidden_inputs(self._project, seen.looker, stage, seen.inputs))
        why = seen.why or (Reason(FORCED, stage.name),)
        aside = move_aside(self._project, seen.looker, stage, origin.left_out, self._options.listener)
        child = Child(stage.cmd, directory, done, quiet=self._options.quiet)
        job = Job(
            stage, why, seen.inputs, name, origin, aside, mark(self._project), held, child, env, set(self._running)
        )
        for other in self._running.values():
            other.busy.add(stage.name)
        self._running[stage.name] = job  # before it starts: from here on an interrupt stops it
        words = stage.cmd if isinstance(stage.cmd, str) else " ".join(stage.cmd)
        self._options.listener.starting(stage.name, words, why)
        try:
            child.start()
        except WeftError:
            del self._running[stage.name]
            aside.put_back()
            raise
        self._recorder.origins.wrote(out.path for out in stage.outs if not out.cache)
        return job

    def _bring(self, stage: Stage, seen: Seen) -> None:
        """Put data that the command needs, and that is not here, into the workspace, if the store has it."""
        looker = seen.looker
        absent = [*seen.absent]
        absent += [out.path for out in stage.outs if out.persist and looker.tree.state(out.path)[0] in TO_BRING]
        self._settler.bring(stage, [target for path in absent for target in pick(looker.tree.pointers, path)])
        if absent:
            looker.tree.forget()
        still = [path for path in absent if looker.tree.state(path)[0] in TO_BRING]
        if still:
            raise MissingDependency(
                f"the data of {', '.join(still)}, which stage {stage.name} needs, is not here",
                hint=f"weft pull {' '.join(map(quoted, still))}, or run this again with --pull",
                path=still[0],
            )

    # --- after the command ---

    def finish(self, job: Job, outcome: Outcome) -> StageResult:
        """Record what the command of ``job`` wrote. Raises ``StageFailed``, ``InputChanged``, and what storing raises;
        the outs stay as they are then, and nothing is recorded of them but for changed inputs."""
        self._running.pop(job.stage.name, None)
        try:
            changed = self._check(job, outcome)
            record = self._register(job, outcome, changed)
        except BaseException as error:
            job.aside.put_back()
            if isinstance(error, WeftError):
                error.message = f"{error.message}; {left_behind(self._project, job.stage)}"
            raise
        finally:
            job.held.close()
        job.aside.drop()
        if changed:
            raise InputChanged(
                f"{', '.join(changed)} changed while stage {job.stage.name} ran; the record says so, and no commit may"
                " hold it",
                hint=f"weft repro {job.stage.name}, and leave its inputs alone meanwhile",
                path=changed[0],
            )
        made = stage_result(job.stage, RAN, record, job.origin)
        return replace(made, reasons=job.why, duration=outcome.duration)

    def _check(self, job: Job, outcome: Outcome) -> tuple[str, ...]:
        """Refuse a run whose outs may not be recorded; return the inputs that changed."""
        stage = job.stage
        if outcome.exit != 0:
            raise _failure(self._project, stage, outcome)
        if outcome.lingering:
            self._project.progress.warn(f"processes that stage {stage.name} started are still running")
        refuse_missing(self._project, stage)
        looker = Looker(self._project, self._pipeline)
        Watch(self._project, self._pipeline, stage, job.since, job.busy).check(looker)
        return changed_inputs(looker, stage, job.inputs)

    def _register(self, job: Job, outcome: Outcome, changed: Sequence[str]) -> Record:
        stage = job.stage
        with self._recorder.tree(stage):
            looker = Looker(self._project, self._pipeline)
            drafts = take_outs(self._project, looker, [out.path for out in stage.outs if out.cache])
            product = Product(
                tuple(pointer_ref(draft.path, draft.pointer) for draft in drafts),
                looker.git_outs(stage),
                read_metrics(self._project, stage),
            )
            facts = run_facts(job.run, outcome)
            env, lists = self._recorder.packages(job.env)
            record = make_record(stage, self._recorder.spec(stage), job.inputs, job.origin, product, facts, env)
            record = with_changes(record, changed) if changed else record
            written = write_git_files(self._project, lists)
            written += [name for draft in drafts for name in publish(self._project, draft, staging=False)]
            note_own(self._project.git, record)
            self._recorder.write(stage, record, [*written, *product.files])
        tidy(os.path.join(self._project.root, draft.path) for draft in drafts)
        return record

    def interrupt(self) -> list[str]:
        """Stop the commands that run and give up their jobs; what each has left, in words."""
        stop([job.child for job in self._running.values()])
        said = []
        for name, job in self._running.items():
            job.aside.put_back()
            said.append(f"stage {name} was interrupted; {left_behind(self._project, job.stage)}")
            job.held.close()
        self._running.clear()
        return said


def _directory(project: Project, stage: Stage) -> str:
    root = os.path.realpath(project.root)
    path = os.path.realpath(os.path.join(root, stage.wdir))
    if (path != root and not path.startswith(root + os.sep)) or not os.path.isdir(path):
        raise StageFault(
            f"stage {stage.name} starts in {stage.wdir!a}, which is no directory of this repository",
            hint=f"mkdir {quoted(stage.wdir)}, or mend `wdir` in {stage.file}",
            path=stage.file,
            line=stage.line,
        )
    return path


def _failure(project: Project, stage: Stage, outcome: Outcome) -> StageFailed:
    hint = "mend it, then run the same command again"
    if any(_is_full(os.path.join(project.root, out.path)) for out in stage.outs):
        hint = "the disk is full: free some space, then run it again"
    return StageFailed(f"the command of stage {stage.name} {describe(outcome)}", hint=hint)


def _is_full(path: str) -> bool:
    """Whether no room is left on the file system of ``path``, or of the nearest directory above it."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    try:
        facts = os.statvfs(path)
    except OSError:
        return False
    return facts.f_bavail * facts.f_frsize < 64 * 1024 or (facts.f_files > 0 and facts.f_favail == 0)
