"""Sets and maps of oids in little more memory than the oids themselves: a closure may hold millions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Set
from heapq import merge
from itertools import islice

from weft.model.oid import Oid

_WIDTH = 32
_RECORD = _WIDTH + 8
_GROUPS = 1 << 13


class OidSet:
    """About 40 bytes an oid, where a ``set`` takes 130. Not safe from several threads at once.

    Oids are grouped by their first 13 bits and looked for as a substring of their group: 120 oids, for a million. The
    whole oid is compared, so nobody can make one pass for another.
    """

    def __init__(self) -> None:
        self._groups: list[bytearray | None] = [None] * _GROUPS
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, oid: bytes) -> bool:
        return _find(self._groups[_group(oid)], oid, _WIDTH) >= 0

    def update(self, oids: Iterable[Oid]) -> None:
        """Add ``oids``, none of which is in the set."""
        groups = self._groups
        for oid in oids:
            at = _group(oid)
            group = groups[at]
            if group is None:
                groups[at] = bytearray(oid)
            else:
                group += oid
            self._count += 1


class OidSizes(Mapping[Oid, int]):
    """Oids and a number of at most 2^64-1 for each, in about 50 bytes, where a ``dict`` takes 210. It only grows.

    Built as ``OidSet`` is; iterating goes in the order of the oids.
    """

    def __init__(self) -> None:
        self._groups: list[bytearray | None] = [None] * _GROUPS
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Oid]:
        for group in self._groups:
            if group is not None:
                yield from sorted(Oid(group[at : at + _WIDTH]) for at in range(0, len(group), _RECORD))

    def __contains__(self, oid: object) -> bool:
        return isinstance(oid, bytes) and _find(self._groups[_group(oid)], oid, _RECORD) >= 0

    def __getitem__(self, oid: Oid) -> int:
        group = self._groups[_group(oid)]
        at = _find(group, oid, _RECORD)
        if group is None or at < 0:
            raise KeyError(oid)
        return int.from_bytes(group[at + _WIDTH : at + _RECORD], "little")

    def setdefault(self, oid: Oid, size: int) -> int:
        """Add ``oid`` with ``size`` unless it is there; return the size that it has now."""
        number = _group(oid)
        group = self._groups[number]
        if group is None:
            group = self._groups[number] = bytearray()
        at = _find(group, oid, _RECORD)
        if at >= 0:
            return int.from_bytes(group[at + _WIDTH : at + _RECORD], "little")
        group += oid
        group += size.to_bytes(8, "little")
        self._count += 1
        return size


class SortedOids(Set[Oid]):
    """Sorted oids that never change, in 32 bytes each; as a ``Set`` it compares to any other. Looking one up takes 4 us."""

    __slots__ = ("_count", "_data")

    def __init__(self, ascending: Iterable[bytes] = ()) -> None:
        """Take oids in ascending order; one that comes twice counts once."""
        data = bytearray()
        rest = iter(ascending)
        last = b""
        while some := list(islice(rest, 4096)):
            # Few are ever doubled, so the usual batch is joined as it is.
            if some[0] == last or len(set(some)) != len(some):
                some = [oid for oid in dict.fromkeys(some) if oid != last]
            if some:
                data += b"".join(some)
                last = some[-1]
        self._data = data  # not copied: for a moment that would take twice the room
        self._count = len(data) // _WIDTH

    @classmethod
    def of(cls, oids: Iterable[Oid]) -> SortedOids:
        """Any oids."""
        return oids if isinstance(oids, SortedOids) else cls(sorted(oids))

    @classmethod
    def union(cls, *sets: Iterable[Oid]) -> SortedOids:
        """The oids of all ``sets``; the large ones among them should be sorted already."""
        return cls(merge(*(one if isinstance(one, (SortedOids, OidSizes)) else sorted(one) for one in sets if one)))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: int) -> bytes:
        return bytes(self._data[at * _WIDTH : (at + 1) * _WIDTH])

    def __iter__(self) -> Iterator[Oid]:
        data = self._data
        for at in range(0, len(data), _WIDTH):
            yield Oid(data[at : at + _WIDTH])

    def __contains__(self, oid: object) -> bool:
        if not isinstance(oid, bytes):
            return False
        at = bisect_left(self, oid)
        return at < self._count and self[at] == oid

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SortedOids):
            return self._data == other._data
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]  # a set of oids is no key

    @classmethod
    def _from_iterable(cls, oids: Iterable[Oid]) -> set[Oid]:  # type: ignore[override]  # what & and | of the base class make
        return set(oids)


def _group(oid: bytes) -> int:
    return oid[0] << 5 | oid[1] >> 3


def _find(group: bytearray | None, oid: bytes, width: int) -> int:
    """Where ``oid`` stands in ``group``, -1 when it does not."""
    if group is None:
        return -1
    at = group.find(oid)
    while at % width and at >= 0:  # what was found lies across two records
        at = group.find(oid, at + 1)
    return at
