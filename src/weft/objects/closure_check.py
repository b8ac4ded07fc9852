"""Checking a remote: is everything there that its roots promise, and, when asked, are the bytes right?"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from typing import NamedTuple

from weft.errors import HashMismatch, NotOnRemote, ObjectMissing, SizeMismatch, WeftError
from weft.formats.root import root_name
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects import remote_keys as keys
from weft.objects.oidset import SortedOids
from weft.objects.pack_check import BAD_COPY
from weft.objects.presence import Gaps, Presence
from weft.objects.proofs import Pair, unproved
from weft.objects.prove_objects import prove_remote_objects
from weft.objects.prove_remote import prove_packs
from weft.objects.push_roots import Roots
from weft.objects.reachability import walk
from weft.objects.receive import Receiver
from weft.objects.remote import RemoteStore
from weft.objects.rounds import Round
from weft.objects.segments import SegmentIndex
from weft.objects.selection import packs_holding
from weft.objects.store import LocalStore
from weft.util.progress import Progress, SilentProgress


class RemoteProblem(NamedTuple):
    """Something wrong on a remote: the error's code, one sentence, the key concerned, the tracked paths it hurts, and the
    pack that is gone or not what its name says."""

    code: str
    message: str
    key: str = ""
    paths: tuple[str, ...] = ()
    pack: Oid | None = None


@dataclass(frozen=True, slots=True)
class RemoteReport:
    """What a check saw. ``read_packs`` and ``read_bytes`` are those really downloaded; ``ignored`` keys are not weft's.

    ``lacking`` are the objects that the pointers need and the remote does not hold; ``unread`` the paths of which not even
    that can be told.
    """

    pointers: int
    packs: int
    objects: int
    read_packs: int = 0
    read_bytes: int = 0
    ignored: int = 0
    problems: tuple[RemoteProblem, ...] = ()
    lacking: Set[Oid] = frozenset()
    unread: tuple[str, ...] = ()


def check_remote(
    remote: RemoteStore,
    store: LocalStore,
    pointers: Mapping[str, Pointer],
    *,
    share: float = 0.0,
    only: Collection[Oid] = (),
    lap: Round | None = None,
    progress: Progress | None = None,
) -> RemoteReport:
    """Check that all data of ``pointers`` (by tracked path) is on the remote, by its index and a listing of its packs.

    Manifests that are not here are fetched. ``share`` is the part of the packs, up to 1.0, that is downloaded and proved
    too, or it is ``only`` those named; nothing of it is kept. ``lap`` tells how far to go. Raises network errors; what is
    wrong with the remote is in the report.
    """
    return _Check(remote, store, pointers, progress or SilentProgress()).run(share, only, lap or Round())


class _Check:
    """One check of a remote."""

    def __init__(
        self, remote: RemoteStore, store: LocalStore, pointers: Mapping[str, Pointer], progress: Progress
    ) -> None:
        self._remote = remote
        self._store = store
        self._pointers = pointers
        self._progress = progress
        self._index = SegmentIndex(remote)
        self._problems: list[RemoteProblem] = []
        self._needed: dict[str, SortedOids] = {}
        self._lacking: set[Oid] = set()
        self._pairs: dict[str, list[Pair]] = {}

    def run(self, share: float, only: Collection[Oid], lap: Round) -> RemoteReport:
        """Check."""
        self._index.learn_listed()
        self._index.reread()
        for fault in self._index.faults:
            self._problems.append(RemoteProblem(fault.code, fault.message, fault.path))
        with Receiver(self._remote, self._store, list(self._pointers.values()), self._progress) as receiver:
            for path, pointer in self._pointers.items():
                self._check_root(path, pointer)
                self._walk(path, pointer, receiver)
        frames = SortedOids.union(*self._needed.values())
        packs = packs_holding(self._store.catalog, frames, self._remote.place)
        gaps = Presence(self._remote).check(packs)
        self._check_held(gaps)
        good = {name: size for name, size in packs.items() if name not in gaps.all}
        read = self._read_some(good, share, only, lap)
        if share > 0 and not only and not lap.left:
            self._prove_objects(share)
        for name in gaps.all:
            self._index.records.unlearn(name)
        unread = tuple(path for path in self._pointers if path not in self._needed)
        return RemoteReport(
            len(self._pointers), len(packs), len(frames), *read, self._remote.ignored, tuple(self._problems),
            self._lacking, unread,
        )  # fmt: skip

    def _check_root(self, path: str, pointer: Pointer) -> None:
        try:
            found = self._remote.read_root(pointer)
        except BAD_COPY as error:
            self._problems.append(RemoteProblem(error.code, error.message, error.path, (path,)))
            self._unsee(pointer)
            return
        if found is None or found.root is None:
            self._unsee(pointer)
        if found is None:
            self._problems.append(RemoteProblem(NotOnRemote.code, f"{path} was never pushed", "", (path,)))
        elif found.root is None:
            key = self._remote.root_key(found.name)
            self._problems.append(RemoteProblem(HashMismatch.code, f"the root of {path}: {found.fault}", key, (path,)))

    def _unsee(self, pointer: Pointer) -> None:
        """A push shall not take the root on trust any more, but write it again."""
        row = (self._remote.place, root_name(pointer))
        self._store.catalog.rows("DELETE FROM roots_seen WHERE place = ? AND name = ?", row)

    def _walk(self, path: str, pointer: Pointer, receiver: Receiver) -> None:
        try:
            closure = walk(pointer, receiver)
            self._needed[path], self._pairs[path] = closure.all_frames(), list(closure.pairs())
        except BAD_COPY as error:
            self._problems.append(RemoteProblem(error.code, f"{path}: {error.message}", error.path, (path,)))

    def _check_held(self, gaps: Gaps) -> None:
        """Tell the packs that are gone, and the pointers that now miss something."""
        hurt = {name: self._paths_in(name) for name in gaps.all}
        for name in gaps.all:
            self._index.records.lose(name)
        for name in sorted(gaps.absent):
            self._add(ObjectMissing, "a pack is not there", name, hurt[name])
        for name in sorted(gaps.wrong):
            self._add(SizeMismatch, "a pack has another size than it must have", name, hurt[name])
        for path, frames in self._needed.items():
            gone = self._store.catalog.missing(frames, self._remote.place)
            if gone:
                self._lacking |= gone
                message = f"{len(gone)} of {len(frames)} objects of {path} are not on the remote"
                self._problems.append(RemoteProblem(NotOnRemote.code, message, "", (path,)))

    def _paths_in(self, pack: Oid) -> tuple[str, ...]:
        info = self._store.catalog.pack_frames(pack)
        inside = {frame.oid for frame in info.frames} if info else set()
        return tuple(path for path, frames in self._needed.items() if not inside.isdisjoint(frames))

    def _add(self, error: type[WeftError], message: str, pack: Oid, paths: tuple[str, ...]) -> None:
        key = keys.pack_key(pack)
        self._problems.append(RemoteProblem(error.code, f"{message}: {key}", key, paths, pack))

    def _read_some(self, packs: Mapping[Oid, int], share: float, only: Collection[Oid], lap: Round) -> tuple[int, int]:
        """Download and prove a share of ``packs``, or ``only`` some; return how many and how many bytes."""
        names = [name for name in sorted(packs) if not only or name in only]
        if not only and share < 1:
            names = random.sample(names, min(len(names), round(share * len(names) + 0.5))) if share > 0 else []
        done = size = 0
        with self._progress.task("verify", sum(packs[name] for name in names), len(names), "pack") as task:
            for info, fault in prove_packs(self._remote, self._store, lap.choose(names)):
                done, size = done + 1, size + info.size
                task.advance(info.size, 1)
                lap.done(info.name, fault is None)
                if fault is not None:
                    problem = RemoteProblem(fault.code, fault.message, keys.pack_key(info.name), pack=info.name)
                    self._problems.append(problem._replace(paths=self._paths_in(info.name)))
        return done, size

    def _prove_objects(self, share: float) -> None:
        """Hash a share of the objects that span several chunks and that this clone has not proved, each as a whole."""
        pairs = {pair for found in self._pairs.values() for pair in found}
        todo = unproved(self._store.catalog, pairs)
        todo = random.sample(todo, min(len(todo), round(share * len(todo) + 0.5))) if share < 1 else todo
        for target, fault in prove_remote_objects(self._remote, self._store, todo, dict(pairs).get):
            paths = tuple(path for path, found in self._pairs.items() if any(target == pair[0] for pair in found))
            text = f"the layout of {', '.join(paths[:3])} leads to other bytes than {target}: {fault.message}"
            self._problems.append(RemoteProblem(HashMismatch.code, text, "", paths))


# --- status ---


def remote_states(remote: RemoteStore, store: LocalStore, pointers: Mapping[str, Pointer]) -> dict[str, str]:
    """``pushed``, ``not-pushed`` or ``incomplete`` for each tracked path, with few requests and no data.

    A pointer is incomplete when its root is there but a pack is not that it needs, as far as this clone can tell.
    """
    try:
        remote.connect()
    except NotOnRemote:
        return dict.fromkeys(pointers, "not-pushed")
    index = SegmentIndex(remote)
    index.learn_listed()
    gaps = Presence(remote).check(store.catalog.packs(remote.place))
    for name in gaps.all:
        index.records.lose(name)
    try:
        roots = Roots(remote)
        roots.look(pointers.values())
        return {path: _state(remote, store, pointer, roots, index) for path, pointer in pointers.items()}
    finally:
        for name in gaps.all:
            index.records.unlearn(name)


def _state(remote: RemoteStore, store: LocalStore, pointer: Pointer, roots: Roots, index: SegmentIndex) -> str:
    name = root_name(pointer)
    if name not in roots.found:
        return "incomplete" if name in roots.damaged else "not-pushed"
    if roots.trusts(pointer):
        return "pushed"
    try:
        whole = not store.catalog.missing(walk(pointer, store).all_frames(), remote.place)
    except ObjectMissing:
        # Its manifests are not here: then all packs must be there that the segments list which its root names.
        listed = [index.records.packs_of(segment).keys() for segment in roots.segments[name]]
        held = store.catalog.packs(remote.place).keys()
        whole = all(packs and packs <= held for packs in listed) or index.all_held()
        return "pushed" if whole else "incomplete"
    if whole:
        remote.catalog.see_root(remote.place, name)
    return "pushed" if whole else "incomplete"
