"""Bringing frames from a remote into the local store: whole packs, or ranges of them; nothing that is not proved.

Packs that are complete stay when the work is interrupted, so the next attempt goes on from there.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import nullcontext
from functools import partial
from types import TracebackType
from typing import Self

from weft.errors import BadPackIndex, KeyMissing, NotOnRemote, ObjectType, SizeMismatch, WeftError
from weft.model.entry import Frame
from weft.model.oid import Kind, Oid
from weft.model.pointer import Pointer
from weft.objects import remote_keys as keys
from weft.objects import store_folder
from weft.objects.incoming import Incoming, quarantine_bytes, quarantine_file, remove_file, sync_file
from weft.objects.oidset import SortedOids
from weft.objects.pack_check import BAD_COPY, read_pack, verify_pack
from weft.objects.prove_helper import PackProvers
from weft.objects.ranges import RangeResult, plan_ranges, read_range
from weft.objects.remote import FoundRoot, RemoteStore
from weft.objects.segments import SegmentIndex
from weft.objects.selection import choose, slices, usable
from weft.objects.store import LocalStore
from weft.util.forking import own_lock
from weft.util.locks import FileLock
from weft.util.parallel import Ahead, cpu_workers, unordered_map
from weft.util.progress import Progress, SilentProgress

SMALL_PACK = 1 << 20
"""Packs below this many bytes are always fetched whole."""
MANY_FRAMES = 4096
"""Packs with more frames than this, so of files below 8 kB, are proved one at a time."""
PROVED_APART = 64 << 20
"""When so many bytes come in packs, processes of their own prove them: starting one takes as long as proving a third."""
MAX_ROOTS = 32
"""When more pointers than this are wanted, the index is listed instead of asking for each root."""


class Receiver:
    """Fetches frames on demand; an ``ObjectReader`` for walks. A context manager: leaving it makes all that came durable.

    ``pointers`` tell whose roots to consult. The counters tell whole packs, objects and bytes that came.
    """

    def __init__(
        self, remote: RemoteStore, store: LocalStore, pointers: Sequence[Pointer] = (), progress: Progress | None = None
    ) -> None:
        self.packs = 0
        self.objects = 0
        self.received = 0
        self.absent: Set[Oid] = frozenset()
        self.index = SegmentIndex(remote)
        self._remote = remote
        self._store = store
        self._progress = progress or SilentProgress()
        self._task = self._progress.task("fetch", noun="object")
        self._roots = _Roots(remote, list(pointers))
        self._stage = 0
        self._bad: dict[Oid, WeftError] = {}
        self._incoming = Incoming(store)
        self._turn = own_lock(self, "_turn")
        self._provers: PackProvers | None = None
        # Shared with other writers of the store; whoever removes packs takes it alone.
        path = os.path.join(store.root, "lock")
        self._lock = FileLock(path, purpose="fetch into the store", shared=True, progress=progress)

    def __enter__(self) -> Self:
        self._lock.__enter__()
        try:
            # A killed collection or a power cut may have taken packs that the catalog still counts on.
            self._store.reconcile()
            store_folder.reap(self._store.root, time.time())
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        self._task.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._incoming.flush()
            self._forget_bad()
        except WeftError:
            # The first error is the one to tell.
            if error is None:
                raise
        finally:
            if self._provers is not None:
                self._provers.close()
            self._incoming.abort()
            self._task.__exit__(kind, error, trace)
            self._lock.__exit__(kind, error, trace)

    # --- what callers ask for ---

    def read_many(self, oids: Iterable[Oid], kind: Kind | None = None) -> Iterator[tuple[Oid, bytes]]:
        """See ``ObjectReader.read_many``; what is not here is fetched first."""
        wanted = set(oids)
        self.ensure(wanted, kind)
        if kind in (None, Kind.CHUNK):
            self._incoming.flush()
        fresh = self._incoming.fresh(wanted)
        wanted.difference_update(oid for oid, _data in fresh)
        yield from fresh
        if wanted:
            yield from self._store.read_many(wanted, kind)

    def ensure(self, oids: Iterable[Oid], kind: Kind | None, sizes: Mapping[Oid, int] | None = None) -> None:
        """Fetch those of ``oids`` that are not in the local store. ``sizes`` are the raw bytes that some must have.

        Raises ``NotOnRemote``; for bytes that were refused and of which no good copy is left, what was wrong with them;
        ``SizeMismatch`` for a size that is not the object's.
        """
        missing = self._missing(oids)
        oids = ()  # there may be millions, which nobody else holds
        if missing and self._stage == 0:
            self._roots.begin(missing)
        while missing:
            place = self._remote.place
            choice = choose(self._store.catalog, missing, place, kind=kind, small=SMALL_PACK, avoid=self._bad)
            if choice.absent:
                if not self._learn_more():
                    self.absent = choice.absent
                    raise self._why_absent(choice.absent, kind)
                continue
            before = len(self._bad)
            self._take_packs(choice.whole, sizes or {})
            self._take_frames(self._missing(choice.rest), kind, sizes or {})
            left = self._missing(missing)
            if left == missing and before == len(self._bad):
                raise BadPackIndex("the index of the remote and its packs contradict each other", hint="weft verify")
            missing = left

    def _missing(self, oids: Iterable[Oid]) -> SortedOids:
        pending = self._incoming.pending
        absent = (sorted(self._store.missing(group)) for group in slices(oids))
        return SortedOids(oid for group in absent for oid in group if oid not in pending)

    # --- finding out more ---

    def _learn_more(self) -> bool:
        """Read more index segments: those that the roots name, then all that are not superseded, then all."""
        self._stage += 1
        if self._stage == 1:
            if self._roots.few:
                self._consult_roots()
        elif self._stage <= 3:
            self.index.learn_listed(superseded=self._stage == 3)
        return self._stage <= 3

    def _consult_roots(self) -> None:
        names: set[Oid] = set()
        for found in self._roots.read():
            if found is not None and found.root is None:
                self._progress.warn(f"a root on the remote cannot be read ({found.fault})", hint="weft push")
            elif found is not None and found.root is not None:
                names.update(found.root.segments)
        self.index.learn(sorted(names))

    def _why_absent(self, absent: Set[Oid], kind: Kind | None) -> WeftError:
        for group in slices(absent):
            for copies in self._store.catalog.locate(group, self._remote.place).values():
                for copy in copies:
                    if copy.pack in self._bad and not isinstance(self._bad[copy.pack], KeyMissing):
                        return self._bad[copy.pack]
                    if kind is not None and copy.frame.kind != kind:
                        other = copy.frame.kind.name.lower()
                        return ObjectType(f"{copy.frame.oid} is stored as a {other}, wanted is a {kind.name.lower()}")
        # A pack or segment that is merely gone is no fault of its own; one that lies is.
        for fault in (*self._bad.values(), *self.index.faults):
            if not isinstance(fault, KeyMissing):
                return fault
        return NotOnRemote(
            f"{len(absent)} objects are not on {self._remote.storage.name}",
            hint="run `weft push` in a clone that has them",
        )

    # --- whole packs ---

    def _take_packs(self, names: Sequence[Oid], sizes: Mapping[Oid, int]) -> None:
        known = self._store.catalog.packs(self._remote.place) if names else {}
        size = sum(known[name] for name in names)
        self._task.grow(size)
        if size >= PROVED_APART and self._provers is None:
            self._provers = PackProvers(self._store.catalog.path, (cpu_workers() + 1) // 2)
        take = partial(self._take_pack, sizes=sizes)
        for name, count, fault in unordered_map(take, names, self._remote.jobs, self._remote.jobs):
            if fault is not None:
                self._refuse(name, fault)
            elif count:
                self.packs += 1
                self.objects += count
                self.received += known[name]

    def _take_pack(self, name: Oid, sizes: Mapping[Oid, int]) -> tuple[Oid, int, WeftError | None]:
        """Fetch a pack; returns how many objects came, or why none did."""
        # The frames of a pack of tiny files take ten megabytes, and more in packs that others wrote.
        few = self._store.catalog.pack_frames(name, MANY_FRAMES)
        key = keys.pack_key(name)
        fault: WeftError | None = None
        # Bytes that broke on their way come right the second time.
        for last in (False, True):
            temp = self._store.temp_path()
            try:
                self._remote.storage.download(key, temp)
                with nullcontext() if few else self._turn:
                    pack = few or self._store.catalog.pack_frames(name)
                    if pack is None:
                        return name, 0, None
                    if self._provers is None or not self._provers.prove(temp, name):
                        verify_pack(temp, pack, key)
                    sync_file(temp)
                    self._store.adopt_pack(temp, pack)
                self._task.advance(pack.size, len(pack.frames))
                break
            except KeyMissing as error:
                return name, 0, error
            except BAD_COPY as error:
                fault = error
                # One that is too long for a pack was not fetched.
                if last and os.path.lexists(temp) and not self._believe(name, temp):
                    quarantine_file(
                        self._store, name, temp, f"refused from {self._remote.storage.name}: {error.message}"
                    )
            finally:
                remove_file(temp)
        else:
            return name, 0, fault
        _check_sizes(pack.frames, sizes)
        return name, len(pack.frames), None

    def _believe(self, name: Oid, temp: str) -> bool:
        """Adopt a pack that is sound by its own footer: then it was the index that lied, and what it told is corrected."""
        with self._turn:
            try:
                pack = read_pack(temp, name)
            except BAD_COPY:
                return False
            self.index.records.correct(pack)
            sync_file(temp)
            self._store.adopt_pack(temp, pack)
        return True

    # --- ranges ---

    def _take_frames(self, oids: Set[Oid], kind: Kind | None, sizes: Mapping[Oid, int]) -> None:
        remote = self._remote
        for group in slices(oids):
            located = self._store.catalog.locate(group, remote.place)
            copies = [usable(found, kind, self._bad) for found in located.values()]
            ranges = list(plan_ranges(min(found, key=lambda copy: copy.pack) for found in copies if found))
            self._task.grow(sum(one.length for one in ranges))
            for result in unordered_map(lambda one: read_range(remote, one), ranges, remote.jobs, remote.jobs):
                self._keep(result, sizes)

    def _keep(self, result: RangeResult, sizes: Mapping[Oid, int]) -> None:
        self._task.advance(result.received, len(result.good))
        self.received += result.received
        if result.fault is not None:
            self._refuse(result.pack, result.fault)
        if result.bad:
            quarantine_bytes(self._store, result.pack, result.bad, _refusal(self._remote, result.fault))
        _check_sizes((proved.frame for proved in result.good), sizes)
        self.objects += self._incoming.add(result.good)

    # --- bad copies ---

    def _refuse(self, pack: Oid, fault: WeftError) -> None:
        self._bad[pack] = fault
        if not isinstance(fault, KeyMissing):
            self._progress.warn(f"a copy on the remote was refused: {fault.message}", hint=fault.hint)

    def _forget_bad(self) -> None:
        """A pack that is gone shall not count as being on the remote any longer."""
        for pack, fault in self._bad.items():
            # One that is there and damaged is tried again by the next fetch, which then says the same of it.
            if isinstance(fault, KeyMissing):
                self.index.records.unlearn(pack)


class _Roots:
    """The roots of the wanted pointers."""

    def __init__(self, remote: RemoteStore, pointers: list[Pointer]) -> None:
        self._remote = remote
        self._pointers = pointers
        self._ahead: Ahead[list[FoundRoot | None]] | None = None

    @property
    def few(self) -> bool:
        """True when it pays to ask for each."""
        return len(self._pointers) <= MAX_ROOTS

    def begin(self, missing: SortedOids) -> None:
        """Ask for the roots beside the question whether this is the right store, when the catalog knows too little."""
        place = self._remote.promised
        if place is None or self._ahead is not None or not self.few:
            return
        if any(self._remote.catalog.missing(group, place) for group in slices(missing)):
            self._ahead = Ahead(self._read)

    def read(self) -> list[FoundRoot | None]:
        """What is there; None for those that are not."""
        return self._read() if self._ahead is None else self._ahead.result()

    def _read(self) -> list[FoundRoot | None]:
        return list(unordered_map(self._remote.read_root, self._pointers, self._remote.jobs))


def _check_sizes(frames: Iterable[Frame], sizes: Mapping[Oid, int]) -> None:
    for frame in frames:
        size = sizes.get(frame.oid, frame.raw)
        if size != frame.raw:
            raise SizeMismatch(f"the object {frame.oid} has {frame.raw} bytes, recorded are {size}")


def _refusal(remote: RemoteStore, fault: WeftError | None) -> str:
    return f"refused from {remote.storage.name}: {fault.message if fault else 'it is not what it should be'}"
