"""Params files as a run reads them: their values, and how far the program is sure to read the same ones.

Some things make weft and a program differ. Most programs read YAML by the rules of version 1.1, where ``no`` is false and
``012`` is ten. Values by dotted keys do not tell the key 1 from the key "1", a date of TOML from its text, a tuple of Python
from a list. And a Python module can do more than assign literals; then nothing is said of its values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from weft.formats import pyliterals, valuefiles, values, yaml12

# What a plain scalar may look like without being read in two ways, unless it is a text.
_ALIKE = re.compile(
    r"|~|null|Null|NULL|true|True|TRUE|false|False|FALSE|[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+"
    r"|(?:[-+]?[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    re.ASCII,
)
# What YAML 1.1 has a type for beside these: booleans, underscores, bases 2, 8 and 60, times, merges and defaults. It has y
# and n among the booleans, which hardly any reader followed: those are the names of many a param.
_OLD = re.compile(
    r"(?i:yes|no|on|off)|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|[-+]?0b[01_]+|[-+]?0x[0-9a-fA-F_]+"
    r"|[-+]?[0-9][0-9_]*|[-+]?(?:[0-9][0-9_]*)?\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?|=|<<",
    re.ASCII,
)


class ParamsText(NamedTuple):
    """A params file: its ``values`` by dotted key; ``unsure`` are keys whose values a program may read as others.
    ``code`` tells that it is a module that does more than assign literals: it has no values then."""

    values: Mapping[str, Any] = {}
    unsure: tuple[str, ...] = ()
    code: bool = False


def read(data: bytes, name: str) -> ParamsText:
    """Read the params file ``name``. Raises as ``values.read_values``."""
    tree = valuefiles.parse(data, name)
    found, suffix = values.flat_values(tree, name), valuefiles.suffix_of(name)
    if _is_code(data, name):
        return ParamsText(code=True)
    unsure = [
        (*place, key)
        for place, value in valuefiles.places(tree)
        if isinstance(value, dict)
        for key in value
        if _is_odd(key)
    ]
    if suffix in (".yaml", ".yml"):
        unsure += [place for place, text in yaml12.plain_scalars(data, what=name, limit=len(data)) if differs(text)]
    elif suffix == ".toml":
        unsure += valuefiles.toml_times(data, name)
    elif suffix == ".py" and pyliterals.has_tuples(data.decode("utf-8")):
        unsure.append(())
    return ParamsText(found, _unsure(found, set(map(values.join_key, unsure))))


def sure_values(data: bytes, name: str) -> Mapping[str, Any]:
    """The values of the params or metrics file ``name``; none of a module that does more than assign literals. Raises as
    ``read``."""
    found = values.read_values(data, name)
    return {} if _is_code(data, name) else found


def _is_code(data: bytes, name: str) -> bool:
    return valuefiles.suffix_of(name) == ".py" and not pyliterals.is_plain(data.decode("utf-8"))


def select(text: ParamsText, keys: Iterable[str], name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values that ``keys`` name (none: all), and which of them are unsure. Raises ``ValuesFault`` for a key that is not
    there, but of a file that counts as code."""
    if text.code:
        return {}, ()
    chosen = values.select(text.values, keys, name)
    return chosen, tuple(key for key in text.unsure if key in chosen)


def differs(text: str) -> bool:
    """Whether readers of YAML 1.1 and of YAML 1.2 take the plain scalar ``text`` for different values."""
    if _ALIKE.fullmatch(text):
        return False
    return not isinstance(yaml12.resolve(text), str) or _OLD.fullmatch(text) is not None


def _is_odd(key: Any) -> bool:
    """Whether a dotted key does not tell a key of a mapping from another: 1 and "1", 0 and the first of a list."""
    return not isinstance(key, str) or key.isdecimal()


def _unsure(keys: Iterable[str], leads: set[str]) -> tuple[str, ...]:
    """Those of ``keys`` whose values hold one of the scalars at ``leads``, or stand in a mapping of which one is a key."""
    if "" in leads:
        return tuple(keys)
    above = {top for lead in leads for top in _tops(lead)}
    return tuple(key for key in keys if key in above or not leads.isdisjoint(_tops(key)))


def _tops(key: str) -> Iterator[str]:
    """``key`` and what it begins with up to each of its dots."""
    yield key
    for at, letter in enumerate(key):
        if letter == ".":
            yield key[:at]
