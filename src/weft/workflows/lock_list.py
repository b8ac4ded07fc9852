"""The locks of paths that a Git remote has, and the copy of them that this clone keeps for looks without a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from weft.errors import GitFailed, WeftError, quoted
from weft.formats import pathlock
from weft.formats.canonical import LIMIT, json_bytes, load_json
from weft.gitio import lockrefs
from weft.gitio.batch import BlobReader
from weft.gitio.lockrefs import Place
from weft.gitio.repo import GitRepo
from weft.gitio.snapshots import author
from weft.model.pathlock import PathLock
from weft.util.dirfd import write_below
from weft.util.progress import Progress
from weft.workflows.files import read_below
from weft.workflows.project import LOCKS_COPY, Project, state_dir

_VERSION = 1
_TRIES = 3
_SHOWN = 3


class BrokenLock(NamedTuple):
    """A ref among the locks that stands for none that can be believed, and why."""

    ref: str
    message: str


@dataclass(frozen=True, slots=True)
class LockList:
    """The locks of one Git remote by ref: the object ids of all, and the locks of those that can be believed. ``me`` is
    who this clone's user is, as Git has it."""

    me: str
    refs: Mapping[str, str] = field(default_factory=dict)
    locks: Mapping[str, PathLock] = field(default_factory=dict)
    broken: tuple[BrokenLock, ...] = ()

    def others(self) -> Iterator[PathLock]:
        """The locks of other people, sorted by path."""
        return (one for one in sorted(self.locks.values()) if not one.is_of(self.me))


def read_remote(git: GitRepo, place: Place) -> LockList:
    """Ask the Git remote, by one process and one more for what is new, and keep a copy. Raises ``GitFailed``,
    ``EnvironmentFault``."""
    for _ in range(_TRIES):
        refs = lockrefs.list_locks(git, place)
        with BlobReader(git) as blobs:
            known = blobs.sizes(refs.values())
        new = sorted(set(refs.values()) - known.keys())
        if not new or lockrefs.fetch_objects(git, place, new):
            break  # else one was removed in the meantime, or is no blob, or the remote does not give it
    else:
        raise GitFailed(
            f"the locks on {place.name} cannot be fetched",
            hint=f"weft locks, once more; git ls-remote {quoted(place.name)} '{lockrefs.LOCKS}*' lists what is there",
        )
    with BlobReader(git) as blobs:
        data = blobs.read(refs.values(), pathlock.LIMIT)
    found = _decoded(author(git), refs, data)
    with suppress(WeftError):  # the copy is for the sake of later looks: one that cannot be kept stops nothing
        _keep_copy(git, place, found)
    return found


def _decoded(me: str, refs: Mapping[str, str], data: Mapping[str, bytes]) -> LockList:
    locks, broken = {}, []
    for ref, oid in refs.items():
        try:
            if oid not in data:
                raise GitFailed(f"it is no blob of at most {pathlock.LIMIT} bytes")
            lock = pathlock.decode(data[oid])
            if lockrefs.ref_of(lock.path) != ref:
                raise GitFailed("the lock in it is of a path that has another ref")
            locks[ref] = lock
        except WeftError as error:
            broken.append(BrokenLock(ref, error.message))
    return LockList(me, refs, locks, tuple(broken))


def _keep_copy(git: GitRepo, place: Place, found: LockList) -> None:
    """Keep ``found`` as the copy for its remote, and forget remotes that are gone; of a mere URL none is kept."""
    names = lockrefs.remote_names(git)
    if place.name not in names:
        return
    copies = {name: one for name, one in _copies(git).items() if name in names}
    copies[place.name] = {found.refs[ref]: pathlock.encode(one).decode("utf-8") for ref, one in found.locks.items()}
    write_below(state_dir(git), LOCKS_COPY, json_bytes({"weft": _VERSION, "remotes": copies}))


def read_copy(git: GitRepo, remotes: Iterable[str] = ()) -> LockList:
    """What the copy has of ``remotes`` (none: of all), without a network. A copy that cannot be read is an empty one."""
    copies = _copies(git)
    texts = [text for name in remotes or copies for text in copies.get(name, {}).values()]
    locks = {}
    with suppress(WeftError):
        locks = {lockrefs.ref_of(lock.path): lock for lock in (pathlock.decode(text.encode("utf-8")) for text in texts)}
    return LockList(author(git) if locks else "", locks=locks)


def _copies(git: GitRepo) -> dict[str, dict[str, str]]:
    try:
        value = load_json(read_below(state_dir(git), LOCKS_COPY, LIMIT) or b"{}", what=LOCKS_COPY)
        copies: dict[str, dict[str, str]] = value.get("remotes", {})
        if all(isinstance(text, str) for one in copies.values() for text in one.values()):
            return copies
    except (WeftError, AttributeError):
        pass
    return {}


def tell_of_locks(project: Project, paths: Iterable[str]) -> None:
    """Warn in one line of locks of other people that tracked ``paths`` meet, as far as this clone knows."""
    wanted = list(paths)
    found = [one for one in read_copy(project.git).others() if any(one.overlaps(path) for path in wanted)]
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        shown = ", ".join(f"{one.path} by {one.owner}" for one in found[:_SHOWN])
        project.progress.warn(f"locked, as far as this clone knows: {shown}{more}", "weft locks")


def tell_of_broken(progress: Progress, found: LockList, remote: str) -> None:
    """Warn of refs that stand for no lock that can be believed."""
    more = f" (and {len(found.broken) - _SHOWN} more)" if len(found.broken) > _SHOWN else ""
    for one in found.broken[:_SHOWN]:
        progress.warn(
            f"{one.ref} on {remote} is no lock, and counts for none: {one.message}{more}",
            f"git push --no-verify {quoted(remote)} --delete {quoted(one.ref)}",
        )
