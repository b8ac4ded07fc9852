"""The path type: one gate for every path read from or written to a pointer, a manifest or the command line.

Two sets of rules (``docs/spec/paths.md``): *safe* names are required always and everywhere; *portable*
names are what every operating system can hold, asked for by ``portable: strict`` and by a checkout onto such a system.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from weft.errors import LimitExceeded, PathChars, PathEscape, PathReserved, PathSyntax

CONFIG_PATH = ".weft/config.yaml"
"""Where the committed configuration stands, relative to the root: a repository with this file is a project."""

FROM_TOP = ":/"
"""Begins a path of a command line that starts at the top of the work tree, wherever one stands."""

MAX_COMPONENT = 255
MAX_PATH = 4096

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*", re.ASCII)
_PLAIN_DATA = re.compile(_PLAIN.pattern + r"(?<!\.[wW][eE][fF][tT])", re.ASCII)
# Before Python 3.11.5 a possessive group goes on from where its last, failed turn ended, so that none is used here.
_PLAIN_TEXT = re.compile(r"[A-Za-z0-9_.\x00-]*+", re.ASCII)
_NOT_PLAIN = ("..", ".\0", "\0.", "\0-", "\0\0")
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\\\\\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_DRIVE = re.compile(r"[A-Za-z]:", re.ASCII)
# Code points that HFS+ drops when it compares names (the list of Git's utf8.c, is_hfs_dot_generic).
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_NOT_WINDOWS = re.compile(r'[<>:"|?*]')
_WINDOWS_STEMS = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"]
    + [f"{stem}{digit}" for stem in ("com", "lpt") for digit in "0123456789¹²³"]
)
_OWNED_BY_TOOLS = frozenset([".git", ".weft"])
_NTFS_SHORT_NAMES = re.compile(r"(?:git|weft|gi[0-9a-f]{4})~[0-9]+", re.ASCII)
_GIT_FILES = frozenset([".gitattributes", ".gitmodules"])


_RENAME = "rename it, or list it in .weftignore"


def _drive(name: str) -> PathEscape:
    hint = "rename it: no letter with a colon may come first"
    return PathEscape(f"the name {name!a} starts like a drive of Windows", hint=hint, path=name)


def _folded(name: str) -> str:
    """``name`` as HFS+ and NTFS may see it: ignorable code points, stream names and trailing dots and spaces gone."""
    name = _IGNORED_BY_HFS.sub("", name).split(":", 1)[0].rstrip(". ")
    return unicodedata.normalize("NFKC", name).casefold()


def _check_reserved(name: str) -> None:
    folded = _folded(name)
    if folded in _OWNED_BY_TOOLS or _NTFS_SHORT_NAMES.fullmatch(folded):
        raise PathReserved(
            f"the name {name!a} is reserved: Git or weft keeps its own files there",
            hint="list the directory that it lies in in .weftignore, or move it away",
            path=name,
        )


def check_component(name: str) -> str:
    """Return ``name`` if it is a safe name of one path component.

    Raises ``PathSyntax``, ``PathChars``, ``PathEscape``, ``PathReserved`` or ``LimitExceeded``.
    """
    if _PLAIN.fullmatch(name) and len(name) <= MAX_COMPONENT:
        return name
    if name in ("", "."):
        raise PathSyntax(f"a path component may not be {name!a}", path=name)
    if name == ".." or "/" in name or name.startswith("\\"):
        raise PathEscape(f"a path component may not be {name!a}", path=name)
    if _DRIVE.match(name):
        raise _drive(name)
    if _FORBIDDEN.search(name):
        raise PathChars(
            f"the name {name!a} holds a backslash, a control or bidi character, or is not UTF-8",
            hint=_RENAME,
            path=name,
        )
    if len(name.encode("utf-8")) > MAX_COMPONENT:
        raise LimitExceeded(f"a name is longer than {MAX_COMPONENT} bytes: {name[:60]!a}...", path=name)
    _check_reserved(name)
    return name


is_plain_data_name = _PLAIN_DATA.fullmatch
"""Truthy for the plain ASCII names that need no further look but at their length: the fast way for long listings."""


def check_data_name(name: str) -> str:
    """``check_component`` for a name inside tracked data, where Git's control files and pointers may not stand either."""
    if _PLAIN_DATA.fullmatch(name) and len(name) <= MAX_COMPONENT:
        return name
    check_component(name)
    folded = _folded(name)
    if folded in _GIT_FILES or folded.endswith(".weft"):
        raise PathReserved(
            f"{name!a} cannot be data: Git or weft would read it as its own",
            hint="name it in .weftignore, or rename it",
            path=name,
        )
    return name


