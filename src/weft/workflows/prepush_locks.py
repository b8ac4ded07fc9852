"""Before a ``git push``: commits that change what somebody else has locked do not go."""

from __future__ import annotations

from collections.abc import Sequence

from weft.errors import PathLocked, WeftError, quoted
from weft.gitio import lockrefs, trees
from weft.gitio.pushes import Changed, Outgoing, changes_of
from weft.gitio.repo import GitRepo
from weft.model.entry import DIR, FILE, Entry
from weft.model.pathlock import PathLock
from weft.model.pointer import Pointer
from weft.model.remote import Trust
from weft.objects.treediff import diff_entries
from weft.storage.urls import redact
from weft.util.progress import Progress
from weft.workflows.fetch import fetch_metadata
from weft.workflows.lock_list import read_remote, tell_of_broken
from weft.workflows.locks import describe
from weft.workflows.project import Project, open_project
from weft.workflows.targets import Target, data_path, decode_pointer
from weft.workspace.walk import manifest_reader

_SHOWN = 5


def refuse_locked(git: GitRepo, sent: Outgoing, remote: str, progress: Progress, trust: Trust) -> None:
    """Raise ``PathLocked`` when the commits ``sent`` change what others have locked on the Git remote ``remote``.

    Locks are advice: where they cannot be read, a warning says so and the push goes on.
    """
    try:
        found = read_remote(git, lockrefs.place_of(git, remote, hurry=True))
    except WeftError as error:
        progress.warn(f"the locks on {redact(remote)} cannot be read, so this push goes on without: {error.message}")
        return
    tell_of_broken(progress, found, redact(remote))
    others = list(found.others())
    if not others:
        return
    hit: dict[str, PathLock] = {}
    unsure: list[tuple[Changed, PathLock]] = []
    for change in changes_of(git, sent):
        pointer = trees.is_pointer(change.path)
        path = data_path(change.path) if pointer else change.path
        for one in others:
            if one.covers(path):
                hit[one.path] = one
            elif pointer and one.overlaps(path):
                unsure.append((change, one))
    if doubtful := [(change, one) for change, one in unsure if one.path not in hit]:
        with open_project(git.root, progress, trust) as project:
            hit.update({one.path: one for change, one in doubtful if _changes_part(project, change, one)})
    if hit:
        _refuse(list(hit.values()))


def _refuse(hit: Sequence[PathLock]) -> None:
    more = f"; and {len(hit) - _SHOWN} more" if len(hit) > _SHOWN else ""
    raise PathLocked(
        f"these commits change what others have locked: {'; '.join(map(describe, hit[:_SHOWN]))}{more}",
        hint=f"ask them; then weft unlock --force {' '.join(quoted(one.path) for one in hit[:_SHOWN])}",
        path=hit[0].path,
    )


def _changes_part(project: Project, change: Changed, one: PathLock) -> bool:
    """Whether the locked part of a tracked directory is in the new version as in none of the versions before it."""
    path = data_path(change.path)
    try:
        new = _pointer(project, change, change.new)
        olds = [_pointer(project, change, old) for old in change.olds]
        for pointer in (new, *olds):  # one by one: all are of one path
            fetch_metadata(project, [Target(path, pointer)] if pointer else ())
        return all(_differs(project, path, old, new, one) for old in olds)
    except WeftError as error:
        project.progress.warn(f"whether these commits change {one.path} cannot be told: {error.message}", describe(one))
        return False


def _pointer(project: Project, change: Changed, blob: str) -> Pointer | None:
    if not blob.strip("0"):
        return None
    return decode_pointer(trees.read_blobs(project.git, [blob])[blob], change.path)


def _differs(project: Project, path: str, old: Pointer | None, new: Pointer | None, one: PathLock) -> bool:
    before, after = (_entry(pointer) for pointer in (old, new))
    readers = [manifest_reader(project.store, pointer.layout if pointer else None) for pointer in (old, new)]
    return any(one.overlaps(delta.path) for delta in diff_entries(path, before, after, *readers))


def _entry(pointer: Pointer | None) -> Entry | None:
    if pointer is None:
        return None
    return Entry(DIR if pointer.is_dir else FILE, pointer.oid, pointer.size, pointer.files, "")
