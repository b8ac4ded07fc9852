"""Garbage on a remote, in two runs at least 48 hours apart (``docs/spec/protocols.md``, collection on a remote).

A run first deletes what an earlier run condemned and nobody needs, then condemns what nobody needs now. Condemning writes
tombs and deletes nothing: from then on no push relies on those packs. What began before is waited for.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from weft.errors import GcRefused
from weft.formats import session as session_format
from weft.formats import tomb as tomb_format
from weft.model.oid import Oid
from weft.objects import gc_look
from weft.objects import remote_keys as keys
from weft.objects.gc_census import Census, Shelf, scratch
from weft.objects.gc_segments import Tidying, tidying
from weft.objects.remote import RemoteStore
from weft.objects.repack import repack, worth_copying
from weft.objects.store import LocalStore
from weft.util.locks import FileLock
from weft.util.progress import Progress, SilentProgress

GRACE = 48 * 3600.0
"""Seconds between condemning a pack and deleting it; what is younger is not condemned."""
RECORD = 30 * 86400.0
"""Seconds that a tomb stays after its packs are gone: a record, and a late reply to a delete does no harm meanwhile."""
MOST = 0.5
"""A run that would take more than this share of the bytes has to be asked for explicitly."""

DELETED, CONDEMNED, WAITING, NEEDED = "deleted", "condemned", "waiting", "needed-again"


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """How to collect. ``dry_run`` writes nothing but its own session; ``most`` allows more than half of all bytes;
    ``repack`` copies what is needed out of packs that hold little else."""

    dry_run: bool = False
    most: bool = False
    repack: bool = False


class Fate(NamedTuple):
    """What becomes of a pack: its size in bytes, and deleted, condemned, waiting (condemned, and somebody may still rely on
    it, or too early) or needed-again (condemned, and a root needs it: it stays)."""

    pack: Oid
    size: int
    fate: str


class Collected(NamedTuple):
    """What a run did, or would do: the packs concerned, all packs and bytes that were there, index segments removed,
    pushes that may be going on, and bytes of needed objects that were, or would be, copied into new packs."""

    fates: tuple[Fate, ...]
    packs: int
    size: int
    segments: int
    sessions: int
    copied: int = 0

    def size_of(self, fate: str) -> int:
        """Bytes of the packs of this fate."""
        return sum(one.size for one in self.fates if one.fate == fate)


def collect(
    remote: RemoteStore,
    store: LocalStore,
    pin: str = "",
    options: CollectOptions | None = None,
    progress: Progress | None = None,
) -> Collected:
    """One run. Raises ``GcRefused``, ``ClockSkew``, ``NotOnRemote`` and ``IntegrityError`` before anything is deleted, for
    what makes a collection unsafe; what reading and deleting raise."""
    options = options or CollectOptions()
    remote.connect(role="gc")
    lock = FileLock(os.path.join(store.root, "lock"), purpose="collect on a remote", shared=True)
    with lock, remote.session(session_format.GC) as session, scratch(remote, store, pin) as (fresh, empty):
        now = gc_look.server_time(remote, session.key)
        sessions = gc_look.live_sessions(remote, now, session.key, remove=not options.dry_run)
        began = remote.clock.now()
        fresh.connect(role="gc")
        seen = gc_look.look(remote)
        census = Census(fresh, empty, store, seen, progress or SilentProgress())
        run = _Run(remote, census, gc_look.read_tombs(remote, seen), now, sessions)
        planned = run.plan()
        if not options.most:
            run.refuse_most(planned)
        if not options.dry_run:
            run.carry_out(planned, fresh, lambda: _hurry(remote, began))
        copied = run.repack(planned, fresh, empty, dry_run=options.dry_run) if options.repack else 0
        return run.outcome(planned)._replace(copied=copied)


class _Plan(NamedTuple):
    doomed: Mapping[Oid, float]
    """Packs to delete, and the time of the tomb that says so."""
    condemned: tuple[Oid, ...]
    stays: Mapping[Oid, str]
    tidying: Tidying
    worth: frozenset[Oid]
    """Objects that are worth copying into new packs."""


class _Run:
    """One run, after everything was looked at."""

    def __init__(
        self, remote: RemoteStore, census: Census, tombs: Mapping[Oid, list[float]], now: float, sessions: list[float]
    ) -> None:
        self._remote = remote
        self._census = census
        self._tombs = tombs
        self._now = now
        self._sessions = sessions
        self._sizes = census.sizes()

    def plan(self) -> _Plan:
        """Decide, without writing anything."""
        shelf = Shelf(self._census, self._sizes.keys() - self._tombs.keys())
        doomed: dict[Oid, float] = {}
        stays: dict[Oid, str] = {}
        for pack in sorted(self._tombs.keys() & self._census.seen.packs.keys()):
            moment = gc_look.is_due(self._tombs[pack], self._now, GRACE, self._sessions)
            if not shelf.spares(pack):
                stays[pack] = NEEDED
            elif moment is None or not self._untouched(pack, moment):
                stays[pack] = WAITING
            else:
                doomed[pack] = moment
        condemned = self._condemn(shelf)
        needed = [pack for pack, fate in stays.items() if fate == NEEDED]
        worth = worth_copying(self._census, shelf, [pack for pack in self._old() if pack in shelf.kept], needed)
        # A segment is the only way to a pack, and goes at once: a listing alone does not tell that the pack is gone.
        after = (self._census.seen.packs.keys() | self._census.unlisted()) - doomed.keys()
        tidy = tidying(self._census, after, self._now - GRACE)
        return _Plan(doomed, condemned, stays, tidy, frozenset(worth))

    def repack(self, plan: _Plan, fresh: RemoteStore, empty: LocalStore, *, dry_run: bool) -> int:
        """Copy what is worth it; bytes of the objects, or of the new packs once they are made."""
        if not plan.worth or dry_run:
            return self._census.stored(plan.worth)
        return repack(fresh, empty, self._census, plan.worth, self._tombs.keys() | set(plan.condemned))

    def refuse_most(self, plan: _Plan) -> None:
        """Raise ``GcRefused`` when the plan takes more than half of all bytes: then something is more likely wrong."""
        total = sum(stat.size for stat in self._census.seen.packs.values())
        for packs in (plan.doomed.keys(), plan.condemned):
            size = sum(self._census.seen.packs[pack].size for pack in packs)
            if size > MOST * total:
                raise GcRefused(
                    f"{size} of {total} bytes on {self._remote.storage.name} would go, which is more than half",
                    hint="look at `weft gc --on-remote --dry-run --most`, then allow it with --most",
                )

    def carry_out(self, plan: _Plan, fresh: RemoteStore, check: Callable[[], None]) -> None:
        """Delete, condemn, tidy the index. Killed anywhere, it leaves only what the next run finds again."""
        storage = self._remote.storage
        # The index first: nobody shall be led to a pack that is about to go.
        plan.tidying.publish(fresh)
        for pack, moment in plan.doomed.items():
            key = keys.pack_key(pack)
            stat = storage.stat(key)
            check()
            # Written again after it was condemned: then it is not the pack that was looked at.
            if stat is not None and stat.modified <= moment:
                storage.delete(key)
        for name in plan.tidying.remove:
            check()
            storage.delete(keys.segment_key(name))
        self._write_tombs(plan.condemned)
        self._forget_tombs(plan)

    def outcome(self, plan: _Plan) -> Collected:
        """What the run tells."""
        packs = self._census.seen.packs
        fates = [Fate(pack, packs[pack].size, DELETED) for pack in plan.doomed]
        fates += [Fate(pack, packs[pack].size, CONDEMNED) for pack in plan.condemned]
        fates += [Fate(pack, packs[pack].size, fate) for pack, fate in plan.stays.items()]
        total = sum(stat.size for stat in packs.values())
        return Collected(tuple(fates), len(packs), total, len(plan.tidying.remove), len(self._sessions))

    def _untouched(self, pack: Oid, moment: float) -> bool:
        return pack in self._census.seen.steady and self._census.seen.packs[pack].modified <= moment

    def _condemn(self, shelf: Shelf) -> tuple[Oid, ...]:
        """Packs of which nothing is needed, or that others hold too; those with the smallest needed share first.

        What is younger than the grace time, or than a push that goes on, may belong to a push without a root yet.
        """
        found = []
        for pack in sorted(self._old(), key=lambda pack: (self._census.share(pack), pack)):
            if shelf.spares(pack):
                found.append(pack)
                if pack in shelf.kept:
                    shelf.drop(pack)
        return tuple(found)

    def _old(self) -> list[Oid]:
        """Packs that no tomb names and that are older than the grace time and than every push that goes on."""
        cutoff = min([self._now - GRACE, *self._sessions])
        packs = self._census.seen.packs
        return [p for p in packs if p not in self._tombs and packs[p].modified and self._untouched(p, cutoff)]

    def _write_tombs(self, packs: Collection[Oid]) -> None:
        run = f"{int(self._now)}-{secrets.token_hex(8)}"
        for number, group in enumerate(_groups(packs)):
            self._remote.storage.write(f"{keys.TOMBS}{run}/{number}", tomb_format.encode(group), create=True)

    def _forget_tombs(self, plan: _Plan) -> None:
        """Remove old tombs whose packs are all gone for long."""
        left = self._census.seen.packs.keys() | plan.doomed.keys()
        for key, stat in self._census.seen.tombs.items():
            if stat.modified and self._now - stat.modified > RECORD:
                named = tomb_format.decode(self._remote.storage.read_small(key, tomb_format.LIMIT), key)
                if named.isdisjoint(left):
                    self._remote.storage.delete(key)


def _groups(packs: Collection[Oid]) -> Iterable[list[Oid]]:
    ordered = list(packs)
    for start in range(0, len(ordered), tomb_format.MAX_PACKS):
        yield ordered[start : start + tomb_format.MAX_PACKS]


def _hurry(remote: RemoteStore, began: float) -> None:
    if abs(remote.clock.now() - began) > gc_look.HURRY:
        raise GcRefused(
            "the run took so long that what it saw may not be so any more; nothing more is deleted",
            hint="run it again: it goes on from here",
        )