class RepoPath(str):
    """A path relative to the root of the work tree, ``/``-separated, every component safe."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> RepoPath:
        """Check ``text`` by the safe rules. Raises the errors of ``check_component`` and ``PathEscape``."""
        if text.startswith(("/", "\\")) or (_DRIVE.match(text) and text[2:3] in ("/", "\\")):
            raise PathEscape(f"the path {text!a} is absolute", path=text)
        if _DRIVE.match(text):
            raise _drive(text.partition("/")[0])
        if _FORBIDDEN.search(text):
            raise PathChars(
                f"the path {text!a} holds a backslash, a control or bidi character, or is not UTF-8",
                hint=_RENAME,
                path=text,
            )
        if len(text.encode("utf-8")) > MAX_PATH:
            raise LimitExceeded(f"a path is longer than {MAX_PATH} bytes: {text[:60]!a}...", path=text)
        parts = text.split("/")
        if ".." in parts:
            raise PathEscape(f"the path {text!a} leaves its directory", path=text)
        if "" in parts or "." in parts:
            raise PathSyntax(f"the path {text!a} has an empty or '.' component", path=text)
        for part in parts:
            check_component(part)
        return cls(text)

    @property
    def name(self) -> str:
        """The last component."""
        return self.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """All but the last component; empty at the root."""
        return self.rpartition("/")[0]


def check_link_target(target: str, depth: int) -> str:
    """Return ``target`` if a link ``depth`` directories below the tracked root stays inside that root.

    ``..`` may stand only in front: behind a name that is itself a link it would leave from where that link leads. Raises
    ``PathEscape`` for absolute or leaving targets and the errors of ``check_component`` for unsafe components; callers
    that want ``SymlinkRefused`` make it of these.
    """
    if not target or target.startswith(("/", "\\")) or _DRIVE.match(target):
        raise PathEscape(f"the link target {target!a} is absolute or empty", path=target)
    names = 0
    for part in target.split("/"):
        if part == "..":
            depth -= 1
            if depth < 0 or names:
                raise PathEscape(f"the link target {target!a} may leave the tracked directory", path=target)
        elif part not in ("", "."):
            check_component(part)
            names += 1
    if len(target.encode("utf-8")) > MAX_PATH:
        raise LimitExceeded(f"a link target is longer than {MAX_PATH} bytes: {target[:60]!a}...", path=target)
    return target


def portable_problem(name: str) -> str:
    """Say why some operating system cannot hold ``name``; empty when all can."""
    if _PLAIN.fullmatch(name) and name.partition(".")[0].lower() not in _WINDOWS_STEMS:
        return ""
    if _NOT_WINDOWS.search(name):
        return 'holds one of <>:"|?*'
    if name.endswith((".", " ")):
        return "ends in a dot or a space"
    if name.partition(".")[0].rstrip(" ").lower() in _WINDOWS_STEMS:
        return "is a device name on Windows"
    if unicodedata.normalize("NFC", name) != name:
        return "is not in Unicode normal form C"
    return ""


def all_plain(names: Sequence[str]) -> bool:
    """True when a look at all of ``names`` together shows that they are ASCII letters, digits, ``_``, ``-`` and single dots,
    with no dot or hyphen first and no dot last; they may be too long, or end in ``.weft``. False is no proof."""
    text = "\0".join(["", *names, ""])
    if not names or text.count("\0") != len(names) + 1:
        return not names
    return _PLAIN_TEXT.fullmatch(text) is not None and not any(bad in text for bad in _NOT_PLAIN)


def all_portable(names: Sequence[str]) -> bool:
    """True when a look at all of ``names`` together shows that none has a ``portable_problem``; False is no proof."""
    if not all_plain(names):
        return False
    return _WINDOWS_STEMS.isdisjoint([name.partition(".")[0].lower() for name in names])


def fold_key(name: str) -> str:
    """The spelling under which a file system that ignores case and normalization keeps ``name``."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def seen_as(path: str) -> str:
    """One spelling for all paths that some file system takes for the same: APFS, HFS+, NTFS, whatever they leave out."""
    if path.isascii() and not any(mark in path for mark in (":", "~", "./", " /")) and path[-1:] not in (".", " "):
        return path.lower()
    parts = [_folded(part) for part in path.split("/")]
    return "/".join(".weft" if part == "weft~1" else part for part in parts)


def in_cache(path: str) -> bool:
    """True for what Python keeps of modules that it has compiled."""
    return "/__pycache__/" in f"/{path}"


def collisions(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names of one directory that NFC and full case folding cannot tell apart."""
    names = list(names)
    text = "/".join(names)
    if text.isascii() and len(set(text.lower().split("/"))) == len(names):
        return []
    seen: dict[str, str] = {}
    return [(first, name) for name in names if (first := seen.setdefault(fold_key(name), name)) != name]
