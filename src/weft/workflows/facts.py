"""The facts of a commit or of the work tree that can be put side by side: params, metrics, data, code and commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from weft.errors import WeftError
from weft.formats import lineage, paramfiles, stagefile
from weft.gitio.index import Index
from weft.gitio.repo import GitRepo
from weft.gitio.trees import is_pointer
from weft.model.lineage import is_record
from weft.model.stage import STAGE_FILE, Stage
from weft.pipeline.fingerprint import is_at_or_below
from weft.workflows.history_facts import (
    LIMIT,
    Declared,
    Unreadable,
    Versions,
    differ,
    plain_value,
)
from weft.workflows.lineage_files import TreeFiles
from weft.workflows.log_changes import delta
from weft.workflows.results_status import FalseResult, Marked, StaleStage
from weft.workflows.stale import Marks, marked_here
from weft.workflows.targets import data_path, decode_pointer, pointer_path

SECTIONS = ("params", "metrics", "data", "code", "stages")
"""The kinds of facts, in the order they are shown."""

NOT_OF_THE_RUN = "not of the run"
"""Marks what the files of a commit have, and the run that it records had not."""


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact: ``section`` is one of ``SECTIONS``, ``values`` has one a revision, None where it has none.

    Data are given by object id, code by Git blob id, stages by their command; NaN and infinities by their names. ``delta``
    is the last value less the first, for a metric that is a finite number in both. ``stale`` says for each revision whether
    the value was made by a stage that is stale there, ``accepted`` whether nobody saw a run and it was accepted by hand,
    ``wrong`` whether it is of a false result: then it is not ``stale``.

    What a stage read and wrote is as its record has it. Where the records of two stages differ, those that are not as the
    files have a row of their own, ``KEY (STAGE)``; and so have files that are not as any run had them, ``KEY (not of the
    run)``. ``of`` is what stands in these parentheses.
    """

    section: str
    key: str
    values: tuple[Any, ...]
    delta: float | None = None
    stale: tuple[bool, ...] = ()
    of: str = ""
    accepted: tuple[bool, ...] = ()
    wrong: tuple[bool, ...] = ()


Key = tuple[str, str]
"""Section and key."""


@dataclass(slots=True)
class Facts:
    """``values`` by section and key. ``of_stages`` are those that records tell of, by stage; ``beside`` what the files have
    there, where no record agrees with them.

    ``left_out`` are files that tell nothing, each with the reason. ``stale`` are the stages that are stale, None where that
    cannot be told; ``made`` maps what stages made to them; ``accepted`` are the stages whose records were accepted by hand;
    ``wrong`` are the results that are false.
    """

    values: dict[Key, Any] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    of_stages: dict[Key, dict[str, Any]] = field(default_factory=dict)
    beside: dict[Key, Any] = field(default_factory=dict)
    stale: tuple[StaleStage, ...] | None = ()
    made: dict[Key, str] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    wrong: tuple[FalseResult, ...] = ()

    def is_stale(self, key: Key) -> bool:
        """True for what a stale stage made."""
        return any(one.stage == self.made.get(key) for one in self.stale or ())

    def is_accepted(self, key: Key) -> bool:
        """True for what a stage made whose record was accepted by hand."""
        return self.made.get(key) in self.accepted

    def is_wrong(self, key: Key, *, beside: bool = False) -> bool:
        """True for a false result: for what the files have ``beside`` the record, or for what both have, or where the record
        itself is what is wrong."""
        section, name = key
        if section not in ("metrics", "data"):
            return False
        file = name.partition(":")[0] if section == "metrics" else name
        own = beside or key not in self.beside
        return any(
            (own and is_at_or_below(one.path, file)) or (is_record(one.path) and one.stage == self.made.get(key))
            for one in self.wrong
        )


class Source(Protocol):
    """The files of a commit, or those of the work tree."""

    def paths(self) -> Iterable[str]:
        """All of them."""

    def bring(self, paths: Sequence[str]) -> None:
        """Make ready for questions about ``paths``. Raises ``GitFailed``."""

    def text(self, path: str) -> bytes:
        """The bytes of a file. Raises ``Unreadable``."""

    def blobs(self, paths: Iterable[str]) -> Mapping[str, str]:
        """Path to Git blob id of those files that are there. Raises ``GitFailed``."""

    def marked(self) -> Marked:
        """The stages that are stale there, and the results that are false. Raises ``GitFailed``."""


