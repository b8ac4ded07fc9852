"""What a commit changed of data, params, metrics and runs, told from the two versions of each file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from weft.gitio.index import REGULAR, Change
from weft.model.lineage import Record, stage_of_record
from weft.model.pointer import Pointer
from weft.workflows.history_facts import (
    METRICS,
    PARAMS,
    POINTER,
    RECORD,
    Declared,
    Unreadable,
    Versions,
    differ,
    plain_files,
)
from weft.workflows.targets import data_path


@dataclass(frozen=True, slots=True)
class DataChange:
    """A tracked path: ``change`` is added, deleted or modified; ids, bytes and files before and after, None where it was not
    or is not there."""

    path: str
    change: str
    type: str
    old_oid: str | None = None
    oid: str | None = None
    old_size: int | None = None
    size: int | None = None
    old_files: int | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True)
class ValueChange:
    """The value of ``key`` in ``file`` before and after, None where there is none; NaN and infinities by their names.
    ``delta`` is there for a metric that is a finite number in both. ``not_run`` are the stages that read the param, and
    whose recorded runs had another value than the file has now."""

    file: str
    key: str
    old: Any = None
    new: Any = None
    delta: float | None = None
    not_run: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StageChange:
    """A record that changed: ``change`` is ran, reused, accepted (by hand), rewritten (the run is the same one) or deleted;
    ``run`` is the id of the run that is recorded now, ``duration`` in seconds what it took."""

    stage: str
    change: str
    run: str = ""
    duration: float | None = None


class Found:
    """Collects what one commit changed. ``named`` are the paths that were asked for, if any were."""

    def __init__(self, versions: Versions, named: Set[str]) -> None:
        self._versions = versions
        self._named = named
        self._records: list[tuple[str, Record | None, Record | None]] = []
        self.data: list[DataChange] = []
        self.params: list[ValueChange] = []
        self.metrics: list[ValueChange] = []
        self.stages: list[StageChange] = []
        self.left_out: dict[str, str] = {}

    def take(self, kind: str, change: Change) -> None:
        """Take note of ``change`` of a file of ``kind``. Raises ``Unreadable``."""
        path = change.path
        old, new = self._blob(change.old_mode, change.old_blob, path), self._blob(change.mode, change.blob, path)
        if kind == POINTER:
            before = self._versions.pointer(old, path) if old else None
            after = self._versions.pointer(new, path) if new else None
            self.data += data_change(data_path(path), before, after)
        elif kind == RECORD:
            one = self._versions.record(old, path) if old else None
            other = self._versions.record(new, path) if new else None
            self._records.append((path, one, other))
            self.stages.append(stage_change(stage_of_record(path), one, other))
        elif kind in (PARAMS, METRICS):
            was = self._versions.values(old, path) if old else {}
            now = self._versions.values(new, path) if new else {}
            target = self.params if kind == PARAMS else self.metrics
            target.extend(value_changes(path, was, now, numbers=kind == METRICS))

    def records_last(self, declared: Declared) -> None:
        """Add the values that only records tell of: those of files that Git does not keep, all of a record that was asked
        for by its name, and params that a run was the first to use, whenever their file was changed."""
        for path, old, new in self._records:
            self._add(self.params, "params", frozenset() if path in self._named else declared.params, (old, new))
            self._add(self.metrics, "metrics", frozenset() if path in self._named else declared.metrics, (old, new))

    def _add(
        self, target: list[ValueChange], section: str, known: Set[str], pair: tuple[Record | None, Record | None]
    ) -> None:
        was, now = _files(pair[0], section), _files(pair[1], section)
        told = {(one.file, one.key) for one in target}
        for name in sorted(was.keys() | now.keys()):
            before, after = was.get(name, {}), now.get(name, {})
            if name in known and section == "metrics":
                continue
            if name in known:
                both = before.keys() & after.keys()
                before, after = ({key: side[key] for key in side if key in both} for side in (before, after))
            rows = value_changes(name, before, after, numbers=section == "metrics")
            target.extend(row for row in rows if (row.file, row.key) not in told)

    @staticmethod
    def _blob(mode: str, blob: str, path: str) -> str:
        if blob and mode not in REGULAR:
            raise Unreadable(path, "it is, or was, a symbolic link or a submodule")
        return blob


def _files(record: Record | None, section: str) -> Mapping[str, Mapping[str, Any]]:
    if record is None:
        return {}
    return plain_files(record.params if section == "params" else record.metrics)


def data_change(path: str, old: Pointer | None, new: Pointer | None) -> Iterator[DataChange]:
    """What differs between two pointers of ``path``; nothing where both stand for the same data."""
    if old and new and old.same_data(new):
        return
    word = "added" if old is None else "deleted" if new is None else "modified"
    yield DataChange(
        path,
        word,
        (new or old or _nothing()).type,
        str(old.oid) if old else None,
        str(new.oid) if new else None,
        old.size if old else None,
        new.size if new else None,
        old.files if old else None,
        new.files if new else None,
    )


def _nothing() -> Pointer:
    raise ValueError("a change has at least one side")


def stage_change(stage: str, old: Record | None, new: Record | None) -> StageChange:
    """What happened to the record of ``stage``."""
    if new is None:
        return StageChange(stage, "deleted")
    run, before = new.run, old.run if old else None
    name = run.id if run else ""
    if old and new.reused != old.reused and new.reused:
        word = "reused"
    elif old and name == (before.id if before else ""):
        word = "rewritten"
    else:
        word = "reused" if new.reused else "accepted" if new.accepted else "ran"
    return StageChange(stage, word, name, run.duration if run else None)


def value_changes(file: str, old: Mapping[str, Any], new: Mapping[str, Any], *, numbers: bool) -> Iterator[ValueChange]:
    """The keys whose values differ, in the order of the file, those that are gone last; with deltas for ``numbers``."""
    for key in dict.fromkeys([*new, *old]):
        was, now = old.get(key), new.get(key)
        if key in old and key in new and not differ(was, now):
            continue
        yield ValueChange(file, key, was, now, delta(was, now) if numbers else None)


def delta(old: Any, new: Any) -> float | None:
    """``new`` less ``old``, None unless both are finite numbers and so is what is between them."""
    if type(old) not in (int, float) or type(new) not in (int, float):
        return None
    try:
        found = float(new - old)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
