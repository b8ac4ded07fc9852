"""``weft diff``: which files differ between revisions, or between a revision and the workspace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from weft.errors import NoSuchPath, NotTracked, ObjectMissing, UsageFault
from weft.gitio import trees
from weft.gitio.batch import BlobReader
from weft.gitio.index import tree_entries
from weft.model.entry import Entry
from weft.model.lineage import is_record
from weft.model.manifest import Manifest
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.model.stage import stage_file_of
from weft.objects.treediff import Delta, Read, diff_entries, pair_renames
from weft.workflows.facts import CommitSource, FactRow, Facts, TreeSource, facts_of, is_different, side_by_side
from weft.workflows.fetch import fetch_metadata
from weft.workflows.history_facts import Versions, below
from weft.workflows.look import find_entry, pointers_at, read_manifest, root_entry
from weft.workflows.parts import Parts
from weft.workflows.project import Project
from weft.workflows.results import DiffResult
from weft.workflows.results_status import Broken, Change, FalseResult, StaleStage
from weft.workflows.stale import Marks
from weft.workflows.status import changes_in, compare_target
from weft.workflows.targets import (
    Pointers,
    Target,
    broken_of,
    left_out_data,
    merge,
    pick,
    refuse_left_out,
    repo_path,
    select,
    workspace_pointers,
)
from weft.workspace.compare import ERROR, Comparison


def diff(project: Project, revs: Sequence[str], paths: Sequence[str]) -> DiffResult:
    """Compare the workspace with its pointers (no revision), with one revision, or two revisions (``A..B`` too).

    A revision against the workspace compares its pointers with those of the work tree, and adds what the workspace
    changed since. With revisions params, metrics, code and the commands of stages are compared too. Raises
    ``NoSuchRevision``, ``NotTracked``.
    """
    names = _revisions(revs)
    asked = [repo_path(project, text) for text in paths] or [""]
    if not names:
        changes, absent, broken = _workspace(project, paths)
        return DiffResult("pointers", "workspace", changes, absent, broken=broken)
    old = pointers_at(project, names[0])
    new = pointers_at(project, names[1] if len(names) == 2 else "")
    if len(names) == 1:  # the work tree has nothing of what a sparse checkout leaves out, which is no difference
        for path in left_out_data(project):
            old.pop(path, None)
            old.broken.pop(path, None)
    broken = _without_broken(old, new, asked)
    sides = _sides(project, names)
    facts, left_out = _facts(sides, asked)
    tracked = not paths or any(pick(old, path) or pick(new, path) for path in asked)
    if not tracked and not facts and not broken:
        if len(names) == 1:
            for text, path in zip(paths, asked, strict=True):
                refuse_left_out(project, text, path)
        raise NotTracked(f"not tracked in what is compared: {', '.join(paths)}", hint="weft ls -R")
    found: Iterable[Change] = list(_between(project, old, new, asked))
    changes, absent = (), ()
    if len(names) == 1 and tracked:
        changes, absent, _ = _workspace(project, paths)
    end = names[1] if len(names) == 2 else "workspace"
    return DiffResult(
        names[0], end, tuple(_overlay(found, changes)), absent, facts, left_out, broken, *_marks(sides, asked)
    )


def _without_broken(old: Pointers, new: Pointers, asked: Sequence[str]) -> tuple[Broken, ...]:
    """Take from both sides what cannot be read on one: it is neither new nor gone. Returns what is broken of it."""
    for path in old.broken.keys() | new.broken.keys():
        old.pop(path, None)
        new.pop(path, None)
    found = {one.path: one for side in (old, new) for one in broken_of(side, asked)}
    return tuple(found[path] for path in sorted(found))


def _workspace(
    project: Project, paths: Sequence[str]
) -> tuple[tuple[Change, ...], tuple[tuple[str, int], ...], tuple[Broken, ...]]:
    """What differs between the workspace and its pointers, how many files of which path are not here, and the pointers
    that cannot be read.

    Raises ``ObjectMissing`` where that cannot be known, and what reading files raises.
    """
    changes: list[Change] = []
    absent: list[tuple[str, int]] = []
    targets, broken = select(project, workspace_pointers(project), paths)
    for target in targets:
        found = _compared(project, target)
        changes += changes_in(target, found)
        absent += [(target.path, found.absent)] if found.absent else []
    return tuple(changes), tuple(absent), broken


def _compared(project: Project, target: Target) -> Comparison:
    """Compare one path with its pointer, whose listings are fetched where they are not here."""
    found = compare_target(project, target)
    if found.state == ERROR and project.config.remotes:
        fetch_metadata(project, [target])
        found = compare_target(project, target)
    if found.state == ERROR:
        raise ObjectMissing(f"{target.path} cannot be compared: {found.message}", hint="weft fetch", path=target.path)
    return found


def _sides(project: Project, names: Sequence[str]) -> list[Facts]:
    """The facts of both sides."""
    with BlobReader(project.git) as reader:
        versions = Versions(project.git, reader)
        marks = Marks(versions, Parts(project.git, project))
        sides = [
            facts_of(CommitSource(tree_entries(project.git, trees.resolve(project.git, name)), versions, marks))
            for name in names
        ]
    if len(names) == 1:
        sides.append(facts_of(TreeSource(project.git)))
    return sides


def _marks(
    sides: Sequence[Facts], asked: Sequence[str]
) -> tuple[tuple[tuple[StaleStage, ...] | None, ...], tuple[tuple[FalseResult, ...], ...]]:
    """The stale stages of both sides, and the false results among what is ``asked`` for."""
    wrong = tuple(
        tuple(one for one in side.wrong if is_record(one.path) or any(below(one.path, path) for path in asked))
        for side in sides
    )
    return tuple(side.stale for side in sides), wrong


def _facts(sides: Sequence[Facts], asked: Sequence[str]) -> tuple[tuple[FactRow, ...], tuple[tuple[str, str], ...]]:
    """What differs beside data, at or below the paths that are ``asked`` for, and the files that tell nothing."""
    rows = tuple(
        row
        for row in side_by_side(sides)
        if row.section != "data" and is_different(row) and any(below(_file_of(row), path) for path in asked)
    )
    left_out = {path: reason for side in sides for path, reason in side.left_out.items()}
    left = tuple(sorted((path, why) for path, why in left_out.items() if any(below(path, one) for one in asked)))
    return rows, left


def _file_of(row: FactRow) -> str:
    key = row.key.removesuffix(f" ({row.of})") if row.of else row.key
    if row.section == "stages":
        return stage_file_of(key.rpartition("/")[0])
    return key.partition(":")[0] if row.section in ("params", "metrics") else key


def _revisions(revs: Sequence[str]) -> list[str]:
    names: list[str] = []
    for text in revs:
        if "..." in text:
            raise UsageFault(f"{text} is no pair of revisions for data", hint="weft diff A B")
        names += [part or "HEAD" for part in text.split("..")]
    if len(names) > 2:
        raise UsageFault("diff compares at most two revisions", hint="weft diff A B")
    return names


def _between(
    project: Project, old: Mapping[str, Pointer], new: Mapping[str, Pointer], asked: Iterable[str]
) -> Iterator[Change]:
    targets: dict[str, Target] = {}
    for side in (old, new):
        for target in merge(found for path in asked for found in pick(side, path)):
            targets.setdefault(target.path, target)
    differing = [
        target
        for path, target in sorted(targets.items())
        if path not in old or path not in new or old[path] != new[path]
    ]
    fetch_metadata(project, [Target(t.path, side[t.path]) for t in differing for side in (old, new) if t.path in side])
    deltas: list[Delta] = []
    for target in differing:
        deltas += _deltas(project, target, old.get(target.path), new.get(target.path))
    for delta, source in pair_renames(deltas):
        yield as_change(delta, source)


def _deltas(project: Project, target: Target, old: Pointer | None, new: Pointer | None) -> Iterator[Delta]:
    for subpath in target.subpaths or ("",):
        yield from diff_entries(
            f"{target.path}/{subpath}" if subpath else target.path,
            _entry(project, old, subpath),
            _entry(project, new, subpath),
            _reader(project, old),
            _reader(project, new),
        )


def _entry(project: Project, pointer: Pointer | None, subpath: str) -> Entry | None:
    if pointer is None:
        return None
    if not subpath:
        return root_entry(pointer)
    try:
        return find_entry(project, pointer, subpath)
    except NoSuchPath:
        return None


def _reader(project: Project, pointer: Pointer | None) -> Read:
    def read(oid: Oid) -> Manifest:
        return read_manifest(project, pointer, oid) if pointer else Manifest(())

    return read


def as_change(delta: Delta, source: str = "") -> Change:
    """A delta as a record; ``source`` is the old path of a rename."""
    old_size = delta.old.size if delta.old else 0
    new_size = delta.new.size if delta.new else 0
    return Change("renamed" if source else delta.kind, delta.path, old_size, new_size, source)


def _overlay(committed: Iterable[Change], unsaved: Iterable[Change]) -> Iterator[Change]:
    """Both lists as one: a file that the workspace changed again is told once, from its oldest to its newest state."""
    merged = {change.path: change for change in committed}
    for change in unsaved:
        before = merged.pop(change.path, None)
        if before is None:
            merged[change.path] = change
        elif not (before.kind == "added" and change.kind == "deleted"):
            kind = before.kind if before.kind == "added" else change.kind
            merged[change.path] = Change(kind, change.path, before.old_size, change.new_size, before.old_path)
    return iter(sorted(merged.values(), key=lambda change: change.path))
