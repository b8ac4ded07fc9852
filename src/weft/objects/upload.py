"""Pushing: from pointers to a remote that holds all their data, and says so (``docs/spec/protocols.md``, push).

The order of writes is what makes a push safe to kill at any point: session, packs, segments, roots; whatever is there
without a root is found again by the next push, and removed by a garbage collection when none comes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass

from weft.errors import ConcurrencyError, NotOnRemote, ObjectMissing, WeftError
from weft.formats.root import root_name
from weft.model.oid import Oid
from weft.model.pointer import Pointer
from weft.objects.outgoing import Parcel, Plan, by_size, parcels, plan, send, size_of
from weft.objects.presence import Presence
from weft.objects.push_needs import Needs
from weft.objects.push_roots import Roots
from weft.objects.remote import RemoteStore
from weft.objects.remote_session import Session
from weft.objects.segments import SegmentIndex
from weft.objects.selection import Holding, look_up
from weft.objects.store import LocalStore
from weft.util.humanize import count_text
from weft.util.locks import FileLock
from weft.util.parallel import Ahead
from weft.util.progress import Progress, SilentProgress

WORTH_ASKING = 1 << 20
"""A pack from this many bytes on is only sent when the remote says that it is not there."""
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class PushOptions:
    """How to push. ``dry_run`` only tells what would be sent."""

    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class PushedPointer:
    """One tracked path on the remote. ``state`` is pushed or up-to-date."""

    path: str
    oid: Oid
    state: str
    size: int


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What was sent; ``repaired`` counts packs that should have been on the remote and were not."""

    pointers: tuple[PushedPointer, ...]
    packs: int = 0
    objects: int = 0
    sent_bytes: int = 0
    repaired: int = 0


def push(
    remote: RemoteStore,
    store: LocalStore,
    pointers: Mapping[str, Pointer],
    options: PushOptions | None = None,
    progress: Progress | None = None,
) -> PushOutcome:
    """Make the data of ``pointers`` (by tracked path) complete on the remote.

    On return every pack that they need was seen there after their roots were written. Raises ``ObjectMissing`` naming the
    paths whose data is in neither place, ``NotOnRemote`` for data that the remote lost and this clone does not have.
    """
    pushing = _Push(remote, store, pointers, progress or SilentProgress())
    if options is not None and options.dry_run:
        return pushing.dry_run()
    pushing.begin()
    remote.connect(create=True, chunker=store.chunker, role="write")
    return pushing.run()


def still_there(session: Session, check: Callable[[], bool]) -> bool:
    """Look again, now that the roots are there: at each pack by ``check``, and whether anybody kept them for this push."""
    return check() and not session.lapsed()


