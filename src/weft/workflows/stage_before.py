"""What can be known before a run, said before it: dependencies that nobody keeps, and what no commit would take."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from weft.errors import MissingDependency, StageFault, WeftError, quoted
from weft.formats import stagefile
from weft.gitio.trees import left_out_files
from weft.gitio.worktree import untracked_files
from weft.model.pointer import SUFFIX
from weft.model.stage import Stage, is_code_name
from weft.pipeline.before_run import refuse_before
from weft.pipeline.fingerprint import is_at_or_below
from weft.pipeline.reading import is_no_code
from weft.pipeline.validate.names import LARGE_BYTES
from weft.workflows.project import Project
from weft.workflows.sparse import refuse_left_out
from weft.workflows.stage_inputs import read_params
from weft.workflows.stages import VALUES_LIMIT, Pipeline, read_kept, refuse_unresolved, stage_file

_BINARY_LOOK = 8000  # as many bytes as Git looks at
_SHOWN = 5
_DATA = """
.7z .arrow .avi .avro .bam .bin .bmp .bz2 .ckpt .csv .dat .db .fasta .fastq .feather .flac .gif .gz .h5 .hdf5 .jpeg .jpg
.jsonl .joblib .mkv .mov .mp3 .mp4 .ndjson .nii .npy .npz .onnx .orc .parquet .pdf .pickle .pkl .png .pt .pth .rds
.safetensors .sqlite .tar .tgz .tif .tiff .tsv .wav .webp .xlsx .xz .zip .zst
"""


def declared_faults(project: Project, pipeline: Pipeline, names: Iterable[str]) -> dict[str, WeftError]:
    """What is wrong with the stages ``names`` as they are declared, by stage: a commit would refuse any run of these."""
    found: dict[str, WeftError] = {}
    stages = [pipeline.stages[name] for name in names]
    ignores = stagefile.decode_ignores(stage_file(project) or b"")
    loose = _loose(project, pipeline, stages)
    left_out = left_out_files(project.git)
    for stage in stages:
        try:
            refuse_left_out(project, stage, left_out)
            refuse_unresolved(stage)
            _refuse_lines(project, stage)
            refuse_before(stage, _params(project, stage), ignores)
            _refuse_absent(project, pipeline, stage)
            _refuse_data(project, stage, loose)
        except WeftError as error:
            found[stage.name] = error
    return found


def warn_of_unkept(project: Project, pipeline: Pipeline, stage: Stage) -> None:
    """Warn of code that ``stage`` reads and that has to be added to Git before its record is committed. Raises
    ``MissingDependency`` for what looks like data."""
    loose = _loose(project, pipeline, [stage])
    _refuse_data(project, stage, loose)
    names = sorted(name for name in loose if _reads(stage, name))
    if names:
        shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        hint = f"git add {' '.join(map(quoted, names[:_SHOWN]))}"
        odd = [name for name in names if not _is_code(project, name)]
        hint += f"; if it is data, stop this and: weft add {quoted(odd[0])}" if odd else ""
        project.progress.warn(f"stage {stage.name} reads {shown}, which neither Git nor weft keeps yet", hint=hint)


def _loose(project: Project, pipeline: Pipeline, stages: Sequence[Stage]) -> list[str]:
    """Files below dependencies that neither Git nor weft keeps and no stage makes."""
    tops = {path for stage in stages for path in stage.deps if not _is_tracked(project, path)}
    files = untracked_files(project.git, sorted(tops)) if tops else []
    # What ends in a slash is a repository.
    return [
        path
        for path in files
        if not path.endswith("/") and not is_no_code(path) and not pipeline.graph.producer_of(path)
    ]


def _reads(stage: Stage, path: str) -> bool:
    return any(is_at_or_below(path, dep) for dep in stage.deps)


def _params(project: Project, stage: Stage) -> Mapping[str, Mapping[str, object]]:
    """The params as they are; none where they cannot be read now: a stage above may write them."""
    try:
        return read_params(stage, lambda path: read_kept(project.git, path, VALUES_LIMIT)).values
    except WeftError:
        return {}


def _is_tracked(project: Project, path: str) -> bool:
    """Whether weft has a pointer of ``path`` or of a directory above it."""
    while path:
        if os.path.lexists(os.path.join(project.root, path + SUFFIX)):
            return True
        path = path.rpartition("/")[0]
    return False


def _refuse_lines(project: Project, stage: Stage) -> None:
    """Refuse a list of lines, as other tools have it, for a list of words."""
    first = "" if isinstance(stage.cmd, str) else stage.cmd[0]
    if " " in first and not os.path.lexists(os.path.join(project.root, stage.wdir, first)):
        raise StageFault(
            f"the command of stage {stage.name} is a list, the words of one command, and {first[:80]!a} is no program",
            hint="write one command as a text; several go below one another after `cmd: |`",
            path=stage.file,
            line=stage.line,
        )


def _refuse_absent(project: Project, pipeline: Pipeline, stage: Stage) -> None:
    for path in stage.deps:
        there = os.path.lexists(os.path.join(project.root, path)) or _is_tracked(project, path)
        if not there and not pipeline.graph.producer_of(path):
            raise MissingDependency(
                f"{path}, a dependency of stage {stage.name}, is not there, and no stage makes it",
                hint=f"check the deps of {stage.name}",
                path=path,
            )


def _refuse_data(project: Project, stage: Stage, loose: Sequence[str]) -> None:
    """Data has to be added before the run, for its record tells of it as what weft keeps or as what Git does."""
    for dep in stage.deps:
        below = [path for path in loose if is_at_or_below(path, dep)]
        folder = below and dep not in below and not any(_is_code(project, path) for path in below)
        if folder and not project.git.git("ls-files", "-z", "--cached", "--", dep):
            name = dep  # a folder of which Git has nothing, without any code
        else:
            name = next((path for path in below if _looks_like_data(project, path)), "")
        if name:
            raise MissingDependency(
                f"stage {stage.name}: {name} is a dependency, but neither Git nor weft tracks it, and it looks like data",
                hint=f"weft add {quoted(name)}",
                path=name,
            )


def _is_code(project: Project, path: str) -> bool:
    return is_code_name(path) or os.access(os.path.join(project.root, path), os.X_OK)


def _looks_like_data(project: Project, path: str) -> bool:
    suffix = _suffix(path)
    full = os.path.join(project.root, path)
    try:
        if os.path.islink(full) or not os.path.isfile(full):
            return False
        if suffix in _DATA.split() or os.path.getsize(full) > LARGE_BYTES:
            return True
        with open(full, "rb") as file:
            return not is_code_name(path) and b"\0" in file.read(_BINARY_LOOK)
    except OSError:
        return False


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()
