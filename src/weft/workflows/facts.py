"""The facts of a commit or of the work tree that can be put side by side: params, metrics, data, code and commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from weft.errors import WeftError
from weft.formats import lineage, paramfiles, stagefile
from weft.gitio.index import Index
from weft.gitio.trees import is_pointer
from weft.model.stage import STAGE_FILE, Stage
from weft.workflows.history_facts import (
    LIMIT,
    Declared,
    Unreadable,
    Versions,
    differ,
    is_record,
    plain_value,
)
from weft.workflows.lineage_files import TreeFiles
from weft.workflows.log_changes import delta
from weft.workflows.targets import data_path, decode_pointer

SECTIONS = ("params", "metrics", "data", "code", "stages")
"""The kinds of facts, in the order they are shown."""


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact: ``section`` is one of ``SECTIONS``, ``values`` has one a revision, None where it has none.

    Data are given by object id, code by Git blob id, stages by their command; NaN and infinities by their names. ``delta``
    is the last value less the first, for a metric that is a finite number in both.
    """

    section: str
    key: str
    values: tuple[Any, ...]
    delta: float | None = None


@dataclass(slots=True)
class Facts:
    """``values`` by section and key; ``left_out`` are files that tell nothing, each with the reason."""

    values: dict[tuple[str, str], Any] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


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


class CommitSource:
    """A commit; what several of them share is read once by their common ``versions``."""

    def __init__(self, index: Index, versions: Versions) -> None:
        self._index = index
        self._versions = versions

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

    def __init__(self, files: TreeFiles) -> None:
        self._files = files

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

    def all(self) -> Facts:
        stages = self._stages()
        declared = Declared()
        declared.learn(stages)
        pointers = sorted(filter(is_pointer, self.paths))
        records = sorted(filter(is_record, self.paths))
        files = dict.fromkeys(sorted(declared.params & self.paths), "params")
        files |= dict.fromkeys(sorted(declared.metrics & self.paths), "metrics")
        self.source.bring([*pointers, *records, *files])
        for path in pointers:
            self._try(path, self._pointer)
        for path, section in files.items():
            self._try(path, lambda path, text, section=section: self._values(section, path, text))
        for path in records:
            self._try(path, self._record)
        for name, stage in stages.items():
            self.facts.values["stages", name] = stage.cmd if isinstance(stage.cmd, str) else " ".join(stage.cmd)
            self.code.update(dep for dep in stage.deps if dep in self.paths)
        for path, blob in self.source.blobs(sorted(self.code & self.paths)).items():
            self.facts.values["code", path] = blob
        return self.facts

    def _stages(self) -> dict[str, Stage]:
        found: dict[str, Stage] = {}
        if STAGE_FILE in self.paths:
            self.source.bring([STAGE_FILE])
            self._try(STAGE_FILE, lambda path, text: found.update(stagefile.decode(text)))
        return found

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
        # The files themselves tell first; a record tells of those that Git does not hold.
        for section, files in (("params", record.params), ("metrics", record.metrics)):
            for file, told in files.items():
                for key, value in told.items() if file not in self.paths else ():
                    self.facts.values.setdefault((section, f"{file}:{key}"), plain_value(value))


def side_by_side(columns: Sequence[Facts]) -> list[FactRow]:
    """All facts of ``columns`` as rows, by section and key."""
    keys = {key for column in columns for key in column.values}
    return [
        _row(section, key, [column.values.get((section, key)) for column in columns])
        for section, key in sorted(keys, key=lambda key: (SECTIONS.index(key[0]), key[1]))
    ]


def _row(section: str, key: str, found: Sequence[Any]) -> FactRow:
    first, last = found[0], found[-1]
    return FactRow(section, key, tuple(found), delta(first, last) if section == "metrics" else None)


def is_different(row: FactRow) -> bool:
    """True when not all values of the row are the same."""
    return any(differ(value, row.values[0]) for value in row.values)
