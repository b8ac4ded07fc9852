"""What a collector sees on a remote, by the remote's own clock and in the order that makes it safe.

Sessions first, then all the rest: a push takes its session away after it has written its roots, so whoever finds no
session finds the roots.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from weft.errors import ClockSkew, GcRefused, KeyMissing
from weft.formats import session as session_format
from weft.formats import tomb as tomb_format
from weft.model.oid import Oid
from weft.objects import remote_keys as keys
from weft.objects.remote import RemoteStore
from weft.objects.remote_session import LIFE
from weft.storage.base import ObjectStat, Storage

SKEW = 300.0
"""Most seconds between the clock of this machine and the remote's."""
HURRY = 3600.0
"""Seconds after which what a collector saw is too old to delete by it."""
_STEP = 1.0  # servers tell times in whole seconds


class Seen(NamedTuple):
    """What two listings tell. ``roots`` by key, ``packs`` and ``segments`` by name; ``steady`` names the packs and segments
    that both show with the same size and time: only those may be deleted."""

    roots: frozenset[str]
    packs: Mapping[Oid, ObjectStat]
    segments: Mapping[Oid, ObjectStat]
    tombs: Mapping[str, ObjectStat]
    steady: frozenset[Oid] = frozenset()


def server_time(remote: RemoteStore, key: str) -> float:
    """The remote's clock, as the object ``key`` that was just written tells it. Raises ``ClockSkew``."""
    stat = remote.storage.stat(key)
    found = stat.modified if stat is not None else 0.0
    here = remote.clock.now()
    if not found:
        raise ClockSkew(f"{remote.storage.name} does not tell times", hint="weft remote check")
    if abs(found - here) > SKEW:
        raise ClockSkew(
            f"the clock of {remote.storage.name} and of this machine are {abs(found - here):.0f} s apart",
            hint="set this machine's clock, then run: weft remote check",
        )
    return found


def live_sessions(remote: RemoteStore, now: float, own: str, *, remove: bool) -> list[float]:
    """When the pushes began that may still be going on. With ``remove`` those left behind are taken away first.

    ``own`` is the key of the caller's session. Raises ``GcRefused`` while another collector may be at work.
    """
    # A session that only one of two listings shows counts.
    listed = {stat.key: stat for _round in range(2) for stat in remote.storage.list(keys.SESSIONS)}
    began = []
    for stat in listed.values():
        if stat.modified and now - stat.modified > LIFE:
            if remove:
                remote.storage.delete(stat.key)
        elif stat.key != own and (kind := _kind(remote.storage, stat.key)) == session_format.PUSH:
            began.append(stat.modified)
        elif stat.key != own and kind and remove and now - stat.modified <= 2 * HURRY:
            raise GcRefused(
                f"another garbage collection of {remote.storage.name} began {max(0.0, now - stat.modified):.0f} s ago",
                hint="wait until it has ended; one that was killed is in the way for two hours",
            )
    return began


def look(remote: RemoteStore) -> Seen:
    """List the remote twice. Raises ``GcRefused`` when the listings contradict each other."""
    first, second = _list(remote.storage), _list(remote.storage)
    gone = first.roots - second.roots
    if gone:
        raise GcRefused(
            f"{remote.storage.name} lists {len(gone)} roots in one moment and not in the next",
            hint="run it again when nobody else collects there; weft remote check",
        )
    _ask_for_known_roots(remote, second.roots)
    steady = {name for name, stat in second.packs.items() if first.packs.get(name) == stat}
    steady |= {name for name, stat in second.segments.items() if first.segments.get(name) == stat}
    return second._replace(tombs={**first.tombs, **second.tombs}, steady=frozenset(steady))


def read_tombs(remote: RemoteStore, seen: Seen) -> dict[Oid, list[float]]:
    """When each condemned pack was condemned. Raises what reading a tomb raises."""
    found: dict[Oid, list[float]] = {}
    for key, stat in seen.tombs.items():
        try:
            packs = tomb_format.decode(remote.storage.read_small(key, tomb_format.LIMIT), key)
        except KeyMissing:
            continue
        for pack in packs:
            found.setdefault(pack, []).append(stat.modified)
    return found


def is_due(condemned: Iterable[float], now: float, grace: float, sessions: Iterable[float]) -> float | None:
    """The tomb, by its time, after which a pack may be deleted: older than ``grace`` seconds, and every push that may have
    begun before it has ended. None when there is none."""
    oldest = min(sessions, default=None)
    for moment in sorted(condemned):
        if moment and now - moment >= grace and (oldest is None or oldest > moment + _STEP):
            return moment
    return None


def _kind(storage: Storage, key: str) -> str:
    """What goes on in a session; empty when it has just ended."""
    try:
        return session_format.kind_of(storage.read_small(key, session_format.LIMIT))
    except KeyMissing:
        return ""


def _list(storage: Storage) -> Seen:
    # Roots before packs: then everything that a root needs is in the listing, however many roots come meanwhile.
    tombs = {stat.key: stat for stat in storage.list(keys.TOMBS) if keys.is_tomb(stat.key)}
    roots = frozenset(stat.key for stat in storage.list(keys.ROOTS) if keys.root_of(stat.key))
    return Seen(
        roots, _by_oid(storage, keys.PACKS, keys.pack_of), _by_oid(storage, keys.SEGMENTS, keys.segment_of), tombs
    )


def _by_oid(storage: Storage, prefix: str, name_of: Callable[[str], Oid | None]) -> dict[Oid, ObjectStat]:
    return {name: stat for stat in storage.list(prefix) if (name := name_of(stat.key)) is not None}


def _ask_for_known_roots(remote: RemoteStore, listed: frozenset[str]) -> None:
    """Roots that this clone saw before and that no listing shows are asked for by their key."""
    for (name,) in remote.catalog.rows("SELECT name FROM roots_seen WHERE place = ?", (remote.place,)):
        key = remote.root_key(name)
        if key not in listed and remote.storage.stat(key) is not None:
            raise GcRefused(f"{remote.storage.name} does not list the root {key}, which is there", path=key)
