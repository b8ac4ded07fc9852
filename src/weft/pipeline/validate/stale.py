"""Which stages are stale, and which results are false, and why: the rules for both by themselves, over all that a snapshot
holds.

``weft validate`` refuses or names what these rules find; all that shows the result of a stage marks it by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from weft.gitio.index import LINK
from weft.model.lineage import Record, record_path
from weft.model.pointer import SUFFIX
from weft.model.stage import Stage
from weft.pipeline.fingerprint import is_at_or_below
from weft.pipeline.graph import Graph
from weft.pipeline.validate import data, stages
from weft.pipeline.validate.context import Context
from weft.pipeline.validate.record_rules import record_rules
from weft.pipeline.validate.scope import ancestors, participants
from weft.pipeline.validate.violations import Violation


class Judged(NamedTuple):
    """What is found of the results of a stage, frozen or not.

    ``causes`` are the inputs that are other ones than its recorded run used, or are not there any more, each in few words.
    ``wrong`` is what is false: paths of results, or of the record, each with what is not right there.
    """

    causes: tuple[str, ...] = ()
    wrong: tuple[tuple[str, str], ...] = ()


def judge(context: Context, stage: Stage) -> Judged:
    """What is stale and what is false of ``stage``."""
    record = context.record(stage.name)
    if record is None:
        return Judged((), _unrecorded(context, stage))
    found = list(_violations(context, stage, record))
    # What is declared no more need not be among what is looked at, so nothing is said of where it went.
    near = _reach(context, stage)
    causes = [one.cause for one in found if one.cause and (not one.gone or _within(one.cause, near))]
    causes += [path for path in _unreadable(context, stage, record) if _within(path, near)]
    wrong = [one for one in found if one.severity == "error" and not one.cause]
    return Judged(tuple(dict.fromkeys(causes)), _false(context, stage, record, wrong))


def above(graph: Graph, found: Mapping[str, Judged]) -> dict[str, tuple[str, ...]]:
    """The stale stages that each stage of ``found`` reads from itself, where stale is what reads from a stale one too. As
    ``weft repro`` plans it, a frozen stage makes none stale that reads from it."""
    told: dict[str, tuple[str, ...]] = {}
    late: set[str] = set()
    for name in graph.order():
        if name in found:
            told[name] = tuple(one for one in graph.upstream(name) if one in late)
            if (told[name] or found[name].causes) and not graph.stages[name].frozen:
                late.add(name)
    return told


def _violations(context: Context, stage: Stage, record: Record) -> Iterator[Violation]:
    yield from record_rules(context, record, stage)
    told = list(data.data(context, record, stage, []))
    yield from told
    graph = context.graph()
    if graph is None or record.stage != stage.name:
        return
    for above in _makers(graph, record):
        made = context.record(above.name)
        told += data.data(context, made, above, []) if made is not None else ()
    yield from data.upstream(context, graph, record, told)


def _reach(context: Context, stage: Stage) -> list[str]:
    """The paths at and below which the inputs of ``stage`` lie; the empty one stands for everything."""
    if any(context.mode(path) == LINK for path in context.reading(stage).code):
        return [""]
    return [*stage.deps, *(one.file for one in stage.params), *filter(None, [stage.env.lockfile])]


def _within(path: str, near: Iterable[str]) -> bool:
    return any(not top or is_at_or_below(path, top) for top in near)


def _unreadable(context: Context, stage: Stage, record: Record) -> Iterator[str]:
    """Inputs of the run which nobody can read; the rules tell of each such file once, and of no stage."""
    yield from (ref.path for ref in record.deps if context.pointer(ref.inside or ref.path) is None)
    yield from (one.file for one in stage.params if one.file in record.params and context.params(one.file) is None)


def _unrecorded(context: Context, stage: Stage) -> tuple[tuple[str, str], ...]:
    """What is false where no record can be read: all results that are there, and the record, if there is one."""
    path = record_path(stage.name)
    there = tuple(out.path for out in stage.outs if stages.results(context, out))
    if path not in context.index:
        text = f"is there, and no record says which run made it: weft repro {stage.name}"
        return tuple((out, text) for out in there)
    fault = next((one.message for one in context.found if one.path == path), "it is no plain file")
    return (path, f"cannot be read: {fault}"), *((out, f"is there, and {path} cannot be read") for out in there)


def _false(context: Context, stage: Stage, record: Record, found: Iterable[Violation]) -> tuple[tuple[str, str], ...]:
    path = record_path(stage.name)
    broken = [ref.path for ref in record.outs if context.broken((ref.inside or ref.path) + SUFFIX)]
    lines = {(out, "its pointer cannot be read"): None for out in broken}
    for one in found:
        if one.result:
            there = context.owner(one.result) or context.at_or_below(one.result)
            text = f"is not what the run of {stage.name} wrote" if there else f"is gone, and {path} tells of it"
            # Of what is no out any more the stage is stale.
            if any(is_at_or_below(one.result, out.path) for out in stage.outs):
                lines[one.result, text] = None
        elif one.path == path:
            lines[path, one.message] = None
    return tuple(lines)


def _makers(graph: Graph, record: Record) -> list[Stage]:
    names = dict.fromkeys(graph.producer_of(ref.path) for ref in record.deps)
    return [graph.stages[name] for name in names if name]


def fetch(context: Context, stages: Iterable[Stage]) -> None:
    """Read in one go what ``judge`` will ask for."""
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
    """The paths on which ``judge`` depends, beside the stage file: as long as nothing at or below any of them changes, its
    answer stays. The empty path stands for everything."""
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
