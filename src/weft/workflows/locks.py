"""``weft lock``, ``unlock`` and ``locks``: tell others, through the Git remote, what they better leave alone."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from weft.errors import ConfigError, GitFailed, NoSuchPath, NotLocked, PathLocked, UsageFault, quoted
from weft.formats import pathlock
from weft.gitio import lockrefs, trees
from weft.gitio.lockrefs import Place, Swap, ref_of
from weft.gitio.repo import GitRepo, discover
from weft.model.pathlock import PathLock, email_of
from weft.util.progress import Progress, SilentProgress
from weft.workflows.lock_list import LockList, read_copy, read_remote, tell_of_broken
from weft.workflows.project import read_config
from weft.workflows.targets import path_in


class LockedPath(NamedTuple):
    """A lock as it is shown; ``mine`` tells that it is of this clone's user."""

    path: str
    owner: str
    time: str
    reason: str
    branch: str
    mine: bool


class LockResult(NamedTuple):
    """Locks that were made, that this user had already, or that were removed, on the Git remote ``remote``."""

    remote: str
    locks: tuple[LockedPath, ...]
    already: tuple[LockedPath, ...] = ()


class LocksResult(NamedTuple):
    """The locks of a Git remote that meet ``paths`` (none: all); ``cached``: as they were when this clone last looked."""

    remote: str
    locks: tuple[LockedPath, ...]
    cached: bool = False
    paths: tuple[str, ...] = ()


class Clone(NamedTuple):
    """A clone as these commands need it: its repository, where the user stands, and the Git remote with the locks."""

    git: GitRepo
    cwd: str
    place: Place
    progress: Progress

    def path(self, text: str) -> str:
        """A path as typed, relative to the top. Raises ``UsageFault`` for the top itself, and as ``path_in`` does."""
        path = path_in(self.git.root, self.cwd, text)
        if not path:
            raise UsageFault("name what is to be locked: the whole repository cannot be", hint="weft lock PATH")
        return path

    def read(self) -> LockList:
        """The locks as they are now."""
        found = read_remote(self.git, self.place)
        tell_of_broken(self.progress, found, self.place.name)
        return found


def open_clone(start: str, remote: str = "", progress: Progress | None = None) -> Clone:
    """The clone that ``start`` lies in. Raises ``NotARepository``, ``NoRemote``, and the refusals of the configuration."""
    git = discover(start)
    read_config(git)
    name = lockrefs.default_remote(git, remote)
    return Clone(git, os.path.realpath(start), lockrefs.place_of(git, name), progress or SilentProgress())


def lock(clone: Clone, paths: Sequence[str], reason: str = "") -> LockResult:
    """Lock ``paths``, all or none. Raises ``PathLocked`` where somebody else was first, ``NoSuchPath``, ``ConfigError``
    where Git does not know who the user is, ``GitFailed``."""
    if len(reason) > pathlock.MAX_REASON:
        raise UsageFault(f"a reason has at most {pathlock.MAX_REASON} characters", hint="weft lock -m TEXT PATH")
    wanted = list(dict.fromkeys(_existing(clone, text) for text in paths))
    before = clone.read()
    if not email_of(before.me):
        raise ConfigError("Git does not know who you are, and a lock names its owner", hint="git config user.email YOU")
    _refuse_taken(clone, before, wanted)
    own = [path for path in wanted if ref_of(path) in before.locks]
    made, swaps = _prepare(clone, before.me, [path for path in wanted if path not in own], reason)
    if swaps:
        why = lockrefs.swap_refs(clone.git, clone.place, swaps)
        # Two locks of paths inside one another are two refs: who sees the other's takes the own one back, so that never
        # both stay. This look comes after the own one is there, so at least one of two sees the other.
        after = read_remote(clone.git, clone.place)
        done = lockrefs.moved(after.refs, swaps)
        try:
            _refuse_taken(clone, after, wanted)
        except PathLocked as error:
            if (
                left := lockrefs.swap_refs(clone.git, clone.place, [Swap(one.ref, one.new, "") for one in done])
                if done
                else ""
            ):
                error.hint = f"weft unlock, for yours could not be taken back ({left}); {error.hint}"
            raise
        if len(done) < len(swaps):
            raise _failed(clone, "makes no lock", why)
    return LockResult(
        clone.place.name, _shown(made, before.me), _shown((before.locks[ref_of(p)] for p in own), before.me)
    )


