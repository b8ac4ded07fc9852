"""Checking a remote: is everything there that its roots promise, and, when asked, are the bytes right?"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from weft.errors import HashMismatch, KeyMissing, NotOnRemote, ObjectMissing, SizeMismatch, WeftError
from weft.formats.root import root_name
from weft.model.entry import PackInfo
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects import remote_keys as keys
from weft.objects.incoming import remove_file
from weft.objects.oidset import SortedOids
from weft.objects.pack_check import BAD_COPY, verify_pack
from weft.objects.presence import Gaps, Presence
from weft.objects.push_roots import Roots
from weft.objects.reachability import walk
from weft.objects.receive import Receiver
from weft.objects.remote import RemoteStore
from weft.objects.segments import SegmentIndex
from weft.objects.selection import packs_holding
from weft.objects.store import LocalStore
from weft.util.parallel import unordered_map
from weft.util.progress import Progress, SilentProgress

_BAD_OR_GONE: tuple[type[WeftError], ...] = (*BAD_COPY, KeyMissing)


class RemoteProblem(NamedTuple):
    """Something wrong on a remote: the error's code, one sentence, the key concerned, and the tracked paths it hurts."""

    code: str
    message: str
    key: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteReport:
    """What a check saw. ``read_packs`` and ``read_bytes`` are those really downloaded; ``ignored`` keys are not weft's."""

    pointers: int
    packs: int
    objects: int
    read_packs: int = 0
    read_bytes: int = 0
    ignored: int = 0
    problems: tuple[RemoteProblem, ...] = ()


def root_pointers(remote: RemoteStore) -> tuple[dict[str, Pointer], list[RemoteProblem]]:
    """A pointer for every root of this repository, by the root's key; and the roots that cannot be read."""
    pointers: dict[str, Pointer] = {}
    problems: list[RemoteProblem] = []
    for found in remote.roots():
        key = remote.root_key(found.name)
        if found.root is None:
            problems.append(RemoteProblem(HashMismatch.code, f"a root cannot be read: {found.fault}", key))
        else:
            root = found.root
            pointers[key] = Pointer(root.type, found.name, root.oid, root.size, root.files, root.layout)
    return pointers, problems


def check_remote(
    remote: RemoteStore,
    store: LocalStore,
    pointers: Mapping[str, Pointer],
    *,
    share: float = 0.0,
    progress: Progress | None = None,
) -> RemoteReport:
    """Check that all data of ``pointers`` (by tracked path) is on the remote, by its index and a listing of its packs.

    Manifests that are not here are fetched. ``share`` is the part of the packs, up to 1.0, that is downloaded and proved
    too; nothing of it is kept. Raises network errors; what is wrong with the remote is in the report.
    """
    return _Check(remote, store, pointers, progress or SilentProgress()).run(share)


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

    def run(self, share: float) -> RemoteReport:
        """Check."""
        self._index.learn_listed()
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
        read = self._read_some(good, share)
        for name in gaps.all:
            self._index.records.unlearn(name)
        return RemoteReport(
            len(self._pointers), len(packs), len(frames), *read, self._remote.ignored, tuple(self._problems)
        )

    def _check_root(self, path: str, pointer: Pointer) -> None:
        try:
            found = self._remote.read_root(pointer)
        except BAD_COPY as error:
            self._problems.append(RemoteProblem(error.code, error.message, error.path, (path,)))
            return
        if found is None:
            self._problems.append(RemoteProblem(NotOnRemote.code, f"{path} was never pushed", "", (path,)))
        elif found.root is None:
            key = self._remote.root_key(found.name)
            self._problems.append(RemoteProblem(HashMismatch.code, f"the root of {path}: {found.fault}", key, (path,)))

    def _walk(self, path: str, pointer: Pointer, receiver: Receiver) -> None:
        try:
            self._needed[path] = walk(pointer, receiver).all_frames()
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
                message = f"{len(gone)} of {len(frames)} objects of {path} are not on the remote"
                self._problems.append(RemoteProblem(NotOnRemote.code, message, "", (path,)))

    def _paths_in(self, pack: Oid) -> tuple[str, ...]:
        info = self._store.catalog.pack_frames(pack)
        inside = {frame.oid for frame in info.frames} if info else set()
        return tuple(path for path, frames in self._needed.items() if not inside.isdisjoint(frames))

    def _add(self, error: type[WeftError], message: str, pack: Oid, paths: tuple[str, ...]) -> None:
        key = keys.pack_key(pack)
        self._problems.append(RemoteProblem(error.code, f"{message}: {key}", key, paths))

    def _read_some(self, packs: Mapping[Oid, int], share: float) -> tuple[int, int]:
        """Download and prove a share of ``packs``; return how many and how many bytes."""
        names = sorted(packs)
        chosen = names if share >= 1 else random.sample(names, min(len(names), round(share * len(names) + 0.5)))
        if share <= 0 or not chosen:
            return 0, 0
        total = sum(packs[name] for name in chosen)
        with self._progress.task("verify", total, len(chosen)) as task:
            known = (self._store.catalog.pack_frames(name) for name in chosen)
            infos = (info for info in known if info is not None)
            for info, fault in unordered_map(self._prove, infos, self._remote.jobs, self._remote.jobs):
                task.advance(info.size, 1)
                if fault is not None:
                    paths = self._paths_in(info.name)
                    self._problems.append(RemoteProblem(fault.code, fault.message, keys.pack_key(info.name), paths))
        return len(chosen), total

    def _prove(self, info: PackInfo) -> tuple[PackInfo, WeftError | None]:
        key = keys.pack_key(info.name)
        temp = self._store.temp_path()
        try:
            self._remote.storage.download(key, temp)
            verify_pack(temp, info, key)
        except _BAD_OR_GONE as error:
            return info, error
        finally:
            remove_file(temp)
        return info, None


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
