"""Params and metrics files as their authors write them: YAML, JSON, TOML, and the literals of a Python module."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from weft.errors import LimitExceeded, SchemaError, ValuesFault
from weft.formats import pyliterals, yaml12
from weft.formats.canonical import MAX_DEPTH, check_depth
from weft.util.later import later

if TYPE_CHECKING:
    import datetime
    import json
    import tomllib
else:
    datetime, json, tomllib = later("datetime"), later("json"), later("tomllib")

LIMIT = 1 << 20
MAX_LINES = 20_000
"""Most lines or statements of a Python module: each is looked at as a tree."""
SUFFIXES = (".yaml", ".yml", ".json", ".toml", ".py")

# Texts and comments as a whole, the dots between the parts of a key, and what ends a key.
_TOML_MARKS = re.compile(
    r'''"""(?:[^"\\]|\\.|"{1,2}+(?!"))*+(?:"{3,5}+)?|"(?:[^"\\\n]|\\.)*+"?'''
    r"""|'''(?:[^']|'{1,2}+(?!'))*+(?:'{3,5}+)?|'[^'\n]*+'?|#[^\n]*+|[.=,\n\[\]{}]""",
    re.DOTALL,
)
_PLAIN_TYPES = (str, int, float, dict, list, type(None))
_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)")


def parse(data: bytes, name: str) -> dict[Any, Any]:
    """Return the mapping that the file ``name`` holds, read by its suffix. YAML without anything is an empty mapping; a file
    that is a number and no more holds one value, named as the file is without its suffix.

    Raises ``ValuesFault`` with the line where it is known; of YAML also ``MergeConflict``, ``YamlAlias``, ``YamlTag`` and
    ``LimitExceeded``; ``LimitExceeded`` for more than 1 MiB, and for what is nested deeper than 32.
    """
    suffix = suffix_of(name)
    if len(data) > LIMIT:
        raise LimitExceeded(f"{name} has {len(data)} bytes, over the limit of {LIMIT} for values", path=name)
    value = _PARSERS[suffix](data, name)
    if value is None and suffix in (".yaml", ".yml"):
        return {}
    if type(value) in (int, float):
        return {posixpath.splitext(posixpath.basename(name))[0]: value}
    if not isinstance(value, dict):
        raise ValuesFault(f"{name}, line 1: there is no mapping of values", path=name, line=1)
    return value


def suffix_of(name: str) -> str:
    """The suffix of ``name``, one of ``SUFFIXES``. Raises ``ValuesFault`` for others."""
    suffix = posixpath.splitext(name)[1].lower()
    if suffix not in SUFFIXES:
        raise ValuesFault(
            f"{name} holds no values that can be read", hint=f"use a file of one of: {', '.join(SUFFIXES)}", path=name
        )
    return suffix


def fault(name: str, line: int, problem: str) -> ValuesFault:
    """The error for ``problem`` at the 1-based ``line`` of the file ``name`` (0: unknown)."""
    where = f"{name}, line {line}" if line else name
    return ValuesFault(f"{where}: {problem[:300]}", path=name, line=line)


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise fault(name, data.count(b"\n", 0, error.start) + 1, "not UTF-8") from None


def _yaml(data: bytes, name: str) -> Any:
    try:
        return yaml12.load(data, what=name, limit=LIMIT)
    except SchemaError as error:
        raise ValuesFault(error.message, hint=error.hint, path=name, line=error.line) from None


# --- JSON ------------------------------------------------------------------------------------------------------------


def _json(data: bytes, name: str) -> Any:
    check_depth(data, name)
    try:
        return json.loads(_text(data, name), object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise fault(name, error.lineno, f"not JSON: {error.msg}") from None
    except ValueError as error:
        raise fault(name, _line_of_doubled_key(data, name), str(error)) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in names if names.count(key) > 1)[:80]!a} is there twice")
    return found


def _line_of_doubled_key(data: bytes, name: str) -> int:
    # The parser of JSON does not say; JSON is YAML but for odd corners, and the reader of YAML does.
    try:
        yaml12.load(data, what=name, limit=LIMIT)
    except (SchemaError, LimitExceeded) as error:
        return error.line
    return 0


# --- TOML ------------------------------------------------------------------------------------------------------------


def _toml(data: bytes, name: str) -> Any:
    text = _text(data, name)
    _check_toml(text, name)
    try:
        return _plain(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        line = _TOML_LINE.search(str(error))
        raise fault(name, int(line.group(1)) if line else 0, f"not TOML: {error}") from None
    except ValueError as error:
        raise fault(name, 0, f"not TOML: {error}") from None
    except RecursionError:
        raise LimitExceeded(f"{name} is nested too deeply", path=name) from None


def _check_toml(text: str, name: str) -> None:
    """Raise ``LimitExceeded`` for a key of more than 32 parts and for deeper lists: the parser would take the square of
    their number, or recurse."""
    dots = depth = 0
    for mark in _TOML_MARKS.finditer(text):
        char = text[mark.start()]
        if char in "\"'#":
            continue
        dots = dots + 1 if char == "." else 0
        depth += (char in "[{") - (char in "]}")
        if max(dots, depth) > MAX_DEPTH:
            line = text.count("\n", 0, mark.start()) + 1
            raise LimitExceeded(f"{name}, line {line}: nested deeper than {MAX_DEPTH}", path=name, line=line)


def toml_times(data: bytes, name: str) -> list[tuple[Any, ...]]:
    """The keys and positions that lead to the dates and times of a file in TOML that ``parse`` took."""
    return [place for place, value in places(tomllib.loads(_text(data, name))) if not isinstance(value, _PLAIN_TYPES)]


def places(tree: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value in ``tree``, with the keys and positions that lead to it."""
    queue: list[tuple[tuple[Any, ...], Any]] = [((), tree)]
    for place, value in queue:
        yield place, value
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        queue += [((*place, key), item) for key, item in pairs]


def _plain(value: Any) -> Any:
    """``value`` with times as their text, for a record has no times."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value


# --- Python ----------------------------------------------------------------------------------------------------------


def _python(data: bytes, name: str) -> Any:
    return pyliterals.values(python_tree(data, name))


def python_tree(data: bytes, name: str) -> dict[str, Any]:
    """The nodes of the literals that a module assigns, by name; a class is a mapping of them. Raises ``ValuesFault``."""
    text = _text(data, name)
    if text.count("\n") + text.count(";") > MAX_LINES:
        raise LimitExceeded(f"{name} has more than {MAX_LINES} lines, the limit for values in Python", path=name)
    try:
        return pyliterals.tree(text)
    except SyntaxError as error:
        raise fault(name, error.lineno or 0, f"not Python: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise fault(name, 0, f"not Python: {error}") from None


_PARSERS: dict[str, Callable[[bytes, str], Any]] = {
    ".yaml": _yaml,
    ".yml": _yaml,
    ".json": _json,
    ".toml": _toml,
    ".py": _python,
}
