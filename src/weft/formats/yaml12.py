"""YAML, the safe part of it: one document, scalars as YAML 1.2 reads them (core schema, yaml.org/spec/1.2.2 section 10.3),
no anchors, aliases, tags, directives or doubled keys. The C parser yields events; the values are built here, so nothing a
file says can name a Python type.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from weft.errors import LimitExceeded, MergeConflict, SchemaError, YamlAlias, YamlTag
from weft.util.later import later

if TYPE_CHECKING:
    import yaml
else:
    yaml = later("yaml")

LIMIT = 65536
MAX_DEPTH = 32
MAX_KEY = 500
"""Most characters of the spelling of a key."""
MAX_DIGITS = 400
"""Most characters of a number."""

Lines = Mapping[tuple[Any, ...], int]
"""Where each value stands: the keys (and positions in lists) that lead to it, and its 1-based line."""

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
_DUMPED = re.compile(r"((?:  )*)([A-Za-z_][A-Za-z0-9_-]*):(?: (\S.*))?", re.ASCII)
_CONFLICT = re.compile(rb"^(<{7}|>{7})(?: ([^\r\n]*))?\r?$", re.MULTILINE)
_PLAIN = re.compile(
    r"[A-Za-z_/](?:[A-Za-z0-9_./@+=,()-]|:(?=[A-Za-z0-9_/]))*(?: (?:[A-Za-z0-9_./@+=,()-]|:(?=[A-Za-z0-9_/]))+)*",
    re.ASCII,
)
# Strings under YAML 1.2, booleans to readers of YAML 1.1: quoted for their sake.
_OLD_BOOLEANS = frozenset(("y", "n", "yes", "no", "on", "off"))
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def load(data: bytes, *, what: str, limit: int = LIMIT) -> object:
    """Return the value of the one document in ``data``; ``what`` names the file in errors.

    Raises ``LimitExceeded`` (size, depth, digits), ``MergeConflict``, ``YamlAlias``, ``YamlTag``, and ``SchemaError`` for
    everything else that is not plain YAML.
    """
    text = _text(data, what, limit)
    known = _as_dumped(text)
    return _Builder(text, what).document() if known is None else known


def load_with_lines(data: bytes, *, what: str, limit: int = LIMIT) -> tuple[object, Lines]:
    """Return what ``load`` does, and where in the file it stands. Raises as ``load`` does."""
    builder = _LinedBuilder(_text(data, what, limit), what)
    return builder.document(), builder.lines


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


def _as_dumped(text: str) -> dict[str, Any] | None:
    """The mapping whose ``dump`` is exactly ``text``, found without the YAML parser, whose import takes longer than all
    else; None for any other text.

    Whether the lines below were understood is not left to them: what they give is dumped again and compared.
    """
    top: dict[str, Any] = {}
    open_maps = [top]
    for line in text.splitlines():
        found = _DUMPED.fullmatch(line)
        if found is None or len(line) > MAX_DIGITS or len(found[1]) // 2 >= len(open_maps):
            return None
        del open_maps[len(found[1]) // 2 + 1 :]
        value: Any = {} if found[3] is None else found[3][1:-1] if found[3][0] == '"' else resolve(found[3])
        open_maps[-1][found[2]] = value
        if found[3] is None:
            open_maps.append(value)
    try:
        return top if top and dump(top) == text.encode("utf-8") else None
    except (LimitExceeded, SchemaError):
        return None


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
        hint=f"choose a side with: git checkout --ours -- {what}, or --theirs, then weft checkout",
        path=what,
        line=line,
    )


class _Builder:
    """Builds the value of one document from the events of the C parser."""

    def __init__(self, text: str, what: str) -> None:
        self.what = what
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
        if len(text) > MAX_DIGITS and _FLOAT.fullmatch(text):
            line = event.start_mark.line + 1
            raise LimitExceeded(f"{self.what}, line {line}: a number of {len(text)} digits", path=self.what, line=line)
        return resolve(text)


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
