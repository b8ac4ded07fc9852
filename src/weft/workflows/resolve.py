"""``weft resolve``: settle the conflicts that a merge left in pointers, records, the stage file and results of stages.

Git keeps the base and both sides in its index until a conflict is settled; everything is made anew from there.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from weft.errors import LimitExceeded, NotTracked, ObjectMissing, RefusedInput, UnsavedChanges, UsageFault, quoted
from weft.formats import pointer as pointer_format
from weft.gitio.batch import BlobReader
from weft.gitio.halfway import side_names
from weft.gitio.ignore import ensure_ignored
from weft.gitio.index import read_stages
from weft.gitio.staging import stage
from weft.gitio.worktree import not_staged
from weft.model.lineage import is_record, merged_by_weft
from weft.model.pointer import SUFFIX, Pointer
from weft.model.stage import STAGE_FILE
from weft.objects.ingest import FileToRead, ingest
from weft.objects.mergetree import BASE, OURS, THEIRS, Conflict
from weft.util.dirfd import remove_below, write_below
from weft.workflows.checkout import carry_out, plan_one, without_pointer
from weft.workflows.files import read_small
from weft.workflows.merge_pointer import conflict_text, decode_sides, merge_pointers, settled_so_far
from weft.workflows.merge_text import settle
from weft.workflows.next_step import following
from weft.workflows.options import CheckoutOptions
from weft.workflows.project import Project, alone
from weft.workflows.results import CheckoutResult
from weft.workflows.stage_conflicts import SIDES, made_by_stages, merged_beside, together
from weft.workflows.targets import data_path, decode_pointer, repo_path, workspace_pointers

EDITED = "edited here: git add it, or name it too"
"""What is said of a file that would go along and that somebody wrote by hand."""

_LIMIT = 8 << 20


@dataclass(frozen=True, slots=True)
class Left:
    """A path that is still in conflict: the files below it and what both sides did to each."""

    path: str
    conflicts: tuple[Conflict, ...]


@dataclass(frozen=True, slots=True)
class ResolveResult:
    """Outcome of ``resolve``: paths that are ``settled`` and staged, those that are ``left``, what was done to the data.

    ``unsaved`` are paths whose data stayed as it is, because no store holds what would be replaced. ``ours`` and ``theirs``
    are what people call the sides, "" where nobody can tell. ``following`` is what to do next; ``behind`` are tracked paths
    that the merge changed without a conflict and whose data was not brought along. ``along`` are paths that nobody named:
    what was named is of the same run.
    """

    settled: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
    checked_out: CheckoutResult | None = None
    unsaved: tuple[str, ...] = ()
    ours: str = ""
    theirs: str = ""
    following: str = ""
    behind: tuple[str, ...] = ()
    along: tuple[str, ...] = ()
    saved: tuple[tuple[str, str], ...] = ()


class _Asked(NamedTuple):
    """A file in conflict, and the parts of its data that are meant; no parts: all of it."""

    name: str
    parts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Work:
    pointers: dict[str, Pointer | None] = field(default_factory=dict)
    settled: list[str] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    saved: list[tuple[str, str]] = field(default_factory=list)


def resolve(project: Project, paths: Sequence[str], side: str = "") -> ResolveResult:
    """Settle the conflicts at ``paths`` (tracked paths, files inside them, records, the stage file) with ``side``.

    ``side`` is ``base``, ``ours`` or ``theirs``, and settles only what both sides changed: everything else of both is
    merged. A record and what its run made are settled together. Without a side only what can be merged is, as after a
    fetch. What is settled is staged, and its data checked out, never over bytes that no store holds. A file that was edited
    by hand is left unless it is named, and then its bytes go into the store first. Raises ``NotTracked`` where there is no
    conflict, ``UsageFault``, ``RefusedInput``, ``ObjectMissing``, and the errors of the store and the remote.
    """
    if not paths:
        raise UsageFault("name what to settle", hint="weft resolve --ours PATH")
    with alone(project, "weft resolve"):
        stages = read_stages(project.git)
        made = made_by_stages(project.git, stages)
        asked = _asked(project, paths, stages)
        told = frozenset(asked)
        if side:  # without one nothing is chosen, so nothing can be of another side
            whole = [name for name, one in asked.items() if not one.parts]
            asked.update({name: _Asked(name) for name in sorted(together(made, stages, whole)) if name not in asked})
        names = side_names(project.git)
        blobs = _read(project, [stages[name] for name in asked])
        work = _Work()
        for name, one in sorted(asked.items(), key=lambda item: not item[0].endswith(SUFFIX)):  # these may fail
            three = {SIDES[number]: blobs[blob] for number, blob in stages[name].items()}
            if _is_by_hand(project, name, three):
                if name not in told:
                    work.left.append(Left(name, (Conflict("", EDITED),)))
                    continue
                if side or name.endswith(SUFFIX):
                    work.saved.append((name, _save(project, name)))
            if name.endswith(SUFFIX):
                _settle_pointer(project, one, three, side, work, names)
            else:
                _settle_text(project, name, three, side, work, generated=name in made)
        for name in [name for name in work.settled if side and name in stages and is_record(name)]:
            _settle_beside(project, stages, name, side, work)
        along = tuple(_shown(name) for name in work.settled if name not in told)
        return replace(_with_data(project, work), ours=names[0], theirs=names[1], along=along)


def _asked(project: Project, paths: Sequence[str], stages: Mapping[str, Mapping[int, str]]) -> dict[str, _Asked]:
    found: dict[str, _Asked] = {}
    for text in paths:
        path = repo_path(project, text)
        names = [name for name in stages if _is_at(name, path)]
        owner = next((name for name in stages if name.endswith(SUFFIX) and path.startswith(data_path(name) + "/")), "")
        if not names and not owner:
            raise NotTracked(f"there is no conflict at {text}", hint="git status", path=text)
        for name in names:
            found[name] = _Asked(name)
        if not names and found.get(owner, _Asked(owner, ("",))).parts:
            before = found[owner].parts if owner in found else ()
            found[owner] = _Asked(owner, (*before, path[len(data_path(owner)) + 1 :]))
    return found


def _is_at(name: str, path: str) -> bool:
    shown = _shown(name)
    return (merged_by_weft(name) and (not path or shown.startswith(path + "/"))) or path in (shown, name)


def _shown(name: str) -> str:
    return data_path(name) if name.endswith(SUFFIX) else name


# --- what somebody settled by hand ---


def _is_by_hand(project: Project, name: str, three: Mapping[str, bytes]) -> bool:
    """Whether the file holds neither a side nor a merge with marks: then somebody wrote it, and nothing else has it."""
    try:
        data = read_small(os.path.join(project.root, name), _LIMIT)
    except LimitExceeded:  # each side is shorter
        return True
    return data is not None and data not in three.values() and b"\n<<<<<<< " not in b"\n" + data


def _save(project: Project, name: str) -> str:
    """Put the bytes of a file into the store, and make them durable; their oid."""
    path = os.path.join(project.root, name)
    with project.store.writer() as writer:
        return str(next(iter(ingest(writer, [FileToRead(path, os.path.getsize(path), name)]))).oid)


def _read(project: Project, stages: Sequence[Mapping[int, str]]) -> dict[str, bytes]:
    wanted = {blob for one in stages for blob in one.values()}
    with BlobReader(project.git) as reader:
        found = reader.read(sorted(wanted), _LIMIT)
    if wanted - found.keys():
        raise RefusedInput(f"a file in conflict is not here, or has more than {_LIMIT} bytes", hint="git status")
    return found


# --- pointers ---


def _settle_pointer(
    project: Project, asked: _Asked, three: Mapping[str, bytes], side: str, work: _Work, names: tuple[str, str]
) -> None:
    path = data_path(asked.name)
    if OURS not in three or THEIRS not in three:
        _settle_deleted(project, asked, three, side, work)
        return
    texts = (three.get(BASE, b""), three[OURS], three[THEIRS])
    sides = decode_sides(project, asked.name, *texts)
    before = settled_so_far(read_small(os.path.join(project.root, asked.name), _LIMIT) or b"")
    chosen = {**before, **dict.fromkeys(asked.parts or ("",), side)} if side else before

    def prefer(place: str) -> str:
        while place not in chosen and place:
            place = place.rpartition("/")[0]
        return chosen.get(place, "")

    merged = merge_pointers(project, sides, prefer)
    if merged.pointer is None:
        write_below(project.root, asked.name, conflict_text(path, texts, merged.conflicts, chosen, names))
        work.left.append(Left(path, merged.conflicts))
        return
    write_below(project.root, asked.name, pointer_format.encode(merged.pointer))
    work.pointers[path] = merged.pointer
    work.settled.append(asked.name)


def _settle_deleted(project: Project, asked: _Asked, three: Mapping[str, bytes], side: str, work: _Work) -> None:
    """One side stopped tracking the path, the other changed it: there is only one or the other."""
    path = data_path(asked.name)
    gone = OURS if OURS not in three else THEIRS
    if not side or asked.parts:
        what = f"deleted in {gone}, changed in {THEIRS if gone == OURS else OURS}"
        work.left.append(Left(path, (Conflict("", what),)))
        return
    if side in three:
        # Where both sides moved the data, Git puts what it merged under the old name at each new one.
        pointer = work.pointers[path] = decode_pointer(three[side], asked.name, renamed=True)
        write_below(project.root, asked.name, pointer_format.encode(pointer))
        # The side without the pointer took the line of its data away, and Git may have merged that.
        ignored = ensure_ignored(project.git, os.path.dirname(asked.name), [pointer.path])
        if ignored and ignored not in read_stages(project.git):
            stage(project.git, [ignored])
    else:
        remove_below(project.root, asked.name)
        work.pointers[path] = None
    work.settled.append(asked.name)


# --- records and the stage file ---


def _settle_text(
    project: Project, name: str, three: Mapping[str, bytes], side: str, work: _Work, *, generated: bool
) -> None:
    if not merged_by_weft(name) and not generated:
        raise RefusedInput(
            f"{name} is neither a pointer, a lineage record, {STAGE_FILE} nor a result of a stage",
            hint=f"edit it, then git add {quoted(name)}",
            path=name,
        )
    if not side:
        work.left.append(Left(name, (Conflict("", "both sides changed it"),)))
        return
    if side not in three:
        remove_below(project.root, name)
    elif OURS in three and THEIRS in three:
        write_below(project.root, name, settle(name, three.get(BASE, b""), three[OURS], three[THEIRS], side))
    else:
        write_below(project.root, name, three[side])
    work.settled.append(name)


def _settle_beside(
    project: Project, stages: Mapping[str, Mapping[int, str]], name: str, side: str, work: _Work
) -> None:
    """Take what one side alone changed of the results from the side of their record; what was edited since is left."""
    beside = merged_beside(project.git, stages, name, side)
    if beside is None:
        return
    edited = set(not_staged(project.git, [*beside.take, *beside.drop]))
    take, drop = ([path for path in paths if path not in edited] for paths in (beside.take, beside.drop))
    if take:
        project.git.git("checkout", beside.commit, "--", *take)
    for path in drop:
        remove_below(project.root, path)
    for path in [*take, *drop]:
        if path.endswith(SUFFIX):
            text = read_small(os.path.join(project.root, path), _LIMIT)
            work.pointers[data_path(path)] = None if text is None else decode_pointer(text, path)
        work.settled.append(path)


# --- data ---


def _with_data(project: Project, work: _Work) -> ResolveResult:
    """Stage what is settled and bring its data along, as far as it is here and nothing would be lost."""
    stage(project.git, work.settled)
    plans, absent, unsaved = {}, [], []
    unmerged = read_stages(project.git)
    if work.pointers and not unmerged:  # the data of one that was moved goes away from its old place
        work.pointers.update(dict.fromkeys(without_pointer(project, workspace_pointers(project))))
    for path, pointer in work.pointers.items():
        try:
            plan = plan_one(project, path, pointer, None, CheckoutOptions())
        except ObjectMissing:
            absent.append(path)
        except UnsavedChanges:
            unsaved.append(path)
        else:
            absent.extend([path] if plan.absent else [])
            plans.update({} if plan.absent else {path: plan})
    done = carry_out(project, plans, absent) if work.pointers else None
    return ResolveResult(
        tuple(work.settled),
        tuple(work.left),
        done,
        tuple(unsaved),
        following=following(project.git, project.progress),
        behind=() if unmerged else _behind(project, {*absent, *unsaved}),
        saved=tuple(work.saved),
    )


def _behind(project: Project, told: Collection[str]) -> tuple[str, ...]:
    """The tracked paths, but for those ``told`` of already, whose data is still that of another pointer."""
    recorded = project.cache.tracked_paths()
    return tuple(
        path
        for path, pointer in workspace_pointers(project).items()
        if path not in told and (known := recorded.get(path)) is not None and known.oid != pointer.oid
    )
