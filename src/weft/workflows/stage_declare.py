"""``weft stage``: declare stages, list them, freeze and remove them; nothing is run."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weft.errors import NoSuchStage, StageFault
from weft.formats import stagefile
from weft.gitio.staging import stage as stage_in_git
from weft.gitio.staging import unstage_remove
from weft.model.lineage import record_path
from weft.model.stage import full_name, stage_file_of
from weft.pipeline.plan import NEVER_RUN, Reason
from weft.util.dirfd import remove_below, write_below
from weft.util.later import later
from weft.workflows.lineage_scene import open_scene
from weft.workflows.lineage_stale import Staleness
from weft.workflows.project import Project, alone
from weft.workflows.stages import (
    Pipeline,
    choose_stages,
    load_pipeline,
    refuse_unresolved,
    stage_file,
    stage_lock,
    values_reader,
)
from weft.workflows.targets import workspace_pointers

if TYPE_CHECKING:
    from weft.workflows import remove, run
else:
    remove = later("weft.workflows.remove")
    run = later("weft.workflows.run")

FRESH, STALE, NEVER, FROZEN = "fresh", "stale", "never run", "frozen"


@dataclass(frozen=True, slots=True)
class ListedStage:
    """One stage: ``state`` is fresh, stale, never run or frozen, ``reasons`` say why it is stale. ``accepted`` tells that
    its record was written by hand."""

    name: str
    cmd: str | tuple[str, ...]
    outs: tuple[str, ...]
    state: str
    reasons: tuple[Reason, ...] = ()
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class StageList:
    """The stages of the work tree, in the order of weft.yaml."""

    stages: tuple[ListedStage, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageEdit:
    """What was done with ``stages``: ``action`` is added, changed, removed, frozen or unfrozen. ``untracked`` are outs whose
    pointers went, ``staged`` tells whether Git's index has all of it."""

    action: str
    stages: tuple[str, ...]
    untracked: tuple[str, ...] = ()
    staged: bool = False


def list_stages(start: str, names: Sequence[str] = ()) -> StageList:
    """The declared stages (``names``: these) with their state, from Git alone: no data is needed. Raises as ``open_scene``,
    and ``NoSuchStage``."""
    with open_scene(start, "") as scene:
        stages = scene.graph.stages
        wanted = {found for name in names for found in scene.find(name)} if names else set(stages)
        stale = Staleness(scene).of(scene.graph.order(sorted(wanted)) if wanted else ())
        listed = []
        for name, stage in stages.items():
            if name not in wanted:
                continue
            record, why = scene.record(name)[0], stale[name]
            never = any(reason.kind == NEVER_RUN for reason in why)
            state = FROZEN if stage.frozen else NEVER if never else STALE if why else FRESH
            by_hand = record is not None and record.accepted is not None
            outs = tuple(out.path for out in stage.outs)
            listed.append(ListedStage(name, stage.cmd, outs, state, () if never else why, by_hand))
        return StageList(tuple(listed), tuple(scene.notes))


def add_stage(project: Project, declaration: run.Declaration, *, force: bool = False) -> StageEdit:
    """Declare a stage in weft.yaml as ``weft run`` does, and run nothing; ``force`` changes one that is there.

    Raises ``StageFault`` for a name that is taken, and the refusals of the stage file and of the graph.
    """
    stage = run.make_stage(project, declaration)
    with alone(project, "weft stage add"):
        data = stage_file(project, stage.folder)
        taken = data is not None and stage.own_name in (stagefile.tree(data).get("stages") or {})
        if taken and not force:
            raise StageFault(
                f"{stage.file} declares a stage {stage.own_name} already",
                hint="--force changes it to what is said here; or choose another name",
                path=stage.file,
            )
        after = stagefile.upsert(data, stage, read=values_reader(project))
        refuse_unresolved(load_pipeline(project, after, stage.file).stages[stage.name])
        _write(project, {stage.folder: after})
    return StageEdit("changed" if taken else "added", (stage.name,), staged=project.config.stages)


