"""``weft stage accept``: record outs that no run of weft made, and who vouches for them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace

from weft.errors import StageFault, UsageFault, quoted
from weft.formats import stagefile
from weft.gitio.snapshots import author
from weft.model.lineage import DataRef
from weft.model.stage import Stage
from weft.pipeline.before_run import refuse_before
from weft.pipeline.record import Product, accepted_facts, make_record, run_id
from weft.workflows.add import publish
from weft.workflows.project import Project
from weft.workflows.stage_data import ABSENT, CLEAN, MODIFIED
from weft.workflows.stage_hidden import hidden_inputs
from weft.workflows.stage_inputs import Looker, pointer_ref
from weft.workflows.stage_outs import check_outs, read_metrics, take_outs
from weft.workflows.stage_record import Recorder, stage_result
from weft.workflows.stage_results import ACCEPTED, ReproResult, RunOptions, StageResult
from weft.workflows.stage_unstaged import with_unstaged
from weft.workflows.stages import (
    Pipeline,
    choose_stages,
    load_pipeline,
    refuse_unresolved,
    stage_file,
    stage_lock,
)
from weft.workflows.status import compare_target
from weft.workflows.targets import Target


def accept_stages(project: Project, names: Sequence[str], reason: str, options: RunOptions) -> ReproResult:
    """Write the records of declared stages from their inputs and outs as they are here, without a run: ``reason`` says why
    that is right. Outs whose data is not here count as their pointers have them.

    Raises ``NoSuchStage``, ``StageFault``, ``MissingDependency``, ``StaleWorkspace``, ``LockTimeout``, and as storing does.
    """
    if not reason.strip():
        raise UsageFault("no reason is given", hint='weft stage accept STAGE -m "why these outs are right"')
    pipeline = load_pipeline(project)
    chosen = set(choose_stages(pipeline, names))
    recorder = Recorder(project, options, pipeline.stages.values())
    order = [name for name in pipeline.graph.order() if name in chosen]
    results = [_accept(project, pipeline, recorder, pipeline.stages[name], reason.strip()) for name in order]
    return with_unstaged(project, pipeline, results)


def _accept(project: Project, pipeline: Pipeline, recorder: Recorder, stage: Stage, reason: str) -> StageResult:
    refuse_unresolved(stage)
    with contextlib.ExitStack() as held:
        held.enter_context(stage_lock(project, stage.name, f"acceptance of stage {stage.name}"))
        looker = Looker(project, pipeline)
        inputs = looker.inputs(stage)
        looker.refuse_modified(stage, inputs)
        check_outs(project, looker, stage)
        refuse_before(stage, inputs.params, stagefile.decode_ignores(stage_file(project) or b""))
        kept, new = _outs(project, looker, stage)
        name = run_id()
        hidden = hidden_inputs(project, looker, stage, inputs)
        recorder.origins.wrote(out.path for out in stage.outs if not out.cache)
        origin = replace(recorder.origins.of_run(name), hidden=hidden)
        facts = accepted_facts(name, reason, author(project.git))
        with recorder.tree(stage):
            drafts = take_outs(project, looker, new)
            refs = (*kept, *(pointer_ref(draft.path, draft.pointer) for draft in drafts))
            product = Product(refs, looker.git_outs(stage), read_metrics(project, stage))
            record = make_record(stage, recorder.spec(stage), inputs, origin, product, facts, {})
            written = [path for draft in drafts for path in publish(project, draft, staging=False)]
            recorder.write(stage, record, [*written, *product.files])
    return stage_result(stage, ACCEPTED, record, origin)


def _outs(project: Project, looker: Looker, stage: Stage) -> tuple[list[DataRef], list[str]]:
    """What pointers already say of the outs, and the outs that are to be stored. Raises ``StageFault`` for one that is
    neither here nor tracked, and for one that is here in part and changed: what it is as a whole is not known."""
    kept: list[DataRef] = []
    new: list[str] = []
    for out in stage.outs:
        pointer = looker.tree.pointers.get(out.path)
        here = os.path.lexists(os.path.join(project.root, out.path))
        if not out.cache or pointer is None:
            if not here:
                raise StageFault(
                    f"{out.path}, an out of stage {stage.name}, is not there",
                    hint=f"put it there, or weft repro {stage.name} to make it",
                    path=out.path,
                )
            new += [out.path] if out.cache else []
            continue
        state = looker.tree.state(out.path)[0]
        if state in (CLEAN, ABSENT):
            kept.append(pointer_ref(out.path, pointer))
        elif state == MODIFIED and not compare_target(project, Target(out.path, pointer)).absent:
            new.append(out.path)
        else:
            raise StageFault(
                f"{out.path}, an out of stage {stage.name}, is not here as a whole",
                hint=f"weft checkout {quoted(out.path)}, or weft add {quoted(out.path)} for what is here",
                path=out.path,
            )
    return kept, new
