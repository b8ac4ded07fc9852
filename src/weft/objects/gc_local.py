"""Garbage in the local store: packs that nobody needs any more, and packs whose data a remote is proved to hold.

Planning changes nothing. A pack is dropped as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from typing import NamedTuple

from weft.model.oid import Kind, Oid
from weft.objects import quarantine_log
from weft.objects.catalog import LOCAL
from weft.objects.gc_marks import Marks, Start, mark
from weft.objects.gc_proof import Proof, RemoteFacts
from weft.objects.proofs import proved_parts
from weft.objects.store import LocalStore

UNREACHABLE = "unreachable"
"""Reason: nothing in Git or in a work tree leads to any object of the pack, and it is older than the grace time."""
EVICTED = "on-remote"
"""Reason: every object of the pack that is needed is proved to be on a remote, and the store is over its limit."""


@dataclass(frozen=True, slots=True)
class LocalPolicy:
    """``now`` in seconds since the epoch; packs younger than ``grace`` seconds are never unreachable; ``limit`` is the
    size in bytes that the store may have (None: any). ``certain`` is False when something that is needed may not be known:
    then nothing counts as unreachable."""

    now: float
    grace: float
    limit: int | None = None
    certain: bool = True


class Drop(NamedTuple):
    """A pack to drop: its size in bytes, why, and when it was last written or read (seconds since the epoch)."""

    pack: Oid
    size: int
    reason: str
    used: float


class LocalPlan(NamedTuple):
    """``drops`` in the order in which they go; sizes in bytes; ``young`` are unreachable packs within the grace time.

    ``unknown`` is True when metadata is missing here and on every remote, so that no pack could be called unreachable.
    """

    drops: tuple[Drop, ...]
    packs: int
    size: int
    young: int
    unknown: bool = False
    elsewhere: bool = False
    """Whether it took the word of a remote to call packs unreachable: metadata is missing here."""

    @property
    def freed(self) -> int:
        """Bytes of the packs to drop."""
        return sum(drop.size for drop in self.drops)

    def evicted(self) -> set[Oid]:
        """The packs that go on the word of a remote."""
        return {drop.pack for drop in self.drops if drop.reason == EVICTED or self.elsewhere}


class _Pack(NamedTuple):
    name: Oid
    size: int
    made: float
    used: float
    live: int
    """How many of its objects are needed."""
    whole: bool
    """Whether that is all of them."""
    meta: bool
    current: bool


Facts = Callable[[], Iterable[RemoteFacts]]
"""Asks the remotes, when that turns out to be needed."""


def plan_local(
    store: LocalStore, starts: Set[Start], current: Set[Start], policy: LocalPolicy, facts: Facts = tuple
) -> LocalPlan:
    """What to drop. ``starts`` is all that Git and the work trees hold on to, ``current`` what the work trees show.

    Raises what marking raises: while anything that is needed cannot be read, nothing is garbage.
    """
    marks = mark(store, starts)
    # A layout may lie: the bytes of an object that is needed stay, also where no layout leads to them.
    marks.live.update(proved_parts(store, marks.composed))
    packs = list(_packs(store, marks, mark(store, current).live))
    known = not marks.unread or _complete_elsewhere(store, starts, facts())
    sure = known and policy.certain
    dead = [pack for pack in packs if not pack.live]
    old = [pack for pack in dead if sure and policy.now - pack.made > policy.grace]
    drops = [Drop(pack.name, pack.size, UNREACHABLE, pack.used) for pack in sorted(old, key=_order)]
    size = sum(pack.size for pack in packs)
    excess = 0 if policy.limit is None else size - sum(drop.size for drop in drops) - policy.limit
    if excess > 0:
        proofs = [Proof(found, store.catalog, store, starts) for found in facts()]
        for pack in sorted((pack for pack in packs if pack.live), key=_order):
            spare = pack.whole or (sure and policy.now - pack.made > policy.grace)
            if excess > 0 and spare and _proved(_needed(store, pack.name, marks.live), pack.name, proofs):
                drops.append(Drop(pack.name, pack.size, EVICTED, pack.used))
                excess -= pack.size
    return LocalPlan(tuple(drops), len(packs), size, len(dead) - len(old), not known, known and bool(marks.unread))


def plan_eviction(
    store: LocalStore, starts: Set[Start], wanted: Set[Oid], shown: Set[Oid], policy: LocalPolicy, facts: Facts
) -> tuple[LocalPlan, int]:
    """Drop what holds contents among ``wanted``, as far as a remote is proved to hold all of the pack that is needed.

    ``starts`` are as in ``plan_local``. A pack stays that holds any of ``shown``. Returns the plan, and the bytes of the
    packs with something wanted that stay. Raises what marking raises.
    """
    marks = mark(store, starts)
    marks.live.update(proved_parts(store, marks.composed))
    packs = list(_packs(store, marks, shown))
    found = facts()
    sure = policy.certain and (not marks.unread or _complete_elsewhere(store, starts, found))
    proofs = [Proof(one, store.catalog, store, starts) for one in found]
    drops, left = [], 0
    for pack in sorted(packs, key=_order):
        needed = _needed(store, pack.name, marks.live)
        if pack.meta or needed.isdisjoint(wanted):
            continue
        spare = pack.whole or (sure and policy.now - pack.made > policy.grace)
        if spare and not pack.current and _proved(needed, pack.name, proofs):
            drops.append(Drop(pack.name, pack.size, EVICTED, pack.used))
        else:
            left += pack.size
    return LocalPlan(tuple(drops), len(packs), sum(pack.size for pack in packs), 0, not sure), left


def carry_out(store: LocalStore, plan: LocalPlan) -> None:
    """Drop the packs of ``plan``. The caller holds the store's lock alone, and made the plan under it.

    The files go first: a catalog that is behind the packs is mended by the next command. None sees a pack that is gone
    and not forgotten, which would count as lost.
    """
    with quarantine_log.lock(store.root, "drop packs"):
        quarantine_log.give_up(store.root, {oid for drop in plan.drops for oid in _frames(store, drop.pack)})
        for drop in plan.drops:
            store.files.forget(drop.pack)
            if store.files.times(drop.pack) is not None:
                store.files.remove(drop.pack)
            store.catalog.forget_pack(drop.pack, LOCAL)


def _packs(store: LocalStore, marks: Marks, current: Set[Oid]) -> Iterable[_Pack]:
    for name, size in store.catalog.packs(LOCAL).items():
        info = store.catalog.pack_frames(name)
        times = store.files.times(name)
        if info is None or times is None:
            continue
        live = [frame.oid for frame in info.frames if frame.oid in marks.live]
        meta = all(frame.kind is not Kind.CHUNK for frame in info.frames)
        whole = len(live) == len(info.frames)
        yield _Pack(name, size, *times, len(live), whole, meta, not current.isdisjoint(live))


def _needed(store: LocalStore, pack: Oid, live: Set[Oid]) -> set[Oid]:
    return {oid for oid in _frames(store, pack) if oid in live}


def _frames(store: LocalStore, pack: Oid) -> list[Oid]:
    info = store.catalog.pack_frames(pack)
    return [frame.oid for frame in info.frames] if info else []


def _order(pack: _Pack) -> tuple[bool, bool, float, Oid]:
    """Least recently used first; before that, what no work tree shows, and contents before manifests.

    Manifests are small, and without them not even a listing works.
    """
    return pack.current, pack.meta, pack.used, pack.name


def _proved(left: Set[Oid], pack: Oid, proofs: Iterable[Proof]) -> bool:
    for proof in proofs:
        left = proof.lacks(pack, left)
    return not left


def _complete_elsewhere(store: LocalStore, starts: Set[Start], facts: Iterable[RemoteFacts]) -> bool:
    """Whether what is missing here belongs only to data that a remote holds whole.

    Local copies of objects below what is missing may look unreachable then, but they can be fetched again.
    """
    left = set(starts)
    for found in facts:
        left -= found.rooted(left)
    return not mark(store, left).unread