class _Push:
    """One push under way."""

    def __init__(
        self, remote: RemoteStore, store: LocalStore, pointers: Mapping[str, Pointer], progress: Progress
    ) -> None:
        self._remote = remote
        self._store = store
        self._pointers = pointers
        self._progress = progress
        self._index = SegmentIndex(remote)
        self._roots = Roots(remote)
        self._lost: set[Oid] = set()
        self._wrong: set[Oid] = set()
        self._presence: Presence | None = None
        self._tombs: Ahead[set[Oid]] | None = None
        self._packs = self._objects = self._sent = 0

    def begin(self) -> None:
        """Ask for what the push looks at first, beside the question whether this is the right store."""
        if self._roots.begin(self._pointers.values()):
            # Probably there is nothing to do: then this is all there is to ask.
            self._index.begin()
            self._presence = Presence(self._remote)
            self._presence.begin(len(self._store.catalog.packs(self._remote.promised or 0)))

    def run(self) -> PushOutcome:
        """Push."""
        self._roots.look(self._pointers.values())
        if not self._all_there():
            path = os.path.join(self._store.root, "lock")
            lock = FileLock(path, purpose="push from the store", shared=True, progress=self._progress)
            with lock, self._remote.session() as session:
                # Only what is asked for within the session is under its protection.
                self._index.begin()
                self._tombs = Ahead(self._remote.tombs)
                self._presence = Presence(self._remote)
                self._presence.begin(len(self._store.catalog.packs(self._remote.place)))
                self._index.learn_listed()
                _restore_index(self._index, self._remote.storage.name, self._progress)
                self._roots.recheck()
                if not self._index.all_held():
                    self._roots.distrust()
                try:
                    with Needs(self._remote, self._store, self._pointers, self._roots) as needs:
                        self._complete(needs, session)
                except WeftError:
                    self._unlearn_lost()
                    raise
        return self._outcome(self._roots.found)

    def dry_run(self) -> PushOutcome:
        """Tell what ``run`` would send, as far as the remote's index tells."""
        try:
            place = self._remote.place
            self._roots.look(self._pointers.values())
            self._index.learn_listed()
            gaps = Presence(self._remote).check(self._store.catalog.packs(place))
            if gaps.all:
                self._roots.distrust()
                self._lose(gaps.all, gaps.wrong)
        except NotOnRemote:
            place = self._store.catalog.place("nowhere")
        try:
            with Needs(self._remote, self._store, self._pointers, self._roots) as needs:
                missing = look_up(self._store.catalog, needs.frames(), place).missing
                planned = plan(self._store, missing, set())
                self._refuse_absent(planned.absent, needs)
        finally:
            self._unlearn_lost()  # nothing is sent, so the next command shall find it lost too
        self._packs, self._objects = len(planned.whole), len(missing)
        self._sent = size_of(self._store, planned)
        return self._outcome(self._roots.found)

    # --- the steps ---

    def _all_there(self) -> bool:
        """Whether all roots are there, this catalog knows each to be complete, and no pack or segment has gone since."""
        if not self._roots.all_trusted():
            return False
        self._index.learn_listed()
        self._roots.recheck()
        if not self._roots.all_trusted() or any(self._index.damaged.values()):
            return False
        gaps = (self._presence or Presence(self._remote)).check(self._store.catalog.packs(self._remote.place))
        if gaps.all:
            self._roots.distrust()
            self._lose(gaps.all, gaps.wrong)
        return not gaps.all

    def _complete(self, needs: Needs, session: Session) -> None:
        for _round in range(_ROUNDS):
            dead = self._drop_dead(needs)
            presence, self._presence = self._presence or Presence(self._remote), None
            there = self._look_up(needs)
            if not self._check(needs, there.packs, presence):
                there = self._look_up(needs)
            planned = plan(self._store, there.missing, dead)
            self._refuse_absent(planned.absent, needs)
            sent = self._send(planned, dead, presence)
            self._index.publish([parcel.pack for parcel in sent])
            held = {**there.packs, **by_size(sent)}
            segments = self._cover(held)
            # A collection that began meanwhile may have condemned what this push relies on.
            if self._drop_dead(needs) & held.keys() or session.lapsed():
                continue
            self._roots.write(self._pointers.values(), segments)
            if still_there(session, lambda: self._check(needs, held, Presence(self._remote))):  # noqa: B023 (called at once)
                self._roots.see()
                return
        raise ConcurrencyError(
            f"{self._remote.storage.name} keeps losing packs that were just there", hint="weft remote check"
        )

    def _drop_dead(self, needs: Needs) -> set[Oid]:
        """Read the tombs; what they name does not count as held any more."""
        tombs, self._tombs = self._tombs, None
        dead = self._remote.tombs() if tombs is None else tombs.result()
        held = dead & self._store.catalog.packs(self._remote.place).keys() if dead else set()
        if held and needs.trusting:
            needs.walk_trusted()
        for name in held:
            self._index.records.lose(name)
        return dead

    def _look_up(self, needs: Needs) -> Holding:
        """What is not there by the index, and the packs relied on: all of them while pointers are taken on trust."""
        place = self._remote.place
        there = look_up(self._store.catalog, needs.frames(), place)
        return there if not needs.trusting else Holding(there.missing, self._store.catalog.packs(place))

    def _check(self, needs: Needs, packs: Mapping[Oid, int], presence: Presence) -> bool:
        """Look up every pack relied on; forget those that are not there. True when all are."""
        gaps = presence.check(packs)
        if gaps.all and needs.trusting:
            needs.walk_trusted()
        if gaps.all:
            self._lose(gaps.all, gaps.wrong)
        return not gaps.all

    def _lose(self, names: Iterable[Oid], wrong: set[Oid]) -> None:
        for name in names:
            self._index.records.lose(name)
            self._lost.add(name)
        self._wrong |= wrong

    def _send(self, planned: Plan, dead: set[Oid], presence: Presence) -> list[Parcel]:
        """Send what is planned; return the packs that hold it now."""
        with parcels(self._store, planned, dead) as made:
            # A push that was killed may have left some of these packs there: their names are their content.
            # To ask takes as long as to send a small one, which the remote leaves as it is when it is there.
            asked = by_size(made if presence.listed else [one for one in made if one.size >= WORTH_ASKING])
            gaps = presence.check(asked, confirm=False)
            todo = [parcel for parcel in made if parcel.pack.name in gaps.all or parcel.pack.name not in asked]
            with self._progress.task("push", sum(p.size for p in todo), len(todo), "pack") as task:
                send(self._remote, self._store, todo, self._wrong | gaps.wrong, self._count(task.advance))
            return made

    def _count(self, advance: Callable[[int, int], None]) -> Callable[[Parcel], None]:
        def sent(parcel: Parcel) -> None:
            self._packs += 1
            self._objects += parcel.pack.frame_count
            self._sent += parcel.size
            advance(parcel.size, 1)

        return sent

    def _cover(self, held: Mapping[Oid, int]) -> tuple[Oid, ...]:
        names = self._index.covering(held.keys())
        if self._index.merge_small(names):
            names = self._index.covering(held.keys())
        return tuple(names)

    # --- what is nowhere ---

    def _refuse_absent(self, gone: Set[Oid], needs: Needs) -> None:
        if not gone:
            return
        paths = needs.paths_of(gone)
        names = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        if self._lost:
            raise NotOnRemote(
                f"{self._remote.storage.name} lost data of {names}, and this clone does not have it",
                hint="run `weft push` in a clone that has it",
                path=paths[0] if paths else "",
            )
        raise ObjectMissing(
            f"data of {names} is neither here nor on {self._remote.storage.name}",
            hint="run `weft fetch` from the remote that has it, or store the files again with `weft add --force`",
            path=paths[0] if paths else "",
        )

    def _unlearn_lost(self) -> None:
        for name in self._lost:
            self._index.records.unlearn(name)

    def _outcome(self, there: set[str]) -> PushOutcome:
        done = tuple(
            PushedPointer(path, pointer.oid, "up-to-date" if root_name(pointer) in there else "pushed", pointer.size)
            for path, pointer in self._pointers.items()
        )
        return PushOutcome(done, self._packs, self._objects, self._sent, len(self._lost))


def _restore_index(index: SegmentIndex, name: str, progress: Progress) -> None:
    """Write damaged segments again. What one told of that cannot be written again is lost, and sent or told of anew."""
    if written := index.restore():
        progress.warn(f"{count_text(len(written), 'damaged index segment')} on {name} written again")
    if index.damaged:
        progress.warn(
            f"{count_text(len(index.damaged), 'index segment')} on {name} cannot be read",
            hint="weft verify --remote --repair, which sets them aside",
        )
