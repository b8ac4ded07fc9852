"""The catalog: which oid lies in which pack at which offset, and which place holds which pack.

A cache in SQLite that is rebuilt from the footers of the packs when it is gone (``docs/spec/local.md``).
All lookups are batched: a caller asks for hundreds of oids at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from struct import Struct, unpack
from typing import NamedTuple

from weft.errors import BadPackIndex, CatalogDamaged
from weft.formats.pack import FOOTER_ENTRY, TRAILER_SIZE, decode_footer, encode_footer
from weft.model.entry import Frame, PackInfo
from weft.model.oid import Kind, Oid
from weft.objects.catalog_db import Database
from weft.objects.catalog_schema import OBJECT_TABLES

LOCAL = 0
HELPER_CACHE_KIB = 4 << 10
"""What SQLite may keep in memory in a helper, of which there are several beside the process that started them."""
_ANY = 1 << 62
_BATCH = 500
_KINDS = {int(kind): kind for kind in Kind}
# A footer's entry with the xxh3 as the catalog keeps it.
_ENTRY = Struct("<32sQIIBBHq")
_SORTED = 2048
_LEAST_WALKED = 400
_DENSE = 4
_HELD = " AND EXISTS (SELECT 1 FROM held h WHERE h.place = ? AND h.pack = f.pack)"
_FRAME_COLUMNS = "f.oid, f.offset, f.stored, f.raw, f.kind, f.codec, f.xxh3"


class Location(NamedTuple):
    """Where one copy of an object lies: the name of the pack, and the frame in it."""

    pack: Oid
    frame: Frame


def _batches(oids: Iterable[Oid]) -> Iterator[list[Oid]]:
    # Sorted oids visit the pages of the table in their order.
    rest = iter(sorted(set(oids)))
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _marks(count: int) -> str:
    return ",".join("?" * count)


class FrameRows:
    """Rows of ``frames``, groups of sorted oids at a time: oid, number of the pack, stored length, kind.

    With ``place`` only of packs that it holds, with ``kind`` only of objects of that kind. Where most rows between the first
    and the last oid of a group are wanted, one walk through them takes a third of the time of looking each oid up. Where
    that turns out not to be so, they are looked up from then on.
    """

    def __init__(self, database: Database, place: int | None = None, kind: Kind | None = None) -> None:
        self._database = database
        self._place = place
        self._kind = None if kind is None else int(kind)
        self._held: set[int] | None = None
        self._dense = True

    def of(self, oids: Sequence[Oid]) -> list[tuple[bytes, int, int, int]]:
        """The rows of ``oids`` (sorted, each once, a few hundred), by oid and number of the pack."""
        if self._dense and len(oids) >= _LEAST_WALKED:
            most = _DENSE * len(oids)
            # No condition but the range: rows that it would leave out are walked over all the same, and must count.
            rows = self._select("f.oid BETWEEN ? AND ?", (oids[0], oids[-1]), most)
            if len(rows) < most:
                return self._wanted(rows, oids)
            self._dense = False
        return self._look_up(oids)

    def _wanted(
        self, rows: list[tuple[bytes, int, int, int]], oids: Sequence[Oid]
    ) -> list[tuple[bytes, int, int, int]]:
        if self._place is not None and self._held is None:
            found = self._database.rows("SELECT pack FROM held WHERE place = ?", (self._place,))
            self._held = {number for (number,) in found}
        wanted, held, kind = set(oids), self._held, self._kind
        return [row for row in rows if row[0] in wanted and (held is None or row[1] in held) and kind in (None, row[3])]

    def _look_up(self, oids: Sequence[Oid]) -> list[tuple[bytes, int, int, int]]:
        where, params = f"f.oid IN ({_marks(len(oids))})", list[object](oids)
        if self._place is not None:
            where += _HELD
            params.append(self._place)
        if self._kind is not None:
            where += " AND f.kind = ?"
            params.append(self._kind)
        return self._select(where, params, -1)

    def _select(self, where: str, params: Sequence[object], limit: int) -> list[tuple[bytes, int, int, int]]:
        return self._database.rows(
            f"SELECT f.oid, f.pack, f.stored, f.kind FROM frames f WHERE {where} ORDER BY f.oid, f.pack LIMIT ?",  # noqa: S608 (words of our own)
            (*params, limit),
        )


def _frame(row: tuple[bytes, int, int, int, int, int, int]) -> Frame:
    oid, offset, stored, raw, kind, codec, check = row
    if kind not in _KINDS or len(oid) != 32:
        raise CatalogDamaged("the catalog holds a row that weft did not write", hint="run the command again")
    return Frame(Oid(oid), offset, stored, raw, _KINDS[kind], codec, check & 0xFFFFFFFFFFFFFFFF)


def _entries(footer: bytes) -> Iterator[tuple[bytes, int, int, int, int, int, int, int]]:
    """The entries of a footer, of which the seventh field is reserved.

    Sorted, for so they meet the pages of the table in their order; by slices, for a pack may hold half a million.
    """
    step = FOOTER_ENTRY * _SORTED
    for start in range(0, len(footer), step):
        part = footer[start : start + step]
        entries = unpack(f"{FOOTER_ENTRY}s" * (len(part) // FOOTER_ENTRY), part)
        yield from _ENTRY.iter_unpack(b"".join(sorted(entries)))


def _pack_row(connection: sqlite3.Connection, name: Oid, size: int, frames: int, footer: bytes) -> tuple[int, bool]:
    """The number of a pack, and whether it was made just now."""
    made = connection.execute(
        "INSERT OR IGNORE INTO packs (name, size, frames, footer) VALUES (?, ?, ?, ?)", (name, size, frames, footer)
    )
    number = connection.execute("SELECT id FROM packs WHERE name = ?", (name,)).fetchone()[0]
    return int(number), made.rowcount == 1


def _add_pack(connection: sqlite3.Connection, name: Oid, size: int, footer: bytes, place: int) -> None:
    number, new = _pack_row(connection, name, size, len(footer) // FOOTER_ENTRY, footer)
    if new:
        connection.executemany(
            "INSERT OR IGNORE INTO frames (pack, oid, offset, stored, raw, kind, codec, xxh3)"  # noqa: S608 (a number of our own)
            f" VALUES ({number}, ?1, ?2, ?3, ?4, ?5, ?6, ?8)",
            _entries(footer),
        )
    connection.execute("INSERT OR IGNORE INTO held VALUES (?, ?)", (place, number))


class Catalog(Database):
    """Frames, packs and places. Every method is one transaction or one read, safe from any thread."""

    def place(self, key: str) -> int:
        """The number of the place called ``key`` (``local``, or a remote's store id), made when it is new."""
        found = self.rows("SELECT id FROM places WHERE key = ?", (key,))
        if not found:
            self.rows("INSERT OR IGNORE INTO places (key) VALUES (?)", (key,))
            found = self.rows("SELECT id FROM places WHERE key = ?", (key,))
        return int(found[0][0])

    def add_packs(self, packs: Iterable[PackInfo], place: int, segment: Oid | None = None) -> None:
        """Record that ``place`` holds ``packs``, and that its index segment ``segment`` is read. One transaction."""
        with self.transaction() as connection:
            for pack in packs:
                _add_pack(connection, pack.name, pack.size, encode_footer(pack.frames), place)
            if segment is not None:
                connection.execute("INSERT OR IGNORE INTO segments VALUES (?, ?)", (place, segment))

    def add_own_packs(self, packs: Iterable[tuple[Oid, int, bytes]]) -> None:
        """Record local packs that this process wrote, by name, size in bytes and encoded footer. One transaction."""
        with self.transaction() as connection:
            for name, size, footer in packs:
                _add_pack(connection, name, size, footer, LOCAL)

    def forget_pack(self, name: Oid, place: int) -> None:
        """Record that ``place`` no longer holds the pack; its frames go when no place holds it."""
        with self.transaction() as connection:
            found = connection.execute("SELECT id FROM packs WHERE name = ?", (name,)).fetchone()
            if found is None:
                return
            connection.execute("DELETE FROM held WHERE place = ? AND pack = ?", (place, found[0]))
            if connection.execute("SELECT 1 FROM held WHERE pack = ? LIMIT 1", found).fetchone():
                return
            try:
                pack = self.pack_frames(name)
            except BadPackIndex:  # the row is damaged: look at every frame instead
                connection.execute("DELETE FROM frames WHERE pack = ?", found)
            else:
                gone = [(frame.oid, found[0]) for frame in (pack.frames if pack else ())]
                connection.executemany("DELETE FROM frames WHERE oid = ? AND pack = ?", gone)
            connection.execute("DELETE FROM packs WHERE id = ?", found)

    def missing(self, oids: Iterable[Oid], place: int, holders: set[int] | None = None) -> set[Oid]:
        """Those of ``oids`` that no pack held by ``place`` has. One query for each 500.

        ``holders`` is given the number of one pack for each of the others.
        """
        absent: set[Oid] = set()
        rows = FrameRows(self, place)
        for batch in _batches(oids):
            held = {row[0]: row[1] for row in rows.of(batch)}
            if holders is not None:
                holders.update(held.values())
            absent.update(oid for oid in batch if oid not in held)
        return absent

    def locate(self, oids: Iterable[Oid], place: int) -> dict[Oid, list[Location]]:
        """All copies of each of ``oids`` in packs held by ``place``; an oid without a copy is left out."""
        found: dict[Oid, list[Location]] = {}
        names: dict[bytes, Oid] = {}
        for batch in _batches(oids):
            rows = self.rows(
                f"SELECT p.name, {_FRAME_COLUMNS} FROM frames f JOIN packs p ON p.id = f.pack"  # noqa: S608 (marks only)
                f" WHERE f.oid IN ({_marks(len(batch))}){_HELD} ORDER BY f.oid, f.pack",
                (*batch, place),
            )
            for row in rows:
                frame = _frame(row[1:])
                name = names.get(row[0]) or names.setdefault(row[0], Oid(row[0]))
                found.setdefault(frame.oid, []).append(Location(name, frame))
        return found

    def pack_frames(self, name: Oid, most: int = _ANY) -> PackInfo | None:
        """The pack called ``name`` with its frames in position order, or None when no place is known to hold it, or when
        it has more than ``most`` frames.

        Raises ``BadPackIndex`` when the row was damaged.
        """
        rows = self.rows("SELECT size, footer FROM packs WHERE name = ? AND frames <= ?", (name, most))
        if not rows:
            return None
        size, footer = rows[0]
        return PackInfo(Oid(name), size, decode_footer(footer, size - TRAILER_SIZE - len(footer)))

    def packs(self, place: int) -> dict[Oid, int]:
        """Names and sizes in bytes of the packs that ``place`` holds."""
        rows = self.rows("SELECT p.name, p.size FROM held h JOIN packs p ON p.id = h.pack WHERE h.place = ?", (place,))
        return {Oid(name): size for name, size in rows}

    def has_segment(self, place: int, name: Oid) -> bool:
        """True when the index segment ``name`` of ``place`` was read before."""
        return bool(self.rows("SELECT 1 FROM segments WHERE place = ? AND name = ?", (place, name)))

    def segments(self, place: int) -> set[Oid]:
        """All index segments of ``place`` that were read."""
        return {Oid(row[0]) for row in self.rows("SELECT name FROM segments WHERE place = ?", (place,))}

    def add_segment(self, place: int, name: Oid) -> None:
        """Record that the index segment ``name`` of ``place`` was read."""
        self.rows("INSERT OR IGNORE INTO segments VALUES (?, ?)", (place, name))

    def recipes_for(self, objects: Iterable[Oid], *, proved_only: bool = False) -> dict[Oid, Oid]:
        """The recipe of each of ``objects`` that has one.

        One that came with fetched data may be a lie: with ``proved_only`` it is left out until somebody has hashed what it
        rebuilds.
        """
        found: dict[Oid, Oid] = {}
        for batch in _batches(objects):
            rows = self.rows(
                f"SELECT object, recipe FROM recipes WHERE object IN ({_marks(len(batch))}) AND proved >= ?",  # noqa: S608 (marks only)
                (*batch, int(proved_only)),
            )
            found.update((Oid(key), Oid(value)) for key, value in rows)
        return found

    def add_recipes(self, recipes: Mapping[Oid, Oid], *, proved: bool = False) -> None:
        """Record object -> recipe. A later recipe takes the place of an earlier one, but never an unproved one that of a
        proved one."""
        keep = "" if proved else " WHERE recipes.proved = 0"
        self.write_many(
            "INSERT INTO recipes VALUES (?, ?, ?) ON CONFLICT (object)"  # noqa: S608 (a constant of our own)
            f" DO UPDATE SET recipe = excluded.recipe, proved = excluded.proved{keep}",
            [(target, recipe, int(proved)) for target, recipe in recipes.items()],
        )

    def see_root(self, place: int, name: str) -> None:
        """Record that the root ``name`` is at ``place``."""
        self.rows("INSERT OR IGNORE INTO roots_seen VALUES (?, ?)", (place, name))

    def root_seen(self, place: int, name: str) -> bool:
        """True when the root ``name`` was seen at ``place`` before."""
        return bool(self.rows("SELECT 1 FROM roots_seen WHERE place = ? AND name = ?", (place, name)))

    def forget_objects(self) -> None:
        """Empty all tables of packs and remotes, before they are filled again from the packs; places keep their numbers."""
        with self.transaction() as connection:
            for table in OBJECT_TABLES:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 (names of our own)
