"""``.weftignore``: which files of tracked directories are left alone.

A subset of Git's rules (https://git-scm.com/docs/gitignore): comments, blank lines, ``*``, ``?`` and ``[...]`` inside one
name, ``**`` over several, a trailing ``/`` for directories only, a ``/`` elsewhere to anchor the pattern at the folder of
the file, ``!`` to take a file back in. Each folder may have such a file; deeper ones come later, and the last rule that fits
decides. Nothing below an ignored directory is read, but for what is tracked already.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

from weft.errors import LimitExceeded, SchemaError
from weft.util.atomic import TEMP_PREFIX, os_errors

FILE_NAME = ".weftignore"
MAX_BYTES = 1 << 16
MAX_RULES = 1000


_NEVER = re.compile(r"(?!)")


class Rule(NamedTuple):
    """One line of a ``.weftignore``; ``base`` is the folder that the file lies in, from the top of the work tree."""

    parts: tuple[re.Pattern[str] | None, ...]
    on_path: bool
    only_dirs: bool
    include: bool
    base: str
    line: int
    text: str

    @property
    def file(self) -> str:
        """The path of the ``.weftignore`` that it stands in."""
        return f"{self.base}/{FILE_NAME}" if self.base else FILE_NAME


class Ignore:
    """Compiled rules. Without any, only weft's own temporary names are ignored."""

    def __init__(self, rules: tuple[Rule, ...] = ()) -> None:
        self._rules = rules
        self.empty = all(rule.include for rule in rules)

    @classmethod
    def parse(cls, text: str, base: str = "") -> Ignore:
        """Read the rules. Raises ``SchemaError`` with the line for one that makes no sense, ``LimitExceeded``."""
        path = f"{base}/{FILE_NAME}" if base else FILE_NAME
        rules = []
        for number, line in enumerate(text.split("\n"), start=1):
            try:
                rule = _parse_rule(line.rstrip("\r"), base, number)
            except (re.error, ValueError) as error:
                raise SchemaError(f"line {number} of {path}: {error}", path=path, line=number) from None
            if rule is not None:
                rules.append(rule)
        if len(rules) > MAX_RULES:
            raise LimitExceeded(f"{path} has more than {MAX_RULES} rules", path=path)
        return cls(tuple(rules[::-1]))

    def then(self, deeper: Ignore) -> Ignore:
        """These rules and those of a folder below, which come later."""
        return Ignore(deeper._rules + self._rules)

    def match(self, directory: str, name: str, is_dir: bool) -> bool:
        """True when the entry ``name`` of ``directory`` (from the top of the work tree, "" for that) is ignored."""
        if name.startswith(TEMP_PREFIX):
            return True
        rule = self.decides(directory, name, is_dir)
        return rule is not None and not rule.include

    def decides(self, directory: str, name: str, is_dir: bool) -> Rule | None:
        """The rule that decides about an entry, if one does."""
        path: list[str] = []
        for rule in self._rules:
            if rule.only_dirs and not is_dir:
                continue
            if rule.on_path and not path:
                path = [*directory.split("/"), name] if directory else [name]
            below = path[rule.base.count("/") + 1 :] if rule.base else path
            if _fits(rule.parts, below if rule.on_path else [name]):
                return rule
        return None


NOTHING = Ignore()
"""No rules but our own temporary names."""


def load_ignore(top: str, path: str) -> Ignore:
    """The rules for what lies at ``path`` and below, its own file aside: those of all folders above it, up to ``top``.

    Raises as ``read_ignore``.
    """
    rules = NOTHING
    for folder in _above(path):
        found = read_ignore(os.path.join(top, folder, FILE_NAME), None, folder)
        rules = rules if found is None else rules.then(found)
    return rules


def _above(path: str) -> Iterator[str]:
    yield ""
    for at, char in enumerate(path):
        if char == "/":
            yield path[:at]


def read_ignore(name: str, dir_fd: int | None, base: str) -> Ignore | None:
    """The rules of the file ``name``, which lies in the folder ``base``; None where there is none.

    A link in its place is not followed (``SymlinkRefused``); not UTF-8 or malformed is ``SchemaError``.
    """
    path = f"{base}/{FILE_NAME}" if base else FILE_NAME
    with os_errors("read", path):
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=dir_fd)
        except (FileNotFoundError, NotADirectoryError):
            return None
        with os.fdopen(fd, "rb") as stream:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise SchemaError(f"{path} is not a regular file", path=path)
            data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise LimitExceeded(f"{path} is larger than {MAX_BYTES} bytes", path=path)
    try:
        return Ignore.parse(data.decode("utf-8"), base)
    except UnicodeDecodeError:
        raise SchemaError(f"{path} is not UTF-8", path=path) from None


def _parse_rule(line: str, base: str, number: int) -> Rule | None:
    text = line
    if not line.endswith("\\ "):
        line = line.rstrip(" ")
    if not line or line.startswith("#"):
        return None
    include = line.startswith("!")
    if include or line.startswith(("\\!", "\\#")):
        line = line[1:]
    only_dirs = line.endswith("/")
    line = line.rstrip("/")
    on_path = "/" in line
    parts = line.removeprefix("/").split("/")
    if "" in parts:
        raise ValueError("a component of the pattern is empty")
    compiled = tuple(None if part == "**" else _component(part) for part in parts)
    return Rule(compiled, on_path, only_dirs, include, base, number, text)


def _fits(parts: tuple[re.Pattern[str] | None, ...], path: list[str]) -> bool:
    """Match components, where None stands for any number of them.

    Only the last such wildcard ever needs to take one more component, so the time is at most the product of the lengths.
    """
    at = here = 0
    wild, resume = -1, 0
    while here < len(path):
        part = parts[at] if at < len(parts) else _NEVER
        if part is None:
            if at == len(parts) - 1:
                return True
            wild, resume = at, here
            at += 1
        elif part.fullmatch(path[here]):
            at += 1
            here += 1
        elif wild >= 0:
            resume += 1
            at, here = wild + 1, resume
        else:
            return False
    return at == len(parts)


def _component(pattern: str) -> re.Pattern[str]:
    """One name's pattern. Each star but the last is an atomic group, which keeps matching linear (as fnmatch does)."""
    pieces: list[str] = [""]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            pieces.append("")
            continue
        text = "."
        if char == "[":
            text, at = _char_class(pattern, at)
        elif char != "?":
            if char == "\\" and at < len(pattern):
                char = pattern[at]
                at += 1
            text = re.escape(char)
        pieces[-1] += text
    first, *inner = pieces
    last = [f".*{inner.pop()}"] if inner else []
    return re.compile("".join([first, *(f"(?>.*?{piece})" for piece in inner if piece), *last]), re.DOTALL)


def _char_class(pattern: str, at: int) -> tuple[str, int]:
    negated = pattern[at : at + 1] in ("!", "^")
    start = at + negated
    end = pattern.find("]", start + 1)
    if end < 0:
        raise ValueError("a '[' has no ']'")
    body = re.sub(r"([\\\[\]&~|^])", r"\\\1", pattern[start:end])
    return f"[{'^' if negated else ''}{body}]", end + 1


EVERYTHING = Ignore.parse("*")
"""The rules inside of an ignored directory: nothing there can be taken back in."""
