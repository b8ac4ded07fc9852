"""Changing one entry of a YAML file, and leaving every other byte and every comment as it is.

What is done here need not be right in every corner of YAML: who calls it reads the result again and compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from weft.errors import SchemaError
from weft.formats import yaml12
from weft.util.later import later

if TYPE_CHECKING:
    import yaml
else:
    yaml = later("yaml")


def put(text: str, keys: tuple[str, ...], value: object) -> str:
    """Return ``text`` with ``value`` under ``keys``; the mapping that holds the last of them must be there, or be empty.

    Raises ``SchemaError`` when that mapping is written in braces.
    """
    holder, at = _find(text, keys[:-1])
    if holder is None or not isinstance(holder, yaml.MappingNode) or not holder.value:
        return _fill(text, holder, at, keys[-1], value)
    if holder.flow_style:
        line = holder.start_mark.line + 1
        raise SchemaError("a mapping in braces is not changed here", hint="edit the file", line=line)
    indent = _column(text, holder.value[0][0])
    for key, old in holder.value:
        if key.value == keys[-1]:
            return _replaced(text, key, old, value)
    end = _end_of(text, holder.value[-1])
    return _inserted(text, end, _block(text, keys[-1], value, indent))


def drop(text: str, keys: tuple[str, ...]) -> str:
    """Return ``text`` without the entry under ``keys``, which is there, in a mapping that is not in braces."""
    holder, _ = _find(text, keys[:-1])
    entry = next(pair for pair in holder.value if pair[0].value == keys[-1])
    return text[: _start_of(text, entry[0])] + text[_end_of(text, entry) :]


def span(text: str, keys: tuple[str, ...]) -> tuple[int, int]:
    """Where the lines of the entry under ``keys``, which is there, start and end.

    Raises ``SchemaError`` when the mapping that holds it is written in braces.
    """
    holder, _ = _find(text, keys[:-1])
    if holder.flow_style:
        raise SchemaError("a mapping in braces has no lines of its own", hint="edit the file")
    entry = next(pair for pair in holder.value if pair[0].value == keys[-1])
    return _start_of(text, entry[0]), _end_of(text, entry)


def end_of_entries(text: str, keys: tuple[str, ...]) -> tuple[int, int]:
    """Where the lines of the last entry of the mapping under ``keys`` end, and the column in which its keys start.

    Raises ``SchemaError`` where there is no such mapping, or it is empty or in braces.
    """
    holder, _ = _find(text, keys)
    if not isinstance(holder, yaml.MappingNode) or not holder.value or holder.flow_style:
        raise SchemaError("there is no place for the lines of another entry", hint="edit the file")
    return _end_of(text, holder.value[-1]), _column(text, holder.value[0][0])


def in_braces(text: str, keys: tuple[str, ...]) -> bool:
    """True when the mapping under ``keys`` is written in braces."""
    node = _find(text, keys)[0]
    return isinstance(node, yaml.MappingNode) and bool(node.flow_style)


def _find(text: str, keys: tuple[str, ...]) -> tuple[Any, Any]:
    """The node under ``keys``, and the node of the last key (None for the whole document)."""
    node: Any = yaml.compose(text, Loader=yaml.CSafeLoader)
    at = None
    for name in keys:
        pair = next(pair for pair in node.value if pair[0].value == name)
        at, node = pair
    return node, at


def _fill(text: str, holder: Any, at: Any, key: str, value: object) -> str:
    """``text`` with an entry in the mapping ``holder`` that is empty, absent or null."""
    if holder is not None:
        start, end = holder.start_mark.index, holder.end_mark.index
        text = text[:start].rstrip(" ") + text[end:]
    indent = 0 if at is None else _column(text, at) + 2
    after = len(text) if at is None else _line_end(text, at.end_mark.index)
    return _inserted(text, after, _block(text, key, value, indent))


def _replaced(text: str, key: Any, old: Any, value: object) -> str:
    if (
        isinstance(old, yaml.ScalarNode)
        and old.style not in ("|", ">")
        and not isinstance(value, Mapping | list | tuple)
    ):
        start, end = old.start_mark.index, old.end_mark.index
        gap = " " if start == end else ""
        return text[:start] + gap + yaml12.scalar_text(value) + text[end:]
    start = _start_of(text, key)
    block = _block(text, key.value, value, _column(text, key))
    return text[:start] + _inserted(text[start:], _end_of(text, (key, old)) - start, block, cut=True)


def _inserted(text: str, at: int, block: str, *, cut: bool = False) -> str:
    """``text`` with the lines of ``block`` at ``at``, the start of a line; ``cut`` takes away what stands before."""
    before = "" if cut else text[:at]
    gap = _newline(text) if before and not before.endswith("\n") else ""
    return before + gap + block + text[at:]


def _block(text: str, key: str, value: object, indent: int) -> str:
    newline = _newline(text)
    lines = yaml12.dump({key: value}).decode("utf-8").splitlines()
    return "".join(" " * indent + line + newline for line in lines)


def _newline(text: str) -> str:
    end = text.find("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def _column(text: str, node: Any) -> int:
    column: int = node.start_mark.index - _start_of(text, node)
    return column


def _start_of(text: str, node: Any) -> int:
    return text.rfind("\n", 0, node.start_mark.index) + 1


def _line_end(text: str, at: int) -> int:
    """Where the line after the one that ``at`` is in starts."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _end_of(text: str, pair: tuple[Any, Any]) -> int:
    """Where the line after the last one of an entry starts; blank lines and comments below belong to what follows."""
    key, node = pair
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        key, node = last if isinstance(last, tuple) else (last, last)
    end: int = max(node.end_mark.index, key.end_mark.index)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">") and text[:end].endswith("\n"):
        return end
    return _line_end(text, end)
