"""Values of params and metrics files by dotted keys.

Keys of nested mappings are joined by dots: ``train.lr``. A key that holds a dot or a bracket, or is empty, stands in
brackets, with a backslash before a closing one and before a backslash: ``files.[a.csv].rows``. A list is a value; one that
holds mappings is written by positions: ``layers.0.units``. An empty mapping is a value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from weft.errors import ValuesFault, WeftError
from weft.formats import yaml12
from weft.formats.located import nearest
from weft.formats.valuefiles import fault, parse
from weft.util.later import later

if TYPE_CHECKING:
    from weft.formats import valueedit
else:
    valueedit = later("weft.formats.valueedit")  # the hook only reads

MAX_VALUES = 100_000
_PLAIN_PART = re.compile(r"[^.\[\]\\]+")
_PART = re.compile(r"(?:\[((?:[^\]\\]|\\[\]\\])*)\]|([^.\[\]\\]+))(?:\.|$)")


def read_values(data: bytes, name: str) -> dict[str, Any]:
    """Return the values of the file ``name`` (read by its suffix) by dotted key, in the order of the file.

    A value is a scalar, a list of such, or an empty mapping. Not-a-number and infinities are values: see ``not_finite``.
    Raises ``ValuesFault`` when it cannot be read or is no mapping, and what ``valuefiles.parse`` raises beside it.
    """
    return flat_values(parse(data, name), name)


def flat_values(tree: Mapping[Any, Any], name: str) -> dict[str, Any]:
    """The values of ``tree``, which the file ``name`` holds, by dotted key. Raises ``ValuesFault``."""
    found: dict[str, Any] = {}
    for key, value in _flat(tree, "", name, 0):
        if key in found:
            raise fault(name, 0, f"two keys are both written {key[:80]!a}")
        found[key] = value
        if len(found) > MAX_VALUES:
            raise fault(name, 0, f"there are more than {MAX_VALUES} values")
    return found


def select(values: Mapping[str, Any], keys: Iterable[str], name: str) -> dict[str, Any]:
    """Return the values that ``keys`` name, in the order of ``values``; one that names a mapping takes all below it, and no
    keys take everything. ``name`` is the file in errors. Raises ``ValuesFault`` for a key that is not there.
    """
    wanted = tuple(keys)
    if not wanted:
        return dict(values)
    taken: set[str] = set()
    for key in wanted:
        below = key + "."
        matches = [known for known in values if known == key or known.startswith(below)]
        if not matches:
            raise _missing(key, values, name)
        taken.update(matches)
    return {key: value for key, value in values.items() if key in taken}


def not_finite(values: Mapping[str, Any]) -> list[str]:
    """The keys whose value is, or holds in a list, not-a-number or an infinity."""
    return [key for key, value in values.items() if not _finite(value)]


def set_values(data: bytes, name: str, changes: Mapping[str, str]) -> bytes:
    """Return the file with the values under the keys of ``changes`` replaced by what their texts say in YAML, all other
    bytes being kept.

    Raises ``ValuesFault`` for a key that is not there, for a text that is no scalar and no list of them, and where the
    change cannot be made in place; and as ``read_values`` does.
    """
    expected = read_values(data, name)
    for key, text in changes.items():
        if key not in expected:
            raise _missing(key, expected, name)
        value = _given(key, text)
        data = valueedit.replace(data, name, split_key(key), value)
        expected[key] = value
        try:
            same = _same(read_values(data, name), expected)
        except WeftError:
            same = False
        if not same:
            raise _not_in_place(name, key)
    return data


def split_key(key: str) -> tuple[str, ...]:
    """The parts of a dotted key. Raises ``ValuesFault`` when it is none."""
    parts, at = [], 0
    while found := _PART.match(key, at):
        at = found.end()
        quoted = found.group(1)
        parts.append(found.group(2) if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
    if at != len(key) or not parts or key.endswith("."):
        raise ValuesFault(f"{key[:120]!a} is not a key: its parts are joined by single dots")
    return tuple(parts)


def join_key(parts: Iterable[Any]) -> str:
    """The dotted key of what stands under the keys and positions ``parts``."""
    return ".".join(str(part) if type(part) is int else _part(part) for part in parts)


def _part(key: Any) -> str:
    text = key if isinstance(key, str) else yaml12.scalar_text(key)
    if _PLAIN_PART.fullmatch(text):
        return text
    return "[" + text.replace("\\", "\\\\").replace("]", "\\]") + "]"


def _flat(value: Any, lead: str, name: str, depth: int) -> Iterator[tuple[str, Any]]:
    """The values below ``value``, whose own key and a dot are ``lead``."""
    if depth > yaml12.MAX_DEPTH:
        raise fault(name, 0, f"nested deeper than {yaml12.MAX_DEPTH}")
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        full = lead + (str(key) if isinstance(value, list) else _part(key))
        if len(full) > yaml12.MAX_KEY:
            raise fault(name, 0, f"a key is longer than {yaml12.MAX_KEY} characters: {full[:60]!a}...")
        if item and (isinstance(item, dict) or _holds_mapping(item, depth, name)):
            yield from _flat(item, full + ".", name, depth + 1)
        else:
            _check_value([full, item], full, name)
            yield full, item


def _holds_mapping(value: Any, depth: int, name: str) -> bool:
    if depth > yaml12.MAX_DEPTH:
        raise fault(name, 0, f"nested deeper than {yaml12.MAX_DEPTH}")
    return isinstance(value, list) and any(
        isinstance(item, dict) or _holds_mapping(item, depth + 1, name) for item in value
    )


def _check_value(value: Any, key: str, name: str) -> None:
    """Raise ``ValuesFault`` for what a record cannot hold."""
    if isinstance(value, list):
        for item in value:
            _check_value(item, key, name)
        return
    try:
        yaml12.scalar_text(value)
    except WeftError as error:
        raise fault(name, 0, f"{key[:80]}: {error.message}") from None


def _finite(value: Any) -> bool:
    if isinstance(value, list):
        return all(_finite(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)


def _missing(key: str, values: Mapping[str, Any], name: str) -> ValuesFault:
    near = nearest(key, list(values)[:1000])
    return ValuesFault(
        f"{name} has no value {key[:120]!a}" + (f"; did you mean {near}?" if near else ""),
        hint=f"its keys are: {', '.join(list(values)[:10])}" if values else "it holds no values",
        path=name,
    )


def _given(key: str, text: str) -> Any:
    what = f"the value of {key}"
    value = yaml12.load(text.encode("utf-8", "surrogateescape"), what=what)
    if isinstance(value, dict) or _holds_mapping(value, 0, what):
        raise ValuesFault(f"{what} must be a scalar or a list of them", hint="set the keys below it one by one")
    return value


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    # By their spelling: 1, 1.0 and true are equal to Python, and not-a-number is not equal to itself.
    return list(one) == list(other) and all(repr(one[key]) == repr(other[key]) for key in one)


def _not_in_place(name: str, key: str) -> ValuesFault:
    return ValuesFault(
        f"{name}: {key} cannot be changed without changing other bytes of the file", hint=f"edit {name}", path=name
    )
