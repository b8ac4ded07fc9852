"""JSON with one spelling: sorted keys, no spaces, UTF-8, a line feed at the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from weft.errors import LimitExceeded, SchemaError
from weft.util.later import later

if TYPE_CHECKING:
    import json
else:
    json = later("json")

LIMIT = 16 << 20
MAX_DEPTH = 32
# A text that is not closed goes to the end: to look for its end again from each quote in it would take the square of the
# time.
_MARKS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)


def json_bytes(value: object) -> bytes:
    """Return the canonical JSON of ``value``. Raises ``SchemaError`` for NaN, infinities and what JSON cannot say."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return (text + "\n").encode("utf-8")
    except (TypeError, ValueError) as error:
        raise SchemaError(f"a value cannot be written as JSON: {error}") from None


def load_json(data: bytes, limit: int = LIMIT, *, what: str = "a JSON file") -> Any:
    """Read JSON strictly: no doubled keys, no NaN, no byte order mark, at most ``limit`` bytes and 32 levels.

    Raises ``LimitExceeded`` or ``SchemaError``.
    """
    if len(data) > limit:
        raise LimitExceeded(f"{what} has {len(data)} bytes, over the limit of {limit}", path=what)
    check_depth(data, what)
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except SchemaError as error:
        raise SchemaError(f"{what}: {error.message}", path=what) from None
    except ValueError as error:
        raise SchemaError(f"{what} is not JSON: {str(error)[:200]}", path=what) from None


def check_depth(data: bytes, what: str) -> None:
    """Raise ``LimitExceeded`` for JSON nested deeper than 32: to be asked before the parser runs, for it recurses."""
    depth = 0
    for mark in _MARKS.finditer(data):
        first = data[mark.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise LimitExceeded(f"{what} is nested deeper than {MAX_DEPTH}", path=what)
        elif first in b"]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise SchemaError("a key is there twice")
    return found


def _constant(name: str) -> NoReturn:
    raise SchemaError(f"{name} is not JSON")
