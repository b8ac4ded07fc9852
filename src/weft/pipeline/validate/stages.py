"""Rules 15, 16 and 18: that a record stands for what the stages make, that what they name is there, and that nothing which
is still used goes away."""

from __future__ import annotations

from collections.abc import Iterator

from weft.errors import WeftError, quoted
from weft.formats import pointer as pointer_format
from weft.model.lineage import Record, is_record, record_path, stage_of_record
from weft.model.paths import CONFIG_PATH
from weft.model.pointer import SUFFIX
from weft.model.stage import STAGE_FILE, Out, Stage, is_code_name
from weft.pipeline.graph import Graph
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.faults import GRAPH, found
from weft.pipeline.validate.scope import participants
from weft.pipeline.validate.snapshot import back
from weft.pipeline.validate.violations import Violation

PRODUCER, USED = 15, 18
_POINTER_LIMIT = 1 << 16
_NO_RESULT = (".gitignore", ".weftignore")


def alone(context: Context, names: tuple[str, ...]) -> Iterator[Violation]:
    """Rule 15: what the stages ``names`` make comes with a record. Looked at are results that this commit changes, and those
    that it first says a stage makes: what was wrong before stands in nobody's way. A frozen stage is no exception."""
    suspects: dict[str, tuple[str, Out, bool]] = {}
    stages, before = context.stages(), context.old_stages() or {}
    for name in names:
        path = record_path(name)
        if path in context.index or context.deleted(path):  # a record that is deleted is a matter of rule 18
            continue
        claimed = {(out.path, out.cache) for out in before[name].outs} if name in before else set()
        for out in stages[name].outs:
            fresh = context.whole or (out.path, out.cache) not in claimed
            files = (file for file in results(context, out) if fresh or context.touched(file))
            suspects.update((file, (name, out, fresh)) for file in list(files)[:1])
    old = context.old_texts((path for path in suspects if path.endswith(SUFFIX)), _POINTER_LIMIT)
    for path, (name, out, fresh) in suspects.items():
        if path not in old or fresh or not _same_data(context, path, old[path]):
            text = f"the stage {name!a} makes {out.path}, and there is no record of how"
            mend = f"weft repro {name}, or take {quoted(out.path)} out of the outs of {name}"
            yield found(PRODUCER, path, text, mend=mend, result=out.path)


def results(context: Context, out: Out) -> list[str]:
    """The files of the snapshot that stand for an out: its pointer, that of a directory around it, or what Git itself keeps
    of it."""
    below = context.index.below(out.path)
    if out.cache:  # its bytes in Git are a matter of rule 3
        around = context.owner(out.path) + SUFFIX
        return [path for path in (around, *below) if path.endswith(SUFFIX) and path in context.index]
    files = [path for path in below if path.rpartition("/")[2] not in _NO_RESULT]
    return [path for path in (out.path, out.path + SUFFIX) if path in context.index] + files


def _same_data(context: Context, path: str, before: bytes) -> bool:
    """True when only the notes of a pointer changed."""
    try:
        old = pointer_format.decode(before, name=path.rpartition("/")[2])
    except WeftError:
        return False
    new = context.pointer(path.removesuffix(SUFFIX))
    return new is not None and new.same_data(old)


def dangling(context: Context, graph: Graph, stage: Stage) -> Iterator[Violation]:
    """Rule 16: every dependency is something. What this commit deletes is left to rule 18."""
    for at, dep in enumerate(stage.deps):
        if _there(context, dep) or graph.producer_of(dep) or _deleted_at(context, dep):
            continue
        line = context.line(stage.file, "stages", stage.own_name, "deps", at) or stage.line
        text = f"nobody keeps the dependency {dep} of {stage.name!a}: not Git, not a pointer, and no stage makes it"
        mend = f"{'git' if is_code_name(dep) else 'weft'} add {quoted(dep)}"
        yield found(GRAPH, stage.file, text, line=line, mend=mend)


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
        outs, file = {out.path for out in stages[name].outs}, stages[name].file
        declared = {path for path in participants(stages[name]) if path not in outs}
        recorded = _recorded(context.record(name))
        for path in gone:
            # A path that weft took over from Git, or gave back, is still there in its other form.
            other = _data(path) in context.index if path.endswith(SUFFIX) else path + SUFFIX in context.index
            by = record_path(name) if path in recorded else file if _data(path) in declared and not other else ""
            if by:
                declared_too = _data(path) in declared and not other
                edit = f"take {quoted(_data(path))} out of the stage {name} in {file}, then: weft repro {name}"
                mend = context.rerun(name, file)
                if declared_too and not mend.startswith("git add"):  # else it was taken out, and that is not staged
                    mend = f"{back(context, path)}, or {edit}"
                yield found(USED, path, f"it is deleted, and {by} still uses it for the stage {name!a}", mend=mend)
    yield from _records_in_use(context, gone)
    left = next((path for path in context.index if _needs_config(path)), "") if CONFIG_PATH in gone else ""
    if left:
        text = f"it is deleted, and {left} stays: without it no hook looks at this repository"
        yield found(USED, CONFIG_PATH, text, mend=back(context, CONFIG_PATH))


def _needs_config(path: str) -> bool:
    return path == STAGE_FILE or is_record(path) or (path.endswith(SUFFIX) and path != SUFFIX)


def _recorded(record: Record | None) -> set[str]:
    """The files that a record tells of: pointers of data, and what Git itself keeps."""
    if record is None:
        return set()
    data = {(ref.inside or ref.path) + SUFFIX for ref in record.deps + record.outs}
    return data.union(record.code, record.params, record.files, [str(record.env.get("lockfile", ""))])


def _records_in_use(context: Context, gone: list[str]) -> Iterator[Violation]:
    """Records that are deleted while the outs they explain stay, and the stage too. Those that the stage had before this
    commit count as well: one edit more does not take them out of its record."""
    stages, before = context.stages(), context.old_stages() or {}
    for path in gone:
        name = stage_of_record(path) if is_record(path) else ""
        if name not in stages:
            continue
        outs = [*stages[name].outs, *(before[name].outs if name in before else ())]
        kept = next((out.path for out in outs if results(context, out)), "")
        if kept:
            text = f"it is deleted, and {kept}, which it explains, stays"
            mend = f"{back(context, path)}, or: weft repro {name}"
            yield found(USED, path, text, mend=mend)


def _deletions(context: Context) -> list[str]:
    return [path for path, change in context.changes.items() if change.status == "D"]


def _data(path: str) -> str:
    return path.removesuffix(SUFFIX)
