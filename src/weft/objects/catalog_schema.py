"""Tables of the catalog. The text of each statement is compared with the database, so any edit needs a new version."""

from __future__ import annotations

VERSION = 3
APPLICATION_ID = 0x77656674  # "weft"

OBJECT_TABLES = ("packs", "frames", "held", "segments", "segment_sizes", "recipes", "roots_seen")
ADDED = {2: ("segment_sizes",)}
"""What a catalog of an older version lacks, and all that it lacks."""

SCHEMA: dict[str, str] = {
    "places": "CREATE TABLE places (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT",
    "packs": (
        "CREATE TABLE packs (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,"
        " frames INTEGER NOT NULL, footer BLOB NOT NULL) STRICT"
    ),
    # xxh3 is an unsigned 64-bit number kept as the signed number with the same bits.
    "frames": (
        "CREATE TABLE frames (oid BLOB NOT NULL, pack INTEGER NOT NULL, offset INTEGER NOT NULL,"
        " stored INTEGER NOT NULL, raw INTEGER NOT NULL, kind INTEGER NOT NULL, codec INTEGER NOT NULL,"
        " xxh3 INTEGER NOT NULL, PRIMARY KEY (oid, pack)) STRICT, WITHOUT ROWID"
    ),
    "held": (
        "CREATE TABLE held (place INTEGER NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY (place, pack))"
        " STRICT, WITHOUT ROWID"
    ),
    "segments": (
        "CREATE TABLE segments (place INTEGER NOT NULL, name BLOB NOT NULL, PRIMARY KEY (place, name))"
        " STRICT, WITHOUT ROWID"
    ),
    # In bytes, as they were when the segment was read or written.
    "segment_sizes": (
        "CREATE TABLE segment_sizes (place INTEGER NOT NULL, name BLOB NOT NULL, size INTEGER NOT NULL,"
        " PRIMARY KEY (place, name)) STRICT, WITHOUT ROWID"
    ),
    # proved is 1 when this machine has hashed the content that the recipe rebuilds, 0 when only somebody's word says so.
    "recipes": (
        "CREATE TABLE recipes (object BLOB PRIMARY KEY, recipe BLOB NOT NULL, proved INTEGER NOT NULL)"
        " STRICT, WITHOUT ROWID"
    ),
    "roots_seen": (
        "CREATE TABLE roots_seen (place INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (place, name))"
        " STRICT, WITHOUT ROWID"
    ),
    # The two tables below belong to the workspace: its stat cache, and what it materialized.
    "dirs": (
        "CREATE TABLE dirs (tree TEXT NOT NULL, path TEXT NOT NULL, names BLOB, stats BLOB, oids BLOB,"
        " manifest BLOB, recorded INTEGER, PRIMARY KEY (tree, path)) STRICT, WITHOUT ROWID"
    ),
    "tracked": (
        "CREATE TABLE tracked (tree TEXT NOT NULL, path TEXT NOT NULL, oid BLOB, layout BLOB,"
        " PRIMARY KEY (tree, path)) STRICT, WITHOUT ROWID"
    ),
}
