"""Rules 9 and 10: that params and metrics in a record are those of the staged files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weft.errors import ValuesFault
from weft.formats import values
from weft.model.lineage import Record, record_path
from weft.model.stage import ParamSet, Stage
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.faults import found
from weft.pipeline.validate.violations import Violation, quoted

PARAMS, METRICS = 9, 10
_SHOWN = 60


def params(context: Context, record: Record, stage: Stage) -> Iterator[Violation]:
    """Rule 9: the values the run used are those of the staged params files."""
    path, mend = record_path(stage.name), f"weft repro {stage.name}"
    for wanted in stage.params:
        recorded = record.params.get(wanted.file)
        staged = context.values(wanted.file)
        if recorded is None or (staged is None and (context.broken(wanted.file) or context.deleted(wanted.file))):
            continue
        if staged is None:
            text = f"the params file {wanted.file} is not staged"
            yield found(PARAMS, path, text, mend=f"git add {quoted(wanted.file)}")
            continue
        try:
            expected = _selected(staged, wanted)
        except ValuesFault as error:
            yield found(PARAMS, wanted.file, error.message, line=error.line, mend=mend)
            continue
        for key, text in _differences(recorded, expected):
            line = context.line(path, "params", wanted.file, key)
            yield found(PARAMS, path, f"{key} of {wanted.file} {text}", line=line, mend=mend)


def _selected(staged: Mapping[str, Any], wanted: ParamSet) -> Mapping[str, Any]:
    if all(key in staged for key in wanted.keys):  # mostly so, and then without a look at all the others
        return {key: staged[key] for key in wanted.keys} if wanted.keys else staged
    return values.select(staged, wanted.keys, wanted.file)


def metrics(context: Context, record: Record, stage: Stage) -> Iterator[Violation]:
    """Rule 10: metrics and whatever else Git keeps of the outs is as recorded, and all metrics are finite."""
    path = record_path(stage.name)
    yield from _kept_by_git(context, record, path)
    for file in sorted({*record.metrics, *(out.path for out in stage.outs if out.kind == "metrics" and not out.cache)}):
        staged = context.values(file)
        if staged is None:
            continue
        for key in values.not_finite(staged):
            text = f"the metric {key} is {staged.get(key, 'not a number')}"
            yield found(
                METRICS, file, text, mend=f"mend what {quoted(stage.name)} computes, then: weft repro {stage.name}"
            )
        if file not in record.metrics:
            yield found(METRICS, path, f"it says nothing of the metrics in {file}", mend=f"weft repro {stage.name}")
            continue
        for key, text in _differences(record.metrics[file], staged):
            line = context.line(path, "metrics", file, key)
            mend = f"git add {quoted(file)}, or: weft repro {stage.name}"
            yield found(METRICS, path, f"{key} of {file} {text}", line=line, mend=mend)


def _kept_by_git(context: Context, record: Record, path: str) -> Iterator[Violation]:
    for file, blob in record.files.items():
        entry = context.entry(file)
        if entry is not None and entry.blob == blob:
            continue
        if entry is None and context.deleted(file):
            continue
        text = f"{file} is staged with other bytes than the run wrote" if entry else f"{file} is not staged"
        line = context.line(path, "files", file)
        yield found(METRICS, path, text, line=line, mend=f"git add {quoted(file)}, or: weft repro {record.stage}")


def _differences(recorded: Mapping[str, Any], staged: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key in sorted({*recorded, *staged}):
        if key not in staged:
            yield key, "is not in the staged file"
        elif key not in recorded:
            yield key, "is not in the record"
        elif not same(recorded[key], staged[key]):
            yield key, f"is {_short(staged[key])} as staged, and was {_short(recorded[key])} in the run"


def same(one: object, other: object) -> bool:
    """Equality of values that knows 1 from 1.0 and from true, and takes NaN for NaN."""
    return type(one) is type(other) and (one == other or repr(one) == repr(other))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
