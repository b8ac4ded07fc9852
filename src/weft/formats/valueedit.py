"""Replacing one value in a params file, and leaving every other byte as it is.

What is done here need not be right in every corner of the formats: who calls it reads the result again and compares.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from weft.errors import ValuesFault
from weft.formats import yaml12
from weft.formats.valuefiles import fault, python_tree, suffix_of
from weft.util.later import later

if TYPE_CHECKING:
    import ast
    import json

    import yaml
else:
    ast, json, yaml = later("ast"), later("json"), later("yaml")

_IN_FLOW = re.compile(r"[,\[\]{}]")
_TABLE = re.compile(r"""\s*+(\[\[?)((?:[^\[\]"'#]|"[^"\\]*+"|'[^']*+')++)\]\]?\s*+(?:#.*)?""")
_PAIR = re.compile(r"""(\s*+((?:[A-Za-z0-9_-]++|"[^"\\]*+"|'[^']*+'|[\s.])++)=\s*+)(.*)""")
_TOML_PART = re.compile(r"""(?:"([^"\\]*+)"|'([^']*+)'|(?<![A-Za-z0-9_-])([A-Za-z0-9_-]++))\s*+(?:\.|$)""")
_TOML_VALUE = re.compile(
    r"""("(?:[^"\\]|\\.)*+"|'[^']*+'|\[[^\n]*\]|[^#\[{"'\s][^#\s]*+(?:\s++[^#\s]++)*+)\s*+(?:#.*)?"""
)


def replace(data: bytes, name: str, key: tuple[str, ...], value: Any) -> bytes:
    """Return the file ``name``, which was read before, with ``value`` where the parts of ``key`` lead.

    Raises ``ValuesFault`` when the place cannot be found, or the format has no such value.
    """
    return _EDITORS[suffix_of(name)](data, name, key, value)


def _not_found(name: str, key: tuple[str, ...]) -> ValuesFault:
    return ValuesFault(
        f"{name}: the place of {'.'.join(key)[:120]} was not found, or what stands there spans several lines",
        hint=f"edit {name}",
        path=name,
    )


# --- YAML and JSON ---------------------------------------------------------------------------------------------------


def _yaml(data: bytes, name: str, key: tuple[str, ...], value: Any) -> bytes:
    return _by_nodes(data, name, key, _yaml_text(value))


def _json(data: bytes, name: str, key: tuple[str, ...], value: Any) -> bytes:
    # JSON is YAML to the parser, which, unlike that of JSON, tells where things stand.
    return _by_nodes(data, name, key, _json_text(value, name))


def _by_nodes(data: bytes, name: str, key: tuple[str, ...], spelled: str) -> bytes:
    text = data.decode("utf-8")
    try:
        node: Any = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        raise _not_found(name, key) from None
    for part in key:
        node = _child(node, part)
    flat = isinstance(node, yaml.ScalarNode) or (isinstance(node, yaml.SequenceNode) and node.flow_style)
    if not flat:
        raise _not_found(name, key)
    start, end = node.start_mark.index, node.end_mark.index
    gap = " " if start == end and text[start - 1 : start] == ":" else ""
    end_of_line = "\n" if text[start:end].endswith("\n") else ""  # a block scalar ends after its line
    return (text[:start] + gap + spelled + end_of_line + text[end:]).encode("utf-8")


def _child(node: Any, part: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((item for key, item in node.value if _key_text(key) == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        return node.value[int(part)]
    return None


def _key_text(node: Any) -> str:
    # A plain key may be a number; its dotted key is then as that number is written.
    found = yaml12.resolve(node.value) if not node.style else node.value
    return found if isinstance(found, str) else yaml12.scalar_text(found)


def _yaml_text(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_yaml_text(item) for item in value) + "]"
    if isinstance(value, str) and (_IN_FLOW.search(value) or not yaml12.is_plain(value)):
        return json.dumps(value, ensure_ascii=False)
    return yaml12.scalar_text(value)


def _json_text(value: Any, name: str) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise fault(name, 0, "JSON has no such number") from None


# --- TOML ------------------------------------------------------------------------------------------------------------


def _toml(data: bytes, name: str, key: tuple[str, ...], value: Any) -> bytes:
    spelled = _toml_text(value, name)
    lines = data.decode("utf-8").split("\n")
    for number, start, end in _toml_places(lines, key):
        lines[number] = lines[number][:start] + spelled + lines[number][end:]
        return "\n".join(lines).encode("utf-8")
    raise _not_found(name, key)


def _toml_places(lines: list[str], key: tuple[str, ...]) -> Iterator[tuple[int, int, int]]:
    """Lines with a value under ``key``, and where in the line it starts and ends."""
    table: tuple[str, ...] = ()
    rows: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(lines):
        if header := _TABLE.fullmatch(line):
            table = _toml_parts(header.group(2))
            if header.group(1) == "[[":
                rows[table] = rows.get(table, -1) + 1
                table = (*table, str(rows[table]))
        elif pair := _PAIR.fullmatch(line):
            shown = _TOML_VALUE.fullmatch(pair.group(3))
            if shown and (*table, *_toml_parts(pair.group(2))) == key:
                yield number, pair.end(1), pair.end(1) + shown.end(1)


def _toml_parts(text: str) -> tuple[str, ...]:
    return tuple(one or two or three for one, two, three in _TOML_PART.findall(text))


def _toml_text(value: Any, name: str) -> str:
    if value is None:
        raise fault(name, 0, "TOML has no null")
    if isinstance(value, list):
        return "[" + ", ".join(_toml_text(item, name) for item in value) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return json.dumps(value, ensure_ascii=False)


# --- Python ----------------------------------------------------------------------------------------------------------


def _python(data: bytes, name: str, key: tuple[str, ...], value: Any) -> bytes:
    node: Any = python_tree(data, name)
    for part in key:
        node = _python_child(node, part)
    if node is None:
        raise _not_found(name, key)
    if not _is_literal(value):
        raise fault(name, 0, "Python has no literal for such a number")
    # Python's own lines, for an offset counts from their starts; bytes, for it counts bytes.
    lines = data.splitlines(keepends=True)
    start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    return data[:start] + repr(value).encode("utf-8") + data[end:]


def _python_child(node: Any, part: str) -> Any:
    if isinstance(node, dict):
        return node.get(part)
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return next((item for name, item in pairs if isinstance(name, ast.Constant) and name.value == part), None)
    if isinstance(node, ast.List | ast.Tuple) and part.isdecimal() and int(part) < len(node.elts):
        return node.elts[int(part)]
    return None


def _is_literal(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_literal(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)


_EDITORS: dict[str, Callable[[bytes, str, tuple[str, ...], Any], bytes]] = {
    ".yaml": _yaml,
    ".yml": _yaml,
    ".json": _json,
    ".toml": _toml,
    ".py": _python,
}
