"""YAML as weft writes it: the scalars of YAML 1.2, block style, and reading just that again without a YAML parser."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from weft.errors import LimitExceeded, SchemaError

MAX_DEPTH = 32
MAX_KEY = 500
"""Most characters of the spelling of a key."""
MAX_DIGITS = 400
"""Most characters of a number."""

_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o([0-7]+)", re.ASCII)
_HEXADECIMAL = re.compile(r"0x([0-9a-fA-F]+)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_PLAIN = re.compile(
    r"[A-Za-z_/](?:[A-Za-z0-9_./@+=,()-]|:(?=[A-Za-z0-9_/]))*(?: (?:[A-Za-z0-9_./@+=,()-]|:(?=[A-Za-z0-9_/]))+)*",
    re.ASCII,
)
# Strings under YAML 1.2, booleans to readers of YAML 1.1: quoted for their sake.
_OLD_BOOLEANS = frozenset(("y", "n", "yes", "no", "on", "off"))
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_KEY = r'"(?:[^"\\\n]|\\.)*"|[A-Za-z_/](?:[A-Za-z0-9_./@+=,() -]|:(?=[A-Za-z0-9_/]))*'
_LINES = re.compile(rf"^( *)(?:(-)|({_KEY}):)(?: (.+))?$", re.MULTILINE)
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
_ESCAPED = {"\\": "\\", '"': '"', "n": "\n", "t": "\t", "r": "\r"}
_SHORT = 100
_CONSTANTS: dict[str, Any] = {"null": None, "true": True, "false": False}


class _OtherSpelling(Exception):
    """The text is not what ``dump`` writes."""


# --- writing ---------------------------------------------------------------------------------------------------------


def resolve(text: str) -> object:
    """Return the value of the plain scalar ``text`` under the core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        return int(text)
    if octal := _OCTAL.fullmatch(text):
        return int(octal.group(1), 8)
    if hexadecimal := _HEXADECIMAL.fullmatch(text):
        return int(hexadecimal.group(1), 16)
    return float(text) if _FLOAT.fullmatch(text) else text


def is_number(text: str) -> bool:
    """True when the plain scalar ``text`` is a decimal number, of whatever length."""
    return _FLOAT.fullmatch(text) is not None


def dump(value: Mapping[Any, Any]) -> bytes:
    """Return ``value`` as block YAML, keys in their order, that ``load`` reads back as the same values.

    Raises ``SchemaError`` for values that YAML's core schema has no scalar for, ``LimitExceeded`` for too deep ones.
    """
    if not value:
        return b"{}\n"
    return "\n".join([*_mapping(value, "", 0), ""]).encode("utf-8")


def _mapping(value: Mapping[Any, Any], indent: str, depth: int) -> Iterator[str]:
    for key, item in value.items():
        name = scalar_text(key)
        if len(name) > MAX_KEY:
            raise SchemaError(f"a key of {len(name)} characters is too long")
        yield from _item(f"{indent}{name}:", item, indent + "  ", depth + 1)


def _sequence(value: list[Any] | tuple[Any, ...], indent: str, depth: int) -> Iterator[str]:
    for item in value:
        yield from _item(f"{indent}-", item, indent + "  ", depth + 1)


def _item(lead: str, item: object, indent: str, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise LimitExceeded(f"values nested deeper than {MAX_DEPTH} are not written")
    if isinstance(item, Mapping) and item:
        yield lead
        yield from _mapping(item, indent, depth)
    elif isinstance(item, list | tuple) and item:
        yield lead
        yield from _sequence(item, indent, depth)
    else:
        yield f"{lead} {scalar_text(item)}"


def is_plain(text: str) -> bool:
    """True when ``text`` is written without quotes."""
    return bool(_PLAIN.fullmatch(text)) and text not in _WORDS and text.lower() not in _OLD_BOOLEANS


def scalar_text(value: object) -> str:
    """Return the spelling of one scalar (or of an empty collection). Raises ``SchemaError`` for anything else."""
    if isinstance(value, str):
        return value if is_plain(value) else _quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() < 1000:
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Mapping) and not value:
        return "{}"
    if isinstance(value, list | tuple) and not value:
        return "[]"
    raise SchemaError(f"a value of type {type(value).__name__} cannot be written as YAML")


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)


