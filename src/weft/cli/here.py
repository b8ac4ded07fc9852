"""Paths as seen from where the user stands.

Records and JSON name paths from the top of the work tree; text that people read, and copy into the next command, names them
from the current directory, as ``git status`` does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from weft.errors import WeftError, quoted

_PATHS = """
absent accepted_paths along behind changed created edited file hooks inside kept lacking left left_out moved old_path
others outs path paths pointer pointers reads removed restored saved settled staged stale_paths uncommitted unread
unsaved unstaged untracked wdir writes
"""
_KEYS = "code left_out metrics not_run params plots reads writes wrong"
_TEXTS = "cause causes detail message notes reason stale"

PATHS = frozenset(_PATHS.split())
"""Fields of records that hold paths: one, or a tuple of them, or of pairs that begin with one."""
KEYS = frozenset(_KEYS.split())
"""Fields that map paths to something."""
TEXTS = frozenset(_TEXTS.split())
"""Fields with sentences, which may name paths."""
COMMANDS = frozenset(("hint", "mend", "following"))
"""Fields with commands that are copied, whose paths start at the top."""

OTHER = {
    "GetResult": PATHS,
    "QuarantineFile": PATHS,
    "Conflict": PATHS,
    "ImpactResult": frozenset(("path", "stale")),
}
"""Records whose fields of these names hold paths from elsewhere, or names of stages."""

_WORD = r"(?<![\w./:-])"
_OF_PATHS = re.compile(
    r"(?P<verb>(?<![\w-])(?:git (?:add|rm|restore|checkout|mv|sparse-checkout add)"
    r"|weft (?:add|checkout|resolve|fetch|pull|push|drop|rm|mv|status|diff|lock|unlock|verify)))"
    r"(?P<words>(?: (?:'(?:[^']|'\\'')*'|(?:[^\s'`,;:()]|:(?=/)|,(?=\S))+))+)"
)
"""A command that takes paths, and its words."""
_ARGUMENT = re.compile(r" ('(?:[^']|'\\'')*'|\S+)")
_PROSE = frozenset(
    ("and", "by", "for", "from", "if", "in", "into", "it", "once", "or", "that", "the", "then", "to", "with")
)
"""Where a command in a sentence ends."""


class Here:
    """The directory that the user stands in, as a path ``below`` the top of the work tree ``top``; "" at the top."""

    def __init__(self, top: str, below: str) -> None:
        self.top = top
        self.below = below
        self._inside = re.compile(rf"{_WORD}{re.escape(below)}/(?=[^\s,;:)])")
        self._itself = re.compile(rf"{_WORD}{re.escape(below)}/?(?=$|[\s,;:)'])")

    @classmethod
    def find(cls, start: str, environment: Mapping[str, str]) -> Here:
        """Where ``start`` is, found without asking Git: this is only about how paths are printed."""
        here = os.path.realpath(start)
        named = environment.get("GIT_WORK_TREE", "")
        top = os.path.realpath(os.path.join(here, named)) if named else here
        while not named and not os.path.lexists(os.path.join(top, ".git")):
            above = os.path.dirname(top)
            if above == top:
                return cls(here, "")
            top = above
        inside = here.startswith(top.rstrip(os.sep) + os.sep)
        return cls(top, here[len(top) :].strip(os.sep) if inside else "")

    def path(self, path: str) -> str:
        """``path``, which starts at the top, from here."""
        if not self.below or not path or path.startswith("/"):
            return path
        bare, slash = path.rstrip("/"), "/" if path.endswith("/") else ""
        if bare.startswith(self.below + "/"):
            return bare[len(self.below) + 1 :] + slash
        here, there = self.below.split("/"), bare.split("/")
        common = 0
        while common < min(len(here), len(there)) and here[common] == there[common]:
            common += 1
        return ("/".join([".."] * (len(here) - common) + there[common:]) or ".") + slash

    def text(self, text: str) -> str:
        """A sentence that names paths below here from the top, with the same paths from here."""
        if not self.below or self.below not in text:
            return text
        return self._itself.sub(".", self._inside.sub("", text))

    def commands(self, text: str, *, sure: bool = True) -> str:
        """A sentence with commands whose paths start at the top, with the same paths from here.

        Unless that is ``sure``, a word is only taken for such a path that is one of a file there, and of none here.
        """
        if not self.below:
            return text
        made, end = "", 0
        for found in _OF_PATHS.finditer(text):
            before, words = text[end : found.start()], self._words(found["verb"], found["words"], sure=sure)
            made += self.text(before) + found["verb"] + words
            end = found.end()
        return made + self.text(text[end:])

    def _words(self, verb: str, words: str, *, sure: bool) -> str:
        made, revision, prose = "", verb == "git checkout" and " -- " in words, False
        for word in _ARGUMENT.findall(words):
            bare = word[1:-1].replace("'\\''", "'") if word.startswith("'") else word
            prose = prose or (word in _PROSE)
            kept = prose or revision or word.startswith(("-", "<", "{", "/", ":", "$")) or bare.isupper()
            revision = revision and word != "--"
            if not kept and not sure:
                kept = not self._stands(self.top, bare) or self._stands(os.path.join(self.top, self.below), bare)
            made += " " + (self.text(word) if prose else word if kept else quoted(self.path(bare)))
        return made

    def error(self, error: WeftError) -> None:
        """Have an error and its hint name paths from here: those below, and the one that the error is about."""
        if not self.below:
            return
        path = error.path
        if path and self._stands(self.top, path) and not self._stands(os.path.join(self.top, self.below), path):
            word = re.compile(rf"{_WORD}{re.escape(path)}(?![\w-])")
            error.path = self.path(path)
            error.message, error.hint = (
                word.sub(lambda _: self.path(path), text) for text in (error.message, error.hint)
            )
        # Of what a sparse checkout leaves out nothing stands anywhere, and nobody typed it.
        left_out = "git sparse-checkout add" in error.hint
        error.message, error.hint = self.text(error.message), self.commands(error.hint, sure=left_out)

    def record(self, record: Any) -> Any:
        """``record`` with its paths from here, and those of the records in it."""
        return _changed(record, self) if self.below else record

    @staticmethod
    def _stands(directory: str, path: str) -> bool:
        place = os.path.join(directory, path)
        return os.path.lexists(place) or os.path.lexists(f"{place}.weft")


def _changed(value: Any, here: Here) -> Any:
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(_changed(item, here) for item in value)
    if isinstance(value, tuple) or (is_dataclass(value) and not isinstance(value, type)):
        return _of_record(value, here)
    if isinstance(value, Mapping):
        return {key: _changed(item, here) for key, item in value.items()}
    return value


def _of_record(record: Any, here: Here) -> Any:
    kind = type(record).__name__
    names = getattr(record, "_fields", None) or [item.name for item in fields(record)]
    changes = {}
    for name in names:
        old = getattr(record, name)
        new = _field(kind, name, old, here)
        if new is not old:
            changes[name] = new
    if kind == "FactRow" and record.section != "stages":
        changes["key"] = here.path(record.key)
    if kind == "Reason":
        changes["subject"] = here.text(record.subject)
    if not changes:
        return record
    return record._replace(**changes) if hasattr(record, "_replace") else replace(record, **changes)


def _field(kind: str, name: str, value: Any, here: Here) -> Any:
    if name in OTHER.get(kind, ()):
        return value
    if name in PATHS and isinstance(value, (str, tuple)) and not hasattr(value, "_fields"):
        return _paths(value, here, both=name == "moved")
    if name in KEYS and isinstance(value, Mapping):
        return {here.path(key): item for key, item in value.items()}
    if name in TEXTS and isinstance(value, (str, tuple)):
        return _texts(value, here, here.text)
    if name in COMMANDS and isinstance(value, (str, tuple)):
        return _texts(value, here, here.commands)
    return _changed(value, here)


def _paths(value: Any, here: Here, *, both: bool) -> Any:
    if isinstance(value, str):
        return here.path(value)
    made: list[Any] = []
    for item in value:
        if isinstance(item, str):
            made.append(here.path(item))
        elif type(item) is tuple and item and isinstance(item[0], str):
            rest = tuple(here.path(one) for one in item[1:]) if both else item[1:]
            made.append((here.path(item[0]), *rest))
        else:
            made.append(_changed(item, here))
    return tuple(made)


def _texts(value: Any, here: Here, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    return tuple(change(item) if isinstance(item, str) else _changed(item, here) for item in value)
