"""Rules 9 and 10: that params and metrics in a record are those of the staged files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weft.errors import ValuesFault, quoted
from weft.formats import paramfiles, values
from weft.formats.paramfiles import ParamsText
from weft.model.lineage import ParamsFile, Record, record_path
from weft.model.stage import ParamSet, Stage
from weft.pipeline.fingerprint import declared_as_run, kept_of, same_kept, same_params_file, same_value
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.faults import found
from weft.pipeline.validate.snapshot import back
from weft.pipeline.validate.violations import Stale, Violation, param_cause

PARAMS, METRICS = 9, 10
_SHOWN = 60


def params(context: Context, record: Record, stage: Stage) -> Iterator[Violation]:
    """Rule 9: the values the run used are those of the staged params files."""
    path = record_path(stage.name)
    for wanted in stage.params:
        recorded = record.params.get(wanted.file)
        staged = context.params(wanted.file)
        if recorded is None or (staged is None and (context.broken(wanted.file) or context.deleted(wanted.file))):
            continue
        if staged is None:
            text, gone = (
                f"the params file {wanted.file} is not {context.here}",
                Stale(stage.name, wanted.file, gone=True),
            )
            yield found(PARAMS, path, text, mend=f"git add {quoted(wanted.file)}", stale=gone)
            continue
        try:
            expected, unsure = _selected(staged, wanted)
        except ValuesFault as error:
            lacks, mend = Stale(stage.name, wanted.file), context.rerun(stage.name, wanted.file)
            yield found(PARAMS, wanted.file, error.message, line=error.line, mend=mend, stale=lacks)
            continue
        differences = list(_differences(context, recorded, expected))
        mend = context.rerun(stage.name, wanted.file) if differences else ""
        for key, text in differences:
            line = context.line(path, "params", wanted.file, key)
            # A run records each key that the stage names, so a record without one of them was not written by it.
            forged = key not in recorded and key in wanted.keys and declared_as_run(record, stage)
            stale = None if forged else Stale(stage.name, param_cause(key, wanted.file))
            yield found(PARAMS, path, f"{key} of {wanted.file} {text}", line=line, mend=mend, stale=stale)
        entry, known = context.entry(wanted.file), record.params_files.get(wanted.file)
        if differences or entry is None:
            continue
        if known is None and record.schema > 1:
            text = f"it says nothing of the bytes of {wanted.file}"
            yield found(PARAMS, path, text, mend=context.rerun(stage.name, wanted.file))
        elif not same_params_file(known, ParamsFile(entry.blob, unsure)):
            names = ", ".join((unsure or (known.unsure if known else ()))[:3])
            text = f"{wanted.file} has other bytes than the run read, and programs may differ from weft on {names}"
            line, other = context.line(path, "params_files", wanted.file), Stale(stage.name, wanted.file)
            mend = context.rerun(stage.name, wanted.file)
            yield found(PARAMS, path, text, line=line, mend=mend, stale=other)


def _selected(staged: ParamsText, wanted: ParamSet) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    if not staged.unsure and not staged.code and all(key in staged.values for key in wanted.keys):
        # Mostly so, and then without a look at all the others.
        return {key: staged.values[key] for key in wanted.keys} if wanted.keys else staged.values, ()
    return paramfiles.select(staged, wanted.keys, wanted.file)


def metrics(context: Context, record: Record, stage: Stage) -> Iterator[Violation]:
    """Rule 10: metrics and whatever else Git keeps of the outs is as recorded, and all metrics are finite."""
    path = record_path(stage.name)
    yield from _kept_by_git(context, record, stage, path)
    for file in sorted({*record.metrics, *(out.path for out in stage.outs if out.kind == "metrics" and not out.cache)}):
        staged = context.values(file)
        if staged is None:
            continue
        for key in values.not_finite(staged):
            text = f"the metric {key} is {staged.get(key, 'not a number')}"
            mend = f"mend what {quoted(stage.name)} computes, then: weft repro {stage.name}"
            yield found(METRICS, file, text, mend=mend)  # so the run wrote it
        if file not in record.metrics:
            text, mend = f"it says nothing of the metrics in {file}", f"weft repro {stage.name}"
            yield found(METRICS, path, text, mend=mend, result=file)
            continue
        for key, text in _differences(context, record.metrics[file], staged):
            line = context.line(path, "metrics", file, key)
            text, mend = f"{key} of {file} {text}", _again(context, record, file)
            yield found(METRICS, path, text, line=line, mend=mend, result=file)


def _kept_by_git(context: Context, record: Record, stage: Stage, path: str) -> Iterator[Violation]:
    for file, blob in record.files.items():
        now = context.kept(file)
        if now and same_kept(kept_of(record, file, blob), now, record.schema):
            continue
        if not now and context.deleted(file):
            continue
        text = (
            f"{file} is {context.here} with other bytes than the run wrote" if now else f"{file} is not {context.here}"
        )
        if now.endswith(blob):
            text = f"{file} is {context.here} as another kind of file than the run wrote"
        line, mend = (
            context.line(path, "files", file),
            _again(context, record, file) if now else _add(file, record.stage),
        )
        yield found(METRICS, path, text, line=line, mend=mend, result=file)
    for out in stage.outs:
        for file in [] if out.cache else context.at_or_below(out.path):
            if file not in record.files:
                text = f"{file} is {context.here}, and the run did not write it"
                mend = f"git rm --cached {quoted(file)}, or: weft repro {stage.name}"
                yield found(METRICS, path, text, line=context.line(path, "files"), mend=mend, result=file)


def _again(context: Context, record: Record, file: str) -> str:
    """What brings ``file``, which is not what the run wrote, and its record together again."""
    change = context.changes.get(file)
    if change is not None and change.old_blob and change.old_blob == record.files.get(file):
        return back(context, file, worktree=True)  # the commit before has what the run wrote
    return context.rerun(record.stage, file)


def _add(file: str, stage: str) -> str:
    return f"git add {quoted(file)}, then: weft repro {stage}"


def _differences(context: Context, recorded: Mapping[str, Any], staged: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in sorted({*recorded, *staged}):
        if key not in staged:
            yield key, "is not in the file" if context.commit else "is not in the staged file"
        elif key not in recorded:
            yield key, "is not in the record"
        elif not same_value(recorded[key], staged[key]):
            yield key, f"is {_short(staged[key])} {context.as_here}, and was {_short(recorded[key])} in the run"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
