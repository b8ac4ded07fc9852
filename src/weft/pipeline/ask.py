"""Questions to the graph of stages and to their records: where data comes from, and what depends on it. Pure; facts about
earlier commits come from the caller."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from weft.model.lineage import DataRef, Record
from weft.model.stage import Stage
from weft.pipeline.fingerprint import is_at_or_below
from weft.pipeline.graph import Graph
from weft.pipeline.plan import Reason

DATA, FILE, PARAMS = "data", "file", "params"
"""What a stage reads: data behind a pointer, files that Git keeps, values of a params file."""


@dataclass(frozen=True, slots=True)
class Use:
    """Something that a stage reads or writes.

    ``kind`` is one of ``data``, ``file`` and ``params``; ``oid`` the object id of data, the Git blob id of one file, empty
    when there is no record, or when a directory of code has several files. ``size`` is bytes of data. ``step`` is the key
    of the step that wrote it, empty for a source. ``inside`` is the tracked directory that it is a part of.
    """

    path: str
    kind: str
    oid: str = ""
    size: int = 0
    files: int = 1
    values: Mapping[str, Any] = field(default_factory=dict)
    step: str = ""
    inside: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One run of a stage, or a stage that no record tells of (``recorded`` is False).

    ``key`` is the name of the stage; for a run that only another commit tells of it is ``COMMIT:STAGE``, and ``commit``
    that commit; for one that no record tells of, though the stage has a record of another, it is ``?:STAGE``. ``stale``
    says why the stage would run again, if it were not ``frozen``. ``accepted`` tells that nothing ran: a record was accepted
    by hand.
    """

    key: str
    stage: str
    cmd: str | tuple[str, ...]
    reads: tuple[Use, ...]
    writes: tuple[Use, ...]
    recorded: bool = True
    commit: str = ""
    stale: tuple[Reason, ...] = ()
    frozen: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """A record, and the commit it was found in; empty for the commit that is asked about."""

    record: Record
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """A stage that a change would make stale.

    ``reads`` is what it declares to read of what changes, ``after`` the stages it reads from that are reached themselves,
    ``outs`` what it writes. ``distance`` is how many stages it is away (1: it reads what changes); ``frozen`` says that
    ``repro`` leaves it alone.
    """

    stage: str
    distance: int
    reads: tuple[str, ...]
    after: tuple[str, ...]
    outs: tuple[str, ...]
    frozen: bool = False


FindRun = Callable[[str, str, str], Known | None]
"""From stage, path and oid (empty: whatever there is) to the run that wrote it."""

Look = Callable[[str], Use]
"""From a path that a stage declares to what is there."""


def trace(graph: Graph, start: Use, find: FindRun, look: Look) -> tuple[str, tuple[Step, ...]]:
    """The steps that lead to ``start``, the last one first, and the key of the one that wrote it (empty: a source).

    What a step read is followed by the oid that its record names, so the answer is what was, not what the graph would do
    now. ``find`` is asked once for each path and oid.
    """
    steps: dict[str, Step] = {}
    known: dict[tuple[str, str], str] = {}
    waiting: deque[tuple[str, Known | None, str]] = deque()

    def producer(use: Use) -> str:
        question = (use.path, use.oid)
        if question not in known:
            name = graph.producer_of(use.path)
            run = find(name, use.path, "" if use.inside else use.oid) if name else None
            key = _key(name, run, use.oid)
            if key:
                waiting.append((key, run, name))
            known[question] = key
        return known[question]

    first = producer(start)
    while waiting:
        key, run, name = waiting.popleft()
        if key in steps:
            continue
        made = step_of(graph, name, run.record if run else None, look)
        reads = tuple(replace(use, step=producer(use)) for use in made.reads)
        steps[key] = replace(made, key=key, reads=reads, commit=run.commit if run else "")
    return first, tuple(steps.values())


def _key(name: str, run: Known | None, oid: str) -> str:
    if name and run is None and oid:
        return f"?:{name}"  # not the run that is recorded: that one wrote something else
    return f"{run.commit[:12]}:{name}" if run and run.commit else name


def step_of(graph: Graph, name: str, record: Record | None, look: Look) -> Step:
    """What the stage ``name`` reads and writes: as its ``record`` tells, else as it is declared."""
    stage = graph.stages[name]
    if record is None:
        return declared_step(graph, name, look)
    deps = [_data(ref) for ref in record.deps]
    writes = [*map(_data, record.outs), *(Use(path, FILE, blob) for path, blob in sorted(record.files.items()))]
    params = [Use(name, PARAMS, values=named(values)) for name, values in sorted(record.params.items())]
    lock = [Use(record.env["lockfile"], FILE, record.env.get("lockfile_blob", ""))] if "lockfile" in record.env else []
    reads = (*deps, *_code(stage, record), *params, *lock)
    accepted = record.run is not None and record.run.accepted is not None
    return Step(stage.name, stage.name, record.cmd, reads, tuple(writes), accepted=accepted)


