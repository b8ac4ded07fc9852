"""Rules 16 and 18: that what the stages name is there, and that nothing which is still used goes away."""

from __future__ import annotations

from collections.abc import Iterator

from weft.model.lineage import Record, record_path
from weft.model.pointer import SUFFIX
from weft.model.stage import STAGE_FILE, Stage
from weft.pipeline.graph import Graph
from weft.pipeline.validate.context import Context, is_record, stage_of_record
from weft.pipeline.validate.faults import GRAPH, found
from weft.pipeline.validate.scope import participants
from weft.pipeline.validate.violations import Violation, quoted

USED = 18


def dangling(context: Context, graph: Graph, stage: Stage) -> Iterator[Violation]:
    """Rule 16: every dependency is something. What this commit deletes is left to rule 18."""
    for at, dep in enumerate(stage.deps):
        if _there(context, dep) or graph.producer_of(dep) or _deleted_at(context, dep):
            continue
        line = context.line(STAGE_FILE, "stages", stage.name, "deps", at) or stage.line
        text = f"nobody keeps the dependency {dep} of {stage.name!a}: not Git, not a pointer, and no stage makes it"
        mend = f"weft add {quoted(dep)} for data, git add {quoted(dep)} for code"
        yield found(GRAPH, STAGE_FILE, text, line=line, mend=mend)


def _there(context: Context, path: str) -> bool:
    return path in context.index or bool(context.owner(path)) or bool(context.index.below(path))


def _deleted_at(context: Context, path: str) -> bool:
    return any(_data(name) == path or name.startswith(path + "/") for name in _deletions(context))


def still_used(context: Context, names: tuple[str, ...]) -> Iterator[Violation]:
    """Rule 18: what is deleted is named by none of the stages ``names``, nor by their records."""
    gone = _deletions(context)
    if not gone:
        return
    stages = context.stages()
    for name in names:
        record = context.record(name)
        used = _uses(stages[name], record)
        for path in gone:
            by = used.get(_data(path)) if path.endswith(SUFFIX) else used.get(path)
            # A path that weft took over from Git, or gave back, is still there in its other form.
            other = _data(path) in context.index if path.endswith(SUFFIX) else path + SUFFIX in context.index
            if by and not (other and by == STAGE_FILE):
                mend = f"git restore --staged {quoted(path)}, or: weft repro {name} once nothing needs it"
                yield found(USED, path, f"it is deleted, and {by} still uses it for the stage {name!a}", mend=mend)
    yield from _records_in_use(context, gone)


def _uses(stage: Stage, record: Record | None) -> dict[str, str]:
    """Path to the file that names it."""
    outs = {out.path for out in stage.outs}
    used = {path: STAGE_FILE for path in participants(stage) if path not in outs}
    if record is not None:
        path = record_path(stage.name)
        for ref in record.deps + record.outs:
            used[ref.inside or ref.path] = path
        for name in (*record.code, *record.params, *record.files):
            used[name] = path
        lockfile = record.env.get("lockfile")
        if lockfile:
            used[str(lockfile)] = path
    return used


def _records_in_use(context: Context, gone: list[str]) -> Iterator[Violation]:
    """Records that are deleted while the outs they explain stay."""
    stages = context.stages()
    for path in gone:
        stage = stages.get(stage_of_record(path)) if is_record(path) else None
        kept = [out.path for out in stage.outs if out.cache and out.path + SUFFIX in context.index] if stage else []
        if stage and kept and not stage.frozen:
            text = f"it is deleted, and {kept[0]}, which it explains, stays"
            mend = f"git restore --staged {quoted(path)}, or: weft repro {stage.name}"
            yield found(USED, path, text, mend=mend)


def _deletions(context: Context) -> list[str]:
    return [path for path, change in context.changes.items() if change.status == "D"]


def _data(path: str) -> str:
    return path.removesuffix(SUFFIX)
