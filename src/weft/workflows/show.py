"""``weft show``: all that one commit holds of data, stages, params and metrics, from Git alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from weft.errors import NoSuchPath, NoSuchRevision, quoted
from weft.gitio import trees
from weft.gitio.batch import BlobReader
from weft.gitio.index import Index, tree_entries
from weft.gitio.log import commit_facts
from weft.gitio.repo import discover
from weft.model.lineage import Record, RunFacts, record_path, stage_of_record
from weft.model.paths import FROM_TOP
from weft.model.stage import STAGE_FILE, Stage
from weft.workflows.history_facts import (
    BRING,
    METRICS,
    NOT_HERE,
    PARAMS,
    POINTER,
    RECORD,
    STAGES,
    Declared,
    Unreadable,
    Versions,
    below,
    differ,
    plain_files,
)
from weft.workflows.parts import Parts
from weft.workflows.results_status import FalseResult, Marked, StaleStage
from weft.workflows.stale import Marks
from weft.workflows.targets import data_path, path_in

_Values = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ShownData:
    """A tracked path of the commit: ``size`` in bytes, ``files`` their number."""

    path: str
    type: str
    oid: str
    size: int
    files: int


@dataclass(frozen=True, slots=True)
class ShownStage:
    """A stage as its record tells of it, or as ``weft.yaml`` declares it where ``recorded`` is False.

    ``code`` maps paths to Git blob ids, ``params`` and ``metrics`` files to the values that were used and measured;
    ``reads`` and ``writes`` map data to object ids, empty where no record tells; ``plots`` maps the files of plots to the
    ids that the run gave them; ``env`` says where it ran. ``stale`` names the inputs that are other ones in the commit
    than the run used: none for a stage that is fresh, None where that cannot be told; one that is ``frozen`` is left so.
    ``stale_above`` are stale stages that it reads from, which make it stale too.
    """

    name: str
    cmd: str | tuple[str, ...]
    wdir: str
    recorded: bool
    declared: bool
    code: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reads: Mapping[str, str] = field(default_factory=dict)
    writes: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, Any] = field(default_factory=dict)
    author: str = ""
    run: RunFacts | None = None
    reused: str = ""
    reused_author: str = ""
    plots: Mapping[str, str] = field(default_factory=dict)
    stale: tuple[str, ...] | None = ()
    frozen: bool = False
    stale_above: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShowResult:
    """What a commit holds. ``params`` and ``metrics`` are by file and dotted key: those of the runs that it records, else
    those of the files in it. ``not_run`` are values of params files that no recorded run had. ``stale`` are the stale
    stages of all that is shown, None where they cannot be told; ``stale_paths`` what they made, ``accepted_paths`` what was
    accepted by hand, of which nothing is known to have run; ``false`` are results that are not what a run wrote, which
    ``wrong`` tells too.

    ``wrong`` maps files to what is not right with them, ``left_out`` those that could not be looked at to the reason;
    ``notes`` say what else is not told.
    """

    revision: str
    commit: str
    parents: tuple[str, ...]
    date: str
    author: str
    subject: str
    data: tuple[ShownData, ...]
    stages: tuple[ShownStage, ...]
    params: _Values
    metrics: _Values
    wrong: dict[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()
    not_run: _Values = field(default_factory=dict)
    stale: tuple[StaleStage, ...] | None = ()
    stale_paths: tuple[str, ...] = ()
    accepted_paths: tuple[str, ...] = ()
    false: tuple[FalseResult, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)


class _Collector:
    def __init__(self, index: Index, versions: Versions) -> None:
        self.index = index
        self.versions = versions
        self.declared = Declared()
        self.stages: dict[str, Stage] = {}
        self.data: list[ShownData] = []
        self.shown: dict[str, ShownStage] = {}
        self.values: dict[str, _Values] = {PARAMS: {}, METRICS: {}}
        self.not_run: _Values = {}
        self.stale: tuple[StaleStage, ...] | None = ()
        self.false: tuple[FalseResult, ...] = ()
        self.wrong: dict[str, list[str]] = {}
        self.left_out: dict[str, str] = {}

    def declare(self) -> None:
        """Read ``weft.yaml``, which names the params and metrics files."""
        entry = self.index.get(STAGE_FILE)
        if entry is None or not entry.regular:
            return
        self.versions.read([entry.blob])
        try:
            self.stages = self.versions.stages(entry.blob, self._blob)
        except Unreadable as error:
            self._unread(error)
        self.declared.learn(self.stages)

    def _blob(self, path: str) -> str:
        entry = self.index.get(path)
        return entry.blob if entry is not None and entry.regular else ""

    def complain(self, path: str, reason: str) -> None:
        """Take note of what is not right with the file ``path``."""
        self.wrong.setdefault(path, []).append(reason)

    def _unread(self, error: Unreadable) -> None:
        if error.reason == NOT_HERE:
            self.left_out[error.path] = error.reason  # nothing is known of it, so nothing is wrong
        else:
            self.complain(error.path, error.reason)

    def collect(self, files: Mapping[str, str]) -> None:
        """Tell of ``files``, each with its kind."""
        entries = {path: entry for path in files if (entry := self.index.get(path)) is not None}
        self.versions.read(entry.blob for entry in entries.values() if entry.regular)
        for path, entry in entries.items():
            if not entry.regular:
                self.complain(path, "it is a symbolic link or a submodule where a plain file is wanted")
                continue
            try:
                self._take(files[path], path, entry.blob)
            except Unreadable as error:
                self._unread(error)

    def _take(self, kind: str, path: str, blob: str) -> None:
        if kind == POINTER:
            one = self.versions.pointer(blob, path)
            self.data.append(ShownData(data_path(path), one.type, str(one.oid), one.size, one.files))
        elif kind == RECORD:
            self._record(path, blob)
        else:
            self.values[kind][path] = self.versions.values(blob, path)

    def _record(self, path: str, blob: str) -> None:
        record, name = self.versions.record(blob, path), stage_of_record(path)
        self.shown[name] = _recorded(name, record, self.stages.get(name))
        if record.stage != name:
            self.complain(path, f"it is the record of {record.stage!a}")
        if not self.versions.digest_fits(blob, path, record):
            self.complain(path, "its digest does not fit: it was changed by hand or by a merge")
        if self.stages and name not in self.stages:
            self.complain(path, f"{STAGE_FILE} declares no such stage")
        for changed in record.changed:
            self.complain(path, f"{changed} changed while it ran")

    def add_unrecorded(self, wanted: Sequence[str]) -> None:
        """Tell of the stages that have no record which can be read."""
        for name, stage in self.stages.items():
            if name not in self.shown and any(below(record_path(name), one) for one in wanted):
                self.shown[name] = ShownStage(name, stage.cmd, stage.wdir, recorded=False, declared=True)

    def mark(self, marked: Marked) -> None:
        """Mark the stages that are stale, and tell of the results that are false."""
        self.stale, self.false = stale, _ = marked.stale, marked.wrong
        for path in {one.path for one in self.false}:
            self.wrong.pop(path, None)  # the rules tell it all
        for one in self.false:
            self.complain(one.path, one.reason)
        known = {one.stage: one for one in stale or ()}
        for name, stage in self.shown.items():
            late, declared = known.get(name), self.stages.get(name)
            causes, above = (late.causes, late.above) if late is not None else ((), ())
            frozen = declared is not None and declared.frozen
            self.shown[name] = replace(stage, stale=None if stale is None else causes, stale_above=above, frozen=frozen)

    def stale_paths(self) -> tuple[str, ...]:
        """What the stale stages made, but for what is false."""
        paths = [out.path for one in self.stale or () for out in self.stages[one.stage].outs]
        return tuple(path for path in paths if path not in self.wrong)

    def accepted_paths(self) -> tuple[str, ...]:
        """What no run of weft made, and somebody accepted by hand."""
        by_hand = [one for one in self.shown.values() if one.run is not None and one.run.accepted is not None]
        return tuple(path for one in by_hand for path in dict.fromkeys([*one.writes, *one.metrics, *one.plots]))

    def compare(self) -> None:
        """Let the records speak for what runs used and measured. Params files that have other values were not run yet; of
        metrics files that is not right."""
        told = [(name, stage) for name, stage in self.shown.items() if name in self.stages or not self.stages]
        for kind in (PARAMS, METRICS):
            for file, here in self.values[kind].items():
                runs = [
                    (name, (stage.params if kind == PARAMS else stage.metrics).get(file, {})) for name, stage in told
                ]
                self.values[kind][file] = self._of_runs(kind, file, here, runs)

    def _of_runs(
        self, kind: str, file: str, here: Mapping[str, Any], runs: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> dict[str, Any]:
        made = dict(here)
        for key in dict.fromkeys(key for _, recorded in runs for key in recorded):
            by = [(name, recorded[key]) for name, recorded in runs if key in recorded]
            agree = [name for name, value in by if key in here and not differ(value, here[key])]
            if not agree:
                made[key] = by[0][1]
                if kind == PARAMS and key in here:
                    self.not_run.setdefault(file, {})[key] = here[key]
            for name, value in by:
                if kind == METRICS and name not in agree:
                    now = f"is {here[key]} in the file" if key in here else "is not in the file"
                    self.complain(record_path(name), f"{file}:{key} was {value} in the run, and {now}")
        return made

    def forget_values(self, wanted: Sequence[str]) -> None:
        """Leave out the records and values that were read for the sake of one another only."""

        def chosen(files: _Values) -> _Values:
            return {path: one for path, one in files.items() if any(below(path, top) for top in wanted)}

        self.values = {kind: chosen(files) for kind, files in self.values.items()}
        self.not_run = chosen(self.not_run)
        self.shown = {
            name: one for name, one in self.shown.items() if any(below(record_path(name), top) for top in wanted)
        }
        told = {one.path for one in self.false}  # chosen by what was asked for already
        values = {
            path for path in (*self.wrong, *self.left_out) if self.declared.kind(path) in (PARAMS, METRICS, RECORD)
        }
        for path in values - told:
            if not any(below(path, top) for top in wanted):
                self.wrong.pop(path, None)
                self.left_out.pop(path, None)


def _recorded(name: str, record: Record, declared: Stage | None) -> ShownStage:
    wrote = {**record.files, **{ref.path: str(ref.oid) for ref in record.outs}}
    plots = declared.paths("plots") if declared else ()
    return ShownStage(
        name,
        record.cmd,
        record.wdir,
        recorded=True,
        declared=declared is not None,
        code=dict(record.code),
        params=plain_files(record.params),
        metrics=plain_files(record.metrics),
        reads={ref.path: str(ref.oid) for ref in record.deps},
        writes={ref.path: str(ref.oid) for ref in record.outs},
        env=dict(record.env),
        author=record.author,
        run=record.run,
        reused=record.reused_run,
        reused_author=record.reused.author if record.reused else "",
        plots={path: oid for path, oid in sorted(wrote.items()) if any(below(path, plot) for plot in plots)},
    )


def show(start: str, revision: str = "", paths: Sequence[str] = ()) -> ShowResult:
    """What the commit ``revision`` (HEAD when it is empty) holds, limited to ``paths`` as typed; by five processes of Git,
    and one more in a partial clone.

    Raises ``NotARepository``, ``NoSuchRevision``, ``NoSuchPath`` when the commit holds none of ``paths``, ``PathEscape`` and
    the errors of paths.
    """
    repo = discover(start)
    if not revision and trees.head(repo) is None:
        raise NoSuchRevision(
            "this branch has no commit yet: there is nothing to show", hint="git commit, then weft show"
        )
    commit = trees.resolve(repo, revision or "HEAD")
    cwd = os.path.realpath(start)
    wanted = tuple(path_in(repo.root, cwd, text) for text in paths) or ("",)
    facts = commit_facts(repo, commit)
    index = tree_entries(repo, commit)
    with BlobReader(repo) as reader, Parts(repo) as parts:
        versions = Versions(repo, reader)
        found = _Collector(index, versions)
        found.declare()
        files, notes = _choose(index, found.declared, wanted)
        found.collect(files)
        found.mark(Marks(versions, parts).of(index, wanted if paths else ()))
    found.add_unrecorded(wanted)
    found.compare()
    accepted = found.accepted_paths()
    found.forget_values(wanted)
    if found.left_out:
        notes.append(f"files of this commit are not in this partial clone, so they are left out: {BRING}")
    if paths and not (found.data or found.shown or found.wrong or found.left_out or any(found.values.values())):
        names = ", ".join(text.removeprefix(FROM_TOP) for text in paths)
        raise NoSuchPath(
            f"{names}: {revision or 'HEAD'} holds no data, record, params or metrics there",
            hint=f"weft show {quoted(revision) if revision else revision}".rstrip(),
            path=paths[0],
        )
    return ShowResult(
        revision or "HEAD",
        *facts,
        tuple(found.data),
        tuple(found.shown[name] for name in sorted(found.shown)),
        found.values[PARAMS],
        found.values[METRICS],
        {path: tuple(dict.fromkeys(reasons)) for path, reasons in sorted(found.wrong.items())},
        tuple(notes),
        found.not_run,
        found.stale,
        found.stale_paths(),
        accepted,
        found.false,
        dict(sorted(found.left_out.items())),
    )


def _choose(index: Index, declared: Declared, wanted: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The files of the commit that tell something of ``wanted``, each with its kind, in order; and notes."""
    files: dict[str, str] = {}
    notes: dict[str, None] = {}
    for path in sorted(index):
        kind = declared.kind(path)
        if not kind or kind == STAGES:
            continue
        name = data_path(path) if kind == POINTER else path
        # Values that nobody asked for are read too, for the sake of the records that tell of them, and the other way round.
        if kind in (PARAMS, METRICS, RECORD) or any(below(name, one) for one in wanted):
            files[path] = kind
        elif kind == POINTER and (inner := [one for one in wanted if below(one, name)]):
            files[path] = kind
            notes[f"{inner[0]} lies inside {name}: all of {name} is shown; `weft ls` looks inside"] = None
    return files, list(notes)
