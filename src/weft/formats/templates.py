"""``${...}`` in a stage file: the values that may be named, and putting them where a declaration says so.

Values are those of ``vars`` and the files that it lists, and those of ``params.yaml``. No file is read before a name is
asked for, so a stage file without templates reads none.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.errors import LimitExceeded, SchemaError, ValuesFault
from weft.formats import valuefiles, values, yaml12
from weft.formats.located import Node, kind, nearest
from weft.model.stage import PARAMS_FILE

ReadFile = Callable[[str], "bytes | None"]
"""Gives the bytes of a file by its path from the root, None when it is not there."""

BUDGET = 16 << 20
"""Most characters that the stages of a file may come to where they have templates: a short file could say very many."""
VALUE = 16
"""As so many characters counts each value, word and key, however short: to look at one takes its time."""
MAX_FILES = 100
"""Most files whose values the templates of a file may name."""
MAX_BYTES = 2 << 20
"""Most bytes that these files may have together, each counted as often as it is named by another path."""
UNKNOWN = object()
"""The value of every name where the files are not at hand: what stands for it stays as it is written."""

_MARK = re.compile(r"([$\\]?)\$\{([^{}]*)\}?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_REFERENCE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[^.\[\]{}]+|\[[^\[\]{}]+\])*", re.ASCII)
_PART = re.compile(r"[^.\[\]]+")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
_TYPED = {"seed": 0, "cache": False, "persist": False, "always_changed": False}
"""Keys whose value need not be a text, and what stands there while the value is not known."""
_NOTES = ("desc", "rationale")
_HINT = "write $NAME for a variable of the shell, or $${NAME} to leave it as it is"


@dataclass(frozen=True, slots=True)
class Named:
    """A value that templates may name, and the file that it stands in; empty for one of the stage file itself."""

    value: Any
    file: str = ""


Lookup = Callable[[str], "Named | None"]


def unknown(name: str) -> Named:
    """Say of every name that it has a value which is not known."""
    return Named(UNKNOWN)


class ValueFiles:
    """Files with values, each read once, and parsed once however many paths it has. They are bounded together."""

    def __init__(self, read: ReadFile | None) -> None:
        self._read = read
        self._trees: dict[str, dict[Any, Any] | None] = {}
        self._parsed: dict[tuple[str, bytes], dict[Any, Any]] = {}
        self._bytes = 0

    @property
    def found(self) -> list[str]:
        """The files that were read and are there."""
        return [path for path, tree in self._trees.items() if tree is not None]

    def tree(self, path: str, node: Node) -> dict[Any, Any] | None:
        """What the file ``path`` holds, which ``node`` needs; None when it is not there. Raises ``LimitExceeded`` for too
        many files and bytes, and as ``valuefiles.parse``."""
        if path not in self._trees:
            if len(self._trees) == MAX_FILES:
                raise node.placed(LimitExceeded(f"templates take values from more than {MAX_FILES} files"))
            data = self._read(path) if self._read else None
            self._bytes += len(data or b"")
            if self._bytes > MAX_BYTES:
                raise node.placed(LimitExceeded(f"the files with values of templates have more than {MAX_BYTES} bytes"))
            try:
                valuefiles.suffix_of(path)
            except ValuesFault as error:
                raise node.placed(error) from None
            # What is wrong inside is told with that file's name and line: that is where it has to be mended.
            self._trees[path] = None if data is None else self._tree_of(data, path)
        return self._trees[path]

    def _tree_of(self, data: bytes, path: str) -> dict[Any, Any]:
        stem, suffix = posixpath.splitext(posixpath.basename(path))
        known = self._parsed.get((suffix, data))
        if known is None:
            known = valuefiles.parse(data, path)
            if [*known] != [stem]:  # a file that is a number and no more is named as its value
                self._parsed[suffix, data] = known
        return known


class Variables:
    """The names of one ``vars``, over those ``above``; a name is given once. The outermost has ``params.yaml`` too. Files
    are named as seen from ``wdir``."""

    def __init__(
        self, node: Node | None, files: ValueFiles, budget: Budget, wdir: str = "", above: Variables | None = None
    ) -> None:
        self._params = posixpath.join(wdir, PARAMS_FILE)
        self._files = files
        self._budget = budget
        self._above = above
        self._node = node
        if above is not None and node is not None and isinstance(node.value, list):
            budget.spend(node, VALUE * len(node.value))  # each member of a group reads its list anew
        self._entries = list(_entries(node, wdir)) if node is not None else []
        self._names: dict[str, Named] | None = None

    def get(self, name: str, node: Node) -> Named | None:
        """The value of the top-level ``name``, which ``node`` asks for; None when there is none. Raises ``SchemaError``."""
        if self._names is None:
            self._names = {}
            self._load(node)
        return self._names.get(name) or (self._above.get(name, node) if self._above else None)

    def near(self, name: str, node: Node) -> str:
        """A name that ``name`` may be a slip of the pen for, else empty."""
        self.get(name, node)
        known = [*(self._names or ()), *((self._above._names or ()) if self._above else ())]
        return nearest(name, known[:1000])

    def _load(self, node: Node) -> None:
        if self._above is None and (tree := self._files.tree(self._params, self._node or node)) is not None:
            for key, value in tree.items():
                self._add(key, Named(value, self._params), self._node or node)
        for at, file, keys in self._entries:
            if not file:
                for key, value in at.value.items():
                    self._add(key, Named(value), at)
                continue
            tree = self._files.tree(file, at)
            if tree is None:
                raise at.error(f"the file {file} is not there", hint=f"write {file}, or take it out of vars")
            for key in keys or tree:
                if key not in tree:
                    raise at.error(f"{file} has no value {str(key)[:80]!a}")
                self._add(key, Named(tree[key], file), at)

    def _add(self, key: Any, named: Named, node: Node) -> None:
        if self._above is not None:
            self._budget.spend(node, VALUE)  # each member of a group takes them anew
        if not isinstance(key, str) or self._names is None:
            return
        known = self._names.get(key) or (self._above.get(key, node) if self._above else None)
        if known is not None and not (known.file and known.file == named.file):
            where = [one.file or "vars" for one in (known, named)]
            raise node.error(
                f"{key[:80]!a} is given twice, by {where[0]} and by {where[1]}", hint="rename one of the two"
            )
        self._names[key] = named


def _entries(node: Node, wdir: str) -> Iterator[tuple[Node, str, tuple[str, ...]]]:
    """What ``vars`` lists: mappings, or files with the keys that are taken of them (none: all)."""
    for item in [node] if isinstance(node.value, dict) else node.items():
        if isinstance(item.value, dict):
            yield item, "", ()
            continue
        file, _, keys = item.text().partition(":")
        path = item.checked_path(posixpath.normpath(posixpath.join(wdir, file)))
        yield item, path, tuple(key.strip() for key in keys.split(",") if key.strip())


@dataclass(slots=True)
class Used:
    """What filling one stage came upon: the keys that it took values from, by file, and the first name of its command
    that is neither known nor looks like a variable of the environment."""

    keys: dict[str, dict[str, None]] = field(default_factory=dict)
    unresolved: str = ""


class Budget:
    """How many characters may still be written where there are templates, each value counted as ``VALUE`` more."""

    def __init__(self) -> None:
        self._left = BUDGET

    def spend(self, node: Node, amount: int) -> None:
        """Take ``amount`` away. Raises ``LimitExceeded``."""
        self._left -= amount
        if self._left < 0:
            raise node.placed(
                LimitExceeded(f"its templates come to more than {BUDGET} characters, or a {VALUE}th of that in values")
            )


class Filler:
    """Fills one declaration. ``own`` are the values that belong to it alone (``item`` and ``key``), and win; ``lookup``
    gives the others. ``used`` collects what was met."""

    def __init__(self, lookup: Lookup, budget: Budget, own: Mapping[str, Any], near: Callable[[str], str]) -> None:
        self._lookup = lookup
        self._budget = budget
        self._own = own
        self._near = near
        self.used = Used()

    def stage(self, node: Node) -> Node:
        """The declaration ``node`` without templates. Raises ``SchemaError``, ``LimitExceeded``."""
        if not isinstance(node.value, dict):
            return node
        self._budget.spend(node, VALUE)
        frozen = node.value.get("frozen")
        if isinstance(frozen, str) and "${" in frozen:
            raise node.below("frozen", frozen).error(
                "cannot be a template: a stage must be seen to be frozen where it is declared",
                hint="write true or false",
            )
        found = {key: self.filled(node.below(key, value), str(key)) for key, value in node.value.items()}
        return Node(found, node.keys, node.source)

    def filled(self, node: Node, top: str = "") -> Any:
        """The value of ``node``, which stands below the key ``top`` of a declaration, without templates."""
        self._budget.spend(node, VALUE)
        value = node.value
        if isinstance(value, dict):
            found = {self._text(node, key, top): self.filled(node.below(key, value[key]), top) for key in value}
            if len(found) != len(value):
                raise node.error("two of its keys are the same once they are filled in")
            return found
        if isinstance(value, list):
            return [self.filled(item, top) for item in node.items()]
        if (
            isinstance(value, str)
            and node.keys[-1] in _TYPED
            and (mark := _MARK.fullmatch(value))
            and not mark.group(1)
        ):
            known = self.whole(node, value)
            return _TYPED[node.keys[-1]] if known is UNKNOWN else known
        return self._text(node, value, top)

    def whole(self, node: Node, text: str) -> Any:
        """The value, of whatever type, that the single template ``text`` names; ``text`` itself when it is none. Raises
        ``SchemaError``."""
        mark = _MARK.fullmatch(text)
        if not mark or mark.group(1) or not text.endswith("}"):
            return text
        found = self._found(node, mark)
        if found is None:
            raise self._refusal(node, mark)
        return found.value

    def _text(self, node: Node, text: Any, top: str) -> Any:
        if not isinstance(text, str):
            return text
        self._budget.spend(node, len(text))
        return _MARK.sub(lambda mark: self._replaced(node, mark, top), text) if "${" in text else text

    def _replaced(self, node: Node, mark: re.Match[str], top: str) -> str:
        lead, inner = mark.group(1), mark.group(2).strip()
        own = _PART.match(inner)
        if lead == "$" and own and own.group() in self._own:
            lead, before = "", "$"  # the variable of the shell that is called as the item says
        else:
            before = ""
        if lead:
            return mark.group(0)[1:]
        found = self._found(node, mark)
        if found is None:
            return self._left(node, mark, inner, top)
        if found.value is UNKNOWN:
            return mark.group(0)
        text = scalar(found.value)
        if text is None and top == "cmd" and isinstance(found.value, dict):
            return before + " ".join(self._arguments(node, found.value))
        if text is None:
            shown = _shown(mark)
            raise node.error(f"{shown} is {kind(found.value)}, which cannot stand inside a text")
        self._budget.spend(node, len(text))
        return before + text

    def _arguments(self, node: Node, value: Mapping[Any, Any], lead: str = "") -> Iterator[str]:
        """A mapping as options of a command line: ``--key value``, ``--flag`` for true, nothing for false and null. Each
        word is paid for before it is made, for what is nested says the names above it again."""
        for key, item in value.items():
            name = scalar(key) or ""
            self._budget.spend(node, VALUE + len(lead) + len(name))
            name = lead + name
            if isinstance(item, dict):
                yield from self._arguments(node, item, f"{name}.")
            elif item is not None and item is not False:
                yield shlex.quote(f"--{name}")
                for one in item if isinstance(item, list) else () if item is True else (item,):
                    word = scalar(one) or ""
                    self._budget.spend(node, VALUE + len(word))
                    yield shlex.quote(word)

    def _found(self, node: Node, mark: re.Match[str]) -> Named | None:
        """The value that ``mark`` names, None when nothing of the first name is there. Raises ``SchemaError``."""
        inner = mark.group(2).strip()
        if not mark.group(0).endswith("}") or not _REFERENCE.fullmatch(inner):
            return None
        first, *rest = _PART.findall(inner)
        named = Named(self._own[first]) if first in self._own else self._lookup(first)
        if named is None or named.value is UNKNOWN:
            return named
        value, place, in_list = named.value, [first], False
        for part in rest:
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list) and part.isdecimal() and int(part[:9]) < len(value):
                value, in_list = value[int(part[:9])], True
            else:
                raise node.error(f"{_shown(mark)}: there is no such key in {first!a}", hint=_HINT)
            place += [] if in_list else [part]
        if named.file:
            self.used.keys.setdefault(named.file, {})[values.join_key(place)] = None
        return Named(value, named.file)

    def _left(self, node: Node, mark: re.Match[str], inner: str, top: str) -> str:
        """What becomes of a template that names nothing known."""
        text = mark.group(0)
        if top in _NOTES or (top == "cmd" and _VARIABLE.fullmatch(inner) and text.endswith("}")):
            return text
        if top != "cmd" or self._own or re.match(r"[A-Za-z_][A-Za-z0-9_]*[.\[]", inner):
            raise self._refusal(node, mark)
        if _NAME.fullmatch(inner) and text.endswith("}"):
            self.used.unresolved = self.used.unresolved or text
        return text  # the shell knows more of these than weft: ${f%.csv}, ${a:-b}

    def _refusal(self, node: Node, mark: re.Match[str]) -> SchemaError:
        first = _PART.match(mark.group(2).strip())
        near = self._near(first.group()) if first else ""
        meant = f"; did you mean {near}?" if near else ""
        where = "neither params.yaml nor vars has a value of that name"
        return node.error(f"{_shown(mark)} cannot be replaced: {where}{meant}", hint=_HINT)


def scalar(value: Any) -> str | None:
    """How a scalar stands in a text; None for a collection, and for nothing."""
    if isinstance(value, str):
        return value
    return None if value is None or isinstance(value, dict | list) else yaml12.scalar_text(value)


def _shown(mark: re.Match[str]) -> str:
    return f"{mark.group(0)[:80]!a}"
