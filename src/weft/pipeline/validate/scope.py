"""What a commit touches: the stages whose claims it may have made false, and rule 1, whether there is any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from weft.formats.stagefile import stage_text
from weft.gitio.index import Change
from weft.model.lineage import PACKAGES, is_record, record_path, stage_of_record
from weft.model.pointer import SUFFIX
from weft.model.stage import Stage
from weft.pipeline.validate.context import Context, redeclares


class Scope(NamedTuple):
    """``stages`` are declared and to be checked, in their order; ``gone`` are stages that weft.yaml does not declare (any
    more) whose record is there; ``pointers`` are data paths whose pointer was added or changed, sorted."""

    stages: tuple[str, ...]
    gone: tuple[str, ...]
    pointers: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """True when there is nothing of weft's to check."""
        return not (self.stages or self.gone or self.pointers)


def find_scope(context: Context) -> Scope:
    """What must be checked: everything for a look at the whole, else what the changes can have made false.

    A commit whose parent is right and whose touched parts are right is right, so the rest need not be looked at.
    """
    stages = context.stages()
    if context.whole:
        names = list(context.index)
        touched = tuple(stages)
    else:
        names = [path for path, change in context.changes.items() if change.blob]
        touched = _touched(context, stages)
    gone = {stage_of_record(path) for path in names if is_record(path)} - set(stages)
    if redeclares(context) and not context.whole:
        before = context.old_stages()
        gone |= {name for name in before or () if name not in stages and record_path(name) in context.index}
    pointers = sorted(path[: -len(SUFFIX)] for path in names if _is_pointer(path))
    return Scope(touched, tuple(sorted(gone)), tuple(pointers))


def participants(stage: Stage) -> Iterator[str]:
    """Every path that a stage names, data without the suffix of pointers."""
    yield from stage.deps
    for out in stage.outs:
        yield out.path
    for params in stage.params:
        yield params.file
    if stage.env.lockfile:
        yield stage.env.lockfile


def ancestors(path: str) -> Iterator[str]:
    """``path`` and every directory above it."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def _touched(context: Context, stages: Mapping[str, Stage]) -> tuple[str, ...]:
    hit = _redeclared(context, stages) if redeclares(context) else set()
    hit |= {stage_of_record(path) for path in context.changes if is_record(path)}
    if any(path.startswith(PACKAGES + "/") and not is_record(path) for path in context.changes):
        return tuple(stages)  # any record may name one
    naming, above = _names(stages.values())
    _add_linked(context, stages, naming)
    for path, change in context.changes.items():
        data = path[: -len(SUFFIX)] if _is_pointer(path) else path
        for place in ancestors(data):
            hit |= naming.get(place, set())
        if data != path and _other_data(change):
            hit |= above.get(data, set())
    return tuple(name for name in stages if name in hit or _below_hit(stages[name], hit, context))


def _below_hit(stage: Stage, hit: set[str], context: Context) -> bool:
    """Whether a stage reads what a touched one makes: rule 17 compares the two."""
    graph = context.graph()
    return graph is not None and not hit.isdisjoint(graph.upstream(stage.name))


def _redeclared(context: Context, stages: Mapping[str, Stage]) -> set[str]:
    before = context.old_stages()
    if before is None:
        return set(stages)
    return {name for name in {**before, **stages} if not _runs_alike(before.get(name), stages.get(name))}


def _runs_alike(old: Stage | None, new: Stage | None) -> bool:
    if old is None or new is None:
        return False
    # To make the texts takes long, and few of many stages differ in more than their line.
    return replace(old, line=new.line) == new or stage_text(old) == stage_text(new)


def _names(stages: Iterable[Stage]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Stages by each path that they name, and by each directory above such a path."""
    naming: dict[str, set[str]] = {}
    above: dict[str, set[str]] = {}
    for stage in stages:
        for path in participants(stage):
            naming.setdefault(path, set()).add(stage.name)
            for place in ancestors(path):
                above.setdefault(place, set()).add(stage.name)
    return naming, above


def _add_linked(context: Context, stages: Mapping[str, Stage], naming: dict[str, set[str]]) -> None:
    """Put what the links below dependencies lead to beside what the stages name."""
    links = context.index.links()
    for name in {name for link in links for place in ancestors(link) for name in naming.get(place, ())}:
        found = context.reading(stages[name])
        for path in (*found.code, *found.tops, *(lead.target for lead in found.leads)):
            naming.setdefault(path, set()).add(name)


def _other_data(change: Change) -> bool:
    return change.old_blob != change.blob


def _is_pointer(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.endswith(SUFFIX) and name != SUFFIX and not path.startswith(".weft/")
