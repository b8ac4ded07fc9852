"""``weft log``: the commits that changed data, params or metrics, the newest first, from Git alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import islice

from weft.errors import NoSuchPath, NoSuchRevision
from weft.gitio import trees
from weft.gitio.batch import BlobReader
from weft.gitio.index import Change, tree_file
from weft.gitio.log import Commit, span, walk
from weft.gitio.repo import GitRepo, discover
from weft.gitio.versions import cut_commits
from weft.model.pointer import SUFFIX
from weft.model.stage import STAGE_FILE, stage_file_of
from weft.pipeline.validate.violations import param_cause
from weft.workflows.history_facts import BRING, NOT_HERE, POINTER, STAGES, Declared, Unreadable, Versions, below
from weft.workflows.log_changes import DataChange, Found, StageChange, ValueChange
from weft.workflows.parts import Parts
from weft.workflows.results_status import FalseResult, StaleStage
from weft.workflows.stale import Marks
from weft.workflows.targets import data_path, path_in

__all__ = [
    "NOT_HERE",
    "DataChange",
    "Log",
    "LogEntry",
    "LogResult",
    "StageChange",
    "ValueChange",
    "collect",
    "open_log",
]

_MOST_AT_ONCE = 64
_LACKS = f"versions of small files are not in this partial clone, so what changed in them is left out: {BRING}"
_Seen = tuple[Commit, list[tuple[str, Change]]]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A commit (full ids, times as ISO 8601) and what it changed against its first parent.

    ``stale`` are the stages that are stale in it, whichever commit made them so; None where that cannot be told. ``wrong``
    are the results in it that are false. ``left_out`` maps a file whose change cannot be told to the reason. ``cut`` says
    that it is the oldest commit of a shallow clone: what it changed is not known.
    """

    commit: str
    parents: tuple[str, ...]
    date: str
    author: str
    subject: str
    data: tuple[DataChange, ...] = ()
    params: tuple[ValueChange, ...] = ()
    metrics: tuple[ValueChange, ...] = ()
    stages: tuple[StageChange, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    stale: tuple[StaleStage, ...] | None = ()
    wrong: tuple[FalseResult, ...] = ()

    @property
    def empty(self) -> bool:
        """True when it changed nothing of what was asked about."""
        return not (self.data or self.params or self.metrics or self.stages or self.left_out or self.cut)


@dataclass(frozen=True, slots=True)
class LogResult:
    """All of a log at once. ``revision`` as it was asked for; ``notes`` say what it leaves open."""

    revision: str
    commits: tuple[LogEntry, ...]
    notes: tuple[str, ...] = ()


class Log:
    """A log that is read while Git still walks: ``entries`` gives the commits, ``notes`` is whole after the last one.

    ``marks`` tells what is stale in them; ``wanted`` are the paths asked for, ``typed`` the same as the user wrote them.
    """

    def __init__(
        self,
        repo: GitRepo,
        spec: str,
        wanted: tuple[str, ...],
        readers: tuple[BlobReader, Parts],
        typed: Sequence[str] = (),
    ) -> None:
        reader, parts = readers
        self._repo = repo
        self._spec = spec
        self._wanted = wanted
        self._typed = tuple(typed)
        self._versions = Versions(repo, reader)
        self.marks = Marks(self._versions, parts)
        self._declared = Declared()
        self._values_files: dict[str, str] = {}
        self._cut = cut_commits(repo)
        self.notes: list[str] = []

    def entries(self, *, everything: bool = False, count: int = -1) -> Iterator[LogEntry]:
        """The commits that changed something of what is wanted, or all with ``everything``; at most ``count`` of them unless
        that is negative. Raises ``GitFailed``, and ``NoSuchPath`` where the paths asked for are nowhere."""
        self._learn_tip()
        entries = (self._marked(entry) for entry in self._known() if everything or not entry.empty)
        return islice(entries, count) if count >= 0 else entries

    def _known(self) -> Iterator[LogEntry]:
        some = False
        for entry in self._entries():
            some = some or not entry.empty
            yield entry
        if not some and ".." not in self._spec:
            self._refuse_unknown()

    def _refuse_unknown(self) -> None:
        """Refuse paths that are nowhere: no commit has ever had them, and the work tree has not."""
        places = [os.path.join(self._repo.root, path) for path in self._wanted]
        if self._typed and not any(os.path.lexists(place) or os.path.lexists(place + SUFFIX) for place in places):
            raise NoSuchPath(f"no such path: {', '.join(self._typed)}", hint="weft ls", path=self._typed[0])

    def _entries(self) -> Iterator[LogEntry]:
        commits = walk(self._repo, self._spec)
        size = 1
        # The first commit is told at once; more and more at a time keeps the questions to Git few.
        while batch := list(islice(commits, size)):
            size = min(2 * size, _MOST_AT_ONCE)
            seen = self._look(batch)
            for commit, changes in seen:
                yield self._entry(commit, changes)

    def _look(self, batch: list[tuple[Commit, list[Change]]]) -> list[_Seen]:
        """The changes of each commit that tell something, with what kind of file it is; their versions are read."""
        for top in (True, False):  # the stage file at the top says which others there are
            known = {STAGE_FILE} if top else self._declared.files - {STAGE_FILE}
            declarations = [one for _, changes in batch for one in changes if one.path in known]
            self._versions.read(blob for one in declarations for blob in (one.old_blob, one.blob))
            for one in declarations:
                self._learn(one.path, one.blob, one.old_blob)
        seen: list[_Seen] = []
        for commit, changes in batch:
            told = [
                (kind, one) for one in changes if (kind := self._declared.kind(one.path)) and self._is_wanted(kind, one)
            ]
            if commit.commit in self._cut:
                self._note("history is cut here (a shallow clone): `git fetch --unshallow` brings the rest")
            seen.append((commit, told))
        wanted = (one for commit, told in seen if commit.commit not in self._cut for _, one in told)
        self._versions.read(blob for one in wanted for blob in (one.old_blob, one.blob))
        told_of = {commit.commit for commit, told in seen if told}
        self.marks.bring({one.commit: [c.path for c in changes] for one, changes in batch if one.commit in told_of})
        return seen

    def _entry(self, commit: Commit, told: list[tuple[str, Change]]) -> LogEntry:
        if commit.commit in self._cut:
            return LogEntry(*commit, cut=bool(told))
        found = Found(self._versions, {path for path in self._wanted if path})
        for kind, one in told:
            try:
                found.take(kind, one)
            except Unreadable as error:
                found.left_out[error.path] = error.reason
                if error.reason == NOT_HERE:
                    self._note(_LACKS)
        found.records_last(self._declared)
        return LogEntry(
            *commit, tuple(found.data), tuple(found.params), tuple(found.metrics), tuple(found.stages), found.left_out
        )

    def _marked(self, entry: LogEntry) -> LogEntry:
        """``entry`` with what is stale and what is false in the commit, told from its own tree."""
        wanted = self._wanted if any(self._wanted) else ()
        stale, wrong, *_ = self.marks.of(self.marks.tree(entry.commit), wanted)
        if not stale:
            return replace(entry, stale=stale, wrong=wrong) if wrong or stale is None else entry
        params = tuple(replace(one, not_run=_not_run(one, stale)) for one in entry.params)
        return replace(entry, params=params, stale=stale, wrong=wrong)

    def _is_wanted(self, kind: str, change: Change) -> bool:
        if kind == STAGES:
            return False
        if kind != POINTER:
            return any(below(change.path, wanted) for wanted in self._wanted)
        path = data_path(change.path)
        if any(below(path, wanted) for wanted in self._wanted):
            return True
        for wanted in self._wanted:
            if below(wanted, path):
                self._note(f"{wanted} lies inside {path}: commits that changed any of {path} are shown")
                return True
        return False

    def _learn_tip(self) -> None:
        tip = self._spec.rpartition(".")[2]
        entry = tree_file(self._repo, tip, STAGE_FILE)
        if entry is not None:
            self._versions.read([entry.blob])
            self._learn(STAGE_FILE, entry.blob)

    def _learn(self, path: str, *blobs: str) -> None:
        for blob in filter(None, blobs):
            with suppress(Unreadable):  # what cannot be read names no files, and `weft validate` tells of it
                stages, projects = self._versions.stages_alone(blob, self._values_file, path)
                self._declared.learn(stages)
                self._learn_projects(projects)

    def _learn_projects(self, projects: Sequence[str]) -> None:
        """Learn what the newest commit has of stage files that were not known yet."""
        fresh = {stage_file_of(folder) for folder in projects} - self._declared.files
        self._declared.files |= fresh
        there = self._versions.reader.at(self._spec.rpartition(".")[2], sorted(fresh)) if fresh else {}
        self._versions.read(there.values())
        for path, blob in there.items():
            self._learn(path, blob)

    def _values_file(self, path: str) -> str:
        """The blob id of a file whose values templates name, as the newest commit has it: near enough to learn names."""
        if path not in self._values_files:
            entry = tree_file(self._repo, self._spec.rpartition(".")[2], path)
            self._values_files[path] = entry.blob if entry is not None else ""
        return self._values_files[path]

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def _not_run(change: ValueChange, stale: Sequence[StaleStage]) -> tuple[str, ...]:
    causes = {param_cause(change.key, change.file), change.file}
    return tuple(one.stage for one in stale if not causes.isdisjoint(one.causes))


@contextmanager
def open_log(start: str, revision: str = "", paths: Sequence[str] = ()) -> Iterator[Log]:
    """The log of ``revision`` (a commit or ``A..B``; HEAD when it is empty), limited to ``paths`` as typed.

    Whatever the number of commits, it takes at most seven processes of Git. Raises ``NotARepository``, ``NoSuchRevision``,
    ``PathEscape`` and the errors of paths.
    """
    repo = discover(start)
    if not revision and trees.head(repo) is None:
        raise NoSuchRevision(
            "this branch has no commit yet: there is no history to show", hint="git commit, then weft log"
        )
    spec = span(repo, revision or "HEAD")
    cwd = os.path.realpath(start)
    wanted = tuple(path_in(repo.root, cwd, text) for text in paths) or ("",)
    with BlobReader(repo) as reader, Parts(repo) as parts:
        yield Log(repo, spec, wanted, (reader, parts), paths)


def collect(log: Log, revision: str, *, everything: bool = False, count: int = -1) -> LogResult:
    """The whole of ``log`` at once. Raises ``GitFailed``."""
    commits = tuple(log.entries(everything=everything, count=count))
    return LogResult(revision or "HEAD", commits, tuple(log.notes))
