"""``weft compare``: params, metrics, data and code of several revisions side by side, from Git alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weft.errors import UsageFault
from weft.formats import lineage, pointer
from weft.gitio import trees
from weft.gitio.batch import BlobReader
from weft.gitio.index import Index, tree_entries
from weft.gitio.repo import discover
from weft.model.lineage import RECORDS
from weft.model.pointer import SUFFIX

SECTIONS = ("params", "metrics", "data", "code")
"""The kinds of rows, in the order they are shown."""

_LIMIT = 4 << 20
"""Bytes of the largest pointer or record that is read: that of the record's format."""

_Facts = dict[tuple[str, str], Any]


@dataclass(frozen=True, slots=True)
class CompareRow:
    """One fact: ``section`` is one of ``SECTIONS``, ``values`` has one a revision, None where it has none.

    Data are given by object id, code by Git blob id; NaN and infinities by their names. ``delta`` is the last value less
    the first, for a metric that is a finite number in both.
    """

    section: str
    key: str
    values: tuple[Any, ...]
    delta: float | None = None


@dataclass(frozen=True, slots=True)
class CompareResult:
    """``revisions`` as they were asked for, their ``commits``, and the rows by section and key; ``same`` were left out."""

    revisions: tuple[str, ...]
    commits: tuple[str, ...]
    rows: tuple[CompareRow, ...]
    same: int = 0


def compare(start: str, revisions: Sequence[str], *, everything: bool = False) -> CompareResult:
    """Compare what the commits of two or more ``revisions`` hold; equal facts too with ``everything``.

    Reads pointers and lineage records only. Raises ``UsageFault`` for fewer than two revisions, ``NoSuchRevision``, and
    ``SchemaError`` for a pointer or a record that cannot be read.
    """
    if len(revisions) < 2:
        raise UsageFault("compare needs two revisions or more", hint="weft compare main HEAD")
    repo = discover(start)
    commits = tuple(trees.resolve(repo, name) for name in revisions)
    indexes = {commit: tree_entries(repo, commit) for commit in commits}
    wanted = {commit: dict(_blobs(index)) for commit, index in indexes.items()}
    with BlobReader(repo) as reader:
        texts = reader.read(sorted({blob for found in wanted.values() for blob in found.values()}), _LIMIT)
    facts = {commit: _facts(found, texts) for commit, found in wanted.items()}
    columns = [facts[commit] for commit in commits]
    keys = sorted({key for column in columns for key in column}, key=lambda key: (SECTIONS.index(key[0]), key[1]))
    rows = [_row(section, key, [column.get((section, key)) for column in columns]) for section, key in keys]
    shown = [row for row in rows if everything or _differs(row.values)]
    return CompareResult(tuple(revisions), commits, tuple(shown), len(rows) - len(shown))


def _blobs(index: Index) -> Iterator[tuple[str, str]]:
    for path in index:
        if path.endswith(SUFFIX) or (path.startswith(f"{RECORDS}/") and path.endswith(".yaml")):
            entry = index.get(path)
            if entry is not None and entry.regular:
                yield path, entry.blob


def _facts(blobs: Mapping[str, str], texts: Mapping[str, bytes]) -> _Facts:
    facts: _Facts = {}
    for path, blob in sorted(blobs.items()):
        text = texts.get(blob)
        if text is None:
            continue
        if path.endswith(SUFFIX):
            facts["data", path.removesuffix(SUFFIX)] = str(pointer.decode(text, name=path.rpartition("/")[2]).oid)
            continue
        record = lineage.decode(text, what=path)
        for section, files in (("params", record.params), ("metrics", record.metrics)):
            for file, values in files.items():
                facts.update({(section, f"{file}:{key}"): _plain(value) for key, value in values.items()})
        facts.update({("code", file): code for file, code in record.code.items()})
    return facts


def _plain(value: Any) -> Any:
    """NaN and infinities by name: JSON has none, and NaN would differ from itself."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _row(section: str, key: str, values: Sequence[Any]) -> CompareRow:
    first, last = values[0], values[-1]
    number = section == "metrics" and all(type(value) in (int, float) for value in (first, last))
    return CompareRow(section, key, tuple(values), last - first if number else None)


def _differs(values: Sequence[Any]) -> bool:
    # True == 1 in Python, but they are two values of a params file; 1 and 1.0 are one number.
    return any(value != values[0] or isinstance(value, bool) != isinstance(values[0], bool) for value in values)
