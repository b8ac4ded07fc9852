"""Rules 8, 14 and 20: that a record is whole, belongs to its stage, and says where uncommitted changes went."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from weft.errors import quoted
from weft.formats import lineage
from weft.model.lineage import RECORD_SCHEMA, Record, record_path
from weft.model.pointer import SUFFIX
from weft.model.stage import STAGE_FILE, Stage
from weft.pipeline.fingerprint import declared_as_run
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.faults import SCHEMA, found
from weft.pipeline.validate.violations import Stale, Violation
from weft.util.humanize import count_text, few_text

DIGEST, STAGE, DIRTY = 8, 14, 20
_RESULTS = ("outs", "files", "metrics")
_SNAPSHOT = re.compile(r"refs/weft/runs/[A-Za-z0-9][A-Za-z0-9._-]{0,200}", re.ASCII)


def digest(context: Context, record: Record, path: str) -> Iterator[Violation]:
    """Rule 8: the digest recomputes, and the list of packages that the record names is the one that is staged."""
    if record.digest is None:
        yield found(DIGEST, path, "it has no digest", mend=_again(record.stage))
    elif lineage.digest_of_text(context.text(path) or b"") != record.digest:
        text = "its digest is not that of what it says: it was changed after the run"
        yield found(DIGEST, path, text, line=context.line(path, "digest"), mend=_again(record.stage))
    packages = record.env.get("packages_file", "")
    entry = context.entry(packages) if packages else None
    if packages and (entry is None or entry.blob != record.env["packages_blob"]):
        other = f"not {context.here}" if entry is None else f"{context.here} in another version"
        text = f"{packages}, its list of packages, is {other}"
        mend = f"git add {quoted(packages)}, or: {_force(record.stage)}" if entry is None else _force(record.stage)
        yield found(DIGEST, path, text, line=context.line(path, "env", "packages_file"), mend=mend)


def written_now(context: Context, record: Record, path: str) -> Iterator[Violation]:
    """Rule 6: a record that this commit brings is one that this weft would write; what was there before may be older."""
    if record.schema < RECORD_SCHEMA and context.touched(path):
        text = "it was written by an older weft, which did not record all that a run reads"
        yield found(SCHEMA, path, text, line=context.line(path, "schema"), mend=_force(record.stage))


def no_stages(context: Context, names: Sequence[str]) -> Iterator[Violation]:
    """Rule 14 for the records of ``names``, whose stages are not declared: once for all of them, with what stays of what
    they made; each by itself where there are ignores, which may be of one."""
    if not names or context.broken(STAGE_FILE):
        return
    for some in [[name] for name in names] if context.ignores() else [list(names)]:
        paths = [record_path(name) for name in some]
        stay = few_text(sorted({path for name in some for path in _left_by(context, name)}))
        text = f"{STAGE_FILE} declares no stage {some[0]!a}"
        if len(some) > 1:
            text = f"{STAGE_FILE} declares none of {count_text(len(some), 'stage')} whose records are left: {few_text(some)}"
        text += f"; what was made stays, as a source: {stay}" if stay else ""
        mend = f"git rm -f {' '.join(map(quoted, paths))}, or declare the stage{'s' if len(some) > 1 else ''}"
        yield found(STAGE, paths[0], text, mend=mend)


def _left_by(context: Context, name: str) -> Iterator[str]:
    """What the run of a stage that is gone made, is there, and is made by no other stage."""
    record = context.record(name)
    declared = [out.path for stage in context.stages().values() for out in stage.outs]
    for path in (*(ref.path for ref in record.outs), *record.files) if record is not None else ():
        there = path in context.index or path + SUFFIX in context.index
        if there and not any(_covers(out, path) for out in declared):
            yield path


def belongs(context: Context, record: Record, stage: Stage) -> Iterator[Violation]:
    """Rule 14: the record is that of the stage as it is declared."""
    path = record_path(stage.name)
    differences, same = list(_differences(record, stage)), declared_as_run(record, stage)
    if not differences and not same:
        differences = [("spec", f"{stage.file} declares the stage otherwise than it was declared for the run")]
    for key, text in differences:
        # Without an honest change of the declaration the record is no record of it; and an out that is there while the
        # record says nothing of it is a result for which nothing stands.
        false = same or key == "stage" or (key in _RESULTS and _unvouched(context, record, stage))
        stale = None if false else Stale(stage.name, "the command" if key == "cmd" else f"its {key.partition('/')[0]}")
        line = context.line(path, *key.split("/"))
        yield found(STAGE, path, text, line=line, mend=context.rerun(stage.name, stage.file), stale=stale)


def _unvouched(context: Context, record: Record, stage: Stage) -> bool:
    """True when something is there of a declared out, or of its values, of which the record says nothing."""
    for out in stage.outs:
        told = {ref.path for ref in record.outs} if out.cache else set(record.files)
        known = any(_covers(out.path, name) for name in told)
        if out.kind == "metrics" and out.cache:
            known = known and out.path in record.metrics
        if not known and (context.owner(out.path) or context.at_or_below(out.path)):
            return True
    return False


def _differences(record: Record, stage: Stage) -> Iterator[tuple[str, str]]:
    """Key of the record, and what is wrong there."""
    if record.stage != stage.name:
        yield "stage", f"it is the record of the stage {record.stage!a}, not of {stage.name!a}"
    if record.cmd != stage.cmd:
        yield "cmd", f"the command was another one than {stage.file} declares"
    if record.wdir != stage.wdir:
        yield "wdir", f"the command ran in {record.wdir or '.'!a}, not in {stage.wdir or '.'!a}"
    made = {ref.path for ref in record.outs} | set(record.files)
    for out in stage.outs:
        there = {ref.path for ref in record.outs} if out.cache else record.files
        if not any(_covers(out.path, name) for name in there):
            yield "outs" if out.cache else "files", f"it says nothing of the out {out.path}"
    for name in sorted(made):
        if not any(_covers(out.path, name) for out in stage.outs):
            yield "outs", f"it has {name} as an out, which {stage.file} does not declare"
    yield from _values(record, stage)
    for ref in record.deps:
        if not any(_covers(dep, ref.path) for dep in stage.deps):
            yield "deps", f"it has {ref.path} as a dependency, which {stage.file} does not declare"
    read = [*(ref.path for ref in record.deps), *record.code]
    for dep in stage.deps:
        if not any(_covers(dep, name) or _covers(name, dep) for name in read):
            yield "deps", f"it says nothing of the dependency {dep}"
    used = {params.file for params in stage.params}
    if used != set(record.params):
        odd = sorted(used.symmetric_difference(record.params))[0]
        yield "params", f"{odd} is a params file of {'the stage' if odd in used else 'the record'} alone"
    if record.determinism.get("seed") != stage.seed:
        yield "determinism/seed", "the seed was another one than is declared"


def _values(record: Record, stage: Stage) -> Iterator[tuple[str, str]]:
    """Values are those of declared metrics files; what Git keeps of these is compared by rule 10."""
    declared = stage.paths("metrics")
    for name in sorted(set(record.metrics).difference(declared)):
        yield f"metrics/{name}", f"it has values of {name}, which is none of the declared metrics files"
    for out in stage.outs:
        if out.kind == "metrics" and out.cache and out.path not in record.metrics:
            yield "metrics", f"it says nothing of the values in {out.path}"


def _covers(declared: str, name: str) -> bool:
    return name == declared or name.startswith(declared + "/")


def clean_start(context: Context, record: Record, path: str) -> Iterator[Violation]:
    """Rule 20: uncommitted changes have their snapshot, and no input changed while the command ran."""
    if record.dirty and not _SNAPSHOT.fullmatch(record.snapshot):
        text = "the run started with uncommitted changes, and no snapshot refs/weft/runs/ID holds them"
        yield found(DIRTY, path, text, line=context.line(path, "dirty"), mend=_force(record.stage))
    elif record.dirty and record.run is not None and record.snapshot.rpartition("/")[2] not in _runs(record):
        text = f"the snapshot is that of another run than {record.run.id}"
        yield found(DIRTY, path, text, line=context.line(path, "snapshot"), mend=_force(record.stage))
    elif record.snapshot and not record.dirty:
        text = "it names a snapshot of uncommitted changes, and says that there were none"
        yield found(DIRTY, path, text, line=context.line(path, "snapshot"), mend=_force(record.stage))
    if record.run is not None and record.run.exit != 0:
        text = f"the command ended with status {record.run.exit}: what it left is no result"
        yield found(DIRTY, path, text, line=context.line(path, "run", "exit"), mend=_force(record.stage))
    elif record.run is None and record.schema > 1:
        yield found(DIRTY, path, "it does not tell which run it is of", mend=_force(record.stage))
    for at, name in enumerate(record.changed):
        text = f"{name} changed while the command ran"
        yield found(DIRTY, path, text, line=context.line(path, "changed", at), mend=_force(record.stage))


def _runs(record: Record) -> tuple[str, ...]:
    """The run of the record, and the earlier one whose outs it took over."""
    return (record.run.id if record.run else "", record.reused_run)


def _again(stage: str) -> str:
    return f"weft repro {stage}"


def _force(stage: str) -> str:
    return f"weft repro --force {stage}"
