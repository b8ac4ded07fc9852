"""The identity of a remote store, ``weft.json`` (``docs/spec/remote.md``)."""

from __future__ import annotations

import re
from collections.abc import Collection

from weft.errors import FormatVersion, RemoteIdentity, SchemaError
from weft.formats.canonical import json_bytes, load_json
from weft.formats.fields import Fields
from weft.model.remote import ChunkerParams, StoreFormat

VERSION = 1
LIMIT = 1 << 20
HASH = "blake3"
MAX_CHUNK = 1 << 20
"""Most bytes of a chunk in a store of version 1."""
KNOWN_FEATURES: frozenset[str] = frozenset()
"""Feature names that this weft understands."""

_WHAT = "weft.json"
_STORE = re.compile(r"[0-9a-f]{32}", re.ASCII)
_FEATURE = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}", re.ASCII)
_CHUNKER_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}", re.ASCII)
_ROLES = ("read", "write", "gc")
_CHUNKER_KEYS = ("name", "version", "normalization", "minimum", "average", "maximum")


def encode(store: StoreFormat) -> bytes:
    """Return the one encoding of ``store``. Raises ``SchemaError``."""
    if not _STORE.fullmatch(store.store):
        raise SchemaError(f"a store id is 32 lower-case hex digits, not {store.store[:80]!a}")
    value = {
        "weft": VERSION,
        "store": store.store,
        "hash": HASH,
        "chunker": store.chunker._asdict(),
        "features": {"read": sorted(store.read), "write": sorted(store.write), "gc": sorted(store.gc)},
    }
    return json_bytes(value)


def decode(data: bytes, *, role: str = "read") -> StoreFormat:
    """Read ``weft.json`` for what is to be done with the store: ``role`` is read, write or gc, each including the former.

    Raises ``FormatVersion`` when the store is newer or has a feature of that role which is not known here,
    ``RemoteIdentity`` when it has an older version than any or another hash, ``SchemaError``, ``LimitExceeded``.
    """
    fields = Fields(load_json(data, LIMIT, what=_WHAT), _WHAT)
    if fields.version("weft", VERSION) < 1:
        raise RemoteIdentity("weft.json on the remote claims a version that never was: it was replaced")
    found_hash = fields.text("hash")
    if found_hash != HASH:
        raise RemoteIdentity(f"the remote names its objects by {found_hash[:40]!a}, not by {HASH}: it was replaced")
    fields.only(("weft", "store", "hash", "chunker", "features"))
    store = fields.text("store")
    if not _STORE.fullmatch(store):
        raise fields.error(f"'store' must be 32 lower-case hex digits, not {store[:80]!a}")
    features = fields.below("features")
    features.only(_ROLES)
    read, write, gc = (_features(features, name) for name in _ROLES)
    needed = {"read": read, "write": (*read, *write), "gc": (*read, *write, *gc)}[role]
    _require(needed, KNOWN_FEATURES)
    return StoreFormat(store=store, chunker=read_chunker(fields.below("chunker")), read=read, write=write, gc=gc)


def check_pin(found: StoreFormat, pinned: str, place: str) -> None:
    """Compare the id of the store at ``place`` to the one that is pinned. Raises ``RemoteIdentity``."""
    if pinned and found.store != pinned:
        raise RemoteIdentity(
            f"{place} holds the store {found.store}, and the remote is pinned to {pinned}",
            hint="compare the url with: weft remote list",
        )


def read_chunker(fields: Fields) -> ChunkerParams:
    """Read chunker parameters; all six are needed. Raises ``SchemaError``."""
    fields.only(_CHUNKER_KEYS)
    params = ChunkerParams(fields.text("name"), *(fields.number(key) for key in _CHUNKER_KEYS[1:]))
    if not _CHUNKER_NAME.fullmatch(params.name):
        raise fields.error(f"'name' is not the name of a chunker: {params.name[:40]!a}")
    if not 1 <= params.minimum <= params.average <= params.maximum <= MAX_CHUNK:
        raise fields.error(f"the sizes must rise from minimum over average to maximum, at most {MAX_CHUNK}")
    return params


def _features(fields: Fields, role: str) -> tuple[str, ...]:
    names = fields.texts(role)
    if not all(_FEATURE.fullmatch(name) for name in names):
        raise fields.error(f"{role!r} holds something that is not the name of a feature")
    return names


def _require(needed: Collection[str], known: Collection[str]) -> None:
    unknown = sorted(set(needed).difference(known))
    if unknown:
        raise FormatVersion(
            f"the remote needs the feature {unknown[0]!r}, which this weft does not have", hint="install a newer weft"
        )
