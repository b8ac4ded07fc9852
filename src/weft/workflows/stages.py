"""Reading what ``weft.yaml`` declares and what the records say, for the verbs that run stages."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from weft.errors import StageFault, WeftError, quoted
from weft.formats import lineage, stagefile
from weft.gitio import trees
from weft.gitio.repo import GitRepo
from weft.model.lineage import RECORD_SCHEMA, RECORDS, Record, is_record, record_path, stage_of_record
from weft.model.stage import STAGE_FILE, Stage, stage_file_of
from weft.pipeline.fingerprint import declared_as_run, is_at_or_below
from weft.pipeline.graph import Graph
from weft.util.atomic import translate_os_error
from weft.util.dirfd import refuse_link
from weft.util.locks import FileLock
from weft.workflows.files import read_below, read_small
from weft.workflows.project import Project, state_dir, tree_id

STAGE_FILE_LIMIT = 4 << 20
RECORD_LIMIT = 4 << 20
VALUES_LIMIT = 16 << 20


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages by name, and how they hang together; the folder projects, and the one that the user stands in."""

    stages: dict[str, Stage]
    graph: Graph
    projects: tuple[str, ...] = ()
    here: str = ""

    def place(self, name: str) -> tuple[str, str]:
        """The folder project that ``name`` is to be declared in, and its name there. Raises ``StageFault``."""
        return place_of(name, self.projects, self.here)


def place_of(name: str, projects: Sequence[str], here: str) -> tuple[str, str]:
    """``Pipeline.place`` for ``projects``, standing in the one ``here``."""
    above, slash, own = name.rpartition("/")
    if not slash:
        return here if here in projects else "", own
    for folder in (posixpath.normpath(posixpath.join(here, above)), above):
        if folder == "." or folder in projects:
            return folder.removeprefix("."), own
    raise StageFault(
        f"there is no project {above[:120]!a}, in which a stage {own[:120]!a} could be declared",
        hint=f"name it {own} or {above[:100].replace('/', '-')}-{own}, or make {quoted(above)} one: weft init --subdir",
        path=STAGE_FILE,
    )


def project_here(git: GitRepo, start: str, projects: Sequence[str]) -> str:
    """Where names start in the directory ``start``: the one of ``projects`` that it is in, or itself where one of them is
    below it; else empty, for the top."""
    here = os.path.relpath(os.path.realpath(start), os.path.realpath(git.root)).replace(os.sep, "/")
    inside = next((folder for folder in projects if is_at_or_below(here, folder)), "")
    return inside or (here if any(is_at_or_below(folder, here) for folder in projects) else "")


def stage_file(project: Project, folder: str = "") -> bytes | None:
    """The bytes of ``weft.yaml``, that of the project ``folder``, None when there is none. Raises as ``read_small`` does."""
    return _own(project, stage_file_of(folder), STAGE_FILE_LIMIT)


def values_reader(project: Project) -> stagefile.ReadFile:
    """Gives the files of the work tree that ``weft.yaml`` may name: stage files of projects, and values of templates."""
    return lambda path: _own(project, path, VALUES_LIMIT)


def _own(project: Project, path: str, limit: int) -> bytes | None:
    """``read_below`` of the work tree, or the bytes of the index for what a sparse checkout leaves out."""
    data = read_below(project.root, path, limit)
    return trees.left_out_file(project.git, path, limit) if data is None else data


def read_kept(git: GitRepo, path: str, limit: int) -> bytes | None:
    """``read_small`` of the file ``path`` of the work tree, or its bytes in the index where a sparse checkout leaves it
    out; None when neither has it."""
    data = read_small(os.path.join(git.root, path), limit)
    return trees.left_out_file(git, path, limit) if data is None else data


def left_records(git: GitRepo, stages: Collection[str]) -> tuple[str, ...]:
    """The records in the work tree of stages that are not among those declared, ``stages``; sorted paths."""
    return tuple(path for path in records_here(git.root) if stage_of_record(path) not in stages)


