"""Writing down what became of a stage: record, declaration, and the one `git add` of everything that belongs to it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence

from weft.errors import LockTimeout
from weft.formats import lineage, stagefile
from weft.gitio.blobs import blob_id, object_format
from weft.gitio.staging import stage as stage_in_git
from weft.model.lineage import Record, record_path
from weft.model.stage import Stage
from weft.pipeline.record import Origin
from weft.pipeline.surroundings import Surroundings, packages_path
from weft.util.dirfd import write_below
from weft.workflows.project import Project, alone
from weft.workflows.stage_origin import Origins
from weft.workflows.stage_results import RunOptions, StageResult, Written
from weft.workflows.stages import stage_file, values_reader

_NO_END = float("inf")
_HOLDS = " holds the lock"


class Recorder:
    """Writes records on behalf of one invocation. The stage ``declared`` is written into ``weft.yaml`` with its record, as
    the user gave it, and params files that are ``ours`` are staged with the records of the stages that read them."""

    def __init__(
        self,
        project: Project,
        options: RunOptions,
        stages: Iterable[Stage],
        declared: Stage | None = None,
        ours: Sequence[str] = (),
    ) -> None:
        self._project = project
        self._options = options
        self._declared = declared
        self._ours = ours
        self._algorithm = object_format(project.git)
        self.origins = Origins(project, stages)

    def declares(self, stage: Stage) -> bool:
        """Whether ``stage`` is written into weft.yaml with its record."""
        return self._declared is not None and stage.name == self._declared.name

    def tree(self, stage: Stage) -> contextlib.ExitStack:
        """The lock of the work tree, however long another process keeps it; says for whom it waits."""
        purpose = f"weft, recording stage {stage.name}"
        held = contextlib.ExitStack()
        try:
            held.enter_context(alone(self._project, purpose, timeout=0.0))
        except LockTimeout as error:
            self._options.listener.waiting(stage.name, holder(error))
            held.enter_context(alone(self._project, purpose, timeout=_NO_END))
        return held

    def spec(self, stage: Stage) -> str:
        """The Git blob id of the declaration."""
        return blob_id(stagefile.stage_text(stage), self._algorithm)

    def packages(self, known: Surroundings) -> tuple[dict[str, object], dict[str, bytes]]:
        """What a record says of the surroundings, and the list of packages that it names, by path."""
        if not known.packages:
            return known.env, {}
        path = packages_path(known.packages)
        named = {"packages_file": path, "packages_blob": blob_id(known.packages, self._algorithm)}
        return {**known.env, **named}, {path: known.packages}

    def write(self, stage: Stage, record: Record, written: Sequence[str]) -> None:
        """Write the record and, if it is to be, the declaration; `git add` them with what was ``written`` in one go.

        The tree must be locked.
        """
        name = record_path(stage.name)
        write_below(self._project.root, name, lineage.encode(record))
        names = [*written, name, *(wanted.file for wanted in stage.params if wanted.file in self._ours)]
        if self._declared is not None and self.declares(stage):
            before, file = stage_file(self._project, self._declared.folder), self._declared.file
            after = stagefile.upsert(before, self._declared, read=values_reader(self._project))
            if after != before:
                write_below(self._project.root, file, after)
            names.append(file)
        if self._project.config.stages:
            stage_in_git(self._project.git, sorted(set(names)))
        self.origins.wrote(names)


def holder(error: LockTimeout) -> str:
    """Who holds the lock that an error is about."""
    return error.message.partition(_HOLDS)[0]


def stage_result(stage: Stage, action: str, record: Record, origin: Origin) -> StageResult:
    """What is told of a stage whose record was written, for a run from ``origin``."""
    outs = [Written(ref.path, "weft", str(ref.oid), ref.size, ref.files) for ref in record.outs]
    outs += [Written(path, "git", blob) for path, blob in record.files.items()]
    return StageResult(
        stage.name,
        action,
        outs=tuple(outs),
        record=record_path(stage.name),
        run=record.run.id if record.run else "",
        reused=record.reused_run,
        reused_author=record.reused.author if record.reused else "",
        reused_commit=record.reused.commit if record.reused else "",
        snapshot=record.snapshot,
        uncommitted=origin.dirty and not origin.own,
    )