class CommitSource:
    """A commit; what several of them share is read once by their common ``versions``."""

    def __init__(self, index: Index, versions: Versions, marks: Marks) -> None:
        self._index = index
        self._versions = versions
        self._marks = marks

    def marked(self) -> Marked:
        """As ``Source`` says."""
        return self._marks.of(self._index)

    def paths(self) -> Iterable[str]:
        """As ``Source`` says."""
        return self._index

    def bring(self, paths: Sequence[str]) -> None:
        """As ``Source`` says."""
        entries = [self._index.get(path) for path in paths]
        self._versions.read([entry.blob for entry in entries if entry is not None and entry.regular])

    def text(self, path: str) -> bytes:
        """As ``Source`` says."""
        entry = self._index.get(path)
        if entry is None or not entry.regular:
            raise Unreadable(path, "it is no plain file")
        return self._versions.text(entry.blob, path)

    def blobs(self, paths: Iterable[str]) -> Mapping[str, str]:
        """As ``Source`` says."""
        entries = {path: self._index.get(path) for path in paths}
        return {path: entry.blob for path, entry in entries.items() if entry is not None}


class TreeSource:
    """The work tree."""

    def __init__(self, repo: GitRepo) -> None:
        self._repo = repo
        self._files = TreeFiles(repo)

    def marked(self) -> Marked:
        """As ``Source`` says."""
        return marked_here(self._repo)

    def paths(self) -> Iterable[str]:
        """As ``Source`` says."""
        return self._files.at_or_below("")

    def bring(self, paths: Sequence[str]) -> None:
        """As ``Source`` says: nothing to do."""

    def text(self, path: str) -> bytes:
        """As ``Source`` says."""
        try:
            found = self._files.text(path, LIMIT)
        except WeftError as error:
            raise Unreadable(path, error.message) from error
        if found is None:
            raise Unreadable(path, "it is gone")
        return found

    def blobs(self, paths: Iterable[str]) -> Mapping[str, str]:
        """As ``Source`` says."""
        return self._files.blobs(paths)


def facts_of(source: Source) -> Facts:
    """All facts that ``source`` holds. Raises ``GitFailed``."""
    return _Reading(source).all()


