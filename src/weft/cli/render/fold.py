"""Folding long lists of changes: many of one kind below a directory become one line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from weft.workflows.results_status import Change

Line = tuple[Change, int]
"""One change, or the number of files of a kind below the directory that the change names, with their sizes added up."""


def fold(changes: Sequence[Change], most: int, top: str = "") -> list[Line]:
    """``changes`` as lines, sorted by path; nothing above the directory ``top`` becomes one line.

    More than ``most`` lines of a kind in a directory become one: up to so many come of each kind below a directory.
    """
    groups: dict[tuple[object, ...], list[Change]] = defaultdict(list)
    for change in changes:
        groups[_kind(change)].append(change)
    found = [line for group in groups.values() for line in _lines(group, most, top)]
    return sorted(found, key=lambda line: line[0].path.encode("utf-8", "surrogatepass"))


def _kind(change: Change) -> tuple[object, ...]:
    """Changes of the same kind may share a line: renames only when the same directory became the same other one."""
    if change.kind != "renamed":
        return change.kind, change.behind
    return change.kind, change.behind, *_moved(change)


def _moved(change: Change) -> tuple[str, str]:
    """The directories of a rename without what both names end in."""
    old, new = change.old_path.split("/")[:-1], change.path.split("/")[:-1]
    while old and new and old[-1] == new[-1] and len(old) > 1 and len(new) > 1:
        old, new = old[:-1], new[:-1]
    return "/".join(old), "/".join(new)


def _lines(group: Sequence[Change], most: int, top: str) -> list[Line]:
    if len(group) <= most:
        return [(change, 1) for change in group]
    if group[0].kind == "renamed":
        old, new = _moved(group[0])
        return [_sum(group, f"{new}/" if new else "", f"{old}/" if old else "")]
    # From the deepest directory up: the lines that each has, and which changes they stand for.
    below: dict[str, list[list[Change]]] = defaultdict(list)
    for change in group:
        below[change.path.rstrip("/").rpartition("/")[0]].append([change])
    for directory in sorted(_with_parents(below, top), key=lambda path: -path.count("/") - bool(path)):
        lines = below.pop(directory, [])
        if len(lines) > most:
            lines = [[change for line in lines for change in line]]
        if directory == top or not directory:
            below[directory] = lines
        else:
            below[directory.rpartition("/")[0]] += lines
    return [_line(line) for lines in below.values() for line in lines]


def _with_parents(directories: Iterable[str], top: str) -> set[str]:
    found = set()
    for directory in directories:
        while directory not in found:
            found.add(directory)
            if directory == top or not directory:
                break
            directory = directory.rpartition("/")[0]
    return found


def _line(changes: Sequence[Change]) -> Line:
    if len(changes) == 1:
        return changes[0], 1
    common = _common([change.path for change in changes])
    return _sum(changes, f"{common}/" if common else "", "")


def _common(paths: Sequence[str]) -> str:
    """The directory that holds all of ``paths``."""
    first, last = min(paths).split("/")[:-1], max(paths).split("/")[:-1]
    return "/".join(_same(first, last))


def _same(one: Sequence[str], other: Sequence[str]) -> Iterator[str]:
    for a, b in zip(one, other, strict=False):
        if a != b:
            return
        yield a


def _sum(changes: Sequence[Change], path: str, old_path: str) -> Line:
    first = changes[0]
    old, new = sum(change.old_size for change in changes), sum(change.new_size for change in changes)
    return Change(first.kind, path, old, new, old_path, first.behind), len(changes)
