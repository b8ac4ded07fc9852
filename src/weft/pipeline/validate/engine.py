"""Phases A and B over one snapshot: every rule, every violation, each once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from weft.model.lineage import record_path, stage_of_record
from weft.model.paths import CONFIG_PATH
from weft.model.pointer import SUFFIX
from weft.pipeline.graph import Graph
from weft.pipeline.validate import code, data, names, records, secrets, stages
from weft.pipeline.validate.context import Context, redeclares, stage_files
from weft.pipeline.validate.data import Inside
from weft.pipeline.validate.record_rules import record_rules
from weft.pipeline.validate.scope import Scope, find_scope
from weft.pipeline.validate.violations import Violation
from weft.util.later import later

if TYPE_CHECKING:
    from weft.pipeline.validate import kept_figures, remotes
    from weft.pipeline.validate.kept_figures import Measured
else:
    kept_figures, remotes = later("weft.pipeline.validate.kept_figures"), later("weft.pipeline.validate.remotes")


class Report(NamedTuple):
    """What was found, of frozen stages too, ordered by file, line and rule; ``scope`` is what was looked at, ``inside`` what
    only manifests can prove, ``measured`` what only metrics files can that weft keeps."""

    violations: tuple[Violation, ...]
    scope: Scope
    inside: tuple[Inside, ...] = ()
    measured: tuple[Measured, ...] = ()


def check(context: Context) -> Report:
    """Run the rules of phases A and B. Raises ``GitFailed`` when Git cannot be read."""
    if not context.changes and not context.whole:
        return Report((), Scope((), (), ()))
    scope = find_scope(context)
    inside: list[Inside] = []
    found = [*names.unmerged(context), *names.large_files(context), *names.bytes_for_pointers(context)]
    found += names.plain_names(context)
    if CONFIG_PATH in context.changes:
        found += remotes.changed(context)
    if not scope.empty or redeclares(context) or _deletions(context):
        _prefetch(context, scope)
        found += _text_rules(context, scope, inside)
    found += context.found
    return Report(tuple(_in_order(found)), scope, tuple(inside), tuple(_measured(context, scope)))


def _measured(context: Context, scope: Scope) -> Iterator[Measured]:
    for name in scope.stages:
        record, stage = context.record(name), context.stages()[name]
        if record is not None and any(out.kind == "metrics" and out.cache for out in stage.outs):
            yield from kept_figures.measured(record, stage)


def _deletions(context: Context) -> bool:
    return any(change.status == "D" for change in context.changes.values())


def _prefetch(context: Context, scope: Scope) -> None:
    """Read in one go what the rules will ask for."""
    known = context.stages()
    wanted = [record_path(name) for name in (*scope.stages, *scope.gone)]
    wanted += [path + SUFFIX for path in scope.pointers]
    for name in scope.stages:
        stage = known[name]
        wanted += [path + SUFFIX for path in stage.deps]
        wanted += [out.path + (SUFFIX if out.cache else "") for out in stage.outs if out.cache or out.kind == "metrics"]
        wanted += [params.file for params in stage.params]
    context.fetch(wanted)


def _text_rules(context: Context, scope: Scope, inside: list[Inside]) -> Iterator[Violation]:
    declared = context.stages()
    graph = context.graph()
    yield from data.identity(context, scope.pointers)
    context.ignores()
    for name in scope.gone:
        context.record(name)
    yield from records.no_stages(context, scope.gone)
    told: list[Violation] = []
    for name in scope.stages:
        record = context.record(name)
        yield from code.notebooks(context, declared[name])
        if graph is not None:
            yield from stages.dangling(context, graph, declared[name])
        if record is not None:
            yield from record_rules(context, record, declared[name])
            told += data.data(context, record, declared[name], inside)
    yield from told
    if graph is not None:
        yield from _graph_rules(context, graph, scope, told)
    yield from stages.still_used(context, scope.stages)
    yield from _scan(context, scope)


def _graph_rules(context: Context, graph: Graph, scope: Scope, told: list[Violation]) -> Iterator[Violation]:
    declared = context.stages()
    yield from stages.alone(context, scope.stages)
    for name in scope.stages:
        record = context.record(name)
        if record is not None and record.stage == name:
            yield from data.upstream(context, graph, record, told)
    outs = [out.path for name in scope.stages for out in declared[name].outs if out.cache]
    yield from data.rationale(context, graph, dict.fromkeys([*scope.pointers, *outs]))


def _scan(context: Context, scope: Scope) -> Iterator[Violation]:
    """Rules 12 and 21, over the texts that this commit changes."""
    own = [record_path(name) for name in (*scope.stages, *scope.gone)]
    for path in own:
        if _is_new(context, path):
            yield from secrets.machine(path, _decoded(context, path), stage_of_record(path))
    own += [path + SUFFIX for path in scope.pointers] + [*stage_files(context)]
    figures_of = [known for name in scope.stages if (known := context.stages()[name])]
    for stage in figures_of:
        if not isinstance(stage.cmd, str) and _is_new(context, stage.file):  # its words may stand on lines of their own
            for one in secrets.secrets(stage.file, " ".join(stage.cmd), holds_ids=True):
                yield replace(one, line=stage.line)
    others = [params.file for stage in figures_of for params in stage.params]
    others += [out.path for stage in figures_of for out in stage.outs if out.kind == "metrics" and not out.cache]
    for path in dict.fromkeys(own + others):
        if _is_new(context, path):
            yield from secrets.secrets(path, _decoded(context, path), holds_ids=path in own)


def _is_new(context: Context, path: str) -> bool:
    return context.touched(path) or (context.whole and path in context.index)


def _decoded(context: Context, path: str) -> str:
    return (context.text(path) or b"").decode("utf-8", "replace")


def _in_order(found: list[Violation]) -> list[Violation]:
    return sorted(dict.fromkeys(found), key=lambda one: (one.path, one.line, one.rule, one.message))
