"""What ``weft.yaml`` says of a path that is to be added or renamed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from weft.errors import PathReserved, StageFault, WeftError, quoted
from weft.formats import stagefile
from weft.model.lineage import RECORDS
from weft.model.stage import STAGE_FILE, Stage
from weft.pipeline.fingerprint import is_at_or_below
from weft.workflows.project import Project
from weft.workflows.stages import stage_file, values_reader

_KINDS = {
    "file": "the stage file",
    "params": "a params file",
    "metrics": "a metrics file",
    "plots": "a plot",
    "out": "an out",
}


def refuse_outs(project: Project, path: str) -> None:
    """Raise ``StageFault`` when a stage makes ``path``, or something at or below it: its next run would make it anew."""
    for stage in _stages(project):
        for out in stage.outs:
            if is_at_or_below(out.path, path) or is_at_or_below(path, out.path):
                raise StageFault(
                    f"{out.path} is an out of the stage {stage.name}, which would make it under this name again",
                    hint=f"change it in {stage.file}, line {stage.line}, then: weft repro {stage.name}",
                    path=path,
                )


def refuse_kept_by_git(project: Project, path: str) -> None:
    """Raise ``PathReserved`` for what Git keeps: the stage file, records, configuration, and what stages say Git keeps."""
    if path in (STAGE_FILE, RECORDS, ".weft") or path.startswith((f"{RECORDS}/", ".weft/")):
        raise PathReserved(
            f"{path} belongs into Git: weft reads it from there", hint=f"git add {quoted(path)}", path=path
        )
    for stage in _stages(project):
        kept = {stage.file: "file", **{params.file: "params" for params in stage.params}}
        kept |= {out.path: out.kind for out in stage.outs if not out.cache}
        for name, kind in kept.items():
            if is_at_or_below(name, path):
                raise PathReserved(
                    f"{name} is {_KINDS[kind]} of the stage {stage.name}, which Git keeps: {stage.file}, line {stage.line}",
                    hint=f"git add {quoted(name)}",
                    path=path,
                )


def warn_of_readers(project: Project, old: str, new: str) -> None:
    """Name the stages that read ``old``, which is ``new`` now, and the lines that name it."""
    for stage in _stages(project):
        if not any(is_at_or_below(dep, old) for dep in stage.deps):
            continue
        lines = (stage_file(project, stage.folder) or b"").decode("utf-8", "replace").split("\n")
        near, now = _seen_from(stage, old), _seen_from(stage, new)
        # Its command stands on these lines too, as a rule.
        numbers = [str(at) for at, line in enumerate(lines, 1) if near in line]
        where = f", line{'s' * (len(numbers) > 1)} {', '.join(numbers)}," if numbers else ""
        project.progress.warn(
            f"the stage {stage.name} reads {old}: {stage.file}{where} still says so",
            hint=f"write {now} there, git add {quoted(stage.file)}, then: weft repro {stage.name}",
        )


def _stages(project: Project) -> Iterator[Stage]:
    try:
        yield from stagefile.decode(stage_file(project) or b"", read=values_reader(project)).values()
    except WeftError:
        return  # whoever runs the stages hears of it


def _seen_from(stage: Stage, path: str) -> str:
    return posixpath.relpath(path, stage.wdir) if stage.wdir else path