def freeze_stages(project: Project, names: Sequence[str], *, frozen: bool) -> StageEdit:
    """Set or take away ``frozen`` of declared stages; of a group as a whole. Raises ``NoSuchStage``, ``SchemaError``."""
    with alone(project, "weft stage freeze"):
        pipeline = load_pipeline(project)
        after: dict[str, bytes] = {}
        told: list[str] = []
        for name in names:
            folder, own, data = _own_entry(project, pipeline, name)
            told.append(full_name(folder, own))
            data = after.get(folder, data)
            after[folder] = stagefile.set_frozen(data, own, frozen, read=values_reader(project), folder=folder)
        _write(project, after)
    return StageEdit("frozen" if frozen else "unfrozen", tuple(told), staged=project.config.stages)


def remove_stage(project: Project, name: str, *, keep_outs: bool = False) -> StageEdit:
    """Take a stage out of weft.yaml, with its records and the pointers of its outs; with ``keep_outs`` the pointers stay:
    the data is a source from then on. Bytes stay in the store, and data stays in the workspace.

    Raises ``NoSuchStage``; ``StageFault`` where another stage reads an out whose pointer would go; ``LockTimeout`` while it
    runs.
    """
    pipeline = load_pipeline(project)
    members = choose_stages(pipeline, [name])
    with contextlib.ExitStack() as held:
        for member in members:
            held.enter_context(stage_lock(project, member, f"removal of stage {member}"))
        held.enter_context(alone(project, "weft stage remove"))
        folder, own, data = _own_entry(project, pipeline, name)
        after = stagefile.without_stage(data, own, read=values_reader(project), folder=folder)
        pointers = workspace_pointers(project, outside=True)
        tracked = [out.path for member in members for out in pipeline.stages[member].outs if out.path in pointers]
        tracked = [] if keep_outs else tracked
        if tracked:
            _refuse_readers(pipeline, members)
        # The declaration goes last: whoever was stopped before can say the same again.
        remove.stop_tracking(project, tracked)
        records = [record_path(member) for member in members]
        if project.config.stages:
            unstage_remove(project.git, records)
        for record in records:
            remove_below(project.root, record)
        _write(project, {folder: after})
    return StageEdit("removed", members, tuple(tracked), project.config.stages)


def _own_entry(project: Project, pipeline: Pipeline, name: str) -> tuple[str, str, bytes]:
    """The folder project that declares ``name``, its name there, and the stage file. Raises ``NoSuchStage`` for one that has
    no entry of its own, and ``StageFault``."""
    folder, own = pipeline.place(name)
    for place in (folder, folder if "/" in name else ""):
        data = stage_file(project, place) or b""
        if own in (stagefile.tree(data, what=stage_file_of(place)).get("stages") or {}):
            return place, own, data
    choose_stages(pipeline, [name])
    raise NoSuchStage(
        f"{stage_file_of(folder)} has no entry {name!a} of its own",
        hint=f"name the group that it is a member of: {name.partition('@')[0]}" if "@" in name else "name one stage",
    )


def _refuse_readers(pipeline: Pipeline, members: Sequence[str]) -> None:
    for member in members:
        for reader in pipeline.graph.downstream(member):
            if reader not in members:
                raise StageFault(
                    f"the stage {reader} reads what {member} writes",
                    hint=f"--keep-outs leaves that tracked, as a source; or remove {reader} first",
                    path=pipeline.stages[reader].file,
                    line=pipeline.stages[reader].line,
                )


def _write(project: Project, files: Mapping[str, bytes]) -> None:
    """Write the stage files of folder projects."""
    for folder, data in files.items():
        if data != stage_file(project, folder):
            write_below(project.root, stage_file_of(folder), data)
    if project.config.stages:
        stage_in_git(project.git, [stage_file_of(folder) for folder in files])