def unlock(clone: Clone, paths: Sequence[str], *, force: bool = False) -> LockResult:
    """Remove the locks of ``paths``, all or none; with ``force`` also those of others. Raises ``NotLocked``, ``PathLocked``
    for the lock of somebody else, ``GitFailed``."""
    found = clone.read() if not force else read_remote(clone.git, clone.place)
    removed, swaps = [], []
    for path in dict.fromkeys(map(clone.path, paths)):
        ref = ref_of(path)
        if ref not in found.refs:
            above = next((one.path for one in found.locks.values() if one.covers(path)), "")
            hint = f"weft unlock {quoted(above)}, which covers it" if above else "weft locks"
            raise NotLocked(f"{path} is not locked on {clone.place.name}", hint=hint, path=path)
        there = found.locks.get(ref) or PathLock(path, "an owner that cannot be read", "")
        if not force and not there.is_of(found.me):
            raise _taken([there], f"weft unlock --force {quoted(path)}, if they agree or cannot be asked")
        removed.append(there)
        swaps.append(Swap(ref, found.refs[ref], ""))
    why = lockrefs.swap_refs(clone.git, clone.place, swaps)
    after = read_remote(clone.git, clone.place)
    if len(lockrefs.moved(after.refs, swaps)) < len(swaps):
        raise _failed(clone, "removes no lock", why)
    return LockResult(clone.place.name, _shown(removed, found.me))


def locks(clone: Clone, paths: Sequence[str] = (), *, cached: bool = False) -> LocksResult:
    """The locks that meet ``paths`` (none: all), as they are now or, ``cached``, as this clone last saw them."""
    found = read_copy(clone.git, [clone.place.name]) if cached else clone.read()
    wanted = [path_in(clone.git.root, clone.cwd, text) for text in paths]
    some = [one for one in sorted(found.locks.values()) if _is_asked(one, wanted)]
    return LocksResult(clone.place.name, _shown(some, found.me), cached, tuple(wanted))


def _is_asked(one: PathLock, wanted: Sequence[str]) -> bool:
    return not wanted or any(not path or one.overlaps(path) for path in wanted)


def _existing(clone: Clone, text: str) -> str:
    """A path that is there, that Git or weft keeps, or that lies in tracked data. Raises ``NoSuchPath``."""
    path = clone.path(text)
    parts = path.split("/")
    names = [path, *("/".join(parts[:count]) + ".weft" for count in range(1, len(parts) + 1))]
    here = any(os.path.lexists(os.path.join(clone.git.root, name)) for name in names)
    if not here and not trees.is_tracked(clone.git, path):
        raise NoSuchPath(f"no such file, and nothing tracked by that name: {text}", hint="weft ls", path=text)
    return path


def _prepare(clone: Clone, me: str, paths: Sequence[str], reason: str) -> tuple[list[PathLock], list[Swap]]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    branch = lockrefs.current_branch(clone.git)
    made = [PathLock(path, me, now, reason, branch, secrets.token_hex(16)) for path in paths]
    return made, [Swap(ref_of(one.path), "", lockrefs.store_lock(clone.git, pathlock.encode(one))) for one in made]


def _refuse_taken(clone: Clone, found: LockList, wanted: Sequence[str]) -> None:
    taken = [one for one in found.others() if any(one.overlaps(path) for path in wanted)]
    if taken:
        raise _taken(taken, f"ask them, or weft unlock --force {quoted(taken[0].path)}")
    for path in wanted:
        if ref_of(path) in found.refs and ref_of(path) not in found.locks:
            raise _taken([PathLock(path, "an owner that cannot be read", "")], f"weft unlock --force {quoted(path)}")


def _taken(found: Sequence[PathLock], hint: str) -> PathLocked:
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return PathLocked(f"{describe(found[0])}{more}", hint=hint, path=found[0].path)


def describe(one: PathLock) -> str:
    """A lock in half a sentence."""
    since = f" since {one.time}" if one.time else ""
    return f"{one.path} is locked by {one.owner}{since}{f' ({one.reason})' if one.reason else ''}"


def _failed(clone: Clone, what: str, why: str) -> GitFailed:
    return GitFailed(
        f"{clone.place.name} {what}: {why or 'the refs changed at the same moment'}",
        hint=f"weft locks, to see what is there; the Git server must allow refs below {lockrefs.LOCKS}",
    )


def _shown(found: Iterable[PathLock], me: str) -> tuple[LockedPath, ...]:
    return tuple(LockedPath(one.path, one.owner, one.time, one.reason, one.branch, one.is_of(me)) for one in found)
