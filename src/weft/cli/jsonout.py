"""Records as JSON documents: one document a command, its ``schema`` named and versioned.

Only ASCII is written, so a document cannot act on a terminal. Keys are the names of the records' fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from weft.errors import WeftError
from weft.util.later import later

if TYPE_CHECKING:
    import json
else:
    json = later("json")

ERROR_SCHEMA = "weft/error/1"


def schema(verb: str) -> str:
    """The name of the document of ``verb``."""
    return f"weft/{verb}/1"


def document(verb: str, record: object, warnings: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """The document that shows ``record``: its schema, the record as ``data``, the warnings given."""
    return {"schema": schema(verb), "data": plain(record), "warnings": warnings or []}


def error_document(error: WeftError, warnings: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """The document that takes the place of a result when a command fails."""
    return {
        "schema": ERROR_SCHEMA,
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "exit_code": int(error.exit_code),
        "path": error.path,
        "line": error.line,
        "warnings": warnings or [],
    }


def dumps(value: Mapping[str, Any]) -> str:
    """One line of JSON."""
    return json.dumps(value, ensure_ascii=True, separators=(", ", ": "), allow_nan=False)


def plain(value: object) -> Any:
    """``value`` made of nothing but dicts, lists, strings, numbers, booleans and None.

    A record becomes its fields and its properties, an object id its one spelling. Raises ``TypeError`` for other types.
    """
    if value is None or isinstance(value, (bool, int, float)) or type(value) is str:
        return value.value if isinstance(value, Enum) else value
    if (is_dataclass(value) and not isinstance(value, type)) or hasattr(value, "_fields"):
        return {name: plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, (str, bytes)):
        # A path or an object id: subclasses of str and bytes that know their own spelling.
        return str(value) if isinstance(value, str) else _spelled(value)
    raise TypeError(f"{type(value).__name__} has no place in a JSON document")


def _spelled(value: bytes) -> str:
    if type(value) is bytes:
        raise TypeError("bare bytes have no place in a JSON document")
    return str(value)


def _names(kind: type) -> list[str]:
    derived = [name for name, member in vars(kind).items() if isinstance(member, property) and name[0] != "_"]
    named: Sequence[str] = getattr(kind, "_fields", ())
    return [*(named or [item.name for item in fields(kind)]), *derived]
