"""What stages read of that which Git keeps, and a commit made now would not hold as they read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from weft.errors import WeftError
from weft.formats import stagefile
from weft.gitio.batch import BlobReader
from weft.gitio.worktree import not_staged
from weft.model.lineage import Record
from weft.model.pointer import SUFFIX
from weft.model.stage import STAGE_FILE, Stage
from weft.workflows.project import Project
from weft.workflows.stage_results import FAILED, FROZEN, SKIPPED, ReproResult, StageResult
from weft.workflows.stages import VALUES_LIMIT, Pipeline, left_records, read_kept, read_record


def with_unstaged(project: Project, pipeline: Pipeline, results: Sequence[StageResult]) -> ReproResult:
    """The outcome of a run, with the inputs of its stages that have to be added to the commit. Raises ``GitFailed``."""
    done = [pipeline.stages[one.stage] for one in results if one.action not in (FAILED, FROZEN, SKIPPED)]
    late = unstaged_inputs(project, done) if done else ()
    return ReproResult(tuple(results), False, project.config.stages, late, left_records(project.git, pipeline.stages))


def unstaged_inputs(project: Project, stages: Sequence[Stage]) -> tuple[str, ...]:
    """The files that the last runs of ``stages`` read, and the declarations of these, that Git's index has otherwise or not
    at all; sorted. One process of Git, and one more where a declaration may be meant."""
    records = [record for stage in stages if (record := read_record(project, stage)[0]) is not None]
    declaring: list[str] = [STAGE_FILE]

    def read(path: str) -> bytes | None:
        declaring.append(path)
        return read_kept(project.git, path, VALUES_LIMIT)

    with suppress(WeftError):
        stagefile.decode(read_kept(project.git, STAGE_FILE, VALUES_LIMIT) or b"", read=read)
    wanted = {path for record in records for path in _read_by(record)}
    late = set(not_staged(project.git, sorted({*wanted, *declaring})))
    if late.intersection(declaring) and not _is_declared(project, stages):
        return tuple(sorted(late))
    return tuple(sorted(late & wanted))


def _read_by(record: Record) -> Iterable[str]:
    yield from record.code
    yield from record.params_files
    yield from ((ref.inside or ref.path) + SUFFIX for ref in record.deps)
    if "lockfile" in record.env:
        yield str(record.env["lockfile"])


def _is_declared(project: Project, stages: Sequence[Stage]) -> bool:
    """Whether what is staged declares all of ``stages`` as they are."""
    with BlobReader(project.git) as blobs:

        def read(path: str) -> bytes | None:
            return next(iter(blobs.read(blobs.at("", [path]).values(), VALUES_LIMIT).values()), None)

        try:
            declared = stagefile.decode(read(STAGE_FILE) or b"", read=read)
        except WeftError:
            return False
    texts = {name: stagefile.stage_text(stage) for name, stage in declared.items()}
    return all(texts.get(stage.name) == stagefile.stage_text(stage) for stage in stages)