class _Reading:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.facts = Facts()
        self.paths = set(source.paths())
        self.code: set[str] = set()
        self.stages: dict[str, Stage] = {}

    def all(self) -> Facts:
        self.stages = self._stages()
        declared = Declared()
        declared.learn(self.stages)
        pointers = sorted(filter(is_pointer, self.paths))
        records = sorted(filter(is_record, self.paths))
        files = dict.fromkeys(sorted(declared.params & self.paths), "params")
        files |= dict.fromkeys(sorted(declared.metrics & self.paths), "metrics")
        self.source.bring([*pointers, *records, *files])
        for path in pointers:
            self._try(path, self._pointer)
        for path, section in files.items():
            self._try(path, lambda path, text, section=section: self._values(section, path, text))
        for name, stage in self.stages.items():
            self.facts.values["stages", name] = _words(stage.cmd)
            self.code.update(dep for dep in stage.deps if dep in self.paths)
        for path in records:
            self._try(path, self._record)
        for path, blob in self.source.blobs(sorted(self.code & self.paths)).items():
            self.facts.values["code", path] = blob
        self._records_first()
        self.facts.stale, self.facts.wrong, *_ = self.source.marked()
        return self.facts

    def _records_first(self) -> None:
        """Let the records speak for what runs read and wrote, and put aside what the files have in its place."""
        values = self.facts.values
        for key, told in self.facts.of_stages.items():
            own = values.get(key)
            if not any(not differ(own, value) for value in told.values()):
                values[key] = next(iter(told.values()))
                self.facts.beside[key] = own

    def _stages(self) -> dict[str, Stage]:
        found: dict[str, Stage] = {}
        if STAGE_FILE in self.paths:
            self.source.bring([STAGE_FILE])
            self._try(STAGE_FILE, lambda path, text: found.update(stagefile.decode(text, read=self._values_file)))
        return found

    def _values_file(self, path: str) -> bytes | None:
        """The bytes of a file whose values templates name."""
        if path not in self.paths:
            return None
        self.source.bring([path])
        return self.source.text(path)

    def _try(self, path: str, take: Any) -> None:
        try:
            take(path, self.source.text(path))
        except Unreadable as error:
            self.facts.left_out[path] = error.reason
        except WeftError as error:
            self.facts.left_out[path] = error.message

    def _pointer(self, path: str, text: bytes) -> None:
        self.facts.values["data", data_path(path)] = str(decode_pointer(text, path).oid)

    def _values(self, section: str, path: str, text: bytes) -> None:
        for key, value in paramfiles.sure_values(text, path).items():
            self.facts.values[section, f"{path}:{key}"] = plain_value(value)

    def _record(self, path: str, text: bytes) -> None:
        record = lineage.decode(text, what=path)
        self.code.update(record.code)
        if record.stage not in self.stages and self.stages:
            return  # of a stage that is no more
        if record.accepted is not None:
            self.facts.accepted.add(record.stage)
        there = self.paths
        for section, files in (("params", record.params), ("metrics", record.metrics)):
            for file, told in files.items():
                # A file that Git kept and that is gone has no values; a record alone tells of those that weft keeps.
                kept_by_weft = section == "metrics" and file not in record.files
                for key, value in told.items() if file in there or kept_by_weft else ():
                    self._tell((section, f"{file}:{key}"), record.stage, plain_value(value))
                    if section == "metrics":
                        self.facts.made[section, f"{file}:{key}"] = record.stage
        for ref in (*record.deps, *record.outs):
            if not ref.inside and pointer_path(ref.path) in there:
                self._tell(("data", ref.path), record.stage, str(ref.oid))
        self.facts.made.update((("data", out.path), record.stage) for out in record.outs)
        for file, blob in record.code.items():
            if file in there:
                self._tell(("code", file), record.stage, blob)
        if record.stage in self.stages:
            self._tell(("stages", record.stage), record.stage, _words(record.cmd))

    def _tell(self, key: Key, stage: str, value: Any) -> None:
        self.facts.of_stages.setdefault(key, {})[stage] = value


def _words(cmd: str | tuple[str, ...]) -> str:
    return cmd if isinstance(cmd, str) else " ".join(cmd)


def side_by_side(columns: Sequence[Facts]) -> list[FactRow]:
    """All facts of ``columns`` as rows, by section and key."""
    keys = {key for column in columns for key in column.values}
    return [
        row for key in sorted(keys, key=lambda key: (SECTIONS.index(key[0]), key[1])) for row in _rows(key, columns)
    ]


def _rows(key: Key, columns: Sequence[Facts]) -> Iterator[FactRow]:
    first = [column.values.get(key) for column in columns]
    false = tuple(column.is_wrong(key) for column in columns)
    marks = tuple(column.is_stale(key) and not wrong for column, wrong in zip(columns, false, strict=True))
    by_hand = tuple(column.is_accepted(key) for column in columns)
    by_hand = by_hand if any(by_hand) else ()
    yield replace(_row(key, first, marks, wrong=false), accepted=by_hand)
    odd = {
        stage
        for column, value in zip(columns, first, strict=True)
        for stage, told in column.of_stages.get(key, {}).items()
        if differ(told, value)
    }
    for stage in sorted(odd):
        told = [column.of_stages.get(key, {}).get(stage, value) for column, value in zip(columns, first, strict=True)]
        yield replace(_row(key, told, marks, stage, false), accepted=by_hand)
    if any(key in column.beside for column in columns):
        own = [column.beside.get(key, value) for column, value in zip(columns, first, strict=True)]
        false = tuple(key in column.beside and column.is_wrong(key, beside=True) for column in columns)
        yield _row(key, own, (), NOT_OF_THE_RUN, false)


def _row(
    key: Key, found: Sequence[Any], stale: tuple[bool, ...], of: str = "", wrong: tuple[bool, ...] = ()
) -> FactRow:
    section, name = key
    by = delta(found[0], found[-1]) if section == "metrics" else None
    return FactRow(
        section,
        f"{name} ({of})" if of else name,
        tuple(found),
        by,
        stale if any(stale) else (),
        of,
        wrong=wrong if any(wrong) else (),
    )


def is_different(row: FactRow) -> bool:
    """True when not all values of the row are the same."""
    return any(differ(value, row.values[0]) for value in row.values)
