"""``weft push --runs``: share the runs of this clone, with whoever fetches them from the Git remote.

The data of their outs goes to the weft remote first, then their records to the Git remote: a run that can be seen is whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from weft.errors import EnvironmentFault, RefusedInput, WeftError
from weft.formats import lineage, pointer, stagefile
from weft.gitio.shared import SHARED, Content, git_remote, is_current, publish, refs_below, shared_on, write_runs
from weft.model.lineage import Record, record_path
from weft.model.pointer import Pointer
from weft.model.stage import Ignore, Stage
from weft.pipeline.before_run import SECRET_RULE
from weft.pipeline.fingerprint import covers, key_of_record
from weft.pipeline.reuse import records_of
from weft.pipeline.validate.ignores import matches
from weft.workflows.options import TransferOptions
from weft.workflows.own_runs import own_runs
from weft.workflows.project import Project
from weft.workflows.push import push
from weft.workflows.results import PushResult, SharedRuns
from weft.workflows.results_status import Broken
from weft.workflows.snapshot_choice import holds_secret
from weft.workflows.stage_reuse import git_files, is_here, pointers_beside, same_data
from weft.workflows.stages import load_pipeline, read_record, stage_file
from weft.workflows.targets import broken_by, pointer_path, read_pointer

_HINDRANCE = (EnvironmentFault, RefusedInput)
"""What keeps runs from being shared and is no matter of the data: a Git remote without an answer, a bad ``weft.yaml``."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """What is to be shared through the Git remote ``remote``: the content of each run that it lacks (by ``KEY/RUN``), the
    pointers of their outs by a label, and the runs of this clone there that expired."""

    remote: str
    runs: dict[str, Content] = field(default_factory=dict)
    pointers: dict[str, Pointer] = field(default_factory=dict)
    expired: tuple[str, ...] = ()


def push_with_runs(project: Project, paths: Sequence[str], options: TransferOptions) -> PushResult:
    """``push``, and, with ``runs`` or the private setting ``reuse.share``, the runs of this clone too; its expired ones
    are taken away. Raises as ``push`` does: where runs cannot be shared the data goes all the same, and ``unshared`` tells
    why."""
    plain = not (paths or options.revs or options.all_commits)
    if not (options.runs or (plain and project.config.reuse_share)):
        return push(project, paths, options)
    try:
        sharing = runs_to_share(project)
    except _HINDRANCE as error:
        return replace(push(project, paths, options), unshared=_unshared(error))
    result = push(project, paths, options, sharing.pointers)
    try:
        if not options.dry_run:
            write_runs(project.git, sharing.runs)
            publish(project.git, sharing.remote, sharing.runs, sharing.expired)
    except _HINDRANCE as error:
        return replace(result, unshared=_unshared(error))
    done = SharedRuns(sharing.remote, tuple(name[41:] for name in sharing.runs), len(sharing.expired))
    return replace(result, shared=done)


def _unshared(error: WeftError) -> Broken:
    error.message = f"the runs of this clone were not shared: {error.message}"
    error.hint = error.hint or "weft push --runs, once that works"
    return broken_by(error.path, error)


def runs_to_share(project: Project) -> Sharing:
    """Runs of this clone, of stages that are declared, that ended well, are not expired, and whose outs are all here. One
    in which something looks like a secret is left out with a warning. Raises ``GitFailed``, and for a bad ``weft.yaml``."""
    git, text = project.git, stage_file(project)
    remote = git_remote(git)
    there = shared_on(git, remote)
    # Those of others are theirs to take away: the clock here may be wrong.
    found = Sharing(remote, expired=tuple(sorted(refs_below(git, SHARED).keys() & there.expired)))
    own = own_runs(git)
    if text is None or not own:
        return found
    ignores = stagefile.decode_ignores(text)
    for stage in load_pipeline(project, text).stages.values():
        for record, pointers in _made_here(project, stage, own):
            name = f"{key_of_record(record)}/{record.run.id}" if record.run else ""
            if name in there.runs or name in found.runs or not is_current(name) or not is_here(project, pointers):
                continue
            content = _content(project, record, pointers, ignores)
            if content is not None:
                found.runs[name] = content
                found.pointers.update((f"{path} of run {name[41:]}", one) for path, one in pointers.items())
    return found


def _made_here(project: Project, stage: Stage, own: frozenset[str]) -> Iterator[tuple[Record, Mapping[str, Pointer]]]:
    """The records of runs of ``stage`` in the work tree and in commits, with the pointers beside them."""

    def fits(record: Record) -> bool:
        told = str(record.digest) in own and covers(stage, record)
        return told and not (stage.always or record.reused or record.accepted or record.changed or record.hidden)

    record, _ = read_record(project, stage)
    if record is not None and fits(record):
        pointers = _in_tree(project, record)
        if pointers is not None:
            yield record, pointers
    for earlier in records_of(project.git, stage.name):
        if fits(earlier.record):
            pointers = pointers_beside(project, earlier.commit, earlier.record.outs)
            if pointers is not None:
                yield earlier.record, pointers


def _in_tree(project: Project, record: Record) -> dict[str, Pointer] | None:
    found: dict[str, Pointer] = {}
    for ref in record.outs:
        try:
            known = read_pointer(project, ref.path)
        except WeftError:
            return None
        if known is None or not same_data(ref, known):
            return None
        found[ref.path] = known
    return found


def _content(
    project: Project, record: Record, pointers: Mapping[str, Pointer], ignores: tuple[Ignore, ...]
) -> Content | None:
    kept = git_files(project, record)
    if kept is None:
        return None
    files = {record_path(record.stage): lineage.encode(record)}
    files.update((pointer_path(path), pointer.encode(one)) for path, one in pointers.items())
    through = [one.path for one in ignores if one.rule == SECRET_RULE]
    for path, data in {**kept, **files}.items():
        if not any(matches(one, path) for one in through) and holds_secret(path, data):
            run = record.run.id if record.run else ""
            project.progress.warn(
                f"the run {run} of stage {record.stage} is not shared: {path} looks like it holds a secret"
            )
            return None
    blobs = {path: record.files.get(path) or record.env["packages_blob"] for path in kept}
    return Content(files, blobs)
