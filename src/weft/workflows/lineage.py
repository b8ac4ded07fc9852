"""``weft lineage``: where data comes from, what explains it, and what depends on it; from Git alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from weft.errors import NoSuchPath, NoSuchStage, StageFault, UsageFault
from weft.gitio import trees
from weft.gitio.snapshots import has_snapshot
from weft.gitio.versions import Brought, brought_in
from weft.model.lineage import Record, RunFacts, record_path
from weft.model.pointer import SUFFIX
from weft.model.stage import STAGE_FILE
from weft.pipeline.ask import (
    DATA,
    FILE,
    PARAMS,
    Known,
    Reached,
    Step,
    Use,
    declared_step,
    impact,
    named,
    step_of,
    trace,
)
from weft.pipeline.plan import Reason
from weft.workflows.lineage_scene import Scene, open_scene
from weft.workflows.lineage_stale import Staleness
from weft.workflows.targets import path_in, pointer_path

__all__ = [
    "DATA",
    "FILE",
    "PARAMS",
    "Brought",
    "GraphResult",
    "ImpactResult",
    "Reached",
    "Reason",
    "Run",
    "ShowResult",
    "Step",
    "Use",
    "WhyResult",
    "graph",
    "show",
    "what_if",
    "why",
]


@dataclass(frozen=True, slots=True)
class ShowResult:
    """The steps that lead to ``item``, the last one first, each with its inputs and where they come from.

    ``commit`` is the full id of the commit that ``revision`` names; both are empty for the work tree. ``notes`` say what
    the answer leaves open.
    """

    path: str
    revision: str
    commit: str
    item: Use
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a lineage record tells of a run; the fields that are not explained here are those of the record.

    ``found_in`` is the commit that the record was found in when another run is recorded in the one asked about, else empty.
    ``recorded`` is the commit that brought the record in, None when it is not committed. ``kept_here`` says that this clone
    has the snapshot: it stays in the one that made it.
    """

    stage: str
    cmd: str | tuple[str, ...]
    wdir: str
    reads: tuple[Use, ...]
    code: Mapping[str, str]
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    env: Mapping[str, Any]
    determinism: Mapping[str, Any]
    rationale: str
    author: str
    base: str
    dirty: bool
    snapshot: str
    changed: tuple[str, ...]
    reused: str
    facts: RunFacts | None
    found_in: str = ""
    recorded: Brought | None = None
    kept_here: bool = False
    reused_author: str = ""


@dataclass(frozen=True, slots=True)
class WhyResult:
    """What explains ``item``. ``stage`` writes it (empty: it is a source), ``run`` is the one that did, None when no record
    tells of it. ``brought`` is the commit that gave it its present content, None when it is not committed; ``source`` what
    the pointer says of its origin; ``stale`` why the stage would run again now."""

    path: str
    revision: str
    commit: str
    item: Use
    stage: str = ""
    run: Run | None = None
    brought: Brought | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    stale: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImpactResult:
    """The stages that a change of ``path`` (of its ``keys`` alone, if there are some) would make stale, in the order in
    which they would run. ``outs`` is all that they write; ``stale`` names those that are stale already, ``why_stale`` says
    why."""

    path: str
    keys: tuple[str, ...]
    revision: str
    commit: str
    stages: tuple[Reached, ...]
    stale: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    why_stale: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)

    @property
    def outs(self) -> tuple[str, ...]:
        """Everything that the stages write which would run again."""
        return tuple(out for stage in self.stages if not stage.frozen for out in stage.outs)


@dataclass(frozen=True, slots=True)
class GraphResult:
    """The stages as they are declared, each behind those it reads from, with why they are stale."""

    path: str
    revision: str
    commit: str
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


def show(start: str, path: str, rev: str = "") -> ShowResult:
    """What led to ``path`` (or to the first out of the stage of that name) in the commit ``rev``, up to the sources.

    Runs that only other commits tell of are found there. Raises as ``open_scene``, and ``NoSuchPath``.
    """
    with open_scene(start, rev) as scene:
        item = scene.look(_target(scene, start, path))
        key, steps = trace(scene.graph, item, scene.find_run, scene.look)
        here = [step.stage for step in steps if not step.commit]
        stale = Staleness(scene).of(scene.graph.order(here) if here else ())
        stages = scene.graph.stages
        told = tuple(
            step if step.commit else replace(step, stale=stale[step.stage], frozen=stages[step.stage].frozen)
            for step in steps
        )
        return ShowResult(item.path, rev, scene.commit, replace(item, step=key), told, tuple(scene.notes))


def why(start: str, path: str, rev: str = "") -> WhyResult:
    """What explains ``path`` in the commit ``rev``: the run that wrote it, with all it used, and the commits.

    Raises as ``show`` does.
    """
    with open_scene(start, rev) as scene:
        item = scene.look(_target(scene, start, path))
        owner = scene.owner(item.path) if item.inside else item.path
        pointer = scene.pointer(owner)
        brought = _brought(scene, pointer_path(owner) if pointer else item.path)
        source = dict(pointer.source) if pointer else {}
        name = scene.graph.producer_of(item.path)
        item = replace(item, step=name)
        made = WhyResult(item.path, rev, scene.commit, item, name, brought=brought, source=named(source))
        if name:
            known = scene.find_run(name, item.path, item.oid)
            stale = Staleness(scene).of(scene.graph.order([name]))[name]
            made = replace(made, run=_run(scene, known) if known else None, stale=stale)
        return replace(made, notes=tuple(scene.notes))


