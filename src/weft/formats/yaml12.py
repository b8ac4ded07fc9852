"""YAML, the safe part of it: one document, scalars as YAML 1.2 reads them (core schema, yaml.org/spec/1.2.2 section 10.3),
no tags, directives or doubled keys, and anchors and aliases only where they are asked for. The C parser yields events; the
values are built here, so nothing a file says can name a Python type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from weft.errors import LimitExceeded, MergeConflict, SchemaError, YamlAlias, YamlTag, quoted
from weft.formats.yamltext import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_KEY,
    dump,
    is_number,
    is_plain,
    parse,
    resolve,
    scalar_text,
)
from weft.util.later import later

if TYPE_CHECKING:
    import yaml
else:
    yaml = later("yaml")

__all__ = [
    "LIMIT",
    "MAX_DEPTH",
    "MAX_DIGITS",
    "MAX_KEY",
    "Lines",
    "dump",
    "is_plain",
    "load",
    "load_with_lines",
    "plain_scalars",
    "resolve",
    "scalar_text",
]

LIMIT = 65536
MOST_REPEATED = 4 << 20
"""Most characters that the aliases of a file may stand for, each value counting as 16 more."""

Lines = Mapping[tuple[Any, ...], int]
"""Where each value stands: the keys (and positions in lists) that lead to it, and its 1-based line."""

_OURS = re.compile(r"[^\n]*\.weft|(?:[^\n]*/)?weft\.yaml|lineage/[^\n]*")
"""Files of which `weft resolve` settles conflicts."""
_CONFLICT = re.compile(rb"^(<{7}|>{7})(?: ([^\r\n]*))?\r?$", re.MULTILINE)


def load(data: bytes, *, what: str, limit: int = LIMIT) -> object:
    """Return the value of the one document in ``data``; ``what`` names the file in errors.

    Raises ``LimitExceeded`` (size, depth, digits), ``MergeConflict``, ``YamlAlias``, ``YamlTag``, and ``SchemaError`` for
    everything else that is not plain YAML.
    """
    text = _text(data, what, limit)
    # Importing the parser takes longer than all else a command does with a file that weft itself wrote.
    known = parse(data)
    return _Builder(text, what).document() if known is None else known


def load_with_lines(data: bytes, *, what: str, limit: int = LIMIT, anchors: bool = False) -> tuple[object, Lines]:
    """Return what ``load`` does, and where in the file it stands. Raises as ``load`` does.

    With ``anchors``, aliases stand for what their anchors name, and ``<<`` puts the keys of a mapping into another one;
    ``LimitExceeded`` when they repeat too much.
    """
    builder = (_AnchorBuilder if anchors else _LinedBuilder)(_text(data, what, limit), what)
    return builder.document(), builder.lines


def plain_scalars(data: bytes, *, what: str, limit: int = LIMIT) -> list[tuple[tuple[Any, ...], str]]:
    """The scalars that stand in ``data`` without quotes, each with the keys that lead to it: a key with those that lead to
    its mapping. Raises as ``load`` does."""
    builder = _PlainBuilder(_text(data, what, limit), what)
    builder.document()
    return builder.plain


def _text(data: bytes, what: str, limit: int) -> str:
    if len(data) > limit:
        raise LimitExceeded(f"{what} has {len(data)} bytes, over the limit of {limit}", path=what)
    _refuse_conflict(data, what)
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise SchemaError(f"{what} starts with a byte order mark", path=what)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SchemaError(f"{what}, line {line}: not UTF-8", path=what, line=line) from None


def _refuse_conflict(data: bytes, what: str) -> None:
    if b"<<<<<<<" not in data and b">>>>>>>" not in data:
        return
    marks = list(_CONFLICT.finditer(data))
    if not marks:
        return
    sides = [(mark.group(2) or b"?").decode("utf-8", "replace")[:100] for mark in marks[:2]]
    line = data.count(b"\n", 0, marks[0].start()) + 1
    raise MergeConflict(
        f"{what} holds the conflict of a merge between {' and '.join(f'{side!a}' for side in sides)}",
        hint=f"weft resolve --ours {quoted(what.removesuffix('.weft'))}, or --theirs"
        if _OURS.fullmatch(what)
        else f"edit {what}, then git add {what}",
        path=what,
        line=line,
    )


class _Builder:
    """Builds the value of one document from the events of the C parser."""

    def __init__(self, text: str, what: str) -> None:
        self.what = what
        self.text = text
        self.events: Iterator[Any] = yaml.parse(text, Loader=yaml.CSafeLoader)

    def document(self) -> object:
        """Return the value of the only document."""
        self.take()
        start = self.take()
        if isinstance(start, yaml.StreamEndEvent):
            return None
        if start.version or start.tags:
            self.refuse(start, "YAML directives are not read")
        value = self.node(self.take(), 0)
        self.take()
        after = self.take()
        if not isinstance(after, yaml.StreamEndEvent):
            self.refuse(after, "only one document is read")
        return value

    def take(self) -> Any:
        """Return the next event."""
        try:
            return next(self.events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 0
            if mark and _is_deep(self.text[: mark.index]):
                raise LimitExceeded(
                    f"{self.what}, line {line}: nested deeper than {MAX_DEPTH}", path=self.what, line=line
                ) from None
            raise self.error(line, str(error.problem or error.context or "cannot be read")) from None
        except yaml.YAMLError as error:
            raise self.error(0, str(error).splitlines()[0]) from None

    def error(self, line: int, problem: str) -> SchemaError:
        """Make the error for ``line``."""
        where = f", line {line}" if line else ""
        return SchemaError(f"{self.what}{where}: {problem}", path=self.what, line=line)

    def refuse(self, event: Any, problem: str) -> NoReturn:
        """Raise a ``SchemaError`` at ``event``."""
        raise self.error(event.start_mark.line + 1, problem)

    def node(self, event: Any, depth: int) -> object:
        """Return the value that starts with ``event``."""
        line = event.start_mark.line + 1
        where = {"path": self.what, "line": line}
        if event.anchor is not None:
            raise YamlAlias(f"{self.what}, line {line}: anchors and aliases are not read", **where)
        if event.tag is not None:
            raise YamlTag(f"{self.what}, line {line}: the tag {event.tag[:60]!a} is not read", **where)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if depth >= MAX_DEPTH:
            raise LimitExceeded(f"{self.what}, line {line}: nested deeper than {MAX_DEPTH}", **where)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(depth)
        return list(self.items(yaml.SequenceEndEvent, depth))

    def items(self, end: type, depth: int) -> Iterator[object]:
        """Yield the values up to the ``end`` event."""
        while not isinstance(event := self.take(), end):
            yield self.node(event, depth + 1)

    def mapping(self, depth: int) -> dict[object, object]:
        """Return a mapping; its keys are scalars, each there once."""
        found: dict[object, object] = {}
        while not isinstance(event := self.take(), yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            if isinstance(key, dict | list):
                self.refuse(event, "a key must be a scalar")
            if key in found:
                self.refuse(event, f"the key {key!a} is there twice")
            found[key] = self.pair(key, event, depth)
        return found

    def pair(self, _key: object, _event: Any, depth: int) -> object:
        """Return the value of the key that was just read."""
        return self.node(self.take(), depth + 1)

    def scalar(self, event: Any) -> object:
        """Return the value of a scalar; only plain ones are anything but strings."""
        text: str = event.value
        if not event.implicit[0]:
            return text
        if len(text) > MAX_DIGITS and is_number(text):
            line = event.start_mark.line + 1
            raise LimitExceeded(f"{self.what}, line {line}: a number of {len(text)} digits", path=self.what, line=line)
        return resolve(text)


def _is_deep(text: str) -> bool:
    """Whether the collections in ``text`` are nested too deeply.

    The library reads ahead, and has a limit of its own in some versions: it may fail before it tells what it has read. What
    stands before that place it tells. So which limit comes first, and what a file gets, is the same with every version.
    """
    depth = 0
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    return True
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    return False


class _LinedBuilder(_Builder):
    """Builds the same values, and notes the line of each."""

    def __init__(self, text: str, what: str) -> None:
        super().__init__(text, what)
        self.lines: dict[tuple[Any, ...], int] = {}
        self.place: tuple[Any, ...] = ()

    def items(self, end: type, depth: int) -> Iterator[object]:
        """Yield the values up to the ``end`` event."""
        place, number = self.place, 0
        while not isinstance(event := self.take(), end):
            self.place = (*place, number)
            self.lines[self.place] = event.start_mark.line + 1
            yield self.node(event, depth + 1)
            number += 1
        self.place = place

    def pair(self, _key: object, _event: Any, depth: int) -> object:
        """Return the value of the key that was just read, and note where that key stands."""
        place = self.place
        self.place = (*place, _key)
        self.lines[self.place] = _event.start_mark.line + 1
        value = super().pair(_key, _event, depth)
        self.place = place
        return value


class _AnchorBuilder(_LinedBuilder):
    """Builds values in which aliases stand for anchors before them. What they repeat is the same object, and what it would
    come to is counted: the readers of the values walk all of it."""

    def __init__(self, text: str, what: str) -> None:
        super().__init__(text, what)
        self.named: dict[str, object] = {}
        self.measures: dict[int, tuple[int, int]] = {}
        self.alive: list[object] = []  # else another value could get the id of one that was measured
        self.left = MOST_REPEATED

    def node(self, event: Any, depth: int) -> object:
        """Return the value that starts with ``event``, or that it is an alias of."""
        if isinstance(event, yaml.AliasEvent):
            return self.repeated(event, depth)
        name, event.anchor = event.anchor, None
        self.named.pop(name, None)  # no value holds itself
        value = super().node(event, depth)
        if name is not None:
            self.named[name] = value
            self.alive.append(value)
            self.measures[id(value)] = self.measure(value)
        return value

    def repeated(self, event: Any, depth: int) -> object:
        """Return the value of an alias."""
        if event.anchor not in self.named:
            self.refuse(event, f"no anchor {event.anchor[:60]!a} stands before this alias")
        value = self.named[event.anchor]
        weight, height = self.measure(value)
        self.left -= weight
        if self.left < 0 or depth + height > MAX_DEPTH:
            line = event.start_mark.line + 1
            problem = "its aliases stand for too much" if self.left < 0 else f"nested deeper than {MAX_DEPTH}"
            raise LimitExceeded(f"{self.what}, line {line}: {problem}", path=self.what, line=line)
        return value

    def measure(self, value: object) -> tuple[int, int]:
        """The weight of a value, and how many collections are nested in it."""
        if not isinstance(value, dict | list):
            return 16 + (len(value) if isinstance(value, str) else 0), 0
        if id(value) in self.measures:
            return self.measures[id(value)]
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        inner = [self.measure(part) for part in parts]
        return 16 + sum(weight for weight, _ in inner), 1 + max((height for _, height in inner), default=0)

    def mapping(self, depth: int) -> dict[object, object]:
        """Return a mapping, into which ``<<`` puts the keys of others that it does not have itself."""
        found = super().mapping(depth)
        if "<<" not in found:
            return found
        below = found.pop("<<")
        for other in below if isinstance(below, list) else [below]:
            if not isinstance(other, dict):
                line = self.lines.get((*self.place, "<<"), 0)
                raise self.error(line, "'<<' takes a mapping, or a list of mappings")
            for key, value in other.items():
                found.setdefault(key, value)
        return found


class _PlainBuilder(_LinedBuilder):
    """Builds the same values, and notes the scalars without quotes."""

    def __init__(self, text: str, what: str) -> None:
        super().__init__(text, what)
        self.plain: list[tuple[tuple[Any, ...], str]] = []

    def scalar(self, event: Any) -> object:
        """Return the value of a scalar, and note it if it is a plain one."""
        if event.implicit[0]:
            self.plain.append((self.place, event.value))
        return super().scalar(event)
