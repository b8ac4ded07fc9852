"""What a garbage collection did, or would do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dropped:
    """One thing that goes: what it is, its size in bytes, and the reason in one word."""

    name: str
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class GcResult:
    """Outcome of ``gc`` of the local store. Sizes are bytes; ``size`` and ``packs`` are those before.

    ``young`` counts unreachable packs within the grace time, ``over`` is what the store has above its limit afterwards.
    ``copies`` are whole files for links that nothing is linked to; they count in no other sum. ``snapshots`` are refs of old
    snapshots of runs that no record names, ``runs`` those of shared runs that expired.
    """

    dropped: tuple[Dropped, ...]
    packs: int
    size: int
    grace_days: int
    young: int = 0
    limit: int | None = None
    over: int = 0
    dry_run: bool = False
    notes: tuple[str, ...] = ()
    copies: tuple[Dropped, ...] = ()
    snapshots: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    @property
    def freed(self) -> int:
        """Bytes that go."""
        return sum(one.size for one in self.dropped)


@dataclass(frozen=True, slots=True)
class RemoteGcResult:
    """Outcome of ``gc`` of a remote. ``packs`` are those concerned: deleted, condemned, waiting, or needed-again.

    ``roots`` are the keys of dropped roots; ``total_packs`` and ``total_size`` (bytes) are those before; ``segments`` of
    the index were removed; ``sessions`` pushes may still be going on; ``copied`` bytes went into new packs.
    """

    remote: str
    url: str
    packs: tuple[Dropped, ...]
    roots: tuple[str, ...]
    total_packs: int
    total_size: int
    segments: int
    sessions: int
    grace_hours: int
    dry_run: bool = False
    copied: int = 0