def what_if(start: str, path: str, rev: str = "") -> ImpactResult:
    """What a change of ``path`` would make stale. ``FILE:KEY`` means one value of a params file, the name of a stage all
    that it writes. Raises as ``show`` does."""
    with open_scene(start, rev) as scene:
        file, _, key = path.partition(":")
        keys: tuple[str, ...] = ()
        place = _known_path(scene, start, path)
        if place is None and key and (place := _known_path(scene, start, file)) is not None:
            keys = (key,)
        outs = [place] if place is not None else _outs_of(scene, path)
        reached = impact(scene.graph, outs, keys)
        stale = Staleness(scene).of(scene.graph.order([one.stage for one in reached]) if reached else ())
        late = tuple(one.stage for one in reached if stale[one.stage])
        shown = place if place is not None else path
        reasons = {name: stale[name] for name in late}
        return ImpactResult(shown, keys, rev, scene.commit, reached, late, tuple(scene.notes), reasons)


def graph(start: str, path: str = "", rev: str = "") -> GraphResult:
    """All stages of the commit ``rev``, or those that lead to ``path`` and follow from it. Raises as ``show`` does, and
    ``StageFault`` when none are declared."""
    with open_scene(start, rev) as scene:
        if not scene.declared:
            raise StageFault(
                f"{rev or 'this repository'} declares no stages: it has no {STAGE_FILE}",
                hint="weft run -n NAME -d DEP -o OUT -- COMMAND, which runs a command and declares it",
                path=STAGE_FILE,
            )
        order = scene.graph.order()
        place = path and _known_path(scene, start, path)
        if path:
            near = set(scene.graph.producers_of(place)) if place else set(scene.find(path))
            below = {one.stage for one in impact(scene.graph, [place] if place else _outs_of(scene, path))}
            wanted = near | scene.graph.ancestors(near) | below
            order = tuple(name for name in order if name in wanted)
        stale = Staleness(scene).of(scene.graph.order(order) if order else ())
        steps = tuple(_declared(scene, name, stale[name]) for name in order)
        return GraphResult(place or path, rev, scene.commit, steps, tuple(scene.notes))


def _declared(scene: Scene, name: str, stale: tuple[Reason, ...]) -> Step:
    made = declared_step(scene.graph, name, scene.look)
    reads = tuple(replace(use, step=scene.graph.producer_of(use.path)) for use in made.reads)
    record = scene.record(name)[0]
    by_hand = record is not None and record.accepted is not None
    frozen = scene.graph.stages[name].frozen
    return replace(made, reads=reads, stale=stale, recorded=record is not None, frozen=frozen, accepted=by_hand)


def _known_path(scene: Scene, start: str, text: str) -> str | None:
    """The path that was typed, from the root; None when nothing of that name is there. Raises ``PathEscape``."""
    path = path_in(scene.git.root, os.path.realpath(start), text)
    return path if path and scene.exists(path) else None


def _outs_of(scene: Scene, text: str) -> list[str]:
    try:
        names = scene.find(text)
    except NoSuchStage:
        where = f" in {scene.commit[:12]}" if scene.commit else ""
        raise NoSuchPath(
            f"neither Git nor weft keeps {text}{where}, and no stage has that name",
            hint="weft ls lists tracked data, and weft lineage graph the stages",
            path=text,
        ) from None
    return [out.path for name in names for out in scene.graph.stages[name].outs]


def _target(scene: Scene, start: str, text: str) -> str:
    path = _known_path(scene, start, text)
    outs = [path] if path is not None else _outs_of(scene, text)
    members = scene.find(text) if path is None else ()
    if len(members) > 1:
        raise UsageFault(f"{text} means {len(members)} stages: {', '.join(members[:5])}", hint="name one of them")
    if not outs:
        raise NoSuchPath(f"the stage {text} writes nothing that could be asked about", path=text)
    if path is None or scene.look(path).oid or scene.owner(path) or path in scene.graph.producer:
        return outs[0]
    return _only_one(scene, path)


def _only_one(scene: Scene, path: str) -> str:
    """What is meant by a directory that is not tracked itself: the one tracked path in it, or the files that Git keeps."""
    below = [name.removesuffix(SUFFIX) for name in scene.files.at_or_below(path) if trees.is_pointer(name)]
    outs = [out for out in scene.graph.producer if out.startswith(path + "/")]
    found = sorted({*below, *outs})
    if len(found) > 1:
        names = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
        raise UsageFault(
            f"{path} holds several that came to be on their own: {names}", hint="name one of them", path=path
        )
    return found[0] if found else path


def _brought(scene: Scene, path: str, commit: str = "") -> Brought | None:
    """The commit that gave the file ``path`` its content; None for one that is not committed as it is."""
    commit = commit or scene.commit
    if not commit:
        commit = trees.head(scene.git) or ""
        if not commit or trees.uncommitted(scene.git, scene.files.at_or_below(path) or [path]):
            return None
    found = brought_in(scene.git, commit, path)
    if found and found.cut:
        scene.notes[f"history is cut at {found.commit[:12]} (a shallow clone): {path} may be older"] = None
    return found


def _run(scene: Scene, known: Known) -> Run:
    record: Record = known.record
    reads = step_of(scene.graph, record.stage, record, scene.look).reads
    return Run(
        stage=record.stage,
        cmd=record.cmd,
        wdir=record.wdir,
        reads=tuple(use for use in reads if use.kind == DATA),
        code=record.code,
        params=named(record.params),
        metrics=named(record.metrics),
        env=named(record.env),
        determinism=named(record.determinism),
        rationale=record.rationale,
        author=record.author,
        base=record.base,
        dirty=record.dirty,
        snapshot=record.snapshot,
        changed=record.changed,
        reused=record.reused_run,
        reused_author=record.reused.author if record.reused else "",
        facts=record.run,
        found_in=known.commit,
        recorded=_brought(scene, record_path(record.stage), known.commit),
        kept_here=bool(record.snapshot) and has_snapshot(scene.git, record.snapshot),
    )
