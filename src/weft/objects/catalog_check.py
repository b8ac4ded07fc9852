"""Whether a catalog is sound: what SQLite finds, what weft's own columns must be, and whether its tables agree.

It is a cache, so one that is not is set aside and made again from the packs; nothing is mended in place.
"""

from __future__ import annotations

from weft.errors import BadPackIndex, CatalogDamaged
from weft.formats.pack import FOOTER_ENTRY
from weft.model.entry import Frame
from weft.model.oid import Kind, Oid
from weft.objects.catalog import Catalog

_GROUP = 500
_KINDS = ", ".join(str(int(kind)) for kind in Kind)
# What cannot be in a table of ours. Each is one walk through the table; a file's status takes 41 bytes in ``dirs``.
_NEVER = {
    "packs": f"length(name) != 32 OR size <= 0 OR length(footer) != {FOOTER_ENTRY} * frames",
    "frames": f"length(oid) != 32 OR kind NOT IN ({_KINDS}) OR codec NOT IN (0, 1) OR offset < 0 OR stored < 0 OR raw < 0",
    "held": "pack NOT IN (SELECT id FROM packs) OR place NOT IN (SELECT id FROM places)",
    "segments": "length(name) != 32 OR place NOT IN (SELECT id FROM places)",
    "segment_sizes": "length(name) != 32 OR size < 0",
    "recipes": "length(object) != 32 OR length(recipe) != 32 OR proved NOT IN (0, 1)",
    "roots_seen": "place NOT IN (SELECT id FROM places)",
    "tracked": "oid IS NULL OR length(oid) != 32 OR (layout IS NOT NULL AND length(layout) != 32)",
    "dirs": "names IS NULL OR stats IS NULL OR oids IS NULL OR manifest IS NULL OR recorded IS NULL OR length(stats) * 32"
    " != length(oids) * 41 OR length(manifest) NOT IN (0, 32, 33)",
}
_LOOSE = (
    "SELECT 1 FROM packs p LEFT JOIN (SELECT pack, count(*) AS number FROM frames GROUP BY pack) f ON f.pack = p.id"
    " WHERE p.frames != ifnull(f.number, 0) UNION ALL"
    " SELECT 1 FROM (SELECT DISTINCT pack FROM frames) WHERE pack NOT IN (SELECT id FROM packs) LIMIT 1"
)


def fault_of(catalog: Catalog, *, deep: bool = True) -> str:
    """What is wrong with the catalog, in words; "" when nothing is found. ``deep`` compares every row of every pack.

    Without it a catalog of a million objects takes a second or two, with it some five.
    """
    try:
        if catalog.rows("PRAGMA integrity_check(1)") != [("ok",)]:
            return "SQLite finds it damaged"
        for table, never in _NEVER.items():
            if catalog.rows(f"SELECT 1 FROM {table} WHERE {never} LIMIT 1"):  # noqa: S608 (words of our own)
                return f"a row of {table} is none that weft wrote"
        if catalog.rows(_LOOSE):
            return "packs and frames contradict one another"
        return _contradiction(catalog) if deep else ""
    except CatalogDamaged:
        return "SQLite finds it damaged"


def _contradiction(catalog: Catalog) -> str:
    for number, name in catalog.rows("SELECT id, name FROM packs"):
        try:
            info = catalog.pack_frames(Oid(name))
        except BadPackIndex:
            return "the footer of a pack is damaged"
        frames = info.frames if info is not None else ()
        for start in range(0, len(frames), _GROUP):
            if not _agree(catalog, number, frames[start : start + _GROUP]):
                return "packs and frames contradict one another"
    return ""


def _agree(catalog: Catalog, number: int, frames: tuple[Frame, ...]) -> bool:
    marks = ",".join("?" * len(frames))
    rows = catalog.rows(
        "SELECT oid, offset, stored, raw, kind, codec, xxh3 FROM frames"  # noqa: S608 (marks only)
        f" WHERE oid IN ({marks}) AND pack = ?",
        (*(frame.oid for frame in frames), number),
    )
    told = {(f.oid, f.offset, f.stored, f.raw, int(f.kind), f.codec, f.check) for f in frames}
    return {(*row[:6], row[6] & 0xFFFFFFFFFFFFFFFF) for row in rows} == told
