"""The configuration of a user for all clones (``docs/spec/local.md``): the places that data and credentials may go to."""

from __future__ import annotations

from weft.formats import yaml12
from weft.formats.fields import Fields

VERSION = 1
LIMIT = 1 << 20


def decode(data: bytes, what: str) -> tuple[str, ...]:
    """Return the patterns below ``trust``. Raises what ``yaml12.load`` raises, ``SchemaError`` and ``FormatVersion``."""
    fields = Fields(yaml12.load(data, what=what, limit=LIMIT), what)
    if "weft" in fields.values and fields.version("weft", VERSION) < 1:
        raise fields.error("'weft' must be 1")
    fields.only(("weft", "trust"))
    return fields.texts("trust")
