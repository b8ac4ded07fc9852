"""``.weftignore``: which files of a tracked directory are left alone.

A subset of Git's rules (https://git-scm.com/docs/gitignore): comments, blank lines, ``*``, ``?`` and ``[...]`` inside one
name, ``**`` over several, a trailing ``/`` for directories only, a ``/`` elsewhere to anchor the pattern at the tracked
directory, ``!`` to take a file back in. The last rule that fits decides; nothing below an ignored directory is read.
"""

from __future__ import annotations

import os
import re
import stat
from typing import NamedTuple

from weft.errors import LimitExceeded, SchemaError
from weft.util.atomic import TEMP_PREFIX, os_errors

FILE_NAME = ".weftignore"
MAX_BYTES = 1 << 16
MAX_RULES = 1000


_NEVER = re.compile(r"(?!)")


class _Rule(NamedTuple):
    parts: tuple[re.Pattern[str] | None, ...]
    on_path: bool
    only_dirs: bool
    include: bool


class Ignore:
    """Compiled rules. Without any, only weft's own temporary names are ignored."""

    def __init__(self, rules: tuple[_Rule, ...] = ()) -> None:
        self._rules = rules[::-1]
        self.empty = not any(not rule.include for rule in rules)

    @classmethod
    def parse(cls, text: str) -> Ignore:
        """Read the rules. Raises ``SchemaError`` with the line for one that makes no sense, ``LimitExceeded``."""
        rules = []
        for number, line in enumerate(text.split("\n"), start=1):
            try:
                rule = _parse_rule(line.rstrip("\r"))
            except (re.error, ValueError) as error:
                raise SchemaError(f"line {number} of {FILE_NAME}: {error}", path=FILE_NAME, line=number) from None
            if rule is not None:
                rules.append(rule)
        if len(rules) > MAX_RULES:
            raise LimitExceeded(f"{FILE_NAME} has more than {MAX_RULES} rules", path=FILE_NAME)
        return cls(tuple(rules))

    def match(self, directory: str, name: str, is_dir: bool) -> bool:
        """True when the entry ``name`` of ``directory`` (relative to the tracked directory, "" at its top) is ignored."""
        if name.startswith(TEMP_PREFIX):
            return True
        path: list[str] = []
        for rule in self._rules:
            if rule.only_dirs and not is_dir:
                continue
            if rule.on_path and not path:
                path = [*directory.split("/"), name] if directory else [name]
            if _fits(rule.parts, path if rule.on_path else [name]):
                return not rule.include
        return False


NOTHING = Ignore()
"""No rules but our own temporary names."""


def load_ignore(root: str) -> Ignore:
    """The rules in ``.weftignore`` at the top of the work tree, which hold in every tracked directory.

    A link in its place is not followed (``SymlinkRefused``); not UTF-8 or malformed is ``SchemaError``.
    """
    path = os.path.join(root, FILE_NAME)
    with os_errors("read", path):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return NOTHING
        with os.fdopen(fd, "rb") as stream:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise SchemaError(f"{FILE_NAME} is not a regular file", path=path)
            data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise LimitExceeded(f"{FILE_NAME} is larger than {MAX_BYTES} bytes", path=path)
    try:
        return Ignore.parse(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise SchemaError(f"{FILE_NAME} is not UTF-8", path=path) from None


def _parse_rule(line: str) -> _Rule | None:
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
    return _Rule(tuple(None if part == "**" else _component(part) for part in parts), on_path, only_dirs, include)


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
