"""Locks of paths as bytes (``docs/spec/locks.md``): small canonical JSON that a ref of the Git remote points at."""

from __future__ import annotations

import re

from weft.formats.canonical import json_bytes, load_json
from weft.formats.fields import Fields
from weft.model.pathlock import PathLock, email_of
from weft.model.paths import RepoPath

VERSION = 1
LIMIT = 8192
MAX_REASON = 500
_MOST = {"owner": 300, "reason": MAX_REASON, "branch": 250}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_TOKEN = re.compile(r"[0-9a-f]{32}", re.ASCII)
_WHAT = "a lock"


def encode(lock: PathLock) -> bytes:
    """Return the one encoding of ``lock``. Raises as ``decode`` does for what could not be read again."""
    data = json_bytes({"weft": VERSION, **lock._asdict()})
    decode(data)
    return data


def decode(data: bytes) -> PathLock:
    """Read a lock, which anybody may have written who can push. Raises ``LimitExceeded``, ``SchemaError``,
    ``FormatVersion`` and the errors of ``RepoPath.parse``."""
    fields = Fields(load_json(data, LIMIT, what=_WHAT), _WHAT)
    if fields.version("weft", VERSION) < 1:
        raise fields.error("'weft' must be 1")
    fields.only(("weft", *PathLock._fields))
    lock = PathLock(*map(fields.text, PathLock._fields))
    for key, most in _MOST.items():
        if len(fields.text(key)) > most:
            raise fields.error(f"{key!r} is longer than {most} characters")
    if not (email_of(lock.owner) and _TIME.fullmatch(lock.time) and _TOKEN.fullmatch(lock.token)):
        raise fields.error("'owner', 'time' or 'token' is not written as weft writes it")
    return lock._replace(path=RepoPath.parse(lock.path))
