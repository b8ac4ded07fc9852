"""The rules of one record, in one list: ``weft validate`` and the marks of shown results go by the same ones."""

from __future__ import annotations

from collections.abc import Iterator

from weft.model.lineage import Record, record_path
from weft.model.stage import Stage
from weft.pipeline.validate import code, figures, records
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.violations import Violation


def record_rules(context: Context, record: Record, stage: Stage) -> Iterator[Violation]:
    """What is stale or false of ``stage`` by its ``record``, but for its data, of which those of others tell too."""
    path = record_path(stage.name)
    yield from records.written_now(context, record, path)
    yield from records.digest(context, record, path)
    yield from records.belongs(context, record, stage)
    yield from records.clean_start(context, record, path)
    yield from figures.params(context, record, stage)
    yield from figures.metrics(context, record, stage)
    yield from code.code(context, record, stage)
    yield from code.surroundings(context, record, stage)
    yield from code.hidden(context, record)
