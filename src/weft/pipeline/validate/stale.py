"""Which stages are stale, and which results are false, and why: the rules for both by themselves, over all that a snapshot
holds.

``weft validate`` refuses or names what these rules find; all that shows the result of a stage marks it by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from weft.gitio.index import LINK
from weft.model.lineage import Record, record_path
from weft.model.pointer import SUFFIX
from weft.model.stage import Stage
from weft.pipeline.fingerprint import is_at_or_below
from weft.pipeline.graph import Graph
from weft.pipeline.validate import code, data, figures, records, stages
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.scope import ancestors, participants
from weft.pipeline.validate.violations import Violation, rule_id

_DATA = rule_id(data.DATA)


def causes(context: Context, stage: Stage) -> tuple[str, ...]:
    """The inputs of ``stage`` that are other ones than its recorded run used, each in few words, also where it is
    frozen; none for a stage that is fresh or has no record that can be read."""
    record = context.record(stage.name)
    if record is None:
        return ()
    found = [one.cause for one in _violations(context, stage, record) if one.severity == "stale"]
    return tuple(dict.fromkeys(found))


def _violations(context: Context, stage: Stage, record: Record) -> Iterator[Violation]:
    yield from records.belongs(context, record, stage)
    yield from figures.params(context, record, stage)
    yield from code.code(context, record, stage)
    yield from code.surroundings(context, record, stage)
    told = list(data.data(context, record, stage, []))
    yield from told
    graph = context.graph()
    if graph is None or record.stage != stage.name:
        return
    for above in _makers(graph, record):
        made = context.record(above.name)
        told += data.data(context, made, above, []) if made is not None else ()
    yield from data.upstream(context, graph, record, told)


def wrong(context: Context, stage: Stage, *, gone: bool = True) -> tuple[tuple[str, str], ...]:
    """What is false of the results of ``stage``, frozen or not: paths of results, or of its record, each with what is not
    right there. Without ``gone`` nothing is said of what is not there, which a sparse checkout may have left out."""
    record, path = context.record(stage.name), record_path(stage.name)
    if record is None:
        text = f"is there, and no record says which run made it: weft repro {stage.name}"
        return tuple((one.result, text) for one in stages.alone(context, (stage.name,)))
    told = [*records.digest(context, record, path), *records.belongs(context, record, stage)]
    told += records.clean_start(context, record, path)
    told += [*figures.metrics(context, record, stage), *data.data(context, record, stage, [])]
    lines: dict[tuple[str, str], None] = {}
    for one in told:
        if one.severity != "error":
            continue
        if one.result:
            there = context.owner(one.result) or context.at_or_below(one.result)
            text = f"is not what the run of {stage.name} wrote" if there else f"is gone, and {path} tells of it"
            # Of what is no out any more the stage is stale.
            if (there or gone) and any(is_at_or_below(one.result, out.path) for out in stage.outs):
                lines[one.result, text] = None
        elif one.path == path and one.rule != _DATA:
            lines[path, one.message] = None
    return tuple(lines)


def _makers(graph: Graph, record: Record) -> list[Stage]:
    names = dict.fromkeys(graph.producer_of(ref.path) for ref in record.deps)
    return [graph.stages[name] for name in names if name]


def fetch(context: Context, stages: Iterable[Stage]) -> None:
    """Read in one go what ``causes`` and ``wrong`` will ask for."""
    wanted: list[str] = []
    for stage in stages:
        wanted += [
            record_path(stage.name),
            *(path + SUFFIX for path in stage.deps),
            *(one.file for one in stage.params),
        ]
        wanted += [out.path + (SUFFIX if out.cache else "") for out in stage.outs if out.cache or out.kind == "metrics"]
    context.fetch(wanted)


def looked_at(context: Context, stage: Stage) -> set[str]:
    """The paths on which ``causes`` and ``wrong`` depend, beside the stage file: as long as nothing at or below any of them
    changes, neither do these. The empty path stands for everything."""
    found = _looked_at(context, stage)
    graph, record = context.graph(), context.record(stage.name)
    for above in _makers(graph, record) if graph is not None and record is not None else ():
        found |= _looked_at(context, above)
    return {""} if "" in found else found


def _looked_at(context: Context, stage: Stage) -> set[str]:
    named = set(participants(stage))
    found = {record_path(stage.name), *named}
    record = context.record(stage.name)
    if record is not None:
        found |= {*record.code, *record.files, *record.metrics, *filter(None, [record.env.get("packages_file", "")])}
        found.update(ref.inside or ref.path for ref in (*record.deps, *record.outs))
    # Whether weft keeps a path, or what it lies in, is told by pointers beside it.
    found |= {place + SUFFIX for path in found for place in ancestors(path)}
    below = context.reading(stage).code
    if any(context.mode(path) == LINK for path in below):
        return {""}  # a link leads anywhere
    return {path for path in found if path in named or not any(place in named for place in ancestors(path))}
