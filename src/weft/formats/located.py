"""Taking typed values out of a YAML file that somebody else wrote, with errors that name the file, the line and the key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from weft.errors import SchemaError, WeftError
from weft.formats import yaml12
from weft.model.oid import Oid
from weft.model.paths import RepoPath

MAX_NUMBER = (1 << 63) - 1

E = TypeVar("E", bound=WeftError)


class Source:
    """The file that values come from.

    ``find_lines`` gives the line of each value; it is called when something is wrong and never before, for it reads the
    file a second time.
    """

    def __init__(self, what: str, find_lines: Callable[[], yaml12.Lines]) -> None:
        self.what = what
        self._find_lines = find_lines
        self._lines: yaml12.Lines | None = None

    def line(self, keys: tuple[Any, ...]) -> int:
        """The 1-based line of the value that ``keys`` lead to, or of the next one around it that has a line."""
        if self._lines is None:
            self._lines = self._find_lines()
        while keys and keys not in self._lines:
            keys = keys[:-1]
        return self._lines.get(keys, 1)


class Node:
    """A value and the way to it."""

    __slots__ = ("keys", "source", "value")

    def __init__(self, value: Any, keys: tuple[Any, ...], source: Source) -> None:
        self.value = value
        self.keys = keys
        self.source = source

    def error(self, problem: str, hint: str = "") -> SchemaError:
        """Make the error that says ``problem`` of this value."""
        return self.placed(SchemaError(problem, hint=hint))

    def placed(self, error: E) -> E:
        """Return an error of the same class as ``error`` that says where it is."""
        line = self.source.line(self.keys)
        label = "".join(f"{str(key)[:80]}: " for key in self.keys)
        where = f"{self.source.what}, line {line}: {label}"
        return type(error)(where + error.message, hint=error.hint, path=self.source.what, line=line)

    @property
    def line(self) -> int:
        """The 1-based line."""
        return self.source.line(self.keys)

    def below(self, key: Any, value: Any) -> Node:
        """The value that stands under ``key``."""
        return Node(value, (*self.keys, key), self.source)

    def fields(self, known: Collection[str]) -> dict[str, Node]:
        """The values of a mapping that has no other keys than ``known``. Raises ``SchemaError``, and suggests a key."""
        found = dict(self.entries())
        for key, node in found.items():
            if key not in known:
                near = nearest(key, known)
                meant = f"; did you mean {near}?" if near else ""
                raise node.error(f"this key is not known{meant}", hint=f"known keys: {', '.join(sorted(known))}")
        return found

    def entries(self) -> Iterator[tuple[str, Node]]:
        """The keys and values of a mapping whose keys are strings. Raises ``SchemaError``."""
        if not isinstance(self.value, dict):
            raise self.error(f"must be a mapping, not {kind(self.value)}")
        for key, value in self.value.items():
            node = self.below(key, value)
            if not isinstance(key, str):
                raise node.error(f"the key {key!a} is not a string: put it in quotes")
            yield key, node

    def items(self) -> Iterator[Node]:
        """The members of a list. Raises ``SchemaError``."""
        if not isinstance(self.value, list):
            raise self.error(f"must be a list, not {kind(self.value)}")
        for number, value in enumerate(self.value):
            yield self.below(number, value)

    def text(self) -> str:
        """A string that is not empty. Raises ``SchemaError``."""
        if not isinstance(self.value, str):
            raise self.error(f"must be a string, not {kind(self.value)}")
        if not self.value:
            raise self.error("must not be empty")
        return self.value

    def flag(self) -> bool:
        """A boolean. Raises ``SchemaError``."""
        if not isinstance(self.value, bool):
            raise self.error(f"must be true or false, not {kind(self.value)}")
        return self.value

    def number(self, least: int = 0) -> int:
        """An integer from ``least`` to 2^63-1. Raises ``SchemaError``."""
        if type(self.value) is not int or not least <= self.value <= MAX_NUMBER:
            raise self.error(f"must be an integer from {least} to 2^63-1")
        return self.value

    def oid(self) -> Oid:
        """An object id. Raises ``SchemaError``, ``OidSyntax`` or ``WeakHash``."""
        try:
            return Oid.parse(self.value)
        except WeftError as error:
            raise self.placed(error) from None

    def path(self) -> str:
        """A path from the root of the repository. Raises ``SchemaError`` and the errors of ``RepoPath.parse``."""
        return self.checked_path(self.text())

    def checked_path(self, text: str) -> str:
        """``text`` as a path from the root of the repository. Raises what ``RepoPath.parse`` does."""
        try:
            return str(RepoPath.parse(text))
        except WeftError as error:
            raise self.placed(error) from None


def kind(value: object) -> str:
    """What a reader of the file would call ``value``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    return "a text" if isinstance(value, str) else "a list" if isinstance(value, list) else "a mapping"


def nearest(word: str, known: Collection[str]) -> str:
    """The one of ``known`` that ``word`` is a slip of the pen for; empty when there is none."""
    found = min(sorted(known), key=lambda other: _distance(word[:40], other), default="")
    return found if found and _distance(word[:40], found) <= 1 + len(found) // 4 else ""


def _distance(one: str, other: str) -> int:
    """Letters to add, drop or change to make ``other`` of ``one`` (the distance of Levenshtein)."""
    before = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, against in enumerate(other, 1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (letter != against)))
        before = now
    return before[-1]
