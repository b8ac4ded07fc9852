"""Choosing packs: which to move as they are, and which frames to pick out of others."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from weft.formats.pack import FOOTER_ENTRY, HEADER_SIZE, TRAILER_SIZE
from weft.model.oid import Kind, Oid
from weft.objects.catalog import Catalog, FrameRows, Location
from weft.objects.oidset import SortedOids

SHARE = 0.75
"""A pack of which at least this share is wanted is moved whole."""
SLICE = 20_000
"""Oids looked up at a time: it bounds the memory that their locations take."""

_QUERY = 500


class Choice(NamedTuple):
    """Packs to move whole, oids to pick out of other packs, and oids that no usable pack holds."""

    whole: list[Oid]
    rest: set[Oid]
    absent: SortedOids


def choose(
    catalog: Catalog,
    wanted: Iterable[Oid],
    place: int,
    *,
    kind: Kind | None = None,
    small: int = 0,
    avoid: Collection[Oid] = (),
) -> Choice:
    """Decide how to get ``wanted`` (each once; all of ``kind``, any when None) from the packs that ``place`` holds.

    A pack under ``small`` bytes is always moved whole; packs in ``avoid`` are not used. The same catalog and the same
    ``wanted`` give the same choice.
    """
    oids = SortedOids.of(wanted)
    held = _held(catalog, place, avoid)
    home, bytes_in = _homes(catalog, oids, held, kind)
    whole = {number for number, taken in bytes_in.items() if _take_whole(held[number][1], taken, small)}
    absent = SortedOids(oid for oid, number in zip(oids, home, strict=True) if number < 0)
    rest = {oid for oid, number in zip(oids, home, strict=True) if number >= 0 and number not in whole}
    names = sorted(held[number][0] for number in whole)
    for name in names if rest else ():
        info = catalog.pack_frames(name)
        if info is not None:
            rest.difference_update(frame.oid for frame in info.frames if kind in (None, frame.kind))
    return Choice(names, rest, absent)


def _held(catalog: Catalog, place: int, avoid: Collection[Oid]) -> dict[int, tuple[Oid, int]]:
    """Numbers of the packs at ``place`` in the catalog, but for those to avoid, with names and sizes in bytes."""
    rows = catalog.rows(
        "SELECT p.id, p.name, p.size FROM held h JOIN packs p ON p.id = h.pack WHERE h.place = ?", (place,)
    )
    return {number: (Oid(name), size) for number, name, size in rows if name not in avoid}


def _homes(
    catalog: Catalog, oids: SortedOids, held: Mapping[int, tuple[Oid, int]], kind: Kind | None
) -> tuple[array[int], Counter[int]]:
    """The pack of ``held`` to take each of the sorted ``oids`` from (-1: none holds it), and the bytes to take from each."""
    home = array("i", [-1]) * len(oids)
    bytes_in: Counter[int] = Counter()
    rows = FrameRows(catalog, kind=kind)
    for number_of, group in enumerate(slices(oids, _QUERY)):
        places = {oid: place for place, oid in enumerate(group, number_of * _QUERY)}
        for oid, copies in groupby(rows.of(group), itemgetter(0)):
            # The pack that most is taken from already; the name decides between equals.
            usable = [
                (bytes_in[number], held[number][0], number, size) for _, number, size, _ in copies if number in held
            ]
            if usable:
                _, _, number, size = max(usable)
                home[places[oid]] = number
                bytes_in[number] += size + FOOTER_ENTRY
    return home, bytes_in


def usable(copies: Iterable[Location], kind: Kind | None, avoid: Collection[Oid]) -> list[Location]:
    """Those of ``copies`` that are of the right kind and not in a pack to avoid."""
    return [copy for copy in copies if copy.pack not in avoid and (kind is None or copy.frame.kind == kind)]


def slices(oids: Iterable[Oid], size: int = SLICE) -> Iterator[list[Oid]]:
    """``oids`` in sorted groups of at most ``size``."""
    rest = iter(oids if isinstance(oids, SortedOids) else sorted(oids))
    while group := list(islice(rest, size)):
        yield group


class Holding(NamedTuple):
    """The oids that no pack of a place holds, sorted, and names and sizes of all packs there that hold one of the others."""

    missing: SortedOids
    packs: dict[Oid, int]


def look_up(catalog: Catalog, oids: Set[Oid], place: int) -> Holding:
    """Which of ``oids`` the packs at ``place`` hold, and which packs those are: one query for each 500."""
    numbers: set[int] = set()
    rows = FrameRows(catalog, place)

    def absent() -> Iterator[Oid]:
        for group in slices(oids, _QUERY):
            found = rows.of(group)
            held = {row[0] for row in found}
            numbers.update(row[1] for row in found)
            yield from (oid for oid in group if oid not in held)

    missing = SortedOids(absent())
    return Holding(missing, dict(_packs(catalog, sorted(numbers))))


def packs_holding(catalog: Catalog, oids: Set[Oid], place: int) -> dict[Oid, int]:
    """Names and sizes of all packs at ``place`` that hold one of ``oids``."""
    return look_up(catalog, oids, place).packs


def _packs(catalog: Catalog, numbers: list[int]) -> Iterator[tuple[Oid, int]]:
    for start in range(0, len(numbers), _QUERY):
        some = numbers[start : start + _QUERY]
        for name, size in catalog.rows(
            f"SELECT name, size FROM packs WHERE id IN ({_marks(some)})",  # noqa: S608 (marks only)
            some,
        ):
            yield Oid(name), size


def _marks(values: Collection[object]) -> str:
    return ",".join("?" * len(values))


def _take_whole(size: int, taken: int, small: int) -> bool:
    return size < small or taken >= SHARE * (size - HEADER_SIZE - TRAILER_SIZE)
