"""YAML with one spelling: the block style of ``yaml12.dump``, the keys of every mapping sorted by code point.

What is written so is read line by line, faster than by the YAML parser, and without importing that: a hook pays for both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from weft.errors import SchemaError
from weft.formats import yaml12

_KEY = r'"(?:[^"\\]|\\.)*"|[A-Za-z_/](?:[A-Za-z0-9_./@+=,() -]|:(?=[A-Za-z0-9_/]))*'
_LINES = re.compile(rf"^( *)(?:(-)|({_KEY}):)(?: (.+))?$", re.MULTILINE)
_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))")
_ESCAPED = {"\\": "\\", '"': '"', "n": "\n", "t": "\t", "r": "\r"}
_SHORT = 100
_CONSTANTS: dict[str, Any] = {"null": None, "true": True, "false": False}


class _OtherSpelling(Exception):
    """The text is not what ``encode`` writes."""


def encode(value: Mapping[str, Any]) -> bytes:
    """Return the only spelling of ``value``, whose keys are strings on every level.

    Raises ``SchemaError`` and ``LimitExceeded`` as ``yaml12.dump`` does.
    """
    return yaml12.dump(_in_order(value))


def _in_order(value: Any) -> Any:
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise SchemaError("a key that is not a string cannot be written")
        return {key: _in_order(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_in_order(item) for item in value]
    return value


def parse(data: bytes) -> dict[str, Any] | None:
    """Return the mapping that ``encode`` makes ``data`` of; None when it makes other bytes of every mapping.

    Never raises: who gets None asks ``yaml12.load`` what is wrong, if anything but the spelling is.
    """
    try:
        if data == b"{}\n":
            return {}
        text = data.decode("utf-8")
        rows = _LINES.findall(text)
        if len(rows) != text.count("\n") or not text.endswith("\n"):
            return None
        return _build(rows)
    except (UnicodeDecodeError, SchemaError, _OtherSpelling):
        return None


def _build(rows: list[tuple[str, str, str, str]]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    stack: list[Any] = [root]  # the collection that is open at each level
    names: list[str] = [""]  # and the last key in it
    opened = False  # the line before has no value: a collection follows, one level deeper
    for indent, dash, key, text in rows:
        level, odd = divmod(len(indent), 2)
        if odd or (level != len(stack) if opened else level >= len(stack)) or level > yaml12.MAX_DEPTH:
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
            if not isinstance(name, str) or (holder and name <= names[level]) or len(key) > yaml12.MAX_KEY:
                raise _OtherSpelling
            names[level] = name
        opened = text == ""
        if not opened:
            _put(holder, names[level], _scalar(text))
    if opened or not root:
        raise _OtherSpelling
    return root


def _put(holder: Any, name: str, value: Any) -> None:
    if type(holder) is list:
        holder.append(value)
    else:
        holder[name] = value


def _scalar(text: str) -> Any:
    """The value whose spelling by ``yaml12.scalar_text`` is ``text``."""
    if text == "{}":
        return {}
    if text == "[]":
        return []
    return _known(text) if len(text) <= _SHORT else _read(text)


def _read(text: str) -> Any:
    if yaml12.is_plain(text):
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    value = _unquoted(text) if text[0] == '"' else _number(text)
    if yaml12.scalar_text(value) != text:
        raise _OtherSpelling
    return value


# The same keys, paths and digests stand in many records, and twice in one.
_known = lru_cache(maxsize=4096)(_read)


def _number(text: str) -> int | float:
    value = yaml12.resolve(text) if len(text) <= yaml12.MAX_DIGITS else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _OtherSpelling
    return value


def _unquoted(text: str) -> str:
    if len(text) < 2 or text[-1] != '"':
        raise _OtherSpelling
    inner = text[1:-1]
    return _ESCAPE.sub(_unescaped, inner) if "\\" in inner else inner


def _unescaped(found: re.Match[str]) -> str:
    code = found.group(1) or found.group(2) or found.group(3)
    if code is None:
        if found.group(4) not in _ESCAPED:
            raise _OtherSpelling
        return _ESCAPED[found.group(4)]
    number = int(code, 16)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise _OtherSpelling
    return chr(number)
