"""The graph of stages: who writes what another one reads."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from weft.errors import GraphFault, NoSuchStage
from weft.model.stage import STAGE_FILE, Stage

_PATTERN = frozenset("*?[")  # no name of a stage has one of them


@dataclass(frozen=True)
class Graph:
    """Stages and the edges between them, free of cycles.

    ``producer`` maps the path of every out, of whatever kind, to the stage that writes it.
    """

    stages: Mapping[str, Stage]
    producer: Mapping[str, str]
    _up: Mapping[str, tuple[str, ...]] = field(repr=False)
    _down: Mapping[str, tuple[str, ...]] = field(repr=False)
    _below: Mapping[str, tuple[str, ...]] = field(repr=False)
    _order: tuple[str, ...] = field(repr=False)

    @classmethod
    def build(cls, stages: Mapping[str, Stage]) -> Graph:
        """Make the graph of ``stages``.

        Raises ``GraphFault`` when two stages write the same path or one inside that of the other, or when there is a
        cycle; a stage that reads what it writes is one.
        """
        producer, below = _producers(stages)
        up = {name: _upstream_of(stage, producer, below) for name, stage in stages.items()}
        down: dict[str, list[str]] = {name: [] for name in stages}
        for name, sources in up.items():
            for source in sources:
                down[source].append(name)
        return cls(
            stages=stages,
            producer=producer,
            _up=up,
            _down={name: tuple(targets) for name, targets in down.items()},
            _below=below,
            _order=_sorted(stages, up),
        )

    def upstream(self, name: str) -> tuple[str, ...]:
        """The stages whose outs ``name`` reads itself."""
        return self._up[name]

    def downstream(self, name: str) -> tuple[str, ...]:
        """The stages that read an out of ``name`` themselves."""
        return self._down[name]

    def ancestors(self, names: Iterable[str]) -> frozenset[str]:
        """All stages that ``names`` depend on, near or far, but not themselves unless another of them depends on it."""
        return _reached(names, self._up)

    def descendants(self, names: Iterable[str]) -> frozenset[str]:
        """All stages that depend on ``names``, near or far."""
        return _reached(names, self._down)

    def order(self, names: Iterable[str] | None = None) -> tuple[str, ...]:
        """``names`` and all they depend on, each behind what it depends on, else in the order of the file; all stages for
        None. Raises ``NoSuchStage`` as ``find`` does."""
        if names is None:
            return self._order
        asked = {stage for name in names for stage in self.find(name)}
        wanted = asked | self.ancestors(asked)
        return tuple(name for name in self._order if name in wanted)

    def onward(self, names: Iterable[str]) -> tuple[str, ...]:
        """``names`` and all that depends on them, in the order in which they run. Raises ``NoSuchStage`` as ``find``."""
        asked = {stage for name in names for stage in self.find(name)}
        wanted = asked | self.descendants(asked)
        return tuple(name for name in self._order if name in wanted)

    def find(self, name: str, here: str = "") -> tuple[str, ...]:
        """The stage ``name``, all members of the ``foreach`` or ``matrix`` or of the folder project of that name, or, where
        ``name`` has one of the signs ``* ? [``, all stages that match it as a pattern; what is in the project ``here`` goes
        before what is meant from the top. Raises ``NoSuchStage``."""
        members = self._meant(posixpath.normpath(posixpath.join(here, name))) if here else ()
        members = members or self._meant(name)
        if not members:
            known = ", ".join(list(self.stages)[:10])
            raise NoSuchStage(
                f"there is no stage {name[:120]!a} in {STAGE_FILE}",
                hint=f"its stages are: {known}" if known else f"declare one in {STAGE_FILE}, or with: weft run -n NAME",
            )
        return members

    def _meant(self, name: str) -> tuple[str, ...]:
        if name in self.stages:
            return (name,)
        if _PATTERN.isdisjoint(name):
            return tuple(stage for stage in self.stages if stage.startswith((name + "@", name + "/")))
        return tuple(stage for stage in self.stages if fnmatchcase(stage, name))

    def producer_of(self, path: str) -> str:
        """The stage that writes ``path``, what it lies in, or something inside it (then the first of them); else empty."""
        return next(iter(self.producers_of(path)), "")

    def producers_of(self, path: str) -> tuple[str, ...]:
        """All stages that write ``path``, what it lies in, or something inside it, in the order of the file."""
        return _producers_of(path, self.producer, self._below)


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _producers_of(path: str, producer: Mapping[str, str], below: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    for place in (path, *_parents(path)):
        if place in producer:
            return (producer[place],)
    return below.get(path, ())


def _producers(stages: Mapping[str, Stage]) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """The stage by out, and the stages by every directory above their outs."""
    producer: dict[str, str] = {}
    for name, stage in stages.items():
        for out in stage.outs:
            other = producer.setdefault(out.path, name)
            if other != name:
                raise _claimed(stages, (other, name), (out.path, out.path))
    below: dict[str, dict[str, None]] = {}
    for path, name in producer.items():
        for parent in _parents(path):
            if parent in producer:
                raise _claimed(stages, (producer[parent], name), (parent, path))
            below.setdefault(parent, {})[name] = None
    return producer, {path: tuple(names) for path, names in below.items()}


def _claimed(stages: Mapping[str, Stage], names: tuple[str, str], paths: tuple[str, str]) -> GraphFault:
    first, second = names
    what, line = stages[second].file, stages[second].line
    if paths[0] == paths[1]:
        problem = f"{paths[0]!a} is written by {first} (line {stages[first].line}) and by {second}"
    elif first == second:
        problem = f"{first} writes {paths[0]!a} and, inside it, {paths[1]!a}"
    else:
        problem = f"{first} (line {stages[first].line}) writes {paths[0]!a}, and {second} writes {paths[1]!a} inside it"
    return GraphFault(
        f"{what}, line {line}: {problem}",
        hint="let one stage write each path, and no other inside it",
        path=what,
        line=line,
    )


def _upstream_of(stage: Stage, producer: Mapping[str, str], below: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    read = [*stage.deps, *(params.file for params in stage.params)]
    if stage.env.lockfile:
        read.append(stage.env.lockfile)
    return tuple(dict.fromkeys(name for path in read for name in _producers_of(path, producer, below)))


def _reached(names: Iterable[str], edges: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        fresh = [name for name in edges[waiting.pop()] if name not in found]
        found.update(fresh)
        waiting += fresh
    return frozenset(found)


def _sorted(stages: Mapping[str, Stage], up: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """All stages, each behind those it depends on, else in the order of the file."""
    done: dict[str, None] = {}
    for start in stages:
        trail: dict[str, Iterator[str]] = {}  # the stages that wait for one another, down to the one looked at
        name: str | None = None if start in done else start
        while name is not None:
            if name not in trail:
                trail[name] = iter(up[name])
            source = next((other for other in trail[name] if other not in done), None)
            if source in trail:
                raise _cycle(stages, list(trail), source)
            if source is None:
                del trail[name]
                done[name] = None
                source = next(reversed(trail), None)
            name = source
    return tuple(done)


def _cycle(stages: Mapping[str, Stage], trail: list[str], again: str | None) -> GraphFault:
    loop = trail[trail.index(again or "") :]
    # The trail goes from reader to writer; people follow the data.
    loop.reverse()
    first = loop.index(min(loop, key=lambda name: (stages[name].folder, stages[name].line)))
    loop = [*loop[first:], *loop[:first], loop[first]]
    what, line = stages[loop[0]].file, stages[loop[0]].line
    if len(loop) == 2:
        problem = f"the stage {loop[0]} reads what it writes: {' -> '.join(loop)}"
    else:
        problem = f"the stages form a cycle: {' -> '.join(loop)}"
    return GraphFault(
        f"{what}, line {line}: {problem}",
        hint="take one dependency of the cycle away, or write to another path",
        path=what,
        line=line,
    )
