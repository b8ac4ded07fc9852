"""Rule 10 for metrics files that weft keeps: Git has their pointers alone, so only the object can prove their values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from weft.errors import WeftError
from weft.formats import values
from weft.model.lineage import DataRef, Record, record_path
from weft.model.stage import Stage
from weft.pipeline.fingerprint import same_value
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.faults import found
from weft.pipeline.validate.figures import METRICS
from weft.pipeline.validate.violations import Violation


class Measured(NamedTuple):
    """Values that the record at ``path`` has of a metrics file whose bytes are the object of ``ref``."""

    path: str
    stage: str
    ref: DataRef
    recorded: Mapping[str, Any]


def measured(record: Record, stage: Stage) -> Iterator[Measured]:
    """What of the metrics of a record only objects can prove."""
    kept = {out.path for out in stage.outs if out.kind == "metrics" and out.cache}
    for ref in record.outs:
        if ref.path in kept and ref.path in record.metrics:
            yield Measured(record_path(stage.name), stage.name, ref, record.metrics[ref.path])


def differences(context: Context, one: Measured, data: bytes) -> Iterator[Violation]:
    """Rule 10: ``data``, the metrics file as weft has it, holds the values that are recorded of it, and all are finite."""
    name, mend = one.ref.path, f"weft repro {one.stage}"
    try:
        there = values.read_values(data, name)
    except WeftError as error:
        yield found(METRICS, one.path, error.message, line=context.line(one.path, "metrics", name), mend=mend)
        return
    odd = set(values.not_finite(there))
    for key in sorted({*there, *one.recorded}):
        if key not in there or key not in one.recorded or not same_value(there[key], one.recorded[key]):
            text = f"{key} of {name} is another one in the record than in the data of {name}"
        elif key in odd:
            text = f"the metric {key} of {name} is not finite"
        else:
            continue
        yield found(METRICS, one.path, text, line=context.line(one.path, "metrics", name, key), mend=mend)