def load_pipeline(project: Project, data: bytes | None = None, file: str = STAGE_FILE) -> Pipeline:
    """The stages of ``weft.yaml`` and of the folder projects, with ``data`` in place of what stands in ``file``.

    Raises ``StageFault`` when there is none, and the refusals of the stage file and of the graph.
    """
    there = values_reader(project)
    read: stagefile.ReadFile = lambda path: data if path == file and data is not None else there(path)  # noqa: E731
    text = stage_file(project) if data is None or file != STAGE_FILE else data
    if text is None:
        raise StageFault(
            f"this repository declares no stages: it has no {STAGE_FILE}",
            hint="weft run -n NAME -d DEP -o OUT -- COMMAND, which runs a command and declares it",
            path=STAGE_FILE,
        )
    stages = stagefile.decode(text, read=read)
    projects = stagefile.projects(text)
    return Pipeline(stages, Graph.build(stages), projects, project_here(project.git, project.cwd, projects))


def choose_stages(pipeline: Pipeline, names: Sequence[str]) -> tuple[str, ...]:
    """The stages that ``names`` mean, in the order they were given; ``NAME`` of a ``foreach`` means all of its stages, and
    so does a pattern. Names are those of the folder project that the user stands in, else from the top.

    Raises ``NoSuchStage``.
    """
    return tuple(dict.fromkeys(stage for name in names for stage in pipeline.graph.find(name, pipeline.here)))


def refuse_unresolved(stage: Stage) -> None:
    """Raise ``StageFault`` for a command with a template that names nothing: the shell would put nothing in its place."""
    if stage.unresolved:
        raise StageFault(
            f"{stage.unresolved} in the command of stage {stage.name} names no value of params.yaml or vars",
            hint=f"check its spelling; a variable of the shell is written ${stage.unresolved[2:-1]}, or ${stage.unresolved}",
            path=stage.file,
            line=stage.line,
        )


def read_record(project: Project, stage: Stage) -> tuple[Record | None, str]:
    """The record of a stage in the work tree, and what is wrong with it; None where there is none that can be used.

    One of an older schema serves as long as it is the one that was committed, and need not be written anew: only a run can
    tell all that a record tells now. One that a sparse checkout leaves out of the work tree is read from the index.
    """
    path = record_path(stage.name)
    try:
        data = _own(project, path, RECORD_LIMIT)
        if data is None:
            return None, ""
    except WeftError as error:
        return None, error.message
    record, problem = usable_record(data, stage.name)
    if record is not None and record.schema < RECORD_SCHEMA:
        committed = trees.file_at(project.git, "HEAD", path, RECORD_LIMIT) if trees.head(project.git) else None
        if committed != data or not declared_as_run(record, stage):
            return None, "it was written by an older weft, which did not record all that a run reads"
    return record, problem


def records_here(root: str) -> list[str]:
    """The paths of all records in the work tree ``root``, through no link. Raises the translated errors."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise translate_os_error(error, "list", error.filename) from error

    found: list[str] = []
    for folder, _, files in os.walk(os.path.join(root, RECORDS), onerror=refuse):
        near = os.path.relpath(folder, root).replace(os.sep, "/")
        found += [path for name in files if is_record(path := f"{near}/{name}")]
    return found


def usable_record(data: bytes, name: str) -> tuple[Record | None, str]:
    """The record of the stage ``name`` that ``data`` spells, and what is wrong with it; None when it cannot be used."""
    try:
        record = lineage.decode(data, what=record_path(name))
    except WeftError as error:
        return None, error.message
    if record.stage != name:
        return None, f"it is the record of {record.stage!a}"
    if record.digest != lineage.digest(record):
        return None, "its digest does not fit: it was changed by hand or by a merge"
    return record, ""


def _lock_path(git: GitRepo, name: str) -> str:
    # The name of a stage is fit to be that of a file: its record has it too. The folder of a project may be a long one.
    above, _, own = name.rpartition("/")
    name = f"{hashlib.sha256(above.encode()).hexdigest()[:16]}%{own}" if above else name
    folder = os.path.join(state_dir(git), "stages")
    if os.path.islink(folder):
        raise refuse_link(folder)
    return os.path.join(folder, f"{tree_id(git):x}-{name}.lock")


def stage_lock(project: Project, name: str, purpose: str, *, shared: bool = False) -> FileLock:
    """The lock of one stage in this work tree, tried once: exclusive for who runs it, shared for who reads its outs."""
    return FileLock(_lock_path(project.git, name), purpose=purpose, timeout=0.0, shared=shared)


def aside_dir(project: Project, name: str) -> str:
    """Where the outs of a stage wait while its command runs; whoever holds its lock owns it."""
    return _lock_path(project.git, name).removesuffix(".lock") + ".aside"