def _data(ref: DataRef) -> Use:
    return Use(ref.path, DATA, str(ref.oid), ref.size, ref.files, inside=ref.inside)


def _code(stage: Stage, record: Record) -> list[Use]:
    """The files of code, those of a declared directory as one."""
    found: dict[str, list[str]] = {}
    for path in sorted(record.code):
        top = next((dep for dep in stage.deps if is_at_or_below(path, dep)), path)
        found.setdefault(top, []).append(path)
    return [
        Use(top, FILE, record.code[paths[0]] if paths == [top] else "", files=len(paths))
        for top, paths in found.items()
    ]


def declared_step(graph: Graph, name: str, look: Look) -> Step:
    """What the stage ``name`` declares to read and write, and what is there of it; a directory of code is one, and one with
    outs of other stages in it is these outs."""
    stage = graph.stages[name]
    params = [Use(one.file, PARAMS, values=dict.fromkeys(one.keys)) for one in stage.params]
    read = [*stage.deps, *([stage.env.lockfile] if stage.env.lockfile else [])]
    found = (use for path in read for use in _declared_reads(graph, path, look))
    reads = (*found, *params)
    return Step(stage.name, stage.name, stage.cmd, reads, tuple(look(out.path) for out in stage.outs), False)


def _declared_reads(graph: Graph, path: str, look: Look) -> list[Use]:
    whole = look(path)
    outs = [out.path for name in graph.producers_of(path) for out in graph.stages[name].outs]
    below = [look(out) for out in outs if out.startswith(path + "/")]
    return [*below, *([whole] if whole.kind == FILE and whole.files else [])] if below else [whole]


def named(value: Any) -> Any:
    """``value`` with NaN and infinities by name, for JSON has none."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: named(item) for key, item in value.items()}
    return [named(item) for item in value] if isinstance(value, (list, tuple)) else value


def wrote(record: Record, path: str, oid: str) -> bool:
    """True when ``record`` tells of writing ``path`` as ``oid`` (empty: as whatever); of a part of an out no record tells
    the oid, so the out itself stands for it."""
    for ref in record.outs:
        if ref.path == path:
            return not oid or str(ref.oid) == oid
        if is_at_or_below(path, ref.path) or is_at_or_below(ref.path, path):
            return True
    if path in record.files:
        return not oid or record.files[path] == oid
    return any(is_at_or_below(name, path) for name in record.files)


def impact(graph: Graph, changed: Iterable[str], keys: Sequence[str] = ()) -> tuple[Reached, ...]:
    """The stages that a change of the paths ``changed`` would make stale, each behind those it reads from.

    With ``keys`` only these keys (dotted; one that names a mapping means all below) of a params file change.
    """
    paths = tuple(changed)
    found: dict[str, Reached] = {}
    for name in graph.order():
        stage = graph.stages[name]
        reads = _reads_of(stage, paths, keys)
        after = tuple(above for above in graph.upstream(name) if above in found)
        if reads or after:
            distance = 1 if reads else 1 + min(found[above].distance for above in after)
            found[name] = Reached(name, distance, reads, after, tuple(out.path for out in stage.outs), stage.frozen)
    return tuple(found.values())


def _reads_of(stage: Stage, paths: Iterable[str], keys: Sequence[str]) -> tuple[str, ...]:
    """What ``stage`` declares to read that touches ``paths``."""
    found: list[str] = []
    for path in paths:
        if not keys:
            read = [*stage.deps, *([stage.env.lockfile] if stage.env.lockfile else [])]
            found += [dep for dep in read if is_at_or_below(dep, path) or is_at_or_below(path, dep)]
        for one in stage.params:
            if is_at_or_below(one.file, path) and (not keys or _touches(one.keys, keys)):
                found.append(one.file)
    return tuple(dict.fromkeys(found))


def _touches(used: Sequence[str], changed: Sequence[str]) -> bool:
    return not used or any(_is_key_below(one, other) or _is_key_below(other, one) for one in used for other in changed)


def _is_key_below(key: str, top: str) -> bool:
    return key == top or key.startswith((top + ".", top + "["))