def _quoted(text: str) -> str:
    return '"' + "".join([_ESCAPES.get(c) or (c if c.isprintable() else _escaped(c)) for c in text]) + '"'


def _escaped(char: str) -> str:
    code = ord(char)
    if 0xD800 <= code <= 0xDFFF:
        raise SchemaError("a text that is not Unicode cannot be written as YAML")
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


# --- reading what was written ----------------------------------------------------------------------------------------


def parse(data: bytes, *, in_order: bool = False) -> dict[str, Any] | None:
    """Return the mapping that ``dump`` makes exactly ``data`` of, its keys being strings; None for any other text.

    ``in_order`` takes only mappings whose keys are sorted by code point, on every level. Never raises: who gets None asks
    the parser of YAML what is wrong, if anything is.
    """
    if data == b"{}\n":
        return {}
    try:
        text = data.decode("utf-8")
        rows = _LINES.findall(text)
        if len(rows) != text.count("\n") or not text.endswith("\n"):
            return None
        return _build(rows, in_order)
    except (UnicodeDecodeError, SchemaError, _OtherSpelling):
        return None


def _build(rows: list[tuple[str, str, str, str]], in_order: bool) -> dict[str, Any]:
    root: dict[str, Any] = {}
    stack: list[Any] = [root]  # the collection that is open at each level
    names: list[str] = [""]  # and the last key in it
    opened = False  # the line before has no value: a collection follows, one level deeper
    for indent, dash, key, text in rows:
        level, odd = divmod(len(indent), 2)
        if odd or (level != len(stack) if opened else level >= len(stack)) or level > MAX_DEPTH:
            raise _OtherSpelling
        if opened:
            child: Any = [] if dash else {}
            _put(stack[-1], names[-1], child)
            stack.append(child)
            names.append("")
        else:
            del stack[level + 1 :], names[level + 1 :]
        holder = stack[level]
        if (dash != "") is not (type(holder) is list):
            raise _OtherSpelling
        if not dash:
            name = _scalar(key)
            if not isinstance(name, str) or name in holder or len(key) > MAX_KEY:
                raise _OtherSpelling
            if in_order and holder and name < names[level]:
                raise _OtherSpelling
            names[level] = name
        opened = text == ""
        if not opened:
            _put(holder, names[level], _scalar(text))
    if opened:
        raise _OtherSpelling
    return root


def _put(holder: Any, name: str, value: Any) -> None:
    if type(holder) is list:
        holder.append(value)
    else:
        holder[name] = value


def _scalar(text: str) -> Any:
    """The value whose spelling by ``scalar_text`` is ``text``."""
    if text == "{}":
        return {}
    if text == "[]":
        return []
    return _known(text) if len(text) <= _SHORT else _read(text)


def _read(text: str) -> Any:
    if is_plain(text):
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    value = _unquoted(text) if text[0] == '"' else _number(text)
    if scalar_text(value) != text:
        raise _OtherSpelling
    return value


# The same keys, paths and digests stand in many records, and twice in one.
_known = lru_cache(maxsize=4096)(_read)


def _number(text: str) -> object:
    if len(text) > MAX_DIGITS:
        raise _OtherSpelling
    return resolve(text)


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    return _ESCAPE.sub(_unescaped, inner) if "\\" in inner else inner


def _unescaped(found: re.Match[str]) -> str:
    code = found.group(1) or found.group(2) or found.group(3)
    if code is None:
        if found.group(4) not in _ESCAPED:
            raise _OtherSpelling
        return _ESCAPED[found.group(4)]
    number = int(code, 16)
    if number > 0x10FFFF:
        raise _OtherSpelling
    return chr(number)
