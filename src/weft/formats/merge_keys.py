"""Three-way merge of values by key: what one side alone changed is taken, what both changed alike is taken once.

The rule of Git's merge for lines, used for keys: nothing is guessed, and a key that both sides changed to different values
is a conflict. The outcome does not depend on which side is called ours, but for the order of keys and of items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Keys = tuple[str, ...]


class _Absent:
    """The value of a key that is not there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""Stands for a value that is not there; nothing else equals it."""


@dataclass(frozen=True, slots=True)
class Merged:
    """``value`` is the outcome (``ABSENT``: it is gone), of no use where there are ``conflicts``, the keys to each."""

    value: Any
    conflicts: tuple[Keys, ...] = ()


def same(one: Any, other: Any) -> bool:
    """True for values that are written alike: 1, 1.0 and true are three, and the order of keys does not count."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def merge(base: Any, ours: Any, theirs: Any, is_set: Callable[[Keys], bool], keys: Keys = ()) -> Merged:
    """Merge what ``base`` became on two sides; each is a value of YAML or ``ABSENT``.

    Mappings merge key by key. Lists under keys for which ``is_set`` is true merge item by item, an item being a string or
    a mapping of one name to what is said of it; any other list is one value. Never raises.
    """
    if same(ours, theirs) or same(theirs, base):
        return Merged(ours)
    if same(ours, base):
        return Merged(theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _mappings(base if isinstance(base, dict) else {}, ours, theirs, is_set, keys)
    if isinstance(ours, list) and isinstance(theirs, list) and is_set(keys):
        named = [_named(side) for side in (base if isinstance(base, list) else [], ours, theirs)]
        if named[0] is not None and named[1] is not None and named[2] is not None:
            found = _mappings(named[0], named[1], named[2], lambda inner: True, keys)
            return Merged([_item(name, value) for name, value in found.value.items()], found.conflicts)
    return Merged(ours, (keys,))


def _mappings(
    base: Mapping[str, Any],
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    is_set: Callable[[Keys], bool],
    keys: Keys,
) -> Merged:
    value: dict[str, Any] = {}
    conflicts: list[Keys] = []
    for key in dict.fromkeys((*ours, *theirs)):
        three = [side.get(key, ABSENT) for side in (base, ours, theirs)]
        found = merge(three[0], three[1], three[2], is_set, (*keys, key))
        conflicts += found.conflicts
        if found.value is not ABSENT:
            value[key] = found.value
    return Merged(value, tuple(conflicts))


def _named(items: list[Any]) -> dict[str, Any] | None:
    """The items by name; None when one has none, or two have the same."""
    found: dict[str, Any] = {}
    for item in items:
        name, value = next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (item, {})
        if not isinstance(name, str) or name in found:
            return None
        found[name] = value
    return found


def _item(name: str, value: Any) -> Any:
    return name if same(value, {}) else {name: value}
